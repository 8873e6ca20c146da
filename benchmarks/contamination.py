"""What `bedstone seen` finds of planted items, beside 13 words and datatrove's 12; its cost.

    python benchmarks/contamination.py cells DOCUMENTS LANGUAGE [--half 1] [--seed S]
        [--datatrove-python PATH]
    python benchmarks/contamination.py cost CRAWL DOCUMENTS [--items 10000]
    python benchmarks/contamination.py memory [--items 1000000] [--letters 150]

Of a corpus, artifacts of corpus.extract and corpus.language. ``cells``: sentences of documents that
are held out, 30 a cell to plant and 30 that are not to be found; a sentence that stands letter by
letter in the corpus is neither. Half 0 is for choosing limits, half 1 for reporting. ``cost``: CPU
seconds of the look at all documents for items of which a tenth are in the corpus, and of
corpus.extract on the same crawl, its processes included.
"""

import argparse
import json
import random
import resource
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle, islice, pairwise
from pathlib import Path
from typing import NamedTuple
from unicodedata import category

import pyarrow as pa

from bedstone.corpus import contamination, extract
from bedstone.corpus.overlap.index import N_SPACELESS
from bedstone.corpus.overlap.items import (
    CLEAN_SHARE,
    SCHEMA,
    SEEN_SHARE,
    Items,
    items_of,
    read_items,
    width_of,
)
from bedstone.corpus.overlap.letters import letters_of, words_of
from bedstone.corpus.overlap.search import Search
from bedstone.lots import lot
from bedstone.store import tables
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.text.codes import batches, texts_of
from bedstone.text.sentences import sentence_ends

EACH = 30
THEIR_STEP = 20
"""Of so many documents datatrove looks at one for false alarms."""


class Cell(NamedTuple):
    """Sentences of one kind."""

    name: str
    languages: tuple[str, ...]
    low: int
    high: int
    by_words: bool

    def size(self, text: str) -> int:
        """How long a sentence is."""
        return len(words_of(text) if self.by_words else letters_of(text))


CELLS = (
    Cell("English, 13 to 30 words", ("eng_Latn",), 13, 30, by_words=True),
    Cell("English, 4 to 7 words", ("eng_Latn",), 4, 7, by_words=True),
    Cell("Marathi, 4 to 7 words", ("mar_Deva",), 4, 7, by_words=True),
    Cell("Japanese, 26 to 60 letters", ("jpn_Jpan",), 26, 60, by_words=False),
    Cell("Chinese, 8 to 15 letters", ("zho_Hans", "zho_Hant"), 8, 15, by_words=False),
)
COPIES = ("verbatim", "reformatted", "replaced")
EVERY_WORD = 8
PIECE = 2
"""Characters that count as a word where no spaces part them."""
Detector = Callable[[Sequence[str], Sequence[str]], list[set[int]]]
"""From items and documents, for each document the items that are seen in it."""
THEIRS = """
import json, sys, time
from datatrove.utils.text import TextNormConfig, ngrams, simplify_text
from datatrove.utils.word_tokenizers import load_word_tokenizer
given, tokenizer = json.load(sys.stdin), load_word_tokenizer("en")
def grams(text):
    words = tokenizer.word_tokenize(simplify_text(text, TextNormConfig()))
    return map(" ".join, ngrams(words, 12))
index = {}
for number, item in enumerate(given["items"]):
    for gram in grams(item):
        index.setdefault(gram, set()).add(number)
found = []
for text in given["documents"]:
    found.append(sorted(set().union(*(index[gram] for gram in grams(text) if gram in index))))
json.dump(found, sys.stdout)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    found = commands.add_parser("cells")
    found.add_argument("documents", type=Path)
    found.add_argument("language", type=Path)
    found.add_argument("--half", type=int, default=1)
    found.add_argument("--seed", type=int, default=0)
    found.add_argument("--datatrove-python", type=Path)
    found.set_defaults(run=cells)
    cost = commands.add_parser("cost")
    cost.add_argument("crawl", type=Path)
    cost.add_argument("documents", type=Path)
    cost.add_argument("--items", type=int, default=10_000)
    cost.set_defaults(run=costs)
    memory = commands.add_parser("memory")
    memory.add_argument("--items", type=int, default=1_000_000)
    memory.add_argument("--letters", type=int, default=150)
    memory.set_defaults(run=memories)
    words = parser.parse_args()
    words.run(words)


def cells(words: argparse.Namespace) -> None:
    """Print what each detector finds in each cell."""
    corpus, drawn = split(words)
    hosts = random.Random(words.seed).sample(corpus, EACH)
    detectors: dict[str, Detector] = {}
    if words.datatrove_python:
        detectors["datatrove"] = lambda *given: theirs(words.datatrove_python, *given)
    detectors |= {"bedstone": ours, "13 words, any": any_words}
    for name, detect in detectors.items():
        print(f"{name}: found of {EACH} verbatim, reformatted, words replaced; false of {EACH}")
        every = [text for present, absent in drawn.values() for text in present + absent]
        looked_at = corpus[::THEIR_STEP] if name == "datatrove" else corpus  # it takes long
        false = set().union(*detect(every, looked_at))
        first = 0
        for cell, (present, absent) in drawn.items():
            counts = []
            for copies in COPIES:
                texts = [
                    "\n".join((host[: len(host) // 2], changed(text, copies, host), host))
                    for text, host in zip(present, hosts, strict=False)
                ]
                seen = detect(present, texts)
                counts.append(sum(number in each for number, each in enumerate(seen)))
            first += len(present)
            wrong = len(false.intersection(range(first, first + len(absent))))
            first += len(absent)
            told = " / ".join(map(str, counts))
            print(
                f"  {cell:28} {told:>14} of {len(present)}, {wrong:3} of {len(absent)}", flush=True
            )


def changed(text: str, copies: str, host: str) -> str:
    """A copy of ``text``; a word that is replaced is one of ``host``'s."""
    if copies == "reformatted":
        return "".join(each for each in text.upper() if category(each)[0] != "P")
    if copies == "verbatim":
        return text
    is_spaceless = width_of(text) == N_SPACELESS
    words, others = (_pieces(each) if is_spaceless else each.split() for each in (text, host))
    spare = cycle(others[::-1] or ["0"])
    for number in range(min(EVERY_WORD, len(words)) // 2, len(words), EVERY_WORD):
        words[number] = next(spare)
    return ("" if is_spaceless else " ").join(words)


def _pieces(text: str) -> list[str]:
    return [text[first : first + PIECE] for first in range(0, len(text), PIECE)]


def split(words: argparse.Namespace) -> tuple[list[str], dict[str, tuple[list[str], list[str]]]]:
    """The documents that are looked at, and for each cell sentences to plant and others."""
    corpus, held_out = list[str](), dict[str, list[str]]()
    for shard, labels in zip(
        Artifact(words.documents).shards, Artifact(words.language).shards, strict=True
    ):
        table = tables.read(shard, ["id", "text"])
        languages = tables.beside(labels, table, ["id", "language"])["language"].to_pylist()
        for name, text, language in zip(
            table["id"].to_pylist(), table["text"].to_pylist(), languages, strict=True
        ):
            is_wanted = any(language in cell.languages for cell in CELLS)
            if is_wanted and lot(name, f"held out {words.seed}") < 0.5:
                if (lot(name, "half") < 0.5) == (words.half == 0):
                    held_out.setdefault(language, []).append(text)
            else:
                corpus.append(text)
    letters = "\n".join(map(letters_of, corpus))
    drawn = {}
    for cell in CELLS:
        dice = random.Random(f"{words.seed} {cell.name}")
        texts = [text for language in cell.languages for text in held_out.get(language, ())]
        dice.shuffle(texts)
        fitting = dict.fromkeys(
            each for each in sentences(texts, cell, dice) if letters_of(each) not in letters
        )
        found = list(fitting)[: 2 * EACH]
        drawn[cell.name] = found[:EACH], found[EACH:]
    return corpus, drawn


def sentences(texts: list[str], cell: Cell, dice: random.Random) -> Iterator[str]:
    """A sentence of each text, round and round, while there are any."""
    for _ in range(4):
        for text in texts:
            lines = [line for line in text.split("\n") if sentence_ends(line)]
            found = [
                each
                for line in lines
                for each in parts(line)
                if cell.low <= cell.size(each) <= cell.high
            ]
            if found:
                yield dice.choice(found)


def parts(line: str) -> list[str]:
    ends = [0, *sentence_ends(line)]
    return [line[low:high].strip() for low, high in pairwise(ends)]


def as_items(texts: Sequence[str]) -> Items:
    ids = [str(number) for number in range(len(texts))]
    answers = pa.nulls(len(texts), pa.large_string())
    columns = {
        "id": ids,
        "question": pa.chunked_array([texts], pa.large_string()),
        "answer": answers,
    }
    return items_of(pa.table(columns).cast(SCHEMA))


def ours(texts: Sequence[str], documents: Sequence[str]) -> list[set[int]]:
    items = as_items(texts)
    search, found, first = Search(items.index, CLEAN_SHARE), [set() for _ in documents], 0
    for batch in batches(documents):
        for place in search.places(batch):
            for item in (items.texts == place.text).nonzero()[0].tolist():
                if items.is_seen(item, place.share, None, SEEN_SHARE):
                    found[first + place.row].add(item)
        first += len(batch)
    return found


def any_words(texts: Sequence[str], documents: Sequence[str], size: int = 13) -> list[set[int]]:
    index: dict[tuple[str, ...], set[int]] = {}
    for number, text in enumerate(texts):
        for gram in grams(text, size):
            index.setdefault(gram, set()).add(number)
    return [
        set().union(*(index[gram] for gram in grams(text, size) if gram in index))
        for text in documents
    ]


def grams(text: str, size: int) -> Iterator[tuple[str, ...]]:
    words = words_of(text)
    return zip(*(words[first:] for first in range(size)), strict=False)


def theirs(python: Path, texts: Sequence[str], documents: Sequence[str]) -> list[set[int]]:
    """By datatrove's normalisation, words and n-grams; its index needs another package."""
    given = json.dumps({"items": texts, "documents": documents}).encode()
    answer = subprocess.run([python, "-c", THEIRS], input=given, stdout=subprocess.PIPE, check=True)
    return [set(each) for each in json.loads(answer.stdout)]


def costs(words: argparse.Namespace) -> None:
    """Print the CPU seconds of both."""
    documents = Artifact(words.documents)
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        store = Path(folder)
        path = store / "items.jsonl"
        write_items(path, list(drawn_from(documents, words.items)))
        warm = store / "warm.jsonl"
        write_items(warm, ["what was asked of nobody here"])
        seconds = {}
        for items, name in ((warm, ""), (path, f"looking for {words.items:,} items")):
            before = cpu()
            inputs = {"documents": documents, "items": adopt([items], store)}
            config = contamination.ContaminationConfig()
            made = build(contamination.STAGE, config, inputs, store, Local())
            seconds[name] = cpu() - before
        before = cpu()
        crawl = Artifact(words.crawl)
        build(extract.STAGE, extract.ExtractConfig(), {"crawl": crawl}, store, Local())
        seconds["corpus.extract"] = cpu() - before
    for name, each in list(seconds.items())[1:]:
        print(f"{name:28} {each:8.1f} CPU s")
    looking, extracting = list(seconds.values())[1:]
    print(f"share of corpus.extract's    {looking / extracting:8.1%}")
    print(f"documents that hold an item  {made.manifest.metrics['contaminated_documents']:8,.0f}")


def cpu() -> float:
    """Of this process and those that it started and that ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in both)


def drawn_from(documents: Artifact, count: int) -> Iterator[str]:
    """Lines of documents; of nine in ten the words in another order."""
    dice = random.Random(0)
    columns = (tables.read(shard, ["text"])["text"] for shard in documents.shards)
    texts = [text for column in columns for text in column.to_pylist()]
    lines = (dice.choice(dice.choice(texts).split("\n"))[:300] for _ in range(100 * count))
    chosen = [line for line in islice(lines, 20 * count) if len(letters_of(line)) > 20][:count]
    for number, line in enumerate(chosen):
        yield line if number % 10 == 0 else " ".join(dice.sample(line.split(), len(line.split())))


def write_items(path: Path, texts: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for number, text in enumerate(texts):
            file.write(json.dumps({"id": number, "question": text}) + "\n")


def memories(words: argparse.Namespace) -> None:
    """Print the peak of reading and indexing so many items, and of a look at a document."""
    dice = random.Random(0)
    lengths = [dice.randint(2, 9) for _ in range(50_000)]
    vocabulary = ["".join(dice.choices("etaoinshrdlucm", k=length)) for length in lengths]
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        path = Path(folder, "items.jsonl")
        each = words.letters * 2 // 11
        write_items(path, (" ".join(dice.choices(vocabulary, k=each)) for _ in range(words.items)))
        started = cpu()
        items = read_items([path])
        mean = items.letters.mean()
        print(f"{len(items):,} items of {mean:.0f} letters: {cpu() - started:.0f} CPU s")
    search = Search(items.index, CLEAN_SHARE)
    wanted = items.table["question"][len(items) // 2].as_py()
    (place,) = search.places(texts_of([f"before {wanted} behind"]))
    assert place.share == 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{len(items.index.keys):,} n-grams, peak {peak:.2f} GiB")


if __name__ == "__main__":
    main()
