"""Counts what a process does in a store, and ends it at the chosen count.

A process that finds this folder on its path is watched from its beginning, whoever starts it: a
worker of this machine's, or of a cluster's.
"""

import json
import os
import signal
import sys
from pathlib import Path

ASKED = "BEDSTONE_TESTS_WATCHED"
EVENTS = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "sync"}


def watch(settings: str) -> None:
    """Count from now on, as the settings say.

    ``store``: where; ``parent``: the build's process, all others are workers; ``counts``: a folder
    to write counts to; ``role``, ``last``, ``told``: who is killed at which count, and the file
    that says so: one process alone is.
    """
    asked = json.loads(settings)
    role = "parent" if os.getpid() == asked["parent"] else "worker"
    seen = 0

    def count(event: str, words: tuple[object, ...]) -> None:
        nonlocal seen
        if event not in EVENTS or not str(words[0]).startswith(asked["store"] + os.sep):
            return
        seen += 1
        if "counts" in asked:
            Path(asked["counts"], f"{role}-{os.getpid()}").write_text(str(seen))
        elif role == asked["role"] and seen == asked["last"] and is_first(asked["told"]):
            os.kill(os.getpid(), signal.SIGKILL)

    fsync = os.fsync

    def counted_fsync(descriptor: int) -> None:
        """Which no hook is told of: counted before and after."""
        path = (Path(f"/proc/self/fd/{descriptor}").readlink(),)
        count("sync", path)
        fsync(descriptor)
        count("sync", path)

    os.fsync = counted_fsync
    sys.addaudithook(count)


def is_first(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


if ASKED in os.environ and __name__ == "sitecustomize":
    watch(os.environ[ASKED])
