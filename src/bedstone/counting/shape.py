"""The shape of one of our own models, in numbers; nothing here needs torch."""

import math
from collections import Counter
from typing import Literal

from pydantic import Field, model_validator

from bedstone.config import Config
from bedstone.counting.architecture import Architecture, Attention, FeedForward, Layer

SIZES = ("vocab_size", "n_layers", "d_model", "n_heads", "n_kv_heads", "d_ff", "seq_len")
"""Those of a Llama: a plan decides them, and all else has its default."""


class RopeScaling(Config):
    """How the rates of the rotary positions are slowed down, for texts longer than the first ones.

    Source: linear: Chen et al. 2023, arXiv:2306.15595; llama3: the reference code of Llama 3.1
    (Grattafiori et al. 2024, arXiv:2407.21783, tell its effect in section 3.4.2).
    """

    kind: Literal["linear", "llama3"]
    factor: float = Field(gt=0)
    low_frequency_factor: float = Field(1.0, gt=0)
    high_frequency_factor: float = Field(4.0, gt=0)
    original_positions: int = Field(8_192, gt=0)
    """Those of the first training; with these factors they say which rates ``llama3`` slows."""


class ModelConfig(Config):
    """The shape of a transformer: Llama's, and what Mistral, Qwen2 and Qwen3 change of it."""

    vocab_size: int = Field(gt=0)
    n_layers: int = Field(gt=0)
    d_model: int = Field(gt=0)
    n_heads: int = Field(gt=0)
    n_kv_heads: int = Field(gt=0)
    d_ff: int = Field(gt=0)
    seq_len: int = Field(gt=0)
    """The positions that it is trained on; it computes more, but has not learnt them."""
    rope_theta: float = 10_000.0
    norm_eps: float = 1e-5
    tied: bool = True
    """Whether the embedding is the output projection too."""
    head_width: int | None = Field(None, gt=0, multiple_of=2)
    """Absent: d_model shared out among the heads."""
    qkv_bias: bool = False
    qk_norm: bool = False
    """Whether each head's queries and keys are normed before they are turned."""
    window_tokens: int | None = Field(None, gt=0)
    """A position sees itself and those before it, so many in all; absent: all of them."""
    full_layers: tuple[int, ...] = ()
    """Layers without the window, by number from 0."""
    rope_scaling: RopeScaling | None = None

    @model_validator(mode="after")
    def _heads_divide(self) -> "ModelConfig":
        if self.head_width is None and self.d_model % (2 * self.n_heads):
            raise ValueError(f"d_model {self.d_model} is no even number for each of n_heads")
        if self.n_heads % self.n_kv_heads:
            raise ValueError(f"n_heads {self.n_heads} is no multiple of n_kv_heads")
        return self

    @property
    def d_head(self) -> int:
        """The width of a head."""
        return self.head_width or self.d_model // self.n_heads

    @property
    def windows(self) -> tuple[int | None, ...]:
        """Of each layer, how many positions one sees; None for all."""
        layers = range(self.n_layers)
        return tuple(None if n in self.full_layers else self.window_tokens for n in layers)

    @property
    def initial_deviation(self) -> float:
        """Of a new weight; see ``Transformer``."""
        return math.sqrt(2 / (5 * self.d_model))

    @property
    def architecture(self) -> Architecture:
        """What it is made of, for counting."""
        attention = Attention(
            self.d_model,
            self.n_heads,
            self.n_kv_heads,
            self.d_head,
            qkv_bias=self.qkv_bias,
            norms=2 * self.d_head * self.qk_norm,
        )
        feed_forward = FeedForward(self.d_model, self.d_ff)
        return Architecture(
            self.vocab_size,
            self.d_model,
            layers=tuple(
                (Layer(attention, feed_forward, window=window), count)
                for window, count in Counter(self.windows).items()
            ),
            is_tied=self.tied,
            d_embedding=self.d_model,
            family="llama",
            max_length=self.seq_len,
        )
