"""What a plan decides for the stages after it, where their configs leave it open."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from bedstone.config import Config
from bedstone.errors import ConfigError
from bedstone.store.artifact import Artifact
from bedstone.store.payload import read_json

T = TypeVar("T")
ROLE = "plan"
AUTO = "auto"
"""A value that stands without a plan, and gives way to one."""
FILE = "plan.json"


def decide(
    config: Config,
    inputs: Mapping[str, Artifact],
    undecided: Sequence[str] = (),
    **renamed: str,
) -> Config:
    """``config`` with its absent fields as the plan has them.

    Args:
        config: fields that are None are absent; one that is ``auto`` is filled too, if it can be.
        inputs: the plan is that of role ``plan``.
        undecided: fields that may stay absent.
        renamed: field -> its key in ``plan.json``, where that has another name.

    Raises:
        ConfigError: fields are absent, and there is no plan or it does not have them.
    """
    values = config.model_dump()
    absent = [name for name, it in values.items() if it in (None, AUTO) and name not in undecided]
    plan = read_json(inputs[ROLE], FILE) if ROLE in inputs else {}
    decided: dict[str, Any] = {
        name: plan.get(renamed.get(name, name), values[name]) for name in absent
    }
    if unknown := [name for name, value in decided.items() if value is None]:
        raise ConfigError(
            f"{', '.join(unknown)}: given neither by the config nor by a plan",
            hint="set the values, or give the input plan=ARTIFACT of scaling.plan",
        )
    return config.model_validate(values | decided)


def given(value: T | None) -> T:
    """``value``, which ``decide`` has filled."""
    assert value is not None
    return value
