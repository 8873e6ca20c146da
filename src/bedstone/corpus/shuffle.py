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
    documents = job.inputs["documents"]
    schema = schema_of(documents)
    ids = tables.read(documents, ["id"])
    languages = tables.beside(job.inputs["language"], ids, ["language"])["language"]
    drawn = [
        (not config.languages or language in config.languages)
        and lot(name, "corpus.shuffle") < config.share
        for name, language in zip(ids["id"].to_pylist(), languages.to_pylist(), strict=True)
    ]
    field, at, row = schema.field("text"), schema.get_field_index("text"), 0
    others, texts = [schema.empty_table().remove_column(at)], [pa.array([], field.type)]
    for group in row_groups(documents):
        pairs = zip(
            group["id"].to_pylist(),
            group["text"].to_pylist(),
            drawn[row : row + len(group)],
            strict=True,
        )
        harmed = [shuffled(text, name) if is_drawn else text for name, text, is_drawn in pairs]
        texts.append(pa.array(harmed, field.type))
        others.append(group.cast(schema).remove_column(at))
        row += group.num_rows
    table = pa.concat_tables(others).add_column(at, field, pa.concat_arrays(texts))
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
