"""Tables of URLs and votes, as others made them: CSV, TSV (both plain or gzip) and Parquet.

The first line of CSV and TSV names the columns. A row that cannot be read, has no URL or no number
counts for nothing, with its reason, and the rest is read on.
"""

import csv
import gzip
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import pyarrow as pa
import pyarrow.parquet as pq

from bedstone.corpus.links.addresses import listed_key, strict_key
from bedstone.errors import DataError, printable

DELIMITED = {".csv": ",", ".tsv": "\t", ".csv.gz": ",", ".tsv.gz": "\t"}
ENDINGS = (*DELIMITED, ".parquet")
BATCH_ROWS = 1 << 14
ROW_BYTES = 1 << 20
"""Of a longer row no more is held."""
MAX_VOTES = 2.0**53
"""Either way: sums of whole numbers stay exact."""
REASONS = ("row", "no_url", "no_number")
ABSENT = object()
"""In the place of a row that cannot be read."""

Keying = Callable[[str], str | None]


class Columns(NamedTuple):
    """What is read of a table."""

    url: str
    votes: str | None
    """None where a row counts as one vote."""


class Ballot(NamedTuple):
    """A row."""

    number: int
    """From 1."""
    key: str
    votes: float
    reason: str
    """Why it does not count; empty if it does."""


def ballots(path: Path, columns: Columns, *, by_host: bool) -> Iterator[Ballot]:
    """The rows of a table, with strict keys.

    Args:
        path: of the table.
        columns: its columns.
        by_host: whether a URL may be a host alone.

    Raises:
        DataError: the table cannot be read to its end, or lacks a column.
    """
    keying = listed_key if by_host else strict_key
    rows = _of_parquet if path.name.lower().endswith(".parquet") else _of_lines
    try:
        for number, (url, votes) in enumerate(rows(path, columns), 1):
            yield _ballot(number, url, votes, keying)
    except (OSError, EOFError, pa.ArrowException) as error:
        told = str(error).removeprefix("None: ") or type(error).__name__
        raise DataError(f"{path.resolve()}: cannot be read to its end: {told}") from error


def _ballot(number: int, url: Any, votes: Any, keying: Keying) -> Ballot:
    if votes is ABSENT:
        return Ballot(number, "", 0.0, "row")
    told = url.strip() if isinstance(url, str) else ""
    # With a line's end in it, it is what stands between two stray quotes.
    key = None if "\n" in told else keying(told)
    if key is None:
        return Ballot(number, "", 0.0, "no_url")
    if (value := _number(votes)) is None:
        return Ballot(number, "", 0.0, "no_number")
    return Ballot(number, key, value, "")


def _number(value: Any) -> float | None:
    if value is None or (isinstance(value, str) and "_" in value):  # Python's own numbers
        return None
    try:
        found = float(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return found if math.isfinite(found) and abs(found) <= MAX_VOTES else None


def _of_lines(path: Path, columns: Columns) -> Iterator[tuple[Any, Any]]:
    name = path.name.lower()
    delimiter = next(sign for ending, sign in DELIMITED.items() if name.endswith(ending))
    opened = gzip.open if name.endswith(".gz") else open
    with opened(path, "rb") as file:
        rows = _rows(cast(IO[bytes], file), delimiter)
        header = next(rows, [])
        if not header:
            told = "is too long" if header is None else "is empty"
            raise DataError(
                f"{path.resolve()}: the first line {told}", hint="it has the names of the columns"
            )
        at = [_place(header, column, path) for column in columns if column is not None]
        for row in rows:
            if row is not None and max(at) < len(row):
                yield row[at[0]], row[at[1]] if len(at) > 1 else 1
            elif row != []:  # a blank line is none
                yield "", ABSENT


class _Lines:
    """A file's lines as text, for one that puts rows together and says when it has one."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._encoding = file, "utf-8-sig"
        self.bytes = 0
        """Since the last row."""

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._file.readline(ROW_BYTES + 1)
        if not line:
            raise StopIteration
        self.bytes += len(line)
        if self.bytes > ROW_BYTES:
            while line and not line.endswith(b"\n"):
                line = self._file.readline(ROW_BYTES)
            raise csv.Error
        text = line.decode(self._encoding, "replace")
        self._encoding = "utf-8"
        return text


def _rows(file: IO[bytes], delimiter: str) -> Iterator[list[str] | None]:
    """The rows, None in the place of each that has no end."""
    lines = _Lines(file)
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        lines.bytes = 0
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:  # what comes behind it is read on
            yield None


def _of_parquet(path: Path, columns: Columns) -> Iterator[tuple[Any, Any]]:
    with pq.ParquetFile(path) as file:
        present = file.schema_arrow.names
        names = [name for name in columns if name is not None]
        for name in names:
            _place(present, name, path)
        for batch in file.iter_batches(BATCH_ROWS, columns=names):
            urls, *votes = (batch.column(name).to_pylist() for name in names)
            yield from zip(urls, votes[0] if votes else [1] * len(urls), strict=True)


def _place(present: list[str], wanted: str, path: Path) -> int:
    if wanted in present:
        return present.index(wanted)
    raise DataError(
        f"{path.resolve()} has no column {wanted!r}, only {printable(', '.join(present[:20]))}",
        hint="name its columns in url_column and votes_column; the first line has the names",
    )
