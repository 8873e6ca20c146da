"""Training sequences out of stored tokens, mixed at load.

The documents of a language that are for training are one circle of tokens, cut into windows of a
sequence's length; the last one ends with the circle's beginning. Which language each sequence of
a run has is drawn by the weights that the mix has at that share of the run; a language's windows
follow one another in a random order, each once, then in another. All of it is a pure function of
the seed, the sequence's number and, if the weights change, the run's length, so a run that goes on
at step n sees what it would have seen.

Documents follow one another within a window, each ended by the end-of-text token, and attention
crosses their borders: at this size that costs less than it would to mask them.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from bedstone.errors import DataError
from bedstone.store.artifact import Shard
from bedstone.store.payload import read_json
from bedstone.tokenizer.mixing.shares import FILE
from bedstone.tokenizer.stored.tokens import document_numbers, read_arrays


class Stream:
    """A circle of tokens, in the pieces in which they are stored."""

    def __init__(self, pieces: list[np.ndarray]) -> None:
        self._pieces = pieces
        self._starts = np.cumsum([0, *map(len, pieces)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def read(self, start: int, length: int) -> np.ndarray:
        """The ``length`` tokens from ``start`` on; at the end it begins again. int64."""
        out = np.empty(length, np.int64)
        filled = 0
        start %= len(self)
        number = int(np.searchsorted(self._starts, start, side="right")) - 1
        while filled < length:
            inside = self._pieces[number][start - self._starts[number] :][: length - filled]
            out[filled : filled + len(inside)] = inside
            filled += len(inside)
            number = (number + 1) % len(self._pieces)
            start = int(self._starts[number])
        return out


@dataclass(frozen=True, slots=True)
class Phase:
    """The weights from some share of a run on."""

    from_share: float
    weights: Mapping[str, float]
    """The share of the phase's tokens that each language gets; the same names in all phases."""


ORDER_BYTES = 24
"""Of a sequence: its lot, its language, its turn."""


@dataclass(frozen=True, slots=True)
class Order:
    """Which language, and which of its windows, each sequence of a run is."""

    languages: tuple[str, ...]
    language_of: np.ndarray
    """Of each sequence, its language's number."""
    turn_of: np.ndarray
    """Of each sequence, how many of its language came before it."""
    seed: int

    @classmethod
    def draw(
        cls,
        weights: Mapping[str, float],
        sequences: int,
        seed: int,
        changes: Sequence[Phase] = (),
    ) -> "Order":
        """The order of a run of so many ``sequences``, with ``weights`` until the first change.

        Without ``changes``, a longer run begins with the same ones.
        """
        names = tuple(sorted(weights))
        lots = np.random.default_rng(seed).random(sequences)
        language_of = np.empty(sequences, np.int64)
        phases = [Phase(0.0, weights), *changes]
        starts = [math.ceil(phase.from_share * sequences) for phase in phases]
        for phase, (start, end) in zip(phases, pairwise([*starts, sequences]), strict=True):
            bounds = np.cumsum([phase.weights[name] for name in names])
            drawn = lots[start:end] * bounds[-1]
            language_of[start:end] = np.searchsorted(bounds, drawn, side="right")
        turn_of = np.empty(sequences, np.int64)
        for number in range(len(names)):
            own = np.flatnonzero(language_of == number)
            turn_of[own] = np.arange(len(own))
        return cls(names, language_of, turn_of, seed)

    @property
    def sequences(self) -> dict[str, int]:
        """How many sequences each language has."""
        counts = np.bincount(self.language_of, minlength=len(self.languages))
        return dict(zip(self.languages, counts.tolist(), strict=True))

    def window(self, sequence: int, windows: Mapping[str, int]) -> tuple[str, int]:
        """The language of ``sequence``, and the number of its window among its ``windows``."""
        name = self.languages[self.language_of[sequence]]
        epoch, turn = divmod(int(self.turn_of[sequence]), windows[name])
        return name, int(_shuffled(windows[name], f"{self.seed}\0{name}\0{epoch}")[turn])


class Loader:
    """The batches of a run, by step."""

    def __init__(self, streams: Mapping[str, Stream], order: Order, rows: int, length: int) -> None:
        """Batches of ``rows`` sequences of ``length`` tokens, and one more to predict."""
        self._streams, self._order = streams, order
        self._rows, self._length = rows, length
        self._windows = {name: -(-len(stream) // length) for name, stream in streams.items()}

    def batch(self, step: int) -> np.ndarray:
        """The tokens of ``step``, counted from 0: rows x (length + 1), int64."""
        first = step * self._rows
        return np.stack([self._sequence(first + row) for row in range(self._rows)])

    def _sequence(self, number: int) -> np.ndarray:
        name, window = self._order.window(number, self._windows)
        return self._streams[name].read(window * self._length, self._length + 1)


def read_phases(mix: Shard) -> list[Phase]:
    """The weights of the training tokens over the run; the first phase begins with it."""
    values = read_json(mix, FILE)
    if "schedule" in values:
        return [Phase(**phase) for phase in values["schedule"]]
    return [Phase(0.0, {name: each["weight"] for name, each in values["languages"].items()})]


def read_order(mix: Shard, sequences: int, seed: int) -> Order:
    """The order of a run of so many ``sequences`` on ``mix``."""
    first, *changes = read_phases(mix)
    return Order.draw(first.weights, sequences, seed, changes)


def read_streams(tokens: Shard, mix: Shard) -> dict[str, Stream]:
    """The tokens of each language's documents to train on; nothing is copied.

    Raises:
        DataError: the mix is of other tokens.
    """
    pieces: dict[str, list[np.ndarray]] = {}
    for (name, shard), numbers in document_numbers(mix, "train").items():
        array, offsets = read_arrays(tokens, shard, name)
        if numbers[-1] + 1 >= len(offsets):
            raise DataError(f"the mix lists more documents of {name} than the tokens hold")
        for run in np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1):
            pieces.setdefault(name, []).append(array[offsets[run[0]] : offsets[run[-1] + 1]])
    return {name: Stream(found) for name, found in pieces.items()}


@lru_cache(maxsize=1024)
def _shuffled(count: int, key: str) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:16])
    return np.random.default_rng(seed).permutation(count)
