"""What chance alone would give: the worst of equal languages, and languages told apart.

Shape letters: as ``panels``; R draws.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bedstone.evaluation.verdicts.gaps import p_of
from bedstone.evaluation.verdicts.panels import Panel
from bedstone.uncertainty.paired import LEVEL, holm

DRAWS = 10_000
ROUNDING = 1e-12
"""A variance that is no more is none."""


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

    What all columns have in common, an item that is hard in each, moves them together, and makes
    none the worst: it is taken off. What is left has the variance of fewer or more independent
    items than there are; binomials of so many are drawn.
    """
    has_UM = panel.whole_UM > 0
    n_M, columns_U = has_UM.sum(axis=0), has_UM.sum(axis=1, keepdims=True)
    pooled = float(panel.part_UM.sum() / has_UM.sum())
    mean_U = panel.part_UM.sum(axis=1, keepdims=True) / columns_U
    # of k values around their mean: k / (k - 1) times the variance; one alone has no such mean
    several_U, spread_U = columns_U > 1, np.sqrt(columns_U / np.maximum(columns_U - 1, 1))
    own_UM = np.where(several_U, (panel.part_UM - mean_U) * spread_U, panel.part_UM - pooled)
    own_UM = np.where(has_UM, own_UM, 0)
    own_UM = np.where(has_UM, own_UM - own_UM.sum(axis=0) / n_M, 0)
    variance = float((panel.by_cluster(own_UM) ** 2).sum() / n_M.sum())
    lowest_R = np.full(1, pooled)
    if variance > ROUNDING:
        independent_M = np.maximum(np.rint(n_M * pooled * (1 - pooled) / variance), 1)
        random = np.random.default_rng(seed)
        right_RM = random.binomial(independent_M.astype(np.int64), pooled, (DRAWS, len(n_M)))
        lowest_R = (right_RM / independent_M).min(axis=1)
    value, language = min(zip(panel.values, panel.columns, strict=True))
    low = float(np.quantile(lowest_R, LEVEL))
    return Worst(language, value, pooled, float(lowest_R.mean()), low)


def told_apart(panel: Panel, seed: int) -> list[tuple[str, str]]:
    """The pairs of columns, the better one first, that differ beyond chance, Holm over all."""
    pairs = list(combinations(panel.columns, 2))
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
