"""What is asked of a stage: its config and inputs, and the digest of both."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

from bedstone.config import Config
from bedstone.errors import ArtifactError, ConfigError, nearest
from bedstone.store.artifact import (
    Artifact,
    FilesShard,
    Shard,
    digest,
    folder_name,
)
from bedstone.store.stage import Stage, version
from bedstone.store.stages import not_installed


@dataclass(frozen=True, slots=True)
class Request:
    """A stage with its config resolved and its inputs known: all but the doing."""

    stage: Stage
    config: Config
    inputs: Mapping[str, Shard]
    deciders: Mapping[str, Artifact]

    def __str__(self) -> str:
        mapped = [self.inputs[name] for name in self.inputs if self._is_mapped(name)]
        first = (mapped or [*self.inputs.values()])[0]
        piece = f", bytes {first.span.start:,} to {first.span.stop:,}" if first.span else ""
        return f"{self.stage.name} of {first.location}{piece}"

    @property
    def digest(self) -> str:
        """What is asked for; equal requests give equal artifacts, as ``reproducible`` says.

        A field with its default value is left out: a new field forks no artifact made before it.
        So is one that only says how it is computed, see ``Config``.
        """
        chosen = self.config.model_dump(
            mode="json", exclude_defaults=True, exclude=set(self.config.how)
        )
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

        Shards of files that the stage does not read are left out, large files are cut.

        Raises:
            ArtifactError: the mapped inputs have no shard, or not equally many.
        """
        columns = {
            name: [piece for each in given.shards if self._reads(each) for piece in self._cut(each)]
            for name, given in self.inputs.items()
            if self._is_mapped(name)
        }
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

    def _is_mapped(self, name: str) -> bool:
        return self.stage.role(name) in self.stage.sharded

    def _reads(self, shard: Shard) -> bool:
        return not self.stage.endings or self.stage.reads(shard.names[0])

    def _cut(self, shard: Shard) -> tuple[Shard, ...]:
        max_bytes = self.stage.piece_bytes(self.config)
        if max_bytes is None or not isinstance(shard, FilesShard):
            return (shard,)
        is_cut = shard.names[0].lower().endswith(self.stage.cut)
        return shard.pieces(max_bytes) if is_cut else (shard,)


def require(stage: Stage, config: Config) -> None:
    """Refuse, before anything is built, what would fail for want of a package.

    Raises:
        BedstoneError: a package is not installed.
    """
    for name in (*stage.libraries, *stage.needs(config)):
        try:
            version(name)
        except metadata.PackageNotFoundError as error:
            raise not_installed(stage.name, name) from error


def wrong_roles(stage: Stage, given: Iterable[str]) -> dict[str, str]:
    """What is wrong with each of the roles ``given`` to ``stage``; empty if nothing is."""
    played = {role: stage.role(role) for role in given}
    missing = {
        role: f"input {role!r} is missing" for role in stage.inputs if role not in played.values()
    }
    many = [f"{role}.NAME" for role in stage.many]
    known = [*stage.inputs, *stage.optional, *many, *stage.decided_by]
    return missing | {
        name: f"no input {name!r}; {nearest(name, known)}"
        for name, role in played.items()
        if role is None
    }


def ask(stage: Stage, config: Config, inputs: Mapping[str, Artifact]) -> Request:
    """The request that ``build`` would build.

    Raises:
        ConfigError: an input role is missing, or one is not the stage's.
        BedstoneError: a package is not installed.
    """
    require(stage, config)
    if wrong := wrong_roles(stage, inputs):
        raise ConfigError(f"{stage.name}: {'; '.join(wrong.values())}")
    many = sorted(name for name in inputs if stage.role(name) in stage.many)
    return Request(
        stage,
        stage.resolve(config, inputs),
        {name: inputs[name] for name in (*stage.inputs, *stage.optional, *many) if name in inputs},
        {role: inputs[role] for role in stage.decided_by if role in inputs},
    )
