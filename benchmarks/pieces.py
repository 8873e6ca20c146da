"""What a second core gives on one WARC, from its bytes to decided Parquet.

    python benchmarks/pieces.py CRAWL [--recipe recipes/demo.toml] [--until kept] [--rounds 3]

The recipe is made up to ``--until`` on one core, on two, and by two builds at once, in turns,
each in a new store: wall clock, that of each stage, and the largest process. A build has as many
workers as cores, and no other core: a worker's pages are parsed in a process beside it. What two
builds at once gain is what the machine can give: its cores may share more than they seem to. The
documents must be the same. Say what else the machine did: the load is printed.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bedstone.progress import Progress
from bedstone.store import recipe
from bedstone.store.adoption import adopt
from bedstone.store.engine import Local

ALONE, BOTH, AT_ONCE = [[0]], [[0, 1]], [[0], [1]]
"""The cores of each build that is made at one time."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("crawl", type=Path)
    parser.add_argument("--recipe", type=Path, default=Path("recipes/demo.toml"))
    parser.add_argument("--until", default="kept")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", type=json.loads, help="in this process")
    given = parser.parse_args()
    if given.cores is not None:
        print(json.dumps(made(given)))
        return
    seconds, contents = list[list[float]](), set[str]()
    for _ in range(given.rounds):
        made_by = [at_once(cores) for cores in (ALONE, BOTH, AT_ONCE)]
        seconds.append([max(build["seconds"] for build in builds) for builds in made_by])
        contents |= {build["content"] for builds in made_by for build in builds}
    assert len(contents) == 1
    one, two, beside = (median(each) for each in zip(*seconds, strict=True))
    print(f"{one:.1f} s on one core, {two:.1f} s on two: {one / two:.2f}x")
    print(f"{beside:.1f} s for two builds at once, a core each: {2 * one / beside:.2f}x")


def at_once(builds: Sequence[Sequence[int]]) -> list[dict[str, Any]]:
    """Builds on these cores, in processes of their own."""
    command = [sys.executable, __file__, *sys.argv[1:], "--cores"]
    started = [
        subprocess.Popen([*command, json.dumps(cores)], stdout=subprocess.PIPE) for cores in builds
    ]
    told = [json.loads(process.communicate()[0]) for process in started]
    assert not any(process.returncode for process in started)
    for cores, each in zip(builds, told, strict=True):
        print(cores, each, f"load {os.getloadavg()[0]:.1f}", flush=True)
    return told


def made(given: argparse.Namespace) -> dict[str, Any]:
    os.sched_setaffinity(0, given.cores)
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        crawl = adopt([given.crawl], store)
        plan = recipe.load(given.recipe, until=given.until)
        started = time.perf_counter()
        engine = Local(len(given.cores))
        artifacts = recipe.run(plan, {"crawl": [crawl.path]}, store, engine, Progress())
        seconds = time.perf_counter() - started
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return {
            "seconds": round(seconds, 1),
            "by_stage": {name: round(each.manifest.seconds, 1) for name, each in artifacts.items()},
            "largest_mb": max(each.ru_maxrss for each in used) // 1024,
            "content": artifacts[given.until].content[:12],
        }


if __name__ == "__main__":
    main()
