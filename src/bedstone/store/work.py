"""Work in progress: folders that one process holds at a time, and files that appear whole.

The lock is the kernel's and goes with its process, so no lock is ever stale. What a killed or
failed build wrote stays where it is; the next build of the same request, hence of the same
stage version, goes on with it. POSIX only.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from bedstone.errors import BedstoneError

UNFINISHED = ".part"
LOCK = ".lock"
SCRATCH = ".scratch"
"""The folder inside an unfinished artifact for what only the next attempt needs: checkpoints."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
"""Or no disk that can be written."""


@contextmanager
def held(lock: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold ``lock`` alone; remove it at the end, unless an error leaves the work unfinished.

    Raises:
        BlockingIOError: without ``wait``, if another holds it.
        BedstoneError: it cannot be written.
    """
    while True:
        with named(lock):
            lock.parent.mkdir(parents=True, exist_ok=True)
            file = lock.open("a")
        with file:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The holder we waited for may have removed the file: then this lock keeps out nobody.
            if os.fstat(file.fileno()).st_nlink:
                yield
                lock.unlink()
                return


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """A temporary path; what was written there is moved to ``path``, safe against a power cut.

    Raises:
        BedstoneError: it cannot be written.
    """
    # Another each time: a worker of a killed build, or of a node that was given up, may be ending
    # while the next one writes the same.
    unfinished = path.with_name(f"{path.name}.{uuid4().hex[:8]}{UNFINISHED}")
    with named(unfinished):
        path.parent.mkdir(parents=True, exist_ok=True)
        yield unfinished
        settle(unfinished, path)


def settle(source: Path, path: Path) -> None:
    """Give what is whole at ``source`` its name, safe against a power cut."""
    sync(source)
    source.rename(path)
    sync(path.parent)


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """A temporary path; what was made there, a file or a folder, becomes ``path`` or is removed.

    For what is no artifact: nothing goes on with a part of it.

    Raises:
        BedstoneError: it cannot be written.
    """
    unfinished = path.with_name(f"{path.name}.{uuid4().hex[:8]}{UNFINISHED}")
    try:
        with named(unfinished):
            yield unfinished
            for each in (*unfinished.rglob("*"), unfinished):
                sync(each)
            unfinished.rename(path)
        sync(path.parent)
    finally:
        if unfinished.is_dir():
            shutil.rmtree(unfinished)
        elif unfinished.exists():
            unfinished.unlink()


@contextmanager
def named(path: Path) -> Iterator[None]:
    """While ``path`` is being written: an error that does not say what it is about names it.

    Raises:
        BedstoneError: there is no room for it, or a library could not write it.
    """
    try:
        yield
    except OSError as error:
        if error.filename is not None and error.errno not in NO_ROOM:
            raise
        reason = os.strerror(error.errno) if error.errno else error
        size = path.stat().st_size if path.exists() else 0
        there = next(folder for folder in path.absolute().parents if folder.exists())
        free = shutil.disk_usage(there).free
        raise BedstoneError(
            f"{path} cannot be written: {reason}; "
            f"it has {size:,} bytes so far, and {free:,} bytes are free there",
            hint="make room, or write elsewhere; what is complete is kept",
        ) from error


def sync(path: Path) -> None:
    """Return when the disk has what was written to the file or folder ``path``."""
    with named(path):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def drop_unfinished(folder: Path) -> None:
    """Remove what a killed build was writing."""
    for path in folder.rglob(f"*{UNFINISHED}"):
        if path.is_symlink() or path.is_file():
            path.unlink()


@contextmanager
def dropped_if_empty(folder: Path) -> Iterator[None]:
    """Remove ``folder`` and its lock, which the caller holds, if an error leaves nothing in it."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            drop_unfinished(folder)
            for path, _, _ in os.walk(folder, topdown=False):
                with suppress(OSError):  # it is not empty: the next build goes on in it
                    Path(path).rmdir()
            if not folder.exists():
                lock_of(folder).unlink()
        raise


def drop_scratch(folder: Path) -> None:
    """Remove what only an unfinished artifact needs."""
    shutil.rmtree(folder / SCRATCH, ignore_errors=True)


def lock_of(folder: Path) -> Path:
    """The lock to hold while ``folder`` is being made."""
    return folder.with_name(f".{folder.name}{LOCK}")


def locked(store: Path) -> list[Path]:
    """The folders of ``store`` that are being made, or were when their process ended."""
    locks = sorted(store.glob(f".*{LOCK}"))
    return [lock.with_name(lock.name.removeprefix(".").removesuffix(LOCK)) for lock in locks]
