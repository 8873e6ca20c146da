"""Stage corpus.extract: take the main text out of the pages of a crawl.

Reads   ``crawl``: WARC files, plain or gzip, each a shard
Writes  ``documents.parquet``: ``id`` (the first digits of the file's sha256, and where its record
        starts), ``url``, ``date``, ``charset``, ``text``, ``headings`` (numbers of the text's
        lines that are headings), in the order of the file
        ``rejected/records.parquet``: ``offset``, ``url``, ``reason``, ``bytes`` of each record
        that gave no document, and of each stretch of the file that is damaged

A URL that was fetched twice gives two documents: corpus.dedup decides about them.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pydantic import Field
from resiliparse.parse.encoding import detect_mime

from bedstone.config import Config
from bedstone.corpus.web import html, warc
from bedstone.corpus.web.documents import DOCUMENTS, REJECTED
from bedstone.corpus.web.warc import Ledger, Page, Rejected
from bedstone.errors import DataError
from bedstone.lots import lot
from bedstone.store import tables
from bedstone.store.payload import only_file
from bedstone.store.stage import Job, Metrics, Result, Stage

HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
REASONS = ("damaged", "too_large", "http", "url", "status", "media_type", "empty", "no_text")


class ExtractConfig(Config):
    """Which pages are taken, and which of their text."""

    share: float = Field(default=1.0, gt=0, le=1)
    """Of the pages, chosen by a hash of their id: a smaller share is a part of a larger one."""
    main_content: bool = True
    """Leave out navigation, footers and the like."""
    max_record_bytes: int = Field(default=8 << 20, gt=0, le=1 << 30)
    """Larger records, as stored or with their codings undone, are rejected."""


class Document(NamedTuple):
    """A row of the documents' table."""

    id: str
    url: str
    date: str
    charset: str
    text: str
    headings: list[int]


def run(config: ExtractConfig, job: Job) -> Result:
    """Extract one WARC file.

    Raises:
        DataError: it holds no whole WARC record, or is not one file.
    """
    crawl = job.inputs["crawl"]
    path = only_file(crawl, "a crawl")
    ledger, counts = Ledger(), Counter[str]()
    with (
        tables.writing(job, "documents.parquet", DOCUMENTS) as documents,
        tables.writing(job, "rejected/records.parquet", REJECTED) as rejected,
    ):
        for outcome in _outcomes(path, crawl.content, config, ledger, job):
            if isinstance(outcome, Document):
                documents.append(outcome)
                counts["documents"] += 1
                counts["text_bytes"] += len(outcome.text.encode())
            elif outcome:
                rejected.append((outcome.offset, outcome.url, outcome.reason, outcome.bytes))
                counts[outcome.reason] += 1
            else:
                counts["skipped_pages"] += 1
        if not ledger.records:
            raise DataError(
                f"{path} holds no WARC record",
                hint="a crawl is .warc or .warc.gz with HTTP responses",
            )
    return Result(
        {
            "input_bytes": ledger.input_bytes,
            "parsed_bytes": ledger.parsed_bytes,
            "lost_bytes": ledger.lost_bytes,
            "input_records": ledger.records,
            "skipped_pages": counts["skipped_pages"],
            "documents": counts["documents"],
            "text_bytes": counts["text_bytes"],
            **{f"rejected.{reason}_records": counts[reason] for reason in REASONS},
        },
        (job.record("documents.parquet"), job.record("rejected/records.parquet")),
    )


def total(sums: Metrics) -> Metrics:
    """The shards' counts, and the share of the bytes that was lost."""
    return sums | {"lost_share": sums["lost_bytes"] / max(sums["input_bytes"], 1)}


def document_id(source: str, page: Page) -> str:
    """The name of a page: its file's digest and where it is in there; unique in any corpus."""
    inner = f".{page.inner}" if page.inner else ""
    return f"{source}-{page.offset}{inner}"


def is_taken(name: str, share: float) -> bool:
    """Whether the page called ``name`` is among ``share`` of all."""
    return lot(name, "corpus.extract") < share


def _outcomes(
    path: Path, content: str, config: ExtractConfig, ledger: Ledger, job: Job
) -> Iterator[Document | Rejected | None]:
    source, position = content[:16], 0
    with job.progress.task("bytes", total=path.stat().st_size) as task:
        for page in warc.read(path, config.max_record_bytes, ledger):
            task.advance(page.offset - position)
            position = page.offset
            yield page if isinstance(page, Rejected) else _outcome(page, source, config)


def _outcome(page: Page, source: str, config: ExtractConfig) -> Document | Rejected | None:
    """What a page gives; None if it is not in the share."""
    name = document_id(source, page)
    if not is_taken(name, config.share):
        return None
    if reason := _unusable(page):
        return Rejected(page.offset, page.url, reason, len(page.body))
    encoding = html.charset(page.charset, page.body)
    found = html.text_of(html.decode(page.body, encoding), main_content=config.main_content)
    if not found.text:
        return Rejected(page.offset, page.url, "no_text", len(page.body))
    return Document(name, page.url, page.date, encoding, found.text, found.headings)


def _unusable(page: Page) -> str | None:
    if page.status != 200:
        return "status"
    if not page.body or page.body.isspace():
        return "empty"
    if (page.media_type.lower() or detect_mime(page.body)) not in HTML_TYPES:
        return "media_type"
    return None


STAGE = Stage(
    "corpus.extract",
    version=2,
    config=ExtractConfig,
    inputs=("crawl",),
    run=run,
    libraries=("fastwarc", "pyarrow", "resiliparse"),
    sharded=("crawl",),
    total=total,
)
