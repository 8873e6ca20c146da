"""What classifiers of a few hundred examples are worth: ours beside fastText's and others'.

    python benchmarks/classifiers.py --documents DOCUMENTS.parquet --python OTHER/bin/python
        [--topics net power files printing] [--splits 3]

``OTHER`` is an environment with fasttext-community, scikit-learn and data-selection. The documents
are the demo's crawl. A topic is what names of GNOME's help pages begin with; the others are all
other help pages. Names are parted in halves by lot, so that no page has a translation on both
sides: of one half up to 700 positives and 1,300 others are learnt from, of the other up to 3,500
pages are scored. All sides get the same texts, one thread each, topic by topic; the time is the
CPU's. Our values were chosen on other topics (color, shell, a11y, user, keyboard, bluetooth, disk).
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from bedstone.corpus.classifiers.features import features_of_all
from bedstone.corpus.classifiers.linear import BUCKETS, Method, learnt, said, values_of
from bedstone.corpus.classifiers.quality import auc
from bedstone.lots import lot

PAGE = re.compile(r"https://help\.gnome\.org/users/gnome-help/[^/]*/([^/]*?)\.html")
POSITIVES, OTHERS, SCORED = 700, 1_300, 3_500
THEIRS = r"""
import json, os, sys, tempfile, time
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[name] = "1"
import fasttext
import numpy as np
from data_selection.hashed_ngram_dsir import get_ngram_counts
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier

def by_fasttext(**how):
    def go(texts, labels, scored):
        with tempfile.TemporaryDirectory() as folder:
            path = folder + "/train.txt"
            with open(path, "w") as file:
                for text, label in zip(texts, labels):
                    file.write(f"__label__{int(label)} " + " ".join(text.split()) + "\n")
            start = time.process_time()
            model = fasttext.train_supervised(path, thread=1, verbose=0, seed=1, **how)
            middle = time.process_time()
            found = []
            for text in scored:
                names, chances = model.predict(" ".join(text.split()), k=2)
                found.append(dict(zip(names, map(float, chances))).get("__label__1", 0.0))
        return found, middle - start, time.process_time() - middle
    return go

def by_scikit(model, **how):
    def go(texts, labels, scored):
        start = time.process_time()
        made = HashingVectorizer(**how)
        fitted = model.fit(made.transform(texts), labels)
        middle = time.process_time()
        found = fitted.decision_function(made.transform(scored)).tolist()
        return found, middle - start, time.process_time() - middle
    return go

def by_dsir(texts, labels, scored):
    start = time.process_time()
    counts = np.zeros((2, 10_000))
    for text, label in zip(texts, labels):
        counts[int(label)] += get_ngram_counts(text)
    shares = counts / counts.sum(axis=1, keepdims=True)
    weights = np.log(shares[1] + 1e-8) - np.log(shares[0] + 1e-8)
    middle = time.process_time()
    found = [float(get_ngram_counts(text) @ weights) for text in scored]
    return found, middle - start, time.process_time() - middle

words = dict(ngram_range=(1, 2), n_features=1 << 18, alternate_sign=False)
ways = {
    "fastText, dim 16, bigrams, lr .5, 10 epochs": by_fasttext(
        dim=16, wordNgrams=2, lr=0.5, epoch=10, minCount=1, bucket=200_000),
    "fastText, published values": by_fasttext(dim=100, lr=0.1, epoch=3),
    "scikit-learn, hashed words 1-2": by_scikit(
        LogisticRegression(class_weight="balanced", max_iter=200), **words),
    "scikit-learn, hashed characters 2-5": by_scikit(
        SGDClassifier("log_loss", alpha=1e-6, class_weight="balanced", random_state=1),
        ngram_range=(2, 5), n_features=1 << 20, analyzer="char", alternate_sign=False),
    "data-selection (DSIR)": by_dsir,
}
for line in sys.stdin:
    with open(json.loads(line)) as file:
        given = json.load(file)
    print(json.dumps({name: way(*given) for name, way in ways.items()}), flush=True)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=Path, required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--topics", nargs="+", default=["net", "power", "files", "printing"])
    parser.add_argument("--splits", type=int, default=3)
    words = parser.parse_args()
    table = pq.read_table(words.documents, columns=["id", "url", "text"])
    found = zip(map(PAGE.match, table["url"].to_pylist()), table["text"].to_pylist(), strict=True)
    pages = [(match[1], text) for match, text in found if match]
    features_of_all(["compiles"], BUCKETS["logistic"])
    rows: dict[str, list[tuple[float, float, float, float]]] = defaultdict(list)
    with subprocess.Popen(
        [words.python, "-c", THEIRS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        for topic in words.topics:
            for split in range(words.splits):
                given = parted(pages, topic, split)
                for name, told in both(process, given).items():
                    rows[name].append(measured(given, *told))
    print(f"{'':45} AUC    precision  train s  MB/s   (mean of {len(rows['ours'])})")
    for name, values in rows.items():
        area, precise, train, speed = map(mean, zip(*values, strict=True))
        least = min(value[0] for value in values)
        print(
            f"{name:45} {area:.3f}  {precise:.2f}       {train:6.2f}  {speed:6.1f}  >= {least:.3f}"
        )


def parted(pages: list[tuple[str, str]], topic: str, split: int) -> tuple[Any, ...]:
    """Texts to learn from and their labels, texts to score, and their labels."""
    dice = np.random.default_rng(split)
    halves: list[list[tuple[str, bool]]] = [[], []]
    for row in dice.permutation(len(pages)):
        name, text = pages[row]
        half = lot(name, f"benchmark {split}") < 0.5
        halves[half].append((text, name.split("-")[0] == topic))
    wanted = [it for it in halves[0] if it[1]][:POSITIVES]
    others = [it for it in halves[0] if not it[1]][:OTHERS]
    texts, labels = map(list, zip(*wanted, *others, strict=True))
    scored, truth = map(list, zip(*halves[1][:SCORED], strict=True))
    return texts, labels, scored, truth


def both(process: "subprocess.Popen[str]", given: tuple[Any, ...]) -> dict[str, Any]:
    """What each way says of the texts to score, and its seconds to learn and to score."""
    assert process.stdin is not None
    assert process.stdout is not None
    told: dict[str, Any] = {"ours": ours(given, "logistic"), "ours, dsir": ours(given, "dsir")}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "texts.json")
        path.write_text(json.dumps(given[:3]), "utf-8")
        process.stdin.write(json.dumps(str(path)) + "\n")
        process.stdin.flush()
        told |= json.loads(process.stdout.readline() or sys.exit("the other side has failed"))
    return told


def ours(given: tuple[Any, ...], method: Method) -> tuple[list[float], float, float]:
    texts, labels, scored, _ = given
    clock: Callable[[], float] = time.process_time
    start = clock()
    features, _ = features_of_all(texts, BUCKETS[method])
    is_positive, values = np.array(labels), values_of(features, method)
    model = learnt(features, values, is_positive, np.arange(len(texts)), method, 1)
    middle = clock()
    features, _ = features_of_all(scored, BUCKETS[method])
    found = said(model, features, values_of(features, method)).tolist()
    return found, middle - start, clock() - middle


def measured(
    given: tuple[Any, ...], scores: list[float], train: float, score: float
) -> tuple[float, float, float, float]:
    """AUC, precision among as many as there are positives, seconds to learn, MB a second."""
    truth = np.array(given[3])
    best = np.argsort(-np.array(scores), kind="stable")[: truth.sum()]
    megabytes = sum(len(text.encode()) for text in given[2]) / 1e6
    return auc(np.array(scores), truth), float(truth[best].mean()), train, megabytes / score


if __name__ == "__main__":
    main()
