"""What each stage of a corpus holds at most, of 1, 4 and 16 files: peak memory of its processes.

    python benchmarks/memory.py FOLDER [--pages N | --plain N | --rows N | --crawl WARC]
        [--times 1,4,16] [--workers N] [--recipes rest,web,...] [--only draw,...] [--out FILE]

Every node of the recipes, those too that are off, is built in a process of its own, by the command
line. The files are made from a seed (``tests/support/crawls.py``): WARCs of so many pages; or
without compression of so many bytes, mostly scripts; or JSON lines of so many paragraphs, which
show what grows with the number of documents. Or they are copies of one WARC with an own page in
front, so that no two have one content.

``peak`` is VmHWM, summed over the build's process and those that it started: code, compiled kernels
and files that are mapped are in it. ``nothing`` is a run in which all is built already. Prints a
table, and writes a JSON object for each node to FILE: benchmarks/size.py reads them.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.support.crawls import (
    inputs_besides,
    is_of_models,
    sets_of,
    write_crawl,
    write_plain,
    write_rows,
)

from bedstone.corpus.web.warc_writer import Page, write
from bedstone.store import recipe as recipes
from bedstone.store.artifact import MANIFEST, Artifact

SECONDS = 0.02
"""Between two looks."""
FLAT, MOST_MB = 1.3, 1_000
REST = """
[inputs]
crawl = "WARC or JSON lines"
items = "JSON lines"

[documents]
stage = "corpus.extract"
inputs = { crawl = "crawl" }

[language]
stage = "corpus.language"
inputs = { documents = "documents" }

[signatures]
stage = "corpus.minhash"
inputs = { documents = "documents" }

[held_out]
stage = "corpus.held_out"
inputs = { signatures = "signatures", language = "language" }

[lines]
stage = "corpus.lines"
inputs = { documents = "documents" }

[shuffled]
stage = "corpus.shuffle"
inputs = { documents = "documents", language = "language" }
config.languages = ["eng_Latn"]

[controls]
stage = "corpus.controls"
inputs = { documents = "documents", items = "items" }
"""
"""Stages that are in none of the recipes."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pages", type=int, default=2_500)
    parser.add_argument("--plain", type=int)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--crawl", type=Path)
    parser.add_argument("--times", type=lambda text: [int(it) for it in text.split(",")])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--recipes", default="rest,web,multilingual,domain")
    parser.add_argument("--only", default="", help="nodes of these stages, by commas; and before")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    (asked.folder / "rest.toml").write_text(REST)
    times, found = asked.times or [1, 4, 16], list[dict[str, Any]]()
    for each in times:
        folder = asked.folder / f"{each}"
        inputs = {"crawl": made_files(folder / "crawl", each, asked), **inputs_besides(folder)}
        for told in measured(folder, inputs, asked):
            found.append({"files": each, **told})
            if asked.out:
                with asked.out.open("a") as lines:
                    lines.write(json.dumps(found[-1]) + "\n")
            print(json.dumps(found[-1]), file=sys.stderr)
        shutil.rmtree(folder / "store")
    print_table(found, times)


def made_files(folder: Path, count: int, asked: argparse.Namespace) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    ending = "jsonl" if asked.rows else "warc" if asked.plain else "warc.gz"
    paths = [folder / f"{number:02}.{ending}" for number in range(count)]
    for number, path in enumerate(paths):
        if path.exists():
            continue
        if asked.crawl:
            own = Page(f"https://example.org/{number}", f"<p>File {number}.</p>".encode(), "utf-8")
            write(path, [own], {"software": "a benchmark"})
            with path.open("ab") as file, asked.crawl.open("rb") as rest:
                shutil.copyfileobj(rest, file)
        elif asked.rows:
            write_rows(path, number, asked.rows)
        elif asked.plain:
            write_plain(path, number, asked.plain)
        else:
            write_crawl(path, number, asked.pages)
    return paths


def measured(
    folder: Path, inputs: dict[str, list[Path]], asked: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """The nodes of all recipes in order, each once; one that another recipe built is left out."""
    store, wanted = folder / "store", tuple(it for it in asked.only.split(",") if it)
    for name in asked.recipes.split(","):
        path = asked.folder / "rest.toml" if name == "rest" else recipe_path(name)
        sets, words = sets_of(path), list[str]()
        for node in recipes.load(path, sets).nodes:
            stage = node.stage.name
            if is_of_models(stage) or (wanted and not stage.endswith(wanted)):
                continue
            needed = recipes.load(path, sets, node.name).inputs
            words = ["run", str(path), "--until", node.name, "--store", str(store), "--json"]
            words += [f"--set={it}" for it in sets] + ["--workers", str(asked.workers)]
            words += [f"--input={role}={it}" for role in needed for it in inputs[role]]
            before = set(store.glob(f"*/{MANIFEST}"))
            answer, told = watched(words)
            made = Artifact(Path(json.loads(answer)["nodes"][node.name]))
            if made.path / MANIFEST in before:
                continue
            folders = [made.path, *(each.location for each in shards_of(made))]
            if wanted:  # what it needs was built with it: once more, alone
                for each in folders:
                    shutil.rmtree(each)
                _, told = watched(words)
            yield {
                "recipe": name,
                "node": node.name,
                "stage": stage,
                "documents": documents_of(made.manifest.metrics),
                "crawl_bytes": sum(it.stat().st_size for it in inputs["crawl"]),
                **told,
                **size_of(folders),
            }
        if words:
            _, told = watched(words)
            yield {"recipe": name, "node": "nothing", "stage": "nothing", **told}


def documents_of(metrics: dict[str, float]) -> int:
    return int(metrics.get("documents", metrics.get("input_documents", 0)))


def recipe_path(name: str) -> Path:
    return Path(__file__).parents[1] / "recipes" / f"{name}.toml"


def shards_of(made: Artifact) -> Iterable[Any]:
    return made.shards if made.manifest.shards is not None else ()


def size_of(folders: Sequence[Path]) -> dict[str, int]:
    sizes = [it.stat().st_size for each in folders for it in each.rglob("*") if it.is_file()]
    return {"folders": len(folders), "files_written": len(sizes), "bytes_written": sum(sizes)}


def watched(words: Sequence[str]) -> tuple[str, dict[str, float]]:
    """What ``bedstone`` answers; the most that its processes held, and what they took."""
    command = [sys.executable, "-m", "bedstone.commands.main", *words]
    started = time.monotonic()
    # To files: a pipe that nobody empties would stop it.
    answer = Path(os.environ.get("TMPDIR", "/tmp")) / f"memory-{os.getpid()}"
    with answer.open("w") as out, answer.with_suffix(".err").open("w") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err)
        peaks, most = dict[int, int](), 0
        while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
            alive = tree(process.pid)
            peaks |= {number: max(held(number), peaks.get(number, 0)) for number in alive}
            most = max(most, sum(peaks[number] for number in alive))
            time.sleep(SECONDS)
    text, told = answer.read_text(), answer.with_suffix(".err").read_text()
    answer.unlink()
    answer.with_suffix(".err").unlink()
    if ended[1]:
        raise SystemExit(f"{' '.join(words)}\n{told[-2_000:]}")
    return text, {
        "peak_mb": round(most / 1e6),
        "largest_process_mb": round(max(peaks.values()) / 1e6),
        "cpu_seconds": round(ended[2].ru_utime + ended[2].ru_stime, 2),
        "seconds": round(time.monotonic() - started, 2),
    }


def tree(process: int) -> list[int]:
    """The process and all below it."""
    found = [process]
    with suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += tree(int(child))
    return found


def held(process: int) -> int:
    """The most that it has held so far, in bytes; 0 if it has ended, or is its parent still."""
    with suppress(OSError, IndexError):
        folder = Path(f"/proc/{process}")
        status = (folder / "status").read_text()
        parent = Path("/proc") / status.partition("PPid:")[2].split()[0]
        if (folder / "cmdline").read_bytes() != (parent / "cmdline").read_bytes():
            return 1024 * int(status.partition("VmHWM:")[2].split()[0])
    return 0


def print_table(found: Sequence[dict[str, Any]], times: Sequence[int]) -> None:
    """Peaks by node, and by how much the last is more than the first."""
    rows = dict[tuple[str, str, str], dict[int, int]]()
    for it in found:
        key = it["stage"], it["recipe"], it["node"]
        rows.setdefault(key, {})[it["files"]] = it["peak_mb"]
    print(f"{'MB at most':46}" + "".join(f"{f'{each}x':>8}" for each in times) + "   last/first")
    worst, most, compared = 0.0, 0, set[str]()
    for (stage, recipe, node), peaks in sorted(rows.items()):
        # What another recipe has built of one size already may not be of another.
        ratio = peaks[times[-1]] / peaks[times[0]] if {times[0], times[-1]} <= {*peaks} else None
        worst, most = max(worst, ratio or 0), max(most, *peaks.values())
        compared |= {stage} if ratio else set()
        cells = "".join(f"{peaks[each]:8,}" if each in peaks else f"{'-':>8}" for each in times)
        print(f"{stage:24}{f'{recipe}.{node}':22}{cells}" + (f"{ratio:10.2f}" if ratio else ""))
    assert compared == {stage for stage, _, _ in rows}
    told = {"stages": len(compared) - 1, "largest_ratio": round(worst, 3), "largest_mb": most}
    print(json.dumps({**told, "flat": worst <= FLAT, "under": most <= MOST_MB}))


if __name__ == "__main__":
    main()
