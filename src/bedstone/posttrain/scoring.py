"""What a model gives to the completions of dialogues, token by token.

Shape letters: B dialogues, T positions, V tokens of the vocabulary, D model, R tokens of the
batch's completions, in the order of the dialogues.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bedstone.model.transformer import Transformer
from bedstone.posttrain.chat import Dialogue, render
from bedstone.posttrain.losses import sequence_logprobs, token_logprobs
from bedstone.posttrain.prompts import Pair
from bedstone.text.encoder import Encoder
from bedstone.training.batching import in_order
from bedstone.uncertainty.intervals import Estimate, bootstrap_mean

BATCH_TOKENS = 8_192
"""Measured together."""


def rendered(
    encoder: Encoder, pairs: Sequence[Pair], max_tokens: int
) -> list[tuple[str, Dialogue]]:
    """The pairs of ``max_tokens`` at most as dialogues, each with the id of its document."""
    dialogues = ((pair.id, render(encoder, pair.prompt, pair.completion)) for pair in pairs)
    return [each for each in dialogues if len(each[1]) <= max_tokens]


def padded(dialogues: Sequence[Dialogue]) -> tuple[Tensor, Tensor]:
    """The tokens BT, and for each but the first whether it is a completion's, B(T-1).

    Padding stands on the right, where causal attention lets it touch no real token.
    """
    width = max(map(len, dialogues))
    tokens_BT = torch.zeros(len(dialogues), width, dtype=torch.long)
    mask_BT = torch.zeros(len(dialogues), width - 1, dtype=torch.bool)
    for row, dialogue in enumerate(dialogues):
        tokens_BT[row, : len(dialogue)] = torch.tensor(dialogue.ids)
        mask_BT[row, len(dialogue.prompt_ids) - 1 : len(dialogue) - 1] = True
    return tokens_BT, mask_BT


def completion_logprobs(model: Transformer, dialogues: Sequence[Dialogue]) -> tuple[Tensor, Tensor]:
    """The log-probability of each completion's token R, and the number of its dialogue R.

    Only these tokens go through the output projection.
    """
    tokens_BT, mask_BT = padded(dialogues)
    hidden_RD = model.hidden(tokens_BT[:, :-1])[mask_BT]
    logits_RV = hidden_RD @ model.output.T
    return token_logprobs(logits_RV, tokens_BT[:, 1:][mask_BT]), mask_BT.nonzero()[:, 0]


@torch.no_grad()
def completion_sums(model: Transformer, dialogues: Sequence[Dialogue]) -> list[float]:
    """The log-probability of each dialogue's completion, the closing token included."""
    sums = [0.0] * len(dialogues)
    for batch in in_order([len(dialogue) for dialogue in dialogues], BATCH_TOKENS):
        scored = completion_logprobs(model, [dialogues[number] for number in batch])
        of_batch = sequence_logprobs(*scored, len(batch)).tolist()
        for number, value in zip(batch, of_batch, strict=True):
            sums[number] = value
    return sums


@dataclass(frozen=True, slots=True)
class HeldOutLoss:
    """What the completions of real pages cost a model that was not trained on them."""

    nats: tuple[float, ...]
    """Of each completion."""
    tokens: tuple[int, ...]
    documents: tuple[str, ...]
    """That the completions are cut from, by id."""

    @classmethod
    def measure(cls, model: Transformer, held_out: Sequence[tuple[str, Dialogue]]) -> "HeldOutLoss":
        """The loss of ``model`` on dialogues, each with the id of its document."""
        documents, dialogues = zip(*held_out, strict=True)
        nats = tuple(-value for value in completion_sums(model, dialogues))
        return cls(nats, tuple(len(each.completion_ids) for each in dialogues), documents)

    @property
    def mean_nats(self) -> float:
        """A token."""
        return sum(self.nats) / sum(self.tokens)

    def change(self, after: "HeldOutLoss", seed: int) -> Estimate:
        """How many more nats a token costs ``after``; resampled by document."""
        differences = [
            (late - early) / tokens
            for early, late, tokens in zip(self.nats, after.nats, self.tokens, strict=True)
        ]
        return bootstrap_mean(differences, seed, self.tokens, self.documents)
