"""How long calls take, the sides taking turns, so that what else the machine does hits all."""

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

WARM_ROUNDS = 3
"""On a GPU, where kernels are chosen and memory is taken in the first."""


def cpu_seconds(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median CPU seconds of each call; a first round, which may compile, is not counted."""
    return _medians(calls, rounds + 1, 1, time.process_time)


def seconds_on(
    device: "torch.device", calls: Mapping[str, Callable[[], object]], rounds: int
) -> dict[str, float]:
    """The same; on a GPU, which is told ahead, by the clock, until it is done."""
    if device.type == "cpu":
        return cpu_seconds(calls, rounds)
    from bedstone.model.processor import wait

    def clock() -> float:
        wait(device)
        return time.perf_counter()

    return _medians(calls, rounds + WARM_ROUNDS, WARM_ROUNDS, clock)


def _medians(
    calls: Mapping[str, Callable[[], object]], rounds: int, warm: int, clock: Callable[[], float]
) -> dict[str, float]:
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            started = clock()
            call()
            seconds[name].append(clock() - started)
    return {name: median(each[warm:]) for name, each in seconds.items()}
