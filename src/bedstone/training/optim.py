"""What is decided of an optimizer: its settings, and the learning rate by step."""

from dataclasses import dataclass

from pydantic import Field

from bedstone.config import Config


class OptimizerConfig(Config):
    """How the weights follow the gradients."""

    warmup_share: float = Field(0.05, ge=0, lt=1)
    """Of the steps, at the beginning; assumption: usual values are 0.01 to 0.1."""
    weight_decay: float = Field(0.1, ge=0)
    """Of the matrices, by learning rate and step. Source: Llama 2, section 2.2."""
    max_norm: float = Field(1.0, gt=0)
    """Gradients longer than this are shortened to it. Source: Llama 2, section 2.2."""


class RoutingConfig(Config):
    """What is added to the loss so that all experts are used; of a model without, nothing."""

    balance_weight: float = Field(0.01, ge=0)
    """Of their unevenness. Source: Fedus et al. 2021, arXiv:2101.03961, section 2.2."""
    z_weight: float = Field(0.001, ge=0)
    """Of large logits of the router. Source: Zoph et al. 2022, arXiv:2202.08906, section 3.3."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Learning rate by step: linear warm-up to the peak, then linear decay to zero.

    Source: Defazio et al. 2023, arXiv:2310.07831; Bergsma et al. 2025, arXiv:2502.15938.
    """

    peak: float
    steps: int
    warmup_share: float

    def at(self, step: int) -> float:
        """The rate of ``step``, counted from 0; above 0 in each step of the run."""
        warmup = round(self.warmup_share * self.steps)
        if step < warmup:
            return self.peak * (step + 1) / (warmup + 1)
        return self.peak * (self.steps - step) / (self.steps - warmup)
