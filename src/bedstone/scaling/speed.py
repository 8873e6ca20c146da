"""How fast this machine trains: FLOP of the model over the time of the real training step."""

import os
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bedstone.counting.shape import ModelConfig
from bedstone.laws.shapes import train_flop
from bedstone.model import Compiled, Device, NumberFormat

TOPOLOGY = Path("/sys/devices/system/cpu")
COMPILED_MINUTES = 10.0
"""Of training, from which on a minute of compiling may pay."""


def physical_cores() -> int:
    """Cores that this process may use, two threads of one core counted once.

    Where the system does not say which belong together, all logical CPUs.
    """
    if sys.platform != "linux":
        return os.cpu_count() or 1
    numbers = os.sched_getaffinity(0)
    paths = [TOPOLOGY / f"cpu{number}/topology/thread_siblings_list" for number in numbers]
    if not all(path.exists() for path in paths):
        return len(numbers)
    return len({path.read_text() for path in paths})


class Way(NamedTuple):
    """One way to train on this machine."""

    device: Device
    number_format: NumberFormat
    threads: int
    compiled: Compiled = "off"


def way_of(config: Mapping[str, Any]) -> Way:
    """How a stage trains whose config, with the plan's decisions, this is."""
    return Way(config["device"], config["number_format"], config["threads"], config["compiled"])


def ways(
    device: Device,
    number_format: NumberFormat | None,
    threads: int | None,
    compiled: Compiled,
    minutes: float,
) -> list[Way]:
    """Those that may be the fastest, of what the settings leave open.

    bf16 is one where there are kernels for it. A GPU needs one thread, and computes in bf16, if it
    can, in any case; there to compile is tried where a run is so long that it may pay.

    Raises:
        ConfigError: there is no such device.
    """
    name, formats = _formats(device, number_format)
    counts = [1] if name == "cuda" else sorted({1, physical_cores()})
    choices: tuple[Compiled, ...] = ("off",) if compiled == "auto" else (compiled,)
    if name == "cuda" and compiled == "auto" and minutes >= COMPILED_MINUTES:
        choices = ("off", "on")
    asked = product(formats, [threads] if threads else counts, choices)
    return [Way(name, *each) for each in asked]


def _formats(
    device: Device, number_format: NumberFormat | None
) -> tuple[Device, tuple[NumberFormat, ...]]:
    if find_spec("torch") is None:  # which alone finds a GPU, and trains on it
        device = "cpu"
    if device == "cpu" and number_format:
        return device, (number_format,)
    from bedstone.model import processor

    place = processor.device_of(device)
    has_bf16 = processor.has_bf16_kernels(place)
    name: Device = "cuda" if place.type == "cuda" else "cpu"
    if number_format:
        return name, (number_format,)
    if not has_bf16:
        return name, ("fp32",)
    return name, (("bf16",) if name == "cuda" else ("fp32", "bf16"))


def flop_per_second(shape: ModelConfig, batch_tokens: int, way: Way, seconds: float) -> float:
    """The model's FLOP a second of a training step on random tokens, for about ``seconds``.

    Each sequence holds two documents, which do not see one another.
    The median of the steps after the first, of one at least. Matrix products are all that is
    counted; the time is that of the whole step.
    """
    import torch

    from bedstone.model.processor import converted, device_of, wait
    from bedstone.model.transformer import Transformer
    from bedstone.training.optim import OptimizerConfig
    from bedstone.training.optimizer import Optimizer, clip_scale
    from bedstone.training.threads import using_threads

    device = device_of(way.device)
    dice = torch.Generator().manual_seed(0)
    rows = batch_tokens // shape.seq_len
    size = (rows, shape.seq_len + 1)
    tokens_BT = torch.randint(shape.vocab_size, size, generator=dice).to(device)
    weights_BT = torch.full((rows, shape.seq_len), 1 / batch_tokens, device=device)
    halves_BT = (torch.arange(shape.seq_len, device=device) * 2 // shape.seq_len).repeat(rows, 1)
    model = converted(Transformer(shape), way.number_format, device)
    if way.compiled == "on":
        model.compile_blocks()
    optimizer = Optimizer(model, OptimizerConfig())

    def step() -> float:
        started = time.perf_counter()
        loss = model.loss(tokens_BT[:, :-1], tokens_BT[:, 1:], weights_BT, halves_BT)
        torch.autograd.backward(loss)
        optimizer.step(1e-4, clip_scale(optimizer.gather(), 1.0))
        wait(device)
        return time.perf_counter() - started

    with using_threads(way.threads):
        step()
        ends = time.perf_counter() + seconds
        taken = [step()]
        while time.perf_counter() < ends:
            taken.append(step())
    return train_flop(shape, rows * shape.seq_len) / median(taken)
