"""Stage corpus.prevalence: how much of a domain there is, from the labels of what was drawn.

Reads   ``draw``: of corpus.draw; ``labels``: its table, filled in; without it the share is unknown
Writes  ``prevalence.json``: ``documents`` that were drawn from, ``drawn``, ``labels`` (filled in),
        ``unfilled``; ``share``, ``low``, ``high`` (95 %), null without a label; ``method``;
        ``strata`` [{``stratum``, ``documents``, ``drawn``, ``labels``, ``yes``}]; ``languages``
        [{``language``, ``documents``, ``labels``, ``share``, ``low``, ``high``}], null where the
        labels are too few to tell

What the labels say is taken for true. A row that was left empty counts as not drawn: where those
are the hard ones, the share is that of the easy ones.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq
from pydantic import Field

from bedstone.config import Config
from bedstone.corpus.domains.labels import read_labels
from bedstone.store.payload import only_file, write_json
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.uncertainty.strata import Stratum, stratified_share

FILE = "prevalence.json"
METHOD = (
    "labels drawn in strata by a classifier's score; of each stratum's share draws of "
    "Beta(yes + 1/3, no + 1/3), combined by its documents; 95 % between their percentiles"
)
Group = tuple[str, str]
"""Language and stratum."""


class PrevalenceConfig(Config):
    """When a language is told of by itself."""

    min_labels: int = Field(30, ge=1, le=5_000)
    """Of a language; with fewer its share is not told."""
    seed: int = Field(0, ge=0)
    """Of the draws behind the intervals."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """What there is of each language and stratum."""

    documents: Mapping[Group, int]
    drawn: Mapping[Group, int]
    labels: Mapping[Group, int]
    positives: Mapping[Group, int]

    def share(self, groups: Iterable[Group], seed: int, least: int) -> dict[str, Any]:
        """The share of the documents of ``groups``; null where there are fewer labels than that."""
        of_stratum: dict[str, list[Group]] = {}
        for group in groups:
            of_stratum.setdefault(group[1], []).append(group)
        parts = (self.documents, self.labels, self.positives)
        strata = [
            Stratum(*(_sum(counts, own) for counts in parts))
            for _, own in sorted(of_stratum.items())
        ]
        if sum(it.labels for it in strata) < least:
            return dict.fromkeys(("share", "low", "high"))
        found = stratified_share(strata, seed)
        return {"share": found.value, "low": found.low, "high": found.high}


def run(config: PrevalenceConfig, job: Job) -> Result:
    """Count the labels by language and stratum, and estimate."""
    draw = job.inputs["draw"]
    drawn = pq.read_table(draw.file("drawn.parquet")).to_pylist()
    sizes = pq.read_table(draw.file("strata.parquet")).to_pylist()
    group_of = {it["id"]: (it["language"], it["stratum"]) for it in drawn}
    filled = job.inputs.get("labels")
    said = read_labels(only_file(filled, "labels"), group_of) if filled else {}
    found = Labelled(
        {(it["language"], it["stratum"]): it["documents"] for it in sizes},
        Counter(group_of.values()),
        Counter(group_of[name] for name in said),
        Counter(group_of[name] for name, is_in in said.items() if is_in),
    )
    whole = {
        "documents": _sum(found.documents, found.documents),
        "drawn": len(drawn),
        "labels": len(said),
        "unfilled": len(drawn) - len(said),
        **found.share(found.documents, config.seed, 1),
        "method": METHOD,
        "strata": _strata(found),
        "languages": _languages(found, config),
    }
    write_json(job, FILE, whole)
    return Result(_metrics(whole))


def _sum(counts: Mapping[Group, int], groups: Iterable[Group]) -> int:
    return sum(counts.get(group, 0) for group in groups)


def _strata(found: Labelled) -> list[dict[str, Any]]:
    rows = []
    for name in sorted({stratum for _, stratum in found.documents}):
        own = [group for group in found.documents if group[1] == name]
        columns = (found.documents, found.drawn, found.labels, found.positives)
        sums = (_sum(counts, own) for counts in columns)
        keys = ("documents", "drawn", "labels", "yes")
        rows.append({"stratum": name, **dict(zip(keys, sums, strict=True))})
    return rows


def _languages(found: Labelled, config: PrevalenceConfig) -> list[dict[str, Any]]:
    rows = []
    for name in sorted({language for language, _ in found.documents}):
        own = [group for group in found.documents if group[0] == name]
        counts = {"documents": _sum(found.documents, own), "labels": _sum(found.labels, own)}
        told = found.share(own, config.seed, config.min_labels)
        rows.append({"language": name, **counts, **told})
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
