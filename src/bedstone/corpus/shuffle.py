"""Stage corpus.shuffle: put the words of some documents into random order: harm that is known.

Reads   ``documents``, ``language``
Writes  ``documents.parquet``: the same rows and columns, of the drawn documents with the words of
        each line in random order. Lines, headings and every word stay.

A comparison that does not see harm of this kind would not see the harm that a decision does: this
is its positive control. Writing without spaces between words is left as it is.
"""

import random

import pyarrow as pa
from pydantic import Field

from bedstone.config import Config
from bedstone.corpus.rewriting.versions import row_groups, schema_of
from bedstone.corpus.rules.sets import LanguageKey
from bedstone.lots import lot
from bedstone.store import tables
from bedstone.store.stage import Job, Metrics, Result, Stage


class ShuffleConfig(Config):
    """Which documents are harmed."""

    share: float = Field(0.3, gt=0, le=1)
    """Of the documents, drawn by hash."""
    languages: tuple[LanguageKey, ...] = ()
    """The only ones to harm; if none is named, all."""


def run(config: ShuffleConfig, job: Job) -> Result:
    """Harm the documents of one shard."""
    schema = schema_of(job.inputs["documents"])
    groups = [group.cast(schema) for group in row_groups(job.inputs["documents"])]
    table = pa.Table.from_batches([], schema) if not groups else pa.concat_tables(groups)
    languages = tables.beside(job.inputs["language"], table, ["language"])["language"]
    rows = zip(table["id"].to_pylist(), languages.to_pylist(), strict=True)
    drawn = [
        (not config.languages or language in config.languages)
        and lot(name, "corpus.shuffle") < config.share
        for name, language in rows
    ]
    texts = zip(table["id"].to_pylist(), table["text"].to_pylist(), drawn, strict=True)
    harmed = [shuffled(text, name) if is_drawn else text for name, text, is_drawn in texts]
    at = schema.get_field_index("text")
    table = table.set_column(at, schema.field("text"), pa.array(harmed, pa.large_string()))
    file = tables.write(job, "documents.parquet", table)
    counts: Metrics = {"input_documents": table.num_rows, "changed_documents": sum(drawn)}
    return Result(counts, (file,))


def shuffled(text: str, name: str) -> str:
    """``text`` with the words of each line in an order that ``name`` draws."""
    order = random.Random(name)
    lines = []
    for line in text.split("\n"):
        words = line.split(" ")
        order.shuffle(words)
        lines.append(" ".join(words))
    return "\n".join(lines)


def total(sums: Metrics) -> Metrics:
    """The shards' counts, and the share that was changed."""
    return sums | {"changed_share": sums["changed_documents"] / max(sums["input_documents"], 1)}


STAGE = Stage(
    "corpus.shuffle",
    version=1,
    config=ShuffleConfig,
    inputs=("documents", "language"),
    run=run,
    libraries=("pyarrow",),
    sharded=("documents", "language"),
    total=total,
    instead="documents",
)
