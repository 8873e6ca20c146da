"""Stage corpus.draw: draw documents for a person to label, to learn how much of a domain there is.

Reads   ``documents``, ``language``; ``scores``: a classifier's, of corpus.classify; ``kept``:
        without it, all documents are counted
Writes  ``labels.tsv``, to be copied and filled in: ``id``, ``language``, ``url``, ``excerpt`` (the
        text's beginning), ``label``, which is empty: ``yes`` or ``no``. In random order, and
        without the score, so that nothing tells what is expected
        ``drawn.parquet``: ``id``, ``language``, ``stratum``
        ``strata.parquet``: ``language``, ``stratum``, ``documents``: of all, drawn or not

A stratum is ``above`` the score, ``below`` it, or ``untold``, where the classifier abstains. More
are drawn above than there are, for there a label tells most; corpus.prevalence takes that out
again. Within a stratum each language has about its share.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from bedstone.config import Config
from bedstone.corpus.domains.drawing import PURPOSE, allotted, evenly_drawn, strata_of
from bedstone.corpus.rewriting.versions import row_groups
from bedstone.errors import DataError, printable, uncomputed
from bedstone.lots import lot
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.store.stage import Job, Result, Stage

FILE = "labels.tsv"
SHOWN = ("id", "language", "url", "excerpt", "label")
EXCERPT_CHARACTERS = 400


class DrawConfig(Config):
    """How many are drawn, and where most of them."""

    labels: int = Field(300, ge=3, le=5_000)
    """Documents to label; 100 to 500 tell most."""
    threshold: float = Field(0.5, gt=0, lt=1)
    """The score that parts the documents: any gives a right interval, a good one a narrow one."""
    above_share: float = Field(0.3, gt=0, lt=1)
    """Of the labels, those above it; each stratum gets one at least."""
    seed: int = Field(0, ge=0)
    """Of the lots."""


def run(config: DrawConfig, job: Job) -> Result:
    """Draw by the columns, then read the texts of what is drawn.

    Raises:
        DataError: there is no document.
    """
    counted = _counted(config, job)
    if not counted.num_rows:
        raise DataError("there is no document to draw from")
    groups = counted.group_by(["language", "stratum"]).aggregate([([], "count_all")])
    groups = groups.rename_columns({"count_all": "documents"})
    groups = groups.sort_by([("language", "ascending"), ("stratum", "ascending")])
    sizes = Counter(counted["stratum"].to_pylist())
    numbers = allotted(sizes, config.labels, config.above_share)
    drawn = pa.concat_tables(
        _drawn(counted.filter(pc.equal(counted["stratum"], name)), number, config.seed)
        for name, number in numbers.items()
    )
    rows = sorted(_shown(job.inputs["documents"], drawn), key=lambda it: lot(it["id"], PURPOSE))
    with job.part(FILE) as path, path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, SHOWN, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    tables.write(job, "drawn.parquet", drawn)
    tables.write(job, "strata.parquet", groups)
    return Result(
        {
            "input_documents": counted.num_rows,
            **{f"{name}_documents": size for name, size in sorted(sizes.items())},
            "drawn_documents": drawn.num_rows,
        }
    )


def _counted(config: DrawConfig, job: Job) -> pa.Table:
    """The ``id``, ``language`` and ``stratum`` of the kept documents of all shards."""
    roles = [role for role in ("language", "scores", "kept") if role in job.inputs]
    found = []
    for language, scores, *kept in tables.together(*(job.inputs[role] for role in roles)):
        table = tables.read(language, ["id", "language"])
        tables.beside(scores, table, [])
        score = tables.read(scores, [], ["score"])["score"]
        table = table.append_column("stratum", strata_of(score, config.threshold))
        if kept:
            table = table.filter(tables.beside(kept[0], table, ["keep"])["keep"])
        found.append(table)
    return pa.concat_tables(found)


def _drawn(stratum: pa.Table, number: int, seed: int) -> pa.Table:
    languages, ids = (stratum[name].to_pylist() for name in ("language", "id"))
    return stratum.take(pa.array(evenly_drawn(languages, ids, number, seed)))


def _shown(documents: Shard, drawn: pa.Table) -> Iterator[dict[str, Any]]:
    """The rows to fill in; each is a line that computes nothing."""
    language = dict(zip(drawn["id"].to_pylist(), drawn["language"].to_pylist(), strict=True))
    ids = drawn["id"].combine_chunks()
    for shard in documents.shards:
        for group in row_groups(shard, ("id", "url", "text")):
            for row in group.filter(pc.is_in(group["id"], ids)).to_pylist():
                text = " ".join(row["text"][: 2 * EXCERPT_CHARACTERS].split())[:EXCERPT_CHARACTERS]
                yield {
                    "id": row["id"],
                    "language": language[row["id"]],
                    "url": uncomputed(printable(row["url"] or "")),
                    "excerpt": uncomputed(printable(text)),
                    "label": "",
                }


STAGE = Stage(
    "corpus.draw",
    version=1,
    config=DrawConfig,
    inputs=("documents", "language", "scores"),
    optional=("kept",),
    run=run,
    libraries=("numpy", "pyarrow"),
)
