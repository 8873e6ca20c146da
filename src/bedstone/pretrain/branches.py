"""Branches of a run: others that share its beginning, and end at other lengths.

A run of schedule ``wsd`` has the same rate until it ends, whatever its length. So one long run, the
trunk, that keeps checkpoints on its way, is the beginning of many shorter ones: each takes the last
checkpoint before its own rate falls, and ends in the same numbers as if it had begun itself.

Source: Hu et al. 2024, arXiv:2404.06395, section 4; Haegele et al. 2024, arXiv:2405.18392.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from bedstone.errors import ArtifactError, ConfigError
from bedstone.pretrain import loader
from bedstone.store.artifact import Artifact
from bedstone.store.stage import Job
from bedstone.training import CHECKPOINTS, WRITTEN_LAST
from bedstone.training.optim import Schedule

ROLE = "trunk"
STAGE = "pretrain.train"
OWN = {"train_tokens", "kept_tokens", "threads", "device", "compiled", "memory", "optimizer"}
"""Settings in which a branch may differ; of the optimizer's the rates tell."""
OWN_OF_OPTIMIZER = {"schedule", "decay_share", "final_share", "warmup_share", "warmup_steps"}


def kept(
    tokens: Iterable[int], folder: Path, step_tokens: int, schedule: Schedule
) -> dict[int, Path]:
    """Where each checkpoint of this run is kept, by the step that it comes before.

    Raises:
        ConfigError: one would come after the rate has begun to fall, where no branch begins.
    """
    steps = {-(-each // step_tokens): each for each in tokens}
    if late := [each for step, each in steps.items() if step > schedule.decay_start]:
        begins = schedule.decay_start * step_tokens
        raise ConfigError(
            f"kept_tokens {late[0]:,}: from {begins:,} tokens on the rate falls, and no branch can "
            "begin there",
            hint="keep earlier ones, with optimizer.schedule wsd",
        )
    return {step: folder / CHECKPOINTS / str(step * step_tokens) for step in steps}


def begun(config: Mapping[str, Any], job: Job, step_tokens: int, schedule: Schedule) -> Path | None:
    """The trunk's last checkpoint before the rate of this run falls; None without a trunk.

    Raises:
        ArtifactError: the trunk has no such checkpoint, or is not the beginning of this run.
    """
    if ROLE not in job.inputs:
        return None
    trunk = job.inputs[ROLE]
    if not isinstance(trunk, Artifact) or trunk.manifest.stage != STAGE:
        raise ArtifactError(f"{trunk.location} is no run of {STAGE}", hint="a trunk is one")
    if differ := [*_other_settings(config, trunk), *_other_parents(job, trunk)]:
        raise ArtifactError(
            f"{trunk.location} is not the beginning of this run: it has another {differ[0]}",
            hint="a branch has the trunk's inputs and settings, but for its length and its end",
        )
    if len(loader.read_phases(job.inputs["mix"])) > 1:
        raise ArtifactError(
            f"the mix of {trunk.location} changes with a run's length, so no run begins as another"
        )
    tokens = [int(path.parent.name) for path in trunk.files if path.name == WRITTEN_LAST]
    steps = [each // step_tokens for each in tokens]
    if not (early := [step for step in steps if 0 < step <= schedule.decay_start]):
        raise ArtifactError(
            f"{trunk.location} has no checkpoint before {schedule.decay_start * step_tokens:,} "
            "tokens, where the rate of this run falls",
            hint="train the trunk with kept_tokens, or this run for longer",
        )
    first = max(early)
    curve = pq.read_table(trunk.file("loss.parquet"), columns=["learning_rate"])
    rates = curve["learning_rate"].to_pylist()[:first]
    if rates != [schedule.at(step) for step in range(first)]:
        raise ArtifactError(
            f"{trunk.location} was trained at other rates before {first * step_tokens:,} tokens",
            hint="give both the same learning_rate and optimizer.warmup_steps, and schedule wsd",
        )
    return trunk.location / CHECKPOINTS / str(first * step_tokens)


def _other_settings(config: Mapping[str, Any], trunk: Artifact) -> list[str]:
    theirs = trunk.manifest.config
    names = [name for name in config if name not in OWN and theirs.get(name) != config[name]]
    own, other = config["optimizer"], theirs.get("optimizer", {})
    return names + [
        f"optimizer.{name}"
        for name in own
        if name not in OWN_OF_OPTIMIZER and other.get(name) != own[name]
    ]


def _other_parents(job: Job, trunk: Artifact) -> list[str]:
    theirs = trunk.manifest.parents
    roles = theirs.keys() - {ROLE}  # a branch may be a trunk too
    return [role for role in sorted(roles) if job.inputs[role].content != theirs[role].content]
