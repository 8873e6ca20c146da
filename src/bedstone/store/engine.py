"""Engines: who works on the shards of a stage. The result never depends on which one it is."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import active_children, get_context, parent_process
from threading import Thread
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Engine(Protocol):
    """Anything that can apply a function to many shards."""

    workers: int
    """Processes over shards: they change no byte. Threads are those of a config."""

    def map(self, work: Callable[[Item], Answer], items: Sequence[Item]) -> Iterator[Answer]:
        """``work(item)`` for every item, in the items' order; the first error is raised."""
        ...


@dataclass(slots=True)
class Local:
    """Processes of this machine; one worker, or one item, means no process but this one."""

    workers: int = 1

    def map(self, work: Callable[[Item], Answer], items: Sequence[Item]) -> Iterator[Answer]:
        """``work(item)`` for every item, in the items' order; the first error is raised."""
        if min(self.workers, len(items)) <= 1:
            yield from map(work, items)
            return
        context = get_context("spawn")
        others = set(active_children())
        with ProcessPoolExecutor(min(self.workers, len(items)), context, _end_with_parent) as pool:
            try:
                yield from pool.map(work, items)
            except BaseException:
                # Else the pool would first finish what the workers have begun.
                for worker in set(active_children()) - others:
                    worker.terminate()
                raise


def _end_with_parent() -> None:
    # A worker that outlives a killed build would write on beside the next one.
    Thread(target=_exit_after_parent, daemon=True).start()


def _exit_after_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
