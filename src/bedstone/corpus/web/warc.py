"""WARC files as they are found: cut off, overwritten in places, with lengths that lie.

fastwarc parses the records. It passes over damage in silence: of a truncated file it returns
what is there, and a record that claims to be huge takes the rest of the file with it. So it is
given one record at a time, by a guard that finds the records itself:

* a gzip member counts only when it ends with the right checksum; after one that does not, the
  search for the next begins one byte after its start;
* a record counts only when the bytes after its content are those that end a record;
* what is held in memory of one record is bounded, whatever it unpacks to;
* every byte of the file is counted as parsed or as lost.

A sound member of one record, which is what crawlers write, is unpacked and cut by one call each;
anything else is taken apart piece by piece. Both ways keep to the rules above.

In a member of several records (a file compressed as a whole) a record is handed on when the next
one is complete, so damage costs the record before it too; the member's bytes are then divided
between parsed and lost in the ratio of what they unpacked to: gzip has no finer border.
"""

import io
import mmap
import re
import struct
import zlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from fastwarc.stream_io import GzipReader
from fastwarc.warc import WarcRecord, WarcRecordType

GZIP = b"\x1f\x8b\x08"
WARC = b"WARC/1."
RECORD_END = b"\r\n\r\n"
CONTENT_LENGTH = re.compile(rb"^content-length:[ \t]*(\d{1,18})[ \t]*\r$", re.IGNORECASE | re.M)

MAX_HEAD_BYTES = 64 << 10
"""Of a record's own header; a longer one is damage."""
PIECE_BYTES = 64 << 10
"""Read, and unpacked, at a time."""


@dataclass(frozen=True, slots=True)
class Page:
    """An HTTP response; ``body`` has its transfer and content codings undone."""

    offset: int
    """Where the record, or else the gzip member that holds it, starts in the file."""
    inner: int
    """Where the record starts in what its member unpacks to: 0 in a member of its own."""
    url: str
    date: str
    """As the record has it."""
    status: int | None
    media_type: str
    charset: str
    """As the HTTP header has it, empty without one."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record, or a stretch of the file, that gives no page."""

    offset: int
    url: str
    reason: str
    """``damaged``, ``too_large``, ``http`` (no HTTP response, or a coding that cannot be undone)
    or ``url`` (there is none)."""
    bytes: int
    """Of the file that are lost, for damage; else those of the record."""


@dataclass(slots=True)
class Ledger:
    """What became of a file's bytes: ``input_bytes`` is the sum of the other two."""

    input_bytes: int = 0
    parsed_bytes: int = 0
    lost_bytes: int = 0
    records: int = 0
    """Of any type."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A record in unpacked bytes: its ``content`` to the last, or None of one that is too large."""

    inner: int
    size: int
    content: bytes | None


@dataclass(frozen=True, slots=True)
class _Damage:
    """Unpacked bytes that belong to no record."""

    inner: int
    size: int


def read(path: Path, max_record_bytes: int, ledger: Ledger) -> Iterator[Page | Rejected]:
    """The pages of a WARC file, plain or gzip, and what was rejected, in the file's order.

    Records that are no responses are counted and passed over. ``ledger`` is complete when the
    iterator has ended.

    Args:
        path: the file; it may be empty, or hold anything.
        max_record_bytes: of a record, and again of its body with the codings undone.
        ledger: counts are added to it.
    """
    ledger.input_bytes += path.stat().st_size
    if not path.stat().st_size:
        return
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        parts = _packed_parts if _is_packed(data) else _plain_parts
        for part in parts(data, max_record_bytes, ledger):
            if isinstance(part, Rejected):
                yield part
            elif outcome := _outcome(*part, max_record_bytes):
                yield outcome


def _is_packed(data: mmap.mmap) -> bool:
    packed = data.find(GZIP)
    return packed >= 0 and data.find(WARC, 0, packed) < 0


Part = tuple[int, _Found] | Rejected
"""A record with its offset, or a stretch of the file that is lost."""


def _plain_parts(data: mmap.mmap, max_record_bytes: int, ledger: Ledger) -> Iterator[Part]:
    position = 0

    def pull() -> bytes:
        nonlocal position
        piece = data[position : position + PIECE_BYTES]
        position += len(piece)
        return piece

    for piece in _split(_Stream(pull, len(data)), max_record_bytes):
        if isinstance(piece, _Damage):
            ledger.lost_bytes += piece.size
            yield Rejected(piece.inner, "", "damaged", piece.size)
        else:
            ledger.parsed_bytes += piece.size
            ledger.records += 1
            yield piece.inner, _Found(0, piece.size, piece.content)


def _packed_parts(data: mmap.mmap, max_record_bytes: int, ledger: Ledger) -> Iterator[Part]:
    end = 0
    while end < len(data):
        start = _next_member(data, end)
        if start > end:
            ledger.lost_bytes += start - end
            yield Rejected(end, "", "damaged", start - end)
        if whole := _whole_member(data, start, max_record_bytes):
            found, end = whole
            ledger.parsed_bytes += end - start
            ledger.records += 1
            yield start, found
        elif start < len(data):
            end = yield from _member_parts(data, start, max_record_bytes, ledger)
        else:
            end = start


def _whole_member(data: mmap.mmap, start: int, max_record_bytes: int) -> tuple[_Found, int] | None:
    """The record that makes up the member at ``start``, and where the member ends.

    None if there is no such member, it ends elsewhere than where the next one seems to begin, or
    it holds anything but one whole record that may be held in memory.
    """
    end = _next_member(data, start + 1)
    packed = data[start:end]
    # It ends with a checksum and the size that it unpacks to. By these fastwarc is checked, which
    # takes half of zlib's time but is content with a member that is cut off.
    checksum, size = struct.unpack("<II", packed[-8:].rjust(8, b"\0"))
    if not len(WARC) <= size <= max_record_bytes + len(RECORD_END):
        return None
    try:
        unpacked = GzipReader(io.BytesIO(packed)).read(size + 1)
    except OSError:
        return None
    if len(unpacked) != size or zlib.crc32(unpacked) != checksum or not _is_one_record(unpacked):
        return None
    return _Found(0, size, unpacked), end


def _is_one_record(unpacked: bytes) -> bool:
    head_end = unpacked.find(RECORD_END, 0, MAX_HEAD_BYTES) + len(RECORD_END)
    length = CONTENT_LENGTH.search(unpacked, 0, head_end)
    return (
        unpacked.startswith(WARC)
        and length is not None
        and head_end + int(length[1]) + len(RECORD_END) == len(unpacked)
        and unpacked.endswith(RECORD_END)
    )


def _member_parts(
    data: mmap.mmap, start: int, max_record_bytes: int, ledger: Ledger
) -> Generator[Part, None, int]:
    """The records of the member at ``start``; returns where to go on."""
    member = _Member(data, start)
    stream = _Stream(member.pull)
    held: _Found | None = None
    parsed = 0
    try:
        for piece in _split(stream, max_record_bytes):
            if isinstance(piece, _Found):
                if held:
                    parsed += held.size
                    ledger.records += 1
                    yield start, held
                held = piece
        end = member.end
        packed = end - start
        if held:
            parsed += held.size
            ledger.records += 1
            yield start, held
        unpacked = max(stream.position, 1)
        # An empty member, which some writers end a file with, has nothing to lose.
        parsed = parsed if stream.position else unpacked
    except zlib.error:
        unpacked = max(stream.position + len(stream.held), 1)
        end = _next_member(data, start + 1)
        packed = min(member.position, end) - start
    whole = end - start
    kept = packed * parsed // unpacked
    ledger.parsed_bytes += kept
    ledger.lost_bytes += whole - kept
    if whole > kept:
        yield Rejected(start, "", "damaged", whole - kept)
    return end


def _next_member(data: mmap.mmap, position: int) -> int:
    found = data.find(GZIP, position)
    return found if found >= 0 else len(data)


class _Member:
    """A gzip member, unpacked a piece at a time."""

    def __init__(self, data: mmap.mmap, start: int) -> None:
        self._data = data
        self._engine = zlib.decompressobj(wbits=31)
        self.position = start
        """Up to where the file was read."""

    def pull(self) -> bytes:
        """The next piece; none when the member has ended with the right checksum.

        Raises:
            zlib.error: it is damaged, or cut off.
        """
        while not self._engine.eof:
            packed = self._engine.unconsumed_tail
            if not packed:
                packed = self._data[self.position : self.position + PIECE_BYTES]
                self.position += len(packed)
            if piece := self._engine.decompress(packed, PIECE_BYTES):
                return piece
            if not packed and not self._engine.eof:
                raise zlib.error("the member is cut off")
        return b""

    @property
    def end(self) -> int:
        """Where the member ends, once all was pulled."""
        assert self._engine.eof
        return self.position - len(self._engine.unused_data)


class _Stream:
    """Unpacked bytes, of which only those needed are held."""

    def __init__(self, pull: Callable[[], bytes], total: int | None = None) -> None:
        self._pull = pull
        self._total = total
        self._ended = False
        self.held = bytearray()
        self.position = 0
        """Of the first held byte; when all was read, the number of bytes there were."""

    def has(self, size: int) -> bool:
        """Whether ``size`` bytes are left; they are then held."""
        while len(self.held) < size and self._more():
            pass
        return len(self.held) >= size

    def head(self) -> bytes | None:
        """A record's header with the blank line after it; None if there is no such thing here."""
        if not self.has(len(WARC)) or not self.held.startswith(WARC):
            return None
        while (end := self.held.find(RECORD_END, 0, MAX_HEAD_BYTES)) < 0:
            if len(self.held) >= MAX_HEAD_BYTES or not self._more():
                return None
        return bytes(self.held[: end + len(RECORD_END)])

    def drop(self, size: int) -> None:
        """Go on by ``size`` held bytes."""
        del self.held[:size]
        self.position += size

    def skip(self, size: int) -> bool:
        """Go on by ``size`` bytes, held or not; False if there are not so many left.

        Where that is known beforehand (a plain file) nothing is then read.
        """
        if self._total is not None and self.position + size > self._total:
            return False
        while size > len(self.held):
            size -= len(self.held)
            self.drop(len(self.held))
            if not self._more():
                return False
        self.drop(size)
        return True

    def resynchronise(self) -> None:
        """Go on to the next line that begins a record, or to the end."""
        sign = b"\n" + WARC
        while (found := self.held.find(sign)) < 0:
            self.drop(max(len(self.held) - len(sign) + 1, 0))
            if not self._more():
                self.drop(len(self.held))
                return
        self.drop(found + 1)

    def _more(self) -> bool:
        if not self._ended:
            piece = self._pull()
            self.held += piece
            self._ended = not piece
        return not self._ended


def _split(stream: _Stream, max_record_bytes: int) -> Iterator[_Found | _Damage]:
    while stream.has(1):
        start = stream.position
        found = _record(stream, max_record_bytes)
        if not found:
            stream.resynchronise()
        yield found or _Damage(start, stream.position - start)


def _record(stream: _Stream, max_record_bytes: int) -> _Found | None:
    """The record that begins here, passed over; None if none does, or it is not whole."""
    start, head = stream.position, stream.head()
    length = CONTENT_LENGTH.search(head) if head else None
    if head is None or length is None:
        return None
    size = len(head) + int(length[1]) + len(RECORD_END)
    content = None
    if size <= max_record_bytes + len(RECORD_END):
        if not stream.has(size):
            return None
        content = bytes(stream.held[:size])
        if not content.endswith(RECORD_END):
            return None
        stream.drop(size)
    elif not stream.skip(size):
        return None
    return _Found(start, size, content)


def _outcome(offset: int, found: _Found, max_record_bytes: int) -> Page | Rejected | None:
    """What a record gives; None if it is no response."""
    if found.content is None:
        return Rejected(offset, "", "too_large", found.size)
    try:
        record = WarcRecord.from_bytes(found.content)
        if record.record_type != WarcRecordType.response:
            return None
        if record.is_http:
            record.parse_http(auto_decode="all")
        return _page(offset, found, record, max_record_bytes)
    except OSError:  # what fastwarc raises for headers, and for a coding that cannot be undone
        return Rejected(offset, "", "http", found.size)


def _page(offset: int, found: _Found, record: WarcRecord, max_record_bytes: int) -> Page | Rejected:
    url = (record.headers.get("WARC-Target-URI") or "").strip("<>")
    if not url:
        return Rejected(offset, url, "url", found.size)
    if record.http_headers is None:
        return Rejected(offset, url, "http", found.size)
    body = record.reader.read(max_record_bytes + 1)
    if len(body) > max_record_bytes:
        return Rejected(offset, url, "too_large", found.size)
    return Page(
        offset=offset,
        inner=found.inner,
        url=url,
        date=record.headers.get("WARC-Date") or "",
        status=record.http_headers.status_code,
        media_type=record.http_content_type or "",
        charset=record.http_charset or "",
        body=body,
    )
