"""Stage corpus.lines: keep one copy of each line, or of each span of sentences, of all documents.

Reads   ``documents``; ``before``, earlier decisions: what they drop takes no part, and stays
Writes  a table of documents for each shard, ``00000.parquet`` ...: the same rows and columns,
        with what is left of each text, and ``headings`` as numbers of its lines

Of equal lines that in the document with the least hash of URL and id stays, and there the first.
So stay the documents' shares even, no site is favoured, and their order makes no difference.

With ``unit = "sentences"`` it is spans of three sentences in a row that may occur once: all
sentences of the other copies go, except those that the copy that stays has itself. Spans overlap,
and the copies that stay of two of them may be in two documents: a span may so be left nowhere,
though each of its sentences stays somewhere.

The lines or spans of one shard are held at once, some numbers each, not texts; and of all shards
those whose numbers are in one slice, about as many however many documents there are. Equal ones are
in one slice: a line that occurs more often than a slice is long makes its slice that much longer.

Source: for lines, tensorflow_datasets c4 3.0.1, ``remove_duplicate_text``; for sentences, Raffel
et al. 2020 (T5), JMLR 21(140), section 2.2, which does not say which copy stays.
Differs: a document that is left with few sentences is not dropped: measure the texts anew, and let
corpus.filter decide.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bedstone.config import Config
from bedstone.corpus.rewriting.recurring import (
    Units,
    lines_of,
    repeated,
    sentences_of,
    span_numbers,
    without,
)
from bedstone.corpus.rewriting.versions import row_groups, schema_of, total, write_version
from bedstone.progress import Progress
from bedstone.store import tables
from bedstone.store.artifact import File, Shard
from bedstone.store.engine import Local
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.text.codes import Rewritten, Texts, batches

SPAN_SENTENCES = 3
SLICE_ENTRIES = 1 << 23
"""Compared at a time, about: those of one number are never parted."""
PLACE = np.dtype([("shard", "<u4"), ("row", "<u4"), ("place", "<u4")])
"""A line or a sentence that is left out."""


class LinesConfig(Config):
    """What may occur only once."""

    unit: Literal["line", "sentences"] = "line"
    """``sentences``: three in a row."""

    @property
    def size(self) -> int:
        """Units that are compared together."""
        return 1 if self.unit == "line" else SPAN_SENTENCES

    @property
    def plural(self) -> str:
        """What is counted."""
        return "lines" if self.unit == "line" else "sentences"

    def units_of(self, texts: Texts) -> Units:
        """The units of each text."""
        return lines_of(texts) if self.unit == "line" else sentences_of(texts)


@dataclass(frozen=True, slots=True)
class Part:
    """A shard of the documents, and of the decisions about them."""

    number: int
    documents: Shard
    before: Shard | None = None


def run(config: LinesConfig, job: Job) -> Result:
    """Read the texts, find what occurs again, and write the texts without it.

    Raises:
        ArtifactError: the inputs have not equally many shards.
        DataError: an input has not the columns that it needs, or is about other documents.
    """
    parts = _parts(job)
    inner = replace(job, inputs={}, engine=Local(), progress=Progress())
    metrics: Metrics = {}
    files = []
    with job.progress.task("shards", 2 * len(parts)) as task:
        sizes = []
        for entries, units in job.engine.map(partial(_enter, config=config, job=inner), parts):
            sizes.append(entries)
            metrics[f"input_{config.plural}"] = metrics.get(f"input_{config.plural}", 0) + units
            task.advance()
        slices = _compare(len(parts), sum(sizes), config.size, job.scratch)
        write = partial(_write, config=config, job=inner, slices=slices)
        for file, counts in job.engine.map(write, parts):
            files.append(file)
            metrics |= {name: metrics.get(name, 0) + count for name, count in counts.items()}
            task.advance()
    return Result(total(metrics), tuple(files))


def rank_of(url: str, name: str) -> int:
    """The rank of a document by its URL and id: evenly distributed, whatever the site."""
    return int.from_bytes(hashlib.sha256(f"{url}\0{name}".encode()).digest()[:8], "little")


def _parts(job: Job) -> list[Part]:
    inputs = [job.inputs[role] for role in ("documents", "before") if role in job.inputs]
    return [Part(number, *shards) for number, shards in enumerate(tables.together(*inputs))]


def _enter(part: Part, config: LinesConfig, job: Job) -> tuple[int, int]:
    """Put a shard's entries, by their numbers, and its documents' ranks on disk; their counts."""
    schema_of(part.documents)
    named = tables.read(part.documents, ["id", "url"])
    names = zip(named["url"].to_pylist(), named["id"].to_pylist(), strict=True)
    ranks = np.fromiter((rank_of(*each) for each in names), np.uint64, named.num_rows)
    taken = np.ones(named.num_rows, np.bool_)
    if part.before is not None:
        taken = tables.beside(part.before, named, ["keep"])["keep"].to_numpy()
    numbers, places, units = [np.empty(0, np.uint64)], [np.empty((0, 2), np.uint32)], 0
    for row, texts in _texts(part.documents):
        found = config.units_of(texts)
        some, firsts = span_numbers(found, config.size)
        rows = np.repeat(np.arange(len(texts)), np.diff(firsts))
        stand = np.stack((rows + row, np.arange(len(rows)) - firsts[rows]), axis=1)
        numbers.append(some[taken[rows + row]])
        places.append(stand[taken[rows + row]].astype(np.uint32))
        units += int(np.diff(found.firsts)[taken[row : row + len(texts)]].sum())
    whole = np.concatenate(numbers)
    order = np.argsort(whole)
    np.save(job.scratch / f"numbers-{part.number:05}.npy", whole[order])
    np.save(job.scratch / f"places-{part.number:05}.npy", np.concatenate(places)[order])
    np.save(job.scratch / f"ranks-{part.number:05}.npy", ranks)
    return len(whole), units


def _compare(shards: int, entries: int, size: int, scratch: Path) -> list[Path]:
    """Files of what is left out, one of each slice of the numbers, by shards."""
    count = max(-(-entries // SLICE_ENTRIES), 1)
    files = []
    for number in range(count):
        low, high = (bound * 2**64 // count for bound in (number, number + 1))
        files.append(scratch / f"left-out-{number:05}.npy")
        np.save(files[-1], _left_out(shards, low, high - 1, size, scratch))
    return files


def _left_out(shards: int, low: int, high: int, size: int, scratch: Path) -> NDArray[np.void]:
    """What is left out of the entries with numbers in ``[low, high]``."""
    numbers, ranks, documents, places = [], [], [], []
    for shard in range(shards):
        names = (f"{each}-{shard:05}.npy" for each in ("numbers", "places", "ranks"))
        all_numbers, all_places, all_ranks = (np.load(scratch / n, mmap_mode="r") for n in names)
        first = np.searchsorted(all_numbers, np.uint64(low), "left")
        behind = np.searchsorted(all_numbers, np.uint64(high), "right")
        rows, some = all_places[first:behind].astype(np.int64).T
        numbers.append(np.array(all_numbers[first:behind]))
        ranks.append(all_ranks[rows])
        documents.append(shard << 32 | rows)
        places.append(some)
    left = repeated(
        np.concatenate(numbers),
        np.concatenate(ranks),
        np.concatenate(documents),
        np.concatenate(places),
        size,
    )
    made = np.empty(len(left[0]), PLACE)
    made["shard"], made["row"], made["place"] = left[0] >> 32, left[0] & 0xFFFFFFFF, left[1]
    return np.sort(made)


def _write(part: Part, config: LinesConfig, job: Job, slices: list[Path]) -> tuple[File, Metrics]:
    """Write a shard's documents without what is left out."""
    gone = np.sort(np.concatenate([_of_shard(each, part.number) for each in slices]))
    rows, places = gone["row"].astype(np.int64), gone["place"].astype(np.int64)

    def rewriting(texts: Texts, row: int) -> Rewritten:
        units = config.units_of(texts)
        first, behind = np.searchsorted(rows, (row, row + len(texts)))
        left_out = np.zeros(len(units.starts), np.bool_)
        left_out[units.firsts[rows[first:behind] - row] + places[first:behind]] = True
        made = without(texts, units, left_out)
        return replace(made, counts={f"dropped_{config.plural}": int(left_out.sum())})

    return write_version(job, f"{part.number:05}.parquet", part.documents, rewriting)


def _of_shard(left_out: Path, shard: int) -> NDArray[np.void]:
    """What a file says of a shard, without reading the rest."""
    places = np.load(left_out, mmap_mode="r")
    # Bounds of another type than the column's would make a copy of it.
    bounds = np.array((shard, shard + 1), places["shard"].dtype)
    first, behind = np.searchsorted(places["shard"], bounds)
    return np.array(places[first:behind])


def _texts(documents: Shard) -> Iterator[tuple[int, Texts]]:
    """The texts in batches, and the row of the first of each."""
    row = 0
    for table in row_groups(documents, ("text",)):
        for texts in batches(table["text"]):
            yield row, texts
            row += len(texts)


STAGE = Stage(
    "corpus.lines",
    version=1,
    config=LinesConfig,
    inputs=("documents",),
    optional=("before",),
    run=run,
    libraries=("numpy", "pyarrow"),
    instead="documents",
)
