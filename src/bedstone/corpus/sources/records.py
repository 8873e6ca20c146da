"""Texts that others have taken out already: rows of tables, and files of one text each.

A text is taken as it is, in Unicode's form NFC, without controls. Lone surrogates, which JSON can
spell, become U+FFFD; lines end in line feeds, whatever they ended in.
"""

import gzip
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import pyarrow as pa
import pyarrow.parquet as pq

from bedstone.config import assignment
from bedstone.corpus.web import charsets
from bedstone.errors import DataError
from bedstone.text.composition import legible

LINES = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
TABLES = (*LINES, ".parquet")
BATCH_ROWS = 1_024
"""Of a Parquet file, held at a time."""
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
MAX_NAMES = 20
"""Of columns that are remembered, to be told of."""
TEXT_COLUMN = "text_column"
"""The key of corpus.extract's config that names the column."""

IsTaken = Callable[[int], bool]
"""Whether the record of this number is wanted."""


@dataclass(frozen=True, slots=True)
class Fields:
    """What is read of a table's row."""

    text: str
    url: str
    max_bytes: int
    """Of a record; of a file of one text too."""


class Record(NamedTuple):
    """A row of a table, or a file."""

    number: int
    """Of the row, of the line that is not blank, or of the file, from 0."""
    url: str
    text: str
    charset: str
    replaced: int
    """How many U+FFFD stand for what is no text."""
    reason: str
    """Why it gives no document; empty if it does."""
    bytes: int


def of_table(path: Path, fields: Fields, is_taken: IsTaken) -> Iterator[Record | None]:
    """The records of a table, None in the place of each that is not taken.

    Raises:
        DataError: the file cannot be read, or none of its records has a column of that name.
    """
    rows = _of_lines if path.name.lower().endswith(LINES) else _of_parquet
    try:
        yield from rows(path, fields, is_taken)
    except (OSError, EOFError, UnicodeDecodeError, pa.ArrowException) as error:
        told = str(error).removeprefix("None: ") or type(error).__name__
        raise DataError(f"{path.resolve()}: cannot be read to its end: {told}") from error


def of_file(number: int, path: Path, name: str, max_bytes: int) -> Record:
    """The text of a file, which is UTF-8 or what it looks like; its name stands for a URL.

    Raises:
        DataError: the file cannot be read.
    """
    body, size = contents(path, max_bytes)
    if size > max_bytes:
        return _without_text(number, name, "too_large", size)
    read = charsets.decode(body)
    text = legible(read.text)
    if not text.strip():
        return _without_text(number, name, "no_text", size)
    return Record(number, name, text, read.charset, read.replaced, "", size)


def _without_text(number: int, url: str, reason: str, size: int) -> Record:
    return Record(number, url, "", "", 0, reason, size)


def contents(path: Path, max_bytes: int) -> tuple[bytes, int]:
    """What a file holds, up to a byte more than ``max_bytes``, and its size.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(max_bytes + 1), path.stat().st_size
    except OSError as error:
        raise DataError(f"{path.resolve()}: cannot be read: {error}") from error


def _of_lines(path: Path, fields: Fields, is_taken: IsTaken) -> Iterator[Record | None]:
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    seen = _Seen(path, fields.text)
    with opened(path, "rb") as file:
        for number, (line, size) in enumerate(_lines(cast(IO[bytes], file), fields.max_bytes)):
            if not is_taken(number):
                yield None
            elif line is None:
                yield _without_text(number, "", "too_large", size)
            elif (values := _values(line)) is None:
                yield _without_text(number, "", "no_json", size)
            else:
                seen.note(values)
                yield _record(number, values, fields)
    if seen.lacks_wanted:
        raise seen.absent()


def _lines(file: IO[bytes], max_bytes: int) -> Iterator[tuple[bytes | None, int]]:
    """Each line that is not blank, or None of one that is too long, and its size."""
    while line := file.readline(max_bytes + 1):
        size = len(line)
        if size <= max_bytes or line.endswith(b"\n"):
            if not line.isspace():
                yield line, size
            continue
        while not line.endswith(b"\n") and (line := file.readline(max_bytes)):
            size += len(line)
        yield None, size


def _values(line: bytes) -> dict[str, Any] | None:
    try:
        values = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def _of_parquet(path: Path, fields: Fields, is_taken: IsTaken) -> Iterator[Record | None]:
    number = 0
    with pq.ParquetFile(path) as file:
        present = file.schema_arrow.names
        if fields.text not in present:
            seen, first = _Seen(path, fields.text), next(file.iter_batches(BATCH_ROWS), None)
            for values in first.to_pylist() if first else []:
                seen.note(values)
            raise seen.absent()
        wanted = [name for name in (fields.text, fields.url) if name in present]
        for batch in file.iter_batches(BATCH_ROWS, columns=wanted):
            numbers = range(number, number + len(batch))
            taken = [each for each in numbers if is_taken(each)]
            rows = batch.take(pa.array([each - number for each in taken], pa.int64())).to_pylist()
            number += len(batch)
            yield from (None for _ in range(len(batch) - len(taken)))
            for each, values in zip(taken, rows, strict=True):
                yield _record(each, values, fields)


def _record(number: int, values: Mapping[str, Any], fields: Fields) -> Record:
    text, url = values.get(fields.text), values.get(fields.url)
    address = LONE_SURROGATE.sub("\ufffd", url) if isinstance(url, str) else ""
    text, replaced = LONE_SURROGATE.subn("\ufffd", text if isinstance(text, str) else "")
    text = legible(text)
    if not text.strip():
        return _without_text(number, address, "no_text", 0)
    size = len(text.encode())
    if size > fields.max_bytes:
        return _without_text(number, address, "too_large", size)
    return Record(number, address, text, "", replaced, "", size)


class _Seen:
    """Which columns of text there are, for the error where the wanted one is not among them."""

    def __init__(self, path: Path, wanted: str) -> None:
        self._path, self._wanted = path, wanted
        self._characters: Counter[str] = Counter()
        self._rows = self._with_wanted = 0

    def note(self, values: Mapping[str, Any]) -> None:
        """Look at a row."""
        self._rows += 1
        self._with_wanted += self._wanted in values
        if self._with_wanted:
            return
        for name, value in values.items():
            is_known = name in self._characters or len(self._characters) < MAX_NAMES
            if is_known and isinstance(value, str):
                self._characters[name] += len(value)

    @property
    def lacks_wanted(self) -> bool:
        """Whether there were rows, and none had the wanted column."""
        return bool(self._rows) and not self._with_wanted

    def absent(self) -> DataError:
        """The error, with the column that has most text."""
        names = [name for name, _ in self._characters.most_common()]
        setting = (TEXT_COLUMN, names[0]) if names else None
        return DataError(
            f"{self._path.resolve()} has no column {self._wanted!r}; its columns of text are "
            f"{', '.join(names) or 'none'}",
            hint=f"--set {assignment(*setting)}" if setting else None,
            setting=setting,
        )
