"""The processes that train one model together, each on its part of every batch.

torchrun, or ``bedstone run --processes``, starts the same command several times, and tells each by
its environment which one it is. The first does all that the command does. The others wait until
it comes to a stage that trains, and then run that stage beside it; what they compute is summed up
with the first one's, and they write nothing but their parts of checkpoints.

Sources: DistributedDataParallel: Li et al. 2020, arXiv:2006.15704; fully sharded: Zhao et al. 2023,
arXiv:2304.11277.
"""

import os
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import (
    MixedPrecisionPolicy,
    fully_shard,
    register_fsdp_forward_method,
)
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from bedstone.config import Config
from bedstone.errors import ConfigError
from bedstone.model.processor import CPU
from bedstone.model.transformer import DTYPES, Transformer
from bedstone.progress import Progress
from bedstone.store.artifact import Artifact
from bedstone.store.engine import Local
from bedstone.store.stage import Job
from bedstone.store.stages import find
from bedstone.training.members import member

ENDING = (signal.SIGINT, signal.SIGTERM)
PATIENCE = timedelta(days=30)
"""The first process may have other stages to build before it trains."""
LossFunction = Callable[..., Tensor]
"""As ``Transformer.loss``."""


@dataclass(frozen=True, slots=True)
class Processes:
    """Those that train together, and which one this is."""

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def sums(self, *numbers: float) -> list[float]:
        """Each number, summed over the processes."""
        return list(self.summed(torch.tensor(numbers, dtype=torch.float64)).tolist())

    def summed(self, numbers: Tensor) -> Tensor:
        """A tensor's numbers, summed over the processes, on the CPU."""
        summed = numbers.detach().cpu().clone()
        if self.size > 1:
            dist.all_reduce(summed)
        return summed

    def replicated(self, model: Transformer) -> LossFunction:
        """The model's loss; gradients of it are the mean over the processes."""
        return model.loss if self.size == 1 else DistributedDataParallel(_Loss(model))

    def sharded(self, model: Transformer, number_format: str) -> LossFunction:
        """The same, of a model of which each process holds a part, in fp32."""
        formats = MixedPrecisionPolicy(
            param_dtype=DTYPES[number_format],
            reduce_dtype=torch.float32,
            cast_forward_inputs=False,
        )
        for block in model.blocks:
            fully_shard(block, mp_policy=formats)
        fully_shard(model, mp_policy=formats)
        register_fsdp_forward_method(model, "loss")
        return model.loss


ALONE = Processes()


def all_of(tensor: Tensor) -> Tensor:
    """All of a tensor, also where each process holds a part; then every process must ask."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def whole(model: Transformer) -> Transformer:
    """``model`` itself, or on the CPU what the processes hold parts of."""
    held = model.state_dict()
    if not any(isinstance(weight, DTensor) for weight in held.values()):
        return model
    with torch.device("meta"):
        gathered = Transformer(model.config)
    weights = {name: all_of(weight).cpu() for name, weight in held.items()}
    gathered.load_state_dict(weights, assign=True)
    return gathered


class _Loss(nn.Module):
    """What DistributedDataParallel can call."""

    def __init__(self, model: Transformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, *arguments: Tensor) -> Tensor:
        return self.model.loss(*arguments)


def kept_apart(loss: LossFunction) -> AbstractContextManager[None]:
    """Gradients that are computed meanwhile are shared with the next that are, not at once."""
    if isinstance(loss, DistributedDataParallel):
        return loss.no_sync()
    return nullcontext()


class Call(NamedTuple):
    """A stage that the first process has come to, for the others."""

    stage: str
    config: Config
    inputs: dict[str, Path]
    folder: Path


def refuse_too_many(processes: int) -> None:
    """Raises ConfigError where a machine has GPUs, but not one for each process."""
    if torch.cuda.is_available() and processes > (there := torch.cuda.device_count()):
        raise ConfigError(
            f"{processes} processes, and GPUs here: {there}; each takes one",
            hint="ask for fewer processes; where no GPU is visible they train on the CPU",
        )


def begin() -> None:
    """Meet the other processes, which were started together with this one."""
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
        backend = "cpu:gloo,cuda:nccl"
    # torch waits where Python hears no signal.
    heard = {number: signal.signal(number, signal.SIG_DFL) for number in ENDING}
    dist.init_process_group(backend, timeout=PATIENCE)
    for number, handler in heard.items():
        signal.signal(number, handler)


def joined(stage: str, config: Config, job: Job) -> Processes:
    """The processes that run a stage, which from now on all do."""
    processes = Processes(*member()) if dist.is_initialized() else ALONE
    if processes.size > 1 and processes.is_first:
        inputs = {role: shard.location for role, shard in job.inputs.items()}
        _share(Call(stage, config, inputs, job.folder))
    return processes


def follow() -> None:
    """Run what the first process comes to, until it has done all."""
    while (call := _share(None)) is not None:
        inputs = {role: Artifact(path) for role, path in call.inputs.items()}
        find(call.stage).run(call.config, Job(inputs, call.folder, Local(), Progress()))


def dismiss() -> None:
    """Tell the others that all is done."""
    _share(None)
    dist.destroy_process_group()


def is_of_another(error: RuntimeError) -> bool:
    """Whether it says that another process is gone."""
    return isinstance(error, dist.DistError) or "gloo" in str(error)


def _share(call: Call | None) -> Call | None:
    calls = [call]
    dist.broadcast_object_list(calls, src=0, device=CPU)
    return calls[0]
