"""Stage corpus.held_out: draw the documents that models are measured on, before any decision.

Reads   ``signatures``, ``language``; ``yardstick``, whose documents are not drawn
Writes  a file for each shard of documents, ``00000.parquet`` ...: ``id``, ``split``: ``train``;
        ``held_out``, one document of each cluster of near-duplicates that was drawn; ``near``, the
        others of such a cluster; ``yardstick``, the parallel text's documents, and their
        near-duplicates

What learns reads ``train`` only: who has read a copy of a document has read the document. Since
no filter has been asked, corpora that are made of the same documents by different decisions are
measured on the same ones.

A cluster is represented, and held out, by the document whose id has the smallest hash, and counts
for the language of that one. It is drawn by lot, so few others change when documents come or go.

What is held, and what lies on the disk meanwhile, says ``corpus.duplicates.search``; here also the
lots that might be drawn.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field, model_validator

from bedstone.config import Config
from bedstone.corpus.duplicates.clusters import Bools, having, representatives
from bedstone.corpus.duplicates.search import Keyed, Part, parts_of, search, written
from bedstone.corpus.duplicates.signatures import Hashes
from bedstone.lots import lot
from bedstone.store import tables
from bedstone.store.artifact import File
from bedstone.store.parts import made_parts
from bedstone.store.stage import Job, Result, Stage
from bedstone.uncertainty.intervals import MIN_DOCUMENTS

Lots = NDArray[np.float64]

SPLITS = ("train", "held_out", "near", "yardstick")
TRAIN, HELD_OUT, NEAR, YARDSTICK = range(len(SPLITS))
NO_LOT = 2.0
"""Of a document that is not drawn whatever its language's clusters are."""


class HeldOutConfig(Config):
    """How many clusters of each language are drawn."""

    share: float = Field(default=0.05, ge=0, le=1)
    """Of each language's clusters, drawn by hash."""
    min_documents: int = Field(default=MIN_DOCUMENTS, ge=0)
    """Of a language whose share gives fewer, so many are drawn, those with the least lots. By
    default the least of which an interval is told."""
    max_share: float = Field(default=0.2, ge=0, le=1)
    """Of a language's clusters, never more: one with little text may hold out nothing."""
    min_similarity: float | None = Field(default=None, ge=0, le=1)
    """Estimated Jaccard similarity of near-duplicates. Without it, those that agree in a band are:
    rather too many, so that nothing near is learnt from."""

    @model_validator(mode="after")
    def _share_can_be_drawn(self) -> Self:
        if self.share > self.max_share:
            raise ValueError(f"share {self.share:g} is more than max_share {self.max_share:g}")
        return self


def run(config: HeldOutConfig, job: Job) -> Result:
    """Cluster the documents of all shards, and draw among the clusters of each language."""
    found = search(job, "whole", config.min_similarity)
    keyed, facts = found.keyed, found.keyed.facts_of(found.rows)
    is_spoilt = having(found.roots, facts["spoils"])
    represents = representatives(found.roots, facts["rank"]) == np.arange(len(facts))
    keyed.save("chances", represents & ~is_spoilt)
    paths = made_parts(job, "lots", partial(_write_lots, keyed), parts_of(job, found))
    read = ((keyed.facts(number)["language"], np.load(path)) for number, path in enumerate(paths))
    last = last_lots(config, read)
    bounds = zip(paths, keyed.by_shard(found.rows), strict=True)
    lots = [np.load(path)[found.rows[its] - start] for path, (start, its) in bounds]
    is_drawn = _drawn(np.concatenate([np.empty(0), *lots]), facts["language"], last)
    splits = np.where(having(found.roots, is_drawn), NEAR, TRAIN)
    splits[is_drawn] = HELD_OUT
    splits[is_spoilt] = YARDSTICK
    keyed.save("splits", splits)
    files, counts, languages = [], Counter[str](), set[int]()
    for file, its_counts, its_languages in written(job, found, partial(_write, last)):
        files.append(file)
        counts.update(its_counts)
        languages |= its_languages
    return Result({**counts, "held_out_languages": len(languages)}, tuple(files))


def last_lots(config: HeldOutConfig, shards: Iterable[tuple[Hashes, Lots]]) -> dict[int, float]:
    """Of each language from which clusters are drawn, the greatest lot that is.

    Args:
        config: how many.
        shards: of each, its documents' languages, and lots: in [0, 1), or ``NO_LOT``.
    """
    counts, least = Counter[int](), defaultdict[int, list[Lots]](list)
    for languages, lots in shards:
        rows = np.flatnonzero(lots < NO_LOT)
        order = rows[np.lexsort((lots[rows], languages[rows]))]
        names, firsts = np.unique(languages[order], return_index=True)
        for name, its in zip(names.tolist(), np.split(lots[order], firsts[1:]), strict=False):
            counts[name] += len(its)
            # Whatever the other shards have, no more of them are drawn.
            least[name].append(its[: max(int((its < config.share).sum()), config.min_documents)])
    last = {}
    for name, count in counts.items():
        lots = np.sort(np.concatenate(least[name]))
        by_share = int((lots < config.share).sum())
        most = int(config.max_share * count)
        if number := min(max(by_share, config.min_documents), most):
            last[name] = float(lots[number - 1])
    return last


def _drawn(lots: Lots, languages: Hashes, last: Mapping[int, float]) -> Bools:
    names, which = np.unique(languages, return_inverse=True)
    limits = np.array([last.get(name, -1.0) for name in names.tolist()], np.float64)
    is_drawn: Bools = lots <= limits[which]
    return is_drawn


def _write_lots(keyed: Keyed, part: Part, path: Path) -> None:
    """Of each document that may be drawn, its lot; ``NO_LOT`` of the others."""
    ids = tables.read(part.signatures, ["id"])["id"]
    has_chance = ~keyed.facts(part.number)["spoils"]
    has_chance[keyed.rows(part)] = keyed.saved("chances")[part.clustered]
    rows = np.flatnonzero(has_chance)
    lots = np.full(len(ids), NO_LOT)
    lots[rows] = [lot(each, "held out") for each in ids.take(pa.array(rows)).to_pylist()]
    with path.open("wb") as file:
        np.save(file, lots)


def _write(
    last: Mapping[int, float], job: Job, keyed: Keyed, part: Part
) -> tuple[File, dict[str, int], set[int]]:
    """The splits of a shard of documents, how many are in each, and of which languages."""
    facts, lots = keyed.facts(part.number), np.load(keyed.folder / "lots" / f"{part.number:05}")
    splits = np.where(_drawn(lots, facts["language"], last), HELD_OUT, TRAIN)
    splits[facts["spoils"]] = YARDSTICK
    splits[keyed.rows(part)] = keyed.saved("splits")[part.clustered]
    name = f"{part.number:05}.parquet"
    if not job.has(name):
        ids = tables.read(part.signatures, ["id"])["id"]
        split = pa.array(SPLITS).take(pa.array(splits))
        tables.write(job, name, pa.table({"id": ids, "split": split}))
    held_out = facts[splits == HELD_OUT]
    counts = dict(zip(SPLITS, np.bincount(splits, minlength=len(SPLITS)).tolist(), strict=True))
    metrics = {f"{name}_documents": count for name, count in counts.items()}
    metrics["held_out_characters"] = int(held_out["characters"].sum())
    return job.record(name), metrics, set(held_out["language"].tolist())


STAGE = Stage(
    "corpus.held_out",
    version=2,
    config=HeldOutConfig,
    inputs=("signatures", "language"),
    optional=("yardstick",),
    run=run,
    libraries=("numpy", "pyarrow"),
)
