"""The URL index of a crawl: where in which of its files each page is.

It lies in blocks of some thousand lines, each a gzip member, sorted by the pages' keys: host names
backwards, then the path (``org,example,www)/a``). ``cluster.idx`` has a line for each block: the
first key, the file, where the block begins there, how long it is.

Source: the ZipNum format of pywb, docs/manual/indexing; Kreymer, Announcing the Common Crawl Index,
2015.
"""

import json
import re
from array import array
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from bedstone.corpus.web import packing
from bedstone.errors import DataError
from bedstone.lots import lot

CLUSTER = "cluster.idx"
LINE = re.compile(rb"([^\t\n]+)\t(cdx-\d{5}\.gz)\t(\d{1,12})\t(\d{1,7})\t\d{1,12}")
CHUNK_BYTES = 1 << 16
"""Of ``cluster.idx`` that are read at a time; no line is so long."""
UNPACKED_BYTES = 64 << 20
"""Of a block or a list of files: 3,000 lines are two million bytes, 100,000 files 14 million."""
CLUSTER_BYTES, MOST_BLOCKS = 1 << 29, 2_000_000
"""Of a crawl's ``cluster.idx``, which has about a million lines of 100 bytes."""
RECORD_BYTES = 16 << 20
"""Of a page: Common Crawl cuts its content at five million."""
PAGE = re.compile(r"crawl-data/CC-MAIN-[\w-]{1,30}/segments/\d[\w.]{0,60}/warc/[\w-][\w.-]{0,150}")
"""How the index names a file of pages."""


class Span(NamedTuple):
    """A block of the index, or a page in the crawl."""

    file: str
    start: int
    stop: int


class Wanted(NamedTuple):
    """Which pages."""

    keys: tuple[tuple[str, str], ...]
    """From the first to before the second; none for all."""
    languages: tuple[str, ...]
    """ISO 639-3, that come first where the index names several; none for all."""

    @classmethod
    def of(cls, domains: Iterable[str], languages: Iterable[str]) -> "Wanted":
        """Those of domains or hosts, with all below them."""
        names = (re.sub(r"^www\d*\.", "", each) for each in domains)
        backwards = sorted({",".join(reversed(name.split("."))) for name in names})
        return cls(tuple((f"{name})", f"{name}-") for name in backwards), tuple(languages))

    def takes(self, key: str, values: dict[str, object]) -> bool:
        """Whether a line is of a page that is wanted, and was fetched as HTML."""
        language = str(values.get("languages")).partition(",")[0]
        return (
            values["status"] == "200"
            and values["mime"] == "text/html"
            and (not self.languages or language in self.languages)
            and (not self.keys or any(low <= key < high for low, high in self.keys))
        )


def blocks_within(
    part: Callable[[int, int], bytes], size: int, ranges: Iterable[tuple[str, str]]
) -> list[bytes]:
    """The lines of ``cluster.idx`` whose blocks may have a key of the ``ranges``, sorted.

    The beginning of each is looked for by halves: a few reads for a file of any size.

    Args:
        part: reads the file from a place to another.
        size: of the file.
        ranges: of keys, from the first to before the second.

    Raises:
        DataError: it is no such file, or there are too many.
    """
    found = set[bytes]()
    for low, high in ranges:
        left, right = 0, size
        while right - left > CHUNK_BYTES:
            middle = (left + right) // 2
            line = next(_lines(part, middle, size), None)
            left, right = (middle, right) if line and _key(line) < low else (left, middle)
        before = set[bytes]()
        for line in _lines(part, left, size):
            if _key(line) >= high:
                break
            if _key(line) < low:
                before = {line}
            else:
                found.add(line)
            _refuse_too_many(len(found), low[:-1])
        found |= before
    return sorted(found)


def drawn_blocks(path: Path, seed: int) -> tuple[int, Iterator[Span]]:
    """How many lines the ``cluster.idx`` at ``path`` has, and their blocks in the seed's order."""
    starts = array("Q", [0])
    with path.open("rb") as file:
        for _ in iter(file.readline, b""):
            starts.append(file.tell())
            _refuse_too_many(len(starts), path.name)
    count = len(starts) - 1
    lots = array("d", (lot(str(number), f"index {seed}") for number in range(count)))

    def blocks() -> Iterator[Span]:
        with path.open("rb") as file:
            for number in sorted(range(count), key=lots.__getitem__):
                file.seek(starts[number])
                yield _parsed(file.readline().rstrip(b"\n"))[1]

    return count, blocks()


def pages(block: bytes, wanted: Wanted) -> Iterator[Span | None]:
    """The pages of a packed block that are wanted; None for a line that cannot be read.

    Raises:
        DataError: it is no block.
    """
    for line in lines(block, "a block of the index"):
        key, _, rest = line.partition(" ")
        try:
            values = json.loads(rest.partition(" ")[2])
            if wanted.takes(key, values):
                yield _page(values)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            yield None


def lines(packed: bytes, name: str) -> list[str]:
    """The lines of what is packed with gzip.

    Raises:
        DataError: it is not, or unpacks to too much.
    """
    try:
        found = packing.unpacked(packed, packing.gzip, UNPACKED_BYTES)
    except packing.TooLarge:
        raise DataError(f"{name} unpacks to over {UNPACKED_BYTES:,} bytes") from None
    if not found.is_whole:
        raise DataError(f"{name} is damaged")
    return found.content.decode(errors="replace").splitlines()


def _page(values: dict[str, str]) -> Span:
    file, start, length = values["filename"], int(values["offset"]), int(values["length"])
    if PAGE.fullmatch(file) and 0 <= start < 2**40 and 0 < length < RECORD_BYTES:
        return Span(file, start, start + length)
    raise ValueError(values)


def _lines(part: Callable[[int, int], bytes], start: int, size: int) -> Iterator[bytes]:
    """The lines that begin after ``start``, or there where that is the file's beginning."""
    rest, is_first = b"", start > 0
    for place in range(start, size, CHUNK_BYTES):
        *lines, rest = (rest + part(place, min(place + CHUNK_BYTES, size))).split(b"\n")
        if len(rest) > CHUNK_BYTES:
            raise DataError(f"{CLUSTER} has no lines at byte {place:,}")
        yield from lines[is_first:]
        is_first = False
    if rest and not is_first:
        yield rest


def _refuse_too_many(blocks: int, of: str) -> None:
    if blocks > MOST_BLOCKS:
        raise DataError(f"{of} has over {MOST_BLOCKS:,} blocks of the index")


def _parsed(line: bytes) -> tuple[str, Span]:
    found = LINE.fullmatch(line)
    if not found:
        raise DataError(f"{CLUSTER} has a line that is none of an index: {line[:200]!r}")
    key, file, start, length = found.groups()
    span = Span(file.decode(), int(start), int(start) + int(length))
    return key.decode(errors="replace").partition(" ")[0], span


def _key(line: bytes) -> str:
    return _parsed(line)[0]
