"""Batches of sequences of like length, in an order that seed and step alone decide."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

GRAIN = 8
"""Lengths are rounded up to a multiple of this many tokens: sequences of a batch share it."""


@dataclass(frozen=True)
class Batches:
    """Which sequences each step trains on.

    An epoch gives every sequence once: those of like length are shuffled and cut into batches,
    and the batches are shuffled. Each epoch does so anew, with equally many batches.
    """

    lengths: tuple[int, ...]
    """Of each sequence, in tokens."""
    batch_tokens: int
    """Most tokens of a batch, padding included; a longer sequence makes a batch by itself."""
    seed: int

    @cached_property
    def buckets(self) -> dict[int, np.ndarray]:
        """The sequences of each rounded length, by number."""
        rounded = -(-np.asarray(self.lengths) // GRAIN) * GRAIN
        return {int(width): np.flatnonzero(rounded == width) for width in np.unique(rounded)}

    @cached_property
    def per_epoch(self) -> int:
        """Batches of an epoch."""
        return sum(-(-len(rows) // self._rows(width)) for width, rows in self.buckets.items())

    def batch(self, step: int) -> list[int]:
        """The numbers of the sequences of ``step``, counted from 0."""
        return self.epoch(step // self.per_epoch)[step % self.per_epoch]

    def epoch(self, number: int) -> list[list[int]]:
        """The batches of epoch ``number``, in their order."""
        random = np.random.default_rng([self.seed, number])
        batches = []
        for width, rows in self.buckets.items():
            shuffled, size = random.permutation(rows), self._rows(width)
            batches += [
                shuffled[start : start + size].tolist() for start in range(0, len(rows), size)
            ]
        return [batches[number] for number in random.permutation(len(batches))]

    def _rows(self, width: int) -> int:
        return max(self.batch_tokens // width, 1)


def in_order(lengths: Sequence[int], batch_tokens: int) -> list[list[int]]:
    """Batches for measuring: the shortest first, so that like lengths meet; each sequence once."""
    order = sorted(range(len(lengths)), key=lambda number: lengths[number])
    batches: list[list[int]] = []
    for number in order:
        if not batches or (len(batches[-1]) + 1) * lengths[number] > batch_tokens:
            batches.append([])
        batches[-1].append(number)
    return batches
