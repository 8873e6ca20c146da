"""Stages: a config, named inputs, and one function that turns them into an artifact."""

import importlib
import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, partial
from importlib import metadata
from pathlib import Path
from typing import Any

from bedstone import work
from bedstone.artifact import (
    MANIFEST,
    Artifact,
    File,
    Manifest,
    Reproducible,
    Shard,
    Source,
    content_digest,
    digest,
    file_record,
    folder_name,
    is_complete,
    list_files,
)
from bedstone.config import Config, nearest
from bedstone.engine import Engine, Local
from bedstone.errors import ArtifactError, BedstoneError, ConfigError
from bedstone.progress import Progress
from bedstone.provenance import current_code, current_machine

Metrics = dict[str, float]
TRAINING = ("torch", "safetensors")
"""What the extra ``train`` brings."""

version = cache(metadata.version)
"""Of a library: it is read from files, and hundreds of requests name the same."""

STAGES = {
    "corpus.crawl": "Fetch a small real crawl with this machine's package clients",
    "corpus.extract": "Take the main text out of the pages of a crawl",
    "corpus.records": "Take documents from JSONL and Parquet files of texts",
    "corpus.parallel": "Put the same content in many languages side by side with its English",
    "corpus.language": "Identify each document's language",
    "corpus.yardstick": "Hold the parallel text that languages are compared on out of all training",
    "corpus.thresholds": "Derive limits and stop words of each language from reference text",
    "corpus.rewrite": "Leave out the lines and citations that C4's rules drop: a text version",
    "corpus.lines": "Leave out lines or sentences that other documents have: a text version",
    "corpus.statistics": "Measure quality rules on every document, as columns",
    "corpus.filter": "Keep the documents whose statistics pass the quality rules",
    "corpus.minhash": "Sign each document for the search for duplicates",
    "corpus.dedup": "Keep one document of each cluster of exact and near-duplicates",
    "corpus.audit": "Compare each language's share with its share of the world's speakers",
    "tokenizer.train": "Train a byte-level BPE on the kept documents",
    "tokenizer.encode": "Encode the kept documents, language by language",
    "tokenizer.cost": "Count what each language pays for the same content",
    "tokenizer.mix": "Weigh the languages, and hold documents of each out",
    "scaling.fit": "Fit a law of loss to measured runs, with proof and intervals",
    "scaling.plan": "Choose the model's size and its tokens for the time there is",
    "scaling.predict": "Register what a law says of a run before it is made",
    "pretrain.train": "Train the base model",
    "evaluation.loss": "Measure a model's held-out loss in each language",
    "posttrain.pairs": "Cut prompts and completions from real pages",
    "posttrain.tasks": "Write problems with worked solutions, to train a small model on",
    "posttrain.sft": "Fine-tune a model on prompts and completions",
    "posttrain.draw": "Draw completions from a model and judge them into preference pairs",
    "posttrain.prefer": "Align a model with preference pairs, and measure the price",
    "sampling.strategies": "Compare sampling strategies at their cost",
    "sampling.probe": "Find out what an OpenAI-compatible endpoint does of what it is asked",
    "sampling.answers": "Put problems to a model many times, and keep what it answers",
    "sampling.latency": "Measure how long a model takes to answer one prompt on this machine",
    "sampling.rewards": "Judge stored answers by the model that was aligned from theirs",
}
"""Every stage, in the mission's order. A stage's name is its module below ``bedstone``."""


@dataclass(frozen=True, slots=True)
class Job:
    """How and where a stage runs. Nothing in here may change what comes out."""

    inputs: Mapping[str, Shard]
    """By role: an artifact, or the shard of a role that the stage maps."""
    folder: Path
    """The artifact's. Files enter it by ``part`` only, so each one in it is whole."""
    engine: Engine
    progress: Progress

    def part(self, name: str) -> AbstractContextManager[Path]:
        """A path to write the file ``name`` at; it gets its name when the block ends well."""
        return work.written(self.folder / name)

    def has(self, name: str) -> bool:
        """Whether an earlier build, killed since, finished the part ``name``."""
        return (self.folder / name).exists()

    def record(self, name: str) -> File:
        """The record of a finished part: a worker that returns it spares the commit the hashing."""
        return file_record(self.folder, name)

    @property
    def scratch(self) -> Path:
        """A folder for what only a next attempt needs, such as checkpoints; no payload."""
        folder = self.folder / work.SCRATCH
        folder.mkdir(exist_ok=True)
        return folder


@dataclass(frozen=True, slots=True)
class Result:
    """What a stage has to say when all its parts are written."""

    metrics: Metrics
    files: tuple[File, ...] = ()
    """Records of the parts that were hashed already; the others are hashed at commit."""
    sources: tuple[Source, ...] = ()
    """What was taken from outside the store."""


def _as_given(config: Any, inputs: Mapping[str, Artifact]) -> Any:
    return config


def _as_summed(sums: Metrics) -> Metrics:
    return sums


def _nothing_else(config: Any) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Stage:
    """What the runner and the command line need to know of a stage."""

    name: str
    version: int
    """Raise it when the same config and inputs give other output, or a default changes."""
    config: type[Config]
    inputs: tuple[str, ...]
    """The roles, e.g. ``("documents",)``."""
    run: Callable[[Any, Job], Result]
    libraries: tuple[str, ...] = ()
    """Distributions whose version shapes what comes out; another version is another request."""
    needs: Callable[[Any], tuple[str, ...]] = _nothing_else
    """Distributions that this config takes besides."""
    reproducible: Reproducible = "bytes"
    optional: tuple[str, ...] = ()
    """Roles that may be left out."""
    sharded: tuple[str, ...] = ()
    """Roles that are mapped, shard by shard: ``run`` makes one shard's artifact of theirs."""
    total: Callable[[Metrics], Metrics] = _as_summed
    """The metrics of a stage that maps, from the sums over its shards."""
    decided_by: tuple[str, ...] = ()
    """Roles that only ``resolve`` reads; each may be left out."""
    resolve: Callable[[Any, Mapping[str, Artifact]], Any] = _as_given
    """Fills the config's absent fields from a parent's decision, a planned model size say."""


@dataclass(frozen=True, slots=True)
class Request:
    """A stage with its config resolved and its inputs known: all but the doing."""

    stage: Stage
    config: Config
    inputs: Mapping[str, Shard]
    deciders: Mapping[str, Artifact]

    @property
    def digest(self) -> str:
        """What is asked for; equal requests give equal artifacts, as ``reproducible`` says.

        A field with its default value is left out: a new field forks no artifact made before it.
        """
        chosen = self.config.model_dump(mode="json", exclude_defaults=True)
        parents = {role: parent.content for role, parent in self.inputs.items()}
        return digest([self.stage.name, self.stage.version, chosen, self.libraries, parents])

    @property
    def libraries(self) -> dict[str, str]:
        """The versions at hand of what the stage names."""
        return {name: version(name) for name in self.stage.libraries}

    def folder(self, store: Path) -> Path:
        """Where in ``store`` the artifact is made, and is."""
        return store / folder_name(self.stage.name, self.digest)

    def shards(self) -> tuple["Request", ...]:
        """Of a stage that maps: the request of each shard, the whole inputs with every one.

        Raises:
            ArtifactError: the mapped inputs have no shard, or not equally many.
        """
        mapped = [role for role in self.stage.sharded if role in self.inputs]
        columns = {role: self.inputs[role].shards for role in mapped}
        counts = {role: len(shards) for role, shards in columns.items()}
        if len(set(counts.values())) != 1 or not all(counts.values()):
            raise ArtifactError(
                f"{self.stage.name}: inputs of {counts} shards",
                hint="these inputs are mapped together: they must come from the same documents",
            )
        rows = zip(*columns.values(), strict=True)
        return tuple(
            replace(self, inputs={**self.inputs, **dict(zip(columns, row, strict=True))})
            for row in rows
        )


def find(name: str) -> Stage:
    """The stage called ``name``; its module is imported only now.

    Raises:
        ConfigError: there is no such stage.
        BedstoneError: it needs a package that is not installed.
    """
    if name not in STAGES:
        raise ConfigError(f"no stage {name!r}; {nearest(name, STAGES)}")
    stage: Stage = imported(name, name).STAGE
    return stage


def imported(module: str, needed_by: str) -> Any:
    """The module below ``bedstone``, which may need what core does not install.

    Raises:
        BedstoneError: a package is not installed.
    """
    try:
        return importlib.import_module(f"bedstone.{module}")
    except ModuleNotFoundError as error:
        if str(error.name).startswith("bedstone"):
            raise
        raise _not_installed(needed_by, str(error.name)) from error


def require(stage: Stage, config: Config) -> None:
    """Refuse, before anything is built, what would fail for want of a package.

    Raises:
        BedstoneError: a package is not installed.
    """
    for name in (*stage.libraries, *stage.needs(config)):
        try:
            version(name)
        except metadata.PackageNotFoundError as error:
            raise _not_installed(stage.name, name) from error


def wrong_roles(stage: Stage, given: Mapping[str, object]) -> list[str]:
    """What is wrong with the roles ``given`` to ``stage``; empty if nothing is."""
    missing = [f"input {role!r} is missing" for role in stage.inputs if role not in given]
    known = stage.inputs + stage.optional + stage.decided_by
    unknown = [f"no input {role!r}; {nearest(role, known)}" for role in given if role not in known]
    return missing + unknown


def ask(stage: Stage, config: Config, inputs: Mapping[str, Artifact]) -> Request:
    """The request that ``build`` would build.

    Raises:
        ConfigError: an input role is missing, or one is not the stage's.
        BedstoneError: a package is not installed.
    """
    require(stage, config)
    if wrong := wrong_roles(stage, inputs):
        raise ConfigError(f"{stage.name}: {'; '.join(wrong)}")
    return Request(
        stage,
        stage.resolve(config, inputs),
        {role: inputs[role] for role in stage.inputs + stage.optional if role in inputs},
        {role: inputs[role] for role in stage.decided_by if role in inputs},
    )


def build(
    stage: Stage,
    config: Config,
    inputs: Mapping[str, Artifact],
    store: Path,
    engine: Engine,
    progress: Progress | None = None,
) -> Artifact:
    """The artifact that ``stage`` makes of ``config`` and ``inputs``: from ``store``, or built now.

    A second builder of one request waits for the first. A build that fails leaves a folder
    without a manifest, and the next one goes on in it.

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
    if not is_complete(folder):
        with work.held(work.lock_of(folder)):
            if not is_complete(folder):  # the builder that this one waited for may have made it
                folder.mkdir(exist_ok=True)
                work.drop_unfinished(folder)
                make(request, folder)
                work.drop_scratch(folder)
    return Artifact(folder)


def _make(request: Request, folder: Path, engine: Engine, progress: Progress) -> None:
    started = time.monotonic()
    result = request.stage.run(request.config, Job(request.inputs, folder, engine, progress))
    files = list_files(folder, known=result.files)
    manifest = _manifest(request, result, content_digest(files), engine, started)
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
        for path in engine.map(partial(_build_shard, store=store, progress=inner), requests):
            made.append(Artifact(path))
            task.advance()
    result = Result(request.stage.total(_summed([shard.manifest.metrics for shard in made])))
    shards = tuple(shard.as_parent() for shard in made)
    manifest = _manifest(request, result, digest([s.content for s in shards]), engine, started)
    _commit(manifest.model_copy(update={"shards": shards}), folder)
    outer.say(f"{len(shards)} shards in {manifest.seconds:.1f} s: {folder.name}")


def _summed(metrics: Sequence[Metrics]) -> Metrics:
    names = dict.fromkeys(name for each in metrics for name in each)
    return {name: sum(each.get(name, 0) for each in metrics) for name in names}


def _build_shard(request: Request, store: Path, progress: Progress) -> Path:
    return _build(request, store, partial(_make, engine=Local(), progress=progress)).path


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
        paths={role: str(parent.location) for role, parent in request.inputs.items()},
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


def _not_installed(stage: str, package: str) -> BedstoneError:
    return BedstoneError(
        f"{stage} needs {package}, which is not installed",
        hint=f"pip install '{'bedstone[train]' if package in TRAINING else package}'",
    )
