"""Peak learning rate and batch by published laws. They disagree, so all are shown.

Letters: N parameters without embeddings, D training tokens, C FLOP of training. Constants, ranges
and sources: ``laws.toml``.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bedstone.laws.known import hyperparameter_laws


@dataclass(frozen=True, slots=True)
class Advice:
    """What one law says of a run."""

    law: str
    learning_rate: float
    """At its peak, of AdamW."""
    batch_tokens: float
    """Of a step."""
    in_range: bool
    """Whether the run is like those that the law was fitted on."""


def advice(law: str, parameters: float, train_tokens: float, flop: float) -> Advice:
    """What ``step-law`` or ``deepseek`` says of a run with N, D and C.

    Each is a product of powers: coefficient N^a D^b C^c.
    """
    published = hyperparameter_laws()[law]
    run = {"parameters": parameters, "train_tokens": train_tokens, "flop": flop}
    ranges = {name: published[f"{name}_range"] for name in run if f"{name}_range" in published}
    return Advice(
        law,
        _power(published["learning_rate"], run),
        _power(published["batch_tokens"], run),
        all(low <= run[name] <= high for name, (low, high) in ranges.items()),
    )


def all_advice(parameters: float, train_tokens: float, flop: float) -> list[Advice]:
    """What each law says."""
    return [advice(law, parameters, train_tokens, flop) for law in hyperparameter_laws()]


def _power(constants: Mapping[str, Any], run: Mapping[str, float]) -> float:
    product = float(constants["coefficient"])
    for name, value in run.items():
        product *= math.pow(value, float(constants.get(f"{name}_exponent", 0)))
    return product
