"""The page of a ladder: what small models said of a larger one, and how it came out."""

from collections.abc import Callable

import numpy as np

from bedstone.laws.assess import TAILS_PERCENT
from bedstone.laws.extrapolation import stored
from bedstone.laws.known import LAW_FILE
from bedstone.reporting import charts
from bedstone.reporting.axes import Axis
from bedstone.reporting.charts import Chart, Line, Point
from bedstone.reporting.family import Family
from bedstone.reporting.section import Figure, Row, Section, tabled
from bedstone.reporting.sections import data
from bedstone.reporting.wording import short
from bedstone.store.artifact import Artifact
from bedstone.store.payload import read_json

STAGE, FILE = "evaluation.prediction", "score.json"
SPAN = 1.25
"""How far the curve goes beyond the smallest model and the target, in times."""
POINTS = 41
SEED = 0
"""Of the runs that the band is made of."""
KEY = (("known", "small models"), ("law", "what they say of a run, 95 %"), ("made", "the target"))
METHOD = (
    "E + A / N^alpha + B / D^beta, with the error of a size and that of a run; of runs of one "
    "number of tokens a parameter E + A / N^alpha. Exponents, and how large the first error is "
    "beside the second, are weighed by how likely the runs are with them; the rest is drawn. The "
    "interval is of one new run: its own luck, what sizes miss the law by, and what the runs leave "
    "open of the law. The loss is of the held-out text, in nats a token."
)


def read(about: Family) -> Row:
    """What the subject found."""
    found: Row = read_json(about.subject, FILE)
    return found


def headline(about: Family) -> str:
    """One sentence."""
    found = read(about)
    expected = found["predicted"]
    return (
        f"A model of {short(found['parameters_total'])} parameters was to have a loss of "
        f"{expected['loss_nats']:.3f} ({expected['low']:.3f} to {expected['high']:.3f}) nats a "
        f"token, and has {found['loss_nats']:.3f}"
    )


def ladder(about: Family) -> Section | None:
    """The small models, what they say, and the target."""
    law = about.find("scaling.ladder")
    if law is None:
        return None
    found, scored = read_json(law, LAW_FILE), read(about)
    deviation = found["seed_deviation_nats"]
    seeds = "" if deviation is None else f"; seeds differ by {deviation:.3f} nats"
    answer = (
        f"{'Yes' if scored['held'] else 'No'}: off by {abs(scored['error_nats']):.3f} nats, said "
        f"by {len(found['runs'])} runs of {found['sizes']} sizes up to "
        f"{short(found['parameters_range'][1])} parameters{seeds}"
    )
    columns: dict[str, Callable[[Row], str]] = {
        "parameters": lambda it: short(it["parameters_total"]),
        "tokens": lambda it: short(it["train_tokens"]),
        "seed": lambda it: f"{it['seed']}",
        "nats a token": lambda it: f"{it['loss_nats']:.4f}",
    }
    rows = [*found["runs"], scored]
    table = tabled("The models, the target last", rows, columns, 0)
    return Section(
        name="ladder",
        question="Was it foretold?",
        answer=answer,
        text=tuple(f"{each[0].upper()}{each[1:]}." for each in found["warnings"]),
        figures=(Figure("Loss over parameters", chart(law, scored), table),),
        method=METHOD,
        measured_by=(law, about.subject),
    )


def chart(law: Artifact, scored: Row) -> Chart:
    """The runs, the band of what they say at the target's tokens a parameter, and the target."""
    found = read_json(law, LAW_FILE)
    target, allowed = scored["parameters_total"], stored(law)
    ratio = scored["train_tokens"] / target
    sizes = np.geomspace(found["parameters_range"][0] / SPAN, target * SPAN, POINTS)
    losses = [allowed.run(each, ratio * each, SEED) for each in sizes.tolist()]
    low, middle, high = np.percentile(losses, (TAILS_PERCENT[0], 50, TAILS_PERCENT[1]), axis=1)
    curve = Line(sizes.tolist(), middle.tolist(), "law", "", low.tolist(), high.tolist())
    points = [_run(it, "known") for it in found["runs"]]
    expected = scored["predicted"]
    ends = [expected[name] for name in ("loss_nats", "low", "high")]
    points.append(Point(target, ends[0], ends[1], ends[2], "law"))
    points.append(_run(scored, "made")._replace(label=f"{scored['loss_nats']:.3f}"))
    told = (
        f"{len(found['runs'])} small models, the band that they say, and the target: "
        f"{scored['loss_nats']:.3f} where {ends[0]:.3f} ({ends[1]:.3f} to {ends[2]:.3f}) was said."
    )
    return charts.lines(
        [curve], points, Axis("parameters", log=True), Axis("nats a token"), told, KEY
    )


def _run(row: Row, kind: str) -> Point:
    nats = row["loss_nats"]
    return Point(row["parameters_total"], nats, nats, nats, kind)


SECTIONS = (ladder, data.documents)
"""In the order of the reader's questions."""
