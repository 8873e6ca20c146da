"""From a WARC file to decided Parquet, against taking its text out alone: CPU time of one core.

    taskset --cpu-list 0 python benchmarks/corpus.py CRAWL.warc.gz [--rounds N]

The baseline reads the responses with fastwarc, guesses their encoding and decodes them, and takes
the main text out with resiliparse; it writes nothing. Ours are the stages below, built one after
another in a fresh store, with all that stages do: ids, headings, damage looked for, Parquet
written, hashed and read again. Both are run in turns in one process. A part of the file is run
through first, so that the kernels are compiled; that is timed apart.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
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
    Step("rewrite", "corpus.rewrite", {"documents": "extract"}, {"lines": "c4:fineweb"}),
    Step(
        "statistics again",
        "corpus.statistics",
        {"documents": "rewrite", "language": "language"},
        {"rules": REWRITTEN},
    ),
    Step(
        "filter again",
        "corpus.filter",
        {"statistics": "statistics again", "language": "language", "before": "filter"},
        {"rules": REWRITTEN},
    ),
    Step("minhash", "corpus.minhash", {"documents": "rewrite"}),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("crawl", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    words = parser.parse_args()
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
    started = time.process_time()
    result = action()
    return time.process_time() - started, result


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
    print(f"ratio {median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}")


if __name__ == "__main__":
    main()
