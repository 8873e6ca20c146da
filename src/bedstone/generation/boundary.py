"""Draws that the rounding of logits may turn.

The logits of a row differ in their last bits with what shares its batch, and so may a token that
is drawn at a boundary: where the random number lies next to a summed probability, or a token next
to a sampler's bound. Counted is every draw that a change of each logit by ``LOGIT_NATS`` could
turn, and some more: where a sampler may keep other tokens, the draw counts whatever comes of it.

Derivation. When each logit changes by at most e, so do the largest one, the k-th one, their
standard deviation and the logarithm of their summed exponentials. The odds of a set of tokens
change by a factor of at most exp(2 e), so its probability F by 2 e F (1 - F), and the entropy by
e times the mean distance of -log p from it, as its gradient p (log p + entropy) says. What is of
second order in e is lost in the reserve.

Shape letters: B rows of the batch, V tokens of the vocabulary or candidates of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bedstone.generation.samplers import RULED_OUT, deviation, entropy_nats

LOGIT_NATS = 1e-5
"""By so much fp32 logits may differ between batches."""
RESERVE = 2
"""Times that: room for the rounding of samplers and sums, which is some 1e-6 nats."""
ROUNDING_SHARE = 2e-7
"""By so much a sum of probabilities in fp32 may be off."""


class Doubt:
    """What a chain makes of a change in the logits of its batch."""

    def __init__(self, rows: int, device: torch.device) -> None:
        self.nats = LOGIT_NATS * RESERVE
        """By how much each logit may be off, after the samplers so far."""
        self._rows, self._device = rows, device
        self._cuts: list[tuple[str, Any, _Cut, float]] = []

    def follow(self, name: str, value: Any, given_BV: Tensor, made_BV: Tensor) -> None:
        """Take in one sampler: what it was given, and what it made of that."""
        if name == "temperature":
            self.nats /= value
        elif name == "repetition":
            self.nats *= max(value, 1 / value)
        elif name in _MAY_CHANGE:
            self._cuts.append((name, value, _Cut(given_BV, made_BV > RULED_OUT), self.nats))

    def rows(self) -> Tensor:
        """(B,): where the samplers might have kept other tokens."""
        found_B = torch.zeros(self._rows, dtype=torch.bool, device=self._device)
        for name, value, cut, nats in self._cuts:
            found_B |= _MAY_CHANGE[name](cut, value, nats)
        return found_B


def at_boundary(uniforms: Tensor, below: Tensor, up_to: Tensor, nats: Tensor | float) -> Tensor:
    """Whether a random number might fall to another token, where none but the kept are drawn.

    Args:
        uniforms: random numbers in [0, 1), of any shape.
        below: the probability of all tokens before the one drawn.
        up_to: the same and its own.
        nats: by how much each logit may be off.
    """
    left = (uniforms - below <= 2 * nats * below * (1 - below)) & (below > 0)
    right = (up_to - uniforms <= 2 * nats * up_to * (1 - up_to)) & (up_to < 1)
    return left | right


@dataclass(frozen=True, slots=True)
class _Cut:
    """The logits that a sampler was given, and which of them it kept."""

    logits: Tensor
    """(B, V)"""
    kept: Tensor
    """(B, V)"""

    @property
    def last(self) -> Tensor:
        """(B,): the lowest logit kept."""
        return self.logits.masked_fill(~self.kept, torch.inf).amin(dim=1)

    @property
    def next(self) -> Tensor:
        """(B,): the highest one ruled out."""
        return self.logits.masked_fill(self.kept, RULED_OUT).amax(dim=1)

    def by_bound(self, bound_B: Tensor, off: Tensor | float) -> Tensor:
        """For one that keeps what reaches a bound and, in any case, the likeliest token.

        Args:
            bound_B: the bound.
            off: by how much a token's distance from it may be off.
        """
        several_B = self.kept.sum(dim=1) > 1
        falls_B = (self.last - bound_B).abs() <= off
        return falls_B & several_B | ((self.next - bound_B).abs() <= off)


def _greedy(cut: _Cut, value: None, nats: float) -> Tensor:
    return cut.last - cut.next <= 2 * nats


def _top_k(cut: _Cut, k: float, nats: float) -> Tensor:
    tied_B = cut.kept.sum(dim=1) > k
    return tied_B | (cut.last - cut.next <= 2 * nats)


def _min_p(cut: _Cut, p: float, nats: float) -> Tensor:
    return cut.by_bound(cut.logits.amax(dim=1) + torch.tensor(p).log(), 2 * nats)


def _top_n_sigma(cut: _Cut, n: float, nats: float) -> Tensor:
    bound_B = cut.logits.amax(dim=1) - n * deviation(cut.logits)[:, 0]
    return cut.by_bound(bound_B, (2 + n) * nats)


def _epsilon(cut: _Cut, bound: float, nats: float) -> Tensor:
    return cut.by_bound(cut.logits.logsumexp(dim=1) + torch.tensor(bound).log(), 2 * nats)


def _eta(cut: _Cut, bound: float, nats: float) -> Tensor:
    surprise = _Surprise(cut.logits)
    most = torch.tensor(bound).log()
    least_B = torch.minimum(most, most / 2 - surprise.entropy_B)
    bound_B = cut.logits.logsumexp(dim=1) + least_B
    return cut.by_bound(bound_B, (2 + surprise.spread_B) * nats)


def _top_p(cut: _Cut, p: float, nats: float) -> Tensor:
    swaps_B = cut.last - cut.next <= 2 * nats
    probabilities_BV = cut.logits.softmax(dim=1)
    of_last_B = probabilities_BV.masked_fill(~cut.kept, torch.inf).amin(dim=1)
    return swaps_B | _near_mass(cut, probabilities_BV, of_last_B, p, nats)


def _typical(cut: _Cut, mass: float, nats: float) -> Tensor:
    surprise = _Surprise(cut.logits)
    distance_BV = surprise.distance_BV
    last_B1 = distance_BV.where(cut.kept, RULED_OUT).argmax(dim=1, keepdim=True)
    off_B1 = 2 * (2 + surprise.spread_B[:, None]) * nats
    swaps_B = ((distance_BV - distance_BV.gather(1, last_B1)).abs() <= off_B1).sum(dim=1) > 1
    of_last_B = surprise.probabilities_BV.gather(1, last_B1)[:, 0]
    return swaps_B | _near_mass(cut, surprise.probabilities_BV, of_last_B, mass, nats)


def _near_mass(
    cut: _Cut, probabilities_BV: Tensor, of_last_B: Tensor, mass: float, nats: float
) -> Tensor:
    """For one that stops at the token that reaches a mass: whether it barely does, or is needed."""
    kept_B = (probabilities_BV * cut.kept).sum(dim=1)
    off = 2 * nats * mass * (1 - mass) + ROUNDING_SHARE
    near_B = ((kept_B - mass).abs() <= off) | ((kept_B - of_last_B - mass).abs() <= off)
    return near_B & (mass < 1)


class _Surprise:
    """How far each token's -log p is from their mean, the entropy."""

    def __init__(self, logits_BV: Tensor) -> None:
        logprobs_BV = logits_BV.log_softmax(dim=1)
        self.probabilities_BV = logprobs_BV.exp()
        entropy_B1 = entropy_nats(self.probabilities_BV)
        self.entropy_B = entropy_B1[:, 0]
        self.distance_BV = (logprobs_BV + entropy_B1).abs()
        drawn_BV = self.probabilities_BV > 0
        self.spread_B = (self.probabilities_BV * self.distance_BV.where(drawn_BV, 0)).sum(dim=1)


_MAY_CHANGE: Mapping[str, Callable[[_Cut, Any, float], Tensor]] = {
    "greedy": _greedy,
    "top_k": _top_k,
    "top_p": _top_p,
    "min_p": _min_p,
    "typical": _typical,
    "epsilon": _epsilon,
    "eta": _eta,
    "top_n_sigma": _top_n_sigma,
}
