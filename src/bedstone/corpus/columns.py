"""Tables on disk: a shard of a tabular stage is one Parquet file, a row for each document.

All tables about one shard of documents have its rows in its order, so that their columns can
stand side by side without a join; ``id`` is in each, to prove it.
"""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bedstone.artifact import File, Shard
from bedstone.errors import DataError
from bedstone.stage import Job

ROW_GROUP_ROWS = 16_384
"""Some 64 MB of web text: what a reader of single columns has to hold at a time."""


def read(shard: Shard, required: Sequence[str], nullable: Sequence[str] = ()) -> pa.Table:
    """The columns ``required`` and ``nullable`` of the shard's table, in that order.

    Raises:
        DataError: the shard has no table or more than one, it is no Parquet, a column is not
            there, or a row has no value in a column that is ``required``.
    """
    path = table_path(shard)
    wanted = [*required, *nullable]
    try:
        present = pq.read_schema(path).names
        if missing := sorted(set(wanted) - set(present)):
            raise DataError(f"{path} has no column {', '.join(missing)}, only {present}")
        table = pq.read_table(path, columns=wanted, partitioning=None)
    except pa.ArrowInvalid as error:
        raise DataError(f"{path}: no Parquet: {error}") from error
    for name in required:
        if absent := table[name].null_count:
            raise DataError(f"{path}: {absent} rows have no {name}")
    return table


def beside(shard: Shard, table: pa.Table, required: Sequence[str]) -> pa.Table:
    """As ``read``, with the same rows in the same order as ``table``.

    Raises:
        DataError: the ids differ, or what ``read`` raises.
    """
    columns = read(shard, [*required, *({"id"} - set(required))])
    if not columns["id"].combine_chunks().equals(table["id"].combine_chunks()):
        raise DataError(
            f"{table_path(shard)} is about other documents",
            hint="all inputs of a stage must descend from the same documents",
        )
    return columns


def table_path(shard: Shard) -> Path:
    """The Parquet file at the shard's top: what it holds in folders is not about documents.

    Raises:
        DataError: there is none, or more than one.
    """
    tables = [path for path in shard.files if path.suffix == ".parquet"]
    depth = min((len(path.parts) for path in tables), default=0)
    top = [path for path in tables if len(path.parts) == depth]
    if len(top) != 1:
        raise DataError(f"{shard.location} holds {len(top)} tables where one was expected")
    return top[0]


def write(job: Job, name: str, table: pa.Table) -> File:
    """Write ``table`` as the file ``name`` of the artifact, and return its record."""
    with job.part(name) as path:
        pq.write_table(table, path, compression="zstd", row_group_size=ROW_GROUP_ROWS)
    return job.record(name)
