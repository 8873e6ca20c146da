"""Stage corpus.perplexity: say of each document how much it surprises a model of its language.

Reads   ``documents``, ``language``; ``reference``, models that corpus.reference has learnt from
        good texts
Writes  a file for each shard of documents, ``00000.parquet`` ...: ``id``; ``bits_per_character``,
        null where the language has no model or there is no text; ``tercile`` of the documents of
        its language and length: 1 for those with the fewest bits (head), 2 (middle), 3 for those
        with the most (tail); null where there are fewer than ``min_documents``
        ``about/lengths.parquet``: for each language and length its ``documents``, their mean
        ``bits_per_character``, the most bits that the terciles 1 and 2 have, and ids of documents
        with the ``fewest`` and the ``most``

Nothing is dropped: the usual limit of corpus.filter is ``perplexity.tercile.high = 2``. The tail is
what is unlike the good texts: what is no language, and what is of another kind, dialect or spelling
than theirs. Fewest bits have texts that repeat themselves, or are in the good texts.

Perplexity is 2 to the power of the bits. Terciles are of one language and length, for bits of two
languages do not compare, nor those of a line and of an article. Documents with equally many bits,
in thousandths, are in one tercile.

Held in memory are counts for each kind of document, and what is known of one shard's documents.

Source: Wenzek et al. 2020, "CCNet", arXiv:1911.00359: head, middle and tail by the
perplexity of a model of Wikipedia, for each language.
Differs: characters in place of words or their pieces; terciles within lengths too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from bedstone.config import Config
from bedstone.corpus.classifiers.quality import LENGTHS, length_name
from bedstone.corpus.surprise.next_characters import Counts, bits_of
from bedstone.corpus.surprise.references import by_language, read_counts
from bedstone.store import tables, work
from bedstone.store.artifact import ABOUT, Shard
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.text.codes import Indices, batches

Found = NDArray[np.int32]
"""Of documents their kinds, of a language and a length, and thousandths of a bit."""

NONE = -1
THOUSAND = 1_000
BINS = len(LENGTHS) + 1
EXAMPLES = 3
TERCILES = ("head", "middle", "tail")
SCORED = pa.schema(
    [("id", pa.string()), ("bits_per_character", pa.float64()), ("tercile", pa.int8())]
)
TOLD = pa.schema(
    [
        ("language", pa.string()),
        ("length", pa.string()),
        ("documents", pa.int64()),
        ("bits_per_character", pa.float64()),
        ("head_most_bits", pa.float64()),
        ("middle_most_bits", pa.float64()),
        ("fewest", pa.list_(pa.string())),
        ("most", pa.list_(pa.string())),
    ]
)


Example = tuple[int, int, int, str]
"""A document: its bits, its shard, its row there, and its id."""
Limits = tuple[int, ...]
"""The most bits that the terciles 1 and 2 have; none of too few documents."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What is known of the documents of a language and a length: its size is not their number's."""

    counts: Indices
    """How many have 0, 1, ... thousandths of a bit."""
    fewest: list[Example]
    most: list[Example]
    """Those with the most, the last of them first in what is told."""

    def with_others(self, other: "Kind") -> "Kind":
        """Of the documents of other shards too."""
        counts = np.zeros(max(len(self.counts), len(other.counts)), np.int64)
        for each in (self.counts, other.counts):
            counts[: len(each)] += each
        fewest = sorted(self.fewest + other.fewest)[:EXAMPLES]
        return Kind(counts, fewest, sorted(self.most + other.most)[-EXAMPLES:])

    def limits(self, least: int) -> Limits:
        """Where the terciles end, of so many documents at least."""
        behind = np.cumsum(self.counts)
        count = int(behind[-1])
        ranks = ((count - 1) // 3, (2 * count - 1) // 3)
        found = np.searchsorted(behind, ranks, "right").tolist()
        return tuple(found) if count >= least else ()


class PerplexityConfig(Config):
    """Which terciles are told."""

    min_documents: int = Field(default=30, ge=3, le=1_000_000)
    """Of a language and length."""


def run(config: PerplexityConfig, job: Job) -> Result:
    """Read all texts, find where the terciles are, and write them.

    Raises:
        DataError: an input is about other documents.
        ArtifactError: ``reference`` is no models, or altered ones.
    """
    reference = job.inputs["reference"]
    languages = list(read_counts(reference))
    shards = tables.together(job.inputs["documents"], job.inputs["language"])
    parts = list(enumerate(shards))
    score = partial(_scored, reference=reference, folder=job.scratch)
    kinds: dict[int, Kind] = {}
    with job.progress.task("shards", len(parts)) as task:
        for found in job.engine.map(score, parts):
            for kind, each in found.items():
                kinds[kind] = kinds[kind].with_others(each) if kind in kinds else each
            task.advance()
    limits = {kind: it.limits(config.min_documents) for kind, it in sorted(kinds.items())}
    written, counts = [], np.zeros(4, np.int64)
    for number, (documents, _) in parts:
        ids = tables.read(documents, ["id"])["id"]
        table = _table(ids, np.load(_place(job.scratch, number)), limits)
        written.append(tables.write(job, f"{number:05}.parquet", table))
        counts += np.bincount(table["tercile"].fill_null(0).to_numpy(), minlength=len(counts))
    told = [_told(kind, it, limits[kind], languages) for kind, it in sorted(kinds.items())]
    about = pa.Table.from_pylist(told, schema=TOLD)
    written.append(tables.write(job, f"{ABOUT}/lengths.parquet", about))
    metrics: Metrics = {
        "input_documents": int(counts.sum()),
        "scored_documents": sum(int(it.counts.sum()) for it in kinds.values()),
        **{f"{name}_documents": int(counts[n]) for n, name in enumerate(TERCILES, 1)},
    }
    return Result(metrics, tuple(written))


def _scored(part: tuple[int, tuple[Shard, ...]], reference: Shard, folder: Path) -> dict[int, Kind]:
    """What is known of each kind from a shard, whose documents' are put on disk."""
    number, (documents, language) = part
    place, ids = _place(folder, number), tables.read(documents, ["id"])["id"]
    if not place.exists():
        with work.written(place) as path, path.open("wb") as file:  # numpy would change the name
            np.save(file, _bits(documents, language, len(ids), read_counts(reference)))
    kinds, bits = np.load(place)
    order = np.lexsort((bits, kinds))
    names, firsts = np.unique(kinds[order], return_index=True)
    found = {}
    for kind, rows in zip(names.tolist(), np.split(order, firsts)[1:], strict=True):
        ends = (rows[:EXAMPLES], rows[-EXAMPLES:])
        fewest, most = [
            [(int(bits[row]), number, row, ids[row].as_py()) for row in each.tolist()]
            for each in ends
        ]
        if kind != NONE:
            found[kind] = Kind(np.bincount(bits[rows]), fewest, most)
    return found


def _place(folder: Path, number: int) -> Path:
    return folder / f"{number:05}.npy"


def _bits(documents: Shard, language: Shard, count: int, models: Mapping[str, Counts]) -> Found:
    """Of each document of a shard its kind and its bits for a character, ``NONE`` without."""
    places = {name: place for place, name in enumerate(models)}
    found = np.full((2, count), NONE, np.int32)
    for group in by_language(documents, language):
        if group.language not in models:
            continue
        row = 0
        for texts in batches(group.table["text"]):
            rows, lengths = group.places[row : row + len(texts)], np.diff(texts.starts)
            row += len(texts)
            kinds = places[group.language] * BINS + np.searchsorted(LENGTHS, lengths, "right")
            bits = bits_of(texts, models[group.language]) / np.maximum(lengths, 1)
            values = np.stack((kinds, np.round(THOUSAND * bits)))
            found[:, rows] = np.where(lengths > 0, values, NONE)
    return found


def _table(ids: pa.ChunkedArray, found: Found, limits: Mapping[int, Limits]) -> pa.Table:
    """What is written of a shard's documents."""
    kinds, bits = found
    terciles = np.full(len(kinds), NONE, np.int8)
    for kind in np.unique(kinds).tolist():
        if own := limits.get(kind):
            rows = kinds == kind
            terciles[rows] = 1 + (bits[rows, None] > np.array(own)).sum(axis=1)
    return pa.table(
        [
            ids.cast(pa.string()),
            pa.array(bits / THOUSAND, mask=kinds == NONE),
            pa.array(terciles, mask=terciles == NONE),
        ],
        schema=SCORED,
    )


def _told(kind: int, found: Kind, limits: Limits, languages: list[str]) -> dict[str, Any]:
    """What is told of a kind."""
    place, length = divmod(kind, BINS)
    count = int(found.counts.sum())
    total = int(found.counts @ np.arange(len(found.counts)))
    head, middle = (it / THOUSAND for it in limits) if limits else (None, None)
    return {
        "language": languages[place],
        "length": length_name(LENGTHS[length - 1] if length else 0).strip(),
        "documents": count,
        "bits_per_character": round(total / count / THOUSAND, 3),
        "head_most_bits": head,
        "middle_most_bits": middle,
        "fewest": [name for *_, name in found.fewest],
        "most": [name for *_, name in reversed(found.most)],
    }


STAGE = Stage(
    "corpus.perplexity",
    version=1,
    config=PerplexityConfig,
    inputs=("documents", "language", "reference"),
    run=run,
    libraries=("numpy", "pyarrow"),
    instead="",
)
