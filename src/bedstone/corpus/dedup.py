"""Stage corpus.dedup: keep one document of each cluster of exact and near-duplicates.

Reads   ``signatures``; ``before``, earlier decisions: only what they keep can be a duplicate, and
        can be kept; ``yardstick``, whose documents are never kept; ``language``, where duplicates
        are sought in each language apart
Writes  a file for each shard of documents, ``00000.parquet`` ...: ``id``, ``keep``, ``duplicate``
        (whether another document represents it)
        and as many in ``about``: ``id``, ``cluster`` (the id of the document that represents it;
        null for one without duplicates), ``cluster_size`` (null for a document that no duplicate
        was sought of), ``similarity`` (the least estimated Jaccard similarity of a document of the
        cluster with the one that represents it), ``kind`` (of a duplicate: ``exact`` or ``near``
        the representative)

A cluster is represented, and kept, by the longest of its documents; of equally long ones by that
with the smallest id. A document of the yardstick represents others like it only, and nothing is
kept of a cluster that has one: a copy of the text that languages are compared on must not be
trained on.

Held in memory are the ids and a row of numbers for each document, some 200 bytes; of the
signatures, one band of as many documents as fit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from bedstone.config import Config
from bedstone.corpus.duplicates.clusters import Bools, Documents, Joined, agreement, having, join
from bedstone.corpus.duplicates.signatures import Hashes
from bedstone.corpus.duplicates.stored import Signatures, bools, read_signatures
from bedstone.errors import ConfigError
from bedstone.store import tables
from bedstone.store.artifact import ABOUT, Artifact
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.text.codes import Indices


class DedupConfig(Config):
    """What counts as a near-duplicate, and of what."""

    scope: Literal["whole", "source", "language"] = "whole"
    """Where a document's duplicates are sought: everywhere, in its source file, or in its
    language."""
    min_similarity: float | None = Field(default=None, ge=0, le=1)
    """Estimated Jaccard similarity of duplicates. Without it, those that agree in a band are."""


@dataclass(frozen=True, slots=True)
class Table:
    """What is known of all documents."""

    signatures: Signatures
    characters: Indices
    passes: Bools
    """Whether earlier decisions keep it, and it is none of the yardstick's."""
    is_yardstick: Bools
    about: Documents


@dataclass(frozen=True, slots=True)
class Clusters:
    """Of each document, its cluster."""

    best: Indices
    """The one that represents it."""
    sizes: Indices
    similarity: NDArray[np.float64]
    is_exact: Bools
    """Whether its text is that of ``best``."""


def resolve(config: DedupConfig, inputs: Mapping[str, Artifact]) -> DedupConfig:
    """The config.

    Raises:
        ConfigError: scope is language, and no input tells it; or an input tells it for nothing.
    """
    if ("language" in inputs) != (config.scope == "language"):
        missing = config.scope == "language"
        raise ConfigError(
            f"corpus.dedup: scope is {config.scope}, "
            + ("and no input tells the language" if missing else "so the language has no effect"),
            hint=f"{'give' if missing else 'leave out'} the input 'language', or change scope",
        )
    return config


def run(config: DedupConfig, job: Job) -> Result:
    """Cluster the documents of all shards, and choose among them."""
    table = _table(config, job)
    signatures = table.signatures
    joined = join(signatures.exact, signatures.bands, table.about, config.min_similarity)
    clusters = _clusters(joined.roots, table)
    is_spoilt = having(joined.roots, table.is_yardstick)
    keep = table.passes & (clusters.best == np.arange(len(is_spoilt))) & ~is_spoilt
    files = []
    for number, rows in enumerate(signatures.rows()):
        decisions = _decisions(table, clusters, keep, rows)
        files.append(tables.write(job, f"{number:05}.parquet", decisions))
        about = _about(table, clusters, rows)
        files.append(tables.write(job, f"{ABOUT}/{number:05}.parquet", about))
    return Result(_metrics(table, clusters, keep, table.passes & is_spoilt, joined), tuple(files))


def representatives(roots: Indices, passes: Bools, characters: Indices, ranks: Indices) -> Indices:
    """Of each document, the row of the one that represents its cluster.

    Args:
        roots: of each document, the row of one that is the same for all of its cluster.
        passes: whether it may be kept; such a one goes before all others.
        characters: the length of its text; the longer goes before the shorter.
        ranks: decide between equally long ones.
    """
    best = roots.copy()
    clustered = np.flatnonzero(np.bincount(roots, minlength=len(roots))[roots] > 1)
    keys = (ranks, -characters, ~passes, roots)
    order = clustered[np.lexsort([key[clustered] for key in keys])]
    is_first = np.diff(roots[order], prepend=-1) != 0
    best[roots[order[is_first]]] = order[is_first]
    best[clustered] = best[roots[clustered]]
    return best


def _clusters(roots: Indices, table: Table) -> Clusters:
    signatures = table.signatures
    best = representatives(roots, table.passes, table.characters, table.about.ranks)
    others = np.flatnonzero(best != np.arange(len(best)))
    pairs = np.stack([best[others], others], axis=1)
    similarity, is_exact = np.ones(len(best)), np.zeros(len(best), np.bool_)
    np.minimum.at(similarity, best[others], agreement(signatures.bands, pairs))
    is_exact[others] = agreement([signatures.exact], pairs) == 1
    sizes = np.bincount(roots, minlength=len(roots))[roots]
    return Clusters(best, sizes, similarity[best], is_exact)


def _decisions(table: Table, clusters: Clusters, keep: Bools, rows: slice) -> pa.Table:
    return pa.table(
        {
            "id": table.signatures.ids[rows].cast(pa.string()),
            "keep": keep[rows],
            "duplicate": ~_represents(clusters)[rows],
        }
    )


def _about(table: Table, clusters: Clusters, rows: slice) -> pa.Table:
    ids, best, sizes = table.signatures.ids, clusters.best[rows], clusters.sizes[rows]
    alone = sizes == 1
    kinds = pa.array(np.where(clusters.is_exact[rows], 0, 1), mask=_represents(clusters)[rows])
    return pa.table(
        {
            "id": ids[rows].cast(pa.string()),
            "cluster": ids.take(pa.array(best, mask=alone)).cast(pa.string()),
            "cluster_size": pa.array(sizes, pa.int64(), mask=~table.about.enter[rows]),
            "similarity": pa.array(clusters.similarity[rows], mask=alone),
            "kind": pa.array(["exact", "near"]).take(kinds),
        }
    )


def _represents(clusters: Clusters) -> Bools:
    return np.equal(clusters.best, np.arange(len(clusters.best)))


def _metrics(
    table: Table, clusters: Clusters, keep: Bools, is_copy: Bools, joined: Joined
) -> Metrics:
    represents = _represents(clusters)
    counts = {
        "input": len(keep),
        "passing": table.passes.sum(),
        "kept": keep.sum(),
        "dropped": (table.passes & ~keep).sum(),
        "yardstick": table.is_yardstick.sum(),
        "yardstick_copy": is_copy.sum(),
        "exact_duplicate": clusters.is_exact.sum(),
        "near_duplicate": (~represents & ~clusters.is_exact).sum(),
        "largest_cluster": clusters.sizes[table.about.enter].max(initial=0),
    }
    metrics: Metrics = {f"{name}_documents": int(count) for name, count in counts.items()}
    return metrics | {
        "kept_share": float(keep.sum() / max(len(keep), 1)),
        "clusters": int((represents & (clusters.sizes > 1)).sum()),
        "candidate_pairs": joined.candidate_pairs,
    }


def _table(config: DedupConfig, job: Job) -> Table:
    signatures = read_signatures(job.inputs["signatures"])
    is_yardstick = signatures.is_yardstick(job.inputs.get("yardstick"))
    passes = ~is_yardstick
    if "before" in job.inputs:
        passes &= bools(signatures.beside(job.inputs["before"], "keep"))
    scopes = _scopes(config, job, signatures)
    about = Documents(passes | is_yardstick, scopes, signatures.ranks)
    return Table(signatures, signatures.characters, passes, is_yardstick, about)


def _scopes(config: DedupConfig, job: Job, signatures: Signatures) -> Hashes:
    if config.scope == "language":
        return signatures.groups(job.inputs["language"], "language")
    if config.scope == "whole":
        return np.zeros(len(signatures.ids), np.uint64)
    rows = [table.num_rows for table in signatures.shards]
    return np.repeat(np.arange(len(rows), dtype=np.uint64), rows)


STAGE = Stage(
    "corpus.dedup",
    version=3,
    config=DedupConfig,
    inputs=("signatures",),
    optional=("before", "language", "yardstick"),
    run=run,
    libraries=("numpy", "pyarrow"),
    resolve=resolve,
)
