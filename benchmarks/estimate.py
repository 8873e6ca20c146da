"""What a dry run of the demo's recipe tells, against what the run then takes.

python benchmarks/estimate.py CRAWL [--minutes M] [--text-column NAME]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bedstone.commands import demo
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("crawl", type=Path)
    parser.add_argument("--minutes", type=float, default=demo.MIN_MINUTES)
    parser.add_argument("--text-column")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        compare(options.crawl, options.minutes, options.text_column, Path(name))


def compare(crawl: Path, minutes: float, text_column: str | None, store: Path) -> None:
    sets = demo.decisions(minutes, adopt([crawl], store))
    sets += [] if text_column is None else [f"documents.text_column={text_column}"]
    words = [sys.executable, "-m", "bedstone.commands.main", "run", demo.RECIPES / "demo.toml"]
    words += ["--input", f"crawl={crawl}", "--store", store, "--json"]
    words += [word for change in sets for word in ("--set", change)]
    told, spent = answer([*words, "--dry-run"])
    print(f"the dry run: {spent}")
    nodes, spent = answer(words)
    print(f"the run: {spent}")
    made = {name: Artifact(Path(path)) for name, path in nodes["nodes"].items()}
    report(told["estimate"], made)


def answer(words: list[object]) -> tuple[dict, str]:
    """What a command says, and what it took."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [*map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    out = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, out
    seconds, cpu = time.perf_counter() - started, used.ru_utime + used.ru_stime
    return json.loads(out), f"{seconds:.0f} s, {cpu:.0f} CPU s, {used.ru_maxrss / 1e6:.2f} GB"


def report(told: dict, made: dict[str, Artifact]) -> None:
    came = {
        "documents": made["kept"].manifest.metrics["kept_documents"],
        "tokens": made["tokens"].manifest.metrics["encoded_tokens"],
        "flop": made["base"].manifest.metrics["train_flop"],
        "bytes_on_disk": sum(map(disk_bytes, made.values())),
    }
    flop = told["nodes"]["base"]["flop"]
    for name, value in came.items():
        line(name, flop if name == "flop" else told[name], value)
    both = {name: (told["nodes"][name]["minutes"], it) for name, it in made.items()}
    known = [(each, it.manifest.seconds / 60) for each, it in both.values() if each is not None]
    line("minutes told", *map(sum, zip(*known, strict=True)))
    print(f"  minutes of all: {sum(it.manifest.seconds for it in made.values()) / 60:.2f}")
    for name, (each, it) in both.items():
        line(f"  {name}", each, it.manifest.seconds / 60)


def line(name: str, told: float | None, came: float) -> None:
    shown = "not told" if told is None else f"{told:12.4g} {100 * (told / came - 1):+6.1f} %"
    print(f"{name:20} came {came:12.4g}  told {shown}")


def disk_bytes(artifact: Artifact) -> int:
    parts = artifact.shards if artifact.manifest.shards else ()
    folders = {artifact.path, *(part.path for part in parts if isinstance(part, Artifact))}
    return sum(
        path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file()
    )


if __name__ == "__main__":
    main()
