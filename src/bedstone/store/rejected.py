"""Records that gave no document: how many, for which reasons, and where each is listed.

Those of types that never give one (a crawler's requests) are passed over, and only counted.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bedstone.store.artifact import Artifact
from bedstone.store.lineage import behind

FILE = "rejected/records.parquet"
"""Where a stage lists them, a row for each."""
PREFIX, PASSED_OVER, SUFFIX = "rejected.", "passed_over.", "_records"
"""Around the reason, or the type, in the names of its metrics."""
LOST = "lost_bytes"
"""The metric of what is damaged."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """What was rejected on the way to artifacts."""

    reasons: dict[str, int]
    """Reason -> records, the most first."""
    files: tuple[Path, ...]
    """That list them."""
    lost_bytes: int
    """Of damage, in files as they are stored."""
    passed_over: dict[str, int]
    """Type -> records, the most first."""

    def sentence(self) -> str:
        """All of it in one line; empty where there is nothing to tell."""
        more = f" and {len(self.files) - 1:,} more like it" if len(self.files) > 1 else ""
        total = sum(self.reasons.values())
        records = "1 record" if total == 1 else f"{total:,} records"
        parts = [
            f"{records} gave no document: {_listed(self.reasons)}" if total else "none",
            *([f"{self.lost_bytes:,} bytes were damaged"] if self.lost_bytes else []),
            *([f"passed over: {_listed(self.passed_over)}"] if self.passed_over else []),
            *([f"see {self.files[0]}{more}"] if self.files else []),
        ]
        return "; ".join(parts) if len(parts) > 1 else ""


def reasons(artifact: Artifact, prefix: str = PREFIX) -> dict[str, int]:
    """Reason -> records that its stage rejected, without the reasons of none."""
    return {
        name.removeprefix(prefix).removesuffix(SUFFIX): int(value)
        for name, value in artifact.manifest.metrics.items()
        if name.startswith(prefix) and value
    }


def rejected(made: Mapping[str, Artifact]) -> Rejected:
    """What was rejected by what made these artifacts and all behind them."""
    counts, passed_over = Counter[str](), Counter[str]()
    files: list[Path] = []
    lost_bytes = 0
    for artifact in behind(made).values():
        passed_over.update(reasons(artifact, PASSED_OVER))
        lost_bytes += int(artifact.manifest.metrics.get(LOST, 0))
        if found := reasons(artifact):
            counts.update(found)
            files += [part.file(FILE) for part in _parts(artifact) if reasons(part)]
    return Rejected(
        dict(counts.most_common()), tuple(files), lost_bytes, dict(passed_over.most_common())
    )


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in counts.items())


def _parts(artifact: Artifact) -> list[Artifact]:
    if artifact.manifest.shards is None:
        return [artifact]
    return [part for part in artifact.shards if isinstance(part, Artifact)]
