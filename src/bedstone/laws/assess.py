"""How sure a fitted law is: intervals, runs held out, and what choices of the fit move.

Letters: R draws, n runs fitted, m runs predicted.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bedstone.laws.fitting import OBJECTIVES, Method, Runs, fit, tells_apart
from bedstone.laws.known import SURFACE, Range
from bedstone.laws.law import FLOP_PER_PARAMETER_AND_TOKEN, Law
from bedstone.laws.runs import FIT, uses

Values = NDArray[np.float64]
DERIVED = (*SURFACE, "parameters_exponent", "tokens_exponent", "tokens_per_parameter")
CURVE_NUMBERS = 3
"""Of a law along a line: E, a coefficient, an exponent."""
FEW_RUNS = 4
"""For each number of the law. Assumption: of fewer, resamples are too alike, or have no fit."""
DROPPED_SHARES = (0.01, 0.02, 0.05)
"""Outlier rules that are always tried: so many of the runs, those of highest loss."""
LINES = {
    "by_tokens": ("parameters", "size in parameters", "tokens", "A / N^alpha"),
    "by_parameters": ("train_tokens", "number of tokens", "parameters", "B / D^beta"),
}
"""Of a curve: what its runs have in common, the word for it, what varies, what is constant."""
NEARLY = 1.1
"""Times, by which what is in common may differ."""
TAILS_PERCENT = (2.5, 97.5)
"""Of an interval of 95 %."""


def free_numbers(method: Method) -> int:
    """How many of the law's numbers are fitted."""
    return len(SURFACE) - method.equal_exponents


def interval(values: Values) -> Range:
    """The 95 % between the percentiles."""
    low, high = np.percentile(values, TAILS_PERCENT)
    return float(low), float(high)


def derived(law: Law, flop: float) -> dict[str, float]:
    """The law's numbers and what follows: the exponents of N* and D* by C, and D*/N* at ``flop``.

    Source: Hoffmann et al. 2022, arXiv:2203.15556, equation 4.
    """
    share = law.beta / (law.alpha + law.beta)
    best = law.optimum(flop)
    ratio = best.train_tokens / best.parameters
    return dict(zip(DERIVED, (*astuple(law), share, 1 - share, ratio), strict=True))


def intervals(draws: Sequence[Law], flop: float) -> dict[str, Range]:
    """Of 95 %, of all that ``derived`` names; without a draw, none."""
    rows = [derived(law, flop) for law in draws]
    return (
        {name: interval(np.array([row[name] for row in rows])) for name in rows[0]} if rows else {}
    )


def spread(measured: Values, fitted: Values, free: int) -> Values:
    """Residuals of log losses, (n,), as wide as those of runs that the law has not seen.

    A law with ``free`` numbers goes closer to its own runs than to others, by the root of
    (n - free) / n on average.
    """
    seen = len(measured)
    residuals: Values = np.log(measured / fitted)
    return residuals * math.sqrt(seen / max(1, seen - free))


def new_run_intervals(losses: Values, residuals: Values, seed: int) -> list[Range]:
    """Of 95 %, for the measured loss of each of m new runs, in nats.

    Each draw's loss is moved by a residual, drawn anew: the law's uncertainty and a run's own
    noise.

    Args:
        losses: (R, m) of each draw.
        residuals: (n,) as ``spread`` gives them.
        seed: of the residuals drawn.
    """
    noise = np.random.default_rng(seed).choice(residuals, losses.shape)
    return [interval(column) for column in (losses * np.exp(noise)).T]


def sensitivity(runs: Runs, method: Method, drop_highest: int) -> list[dict[str, Any]]:
    """The law by each outlier rule with ``method``, and by each objective with ``drop_highest``.

    Fits that leave too few runs for the law are left out; its numbers are None where it is not
    told.
    """
    counts = {0, drop_highest, *(math.ceil(share * len(runs)) for share in DROPPED_SHARES)}
    others = [each for each in OBJECTIVES if each != method.objective]
    choices = [(method, count) for count in sorted(counts)]
    choices += [(replace(method, objective=each), drop_highest) for each in others]
    rows = []
    for each, count in choices:
        kept = runs.take(np.flatnonzero(uses(runs, count) == FIT))
        enough = len(kept) > free_numbers(method) <= kept.different
        if enough and tells_apart(kept):
            rows.append(_row(kept, each, count))
    return rows


def _row(runs: Runs, method: Method, dropped: int) -> dict[str, Any]:
    found = fit(runs, method)
    names = (*SURFACE, "parameters_exponent")
    numbers = derived(found.law, float(runs.flop.max())) if found.told else dict.fromkeys(names)
    shown = {name: numbers[name] for name in names}
    head = {"objective": method.objective, "dropped": dropped}
    return {**head, **shown, "converged": found.converged}


def warnings(answer: Mapping[str, Any]) -> list[str]:
    """What keeps the numbers of a ``law.json`` from being taken as they are, in sentences."""
    of_budgets = answer["isoflop"]["warnings"] if answer["isoflop"] else []
    found = (
        None if answer["converged"] else f"the fit did not converge: {answer['reason']}",
        _line(answer),
        _elsewhere(answer),
        _repeated(answer),
        _few(answer),
        _failed(answer),
        _moved(answer),
        _outside(answer),
        _missed(answer),
    )
    return [*filter(None, found), *of_budgets]


def _line(answer: Mapping[str, Any]) -> str | None:
    """Whether the runs tell a curve and no more."""
    if answer["by_flop"]:
        return (
            "the runs have one number of tokens a parameter, or nearly: they cannot tell A from "
            "B, only the loss by FLOP along that ratio, without an interval"
        )
    for curve, (size, one, other, part) in LINES.items():
        if answer[curve]:
            low, high = answer[f"{size}_range"]
            return (
                f"the runs are of one {one}, {math.sqrt(low * high):.3g}, or nearly: they can tell "
                f"the loss by {other} alone, {part} being part of E, without an interval"
            )
    return None


def _elsewhere(answer: Mapping[str, Any]) -> str | None:
    """Whether a curve was asked about runs off its line."""
    for curve, (size, one, *_) in LINES.items():
        if answer[curve] and answer["hold_out"]:
            low, high = answer[f"{size}_range"]
            rows = answer["hold_out"]["runs"]
            off = sum(not low / NEARLY <= row[size] <= high * NEARLY for row in rows)
            told = f"{off} of {len(rows)} runs held out are of another {one}"
            return f"{told}: the curve is not theirs" if off else None
    return None


def _repeated(answer: Mapping[str, Any]) -> str | None:
    if not answer["repeated"]:
        return None
    return (
        f"{answer['repeated']} of {answer['runs']} runs equal an earlier one, loss and all: if "
        "they were written twice, leave them out, or the law looks surer than it is"
    )


def _few(answer: Mapping[str, Any]) -> str | None:
    free = len(SURFACE) - answer["equal_exponents"]
    if any(answer[curve] for curve in ("by_flop", *LINES)):
        free = CURVE_NUMBERS
    if answer["runs"] <= free:
        return f"{answer['runs']} runs for {free} numbers: nothing tests the law"
    if answer["runs"] >= FEW_RUNS * free or not answer["resamples"]:
        return None
    return (
        f"{answer['runs']} runs for {free} numbers: too few for the resamples to tell how sure "
        "the law is; take the intervals as a hint"
    )


def _failed(answer: Mapping[str, Any]) -> str | None:
    failed, made = answer["failed_resamples"], answer["resamples"]
    if failed and not made:
        return (
            f"there is no interval: {answer['runs']} runs are too few, or too alike, for most of "
            f"{failed} resamples to have a fit of their own"
        )
    return f"{failed} of {failed + made} resamples have no fit and are left out" if failed else None


def _moved(answer: Mapping[str, Any]) -> str | None:
    """Whether a choice of the fit moves the answer by more than its interval."""
    low, high = answer["intervals"].get("parameters_exponent", (-math.inf, math.inf))
    found = [row["parameters_exponent"] for row in answer["sensitivity"]]
    found = [each for each in found if each is not None]
    if all(low <= each <= high for each in found):
        return None
    return (
        f"the objective and the outlier rule move the exponent of N* between {min(found):.3f} "
        f"and {max(found):.3f}, beyond its interval"
    )


def _outside(answer: Mapping[str, Any]) -> str | None:
    """Whether the best size at the largest budget is one that was run."""
    ratio, (low, high) = answer["tokens_per_parameter"], answer["parameters_range"]
    if ratio is None:
        return None
    flop = answer["flop_range"][1]
    best = math.sqrt(flop / (FLOP_PER_PARAMETER_AND_TOKEN * ratio))
    if low <= best <= high:
        return None
    return (
        f"at {flop:.2e} FLOP the law's best size is {best:.2e} parameters, outside the sizes "
        f"fitted, {low:.2e} to {high:.2e}"
    )


def _missed(answer: Mapping[str, Any]) -> str | None:
    rows = answer["hold_out"]["runs"] if answer["hold_out"] else []
    known = [row for row in rows if row["low"] is not None]
    missed = sum(not row["low"] <= row["loss_nats"] <= row["high"] for row in known)
    return f"{missed} of {len(known)} runs held out lie outside their interval" if missed else None
