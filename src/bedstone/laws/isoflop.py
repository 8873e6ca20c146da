"""IsoFLOP profiles (Approach 2): at each budget the size of least loss, and how it grows.

Runs of one budget C = 6 N D lie on a curve of the loss over x = log10 N. A parabola through them
has its lowest point at log10 N*; a power law N* = k C^a goes through the budgets.

Source: Hoffmann et al. 2022, arXiv:2203.15556, section 3.2. Biases: Czech et al. 2026,
arXiv:2603.22339: the curve is no parabola where alpha and beta differ, so the optimum is shifted by
a grid that is wide, and most by one that is not centred on it.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bedstone.laws.assess import interval
from bedstone.laws.bootstrap import weights_drawn
from bedstone.laws.fitting import Runs
from bedstone.laws.law import FLOP_PER_PARAMETER_AND_TOKEN

Values = NDArray[np.float64]
SAME_BUDGET_SHARE = 0.1
"""Runs of one budget differ by no more in FLOP. Assumption: what is read off a figure, or made of
whole layers and steps, misses its budget by so much."""
MIN_SIZES = 3
"""Fewer do not make a parabola."""
TRUSTED_SIZES = 4
"""Fewer go through the parabola without telling whether it fits."""
SHOWN = (
    "flop",
    "sizes",
    "parameters",
    "train_tokens",
    "loss_nats",
    "off_centre",
    "usable",
    "parabola",
)
"""Of each budget, in a ``law.json``."""
LEAST_BEND = 1e-9
"""Of the loss over the whole grid: a parabola that bends less is a line, and rounding bends it."""
FARTHEST = 300
"""log10 N of an optimum: there is none beyond."""
SIZE_DECIMALS = 9
"""Of log10 N: sizes that differ by less differ by rounding."""
CENTRE = (0.25, 0.75)
"""Of the grid of log N: an optimum outside is off centre."""


@dataclass(frozen=True, slots=True, eq=False)
class Budget:
    """The runs of one budget, and the lowest point of their parabola."""

    flop: float
    """The runs' geometric mean."""
    index: NDArray[np.intp]
    """Which runs."""
    sizes: int
    """How many different N."""
    parabola: tuple[float, float, float]
    """c0, c1, c2 of the loss in nats, c0 + c1 x + c2 x^2, x = log10 N."""
    position: float | None
    """Of the optimum in the grid: 0 at the smallest N, 1 at the largest; None without a minimum."""
    parameters: float | None
    loss_nats: float | None

    @property
    def train_tokens(self) -> float | None:
        """D* = C / (6 N*)."""
        if self.parameters is None:
            return None
        return self.flop / (FLOP_PER_PARAMETER_AND_TOKEN * self.parameters)

    @property
    def off_centre(self) -> bool:
        """Whether the optimum is in an outer quarter of the grid, outside it, or nowhere."""
        return self.position is None or not CENTRE[0] <= self.position <= CENTRE[1]

    @property
    def usable(self) -> bool:
        """Whether the power law goes through it: the optimum lies between runs, and is tested."""
        inside = self.position is not None and 0 <= self.position <= 1
        return inside and self.sizes >= TRUSTED_SIZES


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """N* = ``coefficient`` C^``exponent``."""

    exponent: float
    coefficient: float


def budgets(runs: Runs) -> tuple[Budget, ...]:
    """The budgets at which the runs have sizes enough for a parabola, the smallest first."""
    found = (_budget(runs, index) for index in _groups(runs.flop))
    return tuple(sorted((each for each in found if each is not None), key=lambda each: each.flop))


def power_law(found: Sequence[Budget]) -> PowerLaw | None:
    """Through the usable budgets, by least squares in logarithms; None if they are fewer than two.

    Each counts the same.
    """
    used = [each for each in found if each.usable]
    if len(used) < 2:
        return None
    optima = np.array([[np.log10(each.parameters or 1.0) for each in used]])
    exponent, coefficient = _lines(np.log10([each.flop for each in used]), optima)
    return PowerLaw(float(exponent[0]), float(10 ** coefficient[0]))


def intervals(
    runs: Runs, found: Sequence[Budget], resamples: int, seed: int
) -> dict[str, tuple[float, float]]:
    """Of 95 %, by drawing the runs of each budget again: ``parameters_exponent``, ``coefficient``.

    A resample whose parabola has no minimum between its runs has no optimum at that budget. Where
    fewer than half of the resamples keep two budgets, there is no interval.
    """
    used = [each for each in found if each.usable]
    if len(used) < 2 or not resamples:
        return {}
    random = np.random.default_rng(seed)
    optima = np.stack([_resampled(runs, each, resamples, random) for each in used], axis=1)
    exponents, constants = _lines(np.log10([each.flop for each in used]), optima)
    valid = np.isfinite(exponents)
    if 2 * valid.sum() < resamples:
        return {}
    return {
        "parameters_exponent": interval(exponents[valid]),
        "coefficient": interval(10 ** constants[valid]),
    }


def warnings(found: Sequence[Budget]) -> list[str]:
    """What keeps the optima from being taken as they are."""
    few = [each for each in found if each.sizes < TRUSTED_SIZES]
    rest = [each for each in found if each.sizes >= TRUSTED_SIZES]
    bent = [each for each in rest if each.position is None]
    off = [each for each in rest if each.position is not None and each.off_centre]
    outside = [each for each in off if not each.usable]
    shifted = [each for each in off if each.usable]
    reasons = (
        (few, f"fewer than {TRUSTED_SIZES} sizes: not in the power law"),
        (bent, "the parabola has no minimum: not in the power law"),
        (outside, "off centre, the optimum lies outside the sizes: not in the power law"),
        (shifted, "off centre, the optimum lies in an outer quarter of the sizes: it is biased"),
    )
    return [f"isoFLOP at {_listed(of)}: {reason}" for of, reason in reasons if of]


def profiles(
    runs: Runs, found: Sequence[Budget], resamples: int, seed: int
) -> dict[str, Any] | None:
    """All of the above as a ``law.json`` has it; None where the runs make no budget."""
    if not found:
        return None
    line = power_law(found)
    return {
        "budgets": [
            {name: getattr(each, name) for name in SHOWN} | {"runs": len(each.index)}
            for each in found
        ],
        "parameters_exponent": line.exponent if line else None,
        "coefficient": line.coefficient if line else None,
        "intervals": intervals(runs, found, resamples, seed),
        "warnings": warnings(found),
    }


def _listed(of: Sequence[Budget]) -> str:
    shown = ", ".join(f"{each.flop:.2e}" for each in of[:3])
    return shown + (f" and {len(of) - 3} more budgets" if len(of) > 3 else " FLOP")


def _groups(flop: Values) -> Iterator[NDArray[np.intp]]:
    """Runs of one budget: the most that lie together first, then the most of those left."""
    order = np.argsort(flop, kind="stable")
    while len(order) >= MIN_SIZES:
        ends = np.searchsorted(flop[order], flop[order] * (1 + SAME_BUDGET_SHARE), side="right")
        first = int(np.argmax(ends - np.arange(len(order))))
        last = int(ends[first])
        if last - first < MIN_SIZES:
            return
        yield order[first:last]
        order = np.delete(order, slice(first, last))


def _budget(runs: Runs, index: NDArray[np.intp]) -> Budget | None:
    size = np.log10(runs.parameters[index])
    sizes = len(np.unique(size.round(SIZE_DECIMALS)))
    if sizes < MIN_SIZES:
        return None
    flop = float(np.exp(np.mean(np.log(runs.flop[index]))))
    # Centred first: the powers of x itself are nearly the same curve.
    middle = float(np.mean(size))
    c2, c1, c0 = (float(value) for value in np.polyfit(size - middle, runs.loss_nats[index], 2))
    parabola = (c0 - c1 * middle + c2 * middle**2, c1 - 2 * c2 * middle, c2)
    width = float(np.ptp(size))
    bends = c2 * width**2 > LEAST_BEND * c0
    best = middle - c1 / (2 * c2) if bends else math.inf
    if abs(best) > FARTHEST:
        return Budget(flop, index, sizes, parabola, None, None, None)
    position = (best - float(size.min())) / width
    return Budget(flop, index, sizes, parabola, position, 10**best, c0 - c1**2 / (4 * c2))


def _resampled(runs: Runs, budget: Budget, resamples: int, random: np.random.Generator) -> Values:
    """log10 N* of each resample, NaN where it has none between its runs."""
    chunks = weights_drawn(len(budget.index), resamples, random)
    return np.concatenate([_optima(runs, budget, weights) for weights in chunks])


def _optima(runs: Runs, budget: Budget, weights: Values) -> Values:
    """log10 N* of each resample by its ``weights`` (R, n); NaN as above."""
    size, loss = np.log10(runs.parameters[budget.index]), runs.loss_nats[budget.index]
    x = (size - size.mean()) / np.ptp(size)
    columns = np.stack([np.ones(len(x)), x, x**2])
    products = np.einsum("rn,in,jn->rij", weights, columns, columns)
    solvable = np.linalg.cond(products) < 1e12  # two sizes drawn make no parabola
    sums = np.einsum("rn,in,n->ri", weights, columns, loss)
    found = np.full(len(weights), np.nan)
    _, c1, c2 = np.linalg.solve(products[solvable], sums[solvable, :, None])[..., 0].T
    best = -c1 / np.where(c2 > 0, 2 * c2, np.nan)
    inside = (best >= x.min()) & (best <= x.max())
    found[solvable] = np.where(inside, size.mean() + best * np.ptp(size), np.nan)
    return found


def _lines(x: Values, y: Values) -> tuple[Values, Values]:
    """Slope and constant through the finite values of each row of ``y``; NaN for fewer than two."""
    known = np.isfinite(y)
    counts = known.sum(axis=1)
    few = counts < 2
    counts = np.where(few, 1, counts)
    mean_x = np.where(known, x, 0).sum(axis=1) / counts
    mean_y = np.where(known, y, 0).sum(axis=1) / counts
    from_x = np.where(known, x - mean_x[:, None], 0)
    from_y = np.where(known, y - mean_y[:, None], 0)
    slope = (from_x * from_y).sum(axis=1) / np.where(few, np.nan, (from_x**2).sum(axis=1))
    return slope, mean_y - slope * mean_x
