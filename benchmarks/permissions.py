"""What opt-outs cost, and whether they are found: CPU time of one thread, the sides in turns.

    python benchmarks/permissions.py CRAWL.warc.gz DOCUMENTS.parquet [--rounds N] [--hosts N]

First the texts of every tenth page of the crawl, and what of that time its signals take. Then
documents, as corpus.extract (5) writes them, under addresses of so many hosts (few with many pages,
many with few), and a WARC file with a robots.txt of most of these, drawn among the kinds below; as
what each says is known, what corpus.permissions finds is compared with it. Last files that are made
to stall: the time that a page of such a host takes.
"""

import argparse
import random
import tempfile
import time
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from timing import cpu_seconds

from bedstone.corpus import permissions
from bedstone.corpus.optouts.rulings import Robots
from bedstone.corpus.permissions import AGENTS
from bedstone.corpus.web import charsets, html, signals, warc
from bedstone.progress import Progress
from bedstone.store.engine import Local
from bedstone.store.stage import Job

MAX_BYTES = 8 << 20
EVERY = 10
COMMON = "User-agent: *\nDisallow: /admin/\nDisallow: /*?sort=\nCrawl-delay: 10\n"
CLOSED, OPEN = "User-agent: {}\nDisallow: /\n", "User-agent: {}\nDisallow:\n"
KINDS: dict[str, tuple[str, str, bool | None]] = {
    "nobody asked": ("", "", None),
    "404": ("404 Not Found", "", True),
    "500": ("500 Error", "", False),
    "open": ("200 OK", f"{COMMON}Allow: /\n", True),
    "closed": ("200 OK", CLOSED.format("*"), False),
    "closed to two": ("200 OK", CLOSED.format("GPTBot\nUser-agent: CCBot") + COMMON, False),
    "closed to another": ("200 OK", CLOSED.format("SomeBot") + COMMON, True),
    "open to ours": ("200 OK", CLOSED.format("*") + "".join(map(OPEN.format, AGENTS)), True),
    "signal": ("200 OK", "User-agent: *\nContent-Signal: ai-train=no\nAllow: /\n", False),
    "200 lines": ("200 OK", COMMON + "".join(f"Disallow: /{it}/*/x$\n" for it in range(200)), True),
}
WEIGHTS = [15, 15, 1, 40, 3, 8, 6, 2, 5, 5]
"""Of the kinds, in percent: assumed, not measured anywhere."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("crawl", type=Path)
    parser.add_argument("documents", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--hosts", type=int, default=5_000)
    words = parser.parse_args()
    extracting(words.crawl, words.rounds)
    judging(words.documents, words.hosts)
    stalling()


def extracting(crawl: Path, rounds: int) -> None:
    read = warc.read(crawl, MAX_BYTES, warc.Ledger())
    pages: list[Any] = list(islice(read, 0, None, EVERY))
    parsed = [
        (page, *html._parsed(charsets.decode(page.body, page.charset).text)) for page in pages
    ]

    def texts() -> None:
        for page in pages:
            html.read_page(page.charset, page.body, html.HTML, main_content=True)

    def told() -> None:
        for page, source, tags in parsed:
            signals.license_of([*page.signals, *signals.of_markup(source, tags)], page.url)

    taken = cpu_seconds({"texts": texts, "signals": told}, rounds)
    each = {name: 1e6 * seconds / len(pages) for name, seconds in taken.items()}
    print(f"{len(pages):,} pages: {each['texts']:.0f} us each, {each['signals']:.1f} for signals")


def judging(documents: Path, hosts: int) -> None:
    table = pq.read_table(documents)
    draw = random.Random(1)
    kinds = [KINDS[it] for it in draw.choices(list(KINDS), WEIGHTS, k=hosts)]
    at = [int(hosts * draw.random() ** 3) for _ in range(table.num_rows)]
    urls = [f"https://host{host}.example/page/{row}?a=b" for row, host in enumerate(at)]
    table = table.set_column(1, "url", pa.array(urls))
    with tempfile.TemporaryDirectory() as folder:
        pq.write_table(table, f"{folder}/documents.parquet")
        with Path(folder, "robots.warc").open("wb") as archive:
            for host, kind in enumerate(kinds):
                archive.write(record(f"https://host{host}.example/robots.txt", *kind[:2]))
        inputs = {"documents": shard(Path(folder, "documents.parquet"))}
        inputs["robots"] = shard(Path(folder, "robots.warc"))
        Path(folder, "made").mkdir()
        job = Job(inputs, Path(folder, "made"), Local(), Progress())
        started = time.process_time()
        result = permissions.run(permissions.PermissionsConfig(), job)
        taken = time.process_time() - started
        found = pq.read_table(f"{folder}/made/00000.parquet")["allowed"].to_pylist()
    wrong = sum(is_it is not kinds[host][2] for is_it, host in zip(found, at, strict=True))
    print(f"{table.num_rows:,} documents of {len(set(at)):,} hosts, {hosts:,} robots.txt: ")
    print(f"  {taken:.1f} s, {1e6 * taken / table.num_rows:.0f} us a document; {wrong} wrong")
    print(
        "  " + ", ".join(f"{it} {result.metrics[it]:.3f}" for it in result.metrics if "share" in it)
    )


def record(url: str, status: str, body: str) -> bytes:
    if not status:
        return b""
    http = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\n\r\n{body}".encode()
    head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\n"
    head += f"WARC-Date: 2025-01-01T00:00:00Z\r\nContent-Length: {len(http)}\r\n\r\n"
    return head.encode() + http + b"\r\n\r\n"


def shard(path: Path) -> Any:
    made = SimpleNamespace(content="", location=path, files=(path,))
    made.shards = (made,)
    return made


def stalling() -> None:
    agents = "".join(f"User-agent: {it}\n" for it in AGENTS)
    own = "".join(f"User-agent: {it}\nDisallow: /{it}\n" for it in AGENTS)
    files = {
        "15,000 agents, 15,000 rules": "".join(f"User-agent: a{it}\n" for it in range(15_000))
        + "User-agent: *\n"
        + "".join(f"Disallow: /{it}\n" for it in range(15_000)),
        "20,000 wildcards": "User-agent: *\n"
        + "".join(f"Disallow: /*a*b*{it}\n" for it in range(20_000)),
        "200 wildcards a line": "User-agent: *\n"
        + "".join(f"Disallow: /{'*a' * 200}{it}\n" for it in range(1_200)),
        "rules of each agent": agents
        + "".join(f"Disallow: /*a{it}\n" for it in range(20_000))
        + own,
    }
    url = "https://a.example/" + "a" * 1_900
    for name, text in files.items():
        started = time.process_time()
        robots = Robots(text, AGENTS, star_counts=True)
        read = time.process_time()
        robots.refusals(url)
        milliseconds = 1e3 * (read - started), 1e3 * (time.process_time() - read)
        print("{}: read in {:.0f} ms, {:.1f} ms a page".format(name, *milliseconds))


if __name__ == "__main__":
    main()
