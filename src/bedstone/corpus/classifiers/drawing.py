"""Which texts a classifier learns from and is measured on: drawn by lot, before any is read."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import chain
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field, model_validator

from bedstone.config import Config
from bedstone.corpus.classifiers.linear import Method
from bedstone.corpus.classifiers.logistic import Bools
from bedstone.corpus.identification.identifiers import identifier
from bedstone.corpus.identification.identify import identify
from bedstone.corpus.links.addresses import host_of, listed_key, strict_key
from bedstone.corpus.rewriting.versions import row_groups
from bedstone.errors import DataError
from bedstone.languages import MIXED, UNKNOWN
from bedstone.lots import lot
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.text.codes import Indices

POSITIVE, OTHER, NO_EXAMPLE = 1, 0, -1
MIN_BYTES, MIN_SHARE = 40, 0.7
"""With which the language of a given text is found: the defaults of corpus.language."""
UNTOLD = ""
"""The language where none is told."""
FEWEST = 50
"""Examples of either kind. Assumption: of fewer not even the interval says much."""


class Example(NamedTuple):
    """A text, and what is known of it."""

    id: str
    url: str
    text: str
    language: str = UNTOLD


class ClassifierConfig(Config):
    """Which documents are positive, and how a classifier is learnt."""

    method: Method = "logistic"
    """``dsir`` has weights that documents can be drawn by, in place of the best limit."""
    urls: tuple[str, ...] = ()
    """How the URLs of positives begin."""
    hosts: tuple[str, ...] = ()
    """Of positives, with all hosts below them."""
    column: str | None = None
    """Of ``labels``: above 0 is positive, 0 is not, null is no example."""
    max_positives: int = Field(default=5_000, ge=FEWEST, le=100_000)
    """Of more, so many are drawn by lot."""
    others_per_positive: float = Field(default=2.0, gt=0, le=20)
    """That are drawn, in each language."""
    min_language_positives: int = Field(default=5, ge=1, le=10_000)
    """A language with fewer is none that the classifier knows; no or mixed language never is."""
    sample_documents: int = Field(default=5_000, ge=100, le=100_000)
    """Of the corpus, whose scores say which percentile another one's is."""
    effective_share: float | None = Field(default=None, gt=0, lt=1)
    """Of dsir, 0.1 by default: how many documents of the sample the weights shall be worth."""
    random_seed: int = Field(default=1, ge=0, lt=1 << 32)
    """Of the lots, and of the order in which examples are read."""

    @model_validator(mode="after")
    def _has_effect(self) -> Self:
        if self.effective_share and self.method != "dsir":
            raise ValueError("effective_share has a meaning for the method dsir only")
        return self


@dataclass(frozen=True, slots=True)
class Drawn:
    """Examples, and a sample of the corpus, in which one may be too."""

    examples: list[Example]
    is_positive: Bools
    sample: list[Example]
    languages: tuple[str, ...]
    """With enough positives; empty where none is told."""
    passed_over: dict[str, int]
    """Positives in other languages, in none that is known, or in several."""


class Corpus(NamedTuple):
    """What is known of each document of a corpus before a text is read."""

    lots: NDArray[np.float64]
    languages: NDArray[np.int32]
    """Numbers of ``names``."""
    kinds: NDArray[np.int8]
    """``POSITIVE``, ``OTHER``, or ``NO_EXAMPLE`` of what may only be scored."""
    names: tuple[str, ...]


def drawn_examples(inputs: Mapping[str, Shard], config: ClassifierConfig) -> Drawn:
    """The examples of ``seed``, ``labels`` or URLs, and of ``negatives`` or the corpus.

    Others of the corpus are drawn in each language as the positives are in it; the sample is drawn
    in all of these languages together.

    Raises:
        DataError: an input is about other documents, or cannot be read.
    """
    documents, language = inputs["documents"], inputs.get("language")
    corpus = read_corpus(inputs, config)

    def read(role: str) -> list[Example]:
        found = given_examples(inputs[role], config.max_positives, role)
        return in_languages(found) if language else found

    positives, rows = [], np.empty(0, np.int64)
    if "seed" in inputs:
        positives = read("seed")
    else:
        rows = lowest(corpus, corpus.kinds == POSITIVE, config.max_positives)
    counts = Counter(example.language for example in positives)
    counts.update(corpus.names[number] for number in corpus.languages[rows])
    least = config.min_language_positives if language else 0
    known = {
        name: count
        for name, count in sorted(counts.items())
        if count >= least and name not in (UNKNOWN, MIXED)
    }
    others, other_rows = [], np.empty(0, np.int64)
    if "negatives" in inputs:
        others = read("negatives")
    else:
        other_rows = _lowest_of_each(corpus, known, config.others_per_positive)
    is_known = np.array([name in known for name in corpus.names], np.bool_)[corpus.languages]
    sample = lowest(corpus, is_known, config.sample_documents)
    texts = _texts_of(documents, corpus, np.concatenate((rows, other_rows, sample)))
    positives += [texts[row] for row in rows.tolist()]
    others += [texts[row] for row in other_rows.tolist()]
    kept = [[it for it in each if it.language in known] for each in (positives, others)]
    return Drawn(
        kept[0] + kept[1],
        np.arange(len(kept[0]) + len(kept[1])) < len(kept[0]),
        [texts[row] for row in sample.tolist()],
        tuple(known) if language else (),
        {name: count for name, count in counts.most_common() if name not in known},
    )


def read_corpus(inputs: Mapping[str, Shard], config: ClassifierConfig) -> Corpus:
    """What is known of all documents.

    Raises:
        DataError: a table is about other documents, or the column is not there or no number.
    """
    roles = [role for role in ("documents", "language", "labels") if role in inputs]
    named = [it.strip(".") for it in config.hosts]
    numbers, hosts = dict[str, int](), tuple(f".{listed_key(it) or it}" for it in named)
    lots, languages, kinds = [np.empty(0)], [np.empty(0, np.int32)], [np.empty(0, np.int8)]
    for shard, *others in tables.together(*(inputs[role] for role in roles)):
        table = tables.read(shard, ["id", "url"])
        told = [UNTOLD] * table.num_rows
        if "language" in inputs:
            told = tables.beside(others[0], table, ["language"])["language"].to_pylist()
        purpose = f"corpus.classifier {config.random_seed}"
        languages.append(np.array([numbers.setdefault(each, len(numbers)) for each in told], "i4"))
        lots.append(np.array([lot(each, purpose) for each in table["id"].to_pylist()]))
        if config.column is not None:
            kinds.append(_labelled(others[-1], table, config.column))
        else:
            is_positive = [
                url.startswith(config.urls) or f".{host_of(strict_key(url) or '')}".endswith(hosts)
                for url in table["url"].to_pylist()
            ]
            kinds.append(np.array(is_positive, np.int8))
    whole = (np.concatenate(lots), np.concatenate(languages), np.concatenate(kinds))
    return Corpus(*whole, tuple(numbers))


def lowest(corpus: Corpus, among: Bools, most: int) -> Indices:
    """The documents of those ``among`` all whose lots are the least."""
    rows = np.flatnonzero(among)
    return rows[np.argsort(corpus.lots[rows], kind="stable")[:most]]


def _lowest_of_each(corpus: Corpus, positives: Mapping[str, int], ratio: float) -> Indices:
    """Of each language ``ratio`` times as many others as positives, or as many as there are."""
    found = [np.empty(0, np.int64)]
    for number, name in enumerate(corpus.names):
        among = (corpus.languages == number) & (corpus.kinds == OTHER)
        found.append(lowest(corpus, among, round(ratio * positives.get(name, 0))))
    return np.concatenate(found)


def _texts_of(documents: Shard, corpus: Corpus, rows: Indices) -> dict[int, Example]:
    """The documents of these numbers."""
    found, first, wanted = {}, 0, np.unique(rows)
    for shard in documents.shards:
        for group in row_groups(shard, ("id", "url", "text")):
            low, high = np.searchsorted(wanted, (first, first + group.num_rows))
            here = wanted[low:high]
            taken = group.take(pa.array(here - first)).to_pylist()
            for row, each in zip(here.tolist(), taken, strict=True):
                name = corpus.names[corpus.languages[row]]
                found[row] = Example(each["id"], each["url"], each["text"], name)
            first += group.num_rows
    return found


def _labelled(labels: Shard, table: pa.Table, name: str) -> NDArray[np.int8]:
    tables.beside(labels, table, [])
    column = tables.read(labels, [], nullable=[name])[name]
    kind = column.type
    if not (pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise DataError(
            f"{tables.table_path(labels)}: {name} is {kind}, and no number or yes or no"
        )
    values = [NO_EXAMPLE if it is None else int(it > 0) for it in column.to_pylist()]
    return np.array(values, np.int8)


def given_examples(given: Shard, most: int, purpose: str) -> list[Example]:
    """Documents that are given; of too many some, by lot.

    Raises:
        DataError: there is none, or it is no table of documents.
    """
    groups = (group for shard in given.shards for group in row_groups(shard, ("url", "text")))
    rows = enumerate(chain.from_iterable(group.to_pylist() for group in groups))
    named = ((f"{given.content[:16]}-{number}", row) for number, row in rows)
    examples = (Example(name, row["url"] or "", row["text"]) for name, row in named)
    try:
        drawn = nsmallest(most, ((lot(each.id, purpose), each) for each in examples))
    except DataError as error:
        hint = "of a folder, of pages or of a table corpus.extract makes documents: give these"
        raise DataError(f"the input {purpose}: {error.args[0]}", hint=hint) from error
    if not drawn:
        raise DataError(f"{given.location} has no document")
    return [example for _, example in drawn]


def in_languages(examples: Sequence[Example]) -> list[Example]:
    """The same, with their languages."""
    texts = [example.text for example in examples]
    found = identify(texts, identifier("pycld2"), MIN_BYTES, MIN_SHARE)
    pairs = zip(examples, found, strict=True)
    return [example._replace(language=it.language) for example, it in pairs]
