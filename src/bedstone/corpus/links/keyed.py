"""Hashes of keys with a number each, sorted: as many as the disk holds, found without reading all.

Keys are told apart by 64 bits of a hash. A key that is looked for among 10^9 others is taken for
one of them by chance once in 2 * 10^10 times.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

COMBINE = {"sum": np.add, "max": np.maximum}
"""Of the numbers of equal keys, what is kept."""
RUN_ENTRIES = 1 << 20
"""Held before they are sorted and put on disk."""
SLICE_ENTRIES = 1 << 19
"""Of all runs that are merged at a time, about."""


class Keyed(NamedTuple):
    """Keys, in their hashes' order unless they are still to be collected."""

    hashes: Hashes
    numbers: NDArray[np.float64]
    others: Hashes
    """Two for each key, of other keys of the same page."""

    @classmethod
    def at(cls, folder: Path) -> "Keyed":
        """What is in ``folder``, read as it is looked at."""
        kinds = zip(cls._fields, ("<u8", "<f8", "<u8"), strict=True)
        hashes, numbers, others = (_mapped(folder / name, kind) for name, kind in kinds)
        return cls(hashes, numbers, others.reshape(-1, 2))

    def rows(self, which: slice | NDArray[np.int64]) -> "Keyed":
        """Some of them, in memory."""
        return Keyed._make(np.array(each[which]) for each in self)

    def matches(self, keys: Sequence[bytes]) -> Iterator[tuple[int, int]]:
        """Which of ``keys`` is in which row, for all that are."""
        wanted = hashes_of(keys)
        order = np.argsort(wanted)  # so that what is near is looked at together
        firsts = np.searchsorted(self.hashes, wanted[order], "left")
        behind = np.searchsorted(self.hashes, wanted[order], "right")
        for at in np.flatnonzero(behind > firsts).tolist():
            for row in range(firsts[at], behind[at]):
                yield int(order[at]), row

    def between(self, low: int, high: int) -> "Keyed":
        """The rows with hashes in ``[low, high]``."""
        first = np.searchsorted(self.hashes, np.uint64(low), "left")
        return self.rows(slice(first, np.searchsorted(self.hashes, np.uint64(high), "right")))

    def append_to(self, folder: Path) -> None:
        """Write them behind those that are in ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, values in zip(self._fields, self, strict=True):
            with (folder / name).open("ab") as file:
                values.tofile(file)


class Collector:
    """Takes keys in any order and any number, and gives each once."""

    def __init__(self, folder: Path, combine: Literal["sum", "max"]) -> None:
        self._folder, self._combine = folder, combine
        self._pending = list[Keyed]()
        self._runs = list[Path]()

    def add(self, keyed: Keyed) -> None:
        """Take keys with their numbers."""
        self._pending.append(keyed)
        if sum(len(each.hashes) for each in self._pending) >= RUN_ENTRIES:
            self._flush()

    def close(self) -> Path:
        """The folder of all that were taken."""
        if self._pending or not self._runs:
            self._flush()
        return self._runs[0] if len(self._runs) == 1 else self._merged()

    def _flush(self) -> None:
        self._runs.append(self._folder / f"run-{len(self._runs):05}")
        self._combined(self._pending).append_to(self._runs[-1])
        self._pending = []

    def _merged(self) -> Path:
        entries = sum(len(Keyed.at(run).hashes) for run in self._runs)
        count = max(-(-entries // SLICE_ENTRIES), 1)
        for number in range(count):
            low, high = (bound * 2**64 // count for bound in (number, number + 1))
            # What is mapped counts as held until it is let go: so each run is opened anew.
            parts = [Keyed.at(run).between(low, high - 1) for run in self._runs]
            self._combined(parts).append_to(self._folder / "all")
        return self._folder / "all"

    def _combined(self, parts: list[Keyed]) -> Keyed:
        """Each key once."""
        together = ordered(parts)
        _, firsts = np.unique(together.hashes, return_index=True)
        found = together.rows(firsts)
        found.numbers[:] = COMBINE[self._combine].reduceat(together.numbers, firsts)
        return found


def keyed_by(keys: Sequence[bytes], numbers: Sequence[float]) -> Keyed:
    """``keys`` in the order given, equal ones too, each with its number."""
    none = np.zeros((len(keys), 2), np.uint64)
    return Keyed(hashes_of(keys), np.array(numbers, np.float64), none)


def ordered(parts: Sequence[Keyed]) -> Keyed:
    """All of ``parts`` in their hashes' order."""
    together = Keyed(*map(np.concatenate, zip(keyed_by([], []), *parts, strict=True)))
    return together.rows(np.argsort(together.hashes, kind="stable"))


def hashes_of(keys: Sequence[bytes]) -> Hashes:
    """64 bits of each key, evenly distributed."""
    return np.frombuffer(b"".join(blake2b(key, digest_size=8).digest() for key in keys), "<u8")


def _mapped(path: Path, kind: str) -> NDArray[Any]:
    if not path.stat().st_size:  # of nothing there is no map
        return np.empty(0, kind)
    return np.memmap(path, kind, "r")
