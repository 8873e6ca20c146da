"""How sure the columns of a panel are, how far they are apart, and what chance alone would give.

A share of independent items has Wilson's interval. Where some share a passage, or were measured
several times, clusters are drawn again, the same ones for all columns. A gap is paired by content.
Of a column of few clusters no interval is told. Where all have the same gap none is seen to differ:
the ends are as if so many were as bad or as good as can be as Wilson's interval of none holds.

Letters of the shapes: as ``panels``; R resamples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bedstone.evaluation.verdicts.outcomes import Outcome
from bedstone.evaluation.verdicts.panels import Measured, Panel, panel_of
from bedstone.uncertainty.intervals import MIN_DOCUMENTS, RESAMPLES, percentile_interval, wilson
from bedstone.uncertainty.paired import DIGITS, LEVEL, Floats, holm, mcnemar, p_values, resampled

DETECTABLE_ERRORS = 2.8
"""A difference of so many standard errors is found in 80 of 100 tests at 5 %."""
DRAWS = 10_000
SAME = 1e-9
"""Resamples that differ by less differ by rounding."""


@dataclass(frozen=True, slots=True)
class Score:
    """A column's value, and what it may be."""

    value: float
    low: float | None
    """None of too few clusters."""
    high: float | None
    n: int
    """Clusters."""


@dataclass(frozen=True, slots=True)
class Gap(Score):
    """A column's paired difference."""

    p: float | None
    """Of no difference, by itself."""
    p_adjusted: float | None
    """Among all columns."""
    gains: int
    """Units in which it is above 0."""
    losses: int
    detectable: float | None
    """The least difference that as many clusters would tell in 80 of 100 tests; None where none
    differs."""


def scores(panel: Panel, seed: int) -> list[Score]:
    """Each column's value: a share, or a ratio."""
    found = []
    drawn_RM = None if panel.is_counted else _drawn(panel, seed)
    for place, (value, n) in enumerate(zip(panel.values, panel.clusters, strict=True)):
        drawn_R = None if drawn_RM is None else drawn_RM[:, place]
        # where all are right or all wrong, so are all resamples, and yet that is not certain
        is_share = drawn_R is None or (value in (0, 1) and not _differ(drawn_R))
        found.append(_told(value, n, None if is_share else drawn_R))
    return found


def gaps(differences: Panel, seed: int, least: float = -1.0) -> list[Gap]:
    """Each column's difference from 0, of what lies between ``least`` and 1."""
    drawn_RM = _drawn(differences, seed)
    found = []
    known = zip(differences.values, differences.clusters, *_tested(differences, seed), strict=True)
    for place, (value, n, p, p_adjusted) in enumerate(known):
        drawn_R, part_U = drawn_RM[:, place], differences.part_UM[:, place]
        it = _told(value, n, drawn_R, least)
        error = float(np.nanstd(drawn_R)) if p is not None and _differ(drawn_R) else 0.0
        gains, losses = int((part_U > 0).sum()), int((part_U < 0).sum())
        detectable = DETECTABLE_ERRORS * error or None
        found.append(Gap(value, it.low, it.high, n, p, p_adjusted, gains, losses, detectable))
    return found


def p_of(differences: Panel, seed: int) -> list[float | None]:
    """Two-sided, of no difference, for each column; None of too few clusters.

    McNemar's where single outcomes are right or wrong, else by random signs of the clusters.
    """
    part_UM = differences.part_UM
    if differences.is_counted:
        gains, losses = (part_UM > 0).sum(axis=0).tolist(), (part_UM < 0).sum(axis=0).tolist()
        found = [mcnemar(*each) for each in zip(gains, losses, strict=True)]
    else:
        found = p_values(differences.by_cluster(part_UM), seed)
    told = zip(found, differences.clusters, strict=True)
    return [p if n >= MIN_DOCUMENTS else None for p, n in told]


def _tested(differences: Panel, seed: int) -> tuple[list[float | None], list[float | None]]:
    """The p-values, and adjusted ones."""
    ps = p_of(differences, seed)
    adjusted = iter(holm([p for p in ps if p is not None]))
    return ps, [None if p is None else next(adjusted) for p in ps]


def paired_models(before: Sequence[Outcome], after: Sequence[Outcome], seed: int) -> dict[str, Gap]:
    """How much more is right after, in each language, of the items that both are about."""
    right = [dict[str, list[float]](), dict[str, list[float]]()]
    for side, those in zip(right, (before, after), strict=True):
        for each in those:
            side.setdefault(each.item.id, []).append(each.right)
    items = {each.item.id: each.item for each in after if each.item.id in right[0]}
    measured = [
        Measured(item, float(np.mean(right[1][name]) - np.mean(right[0][name])))
        for name, item in items.items()
    ]
    panel = panel_of(measured)
    return dict(zip(panel.columns, gaps(panel, seed), strict=True))


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
    _, adjusted = _tested(differences, seed)
    return [
        pair if value > 0 else (pair[1], pair[0])
        for pair, value, p in zip(pairs, differences.values, adjusted, strict=True)
        if p is not None and p < LEVEL
    ]


def ranks(
    columns: Sequence[str], apart: Sequence[tuple[str, str]]
) -> Mapping[str, tuple[int, int]]:
    """The best and the worst rank that each may have, as far as pairs are told apart."""
    better, worse = [pair[0] for pair in apart], [pair[1] for pair in apart]
    return {name: (1 + worse.count(name), len(columns) - better.count(name)) for name in columns}


def _drawn(panel: Panel, seed: int) -> Floats:
    """The columns' values (R, M) of clusters that are drawn again; nan where none has any."""
    both_UM = np.hstack([panel.part_UM, panel.whole_UM])
    part_RM, whole_RM = np.hsplit(resampled(panel.by_cluster(both_UM), seed, RESAMPLES), 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(part_RM / whole_RM)


def _differ(drawn_R: Floats) -> bool:
    return bool(np.nanmax(drawn_R) - np.nanmin(drawn_R) > SAME)


def _told(value: float, n: int, drawn_R: Floats | None, least: float | None = None) -> Score:
    """Between the percentiles of its resamples, or as a share."""
    if n < MIN_DOCUMENTS:
        return Score(value, None, None, n)
    if drawn_R is None:
        it = wilson(value, n)
    elif _differ(drawn_R):
        it = percentile_interval(value, drawn_R[np.isfinite(drawn_R)], n)
    elif least is None:
        return Score(value, None, None, n)
    else:
        low, high = (value + wilson(0, n).high * (end - value) for end in (least, 1.0))
        return Score(value, low, high, n)
    return Score(value, it.low, it.high, n)
