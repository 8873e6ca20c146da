"""Which tokens held-out text uses, and how many bytes of it a token stands for.

The closing token of each document is not counted: it stands for no text.
"""

from collections.abc import Iterable
from functools import reduce
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bedstone.errors import DataError
from bedstone.store.artifact import Shard
from bedstone.text.encoder import Encoder
from bedstone.tokenizer.stored.tokens import arrays_of, numbers_in

Ids = NDArray[np.int64]
NONE: Ids = np.empty(0, np.int64)


def used_ids(tokens: Shard, documents: pa.Table, split: str) -> dict[str, Ids]:
    """The ids that occur in each group's documents of the ``split``, ascending.

    Args:
        tokens: one shard of tokenizer.encode.
        documents: of that shard: ``language``, ``shard``, ``index``, ``split``, and ``group`` if
            they have any.
        split: the name of one.
    """
    found: dict[str, Ids] = {}
    for (group, language, _), numbers in numbers_in(documents, split).items():
        array, offsets = arrays_of(tokens, language)
        texts = [array[offsets[number] : offsets[number + 1] - 1] for number in numbers]
        ids = np.unique(np.concatenate(texts)).astype(np.int64)
        found[group] = np.union1d(found.get(group, NONE), ids)
    return found


def write_used(split: str, item: tuple[Path, Shard], path: Path) -> None:
    """Write ``used_ids`` of the shard whose documents are in a file, as Parquet."""
    documents, tokens = item
    used = used_ids(tokens, pq.read_table(documents), split)
    columns = {
        "group": pa.array(list(used), pa.string()),
        "ids": pa.array(list(used.values()), pa.list_(pa.int64())),
    }
    pq.write_table(pa.table(columns), path)


def read_used(paths: Iterable[Path]) -> dict[str, Ids]:
    """What ``write_used`` wrote of all shards."""
    found: dict[str, Ids] = {}
    for path in paths:
        for row in pq.read_table(path).to_pylist():
            found[row["group"]] = np.union1d(found.get(row["group"], NONE), row["ids"])
    return found


def together(ids: dict[str, Ids]) -> Ids:
    """The ids that occur in any of the languages, ascending."""
    return reduce(np.union1d, ids.values(), NONE)


def vocabulary(encoder: Encoder, used: Ids) -> dict[str, float]:
    """How many tokens stand for text, and how many of those are not ``used``.

    Raises:
        DataError: an id is not the tokeniser's.
    """
    if len(used) and used[-1] >= encoder.vocab_size:
        raise DataError(
            f"the tokens have an id {used[-1]}, the tokeniser has {encoder.vocab_size}",
            hint="give the tokenizer that the tokens were made with",
        )
    size = encoder.vocab_size - len(encoder.special)
    unseen = size - len(used)
    return {
        "vocabulary_tokens": size,
        "vocabulary_unseen_tokens": unseen,
        "vocabulary_unseen_share": unseen / size,
    }


def bytes_per_token(counts: dict[str, int], split: str) -> float | None:
    """Of a language's documents of the ``split``; None where they have no text."""
    tokens = counts[f"{split}_tokens"] - counts[f"{split}_documents"]
    return counts[f"{split}_bytes"] / tokens if tokens else None
