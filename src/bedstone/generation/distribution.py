"""The distribution of the next token: what a chain of samplers makes of the logits.

Shape letters: B rows of the batch, V tokens of the vocabulary, C groups of it, N tokens of a
group, G groups that are searched, S candidates.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from bedstone.generation import samplers
from bedstone.generation.boundary import Doubt
from bedstone.generation.chain import Chain, Step
from bedstone.generation.samplers import RULED_OUT, History
from bedstone.generation.values import ALONE

NARROW = ("top_k", "greedy")
"""Those that leave a known number of tokens."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The distribution that the next token is drawn from, over tokens that hold all it may be."""

    logprobs: Tensor
    """(B, S), in the order of the tokens' ids; -inf for those ruled out."""
    ids: Tensor | None
    """(B, S), which tokens these are; None if S is the vocabulary."""
    doubt: Doubt
    """What rounding may have changed."""

    def tokens(self, places_B: Tensor) -> Tensor:
        """The ids of the tokens at some places of S, one a row."""
        if self.ids is None:
            return places_B
        return self.ids.gather(1, places_B[:, None])[:, 0]


def logprobs(chain: Chain, logits_BV: Tensor, history: History | None = None) -> Tensor:
    """The log-probabilities that the next token is drawn from.

    Raises:
        ValueError: a sampler reads the text so far and is given no ``history``, names a token
            that the vocabulary has not, or rules out all that was left of a row.
    """
    return _apply(chain.steps, logits_BV, history).log_softmax(dim=-1)


def candidates(chain: Chain, logits_BV: Tensor, history: History | None = None) -> Candidates:
    """The same distribution, where it can be computed of a part of the vocabulary alone.

    After ``top_k`` the samplers look at the tokens that it kept and no others, and ``greedy``
    leaves one. Nothing but the rounding of sums may differ from the whole.

    Raises:
        ValueError: as ``logprobs`` does.
    """
    doubt = Doubt(len(logits_BV), logits_BV.device)
    names = [name for name, _ in chain.steps]
    first = min([names.index(name) for name in NARROW if name in names], default=len(names))
    rest, ids_BS = chain.steps[first:], None
    logits_BV = _apply(chain.steps[:first], logits_BV, history, doubt)
    if rest and all(name in (*ALONE, "greedy") for name, _ in rest):
        logits_BV, ids_BS = _narrow(logits_BV, int(rest[0][1] or 1))
    logits_BS = _apply(rest, logits_BV, history, doubt)
    return Candidates(logits_BS.log_softmax(dim=-1), ids_BS, doubt)


def _narrow(logits_BV: Tensor, k: int) -> tuple[Tensor, Tensor | None]:
    """The logits (B, S) of tokens that hold the ``k`` likeliest, all ties of these and one more.

    With them their ids, in whose order they stand; None where S is the vocabulary.
    """
    count = k + 1
    while count < logits_BV.shape[1]:
        values_BS, ids_BS = _likeliest(logits_BV, count)
        least_B, last_B = values_BS[:, k - 1], values_BS[:, -1]
        if ((last_B < least_B) | (least_B == RULED_OUT)).all():
            ids_BS, order_BS = ids_BS.sort(dim=1)
            return values_BS.gather(1, order_BS), ids_BS
        count *= 2
    return logits_BV, None


def _likeliest(logits_BV: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The logits and ids of so many likeliest tokens, likeliest first.

    They stand in as many groups, those of the highest maxima, so that two small searches do.
    """
    rows, tokens = logits_BV.shape
    length = math.isqrt(tokens // count)
    if tokens % length:
        logits_BV = F.pad(logits_BV, (0, -tokens % length), value=RULED_OUT)
    groups_BNC = logits_BV.view(rows, length, -1)  # a group is every C-th token
    group_BG = groups_BNC.amax(dim=1).topk(count, dim=1, sorted=False).indices
    found = groups_BNC.gather(2, group_BG[:, None].expand(-1, length, -1)).flatten(1).topk(count)
    row_BS, place_BS = found.indices // count, found.indices % count
    return found.values, row_BS * groups_BNC.shape[2] + group_BG.gather(1, place_BS)


def _apply(
    steps: Iterable[Step],
    logits_BV: Tensor,
    history: History | None,
    doubt: Doubt | None = None,
) -> Tensor:
    for name, value in steps:
        made_BV = _applied(name, value, logits_BV, history)
        if doubt is not None:
            doubt.follow(name, value, logits_BV, made_BV)
        logits_BV = made_BV
    return logits_BV


def _applied(name: str, value: Any, logits_BV: Tensor, history: History | None) -> Tensor:
    sampler: Callable[..., Tensor] = getattr(samplers, name)
    if name == "greedy":
        return sampler(logits_BV)
    if name in ALONE:
        return sampler(logits_BV, value)
    if name == "logit_bias":
        return sampler(logits_BV, dict(value))
    if history is None:
        raise ValueError(f"{name} reads the text so far, and is given none")
    return sampler(logits_BV, history, value)
