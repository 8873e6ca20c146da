"""Stage corpus.yardstick: hold the parallel text that languages are compared on out of training.

Reads   ``documents``, ``language``
Writes  ``yardstick.parquet``: ``id``, ``url``, ``language``, ``text`` (in Unicode's composed form)
        of one document in each language, in the languages' order
        ``held_out.parquet``: ``id`` of every document below the URLs, chosen or not. None of
        them may be trained on.

Where no document in a known language is below the URLs, both tables are written as they are, the
first one empty, and a warning says so: a crawl without parallel text can be built on all the same.

A document much shorter than most is no full translation, and would make its language look cheap:
it is not chosen.

Of several documents in a language, the one whose URL names the language's code (``udhr_eng``) is
chosen, since identifiers take a creole for the language it came from; then the one with the
larger share of text in the language, the shorter URL, the smaller id.
"""

import logging
import re
from statistics import median

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from bedstone.config import Config
from bedstone.corpus.rewriting.versions import row_groups
from bedstone.languages import MIXED, UNKNOWN, known, split
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.text.composition import composed

log = logging.getLogger("bedstone")

Row = dict[str, str | float]


class YardstickConfig(Config):
    """Which documents are one text in many languages."""

    urls: tuple[str, ...] = ()
    """How their URLs begin. Without one there is no yardstick, nor with those of no document."""
    min_bytes_share: float = Field(default=0.5, ge=0, le=1)
    """Of the median document's UTF-8 bytes, which vary less between scripts than characters."""


def run(config: YardstickConfig, job: Job) -> Result:
    """Find the documents and choose among them; where there are none, say so."""
    pairs = tables.together(job.inputs["documents"], job.inputs["language"])
    rows = [
        row for documents, language in pairs for row in _below(config.urls, documents, language)
    ]
    complete = _complete(rows, config.min_bytes_share)
    chosen: dict[str, Row] = {}
    for row in sorted(complete, key=_preference):
        if row["language"] not in (UNKNOWN, MIXED):
            chosen.setdefault(str(row["language"]), row)
    if config.urls and not chosen:
        log.warning(
            "no document in a known language is below %s: there is no yardstick",
            ", ".join(config.urls),
        )
    schema = pa.schema(
        [
            ("id", pa.string()),
            ("url", pa.string()),
            ("language", pa.string()),
            ("text", pa.large_string()),
        ]
    )
    texts = [row | {"text": composed(str(row["text"]))} for _, row in sorted(chosen.items())]
    picked = pa.Table.from_pylist(texts, schema=schema)
    held_out = pa.table({"id": pa.array([row["id"] for row in rows], pa.string())})
    files = (
        tables.write(job, "yardstick.parquet", picked),
        tables.write(job, "held_out.parquet", held_out),
    )
    metrics: Metrics = {
        "languages": len(chosen),
        "held_out_documents": len(rows),
        "incomplete_documents": len(rows) - len(complete),
    }
    return Result(metrics, files)


def _below(urls: tuple[str, ...], documents: Shard, language: Shard) -> list[Row]:
    ids = tables.read(documents, ["id"])
    found = tables.beside(language, ids, ["language", "score"])
    rows: list[list[Row]] = [[] for _ in urls]
    first = 0
    for group in row_groups(documents, ("id", "url", "text")):
        here = found.slice(first, group.num_rows)
        first += group.num_rows
        for name in ("language", "score"):
            group = group.append_column(name, here[name])
        for url, own in zip(urls, rows, strict=True):
            own += group.filter(pc.starts_with(group["url"], url)).to_pylist()
    return list({row["id"]: row for each in rows for row in each}.values())


def _complete(rows: list[Row], min_bytes_share: float) -> list[Row]:
    sizes = [len(str(row["text"]).encode()) for row in rows]
    least = min_bytes_share * median(sizes) if sizes else 0
    return [row for row, size in zip(rows, sizes, strict=True) if size >= least]


def _preference(row: Row) -> tuple[bool, float, int, str]:
    """Sorts the document to choose first."""
    url = str(row["url"])
    code = split(str(row["language"]))[0]
    language = known().get(code)
    codes = {code, language.standard if language else code}
    named = codes.intersection(re.split(r"[^a-z]+", url.lower()))
    return not named, -float(row["score"]), len(url), str(row["id"])


STAGE = Stage(
    "corpus.yardstick",
    version=2,
    config=YardstickConfig,
    inputs=("documents", "language"),
    run=run,
    libraries=("pyarrow",),
)
