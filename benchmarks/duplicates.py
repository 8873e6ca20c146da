"""What the search for duplicates costs: signatures against datatrove's, and all at many sizes.

    make oracle   # for the environment, and documents to sign
    python benchmarks/duplicates.py signatures --texts 300 --documents .oracle/documents.parquet
        --datatrove-python .venv-oracle/bin/python
    python benchmarks/duplicates.py whole [--sizes 10000 100000 1000000]
    python benchmarks/duplicates.py clusters [--sizes 10000 100000 1000000 10000000] [--workers 2]

Both sign the same texts in turn, a thread each; the time is the CPU's, from the text to the
signature, and the median over the rounds. ``whole`` makes documents from a seed, a fifth of them
copies or near-copies, and runs corpus.minhash and corpus.dedup on them in a process for each size.
``clusters`` makes signatures from a seed, three in ten of them of copies or near-copies, and runs
corpus.dedup on them, likewise; what it holds is the peak of the process and those of its workers.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bedstone.corpus import dedup, minhash
from bedstone.corpus.duplicates.signatures import signed
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.tables import of_numbers
from bedstone.text.codes import Texts, batches
from bedstone.text.composition import composed

SHARD_DOCUMENTS, SHARD_SIGNATURES, FUNCTIONS, FEW = 10_000, 65_536, 112, 1_000
VOCABULARY, LETTERS = 50_000, np.frombuffer(b"etaoinshrdlucmfwypvbgkjqxz", np.uint8)
THEIRS = """
import json, sys, time
import numpy
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
texts = json.load(open(sys.argv[1]))
step = MinhashDedupSignature(sys.argv[1] + ".out", MinhashConfig())
step.get_signature(step.get_shingles(texts[0]))
for line in sys.stdin:
    started = time.process_time()
    for text in texts:
        shingles = step.get_shingles(text)
        if shingles.size:
            step.get_signature(shingles)
    print(time.process_time() - started, flush=True)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("signatures")
    one.add_argument("--datatrove-python", type=Path, required=True)
    one.add_argument("--documents", type=Path, help="with a column text; without, made texts")
    one.add_argument("--texts", type=int, default=300)
    one.add_argument("--rounds", type=int, default=5)
    one.set_defaults(run=signatures)
    whole = commands.add_parser("whole")
    whole.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    whole.add_argument("--one", type=int, help=argparse.SUPPRESS)
    whole.set_defaults(run=all_sizes)
    clusters = commands.add_parser("clusters")
    clusters.add_argument("--sizes", type=int, nargs="+", default=[10**4, 10**5, 10**6, 10**7])
    clusters.add_argument("--workers", type=int, default=2)
    clusters.add_argument("--folder", type=Path, default=Path.home(), help="for some 1.6 kB each")
    clusters.add_argument("--min-similarity", type=float)
    clusters.add_argument("--one", type=int, help=argparse.SUPPRESS)
    clusters.set_defaults(run=all_clusters)
    words = parser.parse_args()
    words.run(words)


def signatures(words: argparse.Namespace) -> None:
    """Print both sides' CPU time for a document, and the ratio."""
    texts = given_texts(words)
    ours, theirs = [], []
    list(map(sign, batches([composed(text) for text in texts[:2]])))  # compiles
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "texts.json")
        path.write_text(json.dumps(texts), "utf-8")
        command = [words.datatrove_python, "-c", THEIRS, path]
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as other:
            for _ in range(words.rounds):
                started = time.process_time()
                for batch in batches([composed(text) for text in texts]):
                    sign(batch)
                ours.append(time.process_time() - started)
                print("again", file=other.stdin, flush=True)
                theirs.append(float(other.stdout.readline()))
            other.stdin.close()
    characters = sum(map(len, texts)) / len(texts)
    print(f"{len(texts)} documents of {characters:.0f} characters, CPU microseconds each:")
    for name, seconds in (("bedstone", ours), ("datatrove", theirs)):
        print(f"  {name:10} {median(seconds) / len(texts) * 1e6:10,.1f}")
    print(f"  ratio      {median(theirs) / median(ours):10.1f}x")


def sign(batch: Texts) -> None:
    signed(batch, functions=112, seed=1, shingle_words=5)


def given_texts(words: argparse.Namespace) -> list[str]:
    if words.documents:
        return (
            pq.read_table(words.documents, columns=["text"])["text"]
            .slice(0, words.texts)
            .to_pylist()
        )
    vocabulary = made_vocabulary(np.random.default_rng(0))
    return made_documents(np.random.default_rng(1), vocabulary, words.texts, 900)


def all_sizes(words: argparse.Namespace) -> None:
    """Print the cost of each size, from processes of their own, and its growth."""
    if words.one:
        print(json.dumps(one_size(words.one)))
        return
    print("documents   CPU us each: signatures   clusters   together   peak MB   kept")
    costs = []
    for size in words.sizes:
        command = [sys.executable, __file__, "whole", "--one", str(size)]
        line = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        made = json.loads(line)
        costs.append((made["minhash"] + made["dedup"]) / size * 1e6)
        print(
            f"{size:9,} {made['minhash'] / size * 1e6:24.1f} {made['dedup'] / size * 1e6:10.1f} "
            f"{costs[-1]:10.1f} {made['peak'] / 1024:9,.0f} {made['kept_share']:6.3f}"
        )
    print(f"growth from the first size to the last: {costs[-1] / costs[0]:.2f}x")


def one_size(size: int) -> dict[str, float]:
    """CPU seconds of both stages on ``size`` documents, and the process's peak in KiB."""
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        store = Path(folder, "store")
        warm = adopt([write_shards(Path(folder, "warm"), 100)[0]], store)
        stages(warm, store)
        documents = adopt(write_shards(Path(folder, "documents"), size), store)
        seconds, kept = stages(documents, store)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return seconds | {"peak": peak, "kept_share": kept.manifest.metrics["kept_share"]}


def stages(documents: Artifact, store: Path) -> tuple[dict[str, float], Artifact]:
    """The CPU seconds of each stage, and the last artifact."""
    started = time.process_time()
    config = minhash.MinhashConfig()
    made = build(minhash.STAGE, config, {"documents": documents}, store, Local())
    between = time.process_time()
    kept = build(dedup.STAGE, dedup.DedupConfig(), {"signatures": made}, store, Local())
    return {"minhash": between - started, "dedup": time.process_time() - between}, kept


def all_clusters(words: argparse.Namespace) -> None:
    """Print the cost of clusters at each size, from processes of their own."""
    if words.one:
        print(json.dumps(one_clusters(words)))
        return
    print("documents   CPU us each   seconds   peak MB   of it a worker   clusters   pairs")
    for size in words.sizes:
        with tempfile.TemporaryDirectory(dir=words.folder) as folder:
            for count in (FEW, size):
                write_signatures(Path(folder, str(count)), count)
            command = [sys.executable, __file__, *sys.argv[1:], "--folder", folder]
            command += ["--one", str(size)]
            line = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        made = json.loads(line)
        print(
            f"{size:9,} {made['cpu'] / size * 1e6:13.2f} {made['seconds']:9.1f} "
            f"{(made['peak'] + (words.workers > 1) * words.workers * made['worker']) / 1024:9,.0f} "
            f"{made['worker'] / 1024:16,.0f} {made['clusters']:10,.0f} "
            f"{made['candidate_pairs']:10,.0f}",
            flush=True,
        )


def one_clusters(words: argparse.Namespace) -> dict[str, float]:
    """CPU and other seconds of corpus.dedup on that many documents, and peaks in KiB."""
    config, engine = dedup.DedupConfig(min_similarity=words.min_similarity), Local(words.workers)
    store = words.folder / "store"
    few, many = (adopt([words.folder / str(size)], store) for size in (FEW, words.one))
    build(dedup.STAGE, config, {"signatures": few}, store, Local())  # compiles
    started, cpu = time.monotonic(), cpu_seconds()
    made = build(dedup.STAGE, config, {"signatures": many}, store, engine)
    seconds = time.monotonic() - started
    if engine._kept:  # what its processes took is known when they have ended
        engine._kept.pool.shutdown()
    return made.manifest.metrics | {
        "seconds": seconds,
        "cpu": cpu_seconds() - cpu,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "worker": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss,
    }


def cpu_seconds() -> float:
    """Of this process and its workers that have ended."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def write_signatures(folder: Path, documents: int) -> None:
    """Of each ten documents the last three are like an earlier one: a copy, and two near-copies."""
    folder.mkdir()
    for shard, first in enumerate(range(0, documents, SHARD_SIGNATURES)):
        dice = np.random.default_rng((3, shard))
        numbers = np.arange(first, min(first + SHARD_SIGNATURES, documents))
        base = dice.integers(0, numbers + 1) // 10 * 10 + dice.integers(0, 7, len(numbers))
        base = np.where(numbers % 10 < 7, numbers, base).astype(np.uint64)
        places = np.arange(FUNCTIONS, dtype=np.uint64)
        least = spread(base[:, None] * np.uint64(FUNCTIONS) + places) >> np.uint64(3)
        is_near = numbers % 10 > 7
        is_other = (dice.random(least.shape) < 0.05) & is_near[:, None]
        least[is_other] = dice.integers(0, 1 << 61, int(is_other.sum()), np.uint64)
        own = np.where(is_near, numbers.astype(np.uint64), base)
        exact = spread(own[:, None] * np.uint64(2) + places[:2] + np.uint64(1 << 50))
        columns = {
            "id": pa.array([f"{number:016x}:{number:x}" for number in spread(own * 0 + numbers)]),
            "exact": of_numbers(exact),
            "characters": pa.array(1000 + (own % np.uint64(977)).astype(np.int64)),
        } | {
            f"band_{band:02}": of_numbers(least[:, 8 * band : 8 * band + 8])
            for band in range(FUNCTIONS // 8)
        }
        path = folder / f"{shard:05}.parquet"
        pq.write_table(pa.table(columns), path, row_group_size=16_384, use_dictionary=["id"])


def spread(numbers: np.ndarray) -> np.ndarray:
    """Numbers without a pattern, one for each."""
    mixed = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def write_shards(folder: Path, documents: int) -> list[Path]:
    """Documents of a hundred to a hundred and fifty words, as the files of a corpus."""
    folder.mkdir()
    vocabulary, paths = made_vocabulary(np.random.default_rng(0)), []
    for shard, first in enumerate(range(0, documents, SHARD_DOCUMENTS)):
        count = min(SHARD_DOCUMENTS, documents - first)
        texts = made_documents(np.random.default_rng((2, shard)), vocabulary, count, 125)
        ids = [f"{first + number:016x}" for number in range(count)]
        paths.append(folder / f"{shard:05}.parquet")
        pq.write_table(pa.table({"id": ids, "text": texts}), paths[-1])
    return paths


def made_vocabulary(dice: np.random.Generator) -> np.ndarray:
    lengths = np.clip(dice.poisson(5, VOCABULARY), 1, 12)
    letters = LETTERS[np.minimum(dice.geometric(0.12, lengths.sum()), 26) - 1].tobytes().decode()
    ends = np.cumsum(lengths).tolist()
    return np.array(
        [letters[end - length : end] for end, length in zip(ends, lengths, strict=True)]
    )


def made_documents(
    dice: np.random.Generator, vocabulary: np.ndarray, count: int, words: int
) -> list[str]:
    """A tenth are copies of the document before, a tenth differ from it in a word."""
    lengths = dice.integers(words * 4 // 5, words * 6 // 5 + 1, count)
    drawn = vocabulary[(VOCABULARY ** dice.random(lengths.sum())).astype(np.int64) - 1].tolist()
    ends = np.cumsum(lengths).tolist()
    made: list[list[str]] = []
    for end, length, luck in zip(ends, lengths.tolist(), dice.random(count).tolist(), strict=True):
        document = drawn[end - length : end]
        if made and luck < 0.2:
            document = made[-1].copy()
        if 0.1 <= luck < 0.2:
            document[int(luck * 1e9) % len(document)] = drawn[end - 1]
        made.append(document)
    return [
        ". ".join(" ".join(each[low : low + 15]) for low in range(0, len(each), 15))
        for each in made
    ]


if __name__ == "__main__":
    main()
