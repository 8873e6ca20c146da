"""The report's section about tests: what a model can do in each language, against chance."""

from collections.abc import Sequence
from typing import Any

from bedstone.evaluation.standing import told
from bedstone.reporting import charts
from bedstone.reporting.axes import Axis
from bedstone.reporting.charts import Chart, Dot
from bedstone.reporting.family import Family
from bedstone.reporting.section import Figure, Row, Section, Table, tabled
from bedstone.reporting.sections.model import MODELS, NAMES
from bedstone.reporting.wording import (
    NOT_KNOWN,
    TOO_FEW,
    count,
    interval,
    language_labels,
    most_spoken,
    percent,
    points,
)
from bedstone.store.artifact import Artifact

RIGHT = Axis("share of the items that are right")
STAGE = "evaluation.standing"
SAID = {True: "yes", False: "no", None: NOT_KNOWN}


def tests(family: Family) -> Section | None:
    """What each test says of the last model that was asked."""
    found = [(kind, it) for it in family.all(STAGE) if (kind := _kind(family, it)) is not None]
    if not found:
        return None
    last = max((kind for kind, _ in found), key=list(NAMES).index)
    standings = [it for kind, it in found if kind == last]
    suites = [suite for it in standings for suite in told(it)]
    judged = [
        suite
        for suite in suites
        if any(row["exceeds_baselines"] is not None for row in suite["languages"])
    ][:1]
    return Section(
        name="tests",
        question="Is it good?",
        answer=_answer(judged),
        text=(f"The model: {NAMES[last]}.", *map(_worst, filter(lambda it: it["worst"], suites))),
        figures=tuple(
            Figure(
                f"{suite['name']}: share right, by language, and by chance",
                accuracy_chart(suite),
                _table(suite),
            )
            for suite in judged
        ),
        tables=tuple(_table(suite) for suite in suites if suite not in judged),
        method="The same items in every language, made here or given. A choice is taken by its "
        "log-probability over its bytes, unless the suite says otherwise. Without the question: "
        "chance, the longest choice, and the choice that is likeliest by itself. Intervals of 95 % "
        "are over passages, gaps to English are paired and adjusted over the languages (Holm).",
        measured_by=tuple(standings),
    )


def _kind(family: Family, standing: Artifact) -> str | None:
    """Of the model that was asked, if it is one of the family."""
    of = family.parent(standing, "scores")
    model = None if of is None else family.parent(of, "model")
    return None if model is None else MODELS[model.manifest.stage]


def _answer(judged: Sequence[Row]) -> str:
    if not judged:
        return "What it answers is in the tables; nothing can be compared with chance"
    rows = judged[0]["languages"]
    above = sum(bool(row["exceeds_baselines"]) for row in rows)
    if not above:
        return "In no language is it surely better than chance, or than without the question"
    return f"Surely better than chance in {above} of {len(rows)} languages"


def _worst(suite: Row) -> str:
    worst = suite["worst"]
    (name,) = language_labels([worst["language"]]).values()
    return (
        f"{suite['name']}: worst in {name}, {percent(worst['value'])}; of as many equal languages "
        f"the worst would have {percent(worst['expected'])}, in 5 of 100 tests less than "
        f"{percent(worst['low'])}."
    )


def accuracy_chart(suite: Any) -> Chart:
    """A suite's scores with their intervals, and what chance would give."""
    names = language_labels([row["language"] for row in suite["languages"]])
    spoken = most_spoken(list(names))
    dots = []
    for row in suite["languages"]:
        label = names[row["language"]]
        if row["language"] in spoken:
            dots += [] if row["chance"] is None else [Dot(label, "known", row["chance"])]
            dots.append(Dot(label, "made", row["score"], row["low"], row["high"]))
    axis = Axis("bits a byte") if suite["metric"] == "bits" else RIGHT
    key = [("made", "the model"), ("known", "chance")]
    described = f"{suite['name']} by {suite['metric']} in {len(spoken)} languages."
    return charts.dots(dots, axis, described, key)


def _table(suite: Row) -> Table:
    names = language_labels([row["language"] for row in suite["languages"]])
    share, bounds = percent, interval
    if suite["metric"] == "bits":
        share, bounds = "{:.3f}".format, "{:.3f}–{:.3f}".format
    return tabled(
        f"{suite['name']} by {suite['metric']}",
        suite["languages"],
        {
            "language": lambda row: names[row["language"]],
            "items": lambda row: count(row["items"]),
            "score": lambda row: share(row["score"]),
            "95 %": lambda row: TOO_FEW if row["low"] is None else bounds(row["low"], row["high"]),
            "gap to English, points": lambda row: _gap(row["gap_to_english"]),
            "chance": lambda row: NOT_KNOWN if row["chance"] is None else percent(row["chance"]),
            "above the baselines": lambda row: SAID[row["exceeds_baselines"]],
        },
    )


def _gap(gap: Row | None) -> str:
    if gap is None:
        return NOT_KNOWN
    bounds = "" if gap["low"] is None else f" ({points(gap['low'])} to {points(gap['high'])})"
    return points(gap["value"]) + bounds
