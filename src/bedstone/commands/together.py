"""One command as several processes that train together, watched until it is done.

A process that dies takes the others with it: all are ended and begun again, at another port, and go
on from the last whole checkpoint; a few times, then the run fails. An error that a process tells is
the run's: it would come again.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryFile
from threading import Thread
from typing import IO, Any

from bedstone.errors import ArtifactError, BedstoneError, ConfigError, DataError
from bedstone.progress import Progress

MOST_RESTARTS = 3
TOLD = 64
"""Added to the exit status of an error that a watched process tells, so that it is no death."""
POLL_SECONDS = 0.1
SETTLE_SECONDS = 1.0
"""In which a process's death is seen after its effect on another."""
GRACE_SECONDS = 5.0
"""For a process that is asked to end."""
WATCHED = "BEDSTONE_WATCHED"
"""In the environment of a process that ends when its standard input does: with its watcher."""
KINDS = (BedstoneError, ConfigError, ArtifactError, DataError)
ERRORS = {error.exit_status: error for error in KINDS}
Group = list["subprocess.Popen[str]"]


def together(words: Sequence[str], processes: int, progress: Progress) -> dict[str, Any]:
    """What ``bedstone WORDS --json`` answers, as so many processes.

    Raises:
        BedstoneError: it failed, which a process told, or one died too often.
    """
    for _ in range(1 + MOST_RESTARTS):
        with TemporaryFile("w+", encoding="utf-8") as answer:
            with _group([*words, "--json"], processes, answer) as group:
                lost = _lost(group)
            status = group[0].returncode
            if lost is None and status == 0:
                answer.seek(0)
                found: dict[str, Any] = json.load(answer)
                return found
        if lost is None:
            told = [each.returncode - TOLD for each in group]
            kind = next((ERRORS[each] for each in told if each in ERRORS), BedstoneError)
            raise kind(f"{processes} processes were to train, and failed as it says above")
        progress.named("training").say(
            f"process {lost + 1} of {processes} died: all go on from the last checkpoint"
        )
    raise BedstoneError(
        f"a process died {1 + MOST_RESTARTS} times", hint="repeated, the run goes on where it was"
    )


def _lost(group: Group) -> int | None:
    """Wait for the first process; the number of one that died, or None: all came to an end.

    An error that a process tells is an end; what nobody foresaw may be what a death did to it.
    """
    first, *others = group
    while first.poll() is None and not any(each.poll() for each in others):
        time.sleep(POLL_SECONDS)
    if first.poll() != 0:
        time.sleep(SETTLE_SECONDS)
    statuses = [each.poll() or 0 for each in group]
    if first.poll() == 0 or any(status >= TOLD for status in statuses):
        return None
    return min(range(len(group)), key=lambda number: (statuses[number] >= 0, not statuses[number]))


@contextmanager
def _group(words: Sequence[str], processes: int, answer: IO[str]) -> Iterator[Group]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    group: Group = []
    try:
        for rank in range(processes):
            group.append(_started(words, rank, processes, port, answer))
        yield group
    finally:
        for process in group:
            process.terminate()
        ends = time.monotonic() + GRACE_SECONDS
        for process in group:
            try:
                process.wait(max(ends - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            assert process.stdin is not None
            process.stdin.close()


def _started(
    words: Sequence[str], rank: int, processes: int, port: int, answer: IO[str]
) -> "subprocess.Popen[str]":
    place = {
        "RANK": rank,
        "LOCAL_RANK": rank,
        "WORLD_SIZE": processes,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
        WATCHED: 1,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "bedstone.commands.main", *words],
        env=os.environ | {name: str(value) for name, value in place.items()},
        stdin=subprocess.PIPE,
        stdout=answer if rank == 0 else subprocess.DEVNULL,
        text=True,
    )


def is_watched() -> bool:
    """Whether ``together`` watches this process."""
    return WATCHED in os.environ


def end_with_watcher() -> None:
    """End when the watcher does, however it ended, and in silence when it says so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    Thread(target=_exit_after_watcher, daemon=True).start()


def _exit_after_watcher() -> None:
    sys.stdin.read()
    os._exit(1)
