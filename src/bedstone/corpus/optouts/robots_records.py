"""Many robots.txt on disk, found again by host: of a crawl, or of a folder.

Each file of records gives a file of bodies and one of rows, sorted by a hash of the address; rows
are mapped, bodies read when they are asked for. So memory does not grow with their number.

Source: RFC 9309, 2.3.1: what an answer's status means.
Differs: of a host that has none for the page's scheme, that of the other is taken, http for https;
redirects are followed as far as there are records of where they lead.
"""

import hashlib
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin

import can_ada
import numpy as np

from bedstone.corpus.optouts.rulings import MAX_BYTES, Robots, decoded
from bedstone.corpus.web import warc
from bedstone.corpus.web.pages import Page, Rejected
from bedstone.errors import DataError

PATH = "/robots.txt"
ARCHIVES = (*warc.WARCS, *warc.ARCS)
MAX_RECORD_BYTES = 8 << 20
"""Larger ones are passed over."""
MAX_REDIRECTS = 5
NOW = "9"
"""The date of a file that has none: it was put there for now."""
MAX_URL_CHARACTERS = 2_000
"""Of an address that rules are matched with."""
HELD_ANSWERS = 1 << 14
KEPT_CHARACTERS = 4 << 20
"""Of the texts whose parsed form is held."""
DATE_CHARACTERS = len("2024-01-01T00:00:00")
ROW = np.dtype(
    [
        ("key", "<u8"),
        ("date", f"S{DATE_CHARACTERS}"),
        ("status", "<u2"),
        ("is_https", "?"),
        ("file", "<u4"),
        ("start", "<u8"),
        ("size", "<u4"),
    ]
)


class Address(NamedTuple):
    """Of a page."""

    host: str
    """With the port, where it is not the scheme's own."""
    is_https: bool
    url: str
    """As browsers spell it, without a fragment."""


class Answer(NamedTuple):
    """What was got for a robots.txt."""

    status: int
    file: int
    start: int
    size: int
    """Where its text is kept."""


def address_of(url: str) -> Address | None:
    """The address of a page of the web; None of anything else."""
    try:
        found = can_ada.parse(url[:MAX_URL_CHARACTERS])
    except (ValueError, TypeError):  # the second for lone surrogates
        return None
    if found.protocol not in ("http:", "https:"):
        return None
    text = f"{found.protocol}//{found.host}{found.pathname}{found.search}"
    return Address(str(found.host), found.protocol == "https:", text)


class Part(NamedTuple):
    """Files that are read together."""

    number: int
    paths: Sequence[Path]
    """An archive, or files ``HOST.txt`` and ``HOST/robots.txt``."""
    is_crawl: bool
    """The archive is of pages, and only what is at ``PATH`` counts."""


def gather(part: Part, folder: Path) -> tuple[int, int]:
    """Put the robots.txt of a part in ``folder``; how many there are, and how many unreadable.

    Raises:
        DataError: the name of a file is none of a host.
    """
    rows, unreadable = [], 0
    with (folder / f"bodies-{part.number:05}").open("wb") as bodies:
        for page in _pages(part.paths):
            if part.is_crawl and not page.url.partition("?")[0].endswith(PATH):
                continue
            address = address_of(page.url)
            if isinstance(page, Rejected) or address is None:
                unreadable += 1
                continue
            told = f"{page.location[:MAX_URL_CHARACTERS]}\n{page.url[:MAX_URL_CHARACTERS]}\n"
            packed = zlib.compress(told.encode("utf-8", "replace") + page.body[: MAX_BYTES + 1])
            date = (page.date or NOW)[:DATE_CHARACTERS].encode("ascii", "replace")
            place = (part.number, bodies.tell(), bodies.write(packed))
            status = page.status or 200
            rows.append((_key(address), date, status, address.is_https, *place))
    np.save(folder / f"rows-{part.number:05}.npy", np.array(rows, ROW))
    return len(rows), unreadable


def sort(folder: Path) -> None:
    """Make what was gathered in all parts ready to be asked."""
    parts = [np.load(name) for name in sorted(folder.glob("rows-*.npy"))]
    rows = np.concatenate([np.empty(0, ROW), *parts])
    rows = rows[np.lexsort((rows["date"], rows["key"]))]
    np.save(folder / "rows.npy", rows)
    np.save(folder / "keys.npy", rows["key"])


def _pages(paths: Sequence[Path]) -> Iterator[Page | Rejected]:
    if paths[0].name.lower().endswith(ARCHIVES):
        yield from warc.read(paths[0], MAX_RECORD_BYTES, warc.Ledger())
        return
    for path in paths:
        host = host_in(path)
        if address_of(url := f"https://{host}{PATH}") is None:
            raise DataError(
                f"{path}: {host!r} is no host", hint="name it HOST.txt, or HOST/robots.txt"
            )
        with path.open("rb") as file:
            yield Page(0, 0, url, "", None, "text/plain", "", file.read(MAX_BYTES + 1))


def host_in(path: Path) -> str:
    """The host that a file is named after."""
    return path.parent.name if path.name == PATH[1:] else path.stem


def _key(address: Address) -> int:
    """The same for both schemes."""
    digest = hashlib.blake2b(address.url.partition("://")[2].encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


class Records:
    """Those that were gathered and sorted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys, self._rows = (
            np.load(folder / f"{it}.npy", "r").view(np.ndarray) for it in ("keys", "rows")
        )
        self._found = lru_cache(HELD_ANSWERS)(self._find)

    def find(self, page: Address) -> Answer | None:
        """The newest answer for the robots.txt of a page's host; None if nobody asked."""
        return self._found(page.host, page.is_https)

    def _find(self, host: str, is_https: bool) -> Answer | None:  # noqa: FBT001, a key
        asked = address_of(f"{'https' if is_https else 'http'}://{host}{PATH}")
        for _ in range(MAX_REDIRECTS + 1):
            row = self._row(asked) if asked else None
            if row is None:
                return None
            answer = Answer(*(int(row[name]) for name in Answer._fields))
            if not 300 <= answer.status < 400:
                return answer
            location, url, _ = self._content(answer)
            asked = _joined(url.decode(), location.decode())
        return None

    def text(self, answer: Answer) -> str:
        """The text of an answer."""
        return decoded(self._content(answer)[2])

    def _row(self, address: Address) -> Any | None:
        key = np.uint64(_key(address))
        rows = self._rows[slice(*np.searchsorted(self._keys, (key, key + np.uint64(1))).tolist())]
        same = [row for row in rows if row["is_https"] == address.is_https] or list(rows)
        return same[-1] if same else None

    def _content(self, answer: Answer) -> list[bytes]:
        """Where it leads, its own address, and its body."""
        with (self._folder / f"bodies-{answer.file:05}").open("rb") as file:
            file.seek(answer.start)
            return zlib.decompress(file.read(answer.size)).split(b"\n", 2)


def _joined(url: str, location: str) -> Address | None:
    try:
        return address_of(urljoin(url, location)) if location else None
    except ValueError:
        return None


class Kept:
    """What was read of texts: of those asked for last, as many as have ``KEPT_CHARACTERS``."""

    def __init__(self, make: Callable[[str], Robots]) -> None:
        self._make, self._size = make, 0
        self._held = OrderedDict[Answer, tuple[int, Robots]]()

    def of(self, answer: Answer, records: Records) -> Robots:
        """What is read of the text of ``answer``."""
        if answer not in self._held:
            text = records.text(answer)
            self._held[answer] = (len(text), self._make(text))
            self._size += len(text)
            while self._size > KEPT_CHARACTERS and len(self._held) > 1:
                self._size -= self._held.popitem(last=False)[1][0]
        self._held.move_to_end(answer)
        return self._held[answer][1]
