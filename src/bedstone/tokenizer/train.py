"""Stage tokenizer.train: train a byte-level BPE on the kept documents that are not held out.

Reads   ``documents``, ``language``, ``held_out``, ``kept``: shards of the same documents; without
        the last, all are kept; with ``parity``, ``parallel``: a table of ``source``, ``language``,
        ``unit`` (of the content), ``text`` and ``english``
Writes  ``tokenizer.json`` (Hugging Face tokenizers) and ``tokenizer_config.json``: transformers
        loads the folder, with the chat format that post-training uses.
        ``scripts.json``: how many tokens are of each script by ISO 15924, of none (``Zyyy``:
        digits, punctuation, spaces), and pieces of characters (``bytes``); no control tokens.
        With ``parity``, ``parity.json``: of a ``plain`` vocabulary of the same size from the same
        text, and of this one (``parity``), on the test half of the parallel text:
        ``worst_tokens``, ``mean_tokens``, ``english_tokens`` (for 1,000 bytes of content),
        ``gini``, and ``languages`` [{``language``, ``tokens``, ``content_bytes``, ``premium``,
        ``merges`` (that it chose)}]

Equal bytes on every machine and with any number of threads.
The test half of the parallel text does not steer, but where the documents hold it, it is learnt
from, by both vocabularies.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pyarrow.parquet as pq
from pydantic import Field
from tokenizers import Tokenizer

from bedstone.config import Config
from bedstone.errors import ConfigError, DataError
from bedstone.languages import ENGLISH
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.store.parts import made_parts
from bedstone.store.payload import write_json
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.text.encoder import CONFIG_FILE, FILE, SPECIAL_TOKENS
from bedstone.tokenizer.learning.bpe import learn
from bedstone.tokenizer.learning.parity import (
    ALPHABET,
    Cost,
    Row,
    Tallies,
    Units,
    content_bytes,
    costs_of,
    halves,
    learn_parity,
    learn_plain,
    summary,
    words_of,
)
from bedstone.tokenizer.learning.pieces import PieceCounter, counts_of
from bedstone.tokenizer.learning.vocabulary import (
    encoder_of,
    script_counts,
    transformers_config,
    with_merges,
)
from bedstone.tokenizer.mixing.shares import even_budgets, shared_out, temperature_demands
from bedstone.tokenizer.stored.kept import text_bytes, write_drawn, write_sizes

PARITY_FILE, SCRIPTS_FILE = "parity.json", "scripts.json"


class WindowConfig(Config):
    """How often a language may be chosen."""

    merges: int = Field(100, ge=1)
    """That are looked back on."""
    alpha: float = Field(2.0, ge=1)
    """A language that was chosen more often than so many times its even share of them is passed
    over."""


class ParityConfig(Config):
    """Which merges are steered towards the language that pays most, and by which languages.

    Classic parity has neither a share nor a window, hybrid a share, and window a window.
    """

    global_share: float = Field(0.8, ge=0, le=1)
    """Of the merges: the first ones, which are chosen by frequency in all text. The less, the less
    the worst language pays and the more English does. By default English pays some 4 % more than
    with a plain vocabulary: chosen on development text, see benchmarks/parity.py."""
    window: WindowConfig | None = None
    """Absent, a language is chosen as often as it takes."""
    min_bytes: int = Field(10_000, ge=1)
    """Text to learn from without which a language steers no merge: its most frequent pair may be
    so by chance. In trials languages of 2 kB still gained by steering."""
    min_units: int = Field(50, ge=1)
    """Units of a half of the parallel text without which a language does not steer, or is not
    measured."""


class TrainConfig(Config):
    """How many tokens, learned from how much text."""

    vocab_size: int = Field(4096, ge=len(SPECIAL_TOKENS) + 256, le=2**21)
    """Control tokens and single bytes included. Little text gives fewer tokens."""
    min_frequency: int = Field(2, ge=1)
    """Occurrences below which no pair is merged."""
    max_bytes: int = Field(2**24, ge=1)
    """Text to learn from, shared out over the languages as far as they have it, so that the
    largest does not own the vocabulary: the less, the more even. Documents are drawn by hash."""
    temperature: float | None = Field(None, ge=1)
    """A language's share of ``max_bytes`` is as its bytes to the power of 1/temperature: at 1 as
    the text is. Absent, shares are even, as ever higher temperatures make them."""
    parity: ParityConfig | None = None
    """Absent, every merge is of the pair that is most frequent in all text."""


def run(config: TrainConfig, job: Job) -> Result:
    """Measure the languages, draw their documents, and train on them.

    Raises:
        ConfigError: there is ``parity`` without parallel text, or the other way round.
        DataError: no text was kept, or all of it is held out; the parallel text cannot steer.
    """
    if (config.parity is None) != ("parallel" not in job.inputs):
        raise ConfigError(
            "tokenizer.train: config 'parity' and input 'parallel' come together or not at all",
            hint="give the input 'parallel', made by corpus.parallel"
            if config.parity
            else "give a table parity, which may be empty, or leave the input out",
        )
    text, merges = _Text(config, job), config.vocab_size - len(SPECIAL_TOKENS) - len(ALPHABET)
    if config.parity:
        tokenizer, metrics = _with_parity(config, config.parity, merges, job, text)
    else:
        words = words_of(counts_of(each for _, each in text.drawn()))
        learnt = learn(words, len(ALPHABET), merges, config.min_frequency)
        tokenizer, metrics = with_merges(learnt), Metrics()
    with job.part(FILE) as path:
        tokenizer.save(str(path))
    write_json(job, CONFIG_FILE, transformers_config(), indent=2)
    write_json(job, SCRIPTS_FILE, script_counts(tokenizer), indent=2)
    return Result({"vocabulary_tokens": tokenizer.get_vocab_size(), **text.metrics(), **metrics})


def budgets(config: TrainConfig, sizes: Mapping[str, int]) -> dict[str, int]:
    """The bytes to learn from of each language, of the ``sizes`` that they have."""
    if config.temperature is None:
        return even_budgets(sizes, config.max_bytes)
    if sum(sizes.values()) <= config.max_bytes:
        return dict(sizes)
    limits = {name: size / config.max_bytes for name, size in sizes.items()}
    shares = shared_out(temperature_demands(sizes, config.temperature), limits)
    return {name: min(round(shares[name] * config.max_bytes), size) for name, size in sizes.items()}


class _Text:
    """The documents to learn from, drawn by hash, and counted as they go by."""

    def __init__(self, config: TrainConfig, job: Job) -> None:
        self._job = job
        roles = [it for it in ("documents", "language", "held_out", "kept") if it in job.inputs]
        rows = tables.together(*(job.inputs[role] for role in roles))
        self._shards = [dict(zip(roles, shards, strict=True)) for shards in rows]
        sizes = Counter[str]()
        for path in made_parts(job, "sizes", write_sizes, self._shards):
            sizes.update(json.loads(path.read_text("utf-8")))
        if not sizes:
            raise DataError("no text was kept that is not held out: nothing to train on")
        self._budgets = budgets(config, sizes)
        self._shares = {name: self._budgets[name] / size for name, size in sizes.items()}
        self._documents = 0
        self.bytes = Counter[str]()
        """Of each language, so far."""

    def drawn(self) -> Iterator[tuple[str, str]]:
        """Language and text of each document."""
        draw = partial(write_drawn, self._shares)
        paths = made_parts(self._job, "drawn", draw, self._shards)
        with self._job.progress.task("bytes", sum(self._budgets.values())) as task:
            for table in map(pq.read_table, paths):
                columns = (table["language"].to_pylist(), table["text"].to_pylist())
                for language, text, size in zip(*columns, text_bytes(table), strict=True):
                    self._documents += 1
                    self.bytes[language] += size
                    task.advance(size)
                    yield language, text

    def metrics(self) -> Metrics:
        """Of what was drawn, and of the shares that were meant."""
        return {
            "train_documents": self._documents,
            "train_bytes": self.bytes.total(),
            "train_languages": sum(map(bool, self._budgets.values())),
            "largest_language_share": max(self._budgets.values()) / sum(self._budgets.values()),
        }


def _with_parity(
    config: TrainConfig, parity: ParityConfig, merges: int, job: Job, text: _Text
) -> tuple[Tokenizer, Metrics]:
    """The steered vocabulary; what it costs each language beside a plain one is written."""
    development, test = halves(_rows(job.inputs["parallel"]))
    train = _pieces(text)
    tallies = _steering(parity, text, train, development)
    window = parity.window
    learnt = {
        "plain": learn_plain(tallies, merges, config.min_frequency),
        "parity": learn_parity(
            tallies,
            merges,
            config.min_frequency,
            global_merges=round(parity.global_share * merges),
            window=window.merges if window else 0,
            alpha=window.alpha if window else 0.0,
        ),
    }
    measured = {
        name: units
        for name, units in test.items()
        if len(units) >= parity.min_units and (name in train or name == ENGLISH)
    }
    if len(measured) < 2:
        raise DataError(
            f"the parallel text has not {parity.min_units} units to measure on in any language"
            " with text to learn from, English apart"
        )
    costs = {name: costs_of(encoder_of(each), measured) for name, each in learnt.items()}
    numbers = {name: summary(each) for name, each in costs.items()}
    choices = Counter(learnt["parity"].chosen.tolist())
    chose = {name: choices[number] for number, name in enumerate(tallies.development)}
    stored = {
        "plain": {**numbers["plain"], "languages": _table(costs["plain"], {})},
        "parity": {**numbers["parity"], "languages": _table(costs["parity"], chose)},
    }
    write_json(job, PARITY_FILE, stored, indent=2)
    return with_merges(learnt["parity"]), {
        "steering_languages": len(tallies.development),
        "measured_languages": len(measured),
        **_changes(numbers["plain"], numbers["parity"]),
    }


def _rows(parallel: Shard) -> Iterator[Row]:
    table = tables.read(parallel, Row._fields)
    yield from map(Row._make, zip(*(column.to_pylist() for column in table.columns), strict=True))


def _pieces(text: _Text) -> dict[str, Counter[bytes]]:
    """Of each language, by name."""
    counters: dict[str, PieceCounter] = {}
    for language, document in text.drawn():
        counters.setdefault(language, PieceCounter()).add(document)
    return {name: counters[name].counts() for name in sorted(counters)}


def _steering(
    parity: ParityConfig, text: _Text, train: Mapping[str, Counter[bytes]], development: Units
) -> Tallies:
    """With the languages that have enough of both."""
    names = [
        name
        for name in train
        if text.bytes[name] >= parity.min_bytes
        and len(development.get(name, ())) >= parity.min_units
    ]
    if not names:
        raise DataError(
            f"no language has {parity.min_bytes} bytes to learn from and {parity.min_units} units"
            " of parallel text to steer by"
        )
    return Tallies(
        train,
        {name: counts_of(unit.text for unit in development[name]) for name in names},
        {name: content_bytes(development[name]) for name in names},
    )


def _table(costs: Mapping[str, Cost], chose: Mapping[str, int]) -> list[dict[str, Any]]:
    return [
        {
            "language": name,
            "tokens": cost.tokens,
            "content_bytes": cost.content_bytes,
            "premium": cost.premium,
            "merges": chose.get(name, 0),
        }
        for name, cost in costs.items()
    ]


def _changes(plain: Mapping[str, float], parity: Mapping[str, float]) -> Metrics:
    names = ("worst_tokens", "mean_tokens", "english_tokens")
    changes = {f"{name}_change_share": parity[name] / plain[name] - 1 for name in names}
    return {**changes, "gini_plain": plain["gini"], "gini_parity": parity["gini"]}


STAGE = Stage(
    "tokenizer.train",
    version=3,
    config=TrainConfig,
    inputs=("documents", "language", "held_out"),
    run=run,
    optional=("kept", "parallel"),
    libraries=("tokenizers",),
)
