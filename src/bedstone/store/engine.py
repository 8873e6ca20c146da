"""Engines: who works on the shards of a stage. The result never depends on which one it is."""

import os
import signal
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context, parent_process
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Protocol, TypeVar

from bedstone.errors import BedstoneError, number_of

Item = TypeVar("Item")
Answer = TypeVar("Answer")
MOST_DEATHS = 3
"""Of processes that worked on one item."""
MOST_NAMED, MOST_CHARACTERS = 10, 300
"""Of items that failed, and of the name of each."""
SHARED = "every node must see the store, and the files that were adopted, at the same path"
"""What to do where one does not."""
PATIENCE_SECONDS = 60.0
"""Without an answer, after which an engine is asked whether one can still come."""


class Engine(Protocol):
    """Anything that can apply a function to many shards."""

    workers: int
    """Processes over shards: they change no byte. Threads are those of a config."""

    def map(
        self,
        work: Callable[[Item], Answer],
        items: Sequence[Item],
        ended: Callable[[], object] = lambda: None,
    ) -> Iterator[Answer]:
        """``work(item)`` for every item, in the items' order; ``ended`` is called as each ends.

        An item whose process dies is done again, twice at most.

        Raises:
            BedstoneError: that did not help; it names the item. Else what ``work`` raises.
        """
        ...


@dataclass(slots=True)
class Local:
    """Processes of this machine; one worker, or one item, means no process but this one.

    They are begun when they are needed, and end with the engine, or with an error.
    """

    workers: int = 1
    _kept: "_Processes | None" = field(default=None, init=False, repr=False, compare=False)

    def __reduce__(self) -> tuple[type["Local"], tuple[int]]:
        """Another process begins its own."""
        return Local, (self.workers,)

    def map(
        self,
        work: Callable[[Item], Answer],
        items: Sequence[Item],
        ended: Callable[[], object] = lambda: None,
    ) -> Iterator[Answer]:
        """As ``Engine`` says; the first error is raised, and ends what the others have begun."""
        at_once = min(self.workers, len(items))
        if at_once <= 1:
            yield from here(work, items, ended)
            return
        if self._kept is None or self._kept.parent != os.getpid():  # this one is a fork
            self._kept = _Processes(self.workers)
        processes = self._kept
        try:
            yield from answers(
                items, lambda item: processes.begin(work, item), lambda: at_once, _own, ended
            )
        except BaseException:
            self._kept = None
            processes.end()
            raise


class _Processes:
    """Processes that are begun anew when one of them dies, which ends them all."""

    def __init__(self, workers: int) -> None:
        self.workers, self.parent = workers, os.getpid()
        self.pool = self._begun()

    def begin(self, work: Callable[[Item], Answer], item: Item) -> Future[Answer]:
        try:
            return self.pool.submit(work, item)
        except BrokenProcessPool:
            self.pool.shutdown()
            self.pool = self._begun()
            return self.pool.submit(work, item)

    def end(self) -> None:
        """At once: the pool would first finish what the workers have begun."""
        for worker in [*self.pool._processes.values()]:
            worker.terminate()
        self.pool.shutdown()

    def _begun(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self.workers, get_context("spawn"), _end_with_parent)


def here(
    work: Callable[[Item], Answer], items: Sequence[Item], ended: Callable[[], object]
) -> Iterator[Answer]:
    """``work(item)`` for every item, in this process."""
    for item in items:
        answer = work(item)
        ended()
        yield answer


def answers(
    items: Sequence[Item],
    begin: Callable[[Item], Future[Answer]],
    at_once: Callable[[], int],
    own: Callable[[BaseException], BaseException | None],
    ended: Callable[[], object],
    *,
    is_patient: bool = False,
) -> Iterator[Answer]:
    """The answers in the items' order, of which so many are worked on ``at_once``.

    Args:
        items: what is worked on.
        begin: begins to work on one.
        at_once: asked before each begin, and when no answer has come for long.
        own: the error that the work raised, or None: its process died.
        ended: called as each ends.
        is_patient: whether what fails waits for all the others, and is then named.

    Raises:
        BedstoneError: the processes of an item died too often.
    """
    waiting, deaths, following = deque(range(len(items))), Counter[int](), 0
    begun: dict[Future[Answer], int] = {}
    done: SimpleQueue[Future[Answer]] = SimpleQueue()
    known: dict[int, Answer] = {}
    failed: dict[int, BaseException] = {}
    while True:
        while waiting and len(begun) < at_once() and (is_patient or not failed):
            number = waiting.popleft()
            future = begin(items[number])
            begun[future] = number
            future.add_done_callback(done.put)
        if not begun:
            break
        try:
            future = done.get(timeout=PATIENCE_SECONDS)
        except Empty:
            at_once()
            continue
        number = begun.pop(future)
        if (error := future.exception()) is None:
            known[number] = future.result()
            ended()
        elif (raised := own(error)) is not None:
            if not is_patient:
                raise raised
            failed[number] = raised
        else:
            deaths[number] += 1
            if deaths[number] < MOST_DEATHS:
                waiting.appendleft(number)
            else:
                failed[number] = BedstoneError(
                    f"a process that worked on it died {MOST_DEATHS} times: {error}",
                    hint="it may take more memory than there is: fewer workers, smaller pieces; "
                    "what is complete is kept",
                )
        while following in known:
            yield known.pop(following)
            following += 1
    if failed:
        raise _named(failed, items)


def _own(error: BaseException) -> BaseException | None:
    return None if isinstance(error, BrokenProcessPool) else error


def _named(failed: Mapping[int, BaseException], items: Sequence[object]) -> BaseException:
    """The error of the first that failed; one that a user can cause says which did."""
    first, *others = sorted(failed)
    error = failed[first]
    if isinstance(error, BedstoneError):
        error.args = (*error.args, f"it was {_name(first, items)}")
        if others:
            names = "; ".join(_name(number, items) for number in others[:MOST_NAMED])
            error.args = (*error.args, f"{number_of(len(others), 'other')} failed too: {names}")
    return error


def _name(number: int, items: Sequence[object]) -> str:
    return f"{number + 1} of {len(items)}, {items[number]}"[:MOST_CHARACTERS]


def _end_with_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the keyboard's, the parent decides
    # A worker that outlives a killed build would write on beside the next one.
    Thread(target=_exit_after_parent, daemon=True).start()


def _exit_after_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
