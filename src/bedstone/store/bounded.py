"""A function of what nobody vouches for, in processes that may die of it.

An item that takes more processor time than it may, or more memory, costs itself and no other: its
process is ended, another takes its place, and the items beside it are answered. What comes out
does not depend on the number of processes. They end with the one that started them, since none
asks them any more.

Processor time is counted, so a busy machine alters nothing; a slower one does, so a bound is for
what no sane item comes near. POSIX only; where the system limits no process's memory (macOS), time
alone is bounded.
"""

import os
import pickle
import resource
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Lock
from typing import IO, Generic, NamedTuple, Self, TypeVar

from bedstone.errors import BedstoneError

Item = TypeVar("Item")
Answer = TypeVar("Answer")

BATCH_BYTES = 1 << 18
"""Of arguments: so many are sent at once, or those of one item."""
BATCH_ITEMS = 64
PROGRAM = "import sys; sys.path[:] = {path!r}; from bedstone.store.bounded import answer; answer()"
"""Of the processes. Those of multiprocessing would run the user's program again."""


class Bounds(NamedTuple):
    """What an item may cost."""

    seconds: float
    """Of processor time."""
    bytes: int
    """Of memory, together with what the process has anyway."""


@dataclass(frozen=True, slots=True)
class Failure:
    """In the place of an answer."""

    reason: str
    """``too_slow``; or ``crash``: the process died of the item, or had not the memory, or the
    function failed, and what it raised was written to the standard error."""


TOO_SLOW, CRASH = Failure("too_slow"), Failure("crash")
_Batch = list[tuple[Item, tuple[Sized, ...] | None]]


def bounded(
    function: Callable[..., Answer],
    sample: tuple[Sized, ...],
    items: Iterable[tuple[Item, tuple[Sized, ...] | None]],
    bounds: Bounds,
    processes: int,
) -> Iterator[tuple[Item, Answer | Failure | None]]:
    """Each item with what ``function`` gives of its arguments; None for one without arguments.

    Args:
        function: is imported, with its module, by each of the processes.
        sample: arguments that do no harm. They are answered first, here and in each process, so
            that what is compiled is compiled once, and is at the cost of no item.
        items: any number of them; few are held at a time.
        bounds: of each.
        processes: beside this one.

    Raises:
        BedstoneError: a process could not begin; it wrote to the standard error why.
    """
    function(*sample)
    task = pickle.dumps((function, sample, bounds))
    free = SimpleQueue[_Answering[Answer]]()

    def answers(batch: Sequence[tuple[Sized, ...]]) -> list[Answer | Failure]:
        process = free.get()
        try:
            return process.answers(batch)
        finally:
            free.put(process)

    with ExitStack() as stack:
        for _ in range(processes):
            free.put(stack.enter_context(_Answering(task)))
        threads = stack.enter_context(ThreadPoolExecutor(processes))
        for _ in range(processes):
            free.put(process := free.get())
            stack.callback(process.kill)
        waiting = deque[tuple[_Batch[Item], Future[list[Answer | Failure]]]]()
        for batch in _batches(items):
            asked = [arguments for _, arguments in batch if arguments is not None]
            waiting.append((batch, threads.submit(answers, asked)))
            if len(waiting) > 2 * processes:
                yield from _answered(*waiting.popleft())
        while waiting:
            yield from _answered(*waiting.popleft())


def answer() -> None:
    """What such a process does: it reads what it is asked, and writes what it answers."""
    asked, told = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the function prints is no answer
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    # Whatever code it is in, these end it: it took too long, or its parent is gone.
    for number in (signal.SIGPROF, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    function, sample, bounds = pickle.load(asked)
    pickle.dump(function(*sample), told)
    told.flush()
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    soft = bounds.bytes if hard == resource.RLIM_INFINITY else min(bounds.bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
    while True:
        try:
            batch = pickle.load(asked)
        except EOFError:
            return
        for arguments in batch:
            signal.setitimer(signal.ITIMER_PROF, bounds.seconds)
            try:
                given = function(*arguments)
            except MemoryError:
                given = CRASH
            signal.setitimer(signal.ITIMER_PROF, 0)
            pickle.dump(given, told)
            told.flush()


class _Answering(Generic[Answer]):
    """A process that answers; when it dies, another."""

    def __init__(self, task: bytes) -> None:
        self._task = task
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = Lock()
        self._is_over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def kill(self) -> None:
        """Let no more be answered, be it in another thread."""
        with self._lock:
            self._is_over = True
            if self._process:
                self._process.kill()

    def answers(self, batch: Sequence[tuple[Sized, ...]]) -> list[Answer | Failure]:
        """Of each of the arguments."""
        found: list[Answer | Failure] = []
        died_at = -1
        while len(found) < len(batch):
            try:
                asked, told = self._pipes()
                pickle.dump(batch[len(found) :], asked)
                asked.flush()
                while len(found) < len(batch):
                    found.append(pickle.load(told))
            except (OSError, EOFError, pickle.UnpicklingError):
                failure = TOO_SLOW if self._end() == -signal.SIGPROF else CRASH
                # Something else may have ended it: an item is given up when two died of it.
                if failure is TOO_SLOW or died_at == len(found):
                    found.append(failure)
                else:
                    died_at = len(found)
        return found

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        """To and from the process, which is started if there is none.

        Raises:
            BedstoneError: it could not begin.
        """
        with self._lock:
            if self._is_over:
                raise CancelledError
            is_new = self._process is None
            try:
                self._process = process = self._process or subprocess.Popen(
                    [sys.executable, "-c", PROGRAM.format(path=sys.path)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    start_new_session=True,  # else it would be interrupted from the keyboard too
                )
            except OSError as error:
                raise BedstoneError(f"a process could not begin: {error}") from error
        assert process.stdin
        assert process.stdout
        if is_new:
            try:
                process.stdin.write(self._task)
                process.stdin.flush()
                pickle.load(process.stdout)  # of the sample
            except (OSError, EOFError) as error:
                status = self._end()
                raise BedstoneError(f"a process ended with status {status}: see above") from error
        return process.stdin, process.stdout

    def _end(self) -> int:
        """The status of the process, which is asked nothing more; 0 without one."""
        process, self._process = self._process, None
        if process:
            process.communicate()
        return process.returncode if process else 0


def _batches(items: Iterable[tuple[Item, tuple[Sized, ...] | None]]) -> Iterator[_Batch[Item]]:
    batch: _Batch[Item] = []
    size = 0
    for item, arguments in items:
        batch.append((item, arguments))
        size += sum(map(len, arguments or ()))
        if size >= BATCH_BYTES or len(batch) == BATCH_ITEMS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _answered(
    batch: _Batch[Item], future: Future[list[Answer | Failure]]
) -> Iterator[tuple[Item, Answer | Failure | None]]:
    answers = iter(future.result())
    for item, arguments in batch:
        yield item, None if arguments is None else next(answers)
