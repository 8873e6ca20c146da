"""Sharing: artifacts go from a store of this machine to a place, or to another store from there.

An artifact's files go first and its manifest last, only where there is none: of two builders of one
request one wins, and the other takes what that one made. So that they do not both work, the one at
work has a lease beside the kernel's lock on the mirror: an object that it renews. One that another
builder has watched for long enough without a change is taken over, by the watching one's clock
alone. What is right never rests on a lease, but on the manifest and on the digests that readers
check.
"""

import os
import random
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from uuid import uuid4

from bedstone.errors import ArtifactError, BedstoneError
from bedstone.progress import Progress, Task
from bedstone.store import work
from bedstone.store.artifact import MANIFEST, Artifact, File, is_complete
from bedstone.store.lineage import stored
from bedstone.store.place import Place, link, place_of, shown

_probed = set[Place]()
"""Those whose servers, asked by this process, refused to put an object where there is one."""
LEASES = ".leases"
LEASE_SECONDS = 60.0
"""It is renewed thrice as often."""
POLL_SECONDS = 2.0
"""Between two looks of one who waits, on average."""
FILES = 4
"""Sent side by side."""
TRIES = 3
"""To have the winner's files under its manifest, while another is still writing its own."""
ADOPTED = ".adopted"
"""The folder of a store with the adopted files that came from a place, by sha256: what was adopted
is a link."""


@contextmanager
def leased(folder: Path) -> Iterator[None]:
    """Be the one who makes an artifact of a place, or return when it is made.

    The caller holds the kernel's lock: the lease of a process that held it before, and was killed,
    is taken over at once.
    """
    place, lock = place_of(folder.parent), work.lock_of(folder)
    if place is None:
        yield
        return
    owner = lock.read_bytes() or uuid4().hex.encode()
    lock.write_bytes(owner)
    name = f"{LEASES}/{folder.name}"
    if not _is_taken(place, name, owner, folder):
        yield
        return
    ended = Event()
    renewing = Thread(target=_renew, args=(place, name, owner, ended), daemon=True)
    renewing.start()
    try:
        yield
    finally:
        ended.set()
        renewing.join()
        with suppress(BedstoneError):  # it ends by itself, later
            if _is_of(owner, place.read(name)):
                place.delete(name)


def published(
    folder: Path, paths: Mapping[File, Path], manifest: bytes, progress: Progress
) -> bool:
    """Send files and then their manifest to the place of a mirror's folder.

    Returns:
        Whether the manifest there is this one: no if another builder was first.
    """
    place, name = place_of(folder.parent), f"{folder.name}/{MANIFEST}"
    assert place is not None
    if place.read(name) is not None:  # else its files would get those of another
        return False
    total = sum(file.bytes for file in paths)
    with progress.task("bytes", total) as task:
        versions = _put(place, folder.name, paths, task)
        if not place.create(name, manifest):
            return False
        for _ in range(TRIES):
            there = place.versions(folder.name)
            lost = [it for it in paths if there.get(f"{folder.name}/{it.path}") != versions[it]]
            if not lost:
                break
            versions |= _put(place, folder.name, {it: paths[it] for it in lost}, task)
    return True


def send(
    artifact: Artifact, store: Path, progress: Progress
) -> tuple[list[Artifact], list[Artifact]]:
    """Have an artifact and all behind it in another store: parents first, so that nothing lies.

    Returns:
        As they are there: those that went, and those that were there before.

    Raises:
        ArtifactError: a file is not what its manifest says, or the store has another answer to the
            same request.
    """
    sent, skipped = list[Artifact](), list[Artifact]()
    waiting = _with_all_behind(artifact)
    with progress.task("bytes", sum(map(bytes_of, waiting))) as task:
        for each in waiting:
            folder = store / each.path.name
            with work.held(work.lock_of(folder)):
                is_new = not is_complete(folder) and _is_sent(each, folder)
            there = Artifact(folder)
            if there.content != each.content:
                raise ArtifactError(
                    f"{shown(each.path)} and {shown(folder)} answer one request otherwise",
                    hint="keep one of them: remove the other with what was made of it",
                )
            (sent if is_new else skipped).append(there)
            task.advance(bytes_of(each), each.path.name)
    return sent, skipped


def bytes_of(artifact: Artifact) -> int:
    """Of its files."""
    return sum(file.bytes for file in artifact.manifest.files)


def _is_taken(place: Place, name: str, owner: bytes, folder: Path) -> bool:
    """Whether the lease is now the owner's; no if the artifact is there."""
    watched, since = "", 0.0
    while not is_complete(folder):
        if place.create(name, _lease(owner)):
            if place not in _probed and place.create(name, _lease(owner)):
                raise BedstoneError(
                    f"{place.url}: its server puts an object where there is one already",
                    hint="take one that knows conditional writes (If-None-Match), as S3 does",
                )
            _probed.add(place)
            return True
        if (found := place.read(name)) is None:
            continue
        if found[1] != watched:
            watched, since = found[1], time.monotonic()
        if _is_of(owner, found) or time.monotonic() - since > LEASE_SECONDS:
            if place.replace(name, _lease(owner), found[1]):
                return True
        else:
            time.sleep(POLL_SECONDS * random.uniform(0.5, 1.5))
    return False


def _renew(place: Place, name: str, owner: bytes, ended: Event) -> None:
    while not ended.wait(LEASE_SECONDS / 3):
        with suppress(BedstoneError):  # it is tried again
            found = place.read(name)
            if found is None or not _is_of(owner, found):
                return
            place.replace(name, _lease(owner), found[1])


def _lease(owner: bytes) -> bytes:
    return owner + b" " + uuid4().hex.encode()


def _is_of(owner: bytes, found: tuple[bytes, str] | None) -> bool:
    return found is not None and found[0].partition(b" ")[0] == owner


def _put(place: Place, folder: str, paths: Mapping[File, Path], task: Task) -> dict[File, str]:
    def put(file: File) -> str:
        return place.upload(f"{folder}/{file.path}", paths[file], file.sha256, task)

    pool = ThreadPoolExecutor(FILES)
    try:
        return dict(zip(paths, pool.map(put, paths), strict=True))
    finally:
        pool.shutdown(cancel_futures=True)  # else those that wait would be sent first


def _is_sent(artifact: Artifact, folder: Path) -> bool:
    """Whether the folder's store has it now from here."""
    text = (artifact.path / MANIFEST).read_bytes()
    paths = {file: artifact.placed(file) for file in artifact.manifest.files}
    if place_of(folder.parent) is not None:
        return published(folder, paths, text, Progress())
    artifact.verify(alone=True)
    for file, path in paths.items():
        kept = path
        if file.linked:
            kept = folder.parent / ADOPTED / file.sha256
            if not kept.exists():
                with work.written(kept) as unfinished:
                    link(path, unfinished)
        with work.written(folder / file.path) as unfinished:
            unfinished.unlink(missing_ok=True)
            if file.linked:
                unfinished.symlink_to(os.path.relpath(kept, unfinished.parent))
            else:
                link(kept, unfinished)
    with work.written(folder / MANIFEST) as unfinished:
        unfinished.write_bytes(text)
    return True


def _with_all_behind(artifact: Artifact) -> list[Artifact]:
    """It comes last, each after those that it was made from and those that it lists."""
    found: dict[Path, Artifact] = {}
    seen, waiting = set[Path](), [(artifact, False)]
    while waiting:
        each, is_next = waiting.pop()
        if is_next:
            found[each.path] = each
        elif each.path not in seen:
            seen.add(each.path)
            waiting.append((each, True))
            manifest = each.manifest
            parents = (manifest.parents | manifest.decided_by).values()
            behind = [stored(it, each.path.resolve().parent) for it in parents]
            listed = each.shards if manifest.shards is not None else ()
            waiting += [(it, False) for it in (*behind, *listed) if isinstance(it, Artifact)]
    return list(found.values())
