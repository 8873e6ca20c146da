"""What follows from a plan, in sentences: what the budget buys, where laws disagree, and why.

Letters: N parameters, D training tokens, U tokens that differ.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bedstone.laws.repeated_text import (
    NEARLY_FRESH_PASSES,
    SURFACE,
    effective_tokens,
    repeated_loss,
)

Row = Mapping[str, Any]
ROUNDING_MATTERS = 1.1
"""Highest over lowest N within the printed digits, from which on it is said."""
AGREE_SHARE = 0.05
"""Laws as near as that need no reason."""
MANY_EMBEDDINGS = 0.1
"""Share of the parameters from which on it matters whether a law counts embeddings."""


@dataclass(frozen=True, slots=True)
class Fed:
    """How far a corpus goes, read as often as is nearly as good as fresh text."""

    unique_tokens: float
    effective_tokens: float
    parameters: float
    """That so many fresh tokens are the optimum for."""
    loss_nats: float
    doubled_loss_nats: float
    """Of twice the parameters on the same text, for twice the FLOP."""


def fed(unique_tokens: float) -> Fed:
    """How many parameters U tokens feed. Source: see ``laws.repeated_text``."""
    worth = effective_tokens(unique_tokens, NEARLY_FRESH_PASSES)
    parameters = SURFACE.parameters_fed_by(worth)
    train_tokens = NEARLY_FRESH_PASSES * unique_tokens
    losses = [repeated_loss(it, train_tokens, unique_tokens) for it in (parameters, 2 * parameters)]
    return Fed(unique_tokens, worth, parameters, *map(float, losses))


def on_corpus(label: str, unique_tokens: float) -> str:
    """What the corpus allows."""
    found = fed(unique_tokens)
    gain = found.loss_nats - found.doubled_loss_nats
    return (
        f"your corpus holds {short(unique_tokens)}{label} tokens: with {NEARLY_FRESH_PASSES:g} "
        f"passes that is worth {short(found.effective_tokens)} fresh tokens, so at most "
        f"{short(found.parameters)} parameters are well fed, and a model twice as large would take "
        f"twice the FLOP for {gain:.3f} nats a token less"
    )


def on_language(name: str, unique_tokens: float) -> str:
    """The same of one language among several, in short."""
    found = fed(unique_tokens)
    return (
        f"{name}: {short(unique_tokens)} tokens, worth {short(found.effective_tokens)}, feed "
        f"{short(found.parameters)} parameters alone"
    )


def on_passes(rows: Sequence[Row], unique_tokens: float) -> Iterator[str]:
    """How often the laws would read the corpus."""
    passes = {row["law"]: row["train_tokens"] / unique_tokens for row in rows}
    many = {name: it for name, it in passes.items() if it > NEARLY_FRESH_PASSES}
    if many:
        told = ", ".join(f"{name} {it:.1f}" for name, it in many.items())
        yield (
            f"more than {NEARLY_FRESH_PASSES:g} passes over your corpus would be read by {told}: "
            "each further pass teaches less"
        )


def on_disagreement(rows: Sequence[Row]) -> Iterator[str]:
    """How far the laws are apart, and what makes it so."""
    by_law = {row["law"]: row["parameters"] for row in rows}
    if len(by_law) < 2:
        return
    low, high = (pick(by_law, key=by_law.__getitem__) for pick in (min, max))
    yield (
        f"the laws ask for {short(by_law[low])} ({low}) to {short(by_law[high])} ({high}) "
        f"parameters, {by_law[high] / by_law[low]:.1f} times apart"
    )
    for left, right, reason in REASONS:
        ratio = by_law[left] / by_law[right] if {left, right} <= set(by_law) else 1.0
        if abs(ratio - 1) > AGREE_SHARE:
            yield f"{left} against {right}: {ratio:.2f} times. {reason}"


def on_certainty(rows: Sequence[Row]) -> Iterator[str]:
    """How far the runs behind a law leave N open, where that is known."""
    told: dict[str, Sequence[float]] = {}
    for row in rows:
        if (ends := row["parameters_interval"]) and ends not in told.values():
            told[row["law"]] = ends
            yield (
                f"the runs behind {row['law']} leave N between {short(ends[0])} and "
                f"{short(ends[1])} (95 %)"
            )


REASONS = (
    (
        "chinchilla-3",
        "chinchilla-3-unrounded",
        "The same fit: two printed digits of an exponent are too few to divide a large budget",
    ),
    (
        "chinchilla-3-unrounded",
        "epoch",
        "The same runs: the replication's optimum fits them better, Hoffmann's third was not one",
    ),
    (
        "chinchilla-1",
        "twenty",
        "The rule of thumb is the first approach in the middle of its runs, at any budget",
    ),
    (
        "repeated",
        "epoch",
        "Other text (C4 against MassiveText), equal exponents, and a price on what is read again",
    ),
    (
        "served",
        "epoch",
        "The same surface: a smaller model is trained for longer, because serving it costs less",
    ),
)
"""Of laws that share something: what they do not share."""


def row_warnings(row: Row, beyond: Mapping[str, Sequence[float]]) -> Iterator[str]:
    """What a reader of a law's row should know. ``beyond``: see ``allocation.outside``."""
    if beyond:
        ranges = (f"{short(low)} to {short(high)} {name}" for name, (low, high) in beyond.items())
        yield f"outside what the law was fitted on: {', '.join(ranges)}"
    ends = row["parameters_within_rounding"]
    if ends and ends[1] / ends[0] > ROUNDING_MATTERS:
        yield f"the printed digits leave N between {short(ends[0])} and {short(ends[1])}"
    if (share := row["embedding_share"]) > MANY_EMBEDDINGS:
        yield (
            f"{100 * share:.0f} % of so many parameters would be the embedding; N counts "
            f"{row['parameters_counted']}"
        )


def short(value: float) -> str:
    """Three digits with a unit: ``1.2 B``; below 10,000 all of them."""
    for limit, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e4, "k")):
        if value >= limit:
            return f"{value / (1e3 if unit == 'k' else limit):.3g} {unit}"
    return f"{value:,.0f}"
