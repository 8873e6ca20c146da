"""Stage corpus.commoncrawl: fetch a part of a crawl of Common Crawl, politely.

Reads   nothing but the network
Writes  the crawl's files as they are, or ``pages-00000.warc.gz`` and so on: the records of the
        pages that its URL index has of some domains or languages, in the order of its files
        ``about/fetched.json``: of each file its place and version there, and the terms of use

Which files are fetched is drawn by lot: of two numbers of files the smaller is a part of the
larger. What was fetched is kept over a kill, and a file that was begun goes on where it ended.
Of an index alone, languages are a sample: blocks are drawn until there are enough pages.
"""

import json
import math
import re
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from bedstone.config import Config
from bedstone.corpus.fetching import url_index
from bedstone.corpus.fetching.bucket import Bucket
from bedstone.corpus.fetching.polite import PART_SECONDS, Fetcher, Version
from bedstone.corpus.fetching.server import BeyondError, Server
from bedstone.corpus.fetching.url_index import CLUSTER, RECORD_BYTES, Span, Wanted
from bedstone.corpus.web import packing
from bedstone.errors import ConfigError, DataError
from bedstone.lots import lot
from bedstone.store import work
from bedstone.store.artifact import (
    ABOUT,
    Artifact,
    File,
    Source,
    digest,
    fault,
    file_record,
    folders,
)
from bedstone.store.payload import write_json
from bedstone.store.place import link
from bedstone.store.provenance import current_code
from bedstone.store.stage import Job, Metrics, Result, Stage

AT = "https://data.commoncrawl.org/"
TERMS = "https://commoncrawl.org/terms-of-use"
INDEX = "cc-index/collections/{}/indexes"
PART_PAGES = 1_000
"""Of a file of pages."""
ASSUMED_BYTES_PER_SECOND = 10e6
"""Of all connections together: an assumption, for what is told beforehand."""
MUCH_BYTES = 2e12
ASKED = 5
"""Files whose size is looked up, for what is told beforehand."""

Made = tuple[list[File], list[Source], Metrics]


class CommonCrawlConfig(Config):
    """Which crawl, what of it, and how it is fetched."""

    how: ClassVar[tuple[str, ...]] = ("at", "contact", "connections")

    crawl: str = Field(pattern=r"^CC-MAIN-20\d\d-\d\d$")
    """As https://index.commoncrawl.org lists it: CC-MAIN-2026-30."""
    kind: Literal["warc", "wet"] = "warc"
    """Of whole files: pages as they were sent, or the text that Common Crawl has taken out."""
    files: int | None = Field(None, gt=0, le=100_000)
    """How many whole files; a file of pages is about 1 GB."""
    first_megabytes: int | None = Field(None, gt=0, le=4_096)
    """Of each file, up to the last whole record. Absent: all."""
    domains: tuple[Annotated[str, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)*$")], ...] = Field(
        (), max_length=1_000
    )
    """In place of files: domains or hosts, with all below them. A host's ``www.`` is passed over,
    as the index does."""
    languages: tuple[Annotated[str, Field(pattern="^[a-z]{3}$")], ...] = Field((), max_length=200)
    """In place of files: the language that the index names first, ISO 639-3."""
    pages: int | None = Field(None, gt=0, le=1_000_000)
    """Of the domains and languages, at most. Each is a request, one a second."""
    seed: int = Field(0, ge=0)
    """Of which files, or in which order the index is read."""
    contact: str | None = Field(None, pattern=r"^[!-~]+(@|://)[!-~]+$", max_length=200)
    """An address or a page of whoever fetches, which is told to the server. It must be given."""
    at: str = Field(AT, pattern=r"^(https?://[^\s/?#@]+(/[^\s?#]*)?|s3:/(/\w[\w.-]*)+/?)$")
    """Where the crawl lies; a mirror's address for another. Within Amazon's us-east-1,
    ``s3://commoncrawl``, with keys from the environment (extra ``cloud``)."""
    connections: int = Field(4, ge=1, le=4)
    """At once."""

    @model_validator(mode="after")
    def _every_setting_has_an_effect(self) -> "CommonCrawlConfig":
        by_index = bool(self.domains or self.languages)
        if by_index == (self.files is not None) or by_index != (self.pages is not None):
            raise ValueError("give either files, or pages with domains, languages or both")
        if by_index and (self.kind != "warc" or self.first_megabytes):
            raise ValueError("kind and first_megabytes have no effect without files")
        return self


def run(config: CommonCrawlConfig, job: Job) -> Result:
    """Fetch what is not there yet.

    Raises:
        ConfigError: nobody is named as a contact.
        DataError: the crawl has not what is asked for.
        BedstoneError: the server refuses, or fails too often: what is complete is kept.
    """
    fetch = _files if config.files else _pages
    files, sources, metrics = fetch(config, job, _fetcher(config))
    begun = {path.stem: Version.of(path.with_suffix("")) for path in job.scratch.glob("*.json")}
    etags = {name: version.etag for name, version in sorted(begun.items())}
    told = {"crawl": config.crawl, "terms_of_use": TERMS, "etags": etags}
    about = write_json(job, f"{ABOUT}/fetched.json", told)
    metrics["input_bytes"] = sum(file.bytes for file in files)
    return Result(metrics, (*files, about), tuple(sources))


def foreseen(config: CommonCrawlConfig, scratch: Path) -> dict[str, Any]:
    """What a build would fetch: ``files``, ``bytes``, ``hours``, and ``how`` that was found.

    Args:
        config: of the build.
        scratch: a folder for the list of files.

    Raises:
        ConfigError, DataError, BedstoneError: as the build.
    """
    if not config.files:
        seconds = PART_SECONDS * (config.pages or 0)
        how = f"one page every {PART_SECONDS:g} s, at most so many, and as slowly the index"
        return {"files": None, "bytes": None, "hours": seconds / 3_600, "how": how}
    fetcher = _fetcher(config)
    keys = _drawn_keys(config, fetcher, scratch)
    most_bytes = (config.first_megabytes or math.inf) * 1e6
    sizes = [min(fetcher.size(key), most_bytes) for key in keys[:ASKED]]
    total_bytes = round(sum(sizes) / len(sizes) * len(keys))
    how = f"from the size of {len(sizes)} of the files, at {ASSUMED_BYTES_PER_SECOND / 1e6:g} MB/s"
    if total_bytes > MUCH_BYTES:
        how += "; so much is better fetched in Amazon's us-east-1, at=s3://commoncrawl"
    hours = total_bytes / ASSUMED_BYTES_PER_SECOND / 3_600
    return {"files": len(keys), "bytes": total_bytes, "hours": hours, "how": how}


def _fetcher(config: CommonCrawlConfig) -> Fetcher:
    if config.contact is None:
        raise ConfigError(
            "corpus.commoncrawl names whoever fetches to the server, and nobody is given",
            hint="--set contact=you@example.org",
            setting=("contact", "you@example.org"),
        )
    agent = f"bedstone/{current_code().version} (+{config.contact})"
    server = Bucket if config.at.startswith("s3:") else Server
    return Fetcher(server(config.at, agent), config.connections)


def _drawn_keys(config: CommonCrawlConfig, fetcher: Fetcher, scratch: Path) -> list[str]:
    name = f"{config.kind}.paths.gz"
    key = f"crawl-data/{config.crawl}/{name}"
    fetcher.file(key, scratch / name, url_index.UNPACKED_BYTES)
    keys = url_index.lines((scratch / name).read_bytes(), key)
    form = rf"crawl-data/{config.crawl}/segments/\d[\w.]*/{config.kind}/[\w-][\w.-]*\.gz"
    if wrong := [each for each in keys if not re.fullmatch(form, each, re.ASCII)]:
        raise DataError(f"{key} is no list of files of {config.crawl}: {wrong[0][:300]}")
    if len(keys) < (config.files or 0):
        raise DataError(f"{config.crawl} has {len(keys):,} files of {config.kind}")
    return sorted(keys, key=lambda key: lot(key, f"files {config.seed}"))[: config.files]


def _files(config: CommonCrawlConfig, job: Job, fetcher: Fetcher) -> Made:
    first_bytes = config.first_megabytes and config.first_megabytes * 1_000_000

    known = _fetched_before(config, job.store)

    def fetch(key: str) -> None:
        name = Path(key).name
        path = job.scratch / name
        if job.has(name):
            return
        if there := _intact(known.get(key), key):
            with job.part(name) as unfinished:
                link(there, unfinished)
        else:
            version = fetcher.file(key, path, first_bytes)
            if first_bytes and version.total_bytes > first_bytes:
                _cut(path)
            work.settle(path, job.folder / name)

    keys = sorted(_drawn_keys(config, fetcher, job.scratch))
    if len({Path(key).name for key in keys}) < len(keys):
        raise DataError(f"{config.crawl} has two files of one name")
    with job.progress.task("files", len(keys)) as task:
        for _ in fetcher.each(fetch, keys):
            task.advance()
    files = [job.record(Path(key).name) for key in keys]
    sources = [
        Source(name=key, version=config.crawl, sha256=file.sha256, location=location)
        for key, file in zip(keys, files, strict=True)
        for location in [fetcher.server.location(key)]
    ]
    return files, sources, {"files": len(files)}


def _fetched_before(config: CommonCrawlConfig, store: Path) -> dict[str, Artifact]:
    """By key, the whole artifact of the store that has the file already, as much of it."""
    found = dict[str, Artifact]()
    for folder in folders(store, "corpus.commoncrawl-*"):
        if fault(folder) is None:
            made = Artifact(folder)
            is_alike = made.manifest.config["first_megabytes"] == config.first_megabytes
            found |= {it.name: made for it in made.manifest.sources if is_alike}
    return found


def _intact(made: Artifact | None, key: str) -> Path | None:
    """The file where it lies, if its bytes are still those that were fetched."""
    if made is None:
        return None
    path = made.file(Path(key).name)
    fetched = next(it.sha256 for it in made.manifest.sources if it.name == key)
    return path if file_record(path.parent, path.name).sha256 == fetched else None


def _cut(path: Path) -> None:
    """Drop the last member, which is not whole."""
    with path.open("r+b") as file:
        start = max(0, path.stat().st_size - RECORD_BYTES)
        file.seek(start)
        last = start + file.read().rfind(packing.GZIP)
        file.truncate(last if last > 0 else None)


def _pages(config: CommonCrawlConfig, job: Job, fetcher: Fetcher) -> Made:
    found, metrics = _found(config, job, fetcher)
    names, rejected = [], 0
    with job.progress.task("pages", len(found)) as task:
        for start in range(0, len(found), PART_PAGES):
            names.append(name := f"pages-{start // PART_PAGES:05}.warc.gz")
            pages = found[start : start + PART_PAGES]
            paths = [job.scratch / name / str(number) for number in range(len(pages))]
            if not job.has(name):
                for _ in fetcher.each(
                    partial(_fetch_page, fetcher), zip(pages, paths, strict=True)
                ):
                    task.advance()
                with job.part(name) as whole, whole.open("wb") as file:
                    file.writelines(path.read_bytes() for path in paths)
            rejected += sum(not path.stat().st_size for path in paths)
    if rejected == len(found):
        raise DataError(f"{config.crawl} has no such page", hint="ask for more pages, or others")
    source = Source(
        name="Common Crawl's URL index",
        version=config.crawl,
        sha256=digest(found),
        location=fetcher.server.location(INDEX.format(config.crawl)),
    )
    counts = {"pages": len(found) - rejected, "rejected_pages": rejected}
    return [job.record(name) for name in names], [source], {**counts, **metrics}


def _fetch_page(fetcher: Fetcher, wanted: tuple[Span, Path]) -> None:
    """Have its record at a path; of one that is not where the index says, an empty file."""
    page, path = wanted
    if not path.exists():
        try:
            packed = fetcher.part(*page)
        except BeyondError:
            packed = b""
        record = packing.gzip_member(packed, 2 * RECORD_BYTES) or b""
        with work.written(path) as made:
            made.write_bytes(packed if record.startswith(b"WARC/") else b"")


def _found(config: CommonCrawlConfig, job: Job, fetcher: Fetcher) -> tuple[list[Span], Metrics]:
    """The pages that are wanted, in the order of the crawl's files."""
    index, cluster = INDEX.format(config.crawl), job.scratch / CLUSTER
    wanted = Wanted.of(config.domains, config.languages)
    if not wanted.keys:
        fetcher.file(f"{index}/{CLUSTER}", cluster, url_index.CLUSTER_BYTES)
    elif not cluster.exists():
        part, size = partial(fetcher.part, f"{index}/{CLUSTER}"), fetcher.size(f"{index}/{CLUSTER}")
        with work.written(cluster) as made:
            made.write_bytes(b"\n".join(url_index.blocks_within(part, size, wanted.keys)))
    total, blocks = url_index.drawn_blocks(cluster, config.seed)
    found, unreadable = dict[Span, None](), 0
    with job.progress.task("blocks of the index", total) as task:
        for block in blocks:
            path = job.scratch / f"{block.file}-{block.start}"
            if not path.exists():
                packed = fetcher.part(f"{index}/{block.file}", block.start, block.stop)
                with work.written(path) as made:
                    made.write_text(json.dumps(list(url_index.pages(packed, wanted))), "utf-8")
            pages = json.loads(path.read_text("utf-8"))
            found |= dict.fromkeys(Span(*page) for page in pages if page)
            unreadable += pages.count(None)
            task.advance(note=f"{len(found):,} pages")
            if len(found) >= (config.pages or 0):
                break
    read = task.done
    job.progress.say(f"{len(found):,} pages in {read:,.0f} of {total:,} blocks of the index")
    counts = {"index_blocks": read, "index_blocks_total": total, "unreadable_lines": unreadable}
    return sorted(list(found)[: config.pages]), dict(counts)


STAGE = Stage(
    "corpus.commoncrawl",
    version=1,
    config=CommonCrawlConfig,
    inputs=(),
    run=run,
    reproducible="request",
)
