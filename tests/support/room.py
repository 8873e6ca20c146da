"""A command with so much memory and no more: in a control group of Linux, made by root."""

import errno
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

TOP = Path("/sys/fs/cgroup")
ENDING_SECONDS = 10.0
"""Of processes whose parent has ended."""
INSIDE = 'echo $$ > "$0/cgroup.procs" && exec "$@"'


class Room:
    """A control group: its processes together have so many bytes, files they read among them."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder = folder
        self.version = 2 if (TOP / "cgroup.controllers").exists() else 1
        if self.version == 2:
            (folder / "memory.max").write_text(str(limit_bytes))
            (folder / "memory.swap.max").write_text("0")
        else:
            (folder / "memory.limit_in_bytes").write_text(str(limit_bytes))
            (folder / "memory.swappiness").write_text("0")

    def run(self, words: Sequence[object]) -> subprocess.CompletedProcess[str]:
        """Run a command in it."""
        command = ["sh", "-c", INSIDE, str(self.folder), *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    @property
    def killed(self) -> int:
        """How many of its processes the kernel has killed for want of memory."""
        name = "memory.events" if self.version == 2 else "memory.oom_control"
        rows = dict(line.split() for line in (self.folder / name).read_text().splitlines())
        return int(rows.get("oom_kill", 0))


def can_be_limited() -> bool:
    """Whether this process may make control groups of memory."""
    return os.access(_parent(), os.W_OK)


@contextmanager
def room(limit_bytes: int) -> Iterator[Room]:
    """A control group that is there while the block runs."""
    folder = _parent() / f"bedstone-{os.getpid()}"
    folder.mkdir()
    try:
        yield Room(folder, limit_bytes)
    finally:
        _removed(folder)


def _removed(folder: Path) -> None:
    """Wait for what is ending in it; what stays is an error."""
    until = time.monotonic() + ENDING_SECONDS
    while True:
        try:
            folder.rmdir()
            return
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > until:
                raise
        time.sleep(0.05)


def _parent() -> Path:
    return TOP if (TOP / "cgroup.controllers").exists() else TOP / "memory"
