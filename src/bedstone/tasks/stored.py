"""Answers as they are stored: which file holds what, for those that write and those that read."""

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


def part_name(first: int) -> str:
    """Of the part that begins with this problem of the block."""
    return f"parts/{first:06}.parquet"


def rows_of(answers: Shard) -> pa.Table:
    """All rows, in the order of the problems and, of each, of the samples."""
    paths = [path for path in answers.files if path.suffix == ".parquet"]
    return pa.concat_tables(pq.read_table(path) for path in sorted(paths))
