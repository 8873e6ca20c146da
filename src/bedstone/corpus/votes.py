"""Stage corpus.votes: say of each document how many votes the web gave its address.

Reads   ``documents``; ``votes``: tables of URLs and votes, CSV, TSV (both plain or gzip) or Parquet
        with the columns of the config; what is none of these by its name is passed over; and where
        given ``language``, for what is told of languages
Writes  a file for each shard of documents, ``00000.parquet`` ...: ``id``; ``votes``, null where the
        table does not have the address; ``match``, how it was found: ``strict``, ``loose``,
        ``host`` or null
        ``about/languages.parquet``: for each language its ``documents``, those ``with_url``, and
        the ``matched``

Rows of the tables that do not count are counted by reason, and the first is told. Nothing is
dropped: the usual limit of corpus.filter is ``votes.low = 3`` with ``missing = "drop"``.
Before it is set, look at the languages: votes of one site are in its readers' language, and a
limit then leaves nearly nothing of the others.

Keys are those of ``links.addresses``. The strict one goes first: all rows of one strict key are
added up. Where no row has it, a page that is loosely the same counts; of several the one with most
votes, for they may be other pages. With ``queries``, one with the same query goes before others. By
host, a document has the votes of its host, or else of the nearest host above it that has some.

The tables are read once, however many documents there are, and may be larger than memory: their
keys are sorted on disk.

Source: Radford et al. 2019 (WebText): pages with three votes or more; EleutherAI/openwebtext2
c967e20, which adds up the votes of all submissions of a URL.
Differs: there the URL as it is written is the key, and only pages with votes are fetched.
"""

import logging
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from bedstone.config import Config
from bedstone.corpus.links.addresses import (
    host_of,
    hosts_above,
    loose_keys,
    loosely,
    strict_key,
    without_variant,
)
from bedstone.corpus.links.ballots import BATCH_ROWS, ENDINGS, REASONS, Columns, ballots
from bedstone.corpus.links.keyed import Collector, Keyed, hashes_of, keyed_by
from bedstone.errors import DataError, printable
from bedstone.languages import MIXED, UNKNOWN
from bedstone.progress import Progress
from bedstone.store import tables
from bedstone.store.artifact import ABOUT, File, Shard
from bedstone.store.engine import Local
from bedstone.store.stage import Job, Metrics, Result, Stage

Votes = NDArray[np.float64]
Strings = NDArray[np.object_]

log = logging.getLogger("bedstone")

NEARLY_ALL = 0.9
"""Of the matched documents: a language that has so many is warned of."""
FOUND = pa.schema([("id", pa.string()), ("votes", pa.float64()), ("match", pa.string())])


class VotesConfig(Config):
    """How votes are read and added up."""

    url_column: str = Field(default="url", min_length=1)
    """Of the tables; with ``by = "host"`` its values may be hosts."""
    votes_column: str = Field(default="votes", min_length=1)
    """Of the tables; ``any`` needs none."""
    aggregate: Literal["sum", "max", "any"] = "sum"
    """Of rows with one key: their votes added up, the most of one row, or 1 whatever they say."""
    by: Literal["url", "host"] = "url"
    """What has votes: a page, or all pages of a host."""
    queries: bool = False
    """Whether a page with a query and one without are loosely the same: then one row can give its
    votes to all pages of an address that differ by their queries."""

    @property
    def columns(self) -> Columns:
        """What is read of the tables."""
        return Columns(self.url_column, None if self.aggregate == "any" else self.votes_column)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found in a shard."""

    file: File
    matches: Counter[str | None]
    languages: Counter[tuple[str, str]]
    """Of each language: ``documents``, ``with_url``, ``matched``."""


def run(config: VotesConfig, job: Job) -> Result:
    """Sort the tables' keys, and look up those of the documents.

    Raises:
        DataError: there is no table, one cannot be read or lacks a column, no row counts, or an
            input is about other documents.
    """
    shutil.rmtree(job.scratch, ignore_errors=True)  # what a killed build began
    files = [path for path in job.inputs["votes"].files if path.name.lower().endswith(ENDINGS)]
    if not files:
        raise DataError(
            f"{job.inputs['votes'].location}: there is no table of votes",
            hint=f"their names end in {', '.join(ENDINGS)}",
        )
    counts = Counter[str]()
    strict = _collected(config, job, files, counts)
    loose = _collected_loosely(strict, job.scratch / "loose") if config.by == "url" else None
    roles = [job.inputs[role] for role in ("documents", "language") if role in job.inputs]
    parts = list(enumerate(tables.together(*roles)))
    inner = replace(job, inputs={}, engine=Local(), progress=Progress())
    written, matches, languages = [], Counter[str | None](), Counter[tuple[str, str]]()
    write = partial(_write, job=inner, strict=strict, loose=loose, tries=1 + config.queries)
    with job.progress.task("shards", len(parts)) as task:
        for seen in job.engine.map(write, parts):
            written.append(seen.file)
            matches.update(seen.matches)
            languages.update(seen.languages)
            task.advance()
    if "language" in job.inputs:
        written.append(tables.write(job, f"{ABOUT}/languages.parquet", _by_language(languages)))
        _warn_of_one_language(languages)
    voted = len(Keyed.at(strict).hashes)
    return Result(_metrics(counts, matches, languages, voted), tuple(written))


def _collected(config: VotesConfig, job: Job, files: list[Path], counts: Counter[str]) -> Path:
    """Where the tables' keys and votes are."""
    by_host, example = config.by == "host", ""
    collector = Collector(job.scratch / "strict", "sum" if config.aggregate == "sum" else "max")
    rows = chain.from_iterable(
        ((path, it) for it in ballots(path, config.columns, by_host=by_host)) for path in files
    )
    while batch := list(islice(rows, BATCH_ROWS)):
        good = [ballot for _, ballot in batch if not ballot.reason]
        keys = [host_of(without_variant(it.key)) if by_host else it.key for it in good]
        keyed = keyed_by([key.encode() for key in keys], [it.votes for it in good])
        if not by_host:
            loose = [(found[0], found[-1]) for found in map(loose_keys, keys)]
            others = hashes_of([key.encode() for pair in loose for key in pair])
            keyed = keyed._replace(others=others.reshape(-1, 2))
        collector.add(keyed)
        counts["rows"] += len(batch)
        for path, ballot in batch:
            if ballot.reason:
                counts[ballot.reason] += 1
                example = example or f"row {ballot.number:,} of {path.name}"
    if count := sum(counts[reason] for reason in REASONS):
        told = ", ".join(f"{counts[reason]:,} {reason}" for reason in REASONS if counts[reason])
        of = f"{count:,} of {counts['rows']:,} rows of votes"
        log.warning("%s do not count: %s; the first is %s", of, told, printable(example))
    if counts["rows"] == count:
        columns = " and ".join(name for name in config.columns if name)
        raise DataError(
            f"{job.inputs['votes'].location}: no row of {counts['rows']:,} has what counts",
            hint=f"look at the columns {columns}: a URL begins with http:// or https://",
        )
    return collector.close()


def _collected_loosely(strict: Path, folder: Path) -> Path:
    """The same by loose keys: of several pages, the one with most votes."""
    collector = Collector(folder, "max")
    for first in range(0, len(Keyed.at(strict).hashes), BATCH_ROWS):
        rows = Keyed.at(strict).rows(slice(first, first + BATCH_ROWS))
        hashes, numbers = rows.others.ravel(), np.repeat(rows.numbers, 2)
        collector.add(Keyed(hashes, numbers, np.zeros((len(hashes), 2), np.uint64)))
    return collector.close()


def _write(
    part: tuple[int, tuple[Shard, ...]], job: Job, strict: Path, loose: Path | None, tries: int
) -> Seen:
    """Look up the documents of a shard, loosely under so many keys of each."""
    number, (documents, *language) = part
    named = tables.read(documents, ["id", "url"])
    keys = [strict_key(url) for url in named["url"].to_pylist()]
    votes, match = np.full(len(keys), np.nan), np.full(len(keys), None, np.object_)
    if loose is None:
        _of_hosts(Keyed.at(strict), keys, votes, match)
    else:
        _of_pages(Keyed.at(strict), keys, votes, match, "strict")
        terms = [loosely(key) if key else (None, None) for key in keys]
        for wanted in islice(zip(*terms, strict=True), tries):
            _of_pages(Keyed.at(loose), wanted, votes, match, "loose")
    columns = [named["id"], pa.array(votes, mask=np.isnan(votes)), pa.array(match, pa.string())]
    file = tables.write(job, f"{number:05}.parquet", pa.table(columns, schema=FOUND))
    counts = Counter[tuple[str, str]]()
    if language:
        found = tables.beside(language[0], named, ["language"])["language"].to_pylist()
        for name, key, how in zip(found, keys, match, strict=True):
            counts[name, "documents"] += 1
            counts[name, "with_url"] += key is not None
            counts[name, "matched"] += how is not None
    ways = ["no_url" if key is None else how for key, how in zip(keys, match, strict=True)]
    return Seen(file, Counter(ways), counts)


def _of_pages(
    keyed: Keyed, keys: Sequence[str | None], votes: Votes, match: Strings, how: str
) -> None:
    """Fill in the votes of those whose key has some, unless they have been found before."""
    pairs = zip(keys, match, strict=True)
    places = [place for place, (key, found) in enumerate(pairs) if key and found is None]
    for at, row in keyed.matches([(keys[place] or "").encode() for place in places]):
        votes[places[at]], match[places[at]] = keyed.numbers[row], how


def _of_hosts(keyed: Keyed, keys: Sequence[str | None], votes: Votes, match: Strings) -> None:
    """Fill in what the host has, or the nearest above it."""
    hosts = [host_of(without_variant(key)) if key else "" for key in keys]
    above = {host: hosts_above(host) for host in set(hosts) - {""}}
    wanted = sorted(set(chain.from_iterable(above.values())))
    rows = keyed.matches([host.encode() for host in wanted])
    found = {wanted[at]: float(keyed.numbers[row]) for at, row in rows}
    for place, host in enumerate(hosts):
        nearest = next((each for each in above.get(host, ()) if each in found), None)
        if nearest is not None:
            votes[place], match[place] = found[nearest], "host"


def _by_language(counts: Counter[tuple[str, str]]) -> pa.Table:
    names = sorted({language for language, _ in counts})
    kinds = ("documents", "with_url", "matched")
    columns = {kind: [counts[name, kind] for name in names] for kind in kinds}
    return pa.table({"language": pa.array(names, pa.string()), **columns})


def _warn_of_one_language(counts: Counter[tuple[str, str]]) -> None:
    """Say that the votes speak one language, where they do and the documents do not."""
    matched = Counter({name: count for (name, kind), count in counts.items() if kind == "matched"})
    documents = sum(count for (_, kind), count in counts.items() if kind == "documents")
    for name, count in matched.most_common(1):
        share, of_all = count / max(matched.total(), 1), counts[name, "documents"] / documents
        if share >= NEARLY_ALL and share > of_all and name not in (UNKNOWN, MIXED):
            log.warning(
                "the votes speak one language: %.0f %% of the documents with votes are in %s, of "
                "all documents %.0f %%; a limit on votes would leave nearly nothing of the others",
                100 * share, name, 100 * of_all,
            )  # fmt: skip


def _metrics(
    counts: Counter[str],
    matches: Counter[str | None],
    languages: Counter[tuple[str, str]],
    keys: int,
) -> Metrics:
    ways = {how: matches[how] for how in ("strict", "loose", "host")}
    with_url = matches.total() - matches["no_url"]
    return {
        "input_documents": matches.total(),
        "without_url_documents": matches["no_url"],
        "matched_documents": sum(ways.values()),
        "matched_share": sum(ways.values()) / max(with_url, 1),
        **{f"matched.{how}_documents": count for how, count in ways.items()},
        **{
            f"matched.{name}_share": count / max(languages[name, "with_url"], 1)
            for (name, kind), count in sorted(languages.items())
            if kind == "matched"
        },
        "voted_keys": keys,
        "input_rows": counts["rows"],
        **{f"broken.{reason}_rows": counts[reason] for reason in REASONS},
    }


STAGE = Stage(
    "corpus.votes",
    version=1,
    config=VotesConfig,
    inputs=("documents", "votes"),
    optional=("language",),
    run=run,
    libraries=("can-ada", "numpy", "pyarrow"),
)
