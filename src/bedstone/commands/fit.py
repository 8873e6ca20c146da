"""`bedstone fit`: the law of loss of one's own runs, with proof, intervals and predictions."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bedstone.commands.declare import (
    MOST_SEED,
    STORE,
    Command,
    Found,
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
WIDTH = 100


def fit(
    runs: Annotated[
        PathLike,
        typer.Argument(
            metavar="RUNS.csv", help="parameters, train_tokens or flop, and loss_nats of each run"
        ),
    ],
    *,
    objective: Annotated[
        Literal["huber", "lad", "squares"], typer.Option(help="of residuals of log losses")
    ] = "huber",
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
) -> Found:
    """Fit L(N, D) = E + A/N^alpha + B/D^beta to your runs, with proof and intervals.

    Returns:
        What scaling.fit writes as ``law.json``, ``artifact``, and ``predictions``, each with its
        own ``artifact``.

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
    return {"artifact": str(made.path), **found, "predictions": predictions}


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


def _law_of(law: "Artifact") -> Found:
    from bedstone.laws.known import LAW_FILE

    found: Found = json.loads(law.file(LAW_FILE).read_text("utf-8"))
    return found


def _predicted(law: "Artifact", run: Mapping[str, float], where: "Making") -> Found:
    """What the law says of a run, registered."""
    from bedstone.laws.known import PREDICTION_FILE

    made = where.build("scaling.predict", run, law=law)
    return {
        "artifact": str(made.path),
        **json.loads(made.file(PREDICTION_FILE).read_text("utf-8")),
    }


def _write_law(law: "Artifact", out: Path) -> None:
    """The law and its draws as one file, which ``bedstone plan --law`` reads."""
    from bedstone.laws.known import stored_draws

    text = json.dumps({**_law_of(law), "draws": stored_draws(law)})
    with named(out):
        out.write_text(text + "\n", "utf-8")


def _figure(law: "Artifact", found: Found) -> Any:
    """Predicted against measured where runs were held out, else loss over compute."""
    from bedstone.reporting.sections.scaling import fit_charts

    if found["E"] is None and not found["hold_out"]:
        raise ConfigError("--chart: these runs tell no L(N, D), so no curve of best sizes")
    return fit_charts(law)[-1 if found["hold_out"] else 0].chart


def _lines(found: Row) -> Iterator[str]:
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
    rows = [[each[key] for key in keys] + ["off centre" * each["off_centre"]] for each in shown]
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
