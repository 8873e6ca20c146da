"""Stage evaluation.texts: gather the text that models are measured on, once for all of them.

Reads   ``documents``, ``language`` and ``held_out``: texts of which no model is made; ``kept``:
        which of them the recipe wants
Writes  ``texts.parquet``, language by language: ``id``, ``url`` (null without one), ``language``,
        ``site`` (the URL's host, null without one), ``group`` (``kept`` or ``dropped``; null
        without the input ``kept``), ``bytes``, ``text``: the document's beginning

Of each document only its beginning is measured: more documents tell more than longer ones. The
beginning of a text has less context, so it takes more bits a byte than the whole would: compare
figures of one ``document_max_bytes``. Which documents are measured, and which bytes of them,
depends neither on a tokeniser nor on what is kept: models of other vocabularies and other decisions
are measured on the same text.
"""

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from bedstone.config import Config
from bedstone.corpus.rules.sets import LanguageKey
from bedstone.evaluation.beginnings import DROPPED, KEPT, Row, beginning, first, site
from bedstone.store import tables
from bedstone.store.stage import Job, Result, Stage

FILE = "texts.parquet"
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("url", pa.string()),
        ("language", pa.string()),
        ("site", pa.string()),
        ("group", pa.string()),
        ("bytes", pa.int64()),
        ("text", pa.large_string()),
    ]
)
COLUMNS = {"language": "language", "held_out": "split", KEPT: "keep"}
"""Role -> what is read of it."""


class TextsConfig(Config):
    """How much is measured."""

    languages: tuple[LanguageKey, ...] = ()
    """The only ones to measure; if none is named, all."""
    max_bytes: int = Field(65_536, gt=0)
    """Of a language's held-out documents, drawn by hash; the one that goes beyond is the last."""
    document_max_bytes: int = Field(512, ge=4)
    """Of each document, its first; less where that would cut a character in two."""


def run(config: TextsConfig, job: Job) -> Result:
    """Gather what is held out, shard by shard."""
    found = [row for rows in read_held_out(config, job).values() for row in rows]
    tables.write(job, FILE, pa.Table.from_pylist(found, SCHEMA))
    return Result(
        {
            "held_out_documents": len(found),
            "held_out_bytes": sum(row["bytes"] for row in found),
            "held_out_languages": len({row["language"] for row in found}),
        }
    )


def read_held_out(config: TextsConfig, job: Job) -> dict[str, list[Row]]:
    """Of each language that holds documents out, those to measure: their columns and ``text``."""
    read = {role: name for role, name in COLUMNS.items() if role in job.inputs}
    found: dict[str, list[Row]] = {}
    inputs = (job.inputs[role] for role in ("documents", *read))
    for documents, *others in tables.together(*inputs):
        table = tables.read(documents, ["id", "text"], ["url"])
        for name, shard in zip(read.values(), others, strict=True):
            table = table.append_column(name, tables.beside(shard, table, [name])[name])
        wanted = pc.equal(table["split"], "held_out")
        if config.languages:
            named = pa.array(config.languages, pa.string())
            wanted = pc.and_(wanted, pc.is_in(table["language"], named))
        for row in table.filter(wanted).to_pylist():
            if text := beginning(row["text"], config.document_max_bytes):
                about = {name: row[name] for name in ("id", "url", "language")}
                about |= {"site": site(row["url"])}
                group = (KEPT if row["keep"] else DROPPED) if KEPT in read else None
                about |= {"group": group, "text": text, "bytes": len(text.encode())}
                found.setdefault(row["language"], []).append(about)
        # What is drawn from all shards is among what is drawn from the first few.
        found = {name: first(drawn, config.max_bytes) for name, drawn in found.items()}
    return dict(sorted(found.items()))


STAGE = Stage(
    "evaluation.texts",
    version=1,
    config=TextsConfig,
    inputs=("documents", "language", "held_out"),
    optional=("kept",),
    run=run,
    libraries=("pyarrow",),
)
