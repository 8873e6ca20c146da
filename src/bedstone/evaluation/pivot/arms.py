"""What each way to an answer is worth, the same items in all of them, and what it takes.

The ways of a language: ``direct``; ``in``, the item is translated and the answer judged in the
pivot's language; ``in_out``, that answer is translated back; ``self``, as ``in`` with the evaluated
model as translator; ``gold_in``, the item as people wrote it in the pivot's language.

Source: Etxaniz et al. 2023, arXiv:2308.01223, for ``self``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any, NamedTuple, TypeVar

from bedstone.evaluation.verdicts.gaps import Gap, Score, gaps, scores
from bedstone.evaluation.verdicts.panels import Measured, Panel, panel_of
from bedstone.tasks.items import Item
from bedstone.uncertainty.paired import LEVEL

S = TypeVar("S", bound=Score)
WAYS = ("direct", "in", "in_out", "self", "gold_in")
COMPARED = {
    "language_gap": ("gold_in", "direct"),
    "translation_loss": ("gold_in", "in"),
    "detour_gain": ("in", "direct"),
    "return_loss": ("in", "in_out"),
    "round_gain": ("in_out", "direct"),
    "self_gain": ("self", "direct"),
}
"""Each is the first's score less the second's. ``round_gain`` is what of the gain comes back."""
MOST_FAILED_SHARE = 0.2
"""Of a way's items: where more fail it says nothing, and would take too many from the others."""


class Cost(NamedTuple):
    """Of an item."""

    calls: int = 0
    """Of the model, and of the translator, of which each line is one."""
    tokens: int = 0
    """Of all calls, read and drawn; a program has none."""
    seconds: float | None = 0.0
    """One call waits for another; None where one is not told."""

    def then(self, other: "Cost") -> "Cost":
        """Both."""
        seconds = None
        if self.seconds is not None and other.seconds is not None:
            seconds = self.seconds + other.seconds
        return Cost(self.calls + other.calls, self.tokens + other.tokens, seconds)


Way = Mapping[str, tuple[float, Cost]]
"""How far an item is right, 0 to 1, and its cost, by its id; of those not there the way failed."""


@dataclass(frozen=True, slots=True)
class Travelled:
    """A language's items of a suite, and the ways that they went."""

    items: list[Item]
    ways: Mapping[str, Way]

    def failed(self, name: str) -> list[str]:
        """Items that came to nothing on this way. Choices are not translated back."""
        went = [item.id for item in self.items if name != "in_out" or not item.choices]
        return [item for item in went if item not in self.ways[name]]

    def told(self) -> "Travelled":
        """The items that came to something on all ways; a way on which few did is left out."""
        most = MOST_FAILED_SHARE * len(self.items)
        ways = {name: way for name, way in self.ways.items() if len(self.failed(name)) <= most}
        lost = {item for name in ways for item in self.failed(name)}
        return Travelled([item for item in self.items if item.id not in lost], ways)

    def measured(self, *names: str) -> Iterator[Measured]:
        """What is right on a way, less what is on another."""
        ways = [self.ways.get(name, {}) for name in names]
        for item in self.items:
            if all(item.id in way for way in ways):
                first, *less = (way[item.id][0] for way in ways)
                yield Measured(item, first - sum(less))


def compared(by_language: Mapping[str, Travelled], seed: int) -> list[dict[str, Any]]:
    """What the ways are worth in each of a suite's languages.

    Items that failed on one way are left out of all. p-values are adjusted over the languages.
    """
    told = {language: each.told() for language, each in by_language.items()}

    def judged(judge: Callable[[Panel, int], Sequence[S]], *names: str) -> dict[str, S]:
        panel = panel_of(each for its in told.values() for each in its.measured(*names))
        return dict(zip(panel.columns, judge(panel, seed) if panel.columns else (), strict=True))

    reached = {name: judged(scores, name) for name in WAYS}
    between = {name: judged(gaps, *both) for name, both in COMPARED.items()}
    rows = []
    for language, its in by_language.items():
        arms = {name: _arm(told[language], name, reached[name].get(language)) for name in WAYS}
        found = {name: gap.get(language) for name, gap in between.items()}
        # An answer is of use in its own language: where none came back, nothing is known.
        answers = any(not item.choices for item in its.items)
        gain = found["round_gain" if answers else "detour_gain"]
        rows.append(
            {
                "language": language,
                "items": len(told[language].items),
                "left_out": {name: len(its.failed(name)) for name in its.ways},
                "calls": {name: arm and arm.pop("calls") for name, arm in arms.items()},
                "tokens": {name: arm and arm.pop("tokens") for name, arm in arms.items()},
                "arms": arms,
                **{name: gap and asdict(gap) for name, gap in found.items()},
                "recommendation": _recommendation(gain),
            }
        )
    return rows


def _arm(its: Travelled, name: str, score: Score | None) -> dict[str, Any] | None:
    if score is None:
        return None
    costs = [its.ways[name][item.id][1] for item in its.items if item.id in its.ways[name]]
    calls, tokens = fmean(cost.calls for cost in costs), fmean(cost.tokens for cost in costs)
    waits = [cost.seconds for cost in costs if cost.seconds is not None]
    return {
        "score": score.value,
        "low": score.low,
        "high": score.high,
        "right_per_million_tokens": 1e6 * score.value / tokens if tokens else None,
        "waiting_seconds": fmean(waits) if len(waits) == len(costs) else None,
        "calls": calls,
        "tokens": tokens,
    }


def _recommendation(gain: Gap | None) -> str:
    if gain is None or gain.low is None or gain.high is None or (gain.p_adjusted or 0) >= LEVEL:
        return "cannot tell"
    return "detour" if gain.low > 0 else "direct" if gain.high < 0 else "cannot tell"
