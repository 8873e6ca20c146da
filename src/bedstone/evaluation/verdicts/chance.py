"""What chance alone would give: the worst of equal languages, and languages told apart.

Shape letters: as ``panels``; R draws.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bedstone.evaluation.verdicts.gaps import p_of
from bedstone.evaluation.verdicts.panels import Panel
from bedstone.uncertainty.paired import DIGITS, LEVEL, holm

DRAWS = 10_000


@dataclass(frozen=True, slots=True)
class Worst:
    """The worst of the languages, beside the worst of as many that are equal."""

    language: str
    value: float
    pooled: float
    """The mean over all outcomes."""
    expected: float
    """Of the worst of equal ones."""
    low: float
    """Below it lies the worst of equal ones in 5 of 100 tests."""


def worst_of_equal(panel: Panel, seed: int) -> Worst:
    """As if each column had the pooled share right, of as many items in as large clusters.

    Outcomes then vary around that share. What all columns have in common, an item that is hard in
    each, moves them together and makes none the worst: it is taken off. What items of a cluster
    have in common is added. That is the variance of so many independent items, fewer or more than
    there are; binomials of them are drawn.
    """
    has_UM = panel.whole_UM > 0
    n_M, n_U1 = has_UM.sum(axis=0), has_UM.sum(axis=1, keepdims=True)
    pooled = float(panel.part_UM.sum() / n_M.sum())
    around_UM = np.where(has_UM, panel.part_UM - pooled, 0)
    centred_UM = np.where(has_UM, around_UM - around_UM.sum(axis=0) / n_M, 0)
    # around the mean of n, itself one of them, values vary (n - 1) / n as much; one alone has none
    spread_U1 = np.sqrt(n_U1 / np.maximum(n_U1 - 1, 1))
    apart_UM = (centred_UM - centred_UM.sum(axis=1, keepdims=True) / n_U1) * spread_U1
    own_UM = np.where(has_UM & (n_U1 > 1), apart_UM, centred_UM).round(DIGITS)
    variance = ((around_UM**2).sum() - (centred_UM**2).sum() + (own_UM**2).sum()) / n_M.sum()
    if own_UM.any():
        variance *= (panel.by_cluster(own_UM) ** 2).sum() / (own_UM**2).sum()
    lowest_R = np.full(1, pooled)
    if round(variance, DIGITS):
        independent_M = np.maximum(np.rint(n_M * pooled * (1 - pooled) / variance), 1)
        random = np.random.default_rng(seed)
        right_RM = random.binomial(independent_M.astype(np.int64), pooled, (DRAWS, len(n_M)))
        lowest_R = (right_RM / independent_M).min(axis=1)
    value, language = min(zip(panel.values, panel.columns, strict=True))
    low = float(np.quantile(lowest_R, LEVEL))
    return Worst(language, value, pooled, float(lowest_R.mean()), low)


def told_apart(panel: Panel, seed: int) -> list[tuple[str, str]]:
    """The pairs of columns, the better one first, that differ beyond chance, Holm over all."""
    pairs = panel.paired(combinations(panel.columns, 2))
    differences = panel.differences(pairs)
    known = [
        (pair, value, p)
        for pair, value, p in zip(pairs, differences.values, p_of(differences, seed), strict=True)
        if p is not None
    ]
    adjusted = holm([p for *_, p in known])
    return [
        pair if value > 0 else (pair[1], pair[0])
        for (pair, value, _), p in zip(known, adjusted, strict=True)
        if p < LEVEL
    ]


def ranks(
    columns: Sequence[str], apart: Sequence[tuple[str, str]]
) -> Mapping[str, tuple[int, int]]:
    """The best and the worst rank that each may have, as far as pairs are told apart."""
    better, worse = [pair[0] for pair in apart], [pair[1] for pair in apart]
    return {name: (1 + worse.count(name), len(columns) - better.count(name)) for name in columns}
