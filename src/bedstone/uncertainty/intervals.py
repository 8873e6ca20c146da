"""Intervals of 95 %: what a measured share or mean may be, given how few were measured."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Z_95 = 1.959963984540054
"""The normal distribution's quantile of 0.975."""
RESAMPLES = 2_000
PIECE_NUMBERS = 2**20
"""Drawn numbers that are in memory at once."""
MIN_DOCUMENTS = 8
"""Of fewer no interval is told: resampled values of so few are far too alike, of one they are
equal. Assumption: a rule of thumb."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured value with its interval and the number of independent units behind it."""

    value: float
    low: float
    high: float
    n: int

    def metrics(self, name: str, unit: str) -> dict[str, float]:
        """As a manifest lists it: ``name_unit``, ``name_unit_low``, ``_high`` and ``_n``."""
        values = {"": self.value, "_low": self.low, "_high": self.high, "_n": self.n}
        return {f"{name}_{unit}{suffix}": value for suffix, value in values.items()}

    @classmethod
    def read(cls, values: Mapping[str, Any], name: str) -> "Estimate":
        """From what ``metrics`` lists, of the ``name`` with its unit."""
        return cls(*(values[f"{name}{suffix}"] for suffix in ("", "_low", "_high", "_n")))


def wilson(share: float, n: int) -> Estimate:
    """The score interval of a ``share`` of ``n`` trials.

    Where each trial gives a number between 0 and 1 in place of yes or no, the variance is
    smaller, so the interval is rather too wide than too narrow.

    Raises:
        ValueError: without a trial there is no share.

    Source: Wilson 1927, JASA 22, 209-212.
    """
    if n < 1:
        raise ValueError("the share of no trials has no interval")
    spread = Z_95**2 / n
    centre = (share + spread / 2) / (1 + spread)
    half = Z_95 * math.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    # At 0 and 1 a bound is the share itself, but for the rounding.
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return Estimate(share, min(low, share), max(high, share), n)


def bootstrap_mean(
    values: Sequence[float],
    seed: int,
    weights: Sequence[float] | None = None,
    documents: Sequence[str] | None = None,
) -> Estimate:
    """The mean of ``values``, of which one at least is given, with its percentile interval.

    For a paired comparison give the differences of the pairs.

    Args:
        values: one of each prompt, say, not of its tokens.
        seed: of the resampling.
        weights: of the values; absent, they are equal.
        documents: which document each value comes from. What comes from one is alike, so
            documents are drawn again, each with all its values, and they are the ``n``. Absent,
            each value is of its own.

    Source: Efron and Tibshirani 1993, "An introduction to the bootstrap", chapter 13.
    """
    weight = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
    total = np.asarray(values, dtype=np.float64) * weight
    if documents is not None:
        _, of = np.unique(np.asarray(documents), return_inverse=True)
        total, weight = (np.bincount(of, values).astype(np.float64) for values in (total, weight))
    return bootstrap_ratio(total, weight, seed)


def bootstrap_ratio(parts: ArrayLike, wholes: ArrayLike, seed: int) -> Estimate:
    """The sum of ``parts`` over that of ``wholes``, with its percentile interval.

    Args:
        parts: one of each unit, of which there is one at least: the bits of a document, say.
        wholes: one of each unit, drawn again with its part: the bytes of the document.
        seed: of the resampling.

    Source: as ``bootstrap_mean``.
    """
    part, whole = np.asarray(parts, np.float64), np.asarray(wholes, np.float64)
    pieces = drawn(len(part), RESAMPLES, len(part), seed)
    ratios = [part[units].sum(axis=1) / whole[units].sum(axis=1) for units in pieces]
    value = part.sum() / whole.sum()
    return percentile_interval(value, np.concatenate(ratios), len(part))


def rank_correlation(x: ArrayLike, y: ArrayLike) -> Estimate | None:
    """Spearman's correlation of paired values, ties at their mean rank.

    None of fewer than ``MIN_DOCUMENTS`` pairs, or where all values of a side are equal. At -1 and 1
    the interval is that of half a step nearer to 0: so few pairs do not prove a perfect order.

    Source: Bonett and Wright 2000, Psychometrika 65, 23-28, for the variance of Fisher's z.
    """
    rank_x, rank_y = _ranks(np.asarray(x, np.float64)), _ranks(np.asarray(y, np.float64))
    n = len(rank_x)
    if n < MIN_DOCUMENTS or not np.ptp(rank_x) or not np.ptp(rank_y):
        return None
    value = float(np.clip(np.corrcoef(rank_x, rank_y)[0, 1], -1, 1))
    most = 1 - 6 / (n * (n * n - 1))
    within = min(max(value, -most), most)
    half = Z_95 * math.sqrt((1 + within**2 / 2) / (n - 3))
    low, high = (math.tanh(math.atanh(within) + sign * half) for sign in (-1, 1))
    return Estimate(value, min(low, value), max(high, value), n)


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    means = np.cumsum(counts) - (counts - 1) / 2
    return np.asarray(means[places], np.float64)


def percentile_interval(value: float, resampled: NDArray[np.float64], n: int) -> Estimate:
    """A value of ``n`` units, between the percentiles of its resamples."""
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Estimate(float(value), float(low), float(high), n)


def drawn(below: int, rows: int, columns: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Numbers from 0 to ``below`` - 1, as the rows of one table that is never whole in memory."""
    random = np.random.default_rng(seed)
    together = max(PIECE_NUMBERS // columns, 1)
    for first in range(0, rows, together):
        yield random.integers(below, size=(min(together, rows - first), columns))
