"""Records that gave no document: how many, for which reasons, and where each is listed."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bedstone.store.artifact import Artifact
from bedstone.store.lineage import behind

FILE = "rejected/records.parquet"
"""Where a stage lists them, a row for each."""
PREFIX, SUFFIX = "rejected.", "_records"
"""Around the reason, in the names of its metrics."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """What was rejected on the way to artifacts."""

    reasons: dict[str, int]
    """Reason -> records, the most first."""
    files: tuple[Path, ...]
    """That list them."""

    def sentence(self) -> str:
        """All of it in one line."""
        each = ", ".join(f"{number:,} {reason}" for reason, number in self.reasons.items())
        more = f" and {len(self.files) - 1:,} more like it" if len(self.files) > 1 else ""
        total = sum(self.reasons.values())
        records = "1 record" if total == 1 else f"{total:,} records"
        return f"{records} gave no document: {each}; see {self.files[0]}{more}"


def reasons(artifact: Artifact) -> dict[str, int]:
    """Reason -> records that its stage rejected, without the reasons of none."""
    return {
        name.removeprefix(PREFIX).removesuffix(SUFFIX): int(value)
        for name, value in artifact.manifest.metrics.items()
        if name.startswith(PREFIX) and value
    }


def rejected(made: Mapping[str, Artifact]) -> Rejected:
    """What was rejected by what made these artifacts and all behind them."""
    counts = Counter[str]()
    files: list[Path] = []
    for artifact in behind(made).values():
        if found := reasons(artifact):
            counts.update(found)
            files += [part.file(FILE) for part in _parts(artifact) if reasons(part)]
    return Rejected(dict(counts.most_common()), tuple(files))


def _parts(artifact: Artifact) -> list[Artifact]:
    if artifact.manifest.shards is None:
        return [artifact]
    return [part for part in artifact.shards if isinstance(part, Artifact)]
