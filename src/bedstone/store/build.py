"""Building: the artifact of a request, found in the store or made now."""

import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bedstone.config import Config
from bedstone.errors import BedstoneError, DataError, printable
from bedstone.progress import Progress
from bedstone.store import work
from bedstone.store.artifact import (
    MANIFEST,
    Artifact,
    Manifest,
    content_digest,
    content_files,
    digest,
    is_complete,
    list_files,
)
from bedstone.store.engine import Engine, Local
from bedstone.store.provenance import current_code, current_machine
from bedstone.store.request import Request, ask
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
    finished in a folder without a manifest, and the next one goes on in it.

    Raises:
        ConfigError: an input role is missing, or one is not the stage's.
        BedstoneError: a metric is not finite, or what the stage itself raises.
    """
    request = ask(stage, config, inputs)
    progress = (progress or Progress()).named(stage.name)
    make = partial(_make_shards, store=store) if stage.sharded else _make
    return _build(request, store, partial(make, engine=engine, progress=progress))


def clean(store: Path) -> list[Path]:
    """Remove the folders without a manifest that nobody is making, and return them."""
    removed = []
    for folder in work.locked(store):
        with suppress(BlockingIOError), work.held(work.lock_of(folder), wait=False):
            if is_complete(folder):
                work.drop_unfinished(folder)
                work.drop_scratch(folder)
            elif folder.exists():
                shutil.rmtree(folder)
                removed.append(folder)
    return removed


def _build(request: Request, store: Path, make: Callable[[Request, Path], None]) -> Artifact:
    folder = request.folder(store)
    # A build that was killed behind its manifest leaves its lock, and what only it needed.
    if not is_complete(folder) or work.lock_of(folder).exists():
        with work.held(work.lock_of(folder)):
            if not is_complete(folder):  # the builder that this one waited for may have made it
                folder.mkdir(exist_ok=True)
                work.drop_unfinished(folder)
                with work.dropped_if_empty(folder):
                    make(request, folder)
            work.drop_scratch(folder)
    return Artifact(folder)


def _make(request: Request, folder: Path, engine: Engine, progress: Progress) -> None:
    started = time.monotonic()
    job = Job(request.inputs, folder, engine, progress)
    with packages_of(request.stage.name):  # a stage imports what it computes with when it runs
        result = request.stage.run(request.config, job)
    files = list_files(folder, known=result.files)
    content = content_digest(content_files(request.stage.name, files))
    manifest = _manifest(request, result, content, engine, started)
    _commit(manifest.model_copy(update={"files": files}), folder)
    progress.say(f"built in {manifest.seconds:.1f} s: {folder.name}")


def _make_shards(
    request: Request, folder: Path, store: Path, engine: Engine, progress: Progress
) -> None:
    started = time.monotonic()
    requests = request.shards()
    # A single shard is built in this process: what it says itself is shown, not "0 of 1 shards".
    outer, inner = (progress, Progress()) if len(requests) > 1 else (Progress(), progress)
    made = []
    with outer.task("shards", len(requests)) as task:
        own = max(engine.workers // max(len(requests), 1), 1)  # processes that a shard may have
        make = partial(_build_shard, store=store, engine=Local(own), progress=inner)
        for path in engine.map(make, requests):
            made.append(Artifact(path))
            task.advance()
    sums = _summed([shard.manifest.metrics for shard in made])
    try:
        result = Result(request.stage.total(sums))
    except DataError as error:
        raise DataError(f"{_locations(requests)}: {error}", hint=error.hint) from error
    shards = tuple(shard.as_parent() for shard in made)
    manifest = _manifest(request, result, digest([s.content for s in shards]), engine, started)
    _commit(manifest.model_copy(update={"shards": shards}), folder)
    outer.say(f"{len(shards)} shards in {manifest.seconds:.1f} s: {folder.name}")


def _locations(requests: Sequence[Request]) -> str:
    """Where the first file that was mapped lies, and how many shards there are besides."""
    first = requests[0].inputs[requests[0].stage.sharded[0]].files[0].resolve()
    return f"{first} and {len(requests) - 1:,} more" if requests[1:] else str(first)


def _summed(metrics: Sequence[Metrics]) -> Metrics:
    names = dict.fromkeys(name for each in metrics for name in each)
    return {name: sum(each.get(name, 0) for each in metrics) for name in names}


def _build_shard(request: Request, store: Path, engine: Engine, progress: Progress) -> Path:
    return _build(request, store, partial(_make, engine=engine, progress=progress)).path


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


def _commit(manifest: Manifest, folder: Path) -> None:
    with work.written(folder / MANIFEST) as path:
        path.write_text(manifest.sealed().model_dump_json(indent=2) + "\n", "utf-8")


def _refuse_unmeasured(stage: Stage, metrics: Metrics) -> None:
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise BedstoneError(f"{stage.name}: the metric {name} is {value}, no finite number")
