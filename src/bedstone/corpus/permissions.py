"""Stage corpus.permissions: find which pages may be trained on, by what sites and pages say.

Reads   ``documents``, with their signals; and where given: ``robots``, WARC files of robots.txt (as
        Common Crawl has apart from its pages), or a folder of ``HOST.txt`` or ``HOST/robots.txt``;
        ``crawl``, the WARC files of the pages, which may hold robots.txt; ``language``, to tell who
        loses
Writes  a table for each shard, ``00000.parquet`` ...: ``id``, ``allowed`` (null where nothing
        tells), ``robots`` (``allowed``, ``disallowed``, ``no robots.txt``; null of what is no page
        of the web), ``by`` (what refuses: line and agents of robots.txt, or the signal itself),
        ``license`` (``CC-BY-4.0`` and the like of Creative Commons, else the address, null where
        the page names none)
        ``about/languages.parquet``, ``about/hosts.parquet``: ``documents``, ``bytes``, those that
        are ``refused`` and those that are ``unknown``, by language; and what is refused of the
        hosts that lose most, with ``by`` of one page

Nothing is dropped here: the usual limit of corpus.filter is ``allowed`` with ``low = 1``, and with
``missing`` for what is unknown: Apertus keeps it. robots.txt is applied afterwards to pages of any
age, and no network is asked. /.well-known/tdmrep.json is not read.

A refusal of any of the agents, or of any signal that counts, is one. Of several robots.txt of a
host the newest counts. An answer 4xx in its place allows all; one of 5xx refuses all, for nobody
knows what it would have said.

Held in memory are some 500 bytes for each host that refuses.

Source: RFC 9309; Apertus (arXiv:2509.14233) for rules applied to what was fetched before them.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from bedstone.config import Config
from bedstone.corpus.optouts import robots_records
from bedstone.corpus.optouts.robots_records import ARCHIVES, Kept, Part, Records, gather
from bedstone.corpus.optouts.rulings import Robots
from bedstone.corpus.optouts.wishes import Wish, wish_of
from bedstone.corpus.rewriting.versions import row_groups
from bedstone.corpus.web.signals import MAX_CHARACTERS
from bedstone.errors import DataError, printable
from bedstone.languages import UNKNOWN
from bedstone.progress import Progress
from bedstone.store import tables
from bedstone.store.artifact import ABOUT, File, Shard
from bedstone.store.engine import Local
from bedstone.store.stage import Job, Metrics, Result, Stage

log = logging.getLogger("bedstone")

AGENTS = (
    *("CCBot", "GPTBot", "ClaudeBot", "anthropic-ai", "Google-Extended", "Applebot-Extended"),
    *("meta-externalagent", "FacebookBot", "Bytespider", "Amazonbot", "cohere-ai", "AI2Bot"),
    *("cohere-training-data-crawler", "Diffbot", "omgili"),
)
"""Those that gather texts for training, or stand for that use, by their makers' words or by common
lists; not those that fetch for a search or for somebody who asks."""
MOST_HOSTS = 100
MAX_REASONS = 20
"""Of a document, of so many characters each."""
COMMONS = re.compile(
    r"https?://(?:www\.)?creativecommons\.org/(licenses|publicdomain)/([a-z+-]{1,20})"
    r"(?:/(\d\.\d))?(?:[/?#].*)?"
)
ROWS = pa.schema(
    [
        ("id", pa.string()),
        ("allowed", pa.bool_()),
        ("robots", pa.string()),
        ("by", pa.list_(pa.string())),
        ("license", pa.string()),
    ]
)
SUMS = ("documents", "bytes", "refused_documents", "refused_bytes", "unknown_documents",
        "unknown_bytes")  # fmt: skip
LANGUAGES = pa.schema([("language", pa.string()), *((name, pa.int64()) for name in SUMS)])
HOSTS = pa.schema([("host", pa.string()), *((name, pa.int64()) for name in SUMS[2:4]),
                   ("by", pa.string())])  # fmt: skip


class PermissionsConfig(Config):
    """Whose refusals count, and which."""

    agents: tuple[Annotated[str, Field(pattern=r"^[\w-]{1,64}$")], ...] = Field(
        AGENTS, min_length=1
    )
    """Of robots.txt, and of signals that are for some agents only."""
    star: Literal["count", "ignore"] = "count"
    """Whether rules for all agents refuse for those that the file does not name."""
    signals: tuple[Wish, ...] = ("noai", "tdm-reservation", "content-usage", "content-signal")
    """Those that may refuse; the two last in robots.txt too."""


class Verdict(NamedTuple):
    """What is known of a document."""

    allowed: bool | None
    robots: str | None
    by: list[str]


@dataclass(slots=True)
class Losses:
    """Sums over documents."""

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Of ``language``, ``host`` (of what is refused only) or ``robots``, which, and of ``SUMS``."""
    examples: dict[str, str] = field(default_factory=dict)
    """What refuses a page of a host."""
    licensed: int = 0

    def add(self, other: "Losses") -> None:
        """Add those of other documents."""
        self.counts.update(other.counts)
        self.examples = other.examples | self.examples
        self.licensed += other.licensed

    def of(self, kind: str) -> dict[str, dict[str, int]]:
        """The sums of all languages, or hosts."""
        found = dict[str, dict[str, int]]()
        for (each, key, name), count in self.counts.items():
            if each == kind:
                found.setdefault(key, dict.fromkeys(SUMS, 0))[name] = count
        return found


def run(config: PermissionsConfig, job: Job) -> Result:
    """Put the robots.txt on disk, ask them about each document, and sum up who loses.

    Raises:
        ArtifactError: the inputs have not equally many shards.
        DataError: documents have no signals, or ``robots`` holds nothing of that kind.
    """
    inner = replace(job, inputs={}, engine=Local(), progress=Progress())
    roles = [role for role in ("documents", "language") if role in job.inputs]
    parts = list(enumerate(tables.together(*(job.inputs[role] for role in roles))))
    files, losses = [], Losses()
    robots = _gathered(job)
    with job.progress.task("shards", len(parts)) as task:
        judge = partial(_judge, config=config, job=inner)
        for file, found in job.engine.map(judge, parts):
            files.append(file)
            losses.add(found)
            task.advance()
    languages = [{"language": key, **it} for key, it in sorted(losses.of("language").items())]
    worst = sorted(losses.of("host").items(), key=lambda it: (-it[1]["refused_bytes"], it[0]))
    hosts = [{"host": key, **it, "by": losses.examples[key]} for key, it in worst[:MOST_HOSTS]]
    for name, rows, schema in (("languages", languages, LANGUAGES), ("hosts", hosts, HOSTS)):
        table = pa.Table.from_pylist(rows, schema)
        files.append(tables.write(job, f"{ABOUT}/{name}.parquet", table))
    return Result(_metrics(losses) | robots, tuple(files))


def _gathered(job: Job) -> Metrics:
    """Put all robots.txt on disk; how many."""
    parts = [Part(number, *it) for number, it in enumerate(_sources(job))]
    found, unreadable = 0, 0
    with job.progress.task("files with robots.txt", len(parts)) as task:
        for some, others in job.engine.map(partial(gather, folder=job.scratch), parts):
            found, unreadable = found + some, unreadable + others
            task.advance()
    robots_records.sort(job.scratch)
    return {"robots_records": found, "unreadable_robots_records": unreadable}


def _sources(job: Job) -> Iterator[tuple[tuple[Path, ...], bool]]:
    """Files that are read together, and whether they are of pages."""
    for role, is_crawl in (("robots", False), ("crawl", True)):
        files = job.inputs[role].files if role in job.inputs else ()
        archives = [it for it in files if it.name.lower().endswith(ARCHIVES)]
        named = [it for it in files if it.suffix.lower() == ".txt" and not is_crawl]
        texts = tuple(it for it in named if "." in robots_records.host_in(it))
        if others := [it for it in named if it not in texts]:
            told = printable(str(others[0].resolve()))
            log.warning("%s: its name is no host with a dot, so it is passed over", told)
        if role == "robots" and files and not archives and not texts:
            raise DataError(
                f"{job.inputs[role].location}: no robots.txt",
                hint="give WARC files of them, or files HOST.txt or HOST/robots.txt",
            )
        yield from (((path,), is_crawl) for path in archives)
        if texts:
            yield texts, False


def _judge(
    part: tuple[int, tuple[Shard, ...]], config: PermissionsConfig, job: Job
) -> tuple[File, Losses]:
    """Write a shard's table; the sums over its documents."""
    number, (documents, *language) = part
    name, losses, judge = f"{number:05}.parquet", Losses(), Judge(config, Records(job.scratch))
    ids = tables.read(documents, ["id"])
    keys = tables.beside(language[0], ids, ["language"])["language"] if language else None
    wanted = ("id", "url", "signals", "license", "text")
    row = 0
    with tables.writing(job, name, ROWS) as table:
        for group in row_groups(documents, wanted):
            sizes = pc.binary_length(group["text"]).to_pylist()
            here = keys[row : row + len(group)].to_pylist() if keys else [UNKNOWN] * len(group)
            for it, size, key in zip(
                group.drop_columns("text").to_pylist(), sizes, here, strict=True
            ):
                host, verdict = judge.of(it["url"] or "", it["signals"] or ())
                named = license_name(it["license"])
                table.append((it["id"], *verdict, named))
                _count(losses, verdict, size, key, host)
                losses.licensed += named is not None
            row += len(group)
    return job.record(name), losses


class Judge:
    """Who says what of pages."""

    def __init__(self, config: PermissionsConfig, records: Records) -> None:
        self._records = records
        self._agents = frozenset(map(str.lower, config.agents))
        self._signals = frozenset[str](config.signals)
        star_counts = config.star == "count"
        self._kept = Kept(lambda text: Robots(text, config.agents, star_counts=star_counts))

    def of(self, url: str, signals: Sequence[str]) -> tuple[str, Verdict]:
        """The host, and what is known of its page."""
        robots, wishes = None, list[tuple[str, bool]]()
        by = list[str]()
        address = robots_records.address_of(url)
        if address is not None:
            robots = "no robots.txt"
            answer = self._records.find(address)
            if answer is not None and answer.status >= 500:
                robots, by = "disallowed", [f"robots.txt: status {answer.status}"]
            elif answer is not None and answer.status >= 400:
                robots = "allowed"
            elif answer is not None:
                read = self._kept.of(answer, self._records)
                by = [f"robots.txt: {line}" for line in read.refusals(address.url)]
                robots = "disallowed" if by else "allowed"
                usages = read.usage(address.url, self._signals)
                wishes = [(f"robots.txt: {line}", allows) for line, allows in usages]
        for each in signals:
            if (allows := wish_of(each, self._agents, self._signals)) is not None:
                wishes.append((each, allows))
        by += [said for said, allows in wishes if not allows]
        told = robots == "allowed" or bool(wishes)
        allowed = False if by else True if told else None
        return address.host if address else "", Verdict(
            allowed, robots, [it[:MAX_CHARACTERS] for it in by[:MAX_REASONS]]
        )


def license_name(address: str | None) -> str | None:
    """A licence of Creative Commons by its usual name, any other by its address."""
    found = COMMONS.fullmatch((address or "").lower())
    if not found:
        return address
    kind, name, version = found.groups()
    names = {"zero": "CC0", "mark": "PDM"} if kind == "publicdomain" else {}
    return "-".join(filter(None, (names.get(name, f"CC-{name.upper()}"), version)))


def _count(losses: Losses, verdict: Verdict, size: int, language: str, host: str) -> None:
    state = {False: "refused_", None: "unknown_", True: ""}[verdict.allowed]
    asked = {("language", language, ""), ("language", language, state)}
    if verdict.allowed is False:
        asked.add(("host", host, state))
        losses.examples.setdefault(host, verdict.by[0])
    for kind, key, prefix in asked:
        losses.counts[kind, key, f"{prefix}documents"] += 1
        losses.counts[kind, key, f"{prefix}bytes"] += size
    losses.counts["robots", verdict.robots or "no host", "documents"] += 1


def _metrics(losses: Losses) -> Metrics:
    languages = losses.of("language").values()
    sums = {name: sum(it[name] for it in languages) for name in SUMS}
    return {
        "input_documents": sums["documents"],
        "input_bytes": sums["bytes"],
        **{name: sums[name] for name in SUMS[2:]},
        **{
            f"{name}_share": sums[name] / max(sums[name.rpartition("_")[2]], 1) for name in SUMS[2:]
        },
        **{
            f"robots.{it.replace(' ', '_')}_documents": losses.counts["robots", it, "documents"]
            for it in ("allowed", "disallowed", "no robots.txt", "no host")
        },
        "licensed_documents": losses.licensed,
    }


STAGE = Stage(
    "corpus.permissions",
    version=1,
    config=PermissionsConfig,
    inputs=("documents",),
    optional=("robots", "crawl", "language"),
    run=run,
    libraries=("can-ada", "protego", "pyarrow"),
)
