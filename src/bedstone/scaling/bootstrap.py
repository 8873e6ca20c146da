"""How sure a fitted law is, by resampling its runs: many resamples solved at once.

A resample is the runs, each as often as it was drawn: the weights of a problem. All descend from
the law of all runs, a chunk at a time; those that do not come down to a minimum from there try
every start of a fit.

Source: Efron and Tibshirani 1993, "An introduction to the bootstrap", chapters 6 and 13.
"""

from dataclasses import dataclass

import numpy as np

from bedstone.scaling.fitting import Method, Problem, Runs, law_values, solved
from bedstone.scaling.law import Law
from bedstone.scaling.robust import Floats

CHUNK_RESAMPLES = 100
"""So that a chunk's arrays stay in the cache."""
LARGEST_GAP = 1e-6
"""Of the objective, relative: a resample further above its minimum is no fit."""


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """The laws of the resamples that have one."""

    values: Floats
    """(R, 5): E, A, B, alpha, beta."""
    gaps: Floats
    """(R,): how far each objective lies above its minimum, as a share of it."""
    failed: int
    """Resamples without a law: no start led to a minimum."""

    def laws(self) -> list[Law]:
        """One a resample."""
        return [Law(*values) for values in self.values.tolist()]


def bootstrap(runs: Runs, method: Method, start: Law, resamples: int, seed: int) -> Draws:
    """The laws of ``resamples`` resamples of ``runs``.

    Args:
        runs: those that ``start`` was fitted to.
        method: as of the fit.
        start: the fit's law.
        resamples: at least 1.
        seed: of the runs drawn.

    Raises:
        DataError: as of ``fit``.
    """
    problem = Problem(runs, method)
    even = np.full(len(runs), 1 / len(runs))
    random = np.random.default_rng(seed)
    start_theta = problem.theta_of(start)
    parts = []
    for first in range(0, resamples, CHUNK_RESAMPLES):
        count = min(CHUNK_RESAMPLES, resamples - first)
        drawn = random.multinomial(len(runs), even, size=count).astype(np.float64)
        parts.append(_minima(problem, start_theta, drawn))
    theta, gaps = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    kept = gaps <= LARGEST_GAP
    values = law_values(problem.numbers(theta[kept]), method)
    return Draws(values, gaps[kept], int((~kept).sum()))


def _minima(problem: Problem, start: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """The parameters (R, P) of each resample, by its ``weights`` (R, n), and their gaps (R,)."""
    theta = problem.descended(np.repeat(start[None], len(weights), axis=0), weights)
    gaps = problem.gaps(theta, weights)
    enough = (weights > 0).sum(axis=1) >= theta.shape[1]
    for row in np.flatnonzero(enough & ~(gaps <= LARGEST_GAP)):
        alone, proof = solved(problem, weights[row])
        theta[row] = alone[0]
        # Where the proof holds, what is left is rounding.
        gaps[row] = 0.0 if proof.converged else problem.gaps(alone, weights[row : row + 1])[0]
    return theta, gaps
