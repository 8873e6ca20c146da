"""Stage corpus.held_out: draw the documents that models are measured on, before any decision.

Reads   ``signatures``, ``language``; ``yardstick``, whose documents are not drawn
Writes  a file for each shard of documents, ``00000.parquet`` ...: ``id``, ``split``: ``train``;
        ``held_out``, one document of each cluster of near-duplicates that was drawn; ``near``, the
        others of such a cluster; ``yardstick``, the parallel text's documents, and their
        near-duplicates

What learns reads ``train`` only: who has read a copy of a document has read the document. Since
no filter has been asked, corpora that are made of the same documents by different decisions are
measured on the same ones.

A cluster is represented, and held out, by the document with the smallest id, and counts for the
language of that one. It is drawn by lot, so few others change when documents come or go.
"""

from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field, model_validator

from bedstone.config import Config
from bedstone.corpus.duplicates.clusters import Bools, Documents, having, join
from bedstone.corpus.duplicates.signatures import Hashes
from bedstone.corpus.duplicates.stored import Signatures, read_signatures
from bedstone.lots import lot
from bedstone.store import tables
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.text.codes import Indices
from bedstone.uncertainty.intervals import MIN_DOCUMENTS

SPLITS = ("train", "held_out", "near", "yardstick")
TRAIN, HELD_OUT, NEAR, YARDSTICK = range(len(SPLITS))


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
    signatures = read_signatures(job.inputs["signatures"])
    languages = signatures.groups(job.inputs["language"], "language")
    count = len(languages)
    about = Documents(np.ones(count, np.bool_), np.zeros(count, np.uint64), signatures.ranks)
    roots = join(signatures.exact, signatures.bands, about, config.min_similarity).roots
    is_spoilt = having(roots, signatures.is_yardstick(job.inputs.get("yardstick")))
    held_out = _held_out(config, signatures, languages, (roots == np.arange(count)) & ~is_spoilt)
    splits = np.where(having(roots, held_out), NEAR, TRAIN)
    splits[held_out] = HELD_OUT
    splits[is_spoilt] = YARDSTICK
    files = [
        tables.write(job, f"{number:05}.parquet", _table(signatures, splits, rows))
        for number, rows in enumerate(signatures.rows())
    ]
    counts = np.bincount(splits, minlength=len(SPLITS))
    metrics: Metrics = {
        **{f"{name}_documents": int(counts[number]) for number, name in enumerate(SPLITS)},
        "held_out_characters": int(signatures.characters[held_out].sum()),
        "held_out_languages": len(np.unique(languages[held_out])),
    }
    return Result(metrics, tuple(files))


def drawn(config: HeldOutConfig, languages: Hashes, lots: NDArray[np.float64]) -> Bools:
    """Which clusters are drawn.

    Args:
        config: how many.
        languages: of each cluster, a number that is its language's.
        lots: of each cluster, in [0, 1).
    """
    is_drawn = np.zeros(len(lots), np.bool_)
    order = np.lexsort((lots, languages))
    for of_language in np.split(order, np.flatnonzero(np.diff(languages[order])) + 1):
        by_share = int((lots[of_language] < config.share).sum())
        most = int(config.max_share * len(of_language))
        is_drawn[of_language[: min(max(by_share, config.min_documents), most)]] = True
    return is_drawn


def _held_out(
    config: HeldOutConfig, signatures: Signatures, languages: Hashes, represents: Bools
) -> Bools:
    rows = np.flatnonzero(represents)
    ids = signatures.ids.take(pa.array(rows))
    lots = np.fromiter((lot(each.as_py(), "held out") for each in ids), np.float64, len(rows))
    held_out = np.zeros(len(represents), np.bool_)
    held_out[rows[drawn(config, languages[rows], lots)]] = True
    return held_out


def _table(signatures: Signatures, splits: Indices, rows: slice) -> pa.Table:
    return pa.table(
        {
            "id": signatures.ids[rows].cast(pa.string()),
            "split": pa.array(SPLITS).take(pa.array(splits[rows])),
        }
    )


STAGE = Stage(
    "corpus.held_out",
    version=1,
    config=HeldOutConfig,
    inputs=("signatures", "language"),
    optional=("yardstick",),
    run=run,
    libraries=("numpy", "pyarrow"),
)
