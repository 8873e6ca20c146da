"""The training loop: any loss, step by step, stopped before harm and resumed to the same bits.

A run that is killed goes on from its last checkpoint. With the same machine, threads and number
format it ends in the same bytes: on a CPU every operation that the model uses gives the same
bits each time, and a batch depends on nothing but the seed and the step.
"""

import math
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from bedstone.errors import BedstoneError
from bedstone.model import hugging_face
from bedstone.model.transformer import Transformer
from bedstone.store.artifact import Shard
from bedstone.store.stage import Job
from bedstone.text.encoder import END, FILES, Encoder
from bedstone.training import CHECKPOINTS
from bedstone.training.checkpoints import Kept, last
from bedstone.training.curve import Curve
from bedstone.training.optim import Schedule, is_spike
from bedstone.training.optimizer import Optimizer, RateOf, clip_scale, unscaled
from bedstone.training.processes import ALONE, Processes

CHECKPOINT_SECONDS = 15.0
"""Between two checkpoints: what a killed run may lose. It changes no result."""

LossOfStep = Callable[[int], Iterable[tuple[Tensor, int]]]
"""The parts of a step's batch: the loss of each, with its graph, and the tokens that it holds.
The next part is asked for when the gradients of the last are there."""


@dataclass(frozen=True, slots=True)
class Branches:
    """Where this run leaves another one, and where others may leave this one."""

    begun: Path | None = None
    """The checkpoint that it goes on from."""
    kept: Mapping[int, Path] = field(default_factory=dict)
    """The checkpoints to write, each by the step that it comes before."""


NO_BRANCHES = Branches()


def train(
    model: Transformer,
    loss_of: LossOfStep,
    schedule: Schedule,
    job: Job,
    *,
    train_tokens: int | None = None,
    processes: Processes = ALONE,
    branches: Branches = NO_BRANCHES,
    counts: Tensor | None = None,
    rate_of: RateOf = unscaled,
) -> Curve:
    """Train ``model``, which has its fp32 weights at the end, and return what was seen.

    Args:
        model: in the number format to compute in.
        loss_of: must depend on the step alone.
        schedule: the run's length and learning rates, decay and clipping.
        job: where checkpoints are kept, and progress is shown.
        train_tokens: of the whole run, for the progress; absent if it is not known before.
        processes: those that train together; the mean of their losses is the step's.
        branches: of other runs, and of this one.
        counts: what ``loss_of`` adds up over the run, if anything: a checkpoint keeps it.
        rate_of: see ``Optimizer``.

    Raises:
        BedstoneError: a loss or a gradient is not finite; the weights are as before that step.
    """
    optimizer = Optimizer(model, schedule.config, rate_of)
    run, folder = Kept(optimizer, processes, counts), job.scratch / CHECKPOINTS
    begun = last(folder) or branches.begun
    curve = run.read(begun) if begun else Curve.empty()
    kept_at = time.monotonic()
    started = kept_at - curve.seconds
    with job.progress.task("tokens", train_tokens) as task:
        task.advance(curve.train_tokens)
        for step in range(len(curve), schedule.steps):
            if step in branches.kept:
                run.write(curve, branches.kept[step])
            before = None if counts is None else counts.clone()
            losses, sizes = [], []
            for loss, size in loss_of(step):
                torch.autograd.backward(loss)
                losses.append(loss.detach())
                sizes.append(size)
            norm = optimizer.gather()
            is_time = processes.is_first and time.monotonic() - kept_at > CHECKPOINT_SECONDS
            own = math.fsum(map(float, losses)), sum(sizes), float(is_time)
            total, tokens, times = processes.sums(*own)
            value = total / processes.size
            if not (math.isfinite(value) and math.isfinite(norm)):
                if counts is not None and before is not None:
                    counts.copy_(before)
                run.keep(curve, folder)
                raise _no_number(step, value, norm, folder)
            rate = schedule.at(step)
            if skipped := is_spike(norm, curve.norms, schedule.config.spike_deviations):
                optimizer.skip()
            else:
                optimizer.step(rate, clip_scale(norm, schedule.config.max_norm))
            curve.add(int(tokens), value, rate, norm, skipped=skipped)
            task.advance(tokens, note=f"loss {value:.3f}")
            curve.seconds = time.monotonic() - started
            if times:
                run.keep(curve, folder)
                kept_at = time.monotonic()
    run.keep(curve, folder)
    optimizer.unround()
    if curve.skipped_steps:
        job.progress.say(f"{curve.skipped_steps} steps were skipped: their gradients were spikes")
    return curve


def write_model(model: Transformer, tokenizer: Shard, job: Job) -> None:
    """Write a folder that Hugging Face loads: the model, and the tokenizer's files as they are."""
    hugging_face.save(model, job.part, Encoder.stored(tokenizer).special[END])
    for file in map(tokenizer.file, FILES):
        with job.part(file.name) as path:
            shutil.copyfile(file, path)


def _no_number(step: int, loss: float, norm: float, folder: Path) -> BedstoneError:
    return BedstoneError(
        f"step {step}: the loss is {loss}, the gradient's norm {norm}; stopped before the step",
        hint="lower learning_rate, or compute in fp32; "
        f"the weights before this step are in {folder}",
    )
