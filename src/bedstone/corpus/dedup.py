"""Stage corpus.dedup: keep one document of each cluster of exact and near-duplicates.

Reads   ``signatures``, ``filtered``
Writes  a file for each shard of documents, ``00000.parquet`` ...: ``id``, ``keep`` (it passes the
        filter and represents its cluster), ``cluster`` (the representative's id, null for a
        document without duplicates), ``cluster_size``, ``duplicate`` (``exact`` or ``near`` the
        representative; null for that one itself and for a document without duplicates)

A cluster is represented by the longest of its documents that pass the filter, of equally long
ones by that with the smallest id; if none passes, by the longest of all, and nothing is kept.
Nothing is kept either of a cluster with a document of the yardstick in it: a copy of the text
that languages are compared on must not be trained on.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from bedstone.config import Config
from bedstone.corpus import columns
from bedstone.corpus.clusters import join
from bedstone.corpus.rules import YARDSTICK
from bedstone.corpus.words import Hashes
from bedstone.errors import ConfigError
from bedstone.stage import Job, Metrics, Result, Stage


class DedupConfig(Config):
    """What counts as a near-duplicate."""

    bands: int = Field(default=14, gt=0)
    """The signature is cut into so many; documents that agree in one are compared."""
    min_similarity: float = Field(default=0.7, ge=0, le=1)
    """Estimated Jaccard similarity from which compared documents are duplicates."""


@dataclass(frozen=True, slots=True)
class Documents:
    """All documents, in the shards' order."""

    ids: pa.ChunkedArray
    exact: NDArray[np.void]
    signatures: Hashes
    signed: NDArray[np.bool_]
    characters: NDArray[np.int64]
    passes: NDArray[np.bool_]
    is_yardstick: NDArray[np.bool_]
    shard_rows: list[int]


def run(config: DedupConfig, job: Job) -> Result:
    """Cluster the documents of all shards, and choose among them.

    Raises:
        ConfigError: the bands do not divide the signature evenly.
    """
    documents = _documents(job)
    positions = documents.signatures.shape[1]
    if positions % config.bands:
        raise ConfigError(f"{config.bands} bands do not divide {positions} positions evenly")
    joined = join(
        documents.exact,
        documents.signatures,
        documents.signed,
        config.bands,
        config.min_similarity,
    )
    sizes = np.bincount(joined.roots, minlength=len(joined.roots))[joined.roots]
    best = representatives(joined.roots, documents.passes, documents.characters, documents.ids)
    represents = best == np.arange(len(best))
    spoilt = np.isin(joined.roots, joined.roots[documents.is_yardstick])
    keep = represents & documents.passes & ~spoilt
    is_exact = ~represents & (documents.exact == documents.exact[best])
    is_near = ~represents & ~is_exact
    table = pa.table(
        {
            "id": documents.ids,
            "keep": keep,
            "cluster": pc.if_else(pa.array(sizes > 1), documents.ids.take(pa.array(best)), None),
            "cluster_size": pa.array(sizes, pa.int64()),
            "duplicate": _duplicate(is_exact, is_near),
        }
    )
    files, start = [], 0
    for number, rows in enumerate(documents.shard_rows):
        files.append(columns.write(job, f"{number:05}.parquet", table.slice(start, rows)))
        start += rows
    counts = {
        "input": len(keep),
        "passing": documents.passes.sum(),
        "kept": keep.sum(),
        "dropped": (documents.passes & ~keep).sum(),
        "yardstick_copy": (documents.passes & spoilt).sum(),
        "exact_duplicate": is_exact.sum(),
        "near_duplicate": is_near.sum(),
        "largest_cluster": sizes.max(initial=0),
    }
    metrics: Metrics = {f"{name}_documents": int(count) for name, count in counts.items()}
    metrics |= {
        "kept_share": float(keep.sum() / max(len(keep), 1)),
        "clusters": int((represents & (sizes > 1)).sum()),
        "candidate_pairs": joined.candidate_pairs,
        "joined_pairs": joined.joined_pairs,
    }
    return Result(metrics, tuple(files))


def representatives(
    roots: NDArray[np.int64],
    passes: NDArray[np.bool_],
    characters: NDArray[np.int64],
    ids: pa.ChunkedArray,
) -> NDArray[np.int64]:
    """Of each document, the row of the one that represents its cluster.

    Args:
        roots: of each document, the row of the first one in its cluster.
        passes: whether it passes the filter.
        characters: the length of its text.
        ids: decide between equally long ones.
    """
    table = pa.table({"root": roots, "passes": passes, "characters": characters, "id": ids})
    keys = [
        ("root", "ascending"),
        ("passes", "descending"),
        ("characters", "descending"),
        ("id", "ascending"),
    ]
    order = pc.sort_indices(table, sort_keys=keys).to_numpy().astype(np.int64)
    starts = np.concatenate(([True], roots[order][1:] != roots[order][:-1]))[: len(order)]
    best = np.empty(len(roots), np.int64)
    best[roots[order[starts]]] = order[starts]
    return best[roots]


def _documents(job: Job) -> Documents:
    signatures, decisions = [], []
    pairs = zip(job.inputs["signatures"].shards, job.inputs["filtered"].shards, strict=True)
    for signature, decision in pairs:
        read = columns.read(signature, ["id", "exact", "characters"], nullable=["signature"])
        signatures.append(read)
        decisions.append(columns.beside(decision, read, ["keep", "failed"]))
    table, decided = pa.concat_tables(signatures), pa.concat_tables(decisions)
    listed = table["signature"].combine_chunks()
    return Documents(
        ids=table["id"],
        exact=np.frombuffer(b"".join(table["exact"].to_pylist()), "V16"),
        signatures=pc.fill_null(listed.values, 0).to_numpy().reshape(-1, listed.type.list_size),
        signed=table["signature"].is_valid().to_numpy(),
        characters=table["characters"].to_numpy(),
        passes=decided["keep"].to_numpy(),
        is_yardstick=np.array(
            [YARDSTICK in failures for failures in decided["failed"].to_pylist()], np.bool_
        ),
        shard_rows=[read.num_rows for read in signatures],
    )


def _duplicate(is_exact: NDArray[np.bool_], is_near: NDArray[np.bool_]) -> pa.Array:
    none = pa.scalar(None, pa.string())
    near = pc.if_else(pa.array(is_near), pa.scalar("near"), none)
    return pc.if_else(pa.array(is_exact), pa.scalar("exact"), near)


STAGE = Stage(
    "corpus.dedup",
    version=1,
    config=DedupConfig,
    inputs=("signatures", "filtered"),
    run=run,
    libraries=("pyarrow",),
)
