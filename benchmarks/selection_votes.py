"""What votes, sites and words cost beside the extraction of the same crawl; and a large vote table.

    python benchmarks/selection_votes.py crawl CRAWL --words FOLDER [--rows 100000] [--rounds 3]
    python benchmarks/selection_votes.py large --rows 1000000 4000000

CRAWL is a WARC file, FOLDER lists of words by language. All stages work on the whole crawl in
turns, in one thread; the time is the CPU's, the median over the rounds. The vote table has a row
for each tenth document, spelled otherwise than in the crawl, and ``--rows`` of pages that nobody
fetched; the lists of sites name as many hosts. ``large`` joins tables of so many rows with 30,000
documents, each in a process of its own, and tells what it takes of memory and disk.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from types import MappingProxyType

import pyarrow as pa
import pyarrow.parquet as pq

from bedstone.progress import Progress
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Shard
from bedstone.store.engine import Local
from bedstone.store.stage import Job
from bedstone.store.stages import find

DOCUMENTS = 30_000
NOTHING = MappingProxyType[str, object]({})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("crawl")
    one.add_argument("crawl", type=Path)
    one.add_argument("--words", type=Path, required=True)
    one.add_argument("--rows", type=int, default=100_000)
    one.add_argument("--share", type=float, default=1.0, help="of the pages")
    one.add_argument("--rounds", type=int, default=3)
    one.set_defaults(run=crawl)
    many = commands.add_parser("large")
    many.add_argument("--rows", type=int, nargs="+", required=True)
    many.add_argument("--here", action="store_true", help="in this process")
    many.set_defaults(run=large)
    given = parser.parse_args()
    given.run(given)


def crawl(given: argparse.Namespace) -> None:
    folder = Path(tempfile.mkdtemp())
    pages, share = adopt([given.crawl], folder).shards[0], {"share": given.share}
    documents = made("corpus.extract", folder, share, crawl=pages)
    language = made("corpus.language", folder, documents=documents)
    urls = pq.read_table(documents.files[0], columns=["url"])["url"].to_pylist()
    votes, hosts = folder / "votes.csv", folder / "hosts"
    write_votes(votes, urls[::10], given.rows)
    hosts.mkdir()
    (hosts / "list").write_text("".join(f"host-{n}.example\n" for n in range(given.rows)))
    inputs = {
        "corpus.votes": {"votes": adopt([votes], folder), "language": language},
        "corpus.sites": {"lists": adopt([hosts], folder)},
        "corpus.words": {"lists": adopt([given.words], folder), "language": language},
    }
    calls: dict[str, Callable[[], object]] = {
        name: partial(made, name, folder, documents=documents, **roles)
        for name, roles in inputs.items()
    }
    for call in calls.values():  # which may compile
        call()
    calls["corpus.extract"] = partial(made, "corpus.extract", folder, share, crawl=pages)
    seconds = {name: list[float]() for name in calls}
    for _ in range(given.rounds):
        for name, call in calls.items():
            started = spent_seconds()
            call()
            seconds[name].append(spent_seconds() - started)
    print(f"{len(urls):,} documents, {given.rows + len(urls[::10]):,} votes, {given.rows:,} hosts")
    extraction = median(seconds["corpus.extract"])
    for name, each in seconds.items():
        print(f"{name:16} {median(each):7.2f} CPU s  {median(each) / extraction:6.1%} of extract")


def spent_seconds() -> float:
    """Of the CPU, by this process and those that it has waited for: extraction has one."""
    return sum(os.times()[:4])


def large(given: argparse.Namespace) -> None:
    if not given.here:
        for rows in given.rows:
            command = [sys.executable, __file__, "large", "--here", "--rows", str(rows)]
            print(
                subprocess.run(command, check=True, capture_output=True, text=True).stdout, end=""
            )
        return
    (rows,) = given.rows
    folder = Path(tempfile.mkdtemp())
    urls = [f"https://host-{n % 999}.example/page/{n}" for n in range(DOCUMENTS)]
    pq.write_table(pa.table({"id": urls, "url": urls}), folder / "documents.parquet")
    documents = adopt([folder / "documents.parquet"], folder)
    write_votes(folder / "votes.csv", urls[::10], rows)
    votes = adopt([folder / "votes.csv"], folder)
    before, started = peak_bytes(), time.process_time()
    found = made("corpus.votes", folder, documents=documents, votes=votes)
    spent = time.process_time() - started
    scratch = sum(path.stat().st_size for path in found.location.rglob(".scratch/**/*"))
    told = {
        "rows": rows,
        "table_mb": (folder / "votes.csv").stat().st_size // 1_000_000,
        "cpu_seconds": round(spent, 1),
        "rows_per_cpu_second": int(rows / spent),
        "peak_mb": peak_bytes() // 1_000_000,
        "peak_before_mb": before // 1_000_000,
        "disk_mb": scratch // 1_000_000,
    }
    print(json.dumps(told))


def made(name: str, folder: Path, config: Mapping[str, object] = NOTHING, **inputs: Shard) -> Shard:
    """What a stage makes of its inputs, in a new folder."""
    stage, where = find(name), Path(tempfile.mkdtemp(prefix=name, dir=folder))
    stage.run(stage.config(**config), Job(inputs, where, Local(), Progress()))
    return Folder(where)


class Folder:
    """Files of a stage as the input of another."""

    def __init__(self, path: Path) -> None:
        self.location, self.content = path, path.name
        self.files = tuple(path.glob("*.parquet"))
        self.shards = (self,)

    def file(self, name: str) -> Path:
        """The file of that name."""
        return self.location / name


def write_votes(path: Path, urls: Iterable[str], rows: int) -> None:
    """Votes of ``urls``, with a parameter more, and of ``rows`` pages that are not there."""
    dice = random.Random(1)
    with path.open("w", encoding="utf-8") as file:
        file.write("url,votes\n")
        for url in urls:
            more = "&" if "?" in url else "?"
            file.write(f'"{url}{more}utm_source=feed",{dice.randrange(-2, 20)}\n')
        for _ in range(rows):
            host, page = dice.randrange(100_000), dice.getrandbits(40)
            file.write(f"https://www.site-{host}.example/news/{page:x}.html,{dice.randrange(9)}\n")


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
