"""What a stage will have a model do, told before there is a model: what it draws, reads, learns.

Each stage that asks a model says so beside its code, in ``foresee(config, known)``. How long that
takes is measured with an untrained model of the same shape.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from statistics import fmean
from typing import TYPE_CHECKING

from bedstone.counting.shape import ModelConfig
from bedstone.generation.chain import parse
from bedstone.model import Device, NumberFormat
from bedstone.store.artifact import Artifact
from bedstone.text.encoder import Encoder

if TYPE_CHECKING:
    from bedstone.generation.generate import LaidOut

MEASURED_TOKENS = 8
"""Drawn of each row to tell its pace."""
MEASURED_TEXTS = 200
"""Whose lengths stand for those of all."""


@dataclass(frozen=True, slots=True)
class Draws:
    """Completions, in batches that are alike."""

    batches: float
    at_once: int
    """So many batches can be drawn side by side at most."""
    prompts: int
    """Of a batch."""
    samples: int
    """Of each prompt."""
    prompt_tokens: int
    tokens: int
    """Of a completion, about."""
    chain: str = "temperature=1"

    @property
    def drawn_tokens(self) -> float:
        """Of all completions."""
        return self.batches * self.prompts * self.samples * self.tokens

    def seconds(
        self, shape: ModelConfig, number_format: NumberFormat, device: Device, at_once: int
    ) -> float:
        """On this machine, of a model of ``shape``, if so many batches are drawn side by side."""
        rows = (self.prompts, self.samples, self.prompt_tokens)
        first, more = _pace(shape, number_format, device, self.chain, *rows)
        return self.batches * (first + (self.tokens - 1) * more) / min(at_once, self.at_once)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a stage will have a model do, about."""

    draws: tuple[Draws, ...] = ()
    read_tokens: float = 0.0
    """Without learning from them."""
    trained_tokens: float = 0.0
    """Those of each epoch."""
    rows: float = 0.0
    """That it writes for others to read: prompts with their answers, or preferences."""
    row_tokens: float = 0.0
    """Of a prompt and one answer."""

    @property
    def tokens(self) -> float:
        """That go through a model; prompts that are answered are not counted."""
        return (
            sum(each.drawn_tokens for each in self.draws) + self.read_tokens + self.trained_tokens
        )


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a stage's inputs before they are there."""

    inputs: Mapping[str, Artifact]
    """By role, those that need no model: made of a part of the text."""
    growth: Mapping[str, float]
    """By role, how many times as much text the run has."""
    before: Mapping[str, Foreseen]
    """By role, what others will have made with a model."""
    shape: ModelConfig
    encoder: Encoder

    def count(self, role: str, found: int, most: int) -> int:
        """Of ``found`` in the part of a role, as many as in all of it; ``most`` at most."""
        return min(round(found * self.growth[role]), most)

    def lengths(
        self, prompts: Sequence[str], answers: Sequence[str], max_tokens: int
    ) -> tuple[int, int]:
        """Tokens of a prompt and of an answer, on average, if answers are as long as these.

        Where there are none, answers take all that they may.
        """
        asked, told = (
            [len(self.encoder.encode(text)) + closing for text in texts[:MEASURED_TEXTS]]
            for texts, closing in ((prompts, 2), (answers, 1))
        )
        capped = [min(each, max_tokens) for each in told] or [max_tokens]
        return round(fmean(asked)), round(fmean(capped))


@cache
def _pace(
    shape: ModelConfig,
    number_format: NumberFormat,
    device: Device,
    chain: str,
    prompts: int,
    samples: int,
    prompt_tokens: int,
) -> tuple[float, float]:
    """Seconds of a batch to its first tokens, and for each more of every row."""
    from bedstone.generation.generate import Drawing, generate

    model = _untrained(shape, number_format, device, one_row=prompts == samples == 1)
    # On a CPU one thread computes, and other programs do not count.
    clock = time.process_time if model.model.device.type == "cpu" else time.perf_counter
    ids = [
        [(number + place) % shape.vocab_size for place in range(prompt_tokens)]
        for number in range(prompts)
    ]

    def seconds(tokens: int) -> float:
        drawing = Drawing(parse(chain), samples, tokens, stop_ids=frozenset(), seed=0)
        started = clock()
        generate(model, ids, drawing)
        return clock() - started

    seconds(2)  # kernels are chosen, once
    first = min(seconds(1), seconds(1))
    more = (min(seconds(1 + MEASURED_TOKENS) for _ in range(2)) - first) / MEASURED_TOKENS
    return first, max(more, 0.0)


@lru_cache(maxsize=2)
def _untrained(
    shape: ModelConfig, number_format: NumberFormat, device: Device, *, one_row: bool
) -> "LaidOut":
    from bedstone.generation.generate import LaidOut
    from bedstone.model.processor import converted, device_of
    from bedstone.model.transformer import Transformer

    model = converted(Transformer(shape), number_format, device_of(device))
    return LaidOut(model, one_row=one_row)
