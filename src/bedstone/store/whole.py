"""Wholeness: the files of an artifact lie inside its folder and are what its manifest says.

Where a file lies and its size are looked at each time. Its bytes are read when it is new to this
machine or was touched since: beside the artifacts the store keeps a note of what the system said
of each file when it was last known to be whole. A note that is lost costs reading the files again.
What is broken is set aside, and removed only when that is asked for.
"""

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from bedstone.errors import ArtifactError, BedstoneError, reason
from bedstone.store import work

if TYPE_CHECKING:
    from bedstone.store.artifact import File, Manifest

MANIFEST = "manifest.json"
CHECKED, BROKEN = ".checked", ".broken"
"""The folders of a store for its notes, and for what was set aside."""
MOST_MANIFEST_BYTES = 1 << 27
"""Of a quarter of a million files."""
READ_BYTES = 1 << 20

State = list[int]
"""Of a file: its inode, the time it was written in nanoseconds, its bytes."""
Advance = Callable[[int], None]
"""Called with the bytes that were read."""


def is_inside(path: str) -> bool:
    """Whether it is the path of a file below a folder, and neither the manifest nor scratch."""
    parts = path.split("/")
    is_plain = path.isprintable() and "\\" not in path and not {"", ".", ".."} & set(parts)
    return is_plain and parts[0].lower() not in (MANIFEST, work.SCRATCH)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """While a manifest is looked for or read.

    Raises:
        ArtifactError: the system refuses.
    """
    try:
        yield
    except OSError as error:
        raise ArtifactError(
            f"{path} cannot be read: {reason(error)}", hint="may you read it, and its folder?"
        ) from error


def bounded_bytes(path: Path) -> bytes:
    """What the file ``path`` holds, which is no link, no device and not too large for a manifest.

    Raises:
        ArtifactError: it is one of these, or cannot be read.
    """
    with reading(path):
        found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise ArtifactError(f"{path} is no file", hint="it was not written by bedstone")
    if found.st_size > MOST_MANIFEST_BYTES:
        most = f"{MOST_MANIFEST_BYTES:,} are the most of a manifest"
        raise ArtifactError(
            f"{path} has {found.st_size:,} bytes: {most}",
            hint="it is another program's; of your own files, give fewer at a time",
        )
    with reading(path):
        return path.read_bytes()


def looked_at(folder: Path, file: "File") -> tuple[str, State]:
    """What is wrong with a file as far as can be told unread, or nothing, and its state."""
    path = folder / file.path
    above = [folder / each for each in PurePosixPath(file.path).parents][:-1]
    if any(map(os.path.islink, above)) or (path.is_symlink() and not file.linked):
        return f"{file.path} leads elsewhere by a link that is not in the manifest", []
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return f"{file.path} is missing", []
    except OSError as error:
        return f"{file.path} cannot be read: {reason(error)}", []
    if not stat.S_ISREG(found.st_mode):
        return f"{file.path} is no file", []
    if found.st_size != file.bytes:
        return f"{file.path} has {found.st_size:,} bytes instead of {file.bytes:,}", []
    return "", _state(found)


def faults(
    folder: Path,
    manifest: "Manifest",
    files: Iterable["File"] | None = None,
    *,
    anew: bool = False,
    advance: Advance = lambda count: None,
) -> Iterator[str]:
    """What is wrong with an artifact, looked for until no more is asked for.

    Args:
        folder: the artifact's.
        manifest: what it says.
        files: those that are looked at; None for all, and the manifest itself.
        anew: read all, whatever was known.
        advance: told of what is read, or need not be.
    """
    note = {} if anew else _read(folder)
    seen = {MANIFEST: _state((folder / MANIFEST).stat())}
    if note.get(MANIFEST) != seen[MANIFEST]:
        note = {}
    is_whole = True
    for fault in _found(folder, manifest, files, note, seen, advance):
        is_whole = False
        forget(folder)
        yield fault
    if is_whole and any(note.get(name) != state for name, state in seen.items()):
        _write(folder, (_read(folder) if note else {}) | seen)


def _found(
    folder: Path,
    manifest: "Manifest",
    files: Iterable["File"] | None,
    note: Mapping[str, State],
    seen: dict[str, State],
    advance: Advance,
) -> Iterator[str]:
    """The faults, and into ``seen`` what the files are like where there is none."""
    if not note and not manifest.is_sealed():
        yield f"{MANIFEST}: its digest is another"
    for file in manifest.files if files is None else files:
        fault, seen[file.path] = looked_at(folder, file)
        if fault or note.get(file.path) == seen[file.path]:
            advance(file.bytes)
        else:
            fault = read_fault(folder, file, advance)
        if fault:
            yield fault


def note(folder: Path, files: Iterable["File"]) -> None:
    """Keep what an artifact's files are like, which were hashed just now."""
    states = {file.path: looked_at(folder, file)[1] for file in files}
    _write(folder, states | {MANIFEST: _state((folder / MANIFEST).stat())})


def forget(folder: Path) -> None:
    """Drop the note of what an artifact's files were like."""
    with suppress(OSError):
        _note(folder).unlink()


def forget_all(store: Path) -> None:
    """Drop the notes of ``store``: the files of each artifact are read when it is met next."""
    for path in entries(store, CHECKED):
        drop(path)


def orphans(store: Path) -> list[Path]:
    """The notes of artifacts that are gone."""
    return [path for path in entries(store, CHECKED) if not (store / path.name).exists()]


def entries(store: Path, name: str) -> list[Path]:
    """What is in a folder of the store's own.

    Raises:
        ArtifactError: a link leads out of the store in its place.
    """
    return sorted(_own(store, name).glob("*"))


def drop(path: Path) -> None:
    """Remove a file, a link or a folder; another may have done it.

    Raises:
        BedstoneError: the disk refuses.
    """
    with work.named(path), suppress(FileNotFoundError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def set_aside(folder: Path) -> Path:
    """Move what is broken out of the way; the caller holds its lock. Where it is now."""
    beside = _own(folder.parent, BROKEN)
    with work.named(beside):
        beside.mkdir(exist_ok=True)
    names = (f"{folder.name}-{number}" if number else folder.name for number in range(10**6))
    kept = next(path for name in names if not os.path.lexists(path := beside / name))
    forget(folder)
    with work.named(kept):
        folder.rename(kept)
    return kept


def names_in(folder: Path) -> list[str]:
    """The payload of ``folder``: its files, by name."""
    paths = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return sorted(it.as_posix() for it in paths if it.parts[0] not in (MANIFEST, work.SCRATCH))


def read_fault(folder: Path, file: "File", advance: Advance) -> str:
    """What is wrong with the bytes of a file, or nothing."""
    digest = hashlib.sha256()
    try:
        with (folder / file.path).open("rb") as stream:
            while block := stream.read(READ_BYTES):
                digest.update(block)
                advance(len(block))
    except OSError as error:
        return f"{file.path} cannot be read: {reason(error)}"
    return "" if digest.hexdigest() == file.sha256 else f"{file.path} has other bytes"


def _state(found: os.stat_result) -> State:
    return [found.st_ino, found.st_mtime_ns, found.st_size]


def _note(folder: Path) -> Path:
    folder = folder.absolute() if folder.name not in ("", "..") else folder.resolve()
    return folder.parent / CHECKED / folder.name  # a link is not followed: it may lead elsewhere


def _read(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads(bounded_bytes(_note(folder)))
    except (OSError, ValueError, RecursionError, ArtifactError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(folder: Path, states: dict[str, State]) -> None:
    """In place: a note that is cut, or that finds no room, is as good as none."""
    path = _note(folder)
    forget(folder)  # it may be a link
    try:
        _own(path.parents[1], CHECKED).mkdir(exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            json.dump(states, file)
    except (OSError, BedstoneError):
        forget(folder)


def _own(store: Path, name: str) -> Path:
    """A folder of the store's own.

    Raises:
        ArtifactError: a link leads out of the store in its place.
    """
    folder = store / name
    if folder.is_symlink():
        raise ArtifactError(f"{folder} is a link", hint="remove it: it leads out of the store")
    return folder
