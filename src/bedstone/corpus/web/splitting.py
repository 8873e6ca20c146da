"""Where records begin and end in unpacked bytes, when lengths are wrong and parts are missing.

A record counts when the bytes behind its block are those that end a record, or when its length is
off by a byte or two and what follows leaves no doubt: line ends, and then the next record or the
end of what was packed together.
"""

import bisect
from collections.abc import Callable, Iterator
from typing import NamedTuple

from bedstone.corpus.web.heads import MAX_BYTES, Format, Head
from bedstone.corpus.web.packing import GZIP, ZSTD, Damaged, Data, Make, pieces

HEAD_BYTES = 2 << 10
"""Of a header looked at first; most are shorter."""
MAX_OFF_BYTES = 2
"""That a length may be wrong by."""
MAX_LINE_END_BYTES = 16
"""Behind a block."""
LINE_ENDS = b"\r\n"
SIGN_BYTES = 4 << 10
"""Of the line that begins a record, at most: an ARC's has an address in it."""


class Found(NamedTuple):
    """A record in unpacked bytes."""

    inner: int
    """Where it starts in what its member unpacks to."""
    size: int
    """With its header and its end, in bytes."""
    head: Head
    block: bytes | None
    """None of one that is too large."""


def record_at(window: "Plain | Members", form: Format, max_block_bytes: int) -> Found | None:
    """The record that begins here, passed over; None if none does, or it is not whole."""
    start, head = window.position, _head(window, form)
    if head is None:
        return None
    told = head.size + head.length
    end = told + len(form.end)
    if head.length > max_block_bytes:
        whole = window.pass_over(told, form.end)
        return Found(start, end, head, None) if whole else None
    while len(tail := window.peek(told, end)) < len(form.end) and window.join():
        pass
    block_end: int | None = told
    if tail != form.end:
        border = window.border(told - MAX_OFF_BYTES, told + MAX_LINE_END_BYTES)
        block_end = None if border is None else _block_end(window, told, border, len(form.end))
        end = border or 0
    if block_end is None:
        return None
    behind = window.peek(end, end + MAX_LINE_END_BYTES)
    end += len(behind) - len(behind.lstrip(LINE_ENDS))
    found = Found(start, end, head, window.peek(head.size, block_end))
    window.skip(end)
    return found


def _head(window: "Plain | Members", form: Format) -> Head | None:
    size = HEAD_BYTES
    while (head := form.parse(ahead := window.peek(0, size))) is None:
        if b"\n" in ahead and not form.begins(ahead):
            return None
        if len(ahead) < size:
            if not window.join():
                return None
        elif size == HEAD_BYTES:
            size = MAX_BYTES
        else:
            return None
    return head


def _block_end(window: "Plain | Members", told: int, border: int, usual: int) -> int | None:
    """Where the block ends that is said to end at ``told``, when all does at ``border``.

    As near as can be: with the ``usual`` number of bytes behind it, else as told, else where the
    line ends begin. None if that is too far off.
    """
    behind = window.peek(max(told - MAX_LINE_END_BYTES, 0), border)
    text_end = border - len(behind) + len(behind.rstrip(LINE_ENDS))
    if text_end <= border - usual and abs(border - usual - told) <= MAX_OFF_BYTES:
        return border - usual
    if text_end <= told <= border:
        return told
    nearest = border if told > border else text_end
    return nearest if abs(nearest - told) <= MAX_OFF_BYTES else None


class Plain:
    """A file's own bytes, from ``position`` on."""

    def __init__(self, data: Data, position: int, form: Format) -> None:
        self._data, self._form = data, form
        self.position = position

    def peek(self, start: int, stop: int) -> bytes:
        """The bytes from ``start`` to ``stop`` of those ahead, without those that are not there."""
        return self._data[self.position + start : self.position + stop]

    def join(self) -> bool:
        """Go on into what follows, if that may belong here; no: all is there already."""
        return False

    def skip(self, size: int) -> None:
        """Go on by ``size`` bytes that were peeked at."""
        self.position += size

    def pass_over(self, size: int, end: bytes) -> bool:
        """Go on by ``size`` bytes, unread, and ``end``; False if that is not what is there."""
        if self.peek(size, size + len(end)) != end:
            return False
        self.skip(size + len(end))
        return True

    def border(self, start: int, stop: int) -> int | None:
        """Where from ``start`` to ``stop`` a record or a member begins, or all ends."""
        ahead = self.peek(start, stop + SIGN_BYTES)
        signs = [ahead.find(GZIP), ahead.find(ZSTD), self._form.find(ahead, 0)]
        places = [start + each for each in signs if each >= 0]
        places.append(len(self._data) - self.position)
        return min((each for each in places if start <= each <= stop), default=None)


class Members:
    """What gzip members or zstd frames unpack to, one after another as far as records go on."""

    def __init__(
        self, data: Data, start: int, form: Format, packing: Callable[[int], Make | None]
    ) -> None:
        self._data, self._form, self._packing = data, form, packing
        make = packing(start)
        assert make
        self._pieces = pieces(data, start, make)
        self._held = bytearray()
        self.position = 0
        """Of the first held byte; when all was read, the number of bytes there were."""
        self.end: int | None = None
        """Where the last of them ends in the file, once that was read."""
        self.damage: Damaged | None = None
        """Of the last of them, once all before it was read."""
        self.sound = 0
        """Up to where all is of members that have ended with the right checksum."""
        self.is_archive = False
        """They hold a record, or at least begin with one."""
        self._starts, self._offsets = [0], [start]

    @property
    def last(self) -> int:
        """Where the last of them starts in the file."""
        return self._offsets[-1]

    @property
    def read(self) -> int:
        """How many bytes were unpacked."""
        return self.position + len(self._held)

    def place(self, position: int) -> tuple[int, int]:
        """Where the member that holds ``position`` starts in the file, and where it is in there."""
        index = bisect.bisect(self._starts, position) - 1
        return self._offsets[index], position - self._starts[index]

    def records(self, max_block_bytes: int) -> Iterator[Found]:
        """Those in it; what is between them is read, too."""
        self.is_archive = self._form.begins(self.peek(0, SIGN_BYTES))
        while self.peek(0, 1):
            start = self.position
            if found := record_at(self, self._form, max_block_bytes):
                self.is_archive = True
                yield found
            else:
                self._resynchronise(0 if self.position > start else 1)

    def peek(self, start: int, stop: int) -> bytes:
        """The bytes from ``start`` to ``stop`` of those ahead, without those of another member."""
        while len(self._held) < stop and self._more():
            pass
        return bytes(self._held[start:stop])

    def join(self) -> bool:
        """Go on into the next member, unless it begins with a record of its own."""
        make = None if self.end is None else self._packing(self.end)
        if self.end is None or make is None:
            return False
        following = pieces(self._data, self.end, make)
        try:
            first = next(following, b"")
        except Damaged:
            return False
        if not first or self._form.begins(first):
            return False
        self._starts.append(self.read)
        self._offsets.append(self.end)
        self._held += first
        self._pieces, self.end = following, None
        return True

    def skip(self, size: int) -> None:
        """Go on by ``size`` held bytes."""
        del self._held[:size]
        self.position += size

    def pass_over(self, size: int, end: bytes) -> bool:
        """Go on by ``size`` bytes, held or not, and by ``end``, as far as they are there."""
        while size > len(self._held):
            size -= len(self._held)
            self.skip(len(self._held))
            if not self._more() and not self.join():
                return False
        self.skip(size)
        while len(ahead := self.peek(0, len(end))) < len(end) and self.join():
            pass
        if ahead == end:
            self.skip(len(end))
        return ahead == end

    def border(self, start: int, stop: int) -> int | None:
        """Where from ``start`` to ``stop`` a record or a member begins, or all ends."""
        ahead = self.peek(start, stop + SIGN_BYTES)
        places = [each - self.position for each in self._starts]
        if (sign := self._form.find(ahead, 0)) >= 0:
            places.append(start + sign)
        if self.end is not None:
            places.append(len(self._held))
        return min((each for each in places if start <= each <= stop), default=None)

    def _resynchronise(self, start: int) -> None:
        while (found := self._form.find(self._held, start)) < 0:
            if len(self._held) > SIGN_BYTES:
                start = 0
                self.skip(len(self._held) - SIGN_BYTES)
            if not self._more():
                self.skip(len(self._held))
                return
        self.skip(found)

    def _more(self) -> bool:
        if self.end is None and self.damage is None:
            try:
                self._held += next(self._pieces)
                return True
            except StopIteration as stop:
                self.end = stop.value
                self.sound = self.read
            except Damaged as damage:
                self.damage = damage
        return False
