"""Stage corpus.sites: say of each document its host and site, and which lists name them.

Reads   ``documents``; ``lists`` where given: your folder of lists, as ``links.host_lists`` says:
        of sites that you do not want, or of sources that somebody calls this or that
Writes  ``sites.parquet``: ``id``; ``host``; ``site``, the domain that is registered; ``suffix``,
        the public suffix that it is registered under; with lists ``listed``, the names of those
        that the document is on. All are null of a document without a URL
        ``about/lists.parquet``: of each list its ``entries``, the lines that are ``broken``, the
        first of them as ``example``, and how many ``documents`` of the shard are on it

Nothing is dropped: the usual limit of corpus.filter is ``listed.high = 0``. A list says who was
named by its maker, on its day: give it a name that tells both (``sources-2025-01.txt``). What it
names is matched by whole labels of the host and whole parts of the path: ``sex.example`` names
``www.sex.example`` and not ``essex.example``.

Public suffixes are those of the installed package, the registries' only; nothing is fetched.
"""

import logging
from collections import Counter
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from bedstone.config import Config
from bedstone.corpus.links.addresses import host_of, site_of, strict_key
from bedstone.corpus.links.host_lists import HostLists, read_lists
from bedstone.errors import printable
from bedstone.store import tables
from bedstone.store.artifact import ABOUT, File
from bedstone.store.stage import Job, Metrics, Result, Stage

log = logging.getLogger("bedstone")


class SitesConfig(Config):
    """There is nothing to choose: the lists are the choice."""


def run(config: SitesConfig, job: Job) -> Result:
    """Look at the addresses of one shard.

    Raises:
        DataError: a list cannot be read or names nothing, or it is no table of documents.
    """
    named = tables.read(job.inputs["documents"], ["id", "url"])
    keys = [strict_key(url) for url in named["url"].to_pylist()]
    hosts = [host_of(key) if key else None for key in keys]
    sites = [site_of(host) if host else (None, None) for host in hosts]
    table = pa.table(
        {
            "id": named["id"],
            "host": pa.array(hosts, pa.string()),
            "site": pa.array([site for site, _ in sites], pa.string()),
            "suffix": pa.array([suffix for _, suffix in sites], pa.string()),
        }
    )
    metrics: Metrics = {
        "input_documents": len(keys),
        "without_url_documents": hosts.count(None),
    }
    files: list[File] = []
    if "lists" in job.inputs:
        lists = job.inputs["lists"]
        known = _read(lists.files, lists.location, lists.content)
        listed = known.on(keys)
        table = table.append_column("listed", pa.array(listed, pa.list_(pa.string())))
        counts = Counter(name for names in listed for name in names or ())
        metrics["listed_documents"] = sum(map(bool, listed))
        metrics |= {f"listed.{it.name}_documents": counts[it.name] for it in known.lists}
        files.append(tables.write(job, f"{ABOUT}/lists.parquet", _about(known, counts)))
    return Result(metrics, (tables.write(job, "sites.parquet", table), *files))


@lru_cache(1)
def _read(files: tuple[Path, ...], top: Path, content: str) -> HostLists:
    """The lists, read once for all shards that a process works on."""
    known = read_lists(files, top)
    if broken := [it for it in known.lists if it.broken]:
        count, first = sum(it.broken for it in broken), broken[0]
        lines = count + sum(it.entries for it in known.lists)
        log.warning(
            "%s of %s lines of lists name neither a host nor a URL; the first is %s of %s",
            f"{count:,}", f"{lines:,}", printable(repr(first.example)), printable(first.name),
        )  # fmt: skip
    return known


def _about(known: HostLists, counts: Counter[str]) -> pa.Table:
    return pa.table(
        {
            "list": [it.name for it in known.lists],
            "entries": [it.entries for it in known.lists],
            "broken": [it.broken for it in known.lists],
            "example": [it.example for it in known.lists],
            "documents": [counts[it.name] for it in known.lists],
        }
    )


def total(sums: Metrics) -> Metrics:
    """The shards' counts, and the share that is on a list."""
    if "listed_documents" not in sums:
        return sums
    return sums | {"listed_share": sums["listed_documents"] / max(sums["input_documents"], 1)}


STAGE = Stage(
    "corpus.sites",
    version=1,
    config=SitesConfig,
    inputs=("documents",),
    optional=("lists",),
    run=run,
    libraries=("can-ada", "pyarrow", "tldextract"),
    sharded=("documents",),
    total=total,
)
