"""Answers and scores as they are stored, for those that write and those that read."""

import pyarrow as pa
import pyarrow.parquet as pq

from bedstone.store.artifact import Shard

ANSWERS = pa.schema(
    {
        "problem": pa.string(),
        "sample": pa.int32(),
        "prompt": pa.large_string(),
        "text": pa.large_string(),
        "token_ids": pa.list_(pa.int32()),
        "logprob": pa.float64(),
        "sampling_logprob": pa.float64(),
        "finish_reason": pa.string(),
        "prompt_tokens": pa.int32(),
        "completion_tokens": pa.int32(),
        "boundary_draws": pa.int32(),
        "seconds": pa.float64(),
    }
)
SCORES = pa.schema(
    {
        "item": pa.string(),
        "choice": pa.int32(),
        "logprob": pa.float64(),
        "alone_logprob": pa.float64(),
        "tokens": pa.int32(),
        "prompt_tokens": pa.int32(),
        "is_split": pa.bool_(),
        "is_cut": pa.bool_(),
    }
)
"""A row for each choice of an item, and one for a text. ``logprob``, natural, is of delimiter and
choice after the prompt, or of a text after nothing. ``alone_logprob`` is of delimiter and choice
after nothing; null for a text, and where an endpoint does not tell it. ``tokens`` are those of the
choice. ``is_split``: a token would span the border to the prompt. ``is_cut``: the prompt has lost
its first tokens, for the model's texts are shorter."""


def part_name(first: int) -> str:
    """Of the part that begins with this problem of the block."""
    return f"parts/{first:06}.parquet"


def rows_of(stored: Shard) -> pa.Table:
    """All rows, in the order of what was asked and, of each, of the samples or the choices."""
    paths = [path for path in stored.files if path.suffix == ".parquet"]
    return pa.concat_tables(pq.read_table(path) for path in sorted(paths))
