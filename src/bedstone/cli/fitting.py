"""The command that fits a law of loss to one's own runs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Any

import typer

import bedstone
from bedstone.cli.answer import STORE, AsJson, Store, answer, shown_progress
from bedstone.errors import ConfigError

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
        Path,
        typer.Argument(
            metavar="RUNS.csv", help="parameters, train_tokens or flop, and loss_nats of each run"
        ),
    ],
    objective: Annotated[str, typer.Option(help="of log losses: huber, lad or squares")] = "huber",
    delta: Annotated[
        float | None, typer.Option(help="of huber: 1e-3 unless told", show_default=False)
    ] = None,
    columns: Annotated[
        str | None, typer.Option(help="parameters=NAME,loss_nats=NAME: what the file calls them")
    ] = None,
    equal_exponents: Annotated[
        bool, typer.Option("--equal-exponents", help="alpha = beta")
    ] = False,
    drop_highest: Annotated[int, typer.Option(help="leave so many runs of highest loss out")] = 0,
    hold_out: Annotated[
        int, typer.Option(help="leave so many runs of most FLOP out and predict them")
    ] = 0,
    bootstrap: Annotated[
        int, typer.Option(help="resamples for the intervals, from 40; 0: none")
    ] = 4000,
    seed: Annotated[int, typer.Option(help="of the resamples")] = 0,
    predict: Annotated[
        list[str] | None, typer.Option(help="N,D of a run: register what the law says of it")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="write the law to this file: bedstone plan --law FILE")
    ] = None,
    chart: Annotated[
        Path | None, typer.Option(help="draw loss over compute, or the runs held out, as SVG")
    ] = None,
    store: Store = STORE,
    as_json: AsJson = False,
) -> None:
    """Fit L(N, D) = E + A/N^alpha + B/D^beta to your runs, with proof and intervals."""
    found = bedstone.fit(
        runs,
        objective=objective,
        delta=delta,
        columns=_renamed(columns),
        equal_exponents=equal_exponents,
        drop_highest=drop_highest,
        hold_out=hold_out,
        bootstrap=bootstrap,
        seed=seed,
        predict=predict or (),
        out=out,
        chart=chart,
        store=store,
        progress=shown_progress(),
    )
    answer(found, _lines(found), as_json=as_json)


def _renamed(columns: str | None) -> dict[str, str]:
    """``parameters=params,loss_nats=val_loss`` as a mapping."""
    renamed = {}
    for word in columns.split(",") if columns else ():
        name, equals, own = word.partition("=")
        if not equals or not own:
            raise ConfigError(
                f"--columns: {word!r} names no column", hint="write --columns parameters=NAME"
            )
        renamed[name.strip()] = own.strip()
    return renamed


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


COMMANDS: tuple[Callable[..., None], ...] = (fit,)
