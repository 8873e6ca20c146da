"""How fast this machine trains: FLOP of the model over the time of the real training step."""

import os
import sys
import time
from pathlib import Path
from statistics import median

from bedstone.counting.shape import ModelConfig
from bedstone.laws.shapes import train_flop

TOPOLOGY = Path("/sys/devices/system/cpu")


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


def number_formats() -> tuple[str, ...]:
    """Those in which a model may train fastest on this machine: bf16 never without kernels."""
    from bedstone.model import processor

    return ("fp32", "bf16") if processor.has_bf16_kernels() else ("fp32",)


def flop_per_second(
    shape: ModelConfig, batch_tokens: int, threads: int, number_format: str, seconds: float
) -> float:
    """The model's FLOP a second of a training step on random tokens, for about ``seconds``.

    The median of the steps after the first, of one at least. Matrix products are all that is
    counted; the time is that of the whole step.
    """
    import torch

    from bedstone.model.processor import converted
    from bedstone.model.transformer import Transformer
    from bedstone.training.adamw import Optimizer, clip_scale
    from bedstone.training.optim import OptimizerConfig
    from bedstone.training.threads import using_threads

    dice = torch.Generator().manual_seed(0)
    rows = batch_tokens // shape.seq_len
    size = (rows, shape.seq_len + 1)
    tokens_BT = torch.randint(shape.vocab_size, size, generator=dice)
    weights_BT = torch.full((rows, shape.seq_len), 1 / batch_tokens)
    model = converted(Transformer(shape), number_format)
    optimizer = Optimizer(model, OptimizerConfig().weight_decay)

    def step() -> float:
        started = time.perf_counter()
        loss = model.loss(tokens_BT[:, :-1], tokens_BT[:, 1:], weights_BT)
        torch.autograd.backward(loss)
        optimizer.step(1e-4, clip_scale(optimizer.gather(), 1.0))
        return time.perf_counter() - started

    with using_threads(threads):
        ends = time.perf_counter() + seconds
        step()
        taken = [step()]
        while time.perf_counter() < ends:
            taken.append(step())
    return train_flop(shape, rows * shape.seq_len) / median(taken)
