"""Records of a file in any of the forms that tests come in.

JSON lines; CSV and TSV whose first line names the columns (``.gz`` too); Parquet; and lines of
plain text, each a record with ``line`` and its ``number``. A TSV without names, of texts and
numbers, has ``question`` and ``answer_number``. Nothing is taken from a file's name but its form.
"""

import csv
import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from bedstone.errors import DataError, printable
from bedstone.store import tables
from bedstone.store.lines import numbered_lines
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
    lines = _bounded(path)
    if form in DELIMITED:
        return _of_cells(lines, DELIMITED[form])
    read = _object if form in JSON_LINES else _text
    return (Record(where, read(where, text)) for where, text in lines if not text.isspace())


def _form(name: str) -> str:
    return Path(name.lower().removesuffix(".gz")).suffix


def _bounded(path: Path) -> Iterator[tuple[str, str]]:
    """Each line as text, and where it is."""
    location, taken = path.resolve(), 0
    for number, line in numbered_lines(path):
        where, taken = f"{location}:{number}", taken + len(line)
        if taken > MOST_BYTES:
            raise DataError(f"{where}: more than {MOST_BYTES:,} bytes", hint="give it in parts")
        try:
            yield where, line.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(f"{where}: no UTF-8", hint="write the file as UTF-8") from error


def _object(where: str, text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: no JSON", hint="one object a line") from error
    if not isinstance(values, dict):
        raise DataError(f"{where}: no table of names and values", hint="one object a line")
    return values


def _text(where: str, text: str) -> dict[str, Any]:
    return {"line": text.strip(), "number": where.rpartition(":")[2]}


def _of_cells(lines: Iterator[tuple[str, str]], delimiter: str) -> Iterator[Record]:
    rows = _rows(lines, delimiter)
    where, header = next(rows, ("", []))
    if not where:
        return
    if delimiter == "\t" and len(header) == len(HEADERLESS) and NUMBER.fullmatch(header[-1]):
        rows, header = chain([(where, header)], rows), list(HEADERLESS)
    if len(set(header)) < len(header) or len(header) > MOST_COLUMNS:
        names = printable(", ".join(header[:20]))
        raise DataError(
            f"{where}: these are no names of columns: {names}", hint="the first line has them"
        )
    for where, row in rows:
        if len(row) != len(header):
            raise DataError(f"{where}: {len(row)} cells where the first line has {len(header)}")
        yield Record(where, dict(zip(header, row, strict=True)))


def _rows(lines: Iterator[tuple[str, str]], delimiter: str) -> Iterator[tuple[str, list[str]]]:
    """The cells of each row. Only in CSV may a cell have ends of lines, within quotes.

    A line of a TSV whose quotes do not pair as CSV's do has none: they are of its text.
    """
    if delimiter == "\t":
        for where, line in lines:
            if not (text := line.rstrip("\r\n")):
                continue
            try:
                yield where, next(csv.reader([text], delimiter=delimiter, strict=True))
            except csv.Error:
                yield where, text.split(delimiter)
        return
    place = [""]
    reader = csv.reader(_noting(lines, place), strict=True)
    try:
        yield from ((place[0], row) for row in reader if row)
    except csv.Error as error:
        raise DataError(f"{place[0]}: no row of CSV: {error}") from error


def _noting(lines: Iterator[tuple[str, str]], place: list[str]) -> Iterator[str]:
    """The lines' text; where the last one is, ``place`` says."""
    for where, text in lines:
        place[0] = where
        yield text


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
