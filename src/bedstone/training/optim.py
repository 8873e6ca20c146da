"""What is decided of an optimizer: its settings, and the learning rate by step."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from bedstone.config import Config

SPIKE_STEPS = 128
"""The last so many steps say what gradients are usual; none is skipped before half of them."""

WARMUP_SHARE, DECAY_SHARE = 0.05, 0.2


class OptimizerConfig(Config):
    """How the weights follow the gradients."""

    method: Literal["adamw", "muon"] = "adamw"
    """``muon``: of the matrices of the layers; all else by AdamW, at the same rate.
    Source: Jordan et al. 2024, kellerjordan.github.io/posts/muon; the rate's scale: Liu et al.
    2025, arXiv:2502.16982, section 2.2."""
    schedule: Literal["linear", "cosine", "wsd"] = "linear"
    """What comes after the warm-up. ``linear``: down to the end. Source: Defazio et al. 2023,
    arXiv:2310.07831; Bergsma et al. 2025, arXiv:2502.15938. ``cosine``: as half of one. Source:
    Loshchilov and Hutter 2017, arXiv:1608.03983. ``wsd``: level, then down by 1 - sqrt. Source: Hu
    et al. 2024, arXiv:2404.06395; Haegele et al. 2024, arXiv:2405.18392, section 4."""
    warmup_share: float = Field(WARMUP_SHARE, ge=0, lt=1)
    """Of the steps, at the beginning; assumption: usual values are 0.01 to 0.1."""
    warmup_steps: int | None = Field(None, ge=0, le=10**9)
    """In the place of the share: the same for runs of any length, as branches need it."""
    decay_share: float = Field(DECAY_SHARE, gt=0, le=1)
    """Of the steps, at the end, of ``wsd``. Source: Haegele et al. 2024, section 4."""
    final_share: float = Field(0.0, ge=0, lt=1)
    """Of the peak, what is left of the rate at the end."""
    weight_decay: float = Field(0.1, ge=0)
    """Of the matrices, by learning rate and step. Source: Llama 2, section 2.2."""
    max_norm: float = Field(1.0, gt=0)
    """Gradients longer than this are shortened to it. Source: Llama 2, section 2.2."""
    spike_deviations: float = Field(6.0, gt=0)
    """A step is skipped whose gradient is longer than the mean of the last 128 by so many of their
    standard deviations. Source: OLMo-core, ``SkipStepOptimizer``."""

    @model_validator(mode="after")
    def _every_setting_has_an_effect(self) -> "OptimizerConfig":
        if self.schedule != "wsd" and self.decay_share != DECAY_SHARE:
            raise ValueError(f"decay_share: only schedule wsd has one, not {self.schedule}")
        if self.warmup_steps is not None and self.warmup_share != WARMUP_SHARE:
            raise ValueError("warmup_share: warmup_steps are given, so it has no effect")
        return self


class RoutingConfig(Config):
    """What is added to the loss so that all experts are used; of a model without, nothing."""

    balance_weight: float = Field(0.01, ge=0)
    """Of their unevenness. Source: Fedus et al. 2021, arXiv:2101.03961, section 2.2."""
    z_weight: float = Field(0.001, ge=0)
    """Of large logits of the router. Source: Zoph et al. 2022, arXiv:2202.08906, section 3.3."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Learning rate by step: linear warm-up to the peak, then as the config says."""

    peak: float
    steps: int
    config: OptimizerConfig

    @property
    def decay_start(self) -> int:
        """The step from which on the rate falls."""
        if self.config.schedule == "wsd":
            return self.steps - max(round(self.config.decay_share * self.steps), 1)
        return self._warmup

    def at(self, step: int) -> float:
        """The rate of ``step``, counted from 0; above 0 in each step of the run."""
        if step < self._warmup:
            return self.peak * (step + 1) / (self._warmup + 1)
        start = self.decay_start
        passed = max(step - start, 0) / (self.steps - start)
        final = self.config.final_share
        return self.peak * (final + (1 - final) * self._left(passed))

    @property
    def _warmup(self) -> int:
        if self.config.warmup_steps is not None:
            return min(self.config.warmup_steps, self.steps - 1)
        return round(self.config.warmup_share * self.steps)

    def _left(self, passed: float) -> float:
        if self.config.schedule == "cosine":
            return (1 + math.cos(math.pi * passed)) / 2
        return 1 - (math.sqrt(passed) if self.config.schedule == "wsd" else passed)


def is_spike(norm: float, norms: Sequence[float], deviations: float) -> bool:
    """Whether a gradient is much longer than those of the steps before it, which are ``norms``."""
    last = np.array(norms[-SPIKE_STEPS:])
    if len(last) < SPIKE_STEPS // 2:
        return False
    return bool(norm > last.mean() + deviations * last.std(ddof=1))
