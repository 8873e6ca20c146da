"""Repair: what is broken in a store is set aside, and built again from its own manifest."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bedstone import config as configs
from bedstone.errors import ArtifactError, BedstoneError
from bedstone.progress import Progress
from bedstone.store import whole, work
from bedstone.store.artifact import ADOPTION, Artifact, Manifest, fault, folder_name
from bedstone.store.artifact import folders as found_in
from bedstone.store.build import build, build_shards
from bedstone.store.lineage import stored
from bedstone.store.making import Making
from bedstone.store.place import place_of
from bedstone.store.request import ask
from bedstone.store.stages import STAGES, find


@dataclass(slots=True)
class Repaired:
    """What was looked at, and what became of what was broken, by its folder."""

    checked: int
    repaired: list[str] = field(default_factory=list)
    not_repaired: dict[str, str] = field(default_factory=dict)
    """And why."""


def broken_in(folders: Iterable[Path], progress: Progress) -> dict[Path, str]:
    """What is wrong with each of ``folders`` that is not whole, its shards apart; all are read."""
    sizes = {folder: _bytes(folder) for folder in folders}
    broken = {}
    with progress.named("checked").task("bytes", sum(sizes.values())) as task:
        for folder in sizes:
            try:
                wrong = ", ".join(
                    Artifact(folder).faults(anew=True, alone=True, advance=task.advance)
                )
            except ArtifactError as error:
                wrong = str(error)
            if wrong:
                broken[folder] = wrong
    return broken


def repair(where: Making, artifact: Artifact | None = None) -> Repaired:
    """Check the whole store, or ``artifact`` and all behind it, and build again what is broken.

    A shard is built by the list that names it, which may lie elsewhere in the store. What cannot be
    built again stays set aside, but for adopted files and shards of no list: they stay where they
    are.

    Raises:
        BedstoneError: the store is on object storage.
    """
    if (place := place_of(where.store)) is not None:
        raise BedstoneError(
            f"{place.url} is repaired there: nothing of it is replaced from here",
            hint="verify finds what is broken: remove it there, and run again",
        )
    folders = found_in(where.store, "*-*") if artifact is None else _behind(artifact)
    broken = broken_in(folders, where.progress)
    stages = {folder.name.rpartition("-")[0] for folder in broken}
    alike = (it for stage in sorted(stages) for it in found_in(where.store, f"{stage}-*"))
    lists = {part: folder for folder in alike for part in _parts(folder)}
    reasons, unlisted = {}, set[Path]()
    for folder in _parents_first({lists.get(each, each) for each in broken}):
        try:
            before = Artifact(folder)
            if _is_shard(before.manifest):
                unlisted.add(folder)
            if _again(before, where).content != before.content:
                where.progress.named(folder.name).say(
                    "it came out differently: the next run builds anew what descends from it"
                )
        except BedstoneError as error:
            reasons[folder] = str(error)
    found = Repaired(len(folders))
    for folder in sorted(broken.keys() | reasons.keys()):
        if fault(folder) is None:
            found.repaired += [str(folder)] * (folder in broken)
            continue
        why = reasons.get(lists.get(folder, folder), broken.get(folder, ""))
        if folder in unlisted:
            found.not_repaired[str(folder)] = f"{why}: run its recipe again"
            continue
        found.not_repaired[str(folder)] = why
        if folder.exists() and not folder.name.startswith(f"{ADOPTION}-"):
            with work.held(work.lock_of(folder)):
                whole.set_aside(folder)
    return found


def _bytes(folder: Path) -> int:
    try:
        return sum(file.bytes for file in Artifact(folder).manifest.files)
    except ArtifactError:
        return 0


def _behind(artifact: Artifact) -> list[Path]:
    """It and what may be behind it, whole or not: told by the folders' names alone."""
    found, waiting = set[Path](), [artifact.location]
    while waiting:
        found.add(folder := waiting.pop())
        names = (folder_name("*", request) for request in _requests_behind(folder))
        waiting += {it for name in names for it in found_in(folder.parent, name)} - found
    return sorted(found.union(*map(_parts, found)))


def _parts(folder: Path) -> list[Path]:
    """The folders of the shards that an artifact lists."""
    try:
        manifest = Artifact(folder).manifest
    except ArtifactError:
        return []
    parts = (folder_name(manifest.stage, shard.request) for shard in manifest.shards or ())
    return [part for name in parts if (part := folder.with_name(name)).exists()]


def _parents_first(folders: Iterable[Path]) -> Iterator[Path]:
    """``folders``, each behind those of its parents that are among them; of a circle, any."""
    waiting = {folder: _requests_behind(folder) for folder in sorted(folders)}
    while waiting:
        starts = {folder.name.rpartition("-")[2] for folder in waiting}
        ready = (it for it, above in waiting.items() if not above & starts)
        yield (first := next(ready, next(iter(waiting))))
        del waiting[first]


def _requests_behind(folder: Path) -> set[str]:
    """As folders' names end in them."""
    try:
        manifest = Artifact(folder).manifest
    except ArtifactError:
        return set()
    above = (*manifest.parents.values(), *manifest.decided_by.values())
    return {parent.request[:12] for parent in above}


def _is_shard(manifest: Manifest) -> bool:
    is_known = manifest.stage in STAGES
    return is_known and bool(find(manifest.stage).sharded) and manifest.shards is None


def _again(artifact: Artifact, where: Making) -> Artifact:
    """The artifact, built as its manifest says.

    Raises:
        BedstoneError: it cannot be.
    """
    manifest = artifact.manifest
    if manifest.stage == ADOPTION:
        raise ArtifactError("its files were made elsewhere, and changed: give them again")
    if not manifest.is_sealed():
        raise ArtifactError("its manifest was altered: what it was made from is not known")
    if manifest.stage not in STAGES:
        raise ArtifactError(f"no stage {manifest.stage!r} here")
    stage = find(manifest.stage)
    if stage.version != manifest.stage_version:
        raise ArtifactError(
            f"version {manifest.stage_version} of {stage.name} made it: {stage.version} is here"
        )
    inputs = {}
    for role, parent in (manifest.parents | manifest.decided_by).items():
        if (given := stored(parent, where.store)) is None:
            raise ArtifactError(f"its {role} is not in the store, or came out differently since")
        inputs[role] = given
    config = configs.checked(stage.config, manifest.config)
    request = ask(stage, config, inputs)
    if request.libraries != manifest.libraries:
        raise ArtifactError(f"{manifest.libraries} made it: {request.libraries} are here")
    is_shard = _is_shard(manifest)
    if is_shard and request.digest != manifest.request:  # its parent is a file, or a piece of one
        named = (it for it in request.shards() if it.digest == manifest.request)
        request = next(named, request)
    if request.digest != manifest.request:
        raise ArtifactError("its config asks for something else by now")
    if is_shard:
        for each in (*request.inputs.values(), *request.deciders.values()):
            each.check()
        progress = where.progress.named(stage.name)
        return build_shards([request], where.store, where.engine, progress)[0]
    return build(stage, config, inputs, where.store, where.engine, where.progress)
