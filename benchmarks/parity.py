"""What parity-aware training costs and gives: time, and tokens for the same content.

    python benchmarks/parity.py FOLDER [--sizes 8192 16384 32768] [--rounds 3] [--half test]

Text: GNOME's help by paragraph, MediaWiki's messages by line, of the languages with at least 100
kB of it, and English. Of the contents, seven in ten, drawn by hash, are learnt from; of the others
one half steers and the other is measured. A line that says the same as its English is left out.
Times are CPU seconds on one thread, interleaved: of the whole way from text, and, apart, of our
trainer from counted pieces. FOLDER keeps the packages, fetched by apt-get.
"""

import argparse
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

os.environ["RAYON_NUM_THREADS"] = "1"

from timing import cpu_seconds

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.support.trainers import trainer

from bedstone.corpus.sources import packages
from bedstone.corpus.sources.alignment import units
from bedstone.corpus.sources.catalogue import SOURCES
from bedstone.corpus.sources.messages import MIN_LINE_BYTES
from bedstone.languages import ENGLISH
from bedstone.lots import lot
from bedstone.text.encoder import SPECIAL_TOKENS
from bedstone.tokenizer.learning.bpe import Learnt
from bedstone.tokenizer.learning.parity import (
    ALPHABET,
    Row,
    Tallies,
    Units,
    content_bytes,
    costs_of,
    halves,
    learn_parity,
    learn_plain,
    summary,
)
from bedstone.tokenizer.learning.pieces import counts_of
from bedstone.tokenizer.learning.vocabulary import encoder_of, untrained
from bedstone.tokenizer.mixing.shares import even_budgets
from bedstone.tokenizer.train import ParityConfig, TrainConfig, WindowConfig

LEAST_BYTES = 100_000
TRAIN_SHARE = 0.7
NAMES = ("gnome-user-docs", "mediawiki")


def read(folder: Path) -> list[Row]:
    """Every unit of the languages with enough text; its number is the English text."""
    fetched = packages.fetch([SOURCES[name].package for name in NAMES], folder)
    if fetched.missing:
        raise SystemExit(f"cannot be fetched: {fetched.missing}")
    rows: dict[tuple[str, str], Row] = {}  # what is said twice is one unit
    for name, archive in zip(NAMES, fetched.archives, strict=True):
        source = SOURCES[name]
        assert source.versions is not None
        for unit in units(source.versions(packages.read(archive.path, source.files))):
            row = Row(name, unit.language, unit.english, unit.text, unit.english)
            if row.language != ENGLISH and is_sentence(row.english):
                rows.setdefault((row.language, row.unit), row)
    sizes = Counter[str]()
    for row in rows.values():
        sizes[row.language] += len(row.text.encode())
    return [row for row in rows.values() if sizes[row.language] >= LEAST_BYTES]


def is_sentence(english: str) -> bool:
    """MediaWiki has a line of 700 labels, ``a b c``: no content, and a tenth of all it measures."""
    words = english.split()
    return len(english.encode()) >= MIN_LINE_BYTES and len(english) >= 3 * len(words)


def texts_of(rows: list[Row], max_bytes: int) -> dict[str, list[str]]:
    """Of each language, the lines to learn from, drawn as the stage draws documents."""
    lines: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        if is_learnt(row.unit):
            lines[row.language][row.unit] = row.text
            lines[ENGLISH][row.unit] = row.english
    sizes = {name: sum(len(text.encode()) for text in lines[name].values()) for name in lines}
    budgets = even_budgets(sizes, max_bytes)
    return {
        name: [
            text
            for unit, text in lines[name].items()
            if lot(unit, "tokenizer.train") < budgets[name] / sizes[name]
        ]
        for name in sorted(lines)
    }


def is_learnt(unit: str) -> bool:
    return lot(unit, "benchmark") < TRAIN_SHARE


FORMS = {
    "classic": ParityConfig(global_share=0),
    "hybrid": ParityConfig(),
    "window": ParityConfig(global_share=0, window=WindowConfig()),
    "hybrid, window": ParityConfig(window=WindowConfig()),
}


def learnt(tallies: Tallies, vocab_size: int, form: ParityConfig | None) -> Learnt:
    merges, least = vocab_size - len(SPECIAL_TOKENS) - len(ALPHABET), TrainConfig().min_frequency
    if form is None:
        return learn_plain(tallies, merges, least)
    window, alpha = (form.window.merges, form.window.alpha) if form.window else (0, 0.0)
    return learn_parity(tallies, merges, least, round(form.global_share * merges), window, alpha)


def tallied(texts: dict[str, list[str]], development: Units, form: ParityConfig) -> Tallies:
    steering = [
        name
        for name, lines in texts.items()
        if sum(len(line.encode()) for line in lines) >= form.min_bytes
        and len(development.get(name, ())) >= form.min_units
    ]
    return Tallies(
        {name: counts_of(lines) for name, lines in texts.items()},
        {name: counts_of(unit.text for unit in development[name]) for name in steering},
        {name: content_bytes(development[name]) for name in steering},
    )


def print_costs(tallies: Tallies, vocab_size: int, measured: Units) -> None:
    print(f"\n{vocab_size} tokens    worst             mean      change   English  change    Gini")
    plain: dict[str, float] = {}
    for name, form in {"plain": None, **FORMS}.items():
        costs = costs_of(encoder_of(learnt(tallies, vocab_size, form)), measured)
        found = summary(costs)
        plain = plain or found
        worst = max(costs, key=lambda name: costs[name].rate)
        cells = [
            f"{found[each]:7.1f} {found[each] / plain[each] - 1:+7.1%}"
            for each in ("worst_tokens", "mean_tokens", "english_tokens")
        ]
        print(f"{name:15} {worst} {'  '.join(cells)}  {found['gini']:.4f}")


def print_times(
    texts: dict[str, list[str]], development: Units, vocab_size: int, rounds: int
) -> None:
    tallies = tallied(texts, development, ParityConfig())
    lines = [line for each in texts.values() for line in each]

    def ours() -> None:
        found = counts_of(lines)
        learnt(Tallies({"all": found}, {}, {}), vocab_size, None)

    ways: dict[str, Callable[[], object]] = {
        "Hugging Face, from text": lambda: untrained().train_from_iterator(
            lines, trainer(TrainConfig(vocab_size=vocab_size))
        ),
        "plain, from text": ours,
        "plain": lambda: learnt(tallies, vocab_size, None),
        **{
            name: lambda form=form: learnt(tallies, vocab_size, form)
            for name, form in FORMS.items()
        },
        "hybrid, from text": lambda: learnt(
            tallied(texts, development, ParityConfig()), vocab_size, ParityConfig()
        ),
    }
    seconds = cpu_seconds(ways, rounds)
    print(f"\n{vocab_size} tokens: CPU seconds, median of {rounds}, and over plain's")
    for name, taken in seconds.items():
        base = "plain, from text" if name.endswith("from text") else "plain"
        print(f"{name:25} {taken:6.2f}  {taken / seconds[base]:6.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[8192, 16384, 32768])
    parser.add_argument("--bytes", type=int, default=TrainConfig().max_bytes)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--half", choices=("development", "test"), default="test")
    words = parser.parse_args()
    rows = read(words.folder)
    texts = texts_of(rows, words.bytes)
    development, test = halves(row for row in rows if not is_learnt(row.unit))
    sizes = {name: sum(len(line.encode()) for line in lines) for name, lines in texts.items()}
    print(f"{len(texts)} languages, {sum(sizes.values()) / 1e6:.1f} MB to learn from")
    tallies = tallied(texts, development, ParityConfig())
    print(f"{len(tallies.development)} steer; measured on the {words.half} half")
    measured = test if words.half == "test" else development
    for vocab_size in words.sizes:
        print_costs(tallies, vocab_size, measured)
    if words.rounds:
        for vocab_size in words.sizes:
            print_times(texts, development, vocab_size, words.rounds)


if __name__ == "__main__":
    main()
