"""Stage corpus.extract: take the texts out of a crawl, or out of tables and files of texts.

Reads   ``crawl``: WARC and ARC files, plain, gzip or zstd, of which the main text of each page is
        taken; of WET files the texts; JSONL (plain or gzip) and Parquet files with a column of
        texts; HTML and text files, each a document. Every file is a shard, a large one a shard
        for each of its pieces, of HTML and text files many together; what is none of these by its
        name is passed over
Writes  ``documents.parquet``: ``id`` (the first digits of the file's digest, and where in it the
        record starts: of a WARC or JSONL its byte, packed and unpacked; of Parquet its row; of
        texts the file's number), ``url`` (of a file of one text its
        path below the folder that was given), ``date``, ``charset`` (the encoding that was used),
        ``replaced`` (how many U+FFFD stand for bytes that did not fit, in all of the page),
        ``text`` (in Unicode's form NFC, without controls), ``headings`` (numbers of the text's
        lines that are headings), ``cut`` (whether the page ends before its end), ``signals`` (what
        header and markup say of the page's use, as sent: ``name: value``), ``license`` (the
        address of the one that it names), in the order of the file. What a table does not tell is
        empty
        ``about/left_out.parquet``: of what is left out of pages as no content of theirs, examples:
        ``reason``, ``url``, ``bytes`` left out of that page for the reason, ``example``
        ``rejected/records.parquet``: ``offset`` (as in the id), ``url``, ``reason``, ``bytes`` of
        each record that gave no document, of each stretch of a WARC or JSONL that is damaged, and
        of a file without a record

What comes out does not depend on the pieces: those of a file, one after another, are the file's.

A URL that was fetched twice gives two documents: corpus.dedup decides about them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pydantic import Field
from resiliparse.parse.encoding import detect_mime

from bedstone.config import Config
from bedstone.corpus.content.judge import REASONS as LEAVING_OUT
from bedstone.corpus.sources import records
from bedstone.corpus.sources.records import Fields, Record
from bedstone.corpus.web import html, signals, warc
from bedstone.corpus.web.documents import DOCUMENTS, REJECTED
from bedstone.corpus.web.left_out import LeftOutOfPages
from bedstone.corpus.web.pages import Page, Rejected
from bedstone.corpus.web.warc import Ledger
from bedstone.errors import DataError, number_of
from bedstone.lots import lot
from bedstone.store import tables
from bedstone.store.artifact import ABOUT, HTML_FILES, TEXT_FILES, Artifact, Shard, is_text_file
from bedstone.store.bounded import Bounds, Failure, bounded
from bedstone.store.rejected import WITHOUT, reasons_in
from bedstone.store.stage import Job, Metrics, Result, Stage

CRAWLS = (*warc.WARCS, *warc.ARCS)
ENDINGS = (*CRAWLS, *records.TABLES, *TEXT_FILES)
HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
REASONS = (
    *("damaged", "too_large", "digest", "http", "url", "status", "media_type", "empty", "no_text"),
    *("too_slow", "crash"),
)
REASONS_OF_RECORDS = ("damaged", "too_large", "no_json", "empty", "no_text", "too_slow", "crash")
SAMPLE = ("utf-8", b"<h1>Title</h1><p>A page.</p>", html.HTML)
PARSER_BYTES = 1 << 30
PARSER_BYTES_PER_BYTE = 256
"""Of memory that a page may take: twice what the dearest of 8 MB does, paragraphs of a letter."""


class ExtractConfig(Config):
    """Which pages and records are taken, and which of their text."""

    share: float = Field(default=1.0, gt=0, le=1)
    """Of the pages or records, chosen by a hash of their id: a smaller share is a part of a larger
    one."""
    main_content: bool = True
    """Leave out navigation, footers and the like of a page."""
    max_record_bytes: int = Field(default=8 << 20, gt=0, le=1 << 30)
    """Larger records, as stored or with their codings undone, are rejected."""
    max_page_seconds: float = Field(default=30, gt=0, le=3_600)
    """Of processor time; a page that takes more is rejected. One of 8 MB of sane text takes half a
    second at most. Near the limit another processor, and no other load, may decide otherwise."""
    piece_bytes: int = Field(default=64 << 20, ge=1 << 10, le=1 << 40)
    """Of a WARC, ARC, plain JSONL or Parquet file: each so many are a shard, which a process of its
    own may read. Another packing than by record, gzip of JSONL, and a row group are whole."""
    text_column: str = Field(default="text", min_length=1)
    """Of a table."""
    url_column: str = Field(default="url", min_length=1)
    """A table without this column gives documents without a URL."""


class Document(NamedTuple):
    """A row of the documents' table."""

    id: str
    url: str
    date: str
    charset: str
    replaced: int
    text: str
    headings: list[int]
    cut: bool = False
    signals: Sequence[str] = ()
    license: str | None = None


Outcome = Document | Rejected | None
"""What a page or record gives; None if it is not in the share."""
Asked = tuple[Page | Outcome, tuple[str, bytes, str] | None]
"""A page with what its text is taken from; or what is known to be given without."""


def run(config: ExtractConfig, job: Job) -> Result:
    """Extract one shard.

    Raises:
        DataError: it is a table that cannot be read, or has no such column.
    """
    crawl = job.inputs["crawl"]
    if len(crawl.files) != 1 and not is_text_file(crawl.files[0].name):
        raise DataError(f"{crawl.location}: a shard of a crawl is one file")
    reasons = REASONS if _is_crawl(crawl) else REASONS_OF_RECORDS
    ledger, left_out, counts = Ledger(), LeftOutOfPages(), Counter[str]()
    file_bytes = sum(path.stat().st_size for path in crawl.files)
    with (
        tables.writing(job, "documents.parquet", DOCUMENTS) as documents,
        tables.writing(job, "rejected/records.parquet", REJECTED) as rejected,
    ):
        for outcome in _outcomes(crawl, config, (ledger, left_out), job):
            if isinstance(outcome, Document):
                documents.append(outcome)
                counts["documents"] += 1
                counts["text_bytes"] += len(outcome.text.encode())
                counts["replaced_documents"] += outcome.replaced > 0
                counts["replaced_characters"] += outcome.replaced
            elif outcome:
                rejected.append((outcome.offset, outcome.url, outcome.reason, outcome.bytes))
                counts[outcome.reason] += 1
            else:
                counts["skipped_pages"] += 1
        if not counts and not ledger.records and ledger.input_bytes == file_bytes:
            # Or nothing would tell of the file.
            rejected.append((0, "", "empty", ledger.input_bytes))
            counts["empty"] += 1
    gives_none = not counts["documents"] + counts["skipped_pages"]
    return Result(
        {
            "input_bytes": ledger.input_bytes,
            "parsed_bytes": ledger.parsed_bytes,
            "lost_bytes": ledger.lost_bytes,
            "input_files": 0 if crawl.span and crawl.span.start else len(crawl.files),
            "input_records": ledger.records,
            "skipped_pages": counts["skipped_pages"],
            "documents": counts["documents"],
            WITHOUT: len(crawl.files) if gives_none else 0,
            "text_bytes": counts["text_bytes"],
            "replaced_documents": counts["replaced_documents"],
            "replaced_characters": counts["replaced_characters"],
            **{f"left_out.{reason}_bytes": left_out.bytes[reason] for reason in LEAVING_OUT},
            **{f"rejected.{reason}_records": counts[reason] for reason in reasons},
            **{f"passed_over.{kind}_records": it for kind, it in ledger.passed_over.items()},
        },
        (
            job.record("documents.parquet"),
            job.record("rejected/records.parquet"),
            tables.write(job, f"{ABOUT}/left_out.parquet", left_out.examples()),
        ),
    )


def check(config: ExtractConfig, inputs: Mapping[str, Artifact]) -> ExtractConfig:
    """``config``, unchanged: that no file can be read is told before the first is opened.

    Raises:
        DataError: all are of kinds that no text is read from, by their names.
    """
    names = [file.path for file in inputs["crawl"].manifest.files]
    if names and not any(map(STAGE.reads, names)):
        more = f" and {len(names) - 1:,} more files are" if names[1:] else " is"
        raise DataError(
            f"{names[0]}{more} of no kind that texts are read from, by the name",
            hint=f"crawls end in {', '.join(CRAWLS)}; tables of texts in "
            f"{', '.join(records.TABLES)}; texts in {', '.join(TEXT_FILES)}",
        )
    return config


def total(sums: Metrics) -> Metrics:
    """The shards' counts, and the share of the bytes that was lost.

    Raises:
        DataError: none of the files gives a document.
    """
    if not sums["documents"] + sums["skipped_pages"]:
        files = number_of(sums["input_files"], "file")
        raise DataError(
            f"{files} without a document: {reasons_in(sums)}",
            hint="documents come from pages of HTML with the status 200, from texts of WET files "
            "and from rows of tables",
        )
    return sums | {"lost_share": sums["lost_bytes"] / max(sums["input_bytes"], 1)}


def piece_bytes(config: ExtractConfig) -> int:
    """Of a file that is cut, those of a piece."""
    return config.piece_bytes


def document_id(source: str, page: Page) -> str:
    """The name of a page: its file's digest and where it is in there; unique in any corpus."""
    inner = f".{page.inner}" if page.inner else ""
    return f"{source}-{page.offset}{inner}"


def record_id(source: str, number: int) -> str:
    """The name of a record of a table, or of a file among others."""
    return f"{source}-{number}"


def is_taken(name: str, share: float) -> bool:
    """Whether the page called ``name`` is among ``share`` of all."""
    return lot(name, "corpus.extract") < share


def _is_crawl(crawl: Shard) -> bool:
    return crawl.files[0].name.lower().endswith(CRAWLS)


def _outcomes(
    crawl: Shard, config: ExtractConfig, told: tuple[Ledger, LeftOutOfPages], job: Job
) -> Iterator[Outcome]:
    """What each page or record gives, in their order; texts are taken out by other processes."""
    source, (ledger, left_out) = crawl.source[:16], told
    read = partial(html.read_page, main_content=config.main_content)
    memory = PARSER_BYTES + PARSER_BYTES_PER_BYTE * config.max_record_bytes
    bounds = Bounds(config.max_page_seconds, memory)
    asked = (_of_crawl if _is_crawl(crawl) else _of_records)(crawl, config, ledger, job)
    for page, found in bounded(read, SAMPLE, asked, bounds, job.engine.workers):
        if not isinstance(page, Page):
            yield page
        elif isinstance(found, Failure):
            yield Rejected(page.offset, page.url, found.reason, len(page.body))
        elif found is None or not found.text.text.strip():
            yield Rejected(page.offset, page.url, "no_text", len(page.body))
        else:
            name = document_id(source, page)
            left_out.add(name, page.url, found.text.left_out)
            said = [*page.signals, *found.text.signals][: signals.MAX_SIGNALS]
            yield Document(
                name,
                page.url,
                page.date,
                found.charset,
                found.replaced,
                found.text.text,
                found.text.headings,
                page.is_cut,
                said,
                signals.license_of(said, page.url),
            )


def _of_crawl(crawl: Shard, config: ExtractConfig, ledger: Ledger, job: Job) -> Iterator[Asked]:
    source, path = crawl.source[:16], crawl.files[0]
    span = crawl.span or range(path.stat().st_size)
    position = span.start
    with job.progress.task("bytes", total=len(span)) as task:
        for page in warc.read(path, config.max_record_bytes, ledger, span):
            task.advance(page.offset - position)
            position = page.offset
            if isinstance(page, Rejected):
                yield page, None
            elif is_taken(document_id(source, page), config.share):
                yield _asked(page)
            else:
                yield None, None


def _asked(page: Page) -> Asked:
    if reason := None if page.is_text else _unusable(page):
        return Rejected(page.offset, page.url, reason, len(page.body)), None
    return page, (page.charset, page.body, html.TEXT if page.is_text else html.HTML)


def _of_records(crawl: Shard, config: ExtractConfig, ledger: Ledger, job: Job) -> Iterator[Asked]:
    source = crawl.source[:16]
    with job.progress.task("records") as task:
        for record in _records(crawl, config, source, ledger):
            task.advance()
            ledger.records += not isinstance(record, Rejected)
            if isinstance(record, Page):
                yield _asked(record)
            elif isinstance(record, Rejected):
                yield record, None
            elif record is None or record.reason:
                rejected = record and Rejected(
                    record.number, record.url, record.reason, record.bytes
                )
                yield rejected, None
            else:
                yield _document(record_id(source, record.number), record), None
    ledger.parsed_bytes = ledger.input_bytes - ledger.lost_bytes


def _document(name: str, record: Record) -> Document:
    return Document(name, record.url, "", record.charset, record.replaced, record.text, [])


def _records(
    crawl: Shard, config: ExtractConfig, source: str, ledger: Ledger
) -> Iterator[records.Found | Page]:
    def taken(number: int) -> bool:
        return is_taken(record_id(source, number), config.share)

    files, folder = crawl.files, crawl.location
    if not is_text_file(files[0].name):
        fields = Fields(config.text_column, config.url_column, config.max_record_bytes)
        yield from records.of_table(files[0], fields, taken, ledger, crawl.span)
        return
    ledger.input_bytes = sum(path.stat().st_size for path in files)
    for number, path in enumerate(files):
        name = path.relative_to(folder).as_posix()
        read = _page_of_file if name.lower().endswith(HTML_FILES) else records.of_file
        yield read(number, path, name, config.max_record_bytes) if taken(number) else None


def _page_of_file(number: int, path: Path, name: str, max_bytes: int) -> Page | Record:
    body, size = records.contents(path, max_bytes)
    if size > max_bytes:
        return Record(number, name, "", "", 0, "too_large", size)
    return Page(number, 0, name, "", None, "text/html", "", body)


def _unusable(page: Page) -> str | None:
    if page.status not in (200, None):
        return "status"
    if not page.body or page.body.isspace():
        return "empty"
    if (page.media_type.lower() or detect_mime(page.body)) not in HTML_TYPES:
        return "media_type"
    return None


STAGE = Stage(
    "corpus.extract",
    version=6,
    config=ExtractConfig,
    inputs=("crawl",),
    run=run,
    libraries=("pyarrow", "resiliparse", "webencodings"),
    sharded=("crawl",),
    endings=ENDINGS,
    cut=(*CRAWLS, ".jsonl", ".ndjson", ".parquet"),
    piece_bytes=piece_bytes,
    total=total,
    resolve=check,
)
