"""Packed bytes, unpacked a piece at a time: gzip, zstd, deflate and Brotli.

What is wrong or cut off gives all that can be had before the place where it is wrong, and then says
so. No more than a piece is held beyond what the caller keeps, whatever it unpacks to.
"""

import mmap
import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import cast

import brotli
from isal import isal_zlib

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

GZIP = b"\x1f\x8b\x08"
ZSTD = b"\x28\xb5\x2f\xfd"
PIECE_BYTES = 64 << 10
"""Read, and unpacked, at a time."""
MAX_DICTIONARY_BYTES = 16 << 20
DEFLATE_ERROR = cast(type[Exception], isal_zlib.error)  # its stub has it as an instance
ERRORS = (DEFLATE_ERROR, zstd.ZstdError, brotli.error)
Data = bytes | mmap.mmap
Dictionary = zstd.ZstdDict
"""Of zstd: what all frames of a file were packed with."""


class Damaged(Exception):  # noqa: N818, what it is
    """Packed bytes are wrong or end too early; all that could be had was given before."""

    def __init__(self, position: int) -> None:
        super().__init__(f"at {position}")
        self.position = position
        """Up to where they were read."""


class TooLarge(Exception):  # noqa: N818, what it is
    """There is more than may be held."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What packed bytes held."""

    content: bytes
    is_whole: bool


class _Deflate:
    def __init__(self, wrapping: int) -> None:
        self._engine = isal_zlib.decompressobj(wbits=wrapping)

    @property
    def has_ended(self) -> bool:
        """Whether the end was read, and the checksum was right where there is one."""
        return bool(self._engine.eof)

    @property
    def wants_more(self) -> bool:
        """Whether nothing can be unpacked without further bytes."""
        return not self._engine.unconsumed_tail

    @property
    def unused(self) -> int:
        """How many of the bytes that it was fed are behind the end."""
        return len(self._engine.unused_data)

    def feed(self, packed: bytes, limit: int) -> bytes:
        """Some ``limit`` bytes at most; ``packed`` is empty unless it wants more."""
        return bytes(self._engine.decompress(packed or self._engine.unconsumed_tail, limit))


class _Zstd:
    def __init__(self, dictionary: Dictionary | None, window_log: int) -> None:
        options = {int(zstd.DecompressionParameter.window_log_max): window_log}
        self._engine = zstd.ZstdDecompressor(dictionary, options)

    @property
    def has_ended(self) -> bool:
        return self._engine.eof

    @property
    def wants_more(self) -> bool:
        return self._engine.needs_input

    @property
    def unused(self) -> int:
        return len(self._engine.unused_data)

    def feed(self, packed: bytes, limit: int) -> bytes:
        return self._engine.decompress(packed, limit)


class _Brotli:
    unused = 0
    """It takes bytes behind its end for damage, and is then fed byte by byte up to there."""

    def __init__(self) -> None:
        self._engine = brotli.Decompressor()

    @property
    def has_ended(self) -> bool:
        return bool(self._engine.is_finished())

    @property
    def wants_more(self) -> bool:
        return bool(self._engine.can_accept_more_data())

    def feed(self, packed: bytes, limit: int) -> bytes:
        return bytes(self._engine.process(packed, output_buffer_limit=limit))


Engine = _Deflate | _Zstd | _Brotli
"""What undoes a packing."""
Make = Callable[[], Engine]


def gzip() -> Engine:
    """Of a gzip member."""
    return _Deflate(31)


def zlib() -> Engine:
    """Of what HTTP calls deflate."""
    return _Deflate(15)


def deflate() -> Engine:
    """Of what some servers call deflate."""
    return _Deflate(-15)


def zstd_frame(dictionary: Dictionary | None = None, window_log: int = 27) -> Engine:
    """Of a zstd frame; one that asks for a window of more than ``2 ** window_log`` is wrong."""
    return _Zstd(dictionary, window_log)


def brotli_stream() -> Engine:
    """Of what HTTP calls br."""
    return _Brotli()


def pieces(data: Data, start: int, make: Make) -> Generator[bytes, None, int]:
    """What is packed from ``start`` on, piece by piece; returns where it ends.

    Raises:
        Damaged: it is wrong or cut off.
    """
    run, given = _Run(data, start, make), 0
    try:
        while piece := run.pull():
            given += len(piece)
            yield piece
    except ERRORS:
        # What the failing call had unpacked is lost with it: once more, at the last byte by byte.
        run = _Run(data, start, make, fine_from=run.fed_from)
        try:
            while piece := run.pull():
                if fresh := piece[given:]:
                    yield fresh
                given = max(given - len(piece), 0)
        except ERRORS as error:
            raise Damaged(run.position) from error
    return run.end


def unpacked(data: bytes, make: Make, max_bytes: int) -> Unpacked:
    """What ``data`` holds, or as much of it as can be had; of gzip all members together.

    Raises:
        TooLarge: that is more than ``max_bytes``.
    """
    found, size = [], 0
    try:
        for piece in _members(data, make):
            found.append(piece)
            size += len(piece)
            if size > max_bytes:
                raise TooLarge
    except Damaged:
        return Unpacked(b"".join(found), is_whole=False)
    return Unpacked(b"".join(found), is_whole=True)


def gzip_member(packed: bytes, max_bytes: int) -> bytes | None:
    """What ``packed`` holds, by one call; None if it is not one sound member, or that is more."""
    engine = isal_zlib.decompressobj(wbits=31)
    # It ends with the size that it unpacks to.
    size = int.from_bytes(packed[-4:], "little")
    if size > max_bytes:
        return None
    try:
        found = engine.decompress(packed, size + 1)
    except DEFLATE_ERROR:
        return None
    return bytes(found) if engine.eof and not engine.unused_data else None


def dictionary(content: bytes) -> Dictionary | None:
    """That of zstd, which may be packed itself; None if it is none."""
    try:
        if content.startswith(ZSTD):
            content = unpacked(content, zstd_frame, MAX_DICTIONARY_BYTES).content
        return zstd.ZstdDict(content)
    except (ValueError, TooLarge):
        return None


def _members(data: bytes, make: Make) -> Iterator[bytes]:
    end = yield from pieces(data, 0, make)
    while make is gzip and data.startswith(GZIP, end):
        end = yield from pieces(data, end, make)


class _Run:
    """An engine and what it is fed."""

    def __init__(self, data: Data, start: int, make: Make, fine_from: int = sys.maxsize) -> None:
        self._data, self._engine, self._fine_from = data, make(), fine_from
        self.position = self.fed_from = start
        """Up to where, and from where, it was fed last."""

    def pull(self) -> bytes:
        """The next piece; none when all was given."""
        while not self._engine.has_ended:
            packed = b""
            if wants_more := self._engine.wants_more:
                size = PIECE_BYTES if self.position < self._fine_from else 1
                packed = self._data[self.position : self.position + size]
                self.fed_from, self.position = self.position, self.position + len(packed)
            if piece := self._engine.feed(packed, PIECE_BYTES):
                return piece
            if wants_more and not packed and not self._engine.has_ended:
                raise Damaged(self.position)
        return b""

    @property
    def end(self) -> int:
        """Where it ends, once all was pulled."""
        return self.position - self._engine.unused
