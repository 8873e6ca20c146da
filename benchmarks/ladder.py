"""How often a ladder's interval of 95 % holds the target's loss, where the law is known.

    python benchmarks/ladder.py [--trials 200]

Sizes are .1, .2, .4, .8 M parameters, each up to a fifth off as shapes are, and the target 1.6 M.
A run's loss is the law's, with luck of its own and an error of its size. Beside what `bedstone
ladder` does stand intervals of Student's t about least squares: of the sizes' means (as many
degrees of freedom as sizes beyond three), and of all runs, as if no size had an error. Two laws are
bent in log N, so they are of no form that is fitted. What is printed stands in docs/lab/LOG.md.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bedstone.errors import DataError
from bedstone.laws.extrapolation import extrapolated
from bedstone.laws.fitting import Method, Runs, fit_curve
from bedstone.laws.robust import Floats
from bedstone.uncertainty.student import quantile

SIZES, TARGET, SPREAD = (1e5, 2e5, 4e5, 8e5), 1.6e6, 0.2
RATIOS = ((3.0,), (3.0, 12.0))
NOISES = ((0.01, 0.0), (0.01, 0.01), (0.02, 0.03))
"""Deviations of a run and of a size, in nats."""
Law = Callable[[Floats, Floats], Floats]
Ends = tuple[float, float] | None


def powers(e: float, a: float, alpha: float, b: float, beta: float) -> Law:
    """A law by its terms at .1 M parameters and .3 M tokens."""
    return lambda n, d: e + a * (n / 1e5) ** -alpha + b * (d / 3e5) ** -beta


def bent(slope: float, bend: float) -> Law:
    """One whose exponent changes with the size."""
    return lambda n, d: 2 + 4.5 * (n / 1e5) ** -(slope + bend * np.log(n / 1e5))


LAWS = {
    "chinchilla": powers(1.8, 1.5, 0.348, 3.2, 0.366),
    "steep": powers(3.0, 1.5, 0.55, 2.0, 0.5),
    "flat": powers(1.0, 2.5, 0.12, 3.0, 0.15),
    "no floor": powers(0.0, 6.5, 0.1, 0.0, 0.1),
    "high floor": powers(4.2, 0.8, 0.7, 1.5, 0.8),
    "bent up": bent(0.3, -0.02),
    "bent down": bent(0.2, 0.02),
}


@dataclass(frozen=True)
class Case:
    """A ladder of which many are drawn."""

    law: Law
    seeds: int
    noise: tuple[float, float]
    ratios: Sequence[float]

    def draw(self, trial: int) -> tuple[Runs, float, float]:
        """The runs, the target's parameters and its loss."""
        dice = np.random.default_rng(trial)
        own, of_size = self.noise
        sizes = np.array(SIZES) * np.exp(dice.uniform(-SPREAD, SPREAD, len(SIZES)))
        n = np.tile(np.repeat(sizes, self.seeds), len(self.ratios))
        d = n * np.repeat(self.ratios, self.seeds * len(sizes))
        errors = np.repeat(dice.normal(0, of_size, len(n) // self.seeds), self.seeds)
        losses = self.law(n, d) + errors + dice.normal(0, own, len(n))
        target = TARGET * np.exp(dice.uniform(-SPREAD, SPREAD))
        wanted = np.array([target])
        luck = dice.normal(0, of_size) + dice.normal(0, own)
        loss = float(self.law(wanted, wanted * self.ratios[0])[0]) + luck
        return Runs(n, d, losses), target, loss


def ours(runs: Runs, target: float, ratio: float) -> Ends:
    try:
        found = extrapolated(runs, 0)
    except DataError:
        return None
    low, high = np.percentile(found.run(target, ratio * target, 0), [2.5, 97.5])
    return low, high


def of_sizes(runs: Runs, target: float, ratio: float) -> Ends:
    sizes = np.unique(runs.parameters)
    means = [runs.loss_nats[runs.parameters == each].mean() for each in sizes]
    return student(Runs(sizes, ratio * sizes, np.array(means)), target, ratio)


def student(runs: Runs, target: float, ratio: float) -> Ends:
    """The interval of a new run about the curve of least squares."""
    try:
        curve = fit_curve(runs, Method("squares"))
    except DataError:
        return None
    if not curve.told:
        return None

    def slopes(flop: Floats) -> Floats:
        power = flop**-curve.exponent
        return np.stack([np.ones_like(flop), power, -curve.coefficient * np.log(flop) * power], 1)

    at = Runs(*(np.array([it]) for it in (target, ratio * target, 1.0)))
    left, df = runs.loss_nats - curve.loss(runs), len(runs) - 3
    inverse = np.linalg.pinv(slopes(runs.flop).T @ slopes(runs.flop))
    (ahead,) = slopes(at.flop)
    half = quantile(0.025, df) * np.sqrt(left @ left / df * (1 + ahead @ inverse @ ahead))
    (middle,) = curve.loss(at)
    return middle - half, middle + half


WAYS = {"ladder": ours, "t of sizes": of_sizes, "t of runs": student}


def measured(case: Case, trials: int) -> Iterator[str]:
    """Of each way: in how many hundredths it holds, its median width, and how often it is none."""
    drawn = [case.draw(trial) for trial in range(trials)]
    for way in WAYS if len(case.ratios) == 1 else ["ladder"]:
        found = [WAYS[way](runs, target, case.ratios[0]) for runs, target, _ in drawn]
        known = [(it, loss) for it, (_, _, loss) in zip(found, drawn, strict=True) if it]
        held = np.mean([low <= loss <= high for (low, high), loss in known])
        width = np.median([high - low for (low, high), _ in known])
        yield f"{100 * held:5.1f} {width:6.3f} {trials - len(known):4}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    trials = parser.parse_args().trials
    heads = "".join(f" | {way + ': %, nats, none':>17}" for way in WAYS)
    print(f"{'law':10} {'tokens':8} {'seeds':>5} {'run':>5} {'size':>5}{heads}")
    for ratios in RATIOS:
        for name, law in LAWS.items():
            for seeds in (1, 2, 3) if len(ratios) == 1 else (1, 2):
                for noise in NOISES:
                    cells = " | ".join(measured(Case(law, seeds, noise, ratios), trials))
                    own, of_size = noise
                    told = "+".join(f"{it:g}" for it in ratios)
                    print(f"{name:10} {told:8} {seeds:5} {own:5} {of_size:5} | {cells}", flush=True)


if __name__ == "__main__":
    main()
