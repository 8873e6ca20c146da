"""Texts that others have taken out already: rows of tables, and files of one text each.

A text is taken as it is, in Unicode's form NFC, without controls. Lone surrogates, which JSON can
spell, become U+FFFD; lines end in line feeds, whatever they ended in.
"""

import json
import mmap
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from bedstone.config import assignment
from bedstone.corpus.web import charsets
from bedstone.corpus.web.packing import GZIP, Damaged, Data, gzip, pieces
from bedstone.corpus.web.pages import Rejected
from bedstone.corpus.web.warc import Ledger
from bedstone.errors import DataError
from bedstone.text.composition import legible

LINES = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
TABLES = (*LINES, ".parquet")
BATCH_ROWS = 1_024
"""Of a Parquet file, held at a time."""
CHUNK_BYTES = 1 << 20
"""Of a file that is not packed, read at a time."""
NULS = bytes(8)
"""A row of them is what a crash leaves in place of what was written; no encoding of text has it."""
NO_NUL = re.compile(rb"[^\0]")
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
    """Of the row or the file, from 0; of a line the byte at which it starts, once unpacked."""
    url: str
    text: str
    charset: str
    replaced: int
    """How many U+FFFD stand for what is no text."""
    reason: str
    """Why it gives no document; empty if it does."""
    bytes: int


Found = Record | Rejected | None
"""What is damaged is rejected; None stands for a record that is not taken."""


class _Line(NamedTuple):
    start: int
    content: bytes
    size: int
    """In bytes; more than ``content`` has where it is too long."""


class _Group(NamedTuple):
    """Of the rows of a Parquet file."""

    number: int
    start: int
    """Where in the file its first column begins."""
    first_row: int


def of_table(
    path: Path, fields: Fields, is_taken: IsTaken, ledger: Ledger, span: range | None = None
) -> Iterator[Found]:
    """The records of a table, or of the piece of a ``span``, and what is damaged.

    A line belongs to where it starts, a row of a Parquet file to where its group does. The bytes
    that there were, and those that are lost, are added to ``ledger``.

    Raises:
        DataError: the file cannot be read, or none of its records has a column of that name.
    """
    rows = _of_lines if path.name.lower().endswith(LINES) else _of_parquet
    try:
        for found in rows(path, fields, is_taken, ledger, span or range(path.stat().st_size)):
            ledger.lost_bytes += found.bytes if isinstance(found, Rejected) else 0
            yield found
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
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


def _of_lines(
    path: Path, fields: Fields, is_taken: IsTaken, ledger: Ledger, span: range
) -> Iterator[Found]:
    if not path.stat().st_size:
        return
    seen, has_lines, has_damage = _Seen(path, fields.text), False, False
    lines = _packed_lines if path.name.lower().endswith(".gz") else _plain_lines
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for each in lines(data, span, fields.max_bytes, ledger):
            if isinstance(each, Rejected):
                has_damage = True
                yield each
                continue
            has_lines, (start, line, size) = True, each
            if NULS in line:
                cut = line.rindex(NULS) + len(NULS)
                yield Rejected(start, "", "damaged", cut)
                start, line, size = start + cut, line[cut:], size - cut
            if not line:
                continue
            if not is_taken(start):
                yield None
            elif size - line.endswith(b"\n") > fields.max_bytes:
                yield _without_text(start, "", "too_large", size)
            elif (values := _values(line)) is None:
                yield _without_text(start, "", "no_json", size)
            else:
                seen.note(values)
                yield _record(start, values, fields)
    if has_damage and not has_lines:
        raise DataError(f"{path.resolve()}: cannot be read: no line of it is whole")
    if seen.lacks_wanted and not span.start:
        raise seen.absent()


def _plain_lines(data: Data, span: range, max_bytes: int, ledger: Ledger) -> Iterator[_Line]:
    """Those that start in ``span``; what is blank goes with the line before it."""
    start = data.find(b"\n", span.start - 1, span.stop - 1) + 1 if span.start else 0
    if span.start and not start:
        return
    first, stop = None if span.start else 0, len(data)
    chunks = (data[at : at + CHUNK_BYTES] for at in range(start, len(data), CHUNK_BYTES))
    for line in _lines(chunks, start, max_bytes):
        if line.start >= span.stop:
            stop = line.start
            break
        first = line.start if first is None else first
        yield line
    ledger.input_bytes += 0 if first is None else stop - first


def _packed_lines(
    data: Data, span: range, max_bytes: int, ledger: Ledger
) -> Iterator[_Line | Rejected]:
    """Those of gzip members, as far as they can be had; and what is lost where they cannot."""
    ledger.input_bytes += len(span)
    position = text_end = 0
    while position < len(data):
        run, text_start, last = _Run(data, position), text_end, None
        for line in _lines(run, text_end, max_bytes):
            if last:
                yield last
            last, text_end = line, line.start + line.size
        start, position = position, run.following()
        end = min(run.end, position)
        lost_bytes = position - end
        if last and run.is_damaged and _values(last.content) is None:  # it is cut off
            lost_bytes += (end - start) * last.size // (text_end - text_start)
        elif last:
            yield last
        if run.is_damaged or lost_bytes:
            yield Rejected(text_end, "", "damaged", lost_bytes)


class _Run:
    """What gzip members hold that follow one another, up to damage."""

    def __init__(self, data: Data, start: int) -> None:
        self._data, self._last = data, start
        self.end = start
        """Up to where they were read."""
        self.is_damaged = False

    def __iter__(self) -> Iterator[bytes]:
        while self._data[self.end : self.end + len(GZIP)] == GZIP:
            self._last = self.end
            try:
                self.end = yield from pieces(self._data, self._last, gzip)
            except Damaged as damage:
                self.end, self.is_damaged = damage.position, True
                return

    def following(self) -> int:
        """Where the next member begins that begins a line; NULs that end a file are skipped."""
        if not self.is_damaged and NO_NUL.search(self._data, self.end) is None:
            self.end = len(self._data)
        place = self._last + 1 if self.is_damaged else self.end
        while (place := self._data.find(GZIP, place)) >= 0:
            with suppress(Damaged):
                if next(pieces(self._data, place, gzip), b"").lstrip().startswith(b"{"):
                    return place
            place += 1
        return len(self._data)


def _lines(chunks: Iterable[bytes], start: int, max_bytes: int) -> Iterator[_Line]:
    """Each line that is not blank; of one that is too long, only its beginning."""
    parts = (part for chunk in chunks for part in BytesIO(chunk))
    while part := next(parts, b""):
        line, size = bytearray(part[: max_bytes + 1]), len(part)
        while not part.endswith(b"\n") and (part := next(parts, b"")):
            line += part[: max_bytes + 1 - len(line)]
            size += len(part)
        if size > max_bytes + 1 or not line.isspace():
            yield _Line(start, bytes(line), size)
        start += size


def _values(line: bytes) -> dict[str, Any] | None:
    try:
        values = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def _of_parquet(
    path: Path, fields: Fields, is_taken: IsTaken, ledger: Ledger, span: range
) -> Iterator[Found]:
    with pq.ParquetFile(path, buffer_size=CHUNK_BYTES) as file:
        present = file.schema_arrow.names
        if fields.text not in present:
            seen, first = _Seen(path, fields.text), next(file.iter_batches(BATCH_ROWS), None)
            for values in first.to_pylist() if first else []:
                seen.note(values)
            raise seen.absent()
        groups = _groups(file.metadata, path.stat().st_size)
        own = [group for group in groups if group.start in span]
        behind = [group.start for group in groups if group.start >= span.stop]
        if span.start and not own:
            return
        first_byte = own[0].start if span.start else 0
        ledger.input_bytes += (behind[0] if behind else path.stat().st_size) - first_byte
        wanted = [name for name in (fields.text, fields.url) if name in present]
        number = own[0].first_row if own else 0
        chosen = [group.number for group in own]
        for batch in file.iter_batches(BATCH_ROWS, row_groups=chosen, columns=wanted):
            numbers = range(number, number + len(batch))
            taken = [each for each in numbers if is_taken(each)]
            rows = batch.take(pa.array([each - number for each in taken], pa.int64())).to_pylist()
            number += len(batch)
            yield from (None for _ in range(len(batch) - len(taken)))
            for each, values in zip(taken, rows, strict=True):
                yield _record(each, values, fields)


def _groups(metadata: pq.FileMetaData, size: int) -> list[_Group]:
    """The groups of rows that have some, in their order, wherever they are said to be."""
    found, start, first_row = [], 0, 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        column = group.column(0)
        pages = filter(None, (column.dictionary_page_offset, column.data_page_offset))
        start = max(start, min([*pages, size - 1]))
        if group.num_rows:
            found.append(_Group(number, start, first_row))
        first_row += group.num_rows
    return found


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
