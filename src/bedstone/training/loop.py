"""The training loop: any loss, step by step, stopped before harm and resumed to the same bits.

A run that is killed goes on from its last checkpoint. With the same machine, threads and number
format it ends in the same bytes: on a CPU every operation that the model uses gives the same
bits each time, and a batch depends on nothing but the seed and the step.
"""

import math
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bedstone.errors import BedstoneError
from bedstone.model import hugging_face
from bedstone.model.transformer import Transformer
from bedstone.store import work
from bedstone.store.artifact import Shard
from bedstone.store.stage import Job
from bedstone.text.encoder import END, FILES, Encoder
from bedstone.training.adamw import Optimizer, clip_scale
from bedstone.training.curve import Curve
from bedstone.training.optim import OptimizerConfig, Schedule

CHECKPOINT = "checkpoint.pt"
CHECKPOINT_SECONDS = 15.0
"""Between two checkpoints: what a killed run may lose. It changes no result."""

LossOfStep = Callable[[int], tuple[Tensor, int]]
"""The loss of a step's batch, with its graph, and the tokens that the batch holds."""


def train(
    model: Transformer,
    loss_of: LossOfStep,
    schedule: Schedule,
    config: OptimizerConfig,
    job: Job,
    train_tokens: int | None = None,
    rate_of: Callable[[str], float] = lambda name: 1.0,
) -> Curve:
    """Train ``model``, which has its fp32 weights at the end, and return what was seen.

    Args:
        model: in the number format to compute in.
        loss_of: must depend on the step alone.
        schedule: the run's length and learning rates.
        config: decay and clipping.
        job: where checkpoints are kept, and progress is shown.
        train_tokens: of the whole run, for the progress; absent if it is not known before.
        rate_of: see ``Optimizer``.

    Raises:
        BedstoneError: a loss or a gradient is not finite; the weights are as before that step.
    """
    optimizer = Optimizer(model, config.weight_decay, rate_of)
    curve = _resume(optimizer, job.scratch / CHECKPOINT)
    kept = time.monotonic()
    begun = kept - curve.seconds
    with job.progress.task("tokens", train_tokens) as task:
        task.advance(curve.train_tokens)
        for step in range(len(curve), schedule.steps):
            loss, tokens = loss_of(step)
            value = loss.item()
            torch.autograd.backward(loss)
            norm = optimizer.gather()
            if not (math.isfinite(value) and math.isfinite(norm)):
                _keep(optimizer, curve, job.scratch / CHECKPOINT)
                raise _no_number(step, value, norm, job)
            rate = schedule.at(step)
            optimizer.step(rate, clip_scale(norm, config.max_norm))
            curve.add(tokens, value, rate, norm)
            task.advance(tokens, note=f"loss {value:.3f}")
            curve.seconds = time.monotonic() - begun
            if time.monotonic() - kept > CHECKPOINT_SECONDS:
                _keep(optimizer, curve, job.scratch / CHECKPOINT)
                kept = time.monotonic()
    _keep(optimizer, curve, job.scratch / CHECKPOINT)
    optimizer.unround()
    return curve


def write_model(model: Transformer, tokenizer: Shard, job: Job) -> None:
    """Write a folder that Hugging Face loads: the model, and the tokenizer's files as they are."""
    hugging_face.save(model, job.part, Encoder.stored(tokenizer).special[END])
    for file in map(tokenizer.file, FILES):
        with job.part(file.name) as path:
            shutil.copyfile(file, path)


def _keep(optimizer: Optimizer, curve: Curve, path: Path) -> None:
    state: dict[str, Any] = {
        "optimizer": optimizer.state(),
        "rows": curve.rows,
        "seconds": curve.seconds,
    }
    with work.written(path) as unfinished:
        try:
            torch.save(state, unfinished)
        except RuntimeError as error:  # what torch makes of a full disk
            raise OSError(str(error).partition("\n")[0]) from error


def _resume(optimizer: Optimizer, path: Path) -> Curve:
    if not path.exists():
        return Curve.empty()
    state = torch.load(path)
    optimizer.restore(state["optimizer"])
    return Curve(state["rows"], state["seconds"])


def _no_number(step: int, loss: float, norm: float, job: Job) -> BedstoneError:
    return BedstoneError(
        f"step {step}: the loss is {loss}, the gradient's norm {norm}; stopped before the step",
        hint="lower learning_rate, or compute in fp32; "
        f"the weights before this step are in {job.scratch / CHECKPOINT}",
    )
