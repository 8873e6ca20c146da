"""What the plan decides for the stages after it, where their configs leave it open."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from bedstone.artifact import Artifact
from bedstone.config import Config
from bedstone.errors import ConfigError

T = TypeVar("T")

PLAN_KEYS = {"threads": "threads", "number_format": "number_format", "train_tokens": "sft_tokens"}
"""Field of a config -> key of ``plan.json``."""


def decide(config: Config, inputs: Mapping[str, Artifact]) -> Config:
    """``config`` with its absent fields taken from the plan.

    Raises:
        ConfigError: fields are absent and there is no plan.
    """
    values = config.model_dump()
    absent = [name for name in PLAN_KEYS if name in values and values[name] is None]
    if not absent:
        return config
    if "plan" not in inputs:
        raise ConfigError(
            f"{', '.join(absent)} must be given: there is no plan that decides",
            hint="give the values, or the input plan=ARTIFACT of scaling.plan",
        )
    plan: dict[str, Any] = json.loads(inputs["plan"].file("plan.json").read_text("utf-8"))
    return config.model_validate(values | {name: plan[PLAN_KEYS[name]] for name in absent})


def given(value: T | None) -> T:
    """``value``, which ``decide`` has filled."""
    assert value is not None
    return value
