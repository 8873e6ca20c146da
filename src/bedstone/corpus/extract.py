"""Stage corpus.extract: take the texts out of a crawl, or out of tables and files of texts.

Reads   ``crawl``: WARC files, plain or gzip, of which the main text of each page is taken; JSONL
        (plain or gzip) and Parquet files with a column of texts; text files, each a document.
        Every file is a shard, of text files many together
Writes  ``documents.parquet``: ``id`` (the first digits of the shard's digest, and where in it the
        record starts: of a WARC its byte, else its number), ``url`` (of a text file its path below
        the folder that was given), ``date``, ``charset``, ``text``, ``headings`` (numbers of the
        text's lines that are headings), in the order of the file. What a table does not tell is
        empty
        ``rejected/records.parquet``: ``offset`` (as in the id), ``url``, ``reason``, ``bytes`` of
        each record that gave no document, and of each stretch of a WARC that is damaged

A URL that was fetched twice gives two documents: corpus.dedup decides about them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from typing import NamedTuple

from pydantic import Field
from resiliparse.parse.encoding import detect_mime

from bedstone.config import Config
from bedstone.corpus.sources import records
from bedstone.corpus.sources.records import Fields, Record
from bedstone.corpus.web import html, warc
from bedstone.corpus.web.documents import DOCUMENTS, REJECTED
from bedstone.corpus.web.warc import Ledger, Page, Rejected
from bedstone.errors import DataError
from bedstone.lots import lot
from bedstone.store import tables
from bedstone.store.artifact import TEXT_FILES, Artifact, Shard, is_text_file
from bedstone.store.bounded import Bounds, Failure, bounded
from bedstone.store.stage import Job, Metrics, Result, Stage

WARCS = (".warc", ".warc.gz")
ENDINGS = (*WARCS, *records.TABLES, *TEXT_FILES)
HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
REASONS = (
    *("damaged", "too_large", "http", "url", "status", "media_type", "empty", "no_text"),
    *("too_slow", "crash"),
)
REASONS_OF_RECORDS = ("too_large", "no_json", "no_text")
SAMPLE = ("utf-8", b"<h1>Title</h1><p>A page.</p>")
PARSER_BYTES = 1 << 30
PARSER_BYTES_PER_BYTE = 256
"""Of memory that a page may take: more than twice what the dearest of 8 MB do, nothing but tags."""


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
    second. Near the limit another processor, and no other load, may decide otherwise."""
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
    text: str
    headings: list[int]


Outcome = Document | Rejected | None
"""What a page or record gives; None if it is not in the share."""


def run(config: ExtractConfig, job: Job) -> Result:
    """Extract one shard.

    Raises:
        DataError: it holds no text of a kind that is read, or no whole record.
    """
    crawl = job.inputs["crawl"]
    refuse_other_kinds([path.name for path in crawl.files])
    is_warc = crawl.files[0].name.lower().endswith(WARCS)
    if len(crawl.files) != 1 and not is_text_file(crawl.files[0].name):
        raise DataError(f"{crawl.location}: a shard of a crawl is one file")
    read, reasons = (_of_pages, REASONS) if is_warc else (_of_records, REASONS_OF_RECORDS)
    ledger, counts = Ledger(), Counter[str]()
    with (
        tables.writing(job, "documents.parquet", DOCUMENTS) as documents,
        tables.writing(job, "rejected/records.parquet", REJECTED) as rejected,
    ):
        for outcome in read(crawl, config, ledger, job):
            if isinstance(outcome, Document):
                documents.append(outcome)
                counts["documents"] += 1
                counts["text_bytes"] += len(outcome.text.encode())
            elif outcome:
                rejected.append((outcome.offset, outcome.url, outcome.reason, outcome.bytes))
                counts[outcome.reason] += 1
            else:
                counts["skipped_pages"] += 1
        _refuse_nothing(crawl, ledger, counts, is_warc=is_warc)
    return Result(
        {
            "input_bytes": ledger.input_bytes,
            "parsed_bytes": ledger.parsed_bytes,
            "lost_bytes": ledger.lost_bytes,
            "input_records": ledger.records,
            "skipped_pages": counts["skipped_pages"],
            "documents": counts["documents"],
            "text_bytes": counts["text_bytes"],
            **{f"rejected.{reason}_records": counts[reason] for reason in reasons},
        },
        (job.record("documents.parquet"), job.record("rejected/records.parquet")),
    )


def check(config: ExtractConfig, inputs: Mapping[str, Artifact]) -> ExtractConfig:
    """``config``, unchanged: a file of another kind is told of before the first is read.

    Raises:
        DataError: there is one.
    """
    refuse_other_kinds([file.path for file in inputs["crawl"].manifest.files])
    return config


def refuse_other_kinds(names: list[str]) -> None:
    """Raises DataError if one of the files is of no kind that is read, by its name."""
    if odd := [name for name in names if not name.lower().endswith(ENDINGS)]:
        more = f" and {len(odd) - 1} more files are" if odd[1:] else " is"
        raise DataError(
            f"{odd[0]}{more} of no kind that texts are read from, by the name",
            hint=f"WARC files end in {', '.join(WARCS)}; tables of texts in "
            f"{', '.join(records.TABLES)}; texts in {', '.join(TEXT_FILES)}",
        )


def total(sums: Metrics) -> Metrics:
    """The shards' counts, and the share of the bytes that was lost."""
    return sums | {"lost_share": sums["lost_bytes"] / max(sums["input_bytes"], 1)}


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


def _of_pages(crawl: Shard, config: ExtractConfig, ledger: Ledger, job: Job) -> Iterator[Outcome]:
    source = crawl.content[:16]
    read_page = partial(html.read_page, main_content=config.main_content)
    memory = PARSER_BYTES + PARSER_BYTES_PER_BYTE * config.max_record_bytes
    bounds = Bounds(config.max_page_seconds, memory)
    pages = _pages(crawl, config, ledger, job)
    for page, found in bounded(read_page, SAMPLE, pages, bounds, job.engine.workers):
        if isinstance(page, Page):
            assert found
            yield _outcome(page, found, source)
        else:
            yield page


def _pages(
    crawl: Shard, config: ExtractConfig, ledger: Ledger, job: Job
) -> Iterator[tuple[Page | Outcome, tuple[str, bytes] | None]]:
    """Each page with what its text is taken from, or what it gives without a text."""
    source, position = crawl.content[:16], 0
    with job.progress.task("bytes", total=crawl.files[0].stat().st_size) as task:
        for page in warc.read(crawl.files[0], config.max_record_bytes, ledger):
            task.advance(page.offset - position)
            position = page.offset
            if isinstance(page, Rejected):
                yield page, None
            elif not is_taken(document_id(source, page), config.share):
                yield None, None
            elif reason := _unusable(page):
                yield Rejected(page.offset, page.url, reason, len(page.body)), None
            else:
                yield page, (page.charset, page.body)


def _outcome(page: Page, found: tuple[str, html.Text] | Failure, source: str) -> Outcome:
    if isinstance(found, Failure):
        return Rejected(page.offset, page.url, found.reason, len(page.body))
    encoding, text = found
    if not text.text:
        return Rejected(page.offset, page.url, "no_text", len(page.body))
    name = document_id(source, page)
    return Document(name, page.url, page.date, encoding, text.text, text.headings)


def _of_records(crawl: Shard, config: ExtractConfig, ledger: Ledger, job: Job) -> Iterator[Outcome]:
    source = crawl.content[:16]
    ledger.input_bytes = ledger.parsed_bytes = sum(path.stat().st_size for path in crawl.files)
    with job.progress.task("records") as task:
        for record in _records(crawl, config, source):
            task.advance()
            ledger.records += 1
            if record is None or record.reason:
                yield record and Rejected(record.number, record.url, record.reason, record.bytes)
            else:
                name = record_id(source, record.number)
                yield Document(name, record.url, "", record.charset, record.text, [])


def _records(crawl: Shard, config: ExtractConfig, source: str) -> Iterator[Record | None]:
    def taken(number: int) -> bool:
        return is_taken(record_id(source, number), config.share)

    files, folder = crawl.files, crawl.location
    if not is_text_file(files[0].name):
        fields = Fields(config.text_column, config.url_column, config.max_record_bytes)
        yield from records.of_table(files[0], fields, taken)
        return
    for number, path in enumerate(files):
        name = path.relative_to(folder).as_posix()
        yield (
            records.of_file(number, path, name, config.max_record_bytes) if taken(number) else None
        )


def _refuse_nothing(crawl: Shard, ledger: Ledger, counts: Counter[str], *, is_warc: bool) -> None:
    if is_warc and not ledger.records:
        raise DataError(
            f"{crawl.files[0]} holds no WARC record",
            hint="a crawl is .warc or .warc.gz with HTTP responses",
        )
    left_out = counts["documents"] + counts["skipped_pages"]
    if not is_warc and ledger.records and not left_out:
        told = ", ".join(f"{counts[each]} {each}" for each in REASONS_OF_RECORDS if counts[each])
        first, *others = crawl.files
        where = f"{first.resolve()}" + f" and {len(others)} more" * bool(others)
        raise DataError(f"{where}: not one of {ledger.records} records has a text: {told}")


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
    version=3,
    config=ExtractConfig,
    inputs=("crawl",),
    run=run,
    libraries=("fastwarc", "pyarrow", "resiliparse"),
    sharded=("crawl",),
    total=total,
    resolve=check,
)
