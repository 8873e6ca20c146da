"""Records of a file in any of the forms that tests come in, and what their fields have to be.

JSON lines; CSV and TSV whose first line names the columns (``.gz`` too); Parquet; and lines of
plain text, each a record with ``line`` and its ``number``. A TSV without names, of texts and
numbers, has ``question`` and ``answer_number``. Nothing is taken from a file's name but its form.
"""

import csv
import json
from collections.abc import Iterator
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from bedstone.errors import DataError, printable
from bedstone.languages import ENGLISH, split
from bedstone.store import tables
from bedstone.store.lines import numbered_lines, object_of
from bedstone.tasks import problems
from bedstone.tasks.reading import LETTERS, signs_of

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
MOST_CHOICES = len(LETTERS)
MOST_ANSWERS = 100
MOST_CHARACTERS = 1 << 17
"""Of a text."""


class Record(NamedTuple):
    """What one line or row says."""

    where: str
    """``file:line``, for messages."""
    values: dict[str, Any]


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
    rows = _rows(path, delimiter)
    where, header = next(rows, ("", []))
    if delimiter == "\t" and len(header) == 2 and problems.NUMBER.fullmatch(header[-1]):
        rows, header = chain([(where, header)], rows), ["question", "answer_number"]
    if len(set(header)) < len(header) or len(header) > MOST_COLUMNS:
        told = f"these are no names of columns: {printable(', '.join(header[:20]))}"
        raise DataError(f"{where}: {told}", hint="the first line has them")
    for where, row in rows:
        if len(row) != len(header):
            raise DataError(f"{where}: {len(row)} cells where the first line has {len(header)}")
        yield Record(where, dict(zip(header, row, strict=True)))


def _rows(path: Path, delimiter: str) -> Iterator[tuple[str, list[str]]]:
    """The cells of each row, and where its last line is.

    Only in CSV may a cell have ends of lines, within quotes. A line of a TSV whose quotes do not
    pair as CSV's do has none: they are of its text.
    """
    lines, location = numbered_lines(path, MOST_BYTES), path.resolve()
    if delimiter == "\t":
        for number, line in lines:
            if text := line.rstrip("\r\n"):
                try:
                    row = next(csv.reader([text], delimiter=delimiter, strict=True))
                except csv.Error:
                    row = text.split(delimiter)
                yield f"{location}:{number}", row
        return
    reader = csv.reader((text for _, text in lines), strict=True)
    try:
        yield from ((f"{location}:{reader.line_num}", row) for row in reader if row)
    except csv.Error as error:
        raise DataError(f"{location}:{reader.line_num}: no row of CSV: {error}") from error


def _of_table(path: Path) -> Iterator[Record]:
    location, number = path.resolve(), 0
    with tables.reading(path), pq.ParquetFile(path) as file:
        if len(file.schema_arrow.names) > MOST_COLUMNS:
            raise DataError(f"{location}: more than {MOST_COLUMNS:,} columns")
        for batch in file.iter_batches(BATCH_ROWS):
            if batch.nbytes > BATCH_BYTES:
                told = f"more than {BATCH_BYTES:,} bytes in {len(batch):,} rows"
                raise DataError(f"{location}, row {number + 1:,}: {told}")
            for values in batch.to_pylist():
                number += 1
                yield Record(f"{location}, row {number}", values)


class Fields:
    """Of one record. Every method raises ``ValueError`` where a field is not as it has to be.

    Numbers are given as the language writes them; absent, as English does.
    """

    def __init__(self, values: dict[str, Any], language: str = ENGLISH) -> None:
        self.values, self.language = values, language
        self._decimal = signs_of(split(language)[0]).decimal

    def has(self, name: str) -> bool:
        """Whether it says anything."""
        return self.values.get(name) not in (None, "")

    def text(self, name: str) -> str:
        """Some text: blanks around it are none of it."""
        return self._spelt(name, self.values.get(name))

    def maybe(self, name: str) -> str | None:
        """Text, or None where there is none."""
        return self.text(name) if self.has(name) else None

    def whole(self, name: str) -> int:
        """A whole number."""
        value = self.values.get(name)
        found = value if isinstance(value, str) else _written(name, value)
        if not (found.isascii() and found.removesuffix(".0").isdecimal() and len(found) < 10):
            raise ValueError(f"{name!r} is no whole number")
        return int(found.removesuffix(".0"))

    def figure(self, name: str) -> str:
        """A number that is written as in English, in one spelling."""
        value = self.values.get(name)
        found = value.strip() if isinstance(value, str) else _written(name, value)
        if not problems.NUMBER.fullmatch(found):
            raise ValueError(f"{name!r} is no number")
        return problems.number(found).replace(".", self._decimal)

    def texts(self, name: str, most: int) -> tuple[str, ...]:
        """A list of texts; in a cell, as JSON."""
        value = self.values.get(name)
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                value = None
        if not isinstance(value, list):
            raise ValueError(f"{name!r} is no list")
        if len(value) > most:
            raise ValueError(f"{name!r} has {len(value):,} entries; {most} are the most")
        return tuple(self._spelt(name, each) for each in value)

    def _spelt(self, name: str, value: Any) -> str:
        if not isinstance(value, str):
            return _written(name, value).replace(".", self._decimal)
        if len(value) > MOST_CHARACTERS:
            most = f"{MOST_CHARACTERS:,} are the most"
            raise ValueError(f"{name!r} has {len(value):,} characters; {most}")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"{name!r} has half a character, a lone surrogate") from error
        if not (found := value.strip()):
            raise ValueError(f"{name!r} is empty")
        return found


def _written(name: str, value: Any) -> str:
    if value is None:
        raise ValueError(f"there is no {name!r}")
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # Beyond that an exponent would be written out, and nobody asks for such a number.
    if not is_number or not abs(value) < 2**63:
        raise ValueError(f"{name!r} is no text")
    return format(Decimal(repr(value)), "f")
