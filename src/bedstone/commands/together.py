"""One command as several processes that train together, watched until it is done.

A process that dies takes the others with it: all are ended and begun again, at another port, and go
on from the last whole checkpoint; a few times, then the run fails. An error that the first process
tells is the run's: it would come again.
"""

import json
import os
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
UNEXPECTED = 1
"""The exit status of what nobody foresaw."""
POLL_SECONDS = 0.1
SETTLE_SECONDS = 1.0
"""In which a process's death is seen after its effect on another."""
GRACE_SECONDS = 5.0
"""For a process that is asked to end."""
WATCHED = "BEDSTONE_WATCHED"
"""In the environment of a process that ends when its standard input does: with its watcher."""
ERRORS = {error.exit_status: error for error in (ConfigError, ArtifactError, DataError)}
Group = list["subprocess.Popen[str]"]


def together(words: Sequence[str], processes: int, progress: Progress) -> dict[str, Any]:
    """What ``bedstone WORDS --json`` answers, as so many processes.

    Raises:
        BedstoneError: it failed, which the first process told, or a process died too often.
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
            kind = ERRORS.get(status, BedstoneError)
            raise kind(f"the first of {processes} processes failed, as it says above")
        progress.named("training").say(
            f"process {lost} of {processes} died: all go on from the last checkpoint"
        )
    raise BedstoneError(
        f"a process died {1 + MOST_RESTARTS} times", hint="repeated, the run goes on where it was"
    )


def _lost(group: Group) -> int | None:
    """Wait for the first process; the number of one that died before, or None."""
    first, *others = group
    while first.poll() is None and not any(each.poll() for each in others):
        time.sleep(POLL_SECONDS)
    if first.poll() == UNEXPECTED:  # which may be what a death did to it
        time.sleep(SETTLE_SECONDS)
    dead = [number for number, each in enumerate(group) if each.poll() not in (None, 0)]
    is_told = dead == [0] and first.returncode > 0
    return None if not dead or is_told else dead[-1]


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


def rank() -> int | None:
    """Which of several processes this is, as torchrun or ``together`` tells it; None: of one."""
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        return None
    return int(os.environ.get("RANK", 0))


def end_with_watcher() -> None:
    """Where ``together`` watches this process: end when that does, however it ended."""
    if WATCHED in os.environ:
        Thread(target=_exit_after_watcher, daemon=True).start()


def _exit_after_watcher() -> None:
    sys.stdin.read()
    os._exit(1)
