"""What each way to an answer is worth, the same items in all of them, and what it takes.

The ways of a language: ``direct``; ``in``, the item is translated and the answer judged in the
pivot's language; ``in_out``, that answer is translated back; ``self``, as ``in`` with the evaluated
model as translator; ``gold_in``, the item as people wrote it in the pivot's language.

Source: Etxaniz et al. 2023, arXiv:2308.01223, for ``self``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any, NamedTuple

from bedstone.evaluation.verdicts.gaps import Score, gaps, scores
from bedstone.evaluation.verdicts.panels import Measured, panel_of
from bedstone.tasks.items import Item
from bedstone.uncertainty.paired import LEVEL

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


@dataclass(frozen=True, slots=True)
class Way:
    """What came of items on one way; of those that are not there it failed."""

    right: Mapping[str, float]
    """By the item's id in the language, 0 to 1."""
    costs: Mapping[str, Cost]


@dataclass(frozen=True, slots=True)
class Travelled:
    """A language's items of a suite, and the ways that they went."""

    items: Sequence[Item]
    ways: Mapping[str, Way]

    def went(self, name: str, item: Item) -> bool:
        """Whether the item went this way. Choices are not translated back."""
        return name in self.ways and not (name == "in_out" and item.choices)

    def failed(self, name: str) -> list[Item]:
        """Items that came to nothing on this way."""
        return [
            it for it in self.items if self.went(name, it) and it.id not in self.ways[name].right
        ]

    def kept(self) -> list[Item]:
        """Items that came to something on all their ways."""
        lost = {item.id for name in WAYS for item in self.failed(name)}
        return [item for item in self.items if item.id not in lost]


def compared(by_language: Mapping[str, Travelled], seed: int) -> list[dict[str, Any]]:
    """What the ways are worth in each of a suite's languages.

    Items that failed on one way are left out of all. p-values are adjusted over the languages.
    """
    kept = {language: each.kept() for language, each in by_language.items()}

    def measured(one: str, other: str | None = None) -> Iterator[Measured]:
        for language, items in kept.items():
            its = by_language[language]
            for item in items:
                if all(its.went(name, item) for name in (one, other or one)):
                    less = its.ways[other].right[item.id] if other else 0.0
                    yield Measured(item, its.ways[one].right[item.id] - less)

    def told(judge: Any, *names: str) -> dict[str, Score]:
        panel = panel_of(measured(*names))
        return dict(zip(panel.columns, judge(panel, seed), strict=True)) if panel.columns else {}

    reached = {name: told(scores, name) for name in WAYS}
    between = {name: told(gaps, *both) for name, both in COMPARED.items()}
    rows = []
    for language, its in by_language.items():
        row: dict[str, Any] = {"language": language, "items": len(kept[language])}
        row["left_out"] = {name: len(its.failed(name)) for name in WAYS if name in its.ways}
        spent = {name: _spent(its, name, kept[language]) for name in WAYS}
        row["arms"] = {
            name: _arm(reached[name][language], spent[name]) if language in reached[name] else None
            for name in WAYS
        }
        row["calls"] = {name: each and each[0] for name, each in spent.items()}
        row["tokens"] = {name: each and each[1] for name, each in spent.items()}
        for name, gap in between.items():
            row[name] = asdict(gap[language]) if language in gap else None
        row["recommendation"] = _recommendation(row["round_gain"] or row["detour_gain"])
        rows.append(row)
    return rows


def _spent(
    its: Travelled, name: str, kept: Sequence[Item]
) -> tuple[float, float, float | None] | None:
    # Calls, tokens and seconds of an item, in the mean.
    costs = [its.ways[name].costs[item.id] for item in kept if its.went(name, item)]
    if not costs:
        return None
    waits = [cost.seconds for cost in costs if cost.seconds is not None]
    seconds = fmean(waits) if len(waits) == len(costs) else None
    return fmean(cost.calls for cost in costs), fmean(cost.tokens for cost in costs), seconds


def _arm(score: Score, spent: tuple[float, float, float | None] | None) -> dict[str, Any]:
    assert spent
    return {
        "score": score.value,
        "low": score.low,
        "high": score.high,
        "right_per_million_tokens": 1e6 * score.value / spent[1] if spent[1] else None,
        "waiting_seconds": spent[2],
    }


def _recommendation(gain: Mapping[str, Any] | None) -> str:
    if not gain or gain["p_adjusted"] is None or gain["p_adjusted"] >= LEVEL:
        return "cannot tell"
    if gain["low"] <= 0 <= gain["high"]:
        return "cannot tell"
    return "detour" if gain["value"] > 0 else "direct"
