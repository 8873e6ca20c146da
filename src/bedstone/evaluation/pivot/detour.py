"""What a detour through another language is worth: `bedstone evaluate MODEL --pivot eng`.

Contract for the command (this text goes when the code is here): call

    pivoted(source, items, wanted, making) -> dict      # JSON-able; adds to evaluate's object
    foreseen(source, items, wanted, making) -> dict     # of a dry run: {"calls", "completion_tokens_at_most", "usd_at_most" or None}

once for each items artifact (a suite's). ``source`` is sampling.source.Source. A translator that is an
endpoint is probed by pivoted itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bedstone.sampling.source import Source
from bedstone.store.artifact import Artifact
from bedstone.store.making import Making


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which detour, and how the model is asked on each way."""

    pivot: str
    """Any code of a language: ``eng``, ``eng_Latn``."""
    translator: str
    """``apertium``, ``self``, ``http://HOST/v1#NAME``, or a CTranslate2 model's folder."""
    scores: Mapping[str, Any] = field(default_factory=dict)
    """The config of evaluation.scores that the direct arm has too."""
    answers: Mapping[str, Any] = field(default_factory=dict)
    """The config of sampling.answers that the direct arm has too."""
    chat: bool = True
    """Whether translations are asked of a model in turns."""
    prices: tuple[float, float] = (0.0, 0.0)
    """Of the translator: USD a million tokens of prompts, of completions."""
    seed: int = 0


def pivoted(source: Source, items: Artifact, wanted: Wanted, making: Making) -> dict[str, Any]:
    """{"pivot", "translator", "suites": [{"name", "metric", "languages": [{"language", "items",
    "left_out" {reason: items}, "arms" {"direct", "in", "in_out", "self", "gold_in": {"score", "low",
    "high", "right_per_million_tokens", "waiting_seconds"} or null}, "language_gap",
    "translation_loss", "detour_gain", "return_loss": {"value", "low", "high", "p", "p_adjusted"} or
    null, "calls" {arm: an item}, "tokens" {arm: an item}, "recommendation": "detour" | "direct" |
    "cannot tell", "survival" {...}}]}], "not_translated" {language: why}}."""
    raise NotImplementedError
