"""What each way to an answer is worth, the same items in all of them, and what it takes.

The ways of a language: ``direct``; ``in``, the item is translated and the answer judged in the
pivot's language; ``in_out``, the answer is translated back; ``self``, as ``in`` with the evaluated
model as translator; ``gold_in``, the item as people wrote it in the pivot's language.

Source: Etxaniz et al. 2023, arXiv:2308.01223, for ``self``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np

from bedstone.tasks.items import Item
from bedstone.uncertainty.intervals import MIN_DOCUMENTS, bootstrap_mean
from bedstone.uncertainty.paired import LEVEL, holm, p_values

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
    """Of the model and of the translator, of which each line is one."""
    tokens: int = 0
    """Of all calls, read and drawn; a program without tokens has none."""
    seconds: float | None = 0.0
    """Waited, one call after another; None where one is not told."""

    def and_then(self, other: "Cost") -> "Cost":
        """Both."""
        told = None not in (self.seconds, other.seconds)
        seconds = (self.seconds or 0) + (other.seconds or 0) if told else None
        return Cost(self.calls + other.calls, self.tokens + other.tokens, seconds)


@dataclass(frozen=True, slots=True)
class Way:
    """What came of a language's items on one way; of those that are not there it failed."""

    right: Mapping[str, float]
    """By the item's id in the language, 0 to 1."""
    costs: Mapping[str, Cost]


def compared(
    by_language: Mapping[str, tuple[Sequence[Item], Mapping[str, Way]]], seed: int
) -> list[dict[str, Any]]:
    """What the ways are worth in each of a suite's languages.

    A way that no item went is null. Items that failed on one are left out of all. Of fewer than
    eight units (passages, or items) no interval is told, and nothing recommended. p-values are
    adjusted over the languages (Holm).
    """
    found = [_language(key, *each, seed) for key, each in by_language.items()]
    for name in COMPARED:
        tested = [row[name] for row in found if row[name] and row[name]["p"] is not None]
        for one, adjusted in zip(tested, holm([one["p"] for one in tested]), strict=True):
            one["p_adjusted"] = adjusted
    for row in found:
        row["recommendation"] = _recommendation(row["round_gain"] or row["detour_gain"])
    return found


def _language(
    key: str, items: Sequence[Item], ways: Mapping[str, Way], seed: int
) -> dict[str, Any]:
    went = {name: ways[name] for name in WAYS if name in ways and ways[name].right}
    kept, left_out = [], dict.fromkeys(went, 0)
    for item in items:
        failed = [
            name
            for name, way in went.items()
            if item.id not in way.right and not (name == "in_out" and item.choices)
        ]
        for name in failed:
            left_out[name] += 1
        if not failed:
            kept.append(item)
    row: dict[str, Any] = {"language": key, "items": len(kept), "left_out": left_out}
    of = {name: [it for it in kept if it.id in way.right] for name, way in went.items()}
    row["arms"] = {
        name: _score(went[name], of[name], seed) if of.get(name) else None for name in WAYS
    }
    for column in ("calls", "tokens"):
        row[column] = {name: arm and arm.pop(column) for name, arm in row["arms"].items()}
    for name, (one, other) in COMPARED.items():
        both = [item for item in of.get(one, ()) if item in of.get(other, ())]
        row[name] = _difference(went[one], went[other], both, seed) if both else None
    return row


def _cluster(item: Item) -> str:
    return item.passage_id or item.parallel_id or item.id


def _score(way: Way, items: Sequence[Item], seed: int) -> dict[str, Any]:
    rights = [way.right[item.id] for item in items]
    costs = [way.costs[item.id] for item in items]
    tokens = sum(cost.tokens for cost in costs)
    waits = [cost.seconds for cost in costs if cost.seconds is not None]
    return {
        **_interval("score", rights, items, seed),
        "right_per_million_tokens": 1e6 * sum(rights) / tokens if tokens else None,
        "waiting_seconds": fmean(waits) if len(waits) == len(items) else None,
        "calls": fmean(cost.calls for cost in costs),
        "tokens": tokens / len(items),
    }


def _interval(
    name: str, values: Sequence[float], items: Sequence[Item], seed: int
) -> dict[str, Any]:
    clusters = [_cluster(item) for item in items]
    found = bootstrap_mean(values, seed, documents=clusters)
    told = found.n >= MIN_DOCUMENTS
    bounds = {"low": found.low, "high": found.high} if told else {"low": None, "high": None}
    return {name: fmean(values), **bounds}


def _difference(one: Way, other: Way, items: Sequence[Item], seed: int) -> dict[str, Any]:
    values = [one.right[item.id] - other.right[item.id] for item in items]
    found = _interval("value", values, items, seed)
    _, of = np.unique([_cluster(item) for item in items], return_inverse=True)
    p = (
        None
        if found["low"] is None
        else p_values(np.bincount(of, values).astype(np.float64)[:, None], seed)[0]
    )
    return {**found, "p": p, "p_adjusted": None}


def _recommendation(gain: Mapping[str, Any] | None) -> str:
    if not gain or gain["p_adjusted"] is None or gain["p_adjusted"] >= LEVEL:
        return "cannot tell"
    if gain["low"] > 0:
        return "detour"
    return "direct" if gain["high"] < 0 else "cannot tell"
