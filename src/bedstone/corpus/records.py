"""Stage corpus.records: take documents from JSONL and Parquet files of texts.

Reads   ``records``: JSONL (plain or .gz) or Parquet files, each a shard
Writes  ``documents.parquet``: as corpus.extract writes it; ``date`` and ``charset`` are empty, no
        line is a heading
        ``rejected/records.parquet``: ``offset`` (number of the row or line, from 0), ``url``,
        ``reason``, ``bytes`` of each record that gave no document

A text is taken as it is. Lone surrogates, which JSON can spell, become U+FFFD.
"""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
from pydantic import Field

from bedstone.config import Config
from bedstone.corpus.web.documents import DOCUMENTS, REJECTED
from bedstone.errors import DataError
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.store.payload import only_file
from bedstone.store.stage import Job, Result, Stage

REASONS = ("no_json", "no_text")
OTHER_COLUMN = "the texts' column can be named: bedstone build corpus.records --set text=NAME"
ENDINGS = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz", ".parquet")


class RecordsConfig(Config):
    """Which columns are read."""

    text: str = Field(default="text", min_length=1)
    """The column of the texts."""
    url: str = Field(default="url", min_length=1)
    """Its column: a table without it gives documents without a URL."""


class Record(NamedTuple):
    """A row of a table."""

    text: str
    url: str
    reason: str
    """Why it gives no document; empty if it does."""
    bytes: int


def run(config: RecordsConfig, job: Job) -> Result:
    """Take the documents of one file.

    Raises:
        DataError: the file is no table of texts, or none of the rows that it has has a text.
    """
    shard = job.inputs["records"]
    path = _table_of(shard)
    source, counts = shard.content[:16], Counter[str]()
    with (
        tables.writing(job, "documents.parquet", DOCUMENTS) as documents,
        tables.writing(job, "rejected/records.parquet", REJECTED) as rejected,
        job.progress.task("records") as task,
    ):
        for row, record in enumerate(_records(path, config)):
            task.advance()
            counts["input_records"] += 1
            if record.reason:
                rejected.append((row, record.url, record.reason, record.bytes))
                counts[record.reason] += 1
            else:
                documents.append((f"{source}-{row}", record.url, "", "", record.text, []))
                counts["documents"] += 1
                counts["text_bytes"] += record.bytes
        if counts["input_records"] and not counts["documents"]:
            raise DataError(
                f"{path}: not one of {counts['input_records']} records has a text in the column "
                f"{config.text!r}",
                hint=OTHER_COLUMN,
            )
    return Result(
        {
            "input_records": counts["input_records"],
            "documents": counts["documents"],
            "text_bytes": counts["text_bytes"],
            **{f"rejected.{reason}_records": counts[reason] for reason in REASONS},
        },
        (job.record("documents.parquet"), job.record("rejected/records.parquet")),
    )


def _table_of(shard: Shard) -> Path:
    path = only_file(shard, "records")
    if not path.name.endswith(ENDINGS):
        raise DataError(
            f"{path} is no table of texts by its name", hint=f"a table ends in {', '.join(ENDINGS)}"
        )
    return path


def _records(path: Path, config: RecordsConfig) -> Iterator[Record]:
    if path.suffix == ".parquet":
        yield from _of_parquet(path, config)
        return
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            for line in file:
                if not line.isspace():
                    yield _of_line(line, config)
    except (OSError, EOFError) as error:
        raise DataError(f"{path}: cannot be read to its end: {error}") from error


def _of_line(line: bytes, config: RecordsConfig) -> Record:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return Record("", "", "no_json", len(line))
    if not isinstance(values, dict):
        return Record("", "", "no_json", len(line))
    return _record(values.get(config.text), values.get(config.url))


def _of_parquet(path: Path, config: RecordsConfig) -> Iterator[Record]:
    with tables.reading(path), pq.ParquetFile(path) as file:
        present = file.schema_arrow.names
        if config.text not in present:
            raise DataError(
                f"{path} has no column {config.text}, only {', '.join(present)}",
                hint=OTHER_COLUMN,
            )
        wanted = [name for name in (config.text, config.url) if name in present]
        for batch in file.iter_batches(tables.ROW_GROUP_ROWS, columns=wanted):
            for values in batch.to_pylist():
                yield _record(values[config.text], values.get(config.url))


def _record(text: Any, url: Any) -> Record:
    address = url if isinstance(url, str) else ""
    if not isinstance(text, str) or not text.strip():
        return Record("", address, "no_text", 0)
    encoded = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace").encode()
    return Record(encoded.decode(), address, "", len(encoded))


STAGE = Stage(
    "corpus.records",
    version=1,
    config=RecordsConfig,
    inputs=("records",),
    run=run,
    libraries=("pyarrow",),
    sharded=("records",),
)
