"""How many threads compute, and what they reach at most."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bedstone.model import NumberFormat

if TYPE_CHECKING:
    import torch


@contextmanager
def using_threads(threads: int) -> Iterator[None]:
    """Let torch compute with so many threads; results depend on them in their last bits."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def matmul_peak(number_format: NumberFormat, device: "torch.device | None" = None) -> float:
    """FLOP a second that torch's matrix product reaches there and now; takes a tenth of a second.

    Absent, the device is the CPU.
    """
    import torch

    from bedstone.model.processor import wait
    from bedstone.model.transformer import DTYPES

    place = device or torch.device("cpu")
    size, best = 1024 if place.type == "cpu" else 8192, math.inf
    left, right = torch.ones(2, size, size, dtype=DTYPES[number_format], device=place)
    until = time.perf_counter() + 0.1
    while (begun := time.perf_counter()) < until:
        left @ right
        wait(place)
        best = min(best, time.perf_counter() - begun)
    return 2 * size**3 / best
