"""What a few small runs say of a larger one: a law's forms, weighed by how well they fit.

L(N, D) = E + A / N^alpha + B / D^beta + of a size its own error + of a run its own. Of runs of one
number of tokens a parameter D follows from N, and E + A / N^alpha is all that they tell. Given the
exponents and how large a size's error is beside a run's (``RATIOS``), the law is linear, and what
the runs leave open of it is known: so all exponents of a grid are weighed by it, and laws are drawn
by their weight. A prediction is what the drawn laws say, each with a new size's and a new run's
error: that the form may be wrong is in it, as sizes that it misses make the first of these large.

Letters: N parameters, D training tokens, L loss in nats a token; R draws, n runs, m different
sizes and numbers of tokens, p numbers of the law that are linear, g points of the grid.

Source: O'Hagan and Forster 2004, "Kendall's Advanced Theory of Statistics 2B: Bayesian Inference",
chapter 11, for linear laws with flat priors. The choice is shown by ``benchmarks/ladder.py``.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from bedstone.errors import DataError
from bedstone.laws.fitting import Runs, tells_apart
from bedstone.laws.robust import Floats

EXPONENTS = (0.05, 1.25)
"""All between as likely before a run is seen. Published ones are .28 to .37: see ``laws.toml``."""
POINTS = {1: 241, 2: 49}
"""Of the grid of exponents, along each of them."""
RATIOS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Of the variance of a size's error to that of a run's, all as likely before."""
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
    best: Floats
    """(5,): E, A, B, alpha, beta of the likeliest exponents."""

    def loss(self, parameters: float, train_tokens: float) -> Floats:
        """Of each draw (R,), in nats."""
        return losses(self.draws.T[:5], parameters, train_tokens)

    def run(self, parameters: float, train_tokens: float, seed: int) -> Floats:
        """As ``loss``, of a run that is made anew."""
        own = np.random.default_rng(seed).standard_normal(len(self.draws))
        return self.loss(parameters, train_tokens) + self.draws[:, 5] * own


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
    sizes = [np.log(runs.parameters)]
    if tells_apart(runs):
        sizes.append(np.log(runs.train_tokens))
    cells, of_run = np.unique(np.stack(sizes), axis=1, return_inverse=True)
    of_run = of_run.reshape(-1)
    counts = np.bincount(of_run).astype(np.float64)
    p, m = 1 + len(sizes), len(counts)
    if m <= p:
        raise DataError(
            f"{m} sizes for the law's {2 * p - 1} numbers: too few",
            hint=f"give {p + 1} sizes or more",
        )
    means = np.bincount(of_run, runs.loss_nats) / counts
    within = float(((runs.loss_nats - means[of_run]) ** 2).sum())
    centre = cells.mean(axis=1, keepdims=True)
    exponents = np.linspace(*EXPONENTS, POINTS[len(sizes)])
    grid = np.array(list(product(*[exponents] * len(sizes), RATIOS)))
    exponents_g, ratio_g = grid[:, :-1], grid[:, -1]
    powers = np.exp(-exponents_g[:, :, None] * (cells - centre))
    x_gmp = np.concatenate([np.ones((len(grid), 1, m)), powers], axis=1).transpose(0, 2, 1)
    variance_gm = ratio_g[:, None] + 1 / counts
    weighted = x_gmp / variance_gm[:, :, None]
    inverse = np.linalg.inv(np.einsum("gmp,gmq->gpq", weighted, x_gmp))
    linear = np.einsum("gpq,gmq,m->gp", inverse, weighted, means)
    left = means - np.einsum("gmp,gp->gm", x_gmp, linear)
    df = len(runs) - p
    squares = within + (left**2 / variance_gm).sum(axis=1)
    floor = np.finfo(float).eps * means.max()
    squares = np.maximum(squares, df * floor**2)
    log_weight = (
        np.linalg.slogdet(inverse)[1] / 2
        - np.log(variance_gm).sum(axis=1) / 2
        - df / 2 * np.log(squares)
    )
    falls = (linear > 0).all(axis=1)
    weight = np.exp(log_weight - log_weight.max())
    dice = np.random.default_rng(seed)
    root = np.linalg.cholesky(inverse)
    parts, count = [], 0
    for _ in range(ROUNDS):
        at = dice.choice(len(grid), DRAWN, p=weight / weight.sum())
        deviation = np.sqrt(squares[at] / dice.chisquare(df, DRAWN))
        shift = np.einsum("rpq,rq->rp", root[at], dice.standard_normal((DRAWN, p)))
        found = linear[at] + deviation[:, None] * shift
        kept = (found > 0).all(axis=1)
        parts.append((at[kept], found[kept], deviation[kept]))
        count += int(kept.sum())
        if count >= ENOUGH_DRAWS:
            break
    if count < LEAST_DRAWS:
        raise DataError("the losses do not fall with size as a power does")
    at, found, deviation = (np.concatenate(each)[:ENOUGH_DRAWS] for each in zip(*parts))
    own = deviation * np.sqrt(1 + ratio_g[at])
    best = int(np.argmax(np.where(falls, log_weight, -np.inf)))
    plain = _plain(exponents_g[at], found, centre)
    return Extrapolation(
        np.column_stack([plain, own]), _plain(exponents_g[[best]], linear[[best]], centre)[0]
    )


def _plain(exponents: Floats, linear: Floats, centre: Floats) -> Floats:
    """E, A, B, alpha, beta (R, 5) of linear numbers (R, p) of powers that are centred."""
    coefficients = linear[:, 1:] * np.exp(exponents * centre.T)
    none = np.zeros((len(linear), 2 - coefficients.shape[1]))
    return np.concatenate([linear[:, :1], coefficients, none, exponents, none], axis=1)
