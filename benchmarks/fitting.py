"""The bootstrap of a fitted law: speed against one optimiser call a resample, and calibration.

    OMP_NUM_THREADS=1 python benchmarks/fitting.py speed
    OMP_NUM_THREADS=1 python benchmarks/fitting.py calibration [--ladders 400]

``speed`` takes the 240 runs of Besiroglu et al. 2024 and Huber's function. In turns in one process:
our resamples, scipy's BFGS with numeric gradients, and BFGS with torch's gradients (the way of the
authors' notebook); all start at the fit. Theirs are timed on a part of the same resamples. The gap
is that of ours to the least that BFGS with an exact gradient finds from several starts.

``calibration`` makes ladders from a known law with noise, and counts how often intervals of
nominal 90 % hold what they speak of.
"""

import argparse
import csv
import time
from pathlib import Path
from typing import Any

import numpy as np

from bedstone.laws.bootstrap import bootstrap
from bedstone.laws.fitting import Method, Problem, Runs, fit, objective_value
from bedstone.laws.law import Law

DATA = Path(__file__).parents[1] / "tests" / "data" / "scaling" / "epoch_chinchilla.csv"
DROPPED = 5
METHOD = Method("huber", 1e-3)
RESAMPLES, ROUNDS, ONE_BY_ONE = 4000, 3, 20
TRUTH = Law(1.82, 482.0, 2085.0, 0.348, 0.366)
NOMINAL_PERCENT = (5, 95)
FURTHER = 10
"""Times the largest budget of the ladder."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("speed", "calibration"))
    parser.add_argument("--ladders", type=int, default=400)
    given = parser.parse_args()
    if given.what == "speed":
        speed()
        return
    for sizes, noise in ((5, 0.005), (5, 0.01), (15, 0.01)):
        print(f"{sizes} x {sizes} runs, noise {noise:g}, {given.ladders} ladders")
        for method in (METHOD, Method("squares")):
            for name, (held, width) in calibration(given.ladders, sizes, noise, method).items():
                print(
                    f"  {method.objective:8} {name:22} {held:6.1%} held, median width {width:.4g}"
                )


def epoch_runs() -> Runs:
    with DATA.open() as file:
        rows = [[float(value) for value in row.values()] for row in csv.DictReader(file)]
    parameters, flop, loss = np.array(rows).T
    runs = Runs(parameters, flop / (6 * parameters), loss)
    return runs.take(np.sort(np.argsort(loss)[:-DROPPED]))


def speed() -> None:
    """Print times, ratios and the worst gap."""
    runs = epoch_runs()
    law = fit(runs, METHOD).law
    drawn = np.random.default_rng(0).multinomial(240, np.full(240, 1 / 240), size=RESAMPLES)
    seconds: dict[str, list[float]] = {"ours": [], "scipy, numeric": [], "scipy, torch": []}
    for turn in range(ROUNDS):
        begin = time.perf_counter()
        draws = bootstrap(runs, METHOD, law, RESAMPLES, 0)
        seconds["ours"].append((time.perf_counter() - begin) / RESAMPLES)
        some = drawn[turn * ONE_BY_ONE : (turn + 1) * ONE_BY_ONE]
        for name, minimum in (("scipy, numeric", _numeric), ("scipy, torch", _torch)):
            begin = time.perf_counter()
            for weights in some:
                minimum(runs, weights, law)
            seconds[name].append((time.perf_counter() - begin) / len(some))
    for name, each in seconds.items():
        middle = sorted(each)[len(each) // 2]
        ratio = middle / sorted(seconds["ours"])[ROUNDS // 2]
        print(f"{name:16} {middle * 1e3:8.3f} ms a resample, {ratio:6.1f} times ours")
    assert draws.failed == 0
    gaps = []
    for weights, values in zip(drawn[: ROUNDS * ONE_BY_ONE], draws.values, strict=False):
        repeated = runs.take(np.repeat(np.arange(240), weights))
        ours = objective_value(Law(*values.tolist()), repeated, METHOD)
        gaps.append(ours / min(ours, _least(runs, weights, law)) - 1)
    print(f"worst relative gap to scipy's least, of {len(gaps)}: {max(gaps):.1e}")
    print(f"worst gap by our own certificate, of {RESAMPLES}: {draws.gaps.max():.1e}")


def _start(law: Law) -> Any:
    return np.array([*np.log([law.A, law.B, law.E]), law.alpha, law.beta])


def _objective(theta: Any, logs: Any, weights: Any, module: Any) -> Any:
    """Huber's sum; ``module`` is numpy, or torch with tensors."""
    log_a, log_b, log_e, alpha, beta = theta
    x, y, log_loss = logs
    model = module.exp(log_a - alpha * x) + module.exp(log_b - beta * y) + module.exp(log_e)
    residual = module.log(model) - log_loss
    slope = module.clip(residual, -METHOD.delta, METHOD.delta)
    return (weights * (slope * residual - slope**2 / 2)).sum()


def _logs(runs: Runs) -> tuple[Any, Any, Any]:
    return np.log(runs.parameters), np.log(runs.train_tokens), np.log(runs.loss_nats)


def _numeric(runs: Runs, weights: Any, law: Law) -> None:
    from scipy.optimize import minimize

    minimize(_objective, _start(law), (_logs(runs), weights, np), method="BFGS")


def _torch(runs: Runs, weights: Any, law: Law) -> None:
    import torch
    from scipy.optimize import minimize

    torch.set_num_threads(1)
    logs = tuple(torch.from_numpy(column) for column in _logs(runs))
    counts = torch.from_numpy(weights.astype(float))

    def both(theta: Any) -> tuple[float, Any]:
        point = torch.tensor(theta, requires_grad=True)
        value = _objective(point, logs, counts, torch)
        value.backward()
        return value.item(), point.grad.numpy()

    minimize(both, _start(law), method="BFGS", jac=True)


def _least(runs: Runs, weights: Any, law: Law) -> float:
    """The least that BFGS finds, with an exact gradient and the objective scaled, from 5 starts."""
    from scipy.optimize import minimize

    problem = Problem(runs, METHOD)
    terms, log_loss = problem.centred.terms, problem.log_loss

    def both(theta: Any) -> tuple[float, Any]:
        parts = np.exp(terms @ theta)
        residual = np.log(parts.sum(axis=0)) - log_loss
        slope = np.clip(residual, -METHOD.delta, METHOD.delta)
        pull = weights * slope * parts / parts.sum(axis=0)
        value = (weights * (slope * residual - slope**2 / 2)).sum()
        return value * 1e4, np.einsum("kn,knp->p", pull, terms) * 1e4

    rng, first = np.random.default_rng(0), problem.theta_of(law)
    starts = [first, *(first + 0.2 * rng.normal(size=(4, 5)))]
    options = {"gtol": 1e-11, "maxiter": 2000}
    return min(
        minimize(both, start, jac=True, method="BFGS", options=options).fun / 1e4
        for start in starts
    )


def calibration(
    ladders: int, sizes: int, noise: float, method: Method, resamples: int = 400
) -> dict[str, tuple[float, float]]:
    """Of each quantity: the share of ladders whose interval holds it, and the median width."""
    parameters, ratios = (
        axis.ravel()
        for axis in np.meshgrid(np.geomspace(5e7, 5e9, sizes), np.geomspace(5, 160, sizes))
    )
    losses = TRUTH.loss(parameters, ratios * parameters)
    flop = FURTHER * 6 * float((ratios * parameters**2).max())
    truth = _quantities(np.array([[TRUTH.E, TRUTH.A, TRUTH.B, TRUTH.alpha, TRUTH.beta]]), flop)
    rng = np.random.default_rng(0)
    held, widths = [], []
    for ladder in range(ladders):
        noisy = losses * np.exp(noise * rng.normal(size=len(losses)))
        runs = Runs(parameters, ratios * parameters, noisy)
        draws = bootstrap(runs, method, fit(runs, method).law, resamples, ladder)
        low, high = np.percentile(_quantities(draws.values, flop), NOMINAL_PERCENT, axis=0)
        held.append((low <= truth[0]) & (truth[0] <= high))
        widths.append(high - low)
    names = ("E", "alpha", "beta", "loss at 10 C", "log N* at 10 C")
    columns = zip(np.mean(held, axis=0).tolist(), np.median(widths, axis=0).tolist(), strict=True)
    return dict(zip(names, columns, strict=True))


def _quantities(values: Any, flop: float) -> Any:
    """E, alpha, beta, least loss and log N* at ``flop`` of each law (R, 5)."""
    rows = []
    for law in (Law(*each) for each in values.tolist()):
        best = law.optimum(flop)
        loss = law.loss(best.parameters, best.train_tokens)
        rows.append((law.E, law.alpha, law.beta, loss, np.log(best.parameters)))
    return np.array(rows)


if __name__ == "__main__":
    main()
