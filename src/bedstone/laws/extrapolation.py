"""What a few small runs say of a larger one: a law's forms, weighed by how well they fit.

L(N, D) = E + A / N^alpha + B / D^beta + of a size its own error + of a run its own. Of runs of one
number of tokens a parameter D follows from N, and E + A / N^alpha is all that they tell. Given the
exponents and how large a size's error is beside a run's (``RATIOS``), the law is linear, and what
the runs leave open of it is known: so all exponents of a grid are weighed by it, and laws are drawn
by their weight. A prediction is what the drawn laws say, each with a new size's and a new run's
error: that the form may be wrong is in it, as sizes that it misses make the first of these large.

Letters: N parameters, D training tokens, L loss in nats a token; R draws, n runs, s sizes (N, or N
and D), m different ones, p linear numbers of the law, g points of the grid.

Source: O'Hagan and Forster 2004, "Kendall's Advanced Theory of Statistics 2B: Bayesian Inference",
chapter 11, for linear laws with flat priors. The choice is shown by ``benchmarks/ladder.py``.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bedstone.errors import DataError
from bedstone.laws.fitting import Runs, tells_apart
from bedstone.laws.known import DRAWS_FILE, LAW_FILE
from bedstone.laws.robust import Floats
from bedstone.store.artifact import Shard
from bedstone.store.payload import read_json

EXPONENTS = (0.05, 1.25)
"""All between as likely before a run is seen. Published ones are .28 to .37: see ``laws.toml``."""
POINTS = {1: 241, 2: 49}
"""Of the grid of exponents, along each of them."""
RATIOS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Of the variance of a size's error to that of a run's, all as likely before."""
SAME_RATIO = 1.1
"""Times, by which tokens a parameter may differ and be called the same: steps are whole."""
AHEAD = 4.0
"""Times the largest sizes, where draws are compared too."""
DRAWN, ROUNDS = 20_000, 20
"""Laws at once, and how often: those in which the loss does not fall with each size, or falls below
nothing, are left out."""
LEAST_DRAWS, ENOUGH_DRAWS = 200, 4_000
"""Of fewer the runs show no such law; with so many nothing more is drawn."""
COLUMNS = ("E", "A", "B", "alpha", "beta", "deviation")


@dataclass(frozen=True, slots=True, eq=False)
class Extrapolation:
    """Laws that the runs allow, drawn by their plausibility."""

    draws: Floats
    """(R, 6) in the order of ``COLUMNS``; B and beta are 0 where the runs do not tell tokens from
    parameters, and ``deviation`` is that of a new run from the law, in nats."""
    middle: Floats
    """(5,): E, A, B, alpha, beta of the draw that lies in the middle of them all."""

    def loss(self, parameters: float, train_tokens: float) -> Floats:
        """Of each draw (R,), in nats."""
        return losses(self.draws.T[:5], parameters, train_tokens)

    def run(self, parameters: float, train_tokens: float, seed: int) -> Floats:
        """As ``loss``, of a run that is made anew."""
        own = np.random.default_rng(seed).standard_normal(len(self.draws))
        return self.loss(parameters, train_tokens) + self.draws[:, 5] * own


def stored(ladder: Shard) -> Extrapolation:
    """Of the artifact of scaling.ladder; its law is the one in the middle."""
    law = read_json(ladder, LAW_FILE)
    table = pq.read_table(ladder.file(DRAWS_FILE), columns=list(COLUMNS))
    draws = np.stack([column.to_numpy() for column in table.columns], axis=1)
    return Extrapolation(draws, np.array([law[name] or 0.0 for name in COLUMNS[:5]]))


def losses(numbers: Floats, parameters: float | Floats, train_tokens: float | Floats) -> Floats:
    """E + A / N^alpha + B / D^beta of the five ``numbers``, each of them one or many."""
    e, a, b, alpha, beta = numbers
    found: Floats = e + a * parameters**-alpha + b * train_tokens**-beta
    return found


def extrapolated(runs: Runs, seed: int) -> Extrapolation:
    """What ``runs`` allow.

    Raises:
        DataError: they are of too few sizes, or their losses do not fall as a power does.
    """
    sizes = [runs.parameters, runs.train_tokens] if tells_apart(runs) else [runs.parameters]
    cells, of_run = np.unique(np.log(sizes), axis=1, return_inverse=True)
    centre = cells.mean(axis=1, keepdims=True)
    grid = _weighed(runs.loss_nats, cells - centre, of_run.reshape(-1))
    at, linear, deviation = _drawn(grid, np.random.default_rng(seed))
    plain = _plain(grid.exponents[at], linear, centre)
    own = deviation * np.sqrt(1 + grid.ratios[at])
    sizes_sm = np.exp(np.column_stack([cells, cells.max(axis=1) + np.log(AHEAD)]))
    said = losses(plain.T[:, :, None], sizes_sm[0], sizes_sm[-1])
    middle = int(((said - np.median(said, axis=0)) ** 2).sum(axis=1).argmin())
    return Extrapolation(np.column_stack([plain, own]), plain[middle])


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """What the runs say of the linear numbers, at each point."""

    exponents: Floats
    """(g, p - 1)."""
    ratios: Floats
    """(g,), of ``RATIOS``."""
    linear: Floats
    """(g, p): E, A and B of least squares, of sizes that are centred."""
    root: Floats
    """(g, p, p): of their covariance, over the variance of a run."""
    squares: Floats
    """(g,): what is left, of ``df`` degrees of freedom."""
    df: int
    log_weights: Floats


def _weighed(loss_n: Floats, cell_sm: Floats, of_run: NDArray[np.intp]) -> _Grid:
    """Each point's least squares, and how likely the runs are by it.

    Args:
        loss_n: measured.
        cell_sm: logs of each different size, centred.
        of_run: which of these each run has.
    """
    count_m = np.bincount(of_run).astype(np.float64)
    p, m = 1 + len(cell_sm), len(count_m)
    if m <= p:
        raise DataError(
            f"{m} sizes for the law's {2 * p - 1} numbers: too few",
            hint=f"give {p + 1} sizes or more",
        )
    mean_m = np.bincount(of_run, loss_n) / count_m
    within = float(((loss_n - mean_m[of_run]) ** 2).sum())
    steps = np.linspace(*EXPONENTS, POINTS[len(cell_sm)])
    grid = np.array(list(product(*[steps] * len(cell_sm), RATIOS)))
    exponents, ratios = grid[:, :-1], grid[:, -1]
    powers = np.exp(-exponents[:, :, None] * cell_sm)
    x_gmp = np.concatenate([np.ones((len(grid), 1, m)), powers], axis=1).transpose(0, 2, 1)
    variance_gm = ratios[:, None] + 1 / count_m
    weighted = x_gmp / variance_gm[:, :, None]
    inverse = np.linalg.inv(np.einsum("gmp,gmq->gpq", weighted, x_gmp))
    linear = np.einsum("gpq,gmq,m->gp", inverse, weighted, mean_m)
    left = mean_m - np.einsum("gmp,gp->gm", x_gmp, linear)
    df, rounding = len(loss_n) - p, np.finfo(np.float64).eps * mean_m.max()
    squares = within + (left**2 / variance_gm).sum(axis=1) + df * rounding**2
    volume = np.linalg.slogdet(inverse)[1] - np.log(variance_gm).sum(axis=1)
    log_weights = volume / 2 - df / 2 * np.log(squares)
    return _Grid(exponents, ratios, linear, np.linalg.cholesky(inverse), squares, df, log_weights)


def _drawn(grid: _Grid, dice: np.random.Generator) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Points, their linear numbers and a run's deviation, drawn by their plausibility.

    Raises:
        DataError: hardly a law that the runs allow lets the loss fall.
    """
    weights = np.exp(grid.log_weights - grid.log_weights.max())
    parts, count = [], 0
    for _ in range(ROUNDS):
        at = dice.choice(len(weights), DRAWN, p=weights / weights.sum())
        deviation = np.sqrt(grid.squares[at] / dice.chisquare(grid.df, DRAWN))
        normal = dice.standard_normal((DRAWN, grid.linear.shape[1]))
        moved = np.einsum("rpq,rq->rp", grid.root[at], normal)
        linear = grid.linear[at] + deviation[:, None] * moved
        kept = (linear > 0).all(axis=1)
        parts.append((at[kept], linear[kept], deviation[kept]))
        count += int(kept.sum())
        if count >= ENOUGH_DRAWS:
            break
    if count < LEAST_DRAWS:
        raise DataError("the losses do not fall with size as a power does")
    ats, linears, deviations = (np.concatenate(each) for each in zip(*parts, strict=True))
    return ats[:ENOUGH_DRAWS], linears[:ENOUGH_DRAWS], deviations[:ENOUGH_DRAWS]


def _plain(exponents: Floats, linear: Floats, centre: Floats) -> Floats:
    """E, A, B, alpha, beta (R, 5) of linear numbers (R, p) of powers that are centred."""
    coefficients = linear[:, 1:] * np.exp(exponents * centre.T)
    none = np.zeros((len(linear), 2 - coefficients.shape[1]))
    return np.concatenate([linear[:, :1], coefficients, none, exponents, none], axis=1)
