"""The shape of one of our own models, in numbers; nothing here needs torch."""

import math
from collections import Counter
from typing import Annotated, Literal

from pydantic import Field, model_validator

from bedstone.config import Config
from bedstone.counting.architecture import Architecture, Attention, Experts, FeedForward, Layer

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


class ExpertsConfig(Config):
    """Several feed-forwards in a layer, of which a router chooses some for each token.

    Source: Jiang et al. 2024 (Mixtral), arXiv:2401.04088; Yang et al. 2025 (Qwen3),
    arXiv:2505.09388.
    """

    n_experts: int = Field(gt=0, le=2**12)
    """Of a layer."""
    n_active_experts: int = Field(gt=0, le=2**12)
    """Those that a token passes."""
    d_expert: int | None = Field(None, gt=0, le=2**18)
    """The width of each; absent: d_ff."""
    normed: bool = True
    """Whether the weights of a token's experts add up to 1."""
    dense_layers: tuple[Annotated[int, Field(ge=0, le=1_000)], ...] = ()
    """Layers with one feed-forward of width d_ff in their place, by number from 0."""

    @model_validator(mode="after")
    def _fit(self) -> "ExpertsConfig":
        if self.n_active_experts > self.n_experts:
            raise ValueError(
                f"n_active_experts {self.n_active_experts} of {self.n_experts} n_experts"
            )
        return self


class ModelConfig(Config):
    """The shape of a transformer: Llama's, and what Mistral, Mixtral, Qwen2 and Qwen3 change."""

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
    experts: ExpertsConfig | None = None
    """Absent: each layer has one feed-forward."""

    @model_validator(mode="after")
    def _experts_have_a_family(self) -> "ModelConfig":
        its = self.experts
        if its is None:
            return self
        if not set(its.dense_layers) < set(range(self.n_layers)):
            raise ValueError(f"experts: dense_layers are some of 0 to {self.n_layers - 1}, not all")
        more = its.dense_layers or not its.normed or its.d_expert not in (None, self.d_ff)
        if more and not self.qk_norm:
            raise ValueError(
                "experts: dense_layers, normed = false and a d_expert that is not d_ff are of "
                "Qwen3's shape, with qk_norm; Mixtral's has none of them"
            )
        return self

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
    def layer_experts(self) -> tuple[ExpertsConfig | None, ...]:
        """Of each layer; None for one feed-forward."""
        dense = self.experts.dense_layers if self.experts else ()
        return tuple(None if n in dense else self.experts for n in range(self.n_layers))

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
        return Architecture(
            self.vocab_size,
            self.d_model,
            layers=tuple(
                (Layer(attention, self._feed_forward(experts), window=window), count)
                for (window, experts), count in Counter(
                    zip(self.windows, self.layer_experts, strict=True)
                ).items()
            ),
            is_tied=self.tied,
            d_embedding=self.d_model,
            family="llama",
            max_length=self.seq_len,
        )

    def _feed_forward(self, experts: ExpertsConfig | None) -> FeedForward | Experts:
        if experts is None:
            return FeedForward(self.d_model, self.d_ff)
        expert = FeedForward(self.d_model, experts.d_expert or self.d_ff)
        return Experts(expert, experts.n_experts, experts.n_active_experts)
