"""Preference pairs as dialogues: what a model is to write rather than what else it wrote."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bedstone.errors import DataError
from bedstone.posttrain.chat import Dialogue, render_prompt
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.text.encoder import Encoder


@dataclass(frozen=True, slots=True)
class Preference:
    """Two completions of one prompt."""

    chosen: Dialogue
    rejected: Dialogue

    def __len__(self) -> int:
        """Tokens of a batch that it takes, padding included."""
        return 2 * max(len(self.chosen), len(self.rejected))


def both(preferences: Sequence[Preference]) -> list[Dialogue]:
    """What is chosen of each, then what is rejected of each."""
    return [each.chosen for each in preferences] + [each.rejected for each in preferences]


def read_preferences(preferences: Shard, encoder: Encoder, split: str) -> list[Preference]:
    """Those of posttrain.judge that are of a split.

    Args:
        preferences: the answers were drawn from a model with this tokeniser.
        encoder: of the prompts.
        split: ``train`` or ``held_out``.

    Raises:
        DataError: there is none.
    """
    names = ["prompt", "chosen_ids", "rejected_ids", "split"]
    rows = tables.read(preferences, names).to_pylist()
    found = [_preference(row, encoder) for row in rows if row["split"] == split]
    if not found:
        raise DataError(
            f"{preferences.location}: of {len(rows)} preferences none is of the split {split}",
            hint="draw more answers to judge, or change held_out_share of posttrain.judge",
        )
    return found


def _preference(row: dict[str, Any], encoder: Encoder) -> Preference:
    prompt_ids = render_prompt(encoder, row["prompt"])
    names = ("chosen_ids", "rejected_ids")
    return Preference(*(Dialogue(prompt_ids, tuple(row[name])) for name in names))
