"""Lists of hosts and of beginnings of URLs, as their makers publish them, and who is on them.

A list is a plain file, named after it, or a folder with the files ``domains`` and ``urls`` (the
layout of the University of Toulouse's lists), named after the folder, or ``domains`` if that is the
folder which was given. Each line is a host, or a URL
with or without its scheme; behind ``#`` is a comment; a line of a file of hosts may begin with the
number that it is sent to. A host stands for itself and all hosts below it; a URL with a path for
itself and what is in that folder, never for a longer name that begins as it does.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from bedstone.corpus.links.addresses import (
    ADDRESS,
    host_of,
    hosts_above,
    listed_key,
    paths_above,
    without_variant,
)
from bedstone.corpus.links.keyed import Keyed, keyed_by, ordered
from bedstone.errors import DataError

OF_HOSTS, OF_URLS = "domains", "urls"
"""The files of a list that is a folder."""
LINE_BYTES = 1 << 14
"""Of a longer line the rest is passed over."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A list, as it was read."""

    name: str
    entries: int
    broken: int
    """Lines that name neither a host below a top-level domain nor a URL."""
    example: str
    """The first of them."""


@dataclass(frozen=True, slots=True)
class HostLists:
    """All lists, held as one table."""

    lists: tuple[Listed, ...]
    """By name."""
    entries: Keyed
    """Keys of hosts and of URLs; the number is the list's."""
    has_urls: bool

    def on(self, keys: Sequence[str | None]) -> list[list[str] | None]:
        """Of each strict key the names of the lists that it is on; None of none."""
        bare = [without_variant(key) if key else None for key in keys]
        terms = [self._terms(key) if key else [] for key in bare]
        wanted = list(set(chain.from_iterable(terms)))
        found: dict[str, set[int]] = {}
        for at, row in self.entries.matches([each.encode() for each in wanted]):
            found.setdefault(wanted[at], set()).add(int(self.entries.numbers[row]))
        numbers = [set[int]().union(*(found.get(it, ()) for it in each)) for each in terms]
        return [
            [self.lists[number].name for number in sorted(some)] if key else None
            for key, some in zip(bare, numbers, strict=True)
        ]

    def _terms(self, key: str) -> list[str]:
        """The entries that would name a page."""
        return hosts_above(host_of(key)) + (paths_above(key) if self.has_urls else [])


def read_lists(files: Sequence[Path], top: Path) -> HostLists:
    """The lists that ``files`` below ``top`` are.

    Raises:
        DataError: one cannot be read, or has no entry.
    """
    by_name: dict[str, list[Path]] = {}
    for path in files:
        if (name := _name(path, files, top)) is not None:
            by_name.setdefault(name, []).append(path)
    keys, numbers, lists, has_urls = list[bytes](), list[int](), [], False
    for number, name in enumerate(sorted(by_name)):
        before, broken, example = len(keys), 0, ""
        for line in _lines(by_name[name]):
            if (key := _entry(line)) is None:
                broken, example = broken + 1, example or line
                continue
            keys.append(key.encode())
            has_urls |= key != host_of(key)
        numbers += [number] * (len(keys) - before)
        lists.append(Listed(name, len(keys) - before, broken, example))
        if len(keys) == before:
            where = ", ".join(str(path.resolve()) for path in by_name[name])
            raise DataError(
                f"{where}: no line names a host or a URL; the first is {example!r}",
                hint="leave it out, or write a host or a URL on each line",
            )
    return HostLists(tuple(lists), ordered([keyed_by(keys, numbers)]), has_urls)


def _name(path: Path, files: Sequence[Path], top: Path) -> str | None:
    """Of the list that a file belongs to; None if it is another file of such a folder."""
    if path.name in (OF_HOSTS, OF_URLS):
        # Not of what lies above the top: by that nothing is told of what was asked for.
        folder = os.path.relpath(path.parent.resolve(), top)
        return OF_HOSTS if folder == os.curdir else Path(folder).name
    beside = {each.name for each in files if each.parent == path.parent}
    return None if OF_HOSTS in beside or OF_URLS in beside else path.name.removesuffix(path.suffix)


def _lines(files: Sequence[Path]) -> Iterator[str]:
    """What is no comment."""
    for path in files:
        try:
            with path.open("rb") as file:
                while line := file.readline(LINE_BYTES):
                    text = line.decode("utf-8-sig", "replace").partition("#")[0].strip()
                    while len(line) == LINE_BYTES and not line.endswith(b"\n"):
                        line = file.readline(LINE_BYTES)
                    if text:
                        yield text
        except OSError as error:
            raise DataError(f"{path.resolve()}: cannot be read: {error}") from error


def _entry(line: str) -> str | None:
    """The key of a host or of the beginning of a URL."""
    first, *rest = line.split()
    if len(rest) == 1 and ADDRESS.fullmatch(first):  # of a file of hosts
        first, rest = rest[0], []
    key = None if rest else listed_key(first.removeprefix("*.").lstrip("."))
    if key is None:
        return None
    key = without_variant(key)
    host = host_of(key)
    return key if "." in host or ADDRESS.fullmatch(host) else None
