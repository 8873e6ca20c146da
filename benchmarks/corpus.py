"""From a WARC file to decided Parquet, against taking its text out alone: CPU time of one core.

    taskset --cpu-list 0 python benchmarks/corpus.py CRAWL.warc.gz [--rounds N]
    python benchmarks/corpus.py CRAWL.warc.gz --memory 1,4,16

The baseline reads the responses with fastwarc, guesses their encoding and decodes them, and takes
the main text out with resiliparse; it writes nothing. Ours are the stages below, built one after
another in a fresh store, with all that stages do: ids, headings, damage looked for, Parquet
written, hashed and read again. Both are run in turns, in one process and the one that reads pages.
A part of the file is run through first, so that the kernels are compiled; that is timed apart.

With ``--memory``: the most that each stage holds, of the file once, four times, sixteen times over,
each in a process of its own; of extraction with the process that reads pages.
"""

import argparse
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from threading import Event, Thread
from typing import Any, NamedTuple

from fastwarc.warc import ArchiveIterator, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding

from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.stages import find

WARM_UP_BYTES = 2 << 20
"""Of the file: the reader takes what is cut off for damage."""
PAGE = ["gopher-repetition:datatrove", "gopher-quality:datatrove", "c4:fineweb"]
REWRITTEN = ["fineweb:datatrove"]
"""The four sets in FineWeb's order, as in recipes/web.toml."""


class Step(NamedTuple):
    """A stage to build, with the names of earlier steps by role."""

    name: str
    stage: str
    inputs: dict[str, str]
    config: dict[str, Any] = {}


STEPS = [
    Step("extract", "corpus.extract", {"crawl": "crawl"}),
    Step("language", "corpus.language", {"documents": "extract"}),
    Step(
        "statistics",
        "corpus.statistics",
        {"documents": "extract", "language": "language"},
        {"rules": PAGE},
    ),
    Step(
        "filter",
        "corpus.filter",
        {"statistics": "statistics", "language": "language"},
        {"rules": PAGE},
    ),
    Step(
        "rewrite",
        "corpus.rewrite",
        {"documents": "extract", "before": "filter"},
        {"lines": "c4:fineweb"},
    ),
    Step(
        "statistics again",
        "corpus.statistics",
        {"documents": "rewrite", "language": "language", "before": "filter"},
        {"rules": REWRITTEN},
    ),
    Step(
        "filter again",
        "corpus.filter",
        {"statistics": "statistics again", "language": "language", "before": "filter"},
        {"rules": REWRITTEN},
    ),
    Step("minhash", "corpus.minhash", {"documents": "extract"}),
]
DEDUP = Step("dedup", "corpus.dedup", {"signatures": "minhash", "before": "filter again"})
"""Which looks at all files together, so it is no part of what one file takes."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("crawl", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", metavar="TIMES,TIMES,...")
    words = parser.parse_args()
    if words.memory:
        print_memory(words.crawl, [int(times) for times in words.memory.split(",")])
        return
    warm_up(words.crawl)
    baseline: list[float] = []
    ours: list[dict[str, float]] = []
    pages = 0
    for _ in range(words.rounds):
        seconds, pages = timed(lambda: text_alone(words.crawl))
        baseline.append(seconds)
        ours.append(whole_path(words.crawl))
    print_result(pages, baseline, ours)


def warm_up(crawl: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / crawl.name
        with crawl.open("rb") as file:
            part.write_bytes(file.read(WARM_UP_BYTES))
        first, again = (sum(whole_path(part).values()) for _ in range(2))
    print(f"compiling, or reading what was compiled: {first - again:.1f} s")


def text_alone(crawl: Path) -> int:
    """The baseline; the number of pages."""
    pages = 0
    with crawl.open("rb") as file:
        for record in ArchiveIterator(file, record_types=WarcRecordType.response):
            body = record.reader.read()
            extract_plain_text(bytes_to_str(body, detect_encoding(body)), main_content=True)
            pages += 1
    return pages


def whole_path(crawl: Path) -> dict[str, float]:
    """CPU seconds by step."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        seconds, adopted = timed(lambda: adopt([crawl], store))
        taken, made = {"adopt": seconds}, {"crawl": adopted}
        for step in STEPS:
            taken[step.name], made[step.name] = timed(lambda step=step: built(step, made, store))
    return taken


def built(step: Step, made: dict[str, Artifact], store: Path) -> Artifact:
    stage = find(step.stage)
    inputs = {role: made[name] for role, name in step.inputs.items()}
    return build(stage, stage.config(**step.config), inputs, store, Local())


def timed(action: Callable[[], Any]) -> tuple[float, Any]:
    started = sum(os.times()[:4])  # of processes that have ended too
    result = action()
    return sum(os.times()[:4]) - started, result


def print_memory(crawl: Path, times: list[int]) -> None:
    peaks: dict[str, list[float]] = {}
    for each in times:
        with tempfile.TemporaryDirectory() as folder:
            several = Path(folder) / crawl.name
            with several.open("wb") as file:
                for _ in range(each):
                    file.write(crawl.read_bytes())
            store = Path(folder) / "store"
            made = {"crawl": adopt([several], store)}
            for step in [*STEPS, DEDUP]:
                with ProcessPoolExecutor(1, get_context("spawn")) as process:
                    peak, made[step.name] = process.submit(peak_of, step, made, store).result()
                peaks.setdefault(step.name, []).append(peak / 1e6)
            documents = made["extract"].manifest.metrics["documents"]
            print(f"{each} times: {several.stat().st_size:,} bytes, {documents:,.0f} documents")
    print("MB at most        " + "".join(f"{f'{each} times':>12}" for each in times))
    for name, megabytes in peaks.items():
        print(f"  {name:16}" + "".join(f"{each:12,.0f}" for each in megabytes))


def peak_of(step: Step, made: dict[str, Artifact], store: Path) -> tuple[int, Artifact]:
    """The bytes that building a step holds at most, with the process that reads pages."""
    peak, done = 0, Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.01):
            children = [
                number
                for each in Path("/proc/self/task").glob("*/children")
                for number in each.read_text().split()
            ]
            peak = max(peak, held("self") + sum(map(held, children)))

    watcher = Thread(target=watch)
    watcher.start()
    artifact = built(step, made, store)
    done.set()
    watcher.join()
    return peak, artifact


def held(process: str) -> int:
    """Its own memory: files that are mapped are left out, which are read again when room is short.

    Nothing of a process that has ended, or has not begun to be another than its parent.
    """
    with suppress(OSError, IndexError):
        if process == "self" or b"bounded" in Path(f"/proc/{process}/cmdline").read_bytes():
            status = Path(f"/proc/{process}/status").read_text()
            return 1024 * int(status.partition("RssAnon:")[2].split()[0])
    return 0


def print_result(pages: int, baseline: list[float], ours: list[dict[str, float]]) -> None:
    alone, whole = median(baseline), median(sum(each.values()) for each in ours)
    ratios = [sum(each.values()) / seconds for each, seconds in zip(ours, baseline, strict=True)]
    print(f"{pages} pages, medians of {len(ours)} rounds")
    print("                    ms a page  of the baseline")
    for name in ours[0]:
        seconds = median(each[name] for each in ours)
        print(f"  {name:18}{seconds / pages * 1e3:9.3f}  {seconds / alone:14.1%}")
    print(f"  {'all':18}{whole / pages * 1e3:9.3f}  {whole / alone:14.1%}")
    print(f"  {'baseline':18}{alone / pages * 1e3:9.3f}")
    rest = [
        (sum(each.values()) - each["extract"]) / seconds
        for each, seconds in zip(ours, baseline, strict=True)
    ]
    print(f"all but extraction {median(rest):.2f}, from {min(rest):.2f} to {max(rest):.2f}")
    print(f"ratio {median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}")


if __name__ == "__main__":
    main()
