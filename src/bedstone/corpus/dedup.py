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
whose id has the smallest hash, a draw in which their order has no part. A document of the yardstick
represents others like it only, and nothing is kept of a cluster that has one: a copy of the text
that languages are compared on must not be trained on.

What is held, and what lies on the disk meanwhile, says ``corpus.duplicates.search``.
"""

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from bedstone.config import Config
from bedstone.corpus.duplicates.clusters import having, representatives
from bedstone.corpus.duplicates.search import (
    Found,
    Keyed,
    Part,
    Scope,
    agreement,
    beside,
    keep_ids,
    search,
    written,
)
from bedstone.errors import ConfigError
from bedstone.store import tables
from bedstone.store.artifact import ABOUT, Artifact, File
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.text.codes import Indices


class DedupConfig(Config):
    """What counts as a near-duplicate, and of what."""

    scope: Scope = "whole"
    """Where a document's duplicates are sought: everywhere, in its source file, or in its
    language."""
    min_similarity: float | None = Field(default=None, ge=0, le=1)
    """Estimated Jaccard similarity of duplicates. Without it, those that agree in a band are."""


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
    found = search(job, config.scope, config.min_similarity)
    facts = found.keyed.facts_of(found.rows)
    keys = (facts["rank"], -facts["characters"], ~facts["passes"])
    best = representatives(found.roots, *keys)
    sizes = np.bincount(found.roots, minlength=len(best))[found.roots]
    represents = best == np.arange(len(best))
    is_named = represents & (sizes > 1)
    keep_ids(job, found.keyed, found.rows[is_named])
    is_spoilt = having(found.roots, facts["spoils"])
    columns = {
        "keep": facts["passes"] & represents & ~is_spoilt,
        "represents": represents,
        "is_exact": found.twins == found.twins[best],
        "cluster": (np.cumsum(is_named) - 1)[best],
        "size": sizes,
        "similarity": _similarity(job, found, best),
    }
    clustered = np.empty(len(best), [(name, each.dtype) for name, each in columns.items()])
    for name, values in columns.items():
        clustered[name] = values
    found.keyed.save("clustered", clustered)
    files, counts = [], Counter[str]()
    for its_files, its_counts in written(job, found, _write):
        files += its_files
        counts.update(its_counts)
    counts.update(
        yardstick_copy=(facts["passes"] & is_spoilt).sum(),
        exact_duplicate=(~represents & clustered["is_exact"]).sum(),
        near_duplicate=(~represents & ~clustered["is_exact"]).sum(),
        largest_cluster=sizes.max(initial=min(counts["passing"] + counts["yardstick"], 1)),
    )
    metrics: Metrics = {f"{name}_documents": int(count) for name, count in counts.items()}
    metrics |= {
        "kept_share": counts["kept"] / max(counts["input"], 1),
        "clusters": int(is_named.sum()),
        "candidate_pairs": found.candidate_pairs,
    }
    return Result(metrics, tuple(files))


def _similarity(job: Job, found: Found, best: Indices) -> NDArray[np.float64]:
    """Of each document, the least one in its cluster with the one that represents it."""
    # A text equal to another has its signature.
    ends = found.twins[best]
    others = np.flatnonzero((found.twins == np.arange(len(best))) & (found.twins != ends))
    least = np.ones(len(best))
    shares = agreement(job, found, "similarity", np.stack([ends[others], others], axis=1))
    np.minimum.at(least, best[others], shares)
    similarity: NDArray[np.float64] = least[best]
    return similarity


def _write(job: Job, keyed: Keyed, part: Part) -> tuple[list[File], dict[str, int]]:
    """The decisions on a shard of documents, what is told of them, and how many there are."""
    name, facts = f"{part.number:05}.parquet", keyed.facts(part.number)
    rows, its = keyed.rows(part), keyed.saved("clustered")[part.clustered]
    keep = beside(facts["passes"].copy(), rows, its["keep"])
    if not job.has(name):
        ids = tables.read(part.signatures, ["id"])["id"]
        sizes = beside(np.ones(len(ids), np.int64), rows, its["size"])
        is_alone = sizes == 1
        represents = beside(np.ones(len(ids), np.bool_), rows, its["represents"])
        cluster = beside(np.zeros(len(ids), np.int64), rows, its["cluster"])
        similarity = beside(np.ones(len(ids)), rows, its["similarity"])
        kind = beside(np.zeros(len(ids), np.int64), rows, ~its["is_exact"])
        about = {
            "id": ids,
            "cluster": keyed.ids(pa.array(cluster, mask=is_alone)),
            "cluster_size": pa.array(sizes, mask=~(facts["passes"] | facts["spoils"])),
            "similarity": pa.array(similarity, mask=is_alone),
            "kind": pa.array(["exact", "near"]).take(pa.array(kind, mask=represents)),
        }
        tables.write(job, f"{ABOUT}/{name}", pa.table(about))
        tables.write(job, name, pa.table({"id": ids, "keep": keep, "duplicate": ~represents}))
    counts = {
        "input": len(facts),
        "passing": int(facts["passes"].sum()),
        "kept": int(keep.sum()),
        "dropped": int((facts["passes"] & ~keep).sum()),
        "yardstick": int(facts["spoils"].sum()),
    }
    return [job.record(name), job.record(f"{ABOUT}/{name}")], counts


STAGE = Stage(
    "corpus.dedup",
    version=4,
    config=DedupConfig,
    inputs=("signatures",),
    optional=("before", "language", "yardstick"),
    run=run,
    libraries=("numpy", "pyarrow"),
    resolve=resolve,
)
