"""What a detour through another language is worth: `bedstone evaluate MODEL --pivot eng`.

Contract for the command (this text goes when the code is here): call

    pivoted(source, items, wanted, making, ask) -> dict   # JSON-able; adds to evaluate's object
    foreseen(items, wanted) -> dict     # of a dry run: {"calls", "completion_tokens_at_most", "usd_at_most" or None}

``ask(items_artifact) -> [tables]`` is the command's: it builds evaluation.scores and / or sampling.answers
of an items artifact (the same config as for the direct arm) and gives their tables (SCORES, ANSWERS).

once for each items artifact (a suite's). ``source`` is sampling.source.Source. A translator that is an
endpoint is probed by pivoted itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from bedstone.sampling.choosing.comparison import Prices
from bedstone.sampling.choosing.pace import Pace
from bedstone.sampling.source import Source
from bedstone.store.artifact import Artifact
from bedstone.store.making import Making

Ask = Callable[[Artifact], Sequence[pa.Table]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which detour, and how the model is asked on each way."""

    pivot: str
    """Any code of a language: ``eng``, ``eng_Latn``."""
    translator: str
    """``apertium``, ``self``, ``http://HOST/v1#NAME``, or a CTranslate2 model's folder."""
    chat: bool = True
    """Whether translations are asked of a model in turns."""
    pace: Pace | None = None
    """Of a model of this machine, for the waiting; None of an endpoint."""
    how: Mapping[str, Any] = field(default_factory=dict)
    """number_format, device, threads: of a model that translates here."""
    prices: Prices = Prices()
    """Of a translator that is paid."""
    seed: int = 0


def pivoted(
    source: Source, items: Artifact, wanted: Wanted, making: Making, ask: Ask
) -> dict[str, Any]:
    """{"pivot", "translator", "suites": [{"name", "metric", "languages": [{"language", "items",
    "left_out" {reason: items}, "arms" {"direct", "in", "in_out", "self", "gold_in": {"score", "low",
    "high", "right_per_million_tokens", "waiting_seconds"} or null}, "language_gap",
    "translation_loss", "detour_gain", "return_loss": {"value", "low", "high", "p", "p_adjusted"} or
    null, "calls" {arm: an item}, "tokens" {arm: an item}, "recommendation": "detour" | "direct" |
    "cannot tell", "survival" {...}}]}], "not_translated" {language: why}}."""
    raise NotImplementedError
