"""Keys with a number each, sorted by a hash: as many as the disk holds, found without reading all.

A key takes its bytes and 24 more: its hash, its number, and where it starts. Keys are looked for
by their hash and then compared, so that two with the same hash are never taken for one another.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Combine = Literal["sum", "max"]
"""Of the numbers of equal keys, what is kept."""
RUN_BYTES = 1 << 27
"""Of keys and numbers held before they are sorted and put on disk; a few times as much while they
are."""
SLICE_ENTRIES = 1 << 21
"""Of all runs that are merged at a time, about."""
PARTS = {"hashes": "<u8", "numbers": "<f8", "starts": "<i8", "letters": "u1"}
"""The files, and the types of what is in them; ``starts`` has one more than there are keys."""


@dataclass(frozen=True, slots=True)
class Keyed:
    """Keys in their hashes' order."""

    hashes: NDArray[np.uint64]
    numbers: NDArray[np.float64]
    starts: NDArray[np.int64]
    letters: NDArray[np.uint8]

    @classmethod
    def at(cls, folder: Path) -> "Keyed":
        """What is in ``folder``, read as it is looked at."""
        return cls(*(_mapped(folder / name, kind) for name, kind in PARTS.items()))

    def __len__(self) -> int:
        return len(self.hashes)

    def key(self, row: int) -> bytes:
        """The key of a row."""
        return self.letters[self.starts[row] : self.starts[row + 1]].tobytes()

    def matches(self, keys: Sequence[bytes]) -> Iterator[tuple[int, int]]:
        """Which of ``keys`` is in which row, for all that are."""
        wanted = hashes_of(keys)
        order = np.argsort(wanted)  # so that what is near is looked at together
        firsts = np.searchsorted(self.hashes, wanted[order], "left")
        behind = np.searchsorted(self.hashes, wanted[order], "right")
        for at in np.flatnonzero(behind > firsts).tolist():
            for row in range(firsts[at], behind[at]):
                if self.key(row) == keys[order[at]]:
                    yield int(order[at]), row

    def table(self, first: int, behind: int) -> pa.Table:
        """The rows ``[first, behind)`` as they are collected."""
        starts = np.array(self.starts[first : behind + 1])
        letters = np.array(self.letters[starts[0] : starts[-1]])
        buffers = [None, pa.py_buffer(starts - starts[0]), pa.py_buffer(letters)]
        keys = pa.LargeBinaryArray.from_buffers(pa.large_binary(), behind - first, buffers)
        hashes, numbers = self.hashes[first:behind], self.numbers[first:behind]
        return _table(keys, np.array(hashes), np.array(numbers))


class Collector:
    """Takes keys in any order and any number, and gives each once."""

    def __init__(self, folder: Path, combine: Combine) -> None:
        self._folder, self._combine = folder, combine
        self._pending: list[pa.Table] = []
        self._bytes = 0
        self._runs: list[Path] = []

    def add(self, keys: Sequence[bytes], numbers: Sequence[float]) -> None:
        """Take keys with their numbers."""
        table = _table(
            pa.array(keys, pa.large_binary()), hashes_of(keys), np.array(numbers, np.float64)
        )
        self._pending.append(table)
        self._bytes += table.nbytes
        if self._bytes >= RUN_BYTES:
            self._flush()

    def close(self) -> Path:
        """The folder of all that were taken."""
        if self._pending or not self._runs:
            self._flush()
        return self._runs[0] if len(self._runs) == 1 else self._merged()

    def _flush(self) -> None:
        self._runs.append(self._folder / f"run-{len(self._runs):05}")
        _append(self._runs[-1], _combined([*self._pending, NOTHING], self._combine))
        self._pending, self._bytes = [], 0

    def _merged(self) -> Path:
        runs = [Keyed.at(run) for run in self._runs]
        count = max(-(-sum(map(len, runs)) // SLICE_ENTRIES), 1)
        bounds = np.array([number * 2**64 // count for number in range(count)], np.uint64)
        places = [[*np.searchsorted(run.hashes, bounds).tolist(), len(run)] for run in runs]
        for number in range(count):
            slices = zip(runs, places, strict=True)
            parts = [run.table(at[number], at[number + 1]) for run, at in slices]
            _append(self._folder / "all", _combined(parts, self._combine))
        return self._folder / "all"


def in_memory(keys: Sequence[bytes], numbers: Sequence[float]) -> Keyed:
    """All of ``keys``, equal ones too, each with its number."""
    table = _table(
        pa.array(keys, pa.large_binary()), hashes_of(keys), np.array(numbers, np.float64)
    )
    return Keyed(*_parts(table.take(np.argsort(table["hash"].to_numpy(), kind="stable")), 0))


def hashes_of(keys: Sequence[bytes]) -> NDArray[np.uint64]:
    """64 bits of each key, evenly distributed."""
    return np.frombuffer(b"".join(blake2b(key, digest_size=8).digest() for key in keys), "<u8")


def _table(keys: pa.Array, hashes: NDArray[np.uint64], numbers: NDArray[np.float64]) -> pa.Table:
    return pa.table({"key": keys, "hash": hashes, "number": numbers})


NOTHING = _table(pa.array([], pa.large_binary()), np.empty(0, np.uint64), np.empty(0, np.float64))


def _combined(parts: list[pa.Table], combine: Combine) -> pa.Table:
    """Each key once, in the hashes' order."""
    grouped = pa.concat_tables(parts).group_by("key", use_threads=False)
    found = grouped.aggregate([("hash", "min"), ("number", combine)])
    table = pa.table(
        {"key": found["key"], "hash": found["hash_min"], "number": found[f"number_{combine}"]}
    )
    return table.take(np.argsort(table["hash"].to_numpy(), kind="stable"))


def _parts(table: pa.Table, offset: int) -> Iterator[NDArray[Any]]:
    """What the files hold of the rows, whose letters start at ``offset``."""
    keys = pa.concat_arrays([*table["key"].chunks, pa.array([], pa.large_binary())])
    _, starts, letters = keys.buffers()
    yield table["hash"].to_numpy()
    yield table["number"].to_numpy()
    found = np.frombuffer(starts, "<i8")[: len(keys) + 1] if len(keys) else np.zeros(1, np.int64)
    yield found - found[0] + offset
    yield np.frombuffer(letters or b"", np.uint8)[found[0] : found[-1]]


def _append(folder: Path, table: pa.Table) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "letters"
    offset = path.stat().st_size if path.exists() else 0
    for name, part in zip(PARTS, _parts(table, offset), strict=True):
        is_more = name == "starts" and (folder / name).exists()
        with (folder / name).open("ab") as file:
            (part[1:] if is_more else part).astype(PARTS[name]).tofile(file)


def _mapped(path: Path, kind: str) -> NDArray[Any]:
    if not path.stat().st_size:  # of nothing there is no map
        return np.empty(0, kind)
    return np.memmap(path, kind, "r")
