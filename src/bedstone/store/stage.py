"""Stages: a config, named inputs, and one function that turns them into an artifact."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from bedstone.config import Config
from bedstone.progress import Progress
from bedstone.store import work
from bedstone.store.artifact import (
    Artifact,
    File,
    Reproducible,
    Shard,
    Source,
    file_record,
)
from bedstone.store.engine import Engine

Metrics = dict[str, float]

version = cache(metadata.version)
"""Of a library: it is read from files, and hundreds of requests name the same."""


@dataclass(frozen=True, slots=True)
class Job:
    """How and where a stage runs. Nothing in here may change what comes out."""

    inputs: Mapping[str, Shard]
    """By role: an artifact, or the shard of a role that the stage maps."""
    folder: Path
    """The artifact's. Files enter it by ``part`` or ``work.settle``, so each one in it is whole."""
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

    def many(self, role: str) -> dict[str, Shard]:
        """What plays a role that any number may play, by name, in the names' order."""
        given = {name.partition("."): shard for name, shard in self.inputs.items()}
        return {name: shard for (of, _, name), shard in given.items() if of == role}

    @property
    def store(self) -> Path:
        """Where artifacts are made, this one among them."""
        return self.folder.parent

    @property
    def scratch(self) -> Path:
        """A folder for what only a next attempt needs, such as checkpoints; no payload."""
        folder = self.folder / work.SCRATCH
        with work.named(folder):
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


def _nothing(config: Any) -> None:
    return None


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
    many: tuple[str, ...] = ()
    """Roles that any number may play, none too, each given as ``ROLE.NAME``."""
    by_name: tuple[str, ...] = ()
    """Fields of the config that are tables by the names of what plays such a role: what is not
    there has no entry."""
    sharded: tuple[str, ...] = ()
    """Roles that are mapped, shard by shard: ``run`` makes one shard's artifact of theirs."""
    endings: tuple[str, ...] = ()
    """Of files that were made elsewhere and are mapped, how the names end of those that it reads;
    the others are passed over. Empty for any."""
    cut: tuple[str, ...] = ()
    """Of those endings, the ones of files that it can read a piece of: what starts in its span."""
    piece_bytes: Callable[[Any], int | None] = _nothing
    """Of such a file, those of a piece; None: they are not cut."""
    total: Callable[[Metrics], Metrics] = _as_summed
    """The metrics of a stage that maps, from the sums over its shards."""
    decided_by: tuple[str, ...] = ()
    """Roles that only ``resolve`` reads; each may be left out."""
    resolve: Callable[[Any, Mapping[str, Artifact]], Any] = _as_given
    """Fills the config's absent fields from a parent's decision, a planned model size say."""
    instead: str = "before"
    """The role that is read in place of what a node of this stage makes, where the node is off;
    empty if none can be."""

    def reads(self, name: str) -> bool:
        """Whether it reads the file ``name`` of what it maps."""
        return not self.endings or name.lower().endswith(self.endings)

    def role(self, name: str) -> str | None:
        """The role that is given as ``name``: of ``bits.a``, ``bits``; None if there is none."""
        if name in self.inputs + self.optional + self.decided_by:
            return name
        role, _, own = name.partition(".")
        return role if role in self.many and own else None
