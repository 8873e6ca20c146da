"""Sampling strategies: the report's section, and the chart of accuracy against tokens."""

from collections.abc import Sequence
from typing import Any

from bedstone.posttrain.checker import TASK
from bedstone.reporting.axes import Axis
from bedstone.reporting.charts import Chart, Line, Point, lines
from bedstone.reporting.family import Family
from bedstone.reporting.section import Figure, Section, Table
from bedstone.reporting.sections.model import NAMES, measured_on
from bedstone.reporting.wording import count, interval, percent, points
from bedstone.sampling.choosing.comparison import Row, frontier
from bedstone.store.artifact import Artifact
from bedstone.store.payload import read_json

TOKENS = Axis("tokens a problem, prompt counted once", log=True)
ACCURACY = Axis("share answered rightly")
KEY = (
    ("before", "greedy"),
    ("made", "nothing cheaper is better"),
    ("best of N", "the same, with a checker"),
    ("known", "others"),
)
NAMED_STEP = 0.3
"""Of the whole rise: nearer to one of its frontier that has a name, a point gets none."""


NEEDY = ("checked", "rewarded")
"""Selectors that need something besides the answers."""
OWN = "temperature=1"
"""The chain that leaves a model's distribution as it is."""


def compared(family: Family) -> list[tuple[str, Artifact, dict[str, Any]]]:
    """Each comparison with the kind of its model, in the order of training."""
    found = measured_on(family, "sampling.compare")
    return [(*each, read_json(each[1], "strategies.json")) for each in found]


def strategies(family: Family) -> Section | None:
    """What each way to sample is worth, and what it costs."""
    found = compared(family)
    if not found:
        return None
    kind, measured, told = found[-1]
    rows, recommended = list(map(Row.read, told["strategies"])), told["recommendation"]
    best = next((row for row in rows if str(row.strategy) == recommended["strategy"]), None)
    right = "end as a sentence, in time" if told["task"] == TASK else "are right"
    greedy = f"{percent(rows[0].accuracy.value)} for {rows[0].cost.tokens:.0f}"
    return Section(
        name="strategies",
        question="How to sample it?",
        answer=f"{best.strategy}: {percent(best.accuracy.value)} of the answers {right}, for "
        f"{best.cost.tokens:.0f} tokens a prompt; greedy, {greedy}"
        if best
        else f"No strategy beats greedy here: {greedy} tokens a prompt",
        text=(
            f"The model: {NAMES[kind]}. Right are answers that {right}. Of several answers none "
            "that was cut off is taken where another ended.",
            f"{recommended['sentence']}.",
        ),
        figures=(_figure(rows),),
        method="Half of the prompts chose the chain of each sampler, the other "
        f"{count(told['problems'])} report: intervals are over prompts, p-values are adjusted for "
        "all strategies compared (Holm). Tokens count the prompt once and all that was drawn. "
        "Likeliest takes the answer of highest mean log-probability, mbr the one most like the "
        "others, checked a right one if there is one: a bound on what a choice can reach, and "
        "never recommended.",
        measured_by=(measured,),
    )


def _figure(rows: Sequence[Row]) -> Figure:
    cells = tuple(
        (
            str(row.strategy),
            percent(row.accuracy.value),
            interval(row.accuracy.low, row.accuracy.high),
            points(row.gain.value),
            f"{row.adjusted_p:.4f}",
            f"{row.cost.tokens:.0f}",
        )
        for row in sorted(rows, key=lambda row: row.cost.tokens)
    )
    head = ("strategy", "right", "95 %", "over greedy, points", "adjusted p", "tokens a prompt")
    return Figure(
        "Right answers against tokens; named is what nothing cheaper beats",
        accuracy_chart(rows),
        Table("Strategies by cost", head, cells),
    )


def accuracy_chart(rows: Sequence[Row]) -> Chart:
    """Strategies, greedy first, with their intervals on the test half.

    Names are those of some on the frontier. Those that a checker or a reward model chooses for
    have a frontier of their own: where neither is at hand they are no choice.
    """
    greedy = rows[0]
    needy = [row for row in rows if row.strategy.selector in NEEDY]
    plain = [row for row in rows if row not in needy]
    best = {"made": _best(plain), "best of N": _best(needy)}
    kinds = {row.strategy: kind for kind, held in best.items() for row in held}
    values = [row.accuracy.value for held in best.values() for row in held]
    step = NAMED_STEP * (max(values) - min(values))
    named = [row for held in best.values() for row in _named(held, step)]
    points = [_point(row, kinds.get(row.strategy, "known"), named) for row in rows[1:]]
    drawn = [
        Line(
            x=[row.cost.tokens for row in held],
            y=[row.accuracy.value for row in held],
            kind=kind,
        )
        for kind, held in best.items()
        if held
    ]
    told = [f"{row.strategy}, {row.accuracy.value:.3f}" for held in best.values() for row in held]
    return lines(
        drawn,
        [*points, _point(greedy, "before", [greedy])],
        TOKENS,
        ACCURACY,
        f"Accuracy against tokens of {len(rows)} strategies; on the frontier: {'; '.join(told)}.",
        KEY,
    )


def _best(rows: Sequence[Row]) -> list[Row]:
    """Those that none of them is better than, the cheapest first; of equal ones the first."""
    kept = frontier([row.cost.tokens for row in rows], [row.accuracy.value for row in rows])
    places = {
        (row.cost.tokens, row.accuracy.value): row
        for row, is_kept in reversed(list(zip(rows, kept, strict=True)))
        if is_kept
    }
    return [row for _, row in sorted(places.items(), key=lambda place: place[0])]


def _named(held: Sequence[Row], step: float) -> list[Row]:
    """The best of a frontier, and each that lies a ``step`` below one that has a name."""
    named: list[Row] = []
    for row in reversed(held):
        if not named or named[-1].accuracy.value - row.accuracy.value >= step:
            named.append(row)
    return named


def _point(row: Row, kind: str, named: Sequence[Row]) -> Point:
    accuracy = row.accuracy
    return Point(
        x=row.cost.tokens,
        y=accuracy.value,
        low=accuracy.low,
        high=accuracy.high,
        kind=kind,
        label=(row.strategy.choice or row.strategy.chain) if row in named else "",
    )
