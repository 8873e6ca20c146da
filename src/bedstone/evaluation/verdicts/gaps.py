"""How sure the columns of a panel are, and how far they are apart.

A share of independent items has Wilson's interval. Where some share a passage, or were measured
several times, clusters are drawn again, the same ones for all columns. A gap is paired by content.
Of a column of few clusters no interval is told.

Letters of the shapes: as ``panels``; R resamples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bedstone.evaluation.verdicts.outcomes import Outcome
from bedstone.evaluation.verdicts.panels import Measured, Panel, panel_of
from bedstone.uncertainty.intervals import (
    MIN_DOCUMENTS,
    RESAMPLES,
    Estimate,
    percentile_interval,
    wilson,
)
from bedstone.uncertainty.paired import Floats, holm, mcnemar, p_values, resampled

DETECTABLE_ERRORS = 2.8
"""A difference of so many standard errors is found in 80 of 100 tests at 5 %."""


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
        if drawn_R is None or (value in (0, 1) and not np.ptp(drawn_R)):
            found.append(_told(value, n, wilson(value, n)))
        else:
            found.append(_told(value, n, _interval(value, drawn_R, n)))
    return found


def gaps(differences: Panel, seed: int) -> list[Gap]:
    """Each column's difference from 0."""
    drawn_RM = _drawn(differences, seed)
    ps = p_of(differences, seed)
    adjusted = iter(holm([p for p in ps if p is not None]))
    found = []
    known = zip(differences.values, differences.clusters, ps, strict=True)
    for place, (value, n, p) in enumerate(known):
        score = _told(value, n, _interval(value, drawn_RM[:, place], n))
        part_U = differences.part_UM[:, place]
        error = float(np.nanstd(drawn_RM[:, place])) if p is not None else 0.0
        found.append(
            Gap(
                *(score.value, score.low, score.high, score.n),
                p=p,
                p_adjusted=None if p is None else next(adjusted),
                gains=int((part_U > 0).sum()),
                losses=int((part_U < 0).sum()),
                detectable=DETECTABLE_ERRORS * error or None,
            )
        )
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


def _drawn(panel: Panel, seed: int) -> Floats:
    """The columns' values (R, M) of clusters that are drawn again; nan where none has any."""
    both_UM = np.hstack([panel.part_UM, panel.whole_UM])
    part_RM, whole_RM = np.hsplit(resampled(panel.by_cluster(both_UM), seed, RESAMPLES), 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(part_RM / whole_RM)


def _interval(value: float, drawn_R: Floats, n: int) -> Estimate:
    return percentile_interval(value, drawn_R[np.isfinite(drawn_R)], n)


def _told(value: float, n: int, interval: Estimate) -> Score:
    if n < MIN_DOCUMENTS:
        return Score(value, None, None, n)
    return Score(value, interval.low, interval.high, n)
