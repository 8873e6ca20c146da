"""The search for duplicates among any number of documents: in slices on disk, by tasks.

A document is known by its row, shard after shard. A task for each shard writes a hash of each of
its documents' keys (the exact numbers, and each band), with the row, in the order of hashes. Then
a task for each key and range of hashes, its slice, reads that range of all shards, and pairs the
documents that have one in common. Equal texts are paired first: one of them stands for the others
in the bands. What is held from then on is of documents that are in a pair.

In scratch are some 200 bytes for each document, and of those that are in a pair of a band the
signature. In memory are a byte or two for each document, and 170 to 200 for each that is in a pair;
and of a slice 50 for each of ``DOCUMENTS_AT_ONCE``, or of those with one key if they are more.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bedstone.corpus.duplicates import clusters
from bedstone.corpus.duplicates.signatures import BAND, Hashes
from bedstone.errors import DataError
from bedstone.progress import Progress
from bedstone.store import tables, work
from bedstone.store.artifact import Shard
from bedstone.store.engine import Local
from bedstone.store.parts import made_parts
from bedstone.store.stage import Job
from bedstone.text.codes import Indices

Answer = TypeVar("Answer")
Scope = Literal["whole", "source", "language"]
Shards = Mapping[str, Shard]
"""By role, about the same documents."""

DOCUMENTS_AT_ONCE = 1 << 22
"""Of a key, in a slice: with more documents there are more slices, some power of two."""
PAIRS_AT_ONCE = 1 << 16
"""Whose signatures one task compares."""
KEY = np.dtype([("hash", "<u8"), ("row", "<u4")])
FACTS = np.dtype(
    [("rank", "<u8"), ("language", "<u8"), ("characters", "<i8"), ("passes", "?"), ("spoils", "?")]
)
"""Of a document: ``rank``, a hash of its id, so that of two the same one is first wherever they
stand; ``spoils``, whether it is of the yardstick; ``passes``, whether earlier decisions keep it,
and it is not."""
EXACT = 0
"""The key of equal texts; those after it are the bands."""
IDS = "ids.text"


@dataclass(frozen=True, slots=True)
class Part:
    """A shard of documents whose clusters are known."""

    number: int
    signatures: Shard
    start: int
    """Its first document's row."""
    clustered: slice
    """Which of all that are in a pair are of it."""


@dataclass(frozen=True, slots=True)
class Keyed:
    """All documents, with their keys and what is found of them, in files of the scratch folder."""

    folder: Path
    columns: tuple[str, ...]
    """Of the signatures, those that are keys."""
    slices: int
    """Of each key."""

    def save(self, name: str, values: NDArray[Any]) -> None:
        """Keep an array for the tasks that follow."""
        with work.written(self.folder / f"{name}.npy") as path:
            _write(path, values)

    def saved(self, name: str) -> NDArray[Any]:
        """Such an array: what is not used of it stays on the disk."""
        values: NDArray[Any] = np.load(self.folder / f"{name}.npy", mmap_mode="r")
        return values

    def by_shard(self, rows: Indices) -> Iterator[tuple[int, slice]]:
        """Of each shard its first row, and which of ``rows``, given in order, are of it."""
        starts = self.saved("starts")
        bounds = np.searchsorted(rows, starts).tolist()
        return zip(starts[:-1].tolist(), map(slice, bounds, bounds[1:]), strict=False)

    def rows(self, part: Part) -> Indices:
        """Where in a shard its documents are that are in a pair."""
        return self.saved("rows")[part.clustered] - part.start

    def facts(self, number: int) -> NDArray[np.void]:
        """``FACTS`` of the documents of a shard: the end of its file."""
        path, (start, end) = self._part("keys", number), self.saved("starts")[number : number + 2]
        offset = path.stat().st_size - int(end - start) * FACTS.itemsize
        return np.fromfile(path, FACTS, offset=offset)

    def facts_of(self, rows: Indices) -> NDArray[np.void]:
        """The same of some documents, given in order."""
        found = [
            self.facts(number)[rows[its] - start]
            for number, (start, its) in enumerate(self.by_shard(rows))
        ]
        return np.concatenate([np.empty(0, FACTS), *found])

    def slice(self, column: int, part: int) -> tuple[Hashes, Indices]:
        """The hashes of a key in a range of them, and whose they are."""
        at, behind = column * self.slices + part, 8 * (len(self.columns) * self.slices + 1)
        hashes, rows = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
        others = self.saved("others") if column != EXACT else None
        for number, start in enumerate(self.saved("starts")[:-1].tolist()):
            with self._part("keys", number).open("rb") as file:
                file.seek(8 * at)
                low, high = np.fromfile(file, np.int64, 2).tolist()
                file.seek(behind + KEY.itemsize * low)
                found = np.fromfile(file, KEY, high - low)
            its = found["row"] + np.int64(start)
            if others is not None:
                stands = others[its >> 3] >> (its & 7) & 1 == 0
                found, its = found[stands], its[stands]
            hashes.append(found["hash"].copy())
            rows.append(its)
        return np.concatenate(hashes), np.concatenate(rows)

    def values(self, rows: Indices) -> Hashes:
        """The signatures of some documents that are in pairs of bands, given in order."""
        compared, found = self.saved("compared"), []
        for number, (start, its) in enumerate(self.by_shard(rows)):
            if its.start < its.stop:
                first, *places = np.searchsorted(compared, [start, *rows[its]])
                values = np.load(self._part("values", number), mmap_mode="r")
                found.append(values[np.array(places) - first])
        return np.concatenate(found)

    def ids(self, places: pa.Array) -> pa.Array:
        """Those at some places among the ids that ``keep_ids`` kept."""
        bounds = self.saved("bounds")
        if len(bounds) == 1:
            return pa.nulls(len(places), pa.string())
        text = pa.memory_map(str(self.folder / IDS)).read_buffer()
        kept = pa.LargeStringArray.from_buffers(len(bounds) - 1, pa.py_buffer(bounds), text)
        return kept.take(places).cast(pa.string())

    def _part(self, name: str, number: int) -> Path:
        return self.folder / name / f"{number:05}"


@dataclass(frozen=True, slots=True)
class Found:
    """The documents that are in a pair, in order; others are named by their places in ``rows``."""

    keyed: Keyed
    rows: Indices
    roots: Indices
    """Of each, one that is the same for all of its cluster, and is in it."""
    twins: Indices
    """Of each, the one that stands for all texts equal to its."""
    candidate_pairs: int
    """Near-duplicates that were paired, again in each band."""


def shards_of(job: Job) -> list[Shards]:
    """The inputs that are about all documents, shard by shard."""
    roles = [role for role in ("signatures", "before", "language") if role in job.inputs]
    found = tables.together(*(job.inputs[role] for role in roles))
    return [dict(zip(roles, each, strict=True)) for each in found]


def search(job: Job, scope: Scope = "whole", min_similarity: float | None = None) -> Found:
    """The clusters of all documents.

    Args:
        job: with the input ``signatures``, and where they are wanted ``before``: what it does not
            keep is no duplicate; ``language``; ``yardstick``.
        scope: only documents of the same one are duplicates.
        min_similarity: the share of all numbers that must agree for a pair to be joined; without
            it every pair of candidates is.
    """
    keyed = _keyed(job, scope)
    keys = [(key, part) for key in range(len(keyed.columns)) for part in range(keyed.slices)]
    pair = partial(_write_pairs, keyed)
    exact = made_parts(job, "exact", pair, keys[: keyed.slices])
    is_other = np.zeros(keyed.saved("starts")[-1], np.bool_)
    for path in exact:
        is_other[np.load(path)[:, 1]] = True
    keyed.save("others", np.packbits(is_other, bitorder="little"))
    near = made_parts(job, "near", pair, keys[keyed.slices :])
    is_paired, candidate_pairs = np.zeros_like(is_other), 0
    for path in near:
        pairs = np.load(path)
        is_paired[pairs] = True
        candidate_pairs += len(pairs)
    keyed.save("compared", np.flatnonzero(is_paired))
    for path in exact:
        is_paired[np.load(path)] = True
    rows = np.flatnonzero(is_paired)
    keyed.save("rows", rows)
    twins = np.arange(len(rows))
    for path in exact:
        one, others = np.searchsorted(rows, np.load(path)).T
        twins[others] = one
    found = Found(keyed, rows, twins.copy(), twins, candidate_pairs)
    if min_similarity is not None:
        _unite_similar(job, found, near, min_similarity)
    else:
        for path in near:
            clusters.unite(found.roots, np.searchsorted(rows, np.load(path)))
    found.roots[:] = clusters.roots_of(found.roots)
    return found


def agreement(job: Job, found: Found, name: str, pairs: Indices) -> NDArray[np.float64]:
    """Of each pair of documents that are in pairs of bands, their estimated similarity.

    Args:
        job: the search's.
        found: so far.
        name: of the files that say it.
        pairs: of places.
    """
    keyed = found.keyed
    made_parts(job, "values", partial(_write_values, keyed), list(enumerate(shards_of(job))))
    keyed.save(name, found.rows[pairs])
    compare = partial(_write_agreement, keyed, name)
    paths = made_parts(job, name, compare, range(0, len(pairs), PAIRS_AT_ONCE))
    return np.concatenate([np.empty(0), *map(np.load, paths)])


def parts_of(job: Job, found: Found) -> list[Part]:
    """The shards of documents."""
    bounds = zip(shards_of(job), found.keyed.by_shard(found.rows), strict=True)
    return [
        Part(number, shards["signatures"], start, clustered)
        for number, (shards, (start, clustered)) in enumerate(bounds)
    ]


def written(
    job: Job, found: Found, write: Callable[[Job, Keyed, Part], Answer]
) -> Iterator[Answer]:
    """What ``write``, a function of a module, answers to each shard; its job has no inputs."""
    parts, own = parts_of(job, found), replace(job, inputs={}, engine=Local(), progress=Progress())
    with job.progress.task("shards", len(parts)) as task:
        for answer in job.engine.map(partial(write, own, found.keyed), parts):
            yield answer
            task.advance()


def beside(column: NDArray[Any], rows: Indices, values: NDArray[Any]) -> NDArray[Any]:
    """``column`` with ``values`` at ``rows``."""
    column[rows] = values
    return column


def keep_ids(job: Job, keyed: Keyed, rows: Indices) -> None:
    """Keep the ids of some documents, given in order, for ``Keyed.ids``."""
    keyed.save("named", rows)
    paths = made_parts(job, "ids", partial(_write_ids, keyed), list(enumerate(shards_of(job))))
    lengths = [np.zeros(1, np.int64)]
    with work.written(keyed.folder / IDS) as path, path.open("wb") as text:
        for part in paths:
            with part.open("rb") as file:
                lengths.append(np.load(file))
                text.write(file.read())
    keyed.save("bounds", np.cumsum(np.concatenate(lengths)))


def _keyed(job: Job, scope: Scope) -> Keyed:
    shards = shards_of(job)
    paths = [tables.table_path(each["signatures"]) for each in shards]
    names = [name for name in tables.schema(paths[0]).names if name.startswith(BAND)]
    counts = [0]
    for path in paths:
        with tables.reading(path):
            counts.append(pq.read_metadata(path).num_rows)
    starts = np.cumsum(counts)
    bits = max(int(starts[-1] - 1) // DOCUMENTS_AT_ONCE, 0).bit_length()
    keyed = Keyed(job.scratch, ("exact", *names), 1 << bits)
    keyed.save("starts", starts)
    write = partial(_write_keys, keyed, scope, job.inputs.get("yardstick"))
    made_parts(job, "keys", write, shards)
    return keyed


def _unite_similar(job: Job, found: Found, near: list[Path], min_similarity: float) -> None:
    """Join the pairs that are alike enough, of each group those of the one that ranks first."""
    ranks = found.keyed.facts_of(found.rows)["rank"].copy()
    # Whichever of equal texts stands for them has the rank of the first.
    np.minimum.at(ranks, found.twins, ranks.copy())
    for first in range(0, len(near), found.keyed.slices):
        of_band = map(np.load, near[first : first + found.keyed.slices])
        pairs = np.searchsorted(found.rows, np.concatenate(list(of_band)))
        pairs = clusters.recentred(pairs, ranks)
        # Those that are joined already make no difference.
        roots = clusters.roots_of(found.roots)
        pairs = pairs[roots[pairs[:, 0]] != roots[pairs[:, 1]]]
        shares = agreement(job, found, f"candidates-{first}", pairs)
        clusters.unite(found.roots, pairs[shares >= min_similarity])


def _write(path: Path, values: NDArray[Any]) -> None:
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(values))
        file.write(values.tobytes(order="A"))


def _write_keys(
    keyed: Keyed, scope: Scope, yardstick: Shard | None, shards: Shards, path: Path
) -> None:
    """Of each slice where its keys begin, and where all end; the keys; ``FACTS``."""
    facts = _facts(shards, yardstick)
    enter = facts["passes"] | facts["spoils"]
    scopes = facts["language"] if scope == "language" else np.zeros(len(facts), np.uint64)
    if scope == "source":
        scopes = _sources(shards["signatures"])
    lowest = np.array([(part << 64) // keyed.slices for part in range(keyed.slices)], np.uint64)
    firsts, keys, end = [], [], 0
    for name in keyed.columns:
        column = tables.read(shards["signatures"], [], nullable=[name])[name]
        numbers, present = tables.numbers_of(column)
        rows = np.flatnonzero(present & enter)
        hashes = clusters.hashes_of(numbers[rows], scopes[rows])
        order = np.argsort(hashes)
        key = np.empty(len(rows), KEY)
        key["hash"], key["row"] = hashes[order], rows[order]
        firsts.append(np.searchsorted(hashes[order], lowest) + end)
        keys.append(key)
        end += len(rows)
    with path.open("wb") as file:
        for values in (*firsts, np.array([end]), *keys, facts):
            file.write(values.tobytes())  # numpy's own way is silent where there is no room


def _sources(signatures: Shard) -> Hashes:
    """Of each document a hash of its source file's digest: a file may be in several shards."""
    ids = tables.read(signatures, ["id"])["id"]
    found = pc.extract_regex(ids, "^(?P<source>[0-9a-f]{16})-")
    if found.null_count:
        raise DataError(
            f"{tables.table_path(signatures)}: ids that do not tell the document's source file",
            hint="those of corpus.extract do; with others, leave scope 'source' out",
        )
    return clusters.string_hashes(pc.struct_field(found, 0))


def _facts(shards: Shards, yardstick: Shard | None) -> NDArray[np.void]:
    table = tables.read(shards["signatures"], ["id", "characters"])
    facts = np.zeros(table.num_rows, FACTS)
    facts["rank"] = clusters.string_hashes(table["id"])
    facts["characters"] = table["characters"]
    if yardstick is not None:
        wanted = pq.read_table(yardstick.file("held_out.parquet"))["id"].combine_chunks()
        facts["spoils"] = pc.is_in(table["id"], value_set=wanted.cast(table["id"].type))
    facts["passes"] = ~facts["spoils"]
    if "before" in shards:
        facts["passes"] &= np.asarray(tables.beside(shards["before"], table, ["keep"])["keep"])
    if "language" in shards:
        column = tables.beside(shards["language"], table, ["language"])["language"]
        facts["language"] = clusters.string_hashes(column)
    return facts


def _write_pairs(keyed: Keyed, key_and_slice: tuple[int, int], path: Path) -> None:
    hashes, rows = keyed.slice(*key_and_slice)
    order = np.argsort(hashes)
    _write(path, clusters.stars(hashes[order], rows[order]))


def _write_values(keyed: Keyed, item: tuple[int, Shards], path: Path) -> None:
    number, shards = item
    start, end = keyed.saved("starts")[number : number + 2]
    compared = keyed.saved("compared")
    rows = compared[slice(*np.searchsorted(compared, (start, end)))] - start
    bands = (
        tables.numbers_of(tables.read(shards["signatures"], [], nullable=[name])[name])[0][rows]
        for name in keyed.columns[EXACT + 1 :]
    )
    _write(path, np.concatenate(list(bands), axis=1))


def _write_agreement(keyed: Keyed, name: str, low: int, path: Path) -> None:
    pairs = np.array(keyed.saved(name)[low : low + PAIRS_AT_ONCE])
    rows = np.unique(pairs)
    _write(path, clusters.agreement(keyed.values(rows), np.searchsorted(rows, pairs)))


def _write_ids(keyed: Keyed, item: tuple[int, Shards], path: Path) -> None:
    number, shards = item
    start, end = keyed.saved("starts")[number : number + 2]
    named = keyed.saved("named")
    rows = named[slice(*np.searchsorted(named, (start, end)))] - start
    ids = tables.read(shards["signatures"], ["id"])["id"].take(pa.array(rows))
    texts = [each.encode() for each in ids.to_pylist()]
    with path.open("wb") as file:
        np.save(file, np.array(list(map(len, texts)), np.int64))
        file.write(b"".join(texts))
