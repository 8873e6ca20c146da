"""Adoption: data made elsewhere (a crawl, a model) enters the store as an artifact.

Its request is its content, wherever it lies. Hidden files are left
out. Nothing is copied: the artifact holds links to the
files, and where they lay is recorded. Files that changed afterwards are found by ``verify``, and
adopted again they are another artifact.
"""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from bedstone.config import Config
from bedstone.errors import ArtifactError, reason
from bedstone.progress import Progress
from bedstone.store import whole, work
from bedstone.store.artifact import (
    ADOPTION,
    Artifact,
    Source,
    content_digest,
    file_record,
    is_complete,
)
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.request import ask
from bedstone.store.stage import Job, Result, Stage


class AdoptConfig(Config):
    """What is adopted."""

    content: str


def adopt(paths: Sequence[Path], store: Path, progress: Progress | None = None) -> Artifact:
    """The artifact of files and folders; a path that is an artifact is taken as it is.

    Raises:
        ArtifactError: a path does not exist, two files would have one name, or an artifact is
            given beside something else.
    """
    if (made := _already(paths)) is not None:
        return made
    files = _files(paths)
    stage, config = _stage_and_config(files)
    folder = ask(stage, config, {}).folder(store)
    if is_complete(folder) and _moved(files, folder):
        with work.held(work.lock_of(folder)):
            work.drop_unfinished(folder)
            for name, path in _moved(files, folder).items():
                with work.written(folder / name) as link:
                    link.symlink_to(path)
    # Of what is new nothing is said.
    return build(stage, config, {}, store, Local(), progress if is_complete(folder) else None)


def adopted(paths: Sequence[Path], store: Path) -> Artifact | None:
    """The artifact that ``adopt`` would find, if it would find one."""
    if (made := _already(paths)) is not None:
        return made
    stage, config = _stage_and_config(_files(paths))
    folder = ask(stage, config, {}).folder(store)
    return Artifact(folder) if is_complete(folder) else None


def _already(paths: Sequence[Path]) -> Artifact | None:
    made = [path for path in paths if is_complete(path)]
    if not made:
        return None
    if len(paths) > 1:
        raise ArtifactError(f"{made[0]} is an artifact: give it alone, or only files and folders")
    artifact = Artifact(made[0])
    if artifact.manifest.stage == ADOPTION:
        artifact.verify()  # its files lie outside the store, where anything may have happened
    return artifact


def _moved(files: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    """The files that lay elsewhere, and may since be others, when they were adopted before."""
    return {name: path for name, path in files.items() if (folder / name).resolve() != path}


def _files(paths: Sequence[Path]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for given in paths:
        if not given.exists():
            raise ArtifactError(f"{given} does not exist")
        top = given if given.is_dir() else given.parent
        if not (given.is_dir() or given.is_file()):
            raise ArtifactError(
                f"{given} is neither a file nor a folder", hint="write it to a file"
            )
        for path in _shown_files(given) if given.is_dir() else [given]:
            name = path.relative_to(top).as_posix()
            if not whole.is_inside(name):
                raise ArtifactError(f"{name!r} in {top}: this name cannot be recorded: rename it")
            if not _is_text(path.resolve()):
                raise ArtifactError(
                    f"{path.resolve()} cannot be recorded: a name in it is no UTF-8"
                )
            if files.setdefault(name, path.resolve()) != path.resolve():
                raise ArtifactError(
                    f"{path} and {files[name]} would both be {name}",
                    hint="give the folder above them, or rename one",
                )
    if not files:
        raise ArtifactError(f"{', '.join(map(str, paths))}: there is no file")
    return files


def _is_text(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown_files(folder: Path) -> list[Path]:
    """The files below ``folder``, without the hidden ones that systems and editors leave."""
    found = []
    for above, folders, names in os.walk(folder, onerror=_refuse_unreadable):
        folders[:] = [name for name in folders if name[0] != "."]
        shown = (Path(above, name) for name in names if name[0] != ".")
        found += [path for path in shown if path.is_file()]
    return sorted(found)


def _refuse_unreadable(error: OSError) -> None:
    raise ArtifactError(
        f"{error.filename}: the folder cannot be read: {reason(error)}",
        hint="let yourself read it, or give what is beside it",
    ) from error


def _stage_and_config(files: Mapping[str, Path]) -> tuple[Stage, AdoptConfig]:
    records = [
        file_record(path.parent, path.name).model_copy(update={"path": name})
        for name, path in sorted(files.items())
    ]
    sources = tuple(
        Source(name=record.path, sha256=record.sha256, location=str(files[record.path]))
        for record in records
    )
    run = partial(_link, sources=sources)
    stage = Stage(ADOPTION, version=1, config=AdoptConfig, inputs=(), run=run)
    return stage, AdoptConfig(content=content_digest(records))


def _link(config: AdoptConfig, job: Job, sources: tuple[Source, ...]) -> Result:
    links = {job.folder / source.name: source.location for source in sources}
    for link, location in links.items():
        with work.named(link):
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(location)
    for folder in {link.parent for link in links}:  # not for each of a hundred thousand texts
        work.sync(folder)
    records = tuple(
        job.record(source.name).model_copy(update={"linked": True}) for source in sources
    )
    if content_digest(records) != config.content:
        raise ArtifactError("a file changed while it was adopted: adopt it again")
    total_bytes = sum(record.bytes for record in records)
    return Result({"input_files": len(records), "input_bytes": total_bytes}, records, sources)
