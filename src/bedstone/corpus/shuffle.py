"""Stage corpus.shuffle: put the words of some documents into random order: harm that is known.

Reads   ``documents``, ``language``
Writes  ``documents.parquet``: the same rows and columns, of the drawn documents with the words of
        each line in random order. Lines, headings and every word stay.

A comparison that does not see harm of this kind would not see the harm that a decision does: this
is its positive control. Writing without spaces between words is left as it is.
"""

import random

import pyarrow as pa
import pyarrow.parquet as pq
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
    documents = job.inputs["documents"]
    ids = tables.read(documents, ["id"])
    languages = tables.beside(job.inputs["language"], ids, ["language"])["language"]
    schema, row, changed = schema_of(documents), 0, 0
    with (
        job.part("documents.parquet") as path,
        pq.ParquetWriter(path, schema, **tables.options(schema)) as writer,
    ):
        for table in row_groups(documents):
            here = languages.slice(row, table.num_rows).to_pylist()
            texts = table["text"].to_pylist()
            for place, (name, language) in enumerate(
                zip(table["id"].to_pylist(), here, strict=True)
            ):
                wanted = not config.languages or language in config.languages
                if wanted and lot(name, "corpus.shuffle") < config.share:
                    texts[place] = shuffled(texts[place], name)
                    changed += 1
            column = pa.array(texts, schema.field("text").type)
            at = table.schema.get_field_index("text")
            harmed = table.set_column(at, schema.field("text"), column)
            writer.write_table(harmed, tables.ROW_GROUP_ROWS)
            row += table.num_rows
    counts: Metrics = {"input_documents": row, "changed_documents": changed}
    return Result(counts, (job.record("documents.parquet"),))


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
