"""Stage corpus.prevalence: how much of a domain there is, from the labels of what was drawn.

Reads   ``draw``: of corpus.draw; ``labels``: its table, filled in; without it the share is unknown
Writes  ``prevalence.json``: ``documents`` that were drawn from, ``drawn``, ``labels`` (filled in),
        ``unfilled``; ``share``, ``low``, ``high`` (95 %), null until each stratum that has
        documents has a label; ``method``;
        ``strata`` [{``stratum``, ``documents``, ``drawn``, ``labels``, ``yes``}]; ``languages``
        [{``language``, ``documents``, ``labels``, ``share``, ``low``, ``high``}], null where the
        labels are too few to tell, or lie in one stratum of several

What the labels say is taken for true. A row that was left empty counts as not drawn: where those
are the hard ones, the share is that of the easy ones.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow.parquet as pq
from pydantic import Field

from bedstone.config import Config
from bedstone.corpus.domains.labels import read_labels
from bedstone.store.payload import only_file, write_json
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.uncertainty.strata import Stratum, stratified_share

Row = dict[str, Any]
FILE = "prevalence.json"
COUNTS = ("documents", "drawn", "labels", "yes")
LEFT_OPEN = 0.03
"""Of a language's documents, those in strata without a label that leave its share told: anything
within its interval. Our choice."""
METHOD = (
    "labels drawn in strata by a classifier's score; of each stratum's share draws of "
    "Beta(yes + 1/3, no + 1/3), combined by its documents; 95 % between their percentiles"
)


class PrevalenceConfig(Config):
    """When a language is told of by itself."""

    min_labels: int = Field(30, ge=1, le=5_000)
    """Of a language; with fewer its share is not told."""
    seed: int = Field(0, ge=0)
    """Of the draws behind the intervals."""


def run(config: PrevalenceConfig, job: Job) -> Result:
    """Count the labels by language and stratum, and estimate."""
    draw = job.inputs["draw"]
    drawn = pq.read_table(draw.file("drawn.parquet")).to_pylist()
    groups = pq.read_table(draw.file("strata.parquet")).to_pylist()
    group_of = {it["id"]: (it["language"], it["stratum"]) for it in drawn}
    filled = job.inputs.get("labels")
    said = read_labels(only_file(filled, "labels"), group_of) if filled else {}
    of_drawn, labels = Counter(group_of.values()), Counter(group_of[name] for name in said)
    positives = Counter(group_of[name] for name, is_in in said.items() if is_in)
    for row in groups:
        group = row["language"], row["stratum"]
        row |= {"drawn": of_drawn[group], "labels": labels[group], "yes": positives[group]}
    whole = {
        "documents": sum(row["documents"] for row in groups),
        "drawn": len(drawn),
        "labels": len(said),
        "unfilled": len(drawn) - len(said),
        **_share(groups, config.seed, 1, 0.0),
        "method": METHOD,
        "strata": _summed(groups, "stratum"),
        "languages": _languages(groups, config),
    }
    write_json(job, FILE, whole)
    return Result(_metrics(whole))


def _share(groups: Sequence[Row], seed: int, least: int, left_open: float) -> Row:
    """The share of the documents of ``groups``; null of too few labels.

    Args:
        groups: counts.
        seed: of the draws.
        least: labels.
        left_open: the share of the documents that may be in strata without a label.
    """
    strata = [
        Stratum(it["documents"], it["labels"], it["yes"]) for it in _summed(groups, "stratum")
    ]
    documents, labels = (sum(getattr(it, name) for it in strata) for name in COUNTS[::2])
    bare = sum(it.documents for it in strata if not it.labels)
    if labels < least or bare > left_open * documents:
        return dict.fromkeys(("share", "low", "high"))
    found = stratified_share(strata, seed)
    return {"share": found.value, "low": found.low, "high": found.high}


def _summed(groups: Sequence[Row], key: str) -> list[Row]:
    """The counts of all groups that are alike in ``key``."""
    sums: dict[str, Counter[str]] = {}
    for row in groups:
        sums.setdefault(row[key], Counter()).update({name: row[name] for name in COUNTS})
    return [{key: value, **{name: sums[value][name] for name in COUNTS}} for value in sorted(sums)]


def _languages(groups: Sequence[Row], config: PrevalenceConfig) -> list[Row]:
    rows = []
    for row in _summed(groups, "language"):
        own = [group for group in groups if group["language"] == row["language"]]
        counts = {name: row[name] for name in ("language", "documents", "labels")}
        rows.append(counts | _share(own, config.seed, config.min_labels, LEFT_OPEN))
    return rows


def _metrics(whole: Mapping[str, Any]) -> Metrics:
    """The counts, and the share where there is one."""
    names = {
        "documents": "input_documents",
        "drawn": "drawn_documents",
        "labels": "labelled_documents",
        "share": "domain_share",
        "low": "domain_share_low",
        "high": "domain_share_high",
    }
    return {of: whole[name] for name, of in names.items() if whole[name] is not None}


STAGE = Stage(
    "corpus.prevalence",
    version=1,
    config=PrevalenceConfig,
    inputs=("draw",),
    optional=("labels",),
    run=run,
    libraries=("numpy",),
)
