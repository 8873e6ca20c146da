"""Paired comparisons over problems: resamples, p-values and their adjustment.

Shape letters: P problems, M measures of each, R resamples.

Sources: Efron and Tibshirani 1993, "An introduction to the bootstrap", chapter 13; Holm
1979, Scandinavian Journal of Statistics 6, 65-70.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bedstone.uncertainty.intervals import PIECE_NUMBERS, drawn

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
RESAMPLES = 10_000
LEVEL = 0.05
"""Of a test."""
DIGITS = 12
"""What differs later, differs by rounding: no gain, however often it comes again."""


def resampled(value_PM: Floats, seed: int, resamples: int = RESAMPLES) -> Floats:
    """The means (R, M) of the columns over problems drawn again, the same for all columns."""
    problems = len(value_PM)
    parts = []
    for drawn_RP in drawn(problems, resamples, problems, seed):
        rows = len(drawn_RP)
        drawn_RP += np.arange(rows)[:, None] * problems
        times = np.bincount(drawn_RP.ravel(), minlength=rows * problems)
        parts.append(times.reshape(rows, problems) @ value_PM / problems)
    return np.concatenate(parts).round(DIGITS)


def p_values(gain_PM: Floats, seed: int, resamples: int = RESAMPLES) -> list[float]:
    """Two-sided, of no gain, for each column: how often random signs gain as much.

    If neither of two strategies is better, each problem's gain could as well be a loss. Unlike a
    bootstrap's share of resamples this holds also where few problems differ: 3 that all gain give
    1/4. Counts are raised by one, so none is 0: the smallest is 1 / (R + 1), or what no signs can
    exceed where that is less. Without it, of thousands of columns none would be told after Holm.

    Source: Fisher 1935, "The design of experiments", section 21; Hoeffding 1963, JASA 58, 13-30,
    theorem 2, for the bound.
    """
    gain_M = np.abs(gain_PM.sum(axis=0)).round(DIGITS)
    as_much_M = np.zeros(gain_PM.shape[1])
    for heads_RP in drawn(2, resamples, len(gain_PM), seed):
        sign_RP = heads_RP * 2.0 - 1
        wide = max(PIECE_NUMBERS // len(sign_RP), 1)
        for first in range(0, len(gain_M), wide):
            of = slice(first, first + wide)
            sums_RM = np.abs(sign_RP @ gain_PM[:, of]).round(DIGITS)
            as_much_M[of] += (sums_RM >= gain_M[of]).sum(axis=0)
    squares_M = np.maximum((gain_PM**2).sum(axis=0), np.finfo(float).tiny)
    bound_M = 2 * np.exp(-(gain_M**2) / (2 * squares_M))
    return [float(each) for each in np.minimum((as_much_M + 1) / (resamples + 1), bound_M)]


def mcnemar(gains: int, losses: int) -> float:
    """Two-sided, of no gain: how often so many fair coins fall as unequally.

    Source: McNemar 1947, Psychometrika 12, 153-157, with the binomial in place of chi squared.
    """
    both, fewer = gains + losses, min(gains, losses)
    term = total = 1
    for number in range(fewer):
        term = term * (both - number) // (number + 1)
        total += term
    return min(float(2 * total / 2**both), 1.0)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values adjusted so that those below a level hold all together at that level."""
    p = np.asarray(p_values)
    order = p.argsort(kind="stable")
    steps = p[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return [float(each) for each in adjusted]
