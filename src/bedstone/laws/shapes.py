"""From a budget of FLOP and of text to a shape, a number of tokens, and how to train.

Letters: N parameters, D training tokens, C FLOP of training.
"""

import math
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from bedstone.counting.count import Parameters, parameters, train_flop_per_token
from bedstone.counting.shape import ModelConfig
from bedstone.laws.hyperparameters import advice

WIDTH_STEP = 32
LEARNING_RATE = 0.010
"""The peak for AdamW at every size, with the first weights and rates of ``mup``. By measurement:
the best at widths of 64 to 256; see docs/concepts/training.md."""
MAX_WIDTH = 2048
TYPICAL_MAX_WIDTH = 16_384
"""Of the models whose embedding is told: beyond it there is hardly any."""
ASPECTS = (12, 48)
"""Lowest and highest d_model / n_layers. Source: Kaplan et al. 2020, arXiv:2001.08361, Fig. 5:
between these the loss hardly depends on it."""
EVEN_ASPECT = WIDTH_STEP
"""Of the shapes that grow evenly: each step of the width is one layer more."""


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

    shape: ModelConfig
    train_tokens: float
    limit: Literal["time", "text", "given"]


def shapes(vocab_size: int, seq_len: int, min_width: int = 2 * WIDTH_STEP) -> Iterator[ModelConfig]:
    """The shapes to choose from, narrow ones first.

    Heads are 64 wide where the width is a multiple of 256, else 32. Keys are shared by as few
    heads of queries as divide them; those of one head are its own. d_ff is about 8/3 d_model:
    SwiGLU has three matrices in the place of two that are 4 d_model wide.
    """
    low, high = ASPECTS
    for d_model in range(min_width, MAX_WIDTH + 1, WIDTH_STEP):
        for n_layers in range(math.ceil(d_model / high), d_model // low + 1):
            yield _shape(vocab_size, n_layers, d_model, seq_len)


def _shape(vocab_size: int, n_layers: int, d_model: int, seq_len: int) -> ModelConfig:
    n_heads = d_model // (64 if d_model % 256 == 0 else 32)
    group = next((n for n in range(2, n_heads + 1) if n_heads % n == 0), 1)
    d_ff = WIDTH_STEP * round(8 / 3 * d_model / WIDTH_STEP)
    return ModelConfig(
        vocab_size=vocab_size,
        n_layers=n_layers,
        d_model=d_model,
        n_heads=n_heads,
        n_kv_heads=n_heads // group,
        d_ff=d_ff,
        seq_len=seq_len,
    )


def choose(candidates: list[ModelConfig], budget: Budget) -> Choice:
    """The most parameters that the budget trains on the wanted tokens a parameter.

    If it is too little for any of the shapes, the smallest is trained on what there is.
    """
    by_time = _choose(candidates, budget, math.inf)
    chosen = _choose(candidates, budget, budget.text_tokens)
    return Choice(*chosen, limit="time" if chosen == by_time else "text")


def given(vocab_size: int, seq_len: int, *, even: bool) -> list[ModelConfig]:
    """The shapes that a given size chooses from, those of one head too; or those of one aspect."""
    known = shapes(vocab_size, seq_len, WIDTH_STEP)
    return [it for it in known if not even or it.d_model == EVEN_ASPECT * it.n_layers]


def nearest(parameters: int, vocab_size: int, seq_len: int, *, even: bool = False) -> ModelConfig:
    """The shape that comes nearest to so many parameters, of two the smaller."""

    def distance(shape: ModelConfig) -> tuple[int, int]:
        total = counted(shape).total
        return abs(total - parameters), total

    return min(given(vocab_size, seq_len, even=even), key=distance)


def batch_tokens(flop: float, seq_len: int) -> int:
    """Tokens a step, whole sequences, at least one, by DeepSeek's law: it asks for FLOP alone.

    Assumption: the law holds below the FLOP from which it was fitted; see ``laws.toml``.
    """
    anything = 1.0
    advised = advice("deepseek", anything, anything, flop).batch_tokens
    return seq_len * max(1, round(advised / seq_len))


def embedding_share(parameters_total: float, vocab_size: int) -> float:
    """Of the parameters of a model about so large, or of the smallest that there is."""
    by_size = _typical(vocab_size)
    index = bisect_left(by_size, parameters_total, key=lambda shape: counted(shape).total)
    found = counted(by_size[min(index, len(by_size) - 1)])
    return found.embedding / found.total


def smallest_parameters(vocab_size: int) -> int:
    """Of the smallest model that there is with this vocabulary."""
    return counted(_typical(vocab_size)[0]).total


@cache
def _typical(vocab_size: int) -> list[ModelConfig]:
    """One shape a width, of the aspect in the middle, wider than any that is trained here."""
    aspect, any_length = math.sqrt(math.prod(ASPECTS)), 1
    return [
        _shape(vocab_size, max(1, round(width / aspect)), width, any_length)
        for width in range(2 * WIDTH_STEP, TYPICAL_MAX_WIDTH + 1, WIDTH_STEP)
    ]


@cache
def counted(shape: ModelConfig) -> Parameters:
    """The parameters of a model of ``shape``."""
    return parameters(shape.architecture)


def train_flop(shape: ModelConfig, tokens: float) -> float:
    """FLOP of training ``shape`` on ``tokens``."""
    return tokens * _train_flop_per_token(shape)


@cache
def _train_flop_per_token(shape: ModelConfig) -> float:
    return train_flop_per_token(shape.architecture, shape.seq_len)


def _choose(
    candidates: list[ModelConfig], budget: Budget, text_tokens: float
) -> tuple[ModelConfig, float]:
    def wanted(shape: ModelConfig) -> float:
        return budget.tokens_per_parameter * counted(shape).total

    def affordable(shape: ModelConfig) -> float:
        return min(budget.flop / _train_flop_per_token(shape), text_tokens)

    fitting = [shape for shape in candidates if wanted(shape) <= affordable(shape)]
    if fitting:
        shape = max(fitting, key=lambda shape: (counted(shape).total, shape.n_layers))
        return shape, wanted(shape)
    smallest = min(candidates, key=lambda shape: counted(shape).total)
    return smallest, min(wanted(smallest), affordable(smallest))
