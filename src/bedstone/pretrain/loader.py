"""Training sequences out of stored tokens, mixed at load.

A language's documents are one circle, in the order of their ids' hashes. Each is cut into windows
of a sequence's length, from its own first token on; what its last one lacks are the tokens of the
documents that follow. A language's windows come in a random order, each once, then in another; and
the languages are spread evenly over the run, by the weights that the mix has at each share of it.

All of it is a pure function of the seed, the sequence's number and, if the weights change, the
run's length, so a run that goes on at step n sees what it would have seen. And all that is random
hangs on ids and names alone, so two runs whose documents differ a little share the rest: one more
or less changes its own windows and those that it fills, and moves the later turns of its language;
with the same weights, other languages stay as they are.

What it costs: a document is in as many windows as its tokens fill or begin to fill, so a language
of short documents is not read once when as many tokens are read as it has. Beginnings, which fill
too, are read more often than ends, and some of it comes again before the rest has come. How many
tokens a run reads of a language follows from the weights all the same.

Documents follow one another within a window, each ended by the end-of-text token, and attention
crosses their borders: at this size that costs less than it would to mask them.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bedstone.errors import DataError
from bedstone.lots import lot
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.store.payload import read_json
from bedstone.tokenizer.mixing.shares import FILE
from bedstone.tokenizer.stored.tokens import PLACE, read_arrays, with_groups

STEP = np.uint64(0x9E3779B97F4A7C15)


class Piece(NamedTuple):
    """Documents that are stored in one array."""

    ids: Sequence[str]
    tokens: np.ndarray
    bounds: np.ndarray
    """Of each document, where it starts and ends: documents x 2."""


class Stream:
    """The documents of a language as one circle of tokens, in the order of their ids' hashes."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        hashes = np.array([_hash(each) for piece in pieces for each in piece.ids], np.uint64)
        places = [np.insert(piece.bounds, 0, number, 1) for number, piece in enumerate(pieces)]
        order = np.argsort(hashes, kind="stable")
        self.hashes, self._places = hashes[order], np.concatenate(places)[order]
        self._arrays = [np.asarray(piece.tokens) for piece in pieces]  # a slice of a map is slow

    @property
    def sizes(self) -> np.ndarray:
        """The tokens of each document."""
        sizes: np.ndarray = self._places[:, 2] - self._places[:, 1]
        return sizes

    def read(self, document: int, start: int, length: int) -> np.ndarray:
        """The ``length`` tokens from the ``start`` of a document on, by its place; int64."""
        out = np.empty(length, np.int64)
        filled = 0
        while filled < length:
            array, begin, end = self._places[document].tolist()
            inside = self._arrays[array][begin + start : min(end, begin + start + length - filled)]
            out[filled : filled + len(inside)] = inside
            filled += len(inside)
            document, start = (document + 1) % len(self._places), 0
        return out


class Windows:
    """The windows of a stream, in another order each epoch."""

    def __init__(self, stream: Stream, length: int, seed: int) -> None:
        """Windows of ``length`` tokens, in the orders of the ``seed``."""
        self._stream, self._length, self._seed = stream, length, seed
        self._counts = -(-stream.sizes // length)
        self._firsts = np.cumsum(self._counts) - self._counts
        self._epoch, self._order = -1, np.empty(0, np.int64)

    def __len__(self) -> int:
        return int(self._firsts[-1] + self._counts[-1])

    def read(self, turn: int) -> np.ndarray:
        """The window that comes after ``turn`` others, and the next token; int64."""
        epoch, place = divmod(turn, len(self))
        if epoch != self._epoch:
            self._epoch, self._order = epoch, np.argsort(self._lots(epoch), kind="stable")
        window = self._order[place]
        document = int(np.searchsorted(self._firsts, window, side="right")) - 1
        start = int(window - self._firsts[document]) * self._length
        return self._stream.read(document, start, self._length + 1)

    def _lots(self, epoch: int) -> np.ndarray:
        """Of each window; a document's are what splitmix64 gives that begins with its hash."""
        begins = _mixed(self._stream.hashes ^ np.uint64(_hash(f"{self._seed}\0{epoch}")))
        numbers = np.arange(1, len(self) + 1) - np.repeat(self._firsts, self._counts)
        return _mixed(np.repeat(begins, self._counts) + numbers.astype(np.uint64) * STEP)


@dataclass(frozen=True, slots=True)
class Phase:
    """The weights from some share of a run on."""

    from_share: float
    weights: Mapping[str, float]
    """The share of the phase's tokens that each language gets; the same names in all phases."""


ORDER_BYTES = 16
"""Of a sequence: its place in the run, its number."""


@dataclass(frozen=True, slots=True)
class Order:
    """Which language, and which of its turns, each sequence of a run is."""

    languages: tuple[str, ...]
    firsts: np.ndarray
    """Of each language, the number of its first turn; they are numbered language by language."""
    numbers: np.ndarray
    """Of each sequence, its turn's."""
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

        A language's turn k comes where its weight, summed up over the run, reaches k + u, with a
        lot u of its own; without changes that is at (k + u) / weight, and a longer run begins with
        the same ones.
        """
        names = tuple(sorted(weights))
        phases = [Phase(0.0, weights), *changes]
        starts = np.array([phase.from_share for phase in phases]) * sequences
        end = sequences + len(names)  # up to here at least as many turns come, whatever the lots
        weights_PL = np.array([[each.weights[name] for name in names] for each in phases])
        rates_PL = weights_PL / weights_PL.sum(1, keepdims=True)
        places = []
        for name, rates in zip(names, rates_PL.T, strict=True):
            sums = np.cumsum([0.0, *rates[:-1] * np.diff(starts)])
            reached = sums[-1] + rates[-1] * (end - starts[-1])
            offset = lot(name, f"turns {seed}")
            turns = np.arange(math.ceil(reached - offset)) + offset
            phase = np.searchsorted(sums[1:], turns)
            places.append(starts[phase] + (turns - sums[phase]) / rates[phase])
        firsts = np.cumsum([0, *map(len, places)])[:-1]
        numbers = np.argsort(np.concatenate(places), kind="stable")[:sequences]
        return cls(names, firsts, numbers, seed)

    @property
    def sequences(self) -> dict[str, int]:
        """How many sequences each language has."""
        counts = np.bincount(self._language(self.numbers), minlength=len(self.languages))
        return dict(zip(self.languages, counts.tolist(), strict=True))

    def turn(self, sequence: int) -> tuple[str, int]:
        """The language of ``sequence``, and how many of that language came before it."""
        number = self.numbers[sequence]
        language = self._language(number)
        return self.languages[language], int(number - self.firsts[language])

    def _language(self, numbers: np.ndarray) -> np.ndarray:
        return np.searchsorted(self.firsts, numbers, side="right") - 1


class Loader:
    """The batches of a run, by step."""

    def __init__(self, streams: Mapping[str, Stream], order: Order, rows: int, length: int) -> None:
        """Batches of ``rows`` sequences of ``length`` tokens, and one more to predict."""
        self._windows = {
            name: Windows(stream, length, order.seed) for name, stream in streams.items()
        }
        self._order, self._rows = order, rows

    def batch(self, step: int) -> np.ndarray:
        """The tokens of ``step``, counted from 0: rows x (length + 1), int64."""
        turns = map(self._order.turn, range(step * self._rows, (step + 1) * self._rows))
        return np.stack([self._windows[name].read(turn) for name, turn in turns])


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
    """The tokens of each language's documents to train on, or each group's; nothing is copied.

    Raises:
        DataError: the mix is of other tokens.
    """
    table = pq.read_table(mix.file("documents.parquet"), filters=pc.field("split") == "train")
    placed = with_groups(table).group_by(list(PLACE))
    grouped = placed.aggregate([("id", "list"), ("index", "list")])
    pieces: dict[str, list[Piece]] = {}

    @cache
    def listed(shard: int) -> pa.Table:
        return tables.read(tokens.shards[shard], ["id", "language"])

    for row in grouped.to_pylist():
        name, numbers = row["language"], np.array(row["index_list"])
        array, offsets = read_arrays(tokens, row["shard"], name)
        own = listed(row["shard"])
        ids = own.filter(pc.equal(own["language"], name))["id"]
        if numbers.max() >= len(ids) or ids.take(numbers).to_pylist() != row["id_list"]:
            raise DataError(
                f"the mix lists other documents of {name} than the tokens hold",
                hint="the mix must be made from these tokens",
            )
        bounds = np.stack([offsets[numbers], offsets[numbers + 1]], axis=1)
        pieces.setdefault(row["group"], []).append(Piece(row["id_list"], array, bounds))
    return {name: Stream(found) for name, found in pieces.items()}


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])


def _mixed(numbers: np.ndarray) -> np.ndarray:
    """Numbers with their bits spread over all 64, uint64.

    Source: the finaliser of splitmix64, Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195.
    """
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = numbers ^ (numbers >> np.uint64(31))
    return mixed
