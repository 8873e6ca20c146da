"""What gave no document: records, whole files, and files of kinds that no text is read from.

Of records is told how many, for which reasons, and where each is listed. Those of types that never
give one (a crawler's requests) are passed over, and only counted.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path, PurePath

from bedstone.errors import number_of
from bedstone.store.artifact import Artifact, Shard
from bedstone.store.lineage import ancestors, behind
from bedstone.store.place import shown
from bedstone.store.stage import Metrics
from bedstone.store.stages import find

FILE = "rejected/records.parquet"
"""Where a stage lists them, a row for each."""
PREFIX, PASSED_OVER, SUFFIX = "rejected.", "passed_over.", "_records"
"""Around the reason, or the type, in the names of its metrics."""
LOST = "lost_bytes"
"""The metric of what is damaged."""
FILES, WITHOUT = "input_files", "files_without_documents"
"""The metrics of files that were read, and of those that gave no document. A file in pieces counts
with the first of them; it is without a document if each is."""
NAMED = 10
"""Of files, or endings; the others are only counted."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """What was rejected on the way to artifacts."""

    reasons: dict[str, int]
    """Reason -> records, the most first."""
    files: tuple[Path, ...]
    """That list them; of a place, where they are once they are fetched."""
    lost_bytes: int
    """Of damage, in files as they are stored."""
    passed_over: dict[str, int]
    """Type -> records, the most first."""
    input_files: int
    files_without: int
    """That gave no document."""
    without: dict[str, str]
    """Each of them, texts together -> the reasons."""
    foreign: dict[str, int]
    """Ending of a name -> files that no text is read from, the most first."""

    def sentence(self) -> str:
        """All of records in one line; empty where there is nothing to tell."""
        more = f" and {len(self.files) - 1:,} more like it" if len(self.files) > 1 else ""
        total = sum(self.reasons.values())
        records = number_of(total, "record")
        parts = [
            f"{records} gave no document: {_listed(self.reasons)}" if total else "none",
            *([f"{number_of(self.lost_bytes, 'byte')} were damaged"] if self.lost_bytes else []),
            *([f"passed over: {_listed(self.passed_over)}"] if self.passed_over else []),
            *([f"see {shown(self.files[0])}{more}"] if self.files else []),
        ]
        return "; ".join(parts) if len(parts) > 1 else ""

    def of_files(self) -> Iterator[str]:
        """All of whole files, a line each."""
        if total := sum(self.foreign.values()):
            told = dict(list(self.foreign.items())[:NAMED])
            more = f", {rest:,} more" if (rest := total - sum(told.values())) else ""
            files = number_of(total, "file")
            yield f"passed over {files}, by their names no crawl or text: {_listed(told)}{more}"
        if self.files_without:
            of_all = number_of(self.input_files, "file")
            yield f"{self.files_without:,} of {of_all} gave no document"
        for file, reasons in list(self.without.items())[:NAMED]:
            yield f"no document in {file}: {reasons}"
        if (rest := len(self.without) - NAMED) > 0:
            yield f"no document in {rest:,} more"


def reasons(artifact: Artifact, prefix: str = PREFIX) -> dict[str, int]:
    """Reason -> records that its stage rejected, without the reasons of none."""
    return _reasons(artifact.manifest.metrics, prefix)


def reasons_in(metrics: Metrics) -> str:
    """Why records gave no document, those that are passed over among them."""
    return _listed(_reasons_of_none(metrics))


def files_without(parts: Sequence[Artifact]) -> float:
    """Files that gave no document, of all that these artifacts of shards were made of."""
    return sum(map(_none_of, _by_file(parts)))


def rejected(made: Mapping[str, Artifact]) -> Rejected:
    """What was rejected by what made these artifacts and all behind them."""
    counts, passed_over, foreign = Counter[str](), Counter[str](), Counter[str]()
    totals = Counter[str]()
    files, without = dict[Path, None](), dict[str, str]()
    for artifact in behind(made).values():
        metrics = artifact.manifest.metrics
        passed_over.update(reasons(artifact, PASSED_OVER))
        totals[LOST] += int(metrics.get(LOST, 0))
        parts = _parts(artifact) if (found := reasons(artifact)) or metrics.get(WITHOUT) else []
        counts.update(found)
        files |= {part.path / FILE: None for part in parts if reasons(part)}
        if WITHOUT in metrics:
            totals.update({name: int(metrics[name]) for name in (FILES, WITHOUT)})
            shards, others = _mapped(artifact)
            foreign.update(PurePath(name).suffix.lower() or "without ending" for name in others)
            without |= _without(parts, shards)
    return Rejected(
        dict(counts.most_common()),
        tuple(files),
        totals[LOST],
        dict(passed_over.most_common()),
        totals[FILES],
        totals[WITHOUT],
        without,
        dict(foreign.most_common()),
    )


def _mapped(artifact: Artifact) -> tuple[list[Shard], list[str]]:
    """What its shards were made of, and the names of files that its stage does not read.

    Both are empty where the store no longer has it.
    """
    stage = find(artifact.manifest.stage)
    source = ancestors(artifact).get(stage.sharded[0])
    if source is None:
        return [], []
    shards = [each for each in source.shards if stage.reads(each.names[0])]
    return shards, [name for name in source.names if not stage.reads(name)]


def _without(parts: list[Artifact], shards: list[Shard]) -> dict[str, str]:
    """Of the files that gave no document, where they lie and why."""
    found, files = {}, _by_file(parts)
    for pieces, shard in zip_longest(files, shards[: len(files)]):
        if _none_of(pieces):
            first, *others = shard.paths if shard else pieces[0].manifest.paths.values()
            more = f" and {len(others):,} more" if others else ""
            reasons_of = (Counter(_reasons_of_none(piece.manifest.metrics)) for piece in pieces)
            found[f"{shown(Path(first).resolve())}{more}"] = _listed(sum(reasons_of, Counter()))
    return found


def _by_file(parts: Sequence[Artifact]) -> list[list[Artifact]]:
    """The parts, with the pieces of a file together."""
    found: list[list[Artifact]] = []
    for part in parts:
        if part.manifest.metrics[FILES] or not found:
            found.append([])
        found[-1].append(part)
    return found


def _none_of(pieces: list[Artifact]) -> float:
    return min(piece.manifest.metrics[WITHOUT] for piece in pieces)


def _reasons_of_none(metrics: Metrics) -> dict[str, int]:
    return _reasons(metrics, PREFIX) | _reasons(metrics, PASSED_OVER)


def _reasons(metrics: Metrics, prefix: str) -> dict[str, int]:
    return {
        name.removeprefix(prefix).removesuffix(SUFFIX): int(value)
        for name, value in metrics.items()
        if name.startswith(prefix) and value
    }


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in counts.items())


def _parts(artifact: Artifact) -> list[Artifact]:
    if artifact.manifest.shards is None:
        return [artifact]
    return [part for part in artifact.shards if isinstance(part, Artifact)]
