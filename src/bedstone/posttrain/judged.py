"""Completions of prompts, as text and judged."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bedstone.generation.generate import Completion, Drawing, generate
from bedstone.model.transformer import Transformer
from bedstone.posttrain.chat import render_prompt
from bedstone.posttrain.checker import holds
from bedstone.text.encoder import Encoder


@dataclass(frozen=True, slots=True)
class Judged:
    """A completion, its text, and whether it has the property."""

    completion: Completion
    text: str
    """Bytes that are no UTF-8 are U+FFFD."""
    holds: bool

    @property
    def token_ids(self) -> tuple[int, ...]:
        """What the model wrote, the closing token included."""
        return self.completion.token_ids


def complete(
    model: Transformer,
    encoder: Encoder,
    prompts: Sequence[str],
    drawing: Drawing,
    threads: int,
    advance: Callable[[int], None] = lambda prompts: None,
) -> list[list[Judged]]:
    """The judged completions of each prompt; ``advance`` is told of prompts that are done."""
    rendered = [render_prompt(encoder, prompt) for prompt in prompts]
    completions = generate(model, rendered, drawing, threads, advance)
    return [[_judged(encoder, completion) for completion in each] for each in completions]


def _judged(encoder: Encoder, completion: Completion) -> Judged:
    text = encoder.decode(completion.text_ids)
    return Judged(completion, text, holds(text, ended=completion.finish_reason == "stop"))
