"""What perplexity tells, and how fast it is told: models of one site, texts of the others.

    python benchmarks/perplexity.py DOCUMENTS.parquet LANGUAGE.parquet --python OTHER/bin/python
        [--languages fra_Latn ...]

The documents are the demo's crawl, ``OTHER`` an environment with nltk. Of each language GNOME's
help is learnt from, and the texts of other sites are scored, up to 3,000 characters of each: as
they are, with the words in random order, and with a tenth of the words from another language.
``AUC``: a copy's bits against those of all texts; ``own``: the share of the texts with fewer bits
than their copy. ``wrong`` are pages that are translations into another language or dialect, as
their URLs say, than was found. nltk learns from and scores less, in the same run, for it is slow.
The order was chosen on English, German, Russian, Korean and Greek. One thread; the time is the
CPU's.
"""

import argparse
import json
import random
import re
import subprocess
import time
from collections import defaultdict
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pyarrow.parquet as pq

from bedstone.corpus.classifiers.quality import auc
from bedstone.corpus.surprise.next_characters import COLUMNS, Counts, bits_of, learn, rows_for
from bedstone.languages import by_code
from bedstone.text.codes import batches
from bedstone.text.hashing import Values

LEARNT, FEWEST, MOST = "help.gnome.org", 200, 3_000
TAG = re.compile(r"translatewiki.*[?&]language=([\w-]+)")
OTHERS = ["fra_Latn", "spa_Latn", "por_Latn", "nld_Latn", "ind_Latn", "hrv_Latn", "ukr_Cyrl"]
OTHERS += ["swe_Latn", "hun_Latn", "pol_Latn", "srp_Cyrl", "tam_Taml", "fas_Arab", "jpn_Jpan"]
THEIRS = r"""
import json, sys, time
from nltk.lm import WittenBellInterpolated
from nltk.lm.preprocessing import padded_everygram_pipeline
given, scored = json.load(sys.stdin)
start = time.process_time()
model = WittenBellInterpolated(6)
model.fit(*padded_everygram_pipeline(6, [list(each) for each in given]))
middle = time.process_time()
for text in scored:
    for at in range(len(text)):
        model.logscore(text[at], tuple(text[max(0, at - 5):at]))
print(json.dumps([middle - start, time.process_time() - middle]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("documents", type=Path)
    parser.add_argument("language", type=Path)
    parser.add_argument("--python", required=True)
    parser.add_argument("--languages", nargs="+", default=OTHERS)
    given = parser.parse_args()
    known: dict[str, list[str]] = defaultdict(list)
    other: dict[str, list[str]] = defaultdict(list)
    tags: dict[str, list[str]] = defaultdict(list)
    table = pq.read_table(given.documents, columns=["url", "text"])
    names = pq.read_table(given.language, columns=["language"])["language"]
    for name, url, text in zip(names, table["url"], table["text"], strict=True):
        words = text.as_py()
        if urlsplit(url.as_py()).hostname == LEARNT:
            known[name.as_py()].append(words)
        elif len(words) >= FEWEST:
            other[name.as_py()].append(" ".join(words.split())[:MOST])
            found = TAG.search(url.as_py())
            tags[name.as_py()].append(found[1] if found else "")
    learnt(["compiles"]), bits(learnt(["compiles"]), ["compiles"])
    print("                                words        a tenth foreign  wrong")
    print("language     learnt texts  bits  AUC   own    AUC   own          n AUC     MB/s")
    for name in given.languages:
        foreign = " ".join(other["deu_Latn" if name != "deu_Latn" else "fra_Latn"]).split()
        told(name, known[name], other[name], foreign, tags[name])
    sample = (known["fra_Latn"][:40], [text[:500] for text in other["fra_Latn"][:4]])
    against(given.python, *sample, other["fra_Latn"])


def learnt(texts: list[str]) -> Counts:
    counts = np.zeros((rows_for(sum(map(len, texts)), 22), COLUMNS), np.uint32)
    for batch in batches(texts):
        learn(batch, counts)
    return counts


def bits(counts: Counts, texts: list[str]) -> Values:
    found = np.concatenate([bits_of(batch, counts) for batch in batches(texts)])
    return found / np.array([len(text) for text in texts])


def told(
    name: str, known: list[str], texts: list[str], foreign: list[str], tags: list[str]
) -> None:
    dice, counts = random.Random(1), learnt(known)
    start = time.process_time()
    real = bits(counts, texts)
    speed = megabytes(texts) / (time.process_time() - start)
    values = []
    for is_foreign in (False, True):
        copies = []
        for text in texts:
            words = text.split()
            if is_foreign:
                words = [dice.choice(foreign) if dice.random() < 0.1 else each for each in words]
            else:
                dice.shuffle(words)
            copies.append(" ".join(words))
        found = bits(counts, copies)
        which = np.arange(2 * len(texts)) < len(texts)
        values += [auc(np.concatenate((found, real)), which), float((found > real).mean())]
    characters, has_tag = sum(map(len, known)), np.array([tag != "" for tag in tags])
    meant = [by_code(tag) for tag in tags]
    is_wrong = np.array([each is None or each.code != name[:3] for each in meant])[has_tag]
    wrong = auc(real[has_tag], is_wrong) if min(is_wrong.sum(), (~is_wrong).sum()) > 4 else np.nan
    print(
        f"{name} {characters:10,} {len(texts):5}  {real.mean():.2f}  "
        f"{values[0]:.3f} {values[1]:.3f}  {values[2]:.3f} {values[3]:.3f}      "
        f"{is_wrong.sum():3} {wrong:.3f}  {speed:5.1f}"
    )


def against(python: str, known: list[str], few: list[str], many: list[str]) -> None:
    command, given = [python, "-c", THEIRS], json.dumps([known, few])
    answer = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    theirs = json.loads(answer.stdout)
    start = time.process_time()
    counts = learnt(known)
    middle = time.process_time()
    bits(counts, many)
    end = time.process_time()
    for way, texts, seconds in (
        ("learn, ours", known, middle - start),
        ("learn, nltk", known, theirs[0]),
        ("score, ours", many, end - middle),
        ("score, nltk", few, theirs[1]),
    ):
        print(f"{way:12} {megabytes(texts):8.4f} MB  {megabytes(texts) / seconds:10.5f} MB/s")


def megabytes(texts: list[str]) -> float:
    return sum(len(text.encode()) for text in texts) / 1e6


if __name__ == "__main__":
    main()
