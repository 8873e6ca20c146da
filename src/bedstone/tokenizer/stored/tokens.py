"""Tokens as they are stored: by shard and language, and the documents of a split."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bedstone.errors import DataError
from bedstone.store.artifact import Shard

PLACE = ("group", "language", "shard")
"""Where a document's tokens are, and what they are weighed with."""


def read_arrays(tokens: Shard, shard: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    """A language's tokens in one shard, mapped, and where each document begins.

    Raises:
        DataError: the tokens have no such shard.
    """
    if shard >= len(tokens.shards):
        raise DataError(f"the mix lists a shard {shard} that the tokens do not have")
    return arrays_of(tokens.shards[shard], name)


def arrays_of(part: Shard, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The same of the shard itself."""
    array = np.load(part.file(f"{name}.tokens.npy"), mmap_mode="r")
    return array, np.load(part.file(f"{name}.offsets.npy"))


def numbers_in(table: pa.Table, split: str) -> dict[tuple[str, str, int], np.ndarray]:
    """By group, language and shard: the numbers of a mix's documents of that ``split``, ascending.

    Without groups, languages are those.
    """
    table = with_groups(table.filter(pc.equal(table["split"], split)))
    grouped = table.group_by(list(PLACE)).aggregate([("index", "list")])
    rows = sorted(grouped.to_pylist(), key=lambda row: tuple(row[name] for name in PLACE))
    return {tuple(row[name] for name in PLACE): np.sort(row["index_list"]) for row in rows}


def with_groups(table: pa.Table) -> pa.Table:
    """A mix's documents, where it has no groups with the languages as such."""
    if "group" in table.column_names:
        return table
    return table.append_column("group", table["language"])
