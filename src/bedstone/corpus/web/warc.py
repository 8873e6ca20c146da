"""WARC and ARC files as they are found: cut off, overwritten in places, packed in parts or twice.

Libraries pass over damage in silence: of a truncated file they return what is there, and a record
that claims to be huge takes the rest of the file with it. Here

* a gzip member or zstd frame counts only when it ends with the right checksum; after one that does
  not, the search for what follows begins one byte after its start;
* a record counts only when it ends where it says, or where there is no doubt (``splitting``);
* what is held in memory of one record is bounded, whatever it unpacks to;
* every byte of the file is counted as parsed or as lost, every record as given, rejected or passed
  over.

Members and plain records may follow one another in any order. A record that goes on in the next
member is put together, as long as members are whole. A sound gzip member of one record, which is
what crawlers write, is unpacked and cut by one call each; anything else is taken apart piece by
piece. Both ways keep to the rules above.

In a member of several records (a file compressed as a whole) a record is handed on when the next
one is complete, so damage costs the record before it too; the member's bytes are then divided
between parsed and lost in the ratio of what they unpacked to: gzip has no finer border.

A file can be read in pieces, in any order. A unit is what is read together: a plain record, the
members that records go on in, a stretch of damage. A piece begins with the first unit that starts
in its span and begins with a record, and ends before the next such one behind its span, so that
all pieces together give what the whole file gives. It is read from as far before the span as a
record may reach, so that what is within a record that crosses the border is known to be. A file
whose first member reaches farther is all of the first piece. Where an archive lies across a
border within a record that is larger than records may be, its own may be taken for the file's.

Source: ISO 28500:2017, annex D; "Zstandard Compression for WARC Files 1.0" of the IIPC, for the
dictionary in a frame that is skipped.
"""

import mmap
import struct
import sys
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from pathlib import Path

from bedstone.corpus.web import packing, pages
from bedstone.corpus.web.heads import ARC, MAX_BYTES, WARC, Format
from bedstone.corpus.web.packing import GZIP, ZSTD, Damaged, Data, Dictionary, Make
from bedstone.corpus.web.pages import Page, Rejected
from bedstone.corpus.web.splitting import Found, Members, Plain, record_at

PACKINGS = ("", ".gz", ".zst", ".zstd")
ARCS = tuple(f".arc{pack}" for pack in PACKINGS)
WARCS = tuple(f".{name}{pack}" for name in ("warc", "wet", "wat") for pack in PACKINGS)
"""How files of records are called; WET files hold texts, WAT files metadata."""
TYPES = frozenset({"warcinfo", "request", "metadata", "revisit", "continuation"})
"""Of records that are no pages."""
KEPT_BYTES = 16 << 20
"""glibc hands freed memory back to the system at each record, and takes a fifth more time with it,
until a block that was larger has been freed."""
MARGIN_BYTES = 256 << 10
"""What a member that is cut off may be read beyond its end, as if what follows were of it: a block
of deflate or zstd that is stored, as a rule."""
STRIDE_BYTES = 1 << 20
"""Of a file that are searched at a time: what lies far behind is not touched."""
SKIPPABLE = struct.Struct("<II")
DICTIONARY = 0x184D2A5D
"""Of zstd frames that are skipped, the first of a file that has this number holds a dictionary."""


@dataclass(slots=True)
class Ledger:
    """What became of a file's bytes: ``input_bytes`` is the sum of the other two."""

    input_bytes: int = 0
    parsed_bytes: int = 0
    lost_bytes: int = 0
    records: int = 0
    """Of any type."""
    passed_over: Counter[str] = field(default_factory=Counter)
    """Records by type that are no pages."""


Part = tuple[tuple[int, int], Found] | Rejected
"""A record with its place, or a stretch of the file that is lost."""


def read(
    path: Path, max_record_bytes: int, ledger: Ledger, span: range | None = None
) -> Iterator[Page | Rejected]:
    """The pages of a file, or of the piece of a ``span``, and what was rejected, in their order.

    Records that are no pages are counted and passed over. ``ledger`` is complete when the
    iterator has ended.

    Args:
        path: the file; it may be empty, or hold anything.
        max_record_bytes: of a record's block, and again of its body with the codings undone.
        ledger: counts are added to it.
        span: None for the whole file.
    """
    size = path.stat().st_size
    if not size:
        return
    bytes(KEPT_BYTES)
    form = ARC if path.name.lower().endswith(ARCS) else WARC
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        parts = _Parts(data, form, max_record_bytes)
        lost_bytes = 0
        for part in _stretches(parts.read(span or range(size))):
            if isinstance(part, Rejected):
                lost_bytes += part.bytes
                yield part
                continue
            ledger.records += 1
            if outcome := pages.outcome(*part, max_record_bytes):
                yield outcome
            else:
                kind = part[1].head.type
                ledger.passed_over[kind if kind in TYPES else "other"] += 1
    ledger.input_bytes += len(parts.extent)
    ledger.lost_bytes += lost_bytes
    ledger.parsed_bytes += len(parts.extent) - lost_bytes


def _stretches(parts: Iterator[Part]) -> Iterator[Part]:
    """The same, with damage that goes on where damage ends put together."""
    lost: Rejected | None = None
    for part in parts:
        if lost and isinstance(part, Rejected) and part.offset == lost.offset + lost.bytes:
            lost = Rejected(lost.offset, "", lost.reason, lost.bytes + part.bytes)
            continue
        if lost:
            yield lost
        lost = part if isinstance(part, Rejected) else None
        if not lost:
            yield part
    if lost:
        yield lost


class _Parts:
    """A file's parts, piece by piece."""

    def __init__(self, data: Data, form: Format, max_block_bytes: int) -> None:
        self._data, self._form, self._max_block_bytes = data, form, max_block_bytes
        self.extent = range(0)
        """The bytes of the piece, once it was read."""
        self._dictionary = _dictionary(data)
        self._signs: dict[bytes, int] = {}
        """Before, nothing more begins so."""
        self._plain_from = 0
        """Before, what looks like a plain record was given out of a member."""

    def read(self, span: range) -> Iterator[Part]:
        """Those of a piece, from its first unit that begins with a record on."""
        back = self._max_block_bytes + MAX_BYTES + MARGIN_BYTES
        if len(span) < len(self._data) > back and self._begins_with_member_of(back):
            if span.start:
                return
            span = range(len(self._data))
        first, stop = None if span.start else 0, len(self._data)
        known = self._next(span.start - back, span.stop) if span.start > back else 0
        for start, part in self._units(known):
            place = (part.offset, -1) if isinstance(part, Rejected) else part[0]
            is_border = place == (start, 0)
            if place[0] >= span.stop and (is_border or first is None):
                stop = start
                break
            if first is None and is_border and start >= span.start:
                first = start
            if first is not None:
                yield part
        self.extent = range(0) if first is None else range(first, stop)

    def _begins_with_member_of(self, size: int) -> bool:
        """Whether the file begins with a member that has not ended after ``size`` bytes."""
        make = self._packing(0)
        try:
            for _ in packing.pieces(self._data[:size], 0, make) if make else ():
                pass
        except Damaged as damage:
            return damage.position == size
        return False

    def _units(self, position: int) -> Iterator[tuple[int, Part]]:
        """The parts from where a unit begins, each with where its own does."""
        while position < len(self._data):
            unit, start = self._unit(position), position
            try:
                while True:
                    yield start, next(unit)
            except StopIteration as stop:
                position = stop.value

    def _unit(self, start: int) -> Generator[Part, None, int]:
        """The parts of the unit that begins here; where the next one does."""
        make = self._packing(start)
        if make is packing.gzip and (
            whole := _whole_member(self._data, start, self._form, self._max_block_bytes)
        ):
            found, end = whole
            yield (start, 0), found
            return end
        if make:
            return (yield from self._members(start))
        if size := _skippable_bytes(self._data, start):
            return start + size
        window = Plain(self._data, start, self._form)
        if plain := record_at(window, self._form, self._max_block_bytes):
            yield (start, 0), plain
            return window.position
        # A long stretch ends at places that are the same wherever its reading began.
        end = self._next(start + 1, (start // STRIDE_BYTES + 1) * STRIDE_BYTES)
        yield Rejected(start, "", "damaged", end - start)
        return end

    def _members(self, start: int) -> Generator[Part, None, int]:
        """The records of the member at ``start`` and of those it goes on in; where to go on."""
        members = Members(self._data, start, self._form, self._packing)
        held: Found | None = None
        parsed = 0
        for found in members.records(self._max_block_bytes):
            if held:
                parsed += held.size
                yield members.place(held.inner), held
            held = found
        if members.damage:
            if members.is_archive:
                self._plain_from = max(self._plain_from, members.damage.position)
            end = self._next(members.last + 1)
            read_to = min(members.damage.position, end)
        else:
            assert members.end is not None
            read_to = end = members.end
        if held and held.inner + held.size <= members.sound:
            parsed += held.size
            yield members.place(held.inner), held
        # An empty member, which some writers end a file with, has nothing to lose.
        is_empty = end == members.end and not members.read
        kept = end - start if is_empty else (read_to - start) * parsed // max(members.read, 1)
        if lost := end - start - kept:
            yield Rejected(start, "", "damaged", lost)
        return end

    def _packing(self, position: int) -> Make | None:
        if self._data[position : position + len(GZIP)] == GZIP:
            return packing.gzip
        if self._data[position : position + len(ZSTD)] == ZSTD:
            return partial(packing.zstd_frame, self._dictionary)
        return None

    def _next(self, position: int, limit: int = sys.maxsize) -> int:
        """Where something seems to begin, from ``position`` on and before ``limit``, else that."""
        limit = min(limit, len(self._data))
        starts = {GZIP: position, ZSTD: position, b"": max(position, self._plain_from)}
        while True:
            starts = {sign: max(start, self._signs.get(sign, 0)) for sign, start in starts.items()}
            sign, start = min(starts.items(), key=itemgetter(1))
            stop = min(start + STRIDE_BYTES, limit)
            if start >= stop:
                return limit
            if sign:
                found = self._data.find(sign, start, stop + len(sign) - 1)
            else:
                found = self._form.find(self._data, start, stop)
            if found == start:
                return start
            self._signs[sign] = found if found >= 0 else stop


def _whole_member(
    data: Data, start: int, form: Format, max_block_bytes: int
) -> tuple[Found, int] | None:
    """The record that makes up the gzip member at ``start``, and where the member ends.

    None if there is no such member, it ends elsewhere than where the next one seems to begin, or
    it holds anything but one whole record that may be held in memory.
    """
    max_bytes = max_block_bytes + MAX_BYTES  # and packed, hardly more: gzip adds a share of 1/3,000
    end = data.find(GZIP, start + 1, start + 2 * max_bytes)
    packed = data[start : end if end >= 0 else start + 2 * max_bytes]
    unpacked = packing.gzip_member(packed, max_bytes)
    head = form.parse(unpacked) if unpacked else None
    if unpacked is None or head is None or head.length > max_block_bytes:
        return None
    told = head.size + head.length
    if unpacked[told:] != form.end:
        return None
    return Found(0, len(unpacked), head, unpacked[head.size : told]), start + len(packed)


def _skippable_bytes(data: Data, position: int) -> int:
    """The size of the zstd frame at ``position`` that is to be skipped; 0 if there is none."""
    head = data[position : position + SKIPPABLE.size]
    if len(head) < SKIPPABLE.size:
        return 0
    number, size = SKIPPABLE.unpack(head)
    is_whole = position + SKIPPABLE.size + size <= len(data)
    return SKIPPABLE.size + size if number & ~0xF == 0x184D2A50 and is_whole else 0


def _dictionary(data: Data) -> Dictionary | None:
    """What the file's frames of zstd were packed with."""
    size = _skippable_bytes(data, 0)
    if not size or SKIPPABLE.unpack(data[: SKIPPABLE.size])[0] != DICTIONARY:
        return None
    return packing.dictionary(data[SKIPPABLE.size : size])
