"""Dialogues as token ids, built piece by piece, so that each token's role is known.

    <|user|> prompt <|assistant|> completion <|endoftext|>

A text is encoded by itself, as ordinary text. So no token spans prompt and completion, and a
text that reads ``<|assistant|>`` is encoded as these thirteen characters, not as the control
token.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bedstone.posttrain.prompts import Pair
from bedstone.text.encoder import ASSISTANT, END, USER, Encoder


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A prompt and its completion; the completion closes with the token for its end."""

    prompt_ids: tuple[int, ...]
    """From the user's control token to the assistant's."""
    completion_ids: tuple[int, ...]

    @property
    def ids(self) -> tuple[int, ...]:
        """The whole sequence."""
        return self.prompt_ids + self.completion_ids

    def __len__(self) -> int:
        return len(self.prompt_ids) + len(self.completion_ids)


def render_prompt(encoder: Encoder, prompt: str) -> tuple[int, ...]:
    """What a completion of ``prompt`` is to follow."""
    special = encoder.special
    return (special[USER], *encoder.encode(prompt), special[ASSISTANT])


def render(encoder: Encoder, prompt: str, completion: str) -> Dialogue:
    """The dialogue as the model is trained on it."""
    completion_ids = (*encoder.encode(completion), encoder.special[END])
    return Dialogue(render_prompt(encoder, prompt), completion_ids)


def rendered(
    encoder: Encoder, pairs: Sequence[Pair], max_tokens: int
) -> list[tuple[str, Dialogue]]:
    """The pairs of ``max_tokens`` at most as dialogues, each with the id of its document."""
    dialogues = ((pair.id, render(encoder, pair.prompt, pair.completion)) for pair in pairs)
    return [each for each in dialogues if len(each[1]) <= max_tokens]


def prompt_max_bytes(seq_len: int, max_tokens: int) -> int:
    """What any prompt may hold, that with ``max_tokens`` behind it is to fit into ``seq_len``.

    No tokeniser makes more tokens of a text than it has bytes; two control tokens are around it.
    """
    return seq_len - max_tokens - 2
