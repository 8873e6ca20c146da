"""Samplers: what becomes of the logits of the next token before it is drawn.

A chain is written as ``"temperature=0.8,top_p=0.9"`` and applied in this order: the same
samplers in another order give another distribution, and engines differ in theirs.

Shape letters: B rows of the batch, V tokens of the vocabulary.
Logits are natural-log odds; -inf marks tokens that are ruled out. No function alters its input.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import AfterValidator
from torch import Tensor

from bedstone.config import nearest

RULED_OUT = float("-inf")
WHITE_SPACE = re.compile(r"\s+")


def temperature(logits_BV: Tensor, value: float) -> Tensor:
    """Divide by ``value``: below 1 sharpens, above 1 flattens; the order of tokens stays.

    Raises:
        ValueError: ``value`` not above 0; the limit at 0 is ``greedy``.
    """
    if not 0 < value < float("inf"):
        raise ValueError(f"temperature takes a number above 0, got {value}; for 0 write greedy")
    return logits_BV / value


def greedy(logits_BV: Tensor) -> Tensor:
    """Rule out all but the likeliest token; of equally likely ones the first stays."""
    best_B1 = logits_BV.argmax(dim=-1, keepdim=True)
    return torch.full_like(logits_BV, RULED_OUT).scatter(-1, best_B1, logits_BV.gather(-1, best_B1))


def top_k(logits_BV: Tensor, k: float) -> Tensor:
    """Rule out all but the ``k`` likeliest tokens; those as likely as the last of them stay.

    A ``k`` of the vocabulary's size or more changes nothing.

    Raises:
        ValueError: ``k`` is no whole number from 1.

    Source: Fan et al. 2018, arXiv:1805.04833.
    """
    if not (k >= 1 and float(k).is_integer()):
        raise ValueError(f"top_k takes a whole number from 1, got {k}")
    count = min(int(k), logits_BV.shape[-1])
    bound_B1 = logits_BV.topk(count, dim=-1).values[..., -1:]
    return logits_BV.masked_fill(logits_BV < bound_B1, RULED_OUT)


def top_p(logits_BV: Tensor, p: float) -> Tensor:
    """Rule out all but the fewest tokens, likeliest first, whose probabilities reach ``p``.

    The token that crosses ``p`` stays, so at least one does. Of equally likely tokens those with
    the lower ids stay. ``p`` = 1 changes nothing.

    Raises:
        ValueError: ``p`` outside (0, 1].

    Source: Holtzman et al. 2020, arXiv:1904.09751, equations 2 and 3.
    """
    if not 0 < p <= 1:
        raise ValueError(f"top_p takes p in (0, 1], got {p}")
    if p == 1:
        return logits_BV.clone()
    sorted_BV, order_BV = logits_BV.sort(dim=-1, descending=True, stable=True)
    probabilities_BV = sorted_BV.softmax(dim=-1)
    mass_before_BV = probabilities_BV.cumsum(dim=-1) - probabilities_BV
    drop_BV = mass_before_BV >= p
    drop_BV[..., 0] = False  # a rounded sum must not rule out the likeliest
    return logits_BV.masked_fill(drop_BV.scatter(-1, order_BV, drop_BV), RULED_OUT)


def min_p(logits_BV: Tensor, p: float) -> Tensor:
    """Rule out every token less likely than ``p`` times its row's likeliest one.

    The likeliest token of a row always stays. ``p`` = 0 changes nothing; ``p`` = 1 leaves the
    likeliest tokens. After a temperature the bound is on the probabilities that it gives.

    Raises:
        ValueError: ``p`` outside [0, 1].

    Source: Nguyen et al. 2024, arXiv:2407.01082.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"min_p takes p in [0, 1], got {p}")
    if p == 0:
        return logits_BV.clone()
    bound_B1 = logits_BV.amax(dim=-1, keepdim=True) + torch.tensor(p).log()
    return logits_BV.masked_fill(logits_BV < bound_B1, RULED_OUT)


SAMPLERS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "temperature": temperature,
    "top_k": top_k,
    "top_p": top_p,
    "min_p": min_p,
}
"""Those that take a value; ``greedy`` takes none."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Samplers in the order in which they apply, each with its value; greedy has none."""

    steps: tuple[tuple[str, float | None], ...]

    def __call__(self, logits_BV: Tensor) -> Tensor:
        """The log-probabilities that the next token is drawn from."""
        for name, value in self.steps:
            logits_BV = greedy(logits_BV) if value is None else SAMPLERS[name](logits_BV, value)
        return logits_BV.log_softmax(dim=-1)


def parse(text: str) -> Chain:
    """The chain that ``text`` writes, with white space left aside.

    Raises:
        ValueError: an unknown sampler, a value missing, too many or out of range, none at all.
    """
    return Chain(tuple(_step(part) for part in WHITE_SPACE.sub("", text).split(",")))


def _step(part: str) -> tuple[str, float | None]:
    name, equals, written = part.partition("=")
    if name == "greedy":
        if equals:
            raise ValueError(f"greedy takes no value, got {part!r}")
        return name, None
    if name not in SAMPLERS:
        raise ValueError(f"no sampler {name!r}; {nearest(name, [*SAMPLERS, 'greedy'])}")
    try:
        value = float(written)
    except ValueError:
        raise ValueError(f"{name} takes a number, as in {name}=1, got {part!r}") from None
    SAMPLERS[name](torch.zeros(1, 1), value)  # complains of a value out of range
    return name, value


def _checked(text: str) -> str:
    parse(text)
    return text


ChainText = Annotated[str, AfterValidator(_checked)]
"""A chain as a config writes it; a wrong one is an error of the config."""
