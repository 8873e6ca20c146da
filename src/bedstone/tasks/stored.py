"""Answers and scores as they are stored, for those that write and those that read."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from bedstone.store import tables
from bedstone.store.artifact import ABOUT, Shard
from bedstone.store.stage import Job
from bedstone.training.threads import using_threads

T = TypeVar("T")
Make = Callable[[Sequence[T]], list[dict[str, Any]]]
"""The rows of a part."""

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
    }
)
WAITS = pa.schema({"seconds": pa.float64()})
"""Beside the answers of an endpoint, row by row: see ``waits``."""
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


def write_parts(
    job: Job,
    schema: pa.Schema,
    parts: Sequence[Sequence[T]],
    threads: int,
    begin: Callable[[Sequence[Sequence[T]]], Make[T]],
    advance: Callable[[int], None],
) -> pa.Table:
    """All rows; a part that is not there yet is made, and written as soon as it is.

    Args:
        job: of the stage.
        schema: of the rows.
        parts: each is made at once.
        threads: so many are made side by side.
        begin: called with those that are missing, if any are.
        advance: called with the number of things of a part that is there.
    """
    firsts = accumulate(map(len, parts), initial=0)
    named = {part_name(first): part for first, part in zip(firsts, parts, strict=False)}
    missing = {name: part for name, part in named.items() if not job.has(name)}
    advance(sum(map(len, parts)) - sum(map(len, missing.values())))
    if missing:
        make = begin(list(missing.values()))

        def write(name: str) -> int:
            rows = make(named[name])
            if any("seconds" in row for row in rows):
                tables.write(job, f"{ABOUT}/{name}", pa.Table.from_pylist(rows, WAITS))
            tables.write(job, name, pa.Table.from_pylist(rows, schema))
            return len(named[name])

        # A part for each thread, not a matrix product for all.
        with using_threads(1), ThreadPoolExecutor(threads) as pool:
            for count in pool.map(write, missing):
                advance(count)
    return pa.concat_tables(pq.read_table(job.folder / name) for name in named)


def rows_of(stored: Shard) -> pa.Table:
    """All rows, in the order of what was asked and, of each, of the samples or the choices."""
    paths = [path for path in stored.files if path.suffix == ".parquet"]
    return pa.concat_tables(pq.read_table(path) for path in sorted(paths))
