"""From a budget of FLOP and of text to a shape, a number of tokens, and how to train.

Letters: N parameters, D training tokens, C FLOP of training.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bedstone.scaling.count import Shape, parameters_total, train_flop_per_token

WIDTH_STEP = 32
MAX_WIDTH = 2048
ASPECTS = (12, 48)
"""Lowest and highest d_model / n_layers. Source: Kaplan et al. 2020, arXiv:2001.08361, Fig. 5:
between these the loss hardly depends on it."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent."""

    flop: float
    text_tokens: float
    """To train on at most, repetitions included."""
    tokens_per_parameter: float


@dataclass(frozen=True, slots=True)
class Choice:
    """What is trained, on how much, and what kept it from being more."""

    shape: Shape
    train_tokens: float
    limit: Literal["time", "text"]


def shapes(vocab_size: int, seq_len: int) -> Iterator[Shape]:
    """The shapes to choose from, narrow ones first.

    Heads are 64 wide where the width is a multiple of 256, else 32. Keys are shared by as few
    heads of queries as divide them. d_ff is about 8/3 d_model: SwiGLU has three matrices in the
    place of two that are 4 d_model wide.
    """
    low, high = ASPECTS
    for d_model in range(2 * WIDTH_STEP, MAX_WIDTH + 1, WIDTH_STEP):
        n_heads = d_model // (64 if d_model % 256 == 0 else 32)
        group = next(n for n in range(2, n_heads + 1) if n_heads % n == 0)
        d_ff = WIDTH_STEP * round(8 / 3 * d_model / WIDTH_STEP)
        for n_layers in range(math.ceil(d_model / high), d_model // low + 1):
            yield Shape(vocab_size, n_layers, d_model, n_heads, n_heads // group, d_ff, seq_len)


def choose(candidates: list[Shape], budget: Budget) -> Choice:
    """The most parameters that the budget trains on the wanted tokens a parameter.

    If it is too little for any of the shapes, the smallest is trained on what there is.
    """
    by_time = _choose(candidates, budget, math.inf)
    chosen = _choose(candidates, budget, budget.text_tokens)
    return Choice(*chosen, limit="time" if chosen == by_time else "text")


def learning_rate(flop: float) -> float:
    """The peak for AdamW: 0.3118 C^-0.1250.

    Source: DeepSeek LLM (2024, arXiv:2401.02954), equation 1. Assumption: it holds below the
    1e17 FLOP from which they fitted it.
    """
    return 0.3118 * math.pow(flop, -0.1250)


def batch_tokens(flop: float, seq_len: int) -> int:
    """Tokens a step, whole sequences, at least one: 0.2920 C^0.3271.

    Source and assumption: as ``learning_rate``.
    """
    return seq_len * max(1, round(0.2920 * math.pow(flop, 0.3271) / seq_len))


def train_flop(shape: Shape, tokens: float) -> float:
    """FLOP of training ``shape`` on ``tokens``."""
    return tokens * train_flop_per_token(shape)


def _choose(candidates: list[Shape], budget: Budget, text_tokens: float) -> tuple[Shape, float]:
    def wanted(shape: Shape) -> float:
        return budget.tokens_per_parameter * parameters_total(shape)

    def affordable(shape: Shape) -> float:
        return min(budget.flop / train_flop_per_token(shape), text_tokens)

    fitting = [shape for shape in candidates if wanted(shape) <= affordable(shape)]
    if fitting:
        shape = max(fitting, key=lambda shape: (parameters_total(shape), shape.n_layers))
        return shape, wanted(shape)
    smallest = min(candidates, key=parameters_total)
    return smallest, min(wanted(smallest), affordable(smallest))
