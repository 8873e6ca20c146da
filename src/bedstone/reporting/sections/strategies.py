"""The chart of sampling strategies: accuracy against tokens, with the frontier."""

from collections.abc import Sequence

from bedstone.reporting.axes import Axis
from bedstone.reporting.charts import Chart, Line, Point, lines
from bedstone.sampling.choosing.comparison import Row, frontier

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


def accuracy_chart(rows: Sequence[Row]) -> Chart:
    """Strategies, greedy first, with their intervals on the test half.

    Names are those of some on the frontier. Those that a checker or a reward model chooses for
    have a frontier of their own: where neither is at hand they are no choice.
    """
    greedy = rows[0]
    needy = [row for row in rows if row.strategy.selector in ("checked", "rewarded")]
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
