"""Building: the artifact of a request, found in the store or made now."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bedstone.config import Config
from bedstone.errors import ArtifactError, BedstoneError, DataError, printable
from bedstone.progress import Progress
from bedstone.store import whole, work
from bedstone.store.artifact import (
    MANIFEST,
    Artifact,
    Manifest,
    content_digest,
    content_files,
    digest,
    fault,
    is_complete,
    list_files,
)
from bedstone.store.engine import SHARED, Engine, Local
from bedstone.store.place import place_of, shown
from bedstone.store.provenance import current_code, current_machine
from bedstone.store.rejected import WITHOUT, files_without
from bedstone.store.request import Request, ask
from bedstone.store.sharing import leased, published
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.store.stages import packages_of


def build(
    stage: Stage,
    config: Config,
    inputs: Mapping[str, Artifact],
    store: Path,
    engine: Engine,
    progress: Progress | None = None,
) -> Artifact:
    """The artifact that ``stage`` makes of ``config`` and ``inputs``: from ``store``, or built now.

    A second builder of one request waits for the first. A build that fails leaves what it
    finished in a folder without a manifest, and the next one goes on in it. What is there and not
    whole is set aside and built again.

    Raises:
        ConfigError: an input role is missing, or one is not the stage's.
        ArtifactError: an input is not whole.
        BedstoneError: a metric is not finite, or what the stage itself raises.
    """
    for role in inputs.keys() & stage.decided_by:
        inputs[role].check()
    request = ask(stage, config, inputs)
    progress = (progress or Progress()).named(stage.name)
    make = partial(_make_shards, store=store) if stage.sharded else _make
    return _build(request, store, partial(make, engine=engine, progress=progress), progress)


def clean(store: Path, *, broken: bool = False) -> list[Path]:
    """Remove the folders without a manifest that nobody is making, and return them.

    With them go notes of what is gone and, if that is asked for, the ``broken`` that was set aside.
    """
    removed = whole.entries(store, whole.BROKEN) if broken else []
    for path in (*removed, *whole.orphans(store)):
        whole.drop(path)
    for folder in work.locked(store):
        with suppress(BlockingIOError), work.held(work.lock_of(folder), wait=False):
            if is_complete(folder):
                work.drop_unfinished(folder)
                work.drop_scratch(folder)
            elif folder.exists():
                whole.drop(folder)
                removed.append(folder)
    return removed


def _build(
    request: Request,
    store: Path,
    make: Callable[[Request, Path], None],
    progress: Progress,
    *,
    is_shard: bool = False,
) -> Artifact:
    folder = request.folder(store)
    wrong_with = partial(fault, folder, request.digest, is_shard=is_shard)
    # A build that was killed behind its manifest leaves its lock, and what only it needed.
    if wrong_with() or work.lock_of(folder).exists():
        with work.held(work.lock_of(folder)):
            if (folder / MANIFEST).exists() and (wrong := wrong_with()):
                progress.say(f"{wrong}: set aside as {whole.set_aside(folder)}, built again")
            with leased(folder):
                if wrong_with():  # who was waited for may have made it
                    with work.dropped_if_empty(folder):
                        with work.named(folder):
                            folder.mkdir(exist_ok=True)
                        work.drop_unfinished(folder)
                        make(request, folder)
            work.drop_scratch(folder)
    return Artifact(folder)


def _check(request: Request, *, mapped: bool) -> None:
    """Refuse inputs that are not whole: those that are ``mapped``, or the others."""
    for name, given in request.inputs.items():
        if (request.stage.role(name) in request.stage.sharded) == mapped:
            given.check()


def _make(request: Request, folder: Path, engine: Engine, progress: Progress) -> None:
    started = time.monotonic()
    _check(request, mapped=bool(request.stage.sharded))
    job = Job(request.inputs, folder, engine, progress)
    with packages_of(request.stage.name):  # a stage imports what it computes with when it runs
        result = request.stage.run(request.config, job)
    files = list_files(folder, known=result.files)
    content = content_digest(content_files(request.stage.name, files))
    manifest = _manifest(request, result, content, engine, started)
    _commit(manifest.model_copy(update={"files": files}), folder, progress)
    progress.say(f"built in {manifest.seconds:.1f} s: {_name(folder)}")


def _make_shards(
    request: Request, folder: Path, store: Path, engine: Engine, progress: Progress
) -> None:
    started = time.monotonic()
    _check(request, mapped=False)
    requests = request.shards()
    made = build_shards(requests, store, engine, progress)
    sums = _summed([shard.manifest.metrics for shard in made])
    if WITHOUT in sums:
        sums[WITHOUT] = files_without(made)
    try:
        result = Result(request.stage.total(sums))
    except DataError as error:
        raise DataError(f"{_locations(requests)}: {error}", hint=error.hint) from error
    shards = tuple(shard.as_parent() for shard in made)
    manifest = _manifest(request, result, digest([s.content for s in shards]), engine, started)
    _commit(manifest.model_copy(update={"shards": shards}), folder, progress)
    if len(shards) > 1:
        progress.say(f"{len(shards)} shards in {manifest.seconds:.1f} s: {_name(folder)}")


def build_shards(
    requests: Sequence[Request], store: Path, engine: Engine, progress: Progress
) -> list[Artifact]:
    """The artifacts of shards, in the requests' order.

    Raises:
        BedstoneError: one cannot be built, or a node of a cluster builds another.
    """
    # A single shard is built in this process: what it says itself is shown, not "0 of 1 shards".
    outer, inner = (progress, Progress()) if len(requests) > 1 else (Progress(), progress)
    # Processes that a shard may have; on a node of a cluster it has one.
    own = max(engine.workers // max(len(requests), 1), 1) if isinstance(engine, Local) else 1
    make = partial(_build_shard, store=store, engine=Local(own), progress=inner)
    with work.named(store):
        store.mkdir(parents=True, exist_ok=True)
    with outer.task("shards", len(requests)) as task:
        paths = engine.map(make, requests, task.advance)
        return [_seen(path, each, store) for path, each in zip(paths, requests, strict=True)]


def _seen(path: Path, request: Request, store: Path) -> Artifact:
    if path != (own := request.folder(store)):
        raise BedstoneError(
            f"a node has built {path.name} where {own.name} was asked of it",
            hint="every node needs the same versions of Bedstone and of the libraries it names",
        )
    if not is_complete(path):
        raise ArtifactError(f"{path} was built where this machine does not see it", hint=SHARED)
    return Artifact(path)


def _locations(requests: Sequence[Request]) -> str:
    """Where the first that was mapped lies, and how many there are besides."""
    role = requests[0].stage.sharded[0]
    first, *others = dict.fromkeys(each.inputs[role].paths[0].resolve() for each in requests)
    return f"{first} and {len(others):,} more" if others else str(first)


def _summed(metrics: Sequence[Metrics]) -> Metrics:
    names = dict.fromkeys(name for each in metrics for name in each)
    return {name: sum(each.get(name, 0) for each in metrics) for name in names}


def _build_shard(request: Request, store: Path, engine: Engine, progress: Progress) -> Path:
    if not place_of(store):
        store.stat()  # a node that does not see it would make another
    make = partial(_make, engine=engine, progress=progress)
    return _build(request, store, make, progress, is_shard=True).path


def _manifest(
    request: Request, result: Result, content: str, engine: Engine, started: float
) -> Manifest:
    _refuse_unmeasured(request.stage, result.metrics)
    return Manifest(
        stage=request.stage.name,
        stage_version=request.stage.version,
        request=request.digest,
        content=content,
        reproducible=request.stage.reproducible,
        parents={role: parent.as_parent() for role, parent in request.inputs.items()},
        decided_by={role: parent.as_parent() for role, parent in request.deciders.items()},
        config=request.config.model_dump(mode="json"),
        libraries=request.libraries,
        metrics=result.metrics,
        files=(),
        sources=result.sources,
        code=current_code(),
        machine=current_machine(),
        paths={role: printable(str(it.location)) for role, it in request.inputs.items()},
        workers=engine.workers,
        created=datetime.now(UTC),
        seconds=time.monotonic() - started,
    )


def _commit(manifest: Manifest, folder: Path, progress: Progress) -> None:
    text = (manifest.sealed().model_dump_json(indent=2) + "\n").encode()
    paths = {file: folder / file.path for file in manifest.files}
    if place_of(folder.parent) and not published(folder, paths, text, progress):
        return  # another was first: its manifest is fetched, and whatever files differ
    with work.written(folder / MANIFEST) as path:
        path.write_bytes(text)
        whole.bounded_bytes(path)
    whole.note(folder, manifest.files)


def _name(folder: Path) -> str:
    return shown(folder) if place_of(folder.parent) else folder.name


def _refuse_unmeasured(stage: Stage, metrics: Metrics) -> None:
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise BedstoneError(f"{stage.name}: the metric {name} is {value}, no finite number")
