"""What the search for duplicates costs: signatures against datatrove's, and all at three sizes.

    make oracle   # for the environment, and documents to sign
    python benchmarks/duplicates.py signatures --texts 300 --documents .oracle/documents.parquet
        --datatrove-python .venv-oracle/bin/python
    python benchmarks/duplicates.py whole [--sizes 10000 100000 1000000]

Both sign the same texts in turn, a thread each; the time is the CPU's, from the text to the
signature, and the median over the rounds. ``whole`` makes documents from a seed, a fifth of them
copies or near-copies, and runs corpus.minhash and corpus.dedup on them in a process for each size.
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
from bedstone.text.codes import Texts, batches
from bedstone.text.composition import composed

SHARD_DOCUMENTS = 10_000
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
