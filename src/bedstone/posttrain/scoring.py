"""What a model gives to the completions of dialogues, token by token.

Shape letters: B dialogues, T positions, V tokens of the vocabulary, D model, R tokens of the
batch's completions, in the order of the dialogues.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from bedstone.model.transformer import Transformer
from bedstone.posttrain.chat import Dialogue
from bedstone.posttrain.losses import sequence_logprobs, token_logprobs
from bedstone.posttrain.preferences import Preference, both
from bedstone.training.batching import in_order

BATCH_TOKENS = 8_192
"""Measured together."""


def padded(dialogues: Sequence[Dialogue], device: torch.device) -> tuple[Tensor, Tensor]:
    """The tokens BT, and for each but the first whether it is a completion's, B(T-1).

    Padding stands on the right, where causal attention lets it touch no real token.
    """
    width = max(map(len, dialogues))
    tokens_BT = torch.zeros(len(dialogues), width, dtype=torch.long)
    mask_BT = torch.zeros(len(dialogues), width - 1, dtype=torch.bool)
    for row, dialogue in enumerate(dialogues):
        tokens_BT[row, : len(dialogue)] = torch.tensor(dialogue.ids)
        mask_BT[row, len(dialogue.prompt_ids) - 1 : len(dialogue) - 1] = True
    return tokens_BT.to(device), mask_BT.to(device)


def completion_logprobs(model: Transformer, dialogues: Sequence[Dialogue]) -> tuple[Tensor, Tensor]:
    """The log-probability of each completion's token R, and the number of its dialogue R.

    Only these tokens go through the output projection.
    """
    tokens_BT, mask_BT = padded(dialogues, model.device)
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


def preference_sums(model: Transformer, preferences: Sequence[Preference]) -> Tensor:
    """The log-probabilities of what is chosen and what is rejected, (B, 2)."""
    return torch.tensor(completion_sums(model, both(preferences))).view(2, -1).T
