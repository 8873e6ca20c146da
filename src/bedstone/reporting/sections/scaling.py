"""The report's sections about laws: what they would do, what one's runs say, what was predicted."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from bedstone.laws.assess import TAILS_PERCENT
from bedstone.laws.known import (
    LAW_FILE,
    PREDICTION_FILE,
    RUNS_FILE,
    SURFACE,
    KnownLaw,
    fitted_in,
    published,
)
from bedstone.laws.law import FLOP_PER_PARAMETER_AND_TOKEN, Law
from bedstone.reporting import charts
from bedstone.reporting.axes import Axis
from bedstone.reporting.charts import Chart, Line, Point
from bedstone.reporting.family import Family
from bedstone.reporting.section import Figure, Row, Section, Table, tabled
from bedstone.reporting.sections.model import is_as_planned
from bedstone.reporting.wording import percent, short
from bedstone.scaling.score import OF_HELD_OUT, held_out_nats
from bedstone.store.artifact import Artifact
from bedstone.store.decisions import FILE as PLAN_FILE
from bedstone.store.payload import read_json

BUDGETS = (0.1, 1.0, 10.0)
"""Of the curves beside that of the budget, in times of it."""
SPAN = 6.0
"""How far the curves go from the budget's optimum, down and up, in times of its parameters."""
POINTS = 61
NEAR = 1.07
"""Points no farther apart share a label."""
REFERENCE = "epoch"
"""The law whose surface is drawn where none is asked for."""
BUDGETS_SHOWN = 6
DRAWS_SHOWN = 400
"""Of the resamples, as many as a band of 95 % needs."""
NATS = Axis("nats a token")
PARAMETERS = Axis("parameters", log=True)
FLOP = Axis("FLOP of training", "{:.0e}".format, log=True)
LAWS_KEY = (("made", "this model"), ("law", "a law's choice"))
RUNS_KEY = (
    ("made", "least loss, 95 %"),
    ("known", "runs"),
    ("dropped", "runs dropped"),
    ("law", "runs held out"),
)


def isoflop_chart(
    law: KnownLaw, flop: float, chosen: Sequence[tuple[str, str, float, float]]
) -> Chart:
    """Loss over size at a budget, at a tenth and ten times of it, with points on them.

    Args:
        law: one with a surface, which the curves are of.
        flop: the budget.
        chosen: label, kind, parameters and training tokens of each point.
    """
    surface = law.surface()
    drawn = [_isoflop(surface, flop * times) for times in BUDGETS]
    points = _joined([_on(surface, *each) for each in chosen])
    told = (
        f"Loss by {law.name} over parameters: a curve each for {len(drawn)} budgets around "
        f"{flop:.2g} FLOP, with {len(points)} points."
    )
    return charts.lines(drawn, points, PARAMETERS, NATS, told, LAWS_KEY)


def _isoflop(surface: Law, flop: float) -> Line:
    centre = surface.optimum(flop).parameters
    sizes = np.geomspace(centre / SPAN, centre * SPAN, POINTS)
    losses = surface.loss(sizes, flop / (FLOP_PER_PARAMETER_AND_TOKEN * sizes))
    return Line(sizes.tolist(), losses.tolist(), "known", f"{flop:.3g} FLOP")


def _joined(points: Sequence[Point]) -> list[Point]:
    """Points of one kind at nearly the same place as one, with all their labels."""
    joined: list[Point] = []
    for point in sorted(points, key=lambda point: (point.kind, point.x)):
        last = joined[-1] if joined else None
        if last and last.kind == point.kind and point.x < NEAR * last.x:
            joined[-1] = last._replace(label=f"{last.label}, {point.label}")
        else:
            joined.append(point)
    return joined


def _on(surface: Law, label: str, kind: str, parameters: float, train_tokens: float) -> Point:
    nats = surface.loss(parameters, train_tokens)
    return Point(parameters, nats, nats, nats, kind, label)


def compute_chart(law: Mapping[str, Any], runs: Sequence[Row], draws: Sequence[Law]) -> Chart:
    """Loss over compute: one's runs, and the least loss that the law expects, with its band."""
    low, high = (10**limit * min_or_max(row["flop"] for row in runs) for limit, min_or_max in ENDS)
    flop = np.geomspace(low, high, POINTS)
    best = _least_losses(Law(*(law[name] for name in SURFACE)), flop)
    shown = list(draws)[:: max(1, len(draws) // DRAWS_SHOWN)]
    bands = [_least_losses(each, flop) for each in shown]
    ends = np.percentile(bands, TAILS_PERCENT, axis=0) if bands else np.array([best, best])
    line = Line(flop.tolist(), best.tolist(), "made", "best size", *ends.tolist())
    points = [_plain(row["flop"], row["loss_nats"], KINDS[row["use"]]) for row in runs]
    told = f"{len(points)} runs, and a line of the least loss at each compute with its band."
    return charts.lines([line], points, FLOP, NATS, told, RUNS_KEY)


ENDS = ((-0.2, min), (1.0, max))
"""How far the line goes beyond the runs, in decades."""
KINDS = {"fit": "known", "dropped": "dropped", "held_out": "law"}


def _least_losses(law: Law, flop: np.ndarray) -> np.ndarray:
    losses: np.ndarray = np.array([law.loss(*law.optimum(each)) for each in flop.tolist()])
    return losses


def _plain(x: float, nats: float, kind: str) -> Point:
    """A point without label and interval."""
    return Point(x, nats, nats, nats, kind)


def parabola_chart(law: Row, runs: Sequence[Row]) -> Chart:
    """The runs of some budgets over size, the parabola of each, and its lowest point."""
    usable = [budget for budget in law["isoflop"]["budgets"] if budget["usable"]]
    taken = np.unique(np.linspace(0, len(usable) - 1, BUDGETS_SHOWN).round().astype(int))
    shown = [usable[place] for place in taken]
    lines, points = [], []
    for budget in shown:
        rows = [row for row in runs if row["budget_flop"] == budget["flop"]]
        trained: list[float] = [row["parameters"] for row in rows]
        sizes = np.geomspace(min(trained), max(trained), POINTS)
        losses = np.polynomial.polynomial.polyval(np.log10(sizes), budget["parabola"])
        lines.append(Line(sizes.tolist(), losses.tolist(), "known", f"{budget['flop']:.3g} FLOP"))
        points += [_plain(row["parameters"], row["loss_nats"], "known") for row in rows]
        points.append(_plain(budget["parameters"], budget["loss_nats"], "made"))
    told = f"Loss over parameters at {len(shown)} budgets, a parabola and its lowest point each."
    key = (("made", "lowest point"), ("known", "runs"))
    return charts.lines(lines, points, PARAMETERS, NATS, told, key)


def held_out_chart(rows: Sequence[Row]) -> Chart:
    """Predicted against measured loss, with intervals; what is right lies on the line."""
    points = [
        _plain(row["loss_nats"], row["predicted"], "law")
        if row["low"] is None
        else Point(row["loss_nats"], row["predicted"], row["low"], row["high"], "law")
        for row in rows
    ]
    ends = [value for point in points for value in (point.x, point.y, point.low, point.high)]
    low, high = min(ends), max(ends)
    exact = Line([low, high], [low, high], "known", "exact")
    x, y = Axis("measured, nats a token", low=low, high=high), Axis("predicted")
    return charts.lines([exact], points, x, y, f"{len(points)} runs that the law had not seen.")


def laws(family: Family) -> Section | None:
    """What published laws would do with the compute that the model took."""
    planned = family.find("scaling.plan")
    if planned is None:
        return None
    plan = read_json(planned, PLAN_FILE)
    whose = "this model" if is_as_planned(family) else "the plan"
    chosen = [(whose, "made", plan["parameters_total"], plan["train_tokens"])]
    chosen += [(it["law"], "law", it["parameters"], it["train_tokens"]) for it in plan["laws"]]
    sizes = [it["parameters"] for it in plan["laws"]]
    columns = {
        "law": lambda it: it["law"],
        "parameters": lambda it: short(it["parameters"]),
        "tokens": lambda it: short(it["train_tokens"]),
        "nats a token": lambda it: "-" if it["loss_nats"] is None else f"{it['loss_nats']:.2f}",
        "fitted on such": lambda it: "yes" if it["in_range"] else "no",
    }
    return Section(
        name="laws",
        question="What would published laws have done?",
        answer=f"For the same compute they ask for {short(min(sizes))} to {short(max(sizes))} "
        f"parameters; {whose} has {short(plan['parameters_total'])}",
        figures=(
            Figure(
                "Loss over size at the same compute, by Epoch's replication of Chinchilla",
                isoflop_chart(published(REFERENCE), plan["flop"], chosen),
                tabled("What each law would do", plan["laws"], columns),
            ),
        ),
        method="The laws were fitted on other text, other tokens and, mostly, far larger models: "
        "their losses are not this model's, and the shape of the curves is what can be compared.",
        measured_by=(planned,),
    )


def fits(family: Family) -> Section | None:
    """The law of one's own runs."""
    made = family.find("scaling.fit")
    if made is None:
        return None
    law = read_json(made, LAW_FILE)
    return Section(
        name="fit",
        question="Which law do the runs follow?",
        answer=_law_answer(law),
        text=tuple(f"{warning[0].upper()}{warning[1:]}." for warning in law["warnings"]),
        figures=tuple(fit_charts(made)),
        tables=(_sensitivity(law),) if law["sensitivity"] else (),
        method=f"Least {law['objective']} of log residuals; gradient norm "
        f"{law['gradient_norm']:.1g}, {percent(law['restarts_agreeing_share'])} of the restarts "
        "agree; "
        + (
            f"intervals of 95 % by {law['resamples']:,} resamples of the runs."
            if law["resamples"]
            else "no intervals."
        ),
        measured_by=(made,),
    )


def _law_answer(law: Row) -> str:
    if law["by_flop"]:
        return "Loss by compute alone: the runs have one number of tokens a parameter"
    if law["by_tokens"]:
        return "Loss by tokens alone: the runs are of one size"
    if law["by_parameters"]:
        return "Loss by parameters alone: the runs have one number of tokens"
    if law["E"] is None:
        return "None: the losses do not fall with size and tokens as powers do"
    return (
        f"{law['E']:.3f} + {law['A']:.4g} / N^{law['alpha']:.3f} + {law['B']:.4g} / "
        f"D^{law['beta']:.3f} nats, from {law['runs']} runs"
    )


def fit_charts(made: Artifact) -> list[Figure]:
    """Loss over compute where the law has sizes, and the runs held out where there are any."""
    law = read_json(made, LAW_FILE)
    runs = pq.read_table(made.file(RUNS_FILE)).to_pylist()
    for row in runs:
        row["flop"] = FLOP_PER_PARAMETER_AND_TOKEN * row["parameters"] * row["train_tokens"]
    figures = []
    if law["E"] is not None:
        draws = fitted_in(made).draws
        chart = compute_chart(law, runs, draws)
        figures.append(Figure("Loss over compute", chart, _runs(runs)))
    if law["isoflop"] and any(budget["usable"] for budget in law["isoflop"]["budgets"]):
        figures.append(_parabolas(law, runs))
    if held := law["hold_out"]:
        columns = {
            "parameters": lambda it: short(it["parameters"]),
            "tokens": lambda it: short(it["train_tokens"]),
            "measured": lambda it: f"{it['loss_nats']:.4f}",
            "predicted": lambda it: f"{it['predicted']:.4f}{_ends(it)}",
            "error": lambda it: percent(abs(it["relative_error"])),
        }
        table = tabled("Runs held out", held["runs"], columns, 0)
        figures.append(Figure("Predicted against measured", held_out_chart(held["runs"]), table))
    return figures


def _runs(rows: Sequence[Row]) -> Table:
    columns = {
        "parameters": lambda it: short(it["parameters"]),
        "tokens": lambda it: short(it["train_tokens"]),
        "nats a token": lambda it: f"{it['loss_nats']:.4f}",
        "law": lambda it: f"{it['predicted_loss_nats']:.4f}",
        "use": lambda it: it["use"].replace("_", " "),
    }
    return tabled("The runs", sorted(rows, key=lambda row: row["flop"]), columns, 0)


def _ends(row: Row) -> str:
    return "" if row["low"] is None else f" ({row['low']:.4f}–{row['high']:.4f})"


def _parabolas(law: Row, runs: Sequence[Row]) -> Figure:
    columns = {
        "FLOP": lambda it: f"{it['flop']:.2e}",
        "runs": lambda it: f"{it['runs']}",
        "best parameters": lambda it: "-" if it["parameters"] is None else short(it["parameters"]),
        "nats a token": lambda it: "-" if it["loss_nats"] is None else f"{it['loss_nats']:.3f}",
        "trusted": lambda it: "yes" if it["usable"] and not it["off_centre"] else "no",
    }
    return Figure(
        "Loss over size, budget by budget",
        parabola_chart(law, runs),
        tabled("Each budget's best size", law["isoflop"]["budgets"], columns, 0),
    )


def _sensitivity(law: Row) -> Table:
    columns = {
        "objective": lambda it: it["objective"],
        "dropped": lambda it: f"{it['dropped']}",
        "E": lambda it: _number(it["E"]),
        "alpha": lambda it: _number(it["alpha"]),
        "beta": lambda it: _number(it["beta"]),
        "N* ~ C^": lambda it: _number(it["parameters_exponent"]),
    }
    return tabled("The same runs by other choices", law["sensitivity"], columns)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def predictions(family: Family) -> Section | None:
    """What was predicted of the run, and what it came to."""
    made, base = family.find("scaling.predict"), family.find("pretrain.train")
    if made is None:
        return None
    found = read_json(made, PREDICTION_FILE)
    expected, ends = found["loss_nats"], found["loss_interval"]
    measured = _measured(family, made, base)
    said = "predicted" if found["in_range"] else "beyond the law's range"
    rows = [charts.Dot(said, "law", expected, *(ends or ()))]
    rows += [charts.Dot("measured", "made", measured)] if measured is not None else []
    told = _foretold(found, measured)
    if measured is not None and not is_as_planned(family):
        told += ", of a run of another size"
    cells = tuple((row.label, f"{row.value:.4f}") for row in rows)
    return Section(
        name="prediction",
        question="Was it as predicted?",
        answer=told,
        text=tuple(f"{warning[0].upper()}{warning[1:]}." for warning in found["warnings"]),
        figures=(
            Figure(
                "Loss, predicted before the run and measured",
                charts.dots(rows, Axis("nats a token"), told),
                Table("Loss in nats a token", ("", "nats a token"), cells),
            ),
        ),
        method=f"By {found['law']}: {found['source']}",
        measured_by=(made, base),
    )


def _measured(family: Family, prediction: Artifact, base: Artifact | None) -> float | None:
    """The loss that was spoken of: of a ladder's prediction that of the held-out text."""
    if base is None:
        return None
    if OF_HELD_OUT not in prediction.manifest.parents:
        return base.manifest.metrics.get("loss_nats")
    all_bits = family.all("evaluation.bits")
    bits = next((it for it in all_bits if family.parent(it, "model") is base), None)
    return held_out_nats(bits.manifest.metrics) if bits else None


def _foretold(found: Row, measured: float | None) -> str:
    """What was said and what came; of a law that knows no such runs, that it says nothing."""
    came = "" if measured is None else f", {measured:.2f} came"
    if not found["in_range"]:
        return (
            "No law knows runs like this one: beyond those that it was fitted on it comes to "
            f"{found['loss_nats']:.2f} nats a token{came}"
        )
    error = "" if measured is None else f": {100 * (found['loss_nats'] / measured - 1):+.0f} %"
    return f"{found['loss_nats']:.2f} nats a token were predicted{came}{error}"
