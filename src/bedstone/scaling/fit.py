"""Stage scaling.fit: fit a law of loss to measured runs, with proof and intervals.

Reads   ``runs``: one CSV file with the columns that ``laws.runs`` names, a run a line
Writes  ``law.json``. The law: ``E``, ``A``, ``B``, ``alpha``, ``beta``, ``parameters_exponent``,
        ``tokens_exponent``, ``tokens_per_parameter`` (best at the most FLOP of a run fitted), or
        ``by_flop`` {``E``, ``K``, ``gamma``}, ``by_tokens`` {``E``, ``B``, ``beta``} or
        ``by_parameters`` {``E``, ``A``, ``alpha``}; ``intervals`` {name: [low, high]};
        ``resamples``, ``failed_resamples``. The proof: ``objective``, ``delta``,
        ``equal_exponents``, ``objective_value``, ``gradient_norm``, ``restarts_agreeing_share``,
        ``converged``, ``reason`` (why not). The runs: ``runs`` (fitted), ``repeated`` (of them,
        equal to an earlier one), ``dropped``, ``held_out``, ``flop_range``, ``parameters_range``,
        ``train_tokens_range``. The doubts: ``sensitivity`` [row]; ``hold_out`` {``runs`` [row],
        ``error_share_mean``, ``error_share_max``} or null; ``isoflop`` {``budgets`` [row],
        ``parameters_exponent``, ``coefficient``, ``intervals``, ``warnings``} or null; ``warnings``
        ``runs.parquet``: N, D and L of each run, ``predicted_loss_nats`` (null without a law),
        ``use`` (``fit``, ``dropped`` or ``held_out``) and ``budget_flop``, where it is of an
        isoFLOP budget
        ``draws.parquet``: E, A, B, alpha, beta, a row a resample

Letters as in ``laws.law``. Where the runs cannot tell A from B, these five are null, and the
curve that they do tell is given: E + K C^-gamma of one number of tokens a parameter, E + B D^-beta
of one size, E + A N^-alpha of one number of tokens, E including what does not vary. Where losses do
not fall as a power does, the numbers of law or curve are null, too: none is told.

Intervals are of 95 %, between percentiles of the resamples; those of runs held out include a run's
own noise. Where more than half of the resamples have no fit, none is used: ``resamples`` is 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import Field, field_validator

from bedstone.config import Config
from bedstone.errors import DataError, nearest
from bedstone.laws import isoflop
from bedstone.laws.assess import (
    DERIVED,
    Values,
    derived,
    free_numbers,
    intervals,
    new_run_intervals,
    sensitivity,
    spread,
    warnings,
)
from bedstone.laws.bootstrap import bootstrap
from bedstone.laws.fitting import (
    LETTERS,
    Curve,
    Fit,
    Method,
    Runs,
    Size,
    fit,
    fit_curve,
    tells_apart,
)
from bedstone.laws.isoflop import Budget
from bedstone.laws.known import DRAWS_FILE, LAW_FILE, RUNS_FILE, SURFACE, Range
from bedstone.laws.law import Law
from bedstone.laws.runs import COLUMNS, DROPPED, FIT, HELD_OUT, read, uses
from bedstone.store.payload import only_file, write_json
from bedstone.store.stage import Job, Metrics, Result, Stage

HELD_OUT_ROW = (
    "parameters",
    "train_tokens",
    "loss_nats",
    "predicted",
    "low",
    "high",
    "relative_error",
)
RESAMPLES = (40, 100_000)
"""At least, for a tail of 2.5 % to hold one; and at most."""
CURVES: dict[str, Size] = {
    "by_flop": "flop",
    "by_tokens": "train_tokens",
    "by_parameters": "parameters",
}
PROOF = ("runs", "objective_value", "gradient_norm", "restarts_agreeing_share", "failed_resamples")
"""Metrics beside the law."""


class FitConfig(Config):
    """Which law is fitted, how, and on which of the runs."""

    objective: Literal["huber", "lad", "squares"] = "huber"
    """Of residuals of log losses. Source: Hoffmann et al. 2022, arXiv:2203.15556, section 3.3."""
    delta: float = Field(1e-3, gt=0)
    """Of huber: larger residuals count by their size, smaller ones by their square."""
    columns: dict[str, str] = {}
    """Column -> what it is called in the file, where that is another name."""
    equal_exponents: bool = False
    """Whether alpha = beta. Source: Muennighoff et al. 2023, arXiv:2305.16264."""
    drop_highest: int = Field(0, ge=0)
    """So many runs of highest loss are left out."""
    hold_out: int = Field(0, ge=0)
    """So many runs of most FLOP are left out and predicted."""
    bootstrap: int = Field(4000, ge=0, le=RESAMPLES[1])
    """Resamples of the runs; of none there are no intervals."""
    seed: int = Field(0, ge=0)

    @field_validator("bootstrap")
    @classmethod
    def _enough(cls, resamples: int) -> int:
        if 0 < resamples < RESAMPLES[0]:
            raise ValueError(f"{resamples} are too few for an interval; 0 or {RESAMPLES[0]} on")
        return resamples

    @field_validator("columns")
    @classmethod
    def _known(cls, columns: dict[str, str]) -> dict[str, str]:
        for name in columns:
            if name not in COLUMNS:
                raise ValueError(f"no column {name!r}; {nearest(name, COLUMNS)}")
        return columns


@dataclass(frozen=True, slots=True, eq=False)
class Divided:
    """The runs of the file, and what each is for."""

    all: Runs
    use: NDArray[np.str_]

    def of(self, *uses: str) -> Runs:
        """Those that are for one of ``uses``, in the order of the file."""
        return self.all.take(np.flatnonzero(np.isin(self.use, uses)))


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A fit of either form, with its resamples."""

    fit: Fit | Curve
    draws: Values
    """(R, 5) in the order of ``SURFACE``; none of a curve."""
    failed: int
    """Resamples without a fit, or with one that is not used."""

    @property
    def law(self) -> Law | None:
        """L(N, D), where the runs tell it."""
        return self.fit.law if isinstance(self.fit, Fit) and self.fit.told else None

    @property
    def curve(self) -> Curve | None:
        """Where the runs cannot tell more; its numbers may be none of an estimate."""
        return self.fit if isinstance(self.fit, Curve) else None

    @property
    def laws(self) -> list[Law]:
        """Of the resamples."""
        return [Law(*draw) for draw in self.draws.tolist()]

    def loss(self, runs: Runs) -> Values:
        """What the fit says of ``runs``, in nats."""
        if isinstance(self.fit, Curve):
            return self.fit.loss(runs)
        return self.fit.law.loss(runs.parameters, runs.train_tokens)


def run(config: FitConfig, job: Job) -> Result:
    """Fit the law, then ask how sure it is."""
    divided = _divided(config, job)
    method = Method(config.objective, config.delta, config.equal_exponents)
    job.progress.say(f"{len(divided.of(FIT))} runs to fit, {config.bootstrap} resamples")
    found = _found(divided.of(FIT), method, config)
    budgets = isoflop.budgets(divided.of(FIT))
    answer = {
        **_fitted(found, divided, config),
        "sensitivity": _sensitivity(found, divided, method, config.drop_highest),
        "hold_out": _hold_out(found, divided, method, config.seed),
        "isoflop": isoflop.profiles(divided.of(FIT), budgets, config.bootstrap, config.seed),
    }
    answer["warnings"] = warnings(answer)
    write_json(job, LAW_FILE, answer)
    with job.part(DRAWS_FILE) as path:
        pq.write_table(pa.table(dict(zip(SURFACE, found.draws.T, strict=True))), path)
    with job.part(RUNS_FILE) as path:
        pq.write_table(_table(divided, found, budgets), path)
    return Result(_metrics(answer))


def _divided(config: FitConfig, job: Job) -> Divided:
    everything = read(only_file(job.inputs["runs"], "runs").resolve(), config.columns)
    divided = Divided(everything, uses(everything, config.drop_highest, config.hold_out))
    if not len(divided.of(FIT)):
        raise DataError(
            f"no run is left of {len(everything)} to fit", hint="hold out or drop fewer runs"
        )
    return divided


def _found(fitted: Runs, method: Method, config: FitConfig) -> Found:
    none = np.empty((0, len(SURFACE)))
    if not tells_apart(fitted):
        return Found(fit_curve(fitted, method), none, 0)
    made = fit(fitted, method)
    if not (config.bootstrap and made.told):
        return Found(made, none, 0)
    draws = bootstrap(fitted, method, made.law, config.bootstrap, config.seed)
    if 2 * draws.failed > config.bootstrap:
        return Found(made, none, config.bootstrap)
    return Found(made, draws.values, draws.failed)


def _fitted(found: Found, divided: Divided, config: FitConfig) -> dict[str, Any]:
    """The law, the proof that the fit is one, and its intervals."""
    runs, law, made = divided.of(FIT), found.law, found.fit
    most_flop = float(runs.flop.max())
    return {
        **(derived(law, most_flop) if law else dict.fromkeys(DERIVED)),
        **{name: _curve(found.curve, of) for name, of in CURVES.items()},
        "objective": config.objective,
        "delta": config.delta if config.objective == "huber" else None,
        "equal_exponents": config.equal_exponents,
        "objective_value": made.objective_value,
        "gradient_norm": made.gradient_norm,
        "restarts_agreeing_share": made.restarts_agreeing_share,
        "converged": made.converged,
        "reason": made.reason,
        "runs": len(runs),
        "repeated": runs.repeated,
        "dropped": len(divided.of(DROPPED)),
        "held_out": len(divided.of(HELD_OUT)),
        "flop_range": _range(runs.flop),
        "parameters_range": _range(runs.parameters),
        "train_tokens_range": _range(runs.train_tokens),
        "resamples": len(found.draws),
        "failed_resamples": found.failed,
        "intervals": intervals(found.laws, most_flop),
    }


def _curve(curve: Curve | None, of: Size) -> dict[str, float | None] | None:
    """Its numbers by their letters, if it is one of ``of``."""
    if curve is None or curve.of != of:
        return None
    names = ("E", *LETTERS[of])
    if not curve.told:
        return dict.fromkeys(names)
    return dict(zip(names, (curve.E, curve.coefficient, curve.exponent), strict=True))


def _range(values: Values) -> list[float]:
    return [float(values.min()), float(values.max())]


def _sensitivity(
    found: Found, divided: Divided, method: Method, drop_highest: int
) -> list[dict[str, Any]]:
    """Of the runs that are not held out; of a curve there is none."""
    return [] if found.curve else sensitivity(divided.of(FIT, DROPPED), method, drop_highest)


def _hold_out(found: Found, divided: Divided, method: Method, seed: int) -> dict[str, Any] | None:
    held, fitted = divided.of(HELD_OUT), divided.of(FIT)
    if not (len(held) and found.fit.told):
        return None
    ends: Sequence[Range | tuple[None, None]] = [(None, None)] * len(held)
    if len(found.draws):
        losses = np.stack([law.loss(held.parameters, held.train_tokens) for law in found.laws])
        residuals = spread(fitted.loss_nats, found.loss(fitted), free_numbers(method))
        ends = new_run_intervals(losses, residuals, seed)
    columns = (held.parameters, held.train_tokens, held.loss_nats, found.loss(held))
    rows = [
        dict(zip(HELD_OUT_ROW, (*values, *of, values[3] / values[2] - 1), strict=True))
        for *values, of in zip(*(column.tolist() for column in columns), ends, strict=True)
    ]
    errors = [abs(row["relative_error"]) for row in rows]
    return {"runs": rows, "error_share_mean": fmean(errors), "error_share_max": max(errors)}


def _table(divided: Divided, found: Found, budgets: Sequence[Budget]) -> pa.Table:
    runs = divided.all
    places = np.flatnonzero(divided.use == FIT)
    budget_flop: list[float | None] = [None] * len(runs)
    for each in budgets:
        for place in places[each.index].tolist():
            budget_flop[place] = each.flop
    return pa.table(
        {
            "parameters": runs.parameters,
            "train_tokens": runs.train_tokens,
            "loss_nats": runs.loss_nats,
            "predicted_loss_nats": pa.array(
                found.loss(runs) if found.fit.told else [None] * len(runs), pa.float64()
            ),
            "use": divided.use.tolist(),
            "budget_flop": pa.array(budget_flop, pa.float64()),
        }
    )


def _metrics(answer: dict[str, Any]) -> Metrics:
    """The numbers of the answer that a manifest lists; what is null is not among them."""
    metrics = {name: answer[name] for name in PROOF}
    for name in DERIVED:
        if answer[name] is not None:
            shown = "E_nats" if name == "E" else name
            metrics[shown] = answer[name]
            ends = zip(("low", "high"), answer["intervals"].get(name, ()), strict=False)
            metrics |= {f"{shown}_{end}": value for end, value in ends}
    if held := answer["hold_out"]:
        metrics["hold_out_error_share_mean"] = held["error_share_mean"]
    return metrics


STAGE = Stage(
    "scaling.fit",
    version=2,
    config=FitConfig,
    inputs=("runs",),
    run=run,
    libraries=("numpy", "pyarrow"),
    reproducible="request",  # the last digits of exponentials are another processor's own
)
