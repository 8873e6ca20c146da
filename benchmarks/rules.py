"""All four rule sets with C4's rewriting, by bedstone and by datatrove's four filters.

    make oracle && python benchmarks/rules.py .oracle [--documents N] [--rounds N]

One core each, in turns, on the same English documents; CPU seconds. Bedstone measures what
the four sets ask for, judges by them, and rewrites the text. datatrove, in a process of its own
that stays (``.venv-oracle``), runs each filter on every document, a document at a time, so that
the four share the words in its cache. What compiling costs is printed apart.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import IO

os.environ["NUMBA_NUM_THREADS"] = "1"

import pyarrow.parquet as pq

from bedstone.corpus import judge, measure
from bedstone.corpus.rules.c4 import rewrite
from bedstone.text.codes import batches, strings_of

ROOT = Path(__file__).parents[1]
SERVER = str(ROOT / ".venv-oracle/bin/python"), str(ROOT / "tests/oracle/datatrove_side.py")
RULES = "gopher-repetition:datatrove,gopher-quality:datatrove,c4:fineweb,fineweb:datatrove"
FIRST_CALL = """
import time
from rules import run
started = time.process_time()
run(["One line."])
print(time.process_time() - started)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--documents", type=int)
    parser.add_argument("--rounds", type=int, default=5)
    words = parser.parse_args()
    documents = words.folder / "documents.parquet"
    texts = pq.read_table(documents, columns=["text"])["text"].slice(0, words.documents).to_pylist()
    with tempfile.TemporaryDirectory() as cache:
        compiling, loading = first_call(cache), first_call(cache)
    print(f"first call on a machine {compiling:.1f} s, in a process {loading:.1f} s")
    run(texts[:20])
    ours, theirs = [], []
    with subprocess.Popen(
        [*SERVER, "serve", documents, "--documents", str(len(texts))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin
        assert server.stdout
        assert server.stdout.readline() == "ready\n"
        for number in range(words.rounds):
            mine, kept = timed(texts)
            yours, kept_by_them = asked(server.stdin, server.stdout)
            ours.append(mine)
            theirs.append(yours)
            print(f"round {number + 1}: bedstone {mine:.3f} s, {kept} pass all four sets; ", end="")
            print(f"datatrove {yours:.2f} s, {kept_by_them}", flush=True)
        server.stdin.close()
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    print(f"{len(texts)} documents, {megabytes:.1f} MB; medians of {words.rounds}")
    for name, taken in (("bedstone", ours), ("datatrove", theirs)):
        each = median(taken) / len(texts) * 1e6
        print(f"  {name:10} {each:9.1f} us a document  {megabytes / median(taken):7.2f} MB/s")
    print(f"  ratio      {median(theirs) / median(ours):9.1f}x")


def run(texts: list[str]) -> int:
    """What is asked of both sides; how many documents pass all four sets."""
    kept = judge(measure(texts, rules=RULES), RULES)["keep"]
    for batch in batches(texts):
        strings_of(rewrite(batch, "fineweb").texts).to_pylist()
    return int(kept.to_numpy().sum())


def timed(texts: list[str]) -> tuple[float, int]:
    started = time.process_time()
    kept = run(texts)
    return time.process_time() - started, kept


def asked(requests: IO[str], answers: IO[str]) -> tuple[float, int]:
    """The same of datatrove."""
    requests.write("again\n")
    requests.flush()
    seconds, kept = answers.readline().split()
    return float(seconds), int(kept)


def first_call(cache: str) -> float:
    """CPU seconds of one short text in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", FIRST_CALL],
        env={**os.environ, "NUMBA_CACHE_DIR": cache, "PYTHONPATH": str(Path(__file__).parent)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(done.stdout)


if __name__ == "__main__":
    main()
