"""Which tokens held-out text uses, and how many bytes of it a token stands for.

The closing token of each document is not counted: it stands for no text.
"""

from functools import reduce

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bedstone.errors import DataError
from bedstone.store.artifact import Shard
from bedstone.text.encoder import Encoder
from bedstone.tokenizer.stored.tokens import numbers_in, read_arrays

Ids = NDArray[np.int64]
NONE: Ids = np.empty(0, np.int64)


def used_ids(tokens: Shard, documents: pa.Table, split: str) -> dict[str, Ids]:
    """The ids that occur in each group's documents of the ``split``, ascending.

    Args:
        tokens: of tokenizer.encode.
        documents: ``language``, ``shard``, ``index``, ``split``, and ``group`` if they have any.
        split: the name of one.
    """
    found: dict[str, Ids] = {}
    for (group, language, shard), numbers in numbers_in(documents, split).items():
        array, offsets = read_arrays(tokens, shard, language)
        texts = [array[offsets[number] : offsets[number + 1] - 1] for number in numbers]
        ids = np.unique(np.concatenate(texts)).astype(np.int64)
        found[group] = np.union1d(found.get(group, NONE), ids)
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
