"""`bedstone fit`: the law of loss of one's own runs, with proof, intervals and predictions."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typing_extensions import TypedDict

from bedstone.commands.declare import (
    MOST_SEED,
    STORE,
    WIDTH,
    Command,
    Interval,
    PathLike,
    Renamed,
    Store,
    Words,
)
from bedstone.commands.desk import given, making, words_of
from bedstone.commands.save import target, write_chart
from bedstone.errors import ConfigError
from bedstone.progress import Progress
from bedstone.store.work import named

if TYPE_CHECKING:
    from bedstone.store.artifact import Artifact
    from bedstone.store.making import Making

Row = Mapping[str, Any]
Objective = Literal["huber", "lad", "squares"]
NAMES = ("E", "A", "B", "alpha", "beta")
DERIVED = {
    "parameters_exponent": "exponent of N* by C",
    "tokens_exponent": "exponent of D* by C",
    "tokens_per_parameter": "D*/N* at the most FLOP",
}
"""What follows from the law, and how a table calls it."""
CURVES = {
    "by_flop": ("L(C)", "{E:.4f} + {K:.5g} / C^{gamma:.4f}"),
    "by_tokens": ("L(D)", "{E:.4f} + {B:.5g} / D^{beta:.4f}"),
    "by_parameters": ("L(N)", "{E:.4f} + {A:.5g} / N^{alpha:.4f}"),
}
SURFACE = ("L(N, D)", "{E:.4f} + {A:.5g} / N^{alpha:.4f} + {B:.5g} / D^{beta:.4f}")


class LossByFlop(TypedDict):
    """L(C) = E + K / C^gamma: of runs of one number of tokens a parameter."""

    E: float | None
    K: float | None
    gamma: float | None


class LossByTokens(TypedDict):
    """L(D) = E + B / D^beta: of runs of one size."""

    E: float | None
    B: float | None
    beta: float | None


class LossByParameters(TypedDict):
    """L(N) = E + A / N^alpha: of runs of one number of tokens."""

    E: float | None
    A: float | None
    alpha: float | None


class OtherFit(TypedDict):
    """The law by another objective, or with more runs of highest loss left out."""

    objective: Objective
    dropped: int
    E: float | None
    A: float | None
    B: float | None
    alpha: float | None
    beta: float | None
    parameters_exponent: float | None
    converged: bool


class HeldOutRun(TypedDict):
    """A run that the law was not fitted on."""

    parameters: float
    train_tokens: float
    loss_nats: float
    """Measured."""
    predicted: float
    low: float | None
    """95 %, with a run's own noise; null without resamples."""
    high: float | None
    relative_error: float
    """Of what is predicted, over what was measured."""


class HoldOut(TypedDict):
    """How well the law predicts the runs of most FLOP."""

    runs: list[HeldOutRun]
    error_share_mean: float
    error_share_max: float


class IsoflopBudget(TypedDict):
    """Runs of one budget, and the lowest point of the parabola through them."""

    flop: float
    runs: int
    sizes: int
    """How many of them differ in parameters."""
    parameters: float | None
    """At the lowest point; null without one."""
    train_tokens: float | None
    loss_nats: float | None
    off_centre: bool
    """The lowest point lies in an outer quarter of the sizes, or outside."""
    usable: bool
    """The power law goes through it."""
    parabola: tuple[float, float, float]
    """c0, c1, c2 of the loss c0 + c1 x + c2 x^2, x the logarithm of the parameters to base 10."""


class Isoflop(TypedDict):
    """The best size at each budget, and the power law through them."""

    budgets: list[IsoflopBudget]
    parameters_exponent: float | None
    """Null for fewer than two usable budgets."""
    coefficient: float | None
    intervals: dict[str, Interval]
    warnings: list[str]


class Prediction(TypedDict):
    """What the law says of a run, registered before it is made."""

    artifact: str
    """Its folder."""
    law: str
    source: str
    parameters: float
    train_tokens: float
    unique_tokens: float | None
    """Null: as if all text were fresh."""
    loss_nats: float
    loss_interval: Interval | None
    """95 %."""
    interval_of: Literal["run", "mean"] | None
    """Of one new run, or of the law's mean about which runs vary."""
    in_range: bool
    """Whether the law was fitted on runs of this size."""
    warnings: list[str]


class Fit(TypedDict):
    """The law of one's own runs.

    Where they tell a curve only, the law is null and the curve is given; where losses do not fall
    as a power does, its numbers are null too.
    """

    artifact: str
    """Its folder."""
    E: float | None
    A: float | None
    B: float | None
    alpha: float | None
    beta: float | None
    parameters_exponent: float | None
    """Of the best size by FLOP."""
    tokens_exponent: float | None
    tokens_per_parameter: float | None
    """Best at the most FLOP of a run."""
    by_flop: LossByFlop | None
    by_tokens: LossByTokens | None
    by_parameters: LossByParameters | None
    objective: Objective
    """A sum over runs, of residuals of log losses."""
    delta: float | None
    """Of huber."""
    equal_exponents: bool
    objective_value: float
    gradient_norm: float
    """In log A, log B, log E, alpha, beta; of lad a subgradient's."""
    restarts_agreeing_share: float
    converged: bool
    reason: str | None
    """Why it has not."""
    runs: int
    """Fitted."""
    repeated: int
    """Of them, those that equal an earlier one."""
    dropped: int
    """Of highest loss."""
    held_out: int
    flop_range: Interval
    """Of the runs fitted."""
    parameters_range: Interval
    train_tokens_range: Interval
    resamples: int
    failed_resamples: int
    """That have no fit."""
    intervals: dict[str, Interval]
    """95 %, between percentiles of the resamples, by the law's numbers and what follows."""
    sensitivity: list[OtherFit]
    hold_out: HoldOut | None
    isoflop: Isoflop | None
    """Null where the runs make no budget."""
    predictions: list[Prediction]
    warnings: list[str]


def fit(
    runs: Annotated[
        PathLike,
        typer.Argument(
            metavar="RUNS.csv", help="parameters, train_tokens or flop, and loss_nats of each run"
        ),
    ],
    *,
    objective: Annotated[Objective, typer.Option(help="of residuals of log losses")] = "huber",
    delta: Annotated[
        float | None, typer.Option(help="of huber: 1e-3 unless told", show_default=False)
    ] = None,
    columns: Annotated[
        Renamed, typer.Option(help="parameters=NAME,loss_nats=NAME: what the file calls them")
    ] = {},  # noqa: B006 (never changed)
    equal_exponents: Annotated[bool, typer.Option(help="alpha = beta")] = False,
    drop_highest: Annotated[
        int, typer.Option(min=0, help="leave so many runs of highest loss out")
    ] = 0,
    hold_out: Annotated[
        int, typer.Option(min=0, help="leave so many runs of most FLOP out and predict them")
    ] = 0,
    bootstrap: Annotated[
        int, typer.Option(min=0, max=100_000, help="resamples for the intervals, from 40; 0: none")
    ] = 4000,
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="of the resamples")] = 0,
    predict: Annotated[
        Words, typer.Option(help="N,D of a run: register what the law says of it")
    ] = (),
    out: Annotated[
        PathLike | None,
        typer.Option(help="write the law and its draws to this file: bedstone plan --law FILE"),
    ] = None,
    chart: Annotated[
        PathLike | None, typer.Option(help="draw loss over compute, or the runs held out, as SVG")
    ] = None,
    store: Store = STORE,
    progress: Progress | None = None,
) -> Fit:
    """Fit L(N, D) = E + A/N^alpha + B/D^beta to your runs, with proof and intervals.

    Raises:
        ConfigError: an option cannot be used.
        DataError: the runs cannot be read, or are too few or too alike.
    """
    file, picture = target("--out", out), target("--chart", chart, ".svg")
    wanted = [_run(word) for word in words_of(predict)]
    if delta is not None and objective != "huber":
        raise ConfigError(f"--delta is huber's: {objective} has none", hint="leave --delta out")
    values = {
        "objective": objective,
        "columns": dict(columns),
        "equal_exponents": equal_exponents,
        "drop_highest": drop_highest,
        "hold_out": hold_out,
        "bootstrap": bootstrap,
        "seed": seed,
    } | ({} if delta is None else {"delta": delta})
    made = _fitted(given(runs, store), values, where := making(store, progress))
    found = _law_of(made)
    predictions = [_predicted(made, each, where) for each in wanted]
    if file:
        _write_law(made, file)
    if picture:
        write_chart(_figure(made, found), picture, progress)
    return {**found, "artifact": str(made.path), "predictions": predictions}


def _run(word: str) -> dict[str, float]:
    """``1e9,2e10`` as parameters and training tokens."""
    from bedstone.laws.runs import LIMITS

    try:
        parameters, train_tokens = map(float, word.split(","))
    except ValueError:
        parameters = train_tokens = float("nan")
    low, high = LIMITS
    if not (low <= parameters <= high and low <= train_tokens <= high):
        raise ConfigError(
            f"--predict {word!r} is no run",
            hint="write parameters and training tokens: --predict 1e9,2e10",
        )
    return {"parameters": parameters, "train_tokens": train_tokens}


def _fitted(runs: Sequence[Path], values: Mapping[str, Any], where: "Making") -> "Artifact":
    from bedstone import config as configs
    from bedstone.store.adoption import adopt
    from bedstone.store.stages import find

    settings = configs.Settings("options", dict(values), {})
    configs.complain(configs.problems(find("scaling.fit").config, settings))
    return where.build("scaling.fit", values, runs=adopt(runs, where.store))


def _law_of(law: "Artifact") -> Fit:
    from bedstone.laws.known import LAW_FILE
    from bedstone.store.payload import read_json

    found: Fit = read_json(law, LAW_FILE)
    return found


def _predicted(law: "Artifact", run: Mapping[str, float], where: "Making") -> Prediction:
    """What the law says of a run, registered."""
    from bedstone.laws.known import PREDICTION_FILE
    from bedstone.store.payload import read_json

    made = where.build("scaling.predict", run, fit=law)
    written: Prediction = read_json(made, PREDICTION_FILE)
    return {**written, "artifact": str(made.path)}


def _write_law(law: "Artifact", out: Path) -> None:
    """The law and its draws as one file, which ``bedstone plan --law`` reads."""
    from bedstone.laws.known import stored_draws

    text = json.dumps({**_law_of(law), "draws": stored_draws(law)})
    with named(out):
        out.write_text(text + "\n", "utf-8")


def _figure(law: "Artifact", found: Fit) -> Any:
    """Predicted against measured where runs were held out, else loss over compute."""
    from bedstone.reporting.sections.scaling import fit_charts

    if found["E"] is None and not found["hold_out"]:
        raise ConfigError("--chart: these runs tell no L(N, D), so no curve of best sizes")
    return fit_charts(law)[-1 if found["hold_out"] else 0].chart


def _lines(found: Fit) -> Iterator[str]:
    yield from wrap(_law(found), WIDTH, subsequent_indent="  ")
    yield _runs(found)
    yield _proof(found)
    if found["E"] is not None:
        yield from _numbers(found)
    if any(row["E"] is not None for row in found["sensitivity"]):
        yield from _sensitivity(found)
    if found["hold_out"]:
        yield from _hold_out(found["hold_out"]["runs"])
    if found["isoflop"]:
        yield from _isoflop(found["isoflop"])
    if found["predictions"]:
        yield from _predictions(found["predictions"])
    if found["warnings"]:
        yield ""
    for warning in found["warnings"]:
        yield from wrap(f"warning: {warning}", WIDTH, subsequent_indent="  ")


def _law(found: Row) -> str:
    curve = next((name for name in CURVES if found[name] is not None), None)
    (name, formula), numbers = (CURVES[curve], found[curve]) if curve else (SURFACE, found)
    if numbers["E"] is None:
        return f"no {name}: {found['reason']}"
    return f"{name} = {formula.format(**numbers)}"


def _runs(found: Row) -> str:
    low, high = found["flop_range"]
    left_out = f", {found['dropped']} dropped, {found['held_out']} held out"
    return f"runs: {found['runs']} fitted{left_out}; {low:.2e} to {high:.2e} FLOP"


def _proof(found: Row) -> str:
    delta = f" (delta {found['delta']:g})" if found["delta"] is not None else ""
    state = "converged" if found["converged"] else "NOT converged"
    return (
        f"{state}: {found['objective']}{delta} {found['objective_value']:.9g}, gradient norm "
        f"{found['gradient_norm']:.1e}, {found['restarts_agreeing_share']:.0%} of restarts agree"
    )


def _numbers(found: Row) -> Iterator[str]:
    rows = [
        (DERIVED.get(name, name), found[name], *found["intervals"].get(name, (None, None)))
        for name in (*NAMES, *DERIVED)
    ]
    yield ""
    yield from _table(("", "fitted", "95 % low", "high"), ".5g", rows)


def _sensitivity(found: Row) -> Iterator[str]:
    yield from ("", "by other choices (dropped: runs of highest loss)")
    heads = ("objective", "dropped", *NAMES, "exponent")
    keys = ("objective", "dropped", *NAMES, "parameters_exponent")
    yield from _table(heads, ".5g", [[row[key] for key in keys] for row in found["sensitivity"]])


def _hold_out(runs: Sequence[Row]) -> Iterator[str]:
    yield from ("", "held out, with the interval of a new run")
    heads = ("parameters", "tokens", "measured", "predicted", "95 % low", "high", "error")
    keys = ("parameters", "train_tokens", "loss_nats", "predicted", "low", "high")
    rows = [[row[key] for key in keys] + [f"{row['relative_error']:+.2%}"] for row in runs]
    yield from _table(heads, ".4g", rows)


def _predictions(rows: Sequence[Row]) -> Iterator[str]:
    yield from ("", "predictions, with the interval of a new run")
    heads = ("parameters", "tokens", "predicted", "95 % low", "high", "registered as")
    shown = [
        [
            *(row[key] for key in ("parameters", "train_tokens", "loss_nats")),
            *(row["loss_interval"] or (None, None)),
            Path(row["artifact"]).name,
        ]
        for row in rows
    ]
    yield from _table(heads, ".4g", shown)


def _isoflop(profiles: Row) -> Iterator[str]:
    yield from ("", "isoFLOP: the lowest point of each budget's parabola")
    shown = [each for each in profiles["budgets"] if each["usable"]] or profiles["budgets"]
    heads = ("FLOP", "runs", "sizes", "best N", "best D", "loss", "")
    keys = ("flop", "runs", "sizes", "parameters", "train_tokens", "loss_nats")
    rows = [
        [each[key] if each["usable"] or key in keys[:3] else None for key in keys]
        + ["off centre" * each["off_centre"]]
        for each in shown
    ]
    yield from _table(heads, ".4g", rows)
    if (exponent := profiles["parameters_exponent"]) is not None:
        ends = profiles["intervals"].get("parameters_exponent")
        told = f" ({ends[0]:.3f} to {ends[1]:.3f})" if ends else ""
        yield f"N* = {profiles['coefficient']:.4g} C^{exponent:.4f}{told}"


def _table(heads: Sequence[str], form: str, rows: Sequence[Sequence[Any]]) -> Iterator[str]:
    """Aligned columns, the first to the left and the others to the right."""
    cells = [list(heads), *([_cell(value, form) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for name, *rest in cells:
        aligned = (f"{text:>{width}}" for text, width in zip(rest, widths[1:], strict=True))
        yield "  ".join((f"{name:<{widths[0]}}", *aligned)).rstrip()


def _cell(value: Any, form: str) -> str:
    if value is None:
        return "-"
    return format(value, form) if isinstance(value, float) else str(value)


COMMANDS = (Command(fit, _lines),)
