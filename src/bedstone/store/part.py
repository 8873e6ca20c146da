"""A part of all shards, for one job of an array: a call without one collects what all have built.

Nothing lists the shards before every one is built, so what needs them all waits for that call.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bedstone.config import Config
from bedstone.errors import ArtifactError, ConfigError, number_of
from bedstone.progress import Progress
from bedstone.store.artifact import Artifact, fault
from bedstone.store.build import build, build_shards
from bedstone.store.engine import Engine
from bedstone.store.request import ask
from bedstone.store.stage import Stage

Each = TypeVar("Each")
PART = re.compile(r"(\d{1,6})/(\d{1,6})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Part:
    """Of so many parts, as even as can be, the ``number``-th, from 1."""

    number: int
    parts: int

    def of(self, shards: Sequence[Each]) -> tuple[Each, ...]:
        """Those that are in it."""
        return tuple(shards[self.number - 1 :: self.parts])


@dataclass(frozen=True, slots=True)
class Share:
    """A part's shards of an artifact that may not be complete."""

    shards: tuple[Artifact, ...]
    total: int

    def __str__(self) -> str:
        return f"{len(self.shards)} of {number_of(self.total, 'shard')}"


def part_of(text: str) -> Part:
    """The part that is written ``2/8``.

    Raises:
        ConfigError: it is none.
    """
    found = PART.fullmatch(text)
    part = Part(int(found[1]), int(found[2])) if found else Part(0, 0)
    if not 1 <= part.number <= part.parts:
        raise ConfigError(
            f"--shard {text}: it is no part of shards",
            hint="write --shard 1/8 to --shard 8/8; in an array of Slurm of --array=1-8, "
            "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT",
        )
    return part


def build_part(
    stage: Stage,
    config: Config,
    inputs: Mapping[str, Artifact | Share],
    store: Path,
    engine: Engine,
    part: Part,
    progress: Progress,
) -> Artifact | Share | None:
    """The part's shards of what ``stage`` makes, or all of it: where it maps none, or is whole.

    None where it needs more of an input than the part has.
    """
    shares = {role for role, given in inputs.items() if isinstance(given, Share)}
    mapped = {role for role in inputs if stage.role(role) in stage.sharded}
    whole = {role: given for role, given in inputs.items() if isinstance(given, Artifact)}
    if not shares <= mapped:
        return None
    if not mapped:
        return build(stage, config, whole, store, engine, progress)
    progress = progress.named(stage.name)
    if shares:
        columns = {role: _share(inputs[role], part) for role in sorted(mapped)}
        totals = {role: share.total for role, share in columns.items()}
        if len(set(totals.values())) > 1:
            raise ArtifactError(f"{stage.name}: inputs of {totals} shards")
        rows = zip(*(share.shards for share in columns.values()), strict=True)
        asked = [whole | dict(zip(columns, row, strict=True)) for row in rows]
        requests = [ask(stage, config, each) for each in asked]
        total = totals[min(totals)]
    else:
        request = ask(stage, config, whole)
        if fault(folder := request.folder(store), request.digest) is None:
            return Artifact(folder)
        every = request.shards()
        requests, total = list(part.of(every)), len(every)
    share = Share(tuple(build_shards(requests, store, engine, progress)), total)
    progress.say(f"{share}")
    return share


def _share(given: Artifact | Share, part: Part) -> Share:
    if isinstance(given, Share):
        return given
    shards = [shard for shard in given.shards if isinstance(shard, Artifact)]
    return Share(part.of(shards), len(shards))
