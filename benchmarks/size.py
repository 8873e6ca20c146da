"""What a corpus costs at any size, on paper: from what was measured of small crawls.

    python benchmarks/size.py
    python benchmarks/size.py --measured NAME=FILE ...   writes size.tsv anew

FILE is what benchmarks/memory.py wrote of one file, of the recipe web with all that is off. What a
stage takes beyond a run that builds nothing is taken to grow with the bytes of the crawl. Prints
docs/concepts/size.md's tables.
"""

import argparse
import csv
import json
from collections.abc import Iterator
from math import ceil
from pathlib import Path
from typing import NamedTuple

TABLE = Path(__file__).with_suffix(".tsv")
NODES = {
    "documents": "corpus.extract",
    "language": "corpus.language",
    "signatures": "corpus.minhash",
    "statistics": "corpus.statistics",
    "gopher_and_c4": "corpus.filter",
    "text": "corpus.rewrite",
    "held_out": "corpus.held_out",
    "kept": "corpus.dedup",
    "tokens": "tokenizer.encode",
}
"""The way from a crawl to tokens, by the nodes of the recipe web."""
MAPPED = 7
"""Of these; held_out and dedup write a folder each, and two files a shard."""
FILES = 3
"""Of a shard's folder, about: its table, what was left out, its manifest."""
SCRATCH_BYTES = 200
"""Of a document while dedup searches."""
HELD_BYTES, PAIRED_BYTES, PAIRED_SHARE = 2, 185, 0.3
"""Of a document in dedup's process, and of one that is in a pair besides; how many are, of our
own made signatures. See ``corpus.duplicates.search``."""
SHARD_BYTES = 18_300
"""Of a shard in the process that builds a stage: its request, which knows its inputs' manifests,
and its own artifact's. Measured by tracemalloc: 10.9 and 7.4 kB."""
LISTED_BYTES = 182
"""Of a shard in a list's manifest, which is one file."""
SIZES = {"100 GB": 1e11, "10 TB": 1e13, "1 PB": 1e15}
PIECES = {"64 MB": 64 << 20, "1 GB": 1 << 30}


class Cost(NamedTuple):
    """Of a byte of one crawl, in a stage."""

    crawl: str
    node: str
    cpu_seconds_per_gb: float
    bytes_per_byte: float
    peak_mb: int
    documents_per_gb: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measured", action="append", default=[], metavar="NAME=FILE")
    asked = parser.parse_args()
    if asked.measured:
        given = [text.split("=", 1) for text in asked.measured]
        rows = [row for name, path in given for row in measured(name, Path(path))]
        with TABLE.open("w", newline="") as file:
            writer = csv.writer(file, delimiter="\t", lineterminator="\n")
            writer.writerows([Cost._fields, *rows])
    with TABLE.open(newline="") as file:
        costs = [of_row(row) for row in csv.DictReader(file, delimiter="\t")]
    print_stages(costs)
    print_sizes(costs)


def of_row(row: dict[str, str]) -> Cost:
    numbers = {name: float(row[name]) for name in Cost._fields[2:]}
    return Cost(row["crawl"], row["node"], **numbers)  # type: ignore[arg-type]


def measured(name: str, path: Path) -> Iterator[Cost]:
    """The costs of the nodes, each as the recipe measured it that came to its stage first."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    nothing = min(row["cpu_seconds"] for row in rows if row["node"] == "nothing")
    documents = next(row["documents"] / row["crawl_bytes"] for row in rows) * 1e9
    for node, stage in NODES.items():
        own = next(row for row in rows if row["node"] == node and row["stage"] == stage)
        size = own["crawl_bytes"]
        seconds = max(own["cpu_seconds"] - nothing, 0) / size * 1e9
        told = round(seconds, 1), round(own["bytes_written"] / size, 4), own["peak_mb"]
        yield Cost(name, node, *told, round(documents))


def print_stages(costs: list[Cost]) -> None:
    names = list(dict.fromkeys(cost.crawl for cost in costs))
    print("| stage | " + " | ".join(f"{it}: CPU s per GB | disk | MB" for it in names) + " |")
    print("|---" * (1 + 3 * len(names)) + "|")
    for node, stage in NODES.items():
        own = [next(it for it in costs if (it.crawl, it.node) == (name, node)) for name in names]
        cells = [
            f"{it.cpu_seconds_per_gb:,.0f} | {it.bytes_per_byte:.3f} | {mb_of([it])}" for it in own
        ]
        print(f"| `{stage}` | {' | '.join(cells)} |")
    sums = [[cost for cost in costs if cost.crawl == name] for name in names]
    cells = [
        f"{sum(it.cpu_seconds_per_gb for it in own):,.0f} | "
        f"{sum(it.bytes_per_byte for it in own):.3f} | {mb_of(own)}"
        for own in sums
    ]
    print(f"| all | {' | '.join(cells)} |\n")


def mb_of(costs: list[Cost]) -> str:
    """The most of them; a dash where it was not measured."""
    return f"{most:,.0f}" if (most := max(cost.peak_mb for cost in costs)) else "-"


def print_sizes(costs: list[Cost]) -> None:
    names = list(dict.fromkeys(cost.crawl for cost in costs))
    print("| of WARC | " + " | ".join(SIZES) + " |")
    print("|---" * (1 + len(SIZES)) + "|")
    for name in names:
        own = [cost for cost in costs if cost.crawl == name]
        seconds = sum(cost.cpu_seconds_per_gb for cost in own) / 1e9
        disk, documents = sum(it.bytes_per_byte for it in own), own[0].documents_per_gb / 1e9
        row(f"documents, {name}", [f"{documents * size:.1e}" for size in SIZES.values()])
        hours = [seconds * size / 3_600 for size in SIZES.values()]
        row(f"core-hours, {name}", [f"{it:,.0f}" for it in hours])
        row(f"days of 100 cores, {name}", [f"{it / 2_400:,.1f}" for it in hours])
        row(f"disk, {name}", [bytes_of(disk * size) for size in SIZES.values()])
        scratch = SCRATCH_BYTES * documents
        row(f"scratch of dedup, {name}", [bytes_of(scratch * it) for it in SIZES.values()])
        held = (HELD_BYTES + PAIRED_BYTES * PAIRED_SHARE) * documents
        row(f"memory of dedup, {name}", [bytes_of(held * it) for it in SIZES.values()])
    for name, piece in PIECES.items():
        pieces = [ceil(size / piece) for size in SIZES.values()]
        row(f"pieces of {name}", [f"{it:,}" for it in pieces])
        row("folders in the store", [f"{it * MAPPED:,}" for it in pieces])
        row("files", [f"{it * (MAPPED * FILES + 4):,}" for it in pieces])
        row("a list's manifest", [bytes_of(it * LISTED_BYTES) for it in pieces])
        row("memory of the process that builds", [bytes_of(it * SHARD_BYTES) for it in pieces])


def row(name: str, cells: list[str]) -> None:
    print(f"| {name} | {' | '.join(cells)} |")


def bytes_of(count: float) -> str:
    for unit, size in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count / 1e3:.0f} kB"


if __name__ == "__main__":
    main()
