"""Which texts a classifier learns from and is measured on: drawn by lot, before any is read."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bedstone.corpus.classifiers.examples import (
    UNTOLD,
    Example,
    Wanted,
    given_examples,
    in_languages,
)
from bedstone.corpus.classifiers.logistic import Bools
from bedstone.corpus.rewriting.versions import row_groups
from bedstone.errors import DataError
from bedstone.lots import lot
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.text.codes import Indices

POSITIVE, OTHER, NO_EXAMPLE = 1, 0, -1


class How(NamedTuple):
    """How many are drawn, and which documents are positive."""

    wanted: Wanted
    max_positives: int
    others_per_positive: float
    min_language_positives: int
    sample_documents: int
    seed: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """Examples, and a sample of the corpus, in which one may be too."""

    examples: list[Example]
    is_positive: Bools
    sample: list[Example]
    languages: tuple[str, ...]
    """With enough positives; empty where none is told."""
    passed_over: dict[str, int]
    """Positives in other languages."""


class Corpus(NamedTuple):
    """What is known of each document of a corpus before a text is read."""

    lots: NDArray[np.float64]
    languages: NDArray[np.int32]
    """Numbers of ``names``."""
    kinds: NDArray[np.int8]
    """``POSITIVE``, ``OTHER``, or ``NO_EXAMPLE`` of what may only be scored."""
    names: tuple[str, ...]


def drawn_examples(inputs: Mapping[str, Shard], column: str | None, how: How) -> Drawn:
    """The examples of ``seed``, ``labels`` or URLs, and of ``negatives`` or the corpus.

    Others of the corpus are drawn in each language as the positives are in it; the sample is drawn
    in all of these languages together.

    Raises:
        DataError: an input is about other documents, or cannot be read.
    """
    documents, language = inputs["documents"], inputs.get("language")
    corpus = read_corpus(inputs, column, how)

    def read(role: str) -> list[Example]:
        found = given_examples(inputs[role], how.max_positives, role)
        return in_languages(found) if language else found

    positives, rows = [], np.empty(0, np.int64)
    if "seed" in inputs:
        positives = read("seed")
    else:
        rows = lowest(corpus, corpus.kinds == POSITIVE, how.max_positives)
    counts = Counter(example.language for example in positives)
    counts.update(corpus.names[number] for number in corpus.languages[rows])
    least = how.min_language_positives if language else 0
    known = {name: count for name, count in sorted(counts.items()) if count >= least}
    others, other_rows = [], np.empty(0, np.int64)
    if "negatives" in inputs:
        others = read("negatives")
    else:
        other_rows = _lowest_of_each(corpus, known, how.others_per_positive)
    is_known = np.array([name in known for name in corpus.names], np.bool_)[corpus.languages]
    sample = lowest(corpus, is_known, how.sample_documents)
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


def read_corpus(inputs: Mapping[str, Shard], column: str | None, how: How) -> Corpus:
    """What is known of all documents.

    Args:
        inputs: ``documents``, ``language`` and ``labels``, the last two where given.
        column: of the labels; it is above 0 for a positive, 0 for another, and null where nobody
            has said. Without labels the URLs say it.
        how: which URLs.

    Raises:
        DataError: a table is about other documents, or the column is not there or no number.
    """
    roles = [role for role in ("documents", "language", "labels") if role in inputs]
    numbers: dict[str, int] = {}
    lots, languages, kinds = [np.empty(0)], [np.empty(0, np.int32)], [np.empty(0, np.int8)]
    for shard, *others in tables.together(*(inputs[role] for role in roles)):
        table = tables.read(shard, ["id", "url"])
        told = [UNTOLD] * table.num_rows
        if "language" in inputs:
            told = tables.beside(others[0], table, ["language"])["language"].to_pylist()
        languages.append(np.array([numbers.setdefault(each, len(numbers)) for each in told], "i4"))
        lots.append(
            np.array(
                [lot(each, f"corpus.classifier {how.seed}") for each in table["id"].to_pylist()]
            )
        )
        if column is not None:
            kinds.append(_labelled(others[-1], table, column))
        else:
            kinds.append(
                np.array([how.wanted.has(url) for url in table["url"].to_pylist()], np.int8)
            )
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
            for row, each in zip(here.tolist(), _some(group, here - first), strict=True):
                name = corpus.names[corpus.languages[row]]
                found[row] = Example(each["id"], each["url"], each["text"], name)
            first += group.num_rows
    return found


def _some(group: pa.Table, rows: Indices) -> list[dict[str, str]]:
    taken: list[dict[str, str]] = group.take(pa.array(rows)).to_pylist() if len(rows) else []
    return taken


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
