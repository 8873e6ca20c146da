"""Tables on disk: a shard of a tabular stage is one Parquet file, a row for each document.

All tables about one shard of documents have its rows in its order, so that their columns can
stand side by side without a join; ``id`` is in each, to prove it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bedstone.errors import ArtifactError, DataError, number_of
from bedstone.store.artifact import File, Shard
from bedstone.store.stage import Job

ROW_GROUP_ROWS = 16_384
ROW_GROUP_CHARACTERS = 1 << 22
"""What a reader has to hold at a time: so many rows, or fewer with so much text. A row has its own
whatever it takes."""


def read(shard: Shard, required: Sequence[str], nullable: Sequence[str] = ()) -> pa.Table:
    """The columns ``required`` and ``nullable`` of the shard's table, in that order.

    Raises:
        DataError: the shard has no table or more than one, it is no Parquet, a column is not
            there, or a row has no value in a column that is ``required``.
    """
    path = table_path(shard)
    wanted = [*required, *nullable]
    require(path, wanted)
    with reading(path):
        table = pq.read_table(path, columns=wanted, partitioning=None)
    for name in required:
        if absent := table[name].null_count:
            raise DataError(f"{path}: no {name} in {number_of(absent, 'row')}")
    return table


def beside(
    shard: Shard, table: pa.Table, required: Sequence[str], nullable: Sequence[str] = ()
) -> pa.Table:
    """As ``read``, with the same rows in the same order as ``table``.

    Raises:
        DataError: the ids differ, or what ``read`` raises.
    """
    known = [*required, *({"id"} - set(required))]
    columns = read(shard, known, [name for name in nullable if name not in known])
    if not columns["id"].combine_chunks().equals(table["id"].combine_chunks()):
        raise DataError(
            f"{table_path(shard)} is about other documents",
            hint="all inputs of a stage must descend from the same documents",
        )
    return columns


def together(*inputs: Shard) -> list[tuple[Shard, ...]]:
    """The shards of several inputs of a stage that reads them all, side by side.

    Raises:
        ArtifactError: they have not equally many.
    """
    shards = [each.shards for each in inputs]
    if len(counts := {len(each) for each in shards}) > 1:
        raise ArtifactError(
            f"inputs of {sorted(counts)} shards",
            hint="these inputs are read together: they must come from the same documents",
        )
    return list(zip(*shards, strict=True))


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


class Rows:
    """A table that is written while its rows come: no more than a row group's are held."""

    def __init__(self, schema: pa.Schema, path: Path) -> None:
        self._schema = schema
        self._file = pq.ParquetWriter(path, schema, **options(schema))
        self._rows: list[Sequence[Any]] = []
        self._characters = self._groups = 0

    def append(self, row: Sequence[Any]) -> None:
        """Add a row: its values in the schema's order."""
        self._rows.append(row)
        self._characters += sum(len(value) for value in row if isinstance(value, str))
        if len(self._rows) >= ROW_GROUP_ROWS or self._characters >= ROW_GROUP_CHARACTERS:
            self._flush()

    def extend(self, rows: pa.Table) -> None:
        """Write ``rows`` as row groups of their own."""
        self._groups += 1
        self._file.write_table(rows, ROW_GROUP_ROWS)

    def close(self) -> None:
        """Write what is left, and the file's end. A table without rows has one empty group."""
        if self._rows or not self._groups:
            self._flush()
        self._file.close()

    def _flush(self) -> None:
        columns = zip(*self._rows, strict=True) if self._rows else [()] * len(self._schema)
        arrays = [
            pa.array(values, field.type)
            for values, field in zip(columns, self._schema, strict=True)
        ]
        self._rows.clear()
        self._characters = 0
        self.extend(pa.Table.from_arrays(arrays, schema=self._schema))


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """While the table at ``path`` is being read: what pyarrow finds wrong with it names it.

    Raises:
        DataError: it is damaged, or no Parquet.
    """
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path.resolve()}: no Parquet, or a damaged one: {' '.join(str(error).split())}",
            hint="copy it or write it anew",
        ) from error


def schema(path: Path) -> pa.Schema:
    """The columns of the table at ``path``.

    Raises:
        DataError: it is damaged, or no Parquet.
    """
    with reading(path):
        return pq.read_schema(path)


def require(path: Path, names: Sequence[str]) -> pa.Schema:
    """The columns of the table at ``path``.

    Raises:
        DataError: those with ``names`` are not all there, or what ``schema`` raises.
    """
    present = schema(path)
    if missing := sorted(set(names) - set(present.names)):
        raise DataError(f"{path} has no column {', '.join(missing)}, only {present.names}")
    return present


@contextmanager
def writing(job: Job, name: str, schema: pa.Schema) -> Iterator[Rows]:
    """What takes the rows of the file ``name``, which is as ``write`` would write it."""
    with job.part(name) as path:
        rows = Rows(schema, path)
        try:
            yield rows
        finally:
            rows.close()


def write(job: Job, name: str, table: pa.Table) -> File:
    """Write ``table`` as the file ``name`` of the artifact, and return its record."""
    with job.part(name) as path:
        pq.write_table(table, path, row_group_size=ROW_GROUP_ROWS, **options(table.schema))
    return job.record(name)


def of_numbers(
    numbers: NDArray[np.uint64], present: NDArray[np.bool_] | None = None
) -> pa.FixedSizeBinaryArray:
    """A value for each row of ``numbers``, null where it is not ``present``."""
    validity = None if present is None else pa.array(present).buffers()[1]
    data = pa.py_buffer(np.ascontiguousarray(numbers, "<u8"))
    type_ = pa.binary(8 * numbers.shape[1])
    return pa.FixedSizeBinaryArray.from_buffers(type_, len(numbers), [validity, data])


def numbers_of(column: pa.ChunkedArray) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """The way back: a row for each value, of zeros for null; and which values are present."""
    values = column.combine_chunks()
    present = values.is_valid().to_numpy(zero_copy_only=False)
    width = values.type.byte_width // 8
    numbers = np.frombuffer(values.buffers()[1], "<u8")[values.offset * width :]
    numbers = numbers[: len(values) * width].reshape(-1, width)
    return np.where(present[:, None], numbers, np.uint64(0)), present


def options(schema: pa.Schema) -> dict[str, Any]:
    """How a table of these columns is written."""
    # Only strings recur: to look for other values that do takes longer than to write them.
    strings = [field.name for field in schema if pa.types.is_string(field.type)]
    return {"compression": "zstd", "use_dictionary": strings}
