"""Records of a file in any of the forms that tests come in.

JSON lines; CSV and TSV whose first line names the columns (``.gz`` too); Parquet; and lines of
plain text, each a record with ``line`` and its ``number``. A TSV without names, of texts and
numbers, has ``question`` and ``answer_number``. Nothing is taken from a file's name but its form.
"""

import csv
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from bedstone.errors import DataError, printable
from bedstone.store import tables
from bedstone.store.lines import numbered_lines, object_of
from bedstone.tasks.problems import NUMBER

JSON_LINES = (".jsonl", ".ndjson")
DELIMITED = {".csv": ",", ".tsv": "\t"}
TABLE = ".parquet"
TEXTS = (".txt", ".dev", ".devtest")
MOST_BYTES = 1 << 30
"""Of a file, unpacked."""
MOST_COLUMNS = 1_000
BATCH_ROWS = 256
BATCH_BYTES = 1 << 26
"""Of so many rows of a table: a value can stand for thousands."""
HEADERLESS = ("question", "answer_number")


class Record(NamedTuple):
    """What one line or row says."""

    where: str
    """``file:line``, for messages."""
    values: dict[str, Any]
    """By the names of fields."""


def is_read(name: str) -> bool:
    """Whether a file of this name is in one of the forms."""
    return _form(name) in (*JSON_LINES, *DELIMITED, TABLE, *TEXTS)


def records_of(path: Path) -> Iterator[Record]:
    """The records of a file.

    Raises:
        DataError: it cannot be read to its end, is too large, or a line is no record.
    """
    form = _form(path.name)
    if form == TABLE:
        return _of_table(path)
    if form in DELIMITED:
        return _of_cells(path, DELIMITED[form])
    return _of_lines(path, is_json=form in JSON_LINES)


def _form(name: str) -> str:
    return Path(name.lower().removesuffix(".gz")).suffix


def _of_lines(path: Path, *, is_json: bool) -> Iterator[Record]:
    location = path.resolve()
    for number, line in numbered_lines(path, MOST_BYTES):
        if not line.isspace():
            where, text = f"{location}:{number}", {"line": line, "number": number}
            yield Record(where, object_of(line, where) if is_json else text)


def _of_cells(path: Path, delimiter: str) -> Iterator[Record]:
    rows, location = _rows(path, delimiter), path.resolve()
    number, header = next(rows, (0, []))
    if delimiter == "\t" and len(header) == len(HEADERLESS) and NUMBER.fullmatch(header[-1]):
        rows, header = chain([(number, header)], rows), list(HEADERLESS)
    if len(set(header)) < len(header) or len(header) > MOST_COLUMNS:
        names = printable(", ".join(header[:20]))
        raise DataError(
            f"{location}:{number}: these are no names of columns: {names}",
            hint="the first line has them",
        )
    for number, row in rows:
        where = f"{location}:{number}"
        if len(row) != len(header):
            raise DataError(f"{where}: {len(row)} cells where the first line has {len(header)}")
        yield Record(where, dict(zip(header, row, strict=True)))


def _rows(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The cells of each row, with its last line's number.

    Only in CSV may a cell have ends of lines, within quotes. A line of a TSV whose quotes do not
    pair as CSV's do has none: they are of its text.
    """
    lines = numbered_lines(path, MOST_BYTES)
    if delimiter == "\t":
        for number, line in lines:
            if text := line.rstrip("\r\n"):
                try:
                    yield number, next(csv.reader([text], delimiter=delimiter, strict=True))
                except csv.Error:
                    yield number, text.split(delimiter)
        return
    reader = csv.reader((text for _, text in lines), strict=True)
    try:
        yield from ((reader.line_num, row) for row in reader if row)
    except csv.Error as error:
        where = f"{path.resolve()}:{reader.line_num}"
        raise DataError(f"{where}: no row of CSV: {error}") from error


def _of_table(path: Path) -> Iterator[Record]:
    location, number = path.resolve(), 0
    with tables.reading(path), pq.ParquetFile(path) as file:
        if len(file.schema_arrow.names) > MOST_COLUMNS:
            raise DataError(f"{location}: more than {MOST_COLUMNS:,} columns")
        for batch in file.iter_batches(BATCH_ROWS):
            if batch.nbytes > BATCH_BYTES:
                raise DataError(
                    f"{location}, row {number + 1:,}: more than {BATCH_BYTES:,} bytes in "
                    f"{len(batch):,} rows"
                )
            for values in batch.to_pylist():
                number += 1
                yield Record(f"{location}, row {number}", values)
