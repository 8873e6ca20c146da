"""What a second core gives on one WARC, from its bytes to decided Parquet.

    python benchmarks/pieces.py CRAWL [--recipe recipes/demo.toml] [--until kept] [--rounds 3]

The recipe is made up to ``--until`` with one worker and with two, in turns, each in a new store and
a process of its own: wall clock, the processors' time of all processes, and the largest of them.
The documents must be the same. Say what else the machine did: the load is printed.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from bedstone.progress import Progress
from bedstone.store import recipe
from bedstone.store.adoption import adopt
from bedstone.store.engine import Local

WORKERS = (1, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("crawl", type=Path)
    parser.add_argument("--recipe", type=Path, default=Path("recipes/demo.toml"))
    parser.add_argument("--until", default="kept")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, help="in this process")
    given = parser.parse_args()
    if given.workers:
        print(json.dumps(made(given)))
        return
    found: dict[int, list[dict[str, float]]] = {workers: [] for workers in WORKERS}
    for _ in range(given.rounds):
        for workers in WORKERS:
            command = [sys.executable, __file__, *sys.argv[1:], "--workers", str(workers)]
            answer = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
            found[workers].append(json.loads(answer))
            print(workers, found[workers][-1], f"load {os.getloadavg()[0]:.1f}", flush=True)
    assert len({each["content"] for runs in found.values() for each in runs}) == 1
    one, two = (median(run["seconds"] for run in found[workers]) for workers in WORKERS)
    print(f"{one:.1f} s with one worker, {two:.1f} s with two: {one / two:.2f}x")


def made(given: argparse.Namespace) -> dict[str, float | str]:
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        crawl = adopt([given.crawl], store)
        plan = recipe.load(given.recipe, until=given.until)
        started = time.perf_counter()
        engine = Local(given.workers)
        artifacts = recipe.run(plan, {"crawl": [crawl.path]}, store, engine, Progress())
        seconds = time.perf_counter() - started
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return {
            "seconds": round(seconds, 1),
            "cpu_seconds": round(sum(each.ru_utime + each.ru_stime for each in used), 1),
            "largest_mb": max(each.ru_maxrss for each in used) // 1024,
            "content": artifacts[given.until].content[:12],
        }


if __name__ == "__main__":
    main()
