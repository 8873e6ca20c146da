"""Text versions: the same documents, in the same order, with parts of their texts left out.

A version is a table of documents like the one that it was made from, so that whatever reads
documents reads it too. A text may be left without a character; no row is dropped.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bedstone.errors import DataError, number_of
from bedstone.store import tables
from bedstone.store.artifact import File, Shard
from bedstone.store.stage import Job, Metrics
from bedstone.text.codes import Rewritten, Texts, batches, strings_of, texts_of

Bools = NDArray[np.bool_]
Rewriting = Callable[[Texts, int], Rewritten]
"""From texts, and the row of the first of them in its shard."""


def write_version(
    job: Job, name: str, documents: Shard, rewriting: Rewriting, passes: Bools | None = None
) -> tuple[File, Metrics]:
    """Write ``documents`` with their texts rewritten as the file ``name``; what was done to them.

    One that does not pass is left without text and headings, and counts for nothing.

    Raises:
        DataError: a column is missing, or a document has no text.
    """
    schema, none = schema_of(documents), pa.chunked_array([], pa.large_string())
    # Every name is counted, also if there is no document.
    counts = Counter(rewriting(texts_of(()), 0).counts | _sizes(none, none))
    with (
        job.part(name) as path,
        pq.ParquetWriter(path, schema, **tables.options(schema)) as writer,
    ):
        row = 0
        for table in row_groups(documents):
            if passes is not None:
                table = _emptied(table, passes[row : row + table.num_rows], counts)
            rewritten = _rewritten(table, row, rewriting, counts)
            counts.update(_sizes(table["text"], rewritten["text"]))
            writer.write_table(rewritten, tables.ROW_GROUP_ROWS)
            row += table.num_rows
    return job.record(name), dict(counts)


def passing(job: Job, table: pa.Table, role: str = "before") -> Bools:
    """Which documents the decision ``role`` keeps; without it, all.

    Raises:
        DataError: it is about others than ``table``.
    """
    if role not in job.inputs:
        return np.ones(table.num_rows, np.bool_)
    kept = tables.beside(job.inputs[role], table, ["keep"])["keep"]
    return np.array(kept.to_numpy(zero_copy_only=False), np.bool_)


def row_groups(documents: Shard, names: tuple[str, ...] | None = None) -> Iterator[pa.Table]:
    """The documents a row group at a time, or of their columns those with ``names``.

    Raises:
        DataError: a column is missing, or a document has no text.
    """
    path = tables.table_path(documents)
    tables.require(path, names or ("text",))
    with tables.reading(path), pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            for batch in file.iter_batches(tables.ROW_GROUP_ROWS, [group], names):
                table = pa.Table.from_batches([batch])
                if absent := table["text"].null_count:
                    raise DataError(f"{path}: no text in {number_of(absent, 'row')}")
                yield table


def schema_of(documents: Shard) -> pa.Schema:
    """The columns of documents, with texts of any length.

    Raises:
        DataError: it is no table of documents.
    """
    path = tables.table_path(documents)
    schema = tables.require(path, ("id", "url", "text", "headings"))
    return schema.set(schema.get_field_index("text"), pa.field("text", pa.large_string()))


def _emptied(table: pa.Table, passes: Bools, counts: Counter[str]) -> pa.Table:
    counts["input_documents"] -= int(np.sum(~passes))
    for name, nothing in (("text", ""), ("headings", [])):
        column, field = table[name], table.schema.field(name)
        values = pc.if_else(pa.array(passes), column, pa.scalar(nothing, field.type))
        table = table.set_column(table.schema.get_field_index(name), field, values)
    return table


def _rewritten(table: pa.Table, row: int, rewriting: Rewriting, counts: Counter[str]) -> pa.Table:
    texts, headings, start = [], [], 0
    old = table["headings"].combine_chunks()
    for batch in batches(table["text"]):
        made = rewriting(batch, row + start)
        counts.update(made.counts)
        texts.append(strings_of(made.texts))
        headings += renumbered(old.slice(start, len(batch)).to_pylist(), made)
        start += len(batch)
    changed = {
        "text": pa.chunked_array(texts, pa.large_string()),
        "headings": pa.array(headings, table.schema.field("headings").type),
    }
    return pa.table({name: changed.get(name, table[name]) for name in table.schema.names})


def renumbered(headings: list[list[int]], rewritten: Rewritten) -> list[list[int]]:
    """The numbers of the lines that are headings, among the lines that are left."""
    lines, found = rewritten.lines.tolist(), []
    for old, (first, behind) in zip(headings, pairwise(rewritten.firsts.tolist()), strict=True):
        wanted = set(old)
        left = lines[first:behind] if wanted else ()
        found.append([number for number, line in enumerate(left) if line in wanted])
    return found


def _sizes(before: pa.ChunkedArray, after: pa.ChunkedArray) -> dict[str, int]:
    """Documents and bytes, of the texts as they were and as they are."""
    old, new = (np.asarray(pc.binary_length(texts)) for texts in (before, after))
    return {
        "input_documents": len(old),
        "changed_documents": pc.sum(pc.not_equal(before, after), min_count=0).as_py(),
        "emptied_documents": int(np.sum((old > 0) & (new == 0))),
        "input_bytes": int(old.sum()),
        "kept_bytes": int(new.sum()),
    }


def total(sums: Metrics) -> Metrics:
    """The shards' counts, and the share of the bytes that is left."""
    return sums | {"kept_bytes_share": sums["kept_bytes"] / max(sums["input_bytes"], 1)}
