"""Tokens as they are stored: by shard and language, and the documents of a split."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bedstone.errors import DataError
from bedstone.store.artifact import Shard


def read_arrays(tokens: Shard, shard: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    """A language's tokens in one shard, mapped, and where each document begins.

    Raises:
        DataError: the tokens have no such shard.
    """
    if shard >= len(tokens.shards):
        raise DataError(f"the mix lists a shard {shard} that the tokens do not have")
    part = tokens.shards[shard]
    array = np.load(part.file(f"{name}.tokens.npy"), mmap_mode="r")
    return array, np.load(part.file(f"{name}.offsets.npy"))


def numbers_in(table: pa.Table, split: str) -> dict[tuple[str, int], np.ndarray]:
    """By language and shard: the numbers of a mix's documents of that ``split``, ascending."""
    table = table.filter(pc.equal(table["split"], split)).select(["language", "shard", "index"])
    grouped = table.group_by(["language", "shard"]).aggregate([("index", "list")])
    rows = sorted(grouped.to_pylist(), key=lambda row: (row["language"], row["shard"]))
    return {(row["language"], row["shard"]): np.sort(row["index_list"]) for row in rows}
