"""How long calls take, the sides taking turns, so that what else the machine does hits all."""

import time
from collections.abc import Callable, Mapping
from statistics import median


def cpu_seconds(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median CPU seconds of each call; a first round, which may compile, is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds + 1):
        for name, call in calls.items():
            started = time.process_time()
            call()
            seconds[name].append(time.process_time() - started)
    return {name: median(each[1:]) for name, each in seconds.items()}
