"""Which code and machine made an artifact: recorded for people, part of no digest, no error."""

import os
import platform
import shutil
import subprocess
from functools import cache
from pathlib import Path

from bedstone import __version__
from bedstone.config import Config

HERE = Path(__file__).resolve()
ROOT = HERE.parents[3]
"""The source tree; of an installed package, a folder that is no git checkout."""


class Code(Config):
    """The package's version; of a checkout, also its commit and whether it differs from that."""

    version: str
    commit: str | None = None
    dirty: bool | None = None


class Machine(Config):
    """What the work ran on."""

    system: str
    python: str
    processor: str
    cores: int
    """That this process may use."""
    memory_bytes: int


@cache
def current_code() -> Code:
    """The code that runs now."""
    if not is_checkout(ROOT):
        return Code(version=__version__)
    status = _git(ROOT, "status", "--porcelain")
    return Code(version=__version__, commit=_git(ROOT, "rev-parse", "HEAD"), dirty=bool(status))


@cache
def current_machine() -> Machine:
    """The machine that this runs on."""
    return Machine(
        system=platform.platform(),
        python=platform.python_version(),
        processor=_processor(),
        cores=core_count(),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    )


def core_count() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_checkout(root: Path) -> bool:
    """Whether ``root`` is the top of a git checkout that tracks this file.

    A package that merely lies inside somebody's repository must not take that one's commit.
    """
    if shutil.which("git") is None or not (root / ".git").exists():
        return False
    name = HERE.relative_to(ROOT).as_posix()
    return _git(root, "ls-files", "--error-unmatch", name) is not None


def _git(root: Path, *words: str) -> str | None:
    place = ["-C", str(root), f"--git-dir={root / '.git'}", f"--work-tree={root}"]
    answer = subprocess.run(["git", *place, *words], capture_output=True, text=True, check=False)
    return None if answer.returncode else answer.stdout.strip()


def _processor() -> str:
    table = Path("/proc/cpuinfo")
    lines = table.read_text("utf-8").splitlines() if table.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
