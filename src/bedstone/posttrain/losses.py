"""Losses of post-training, as functions of tensors and of nothing else.

Shape letters: B sequences, T positions, R tokens that count, of all sequences, V tokens of the
vocabulary.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def token_logprobs(logits_RV: Tensor, targets_R: Tensor) -> Tensor:
    """The log-probability of each target, in the logits' precision but never below fp32."""
    logits_RV = logits_RV.to(torch.promote_types(logits_RV.dtype, torch.float32))
    return -F.cross_entropy(logits_RV, targets_R, reduction="none")


def sft_weights(mask_BT: Tensor) -> Tensor:
    """What each token's negative log-probability counts in the loss of a step.

    The same for each token that ``mask_BT`` marks, whichever sequence it stands in, so that the
    loss is their mean: a mean of the sequences' means, or of parts of a step, would weigh the
    tokens of short completions more. NaN if no token is marked.
    """
    return mask_BT.double() / mask_BT.sum()


def sequence_logprobs(logprobs_R: Tensor, sequences_R: Tensor, count: int) -> Tensor:
    """The log-probability of each of ``count`` sequences, the sum over its tokens; 0 without any.

    Args:
        logprobs_R: of each token.
        sequences_R: the number of the sequence that the token belongs to.
        count: how many sequences there are.
    """
    return logprobs_R.new_zeros(count).index_add(0, sequences_R, logprobs_R)


def dpo_rewards(policy_B: Tensor, reference_B: Tensor, beta: float) -> Tensor:
    """The implicit reward of each sequence, up to a constant of its prompt.

    Source: Rafailov et al. 2023, arXiv:2305.18290, section 4.
    """
    return beta * (policy_B - reference_B)


def dpo_loss(chosen_rewards_B: Tensor, rejected_rewards_B: Tensor) -> Tensor:
    """Mean over the pairs of -log sigmoid(reward of chosen - reward of rejected); log 2 for ties.

    Source: Rafailov et al. 2023, arXiv:2305.18290, the loss called ``sigmoid``.
    """
    return -F.logsigmoid(chosen_rewards_B - rejected_rewards_B).mean()
