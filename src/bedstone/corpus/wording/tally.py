"""Hits of word lists, document by document and language by language."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from bedstone.corpus.wording.word_lists import WordLists, folded
from bedstone.languages import UNKNOWN, split
from bedstone.text.codes import Texts, batches
from bedstone.text.words import IS_PUNCTUATION, words_of

MOST_ENTRIES = 20
"""Told of each language."""
MILLION = 1_000_000
LANGUAGES = pa.schema(
    [
        ("language", pa.string()),
        ("has_list", pa.bool_()),
        ("documents", pa.int64()),
        ("words", pa.float64()),
        ("hits", pa.int64()),
        ("hits_per_million_words", pa.float64()),
        ("hit_documents", pa.int64()),
        ("any_hit_documents", pa.int64()),
    ]
)
ENTRIES = pa.schema(
    [
        ("language", pa.string()),
        ("entry", pa.string()),
        ("own", pa.bool_()),
        ("documents", pa.int64()),
        ("hits", pa.int64()),
    ]
)


class Hit(NamedTuple):
    """An entry in a text."""

    start: int
    """At which word of the batch."""
    size: int
    """In words."""
    entry: int


class Found(NamedTuple):
    """Of a document."""

    words: float
    own: int | None
    """Hits; None where its language has no list."""
    any: int

    @property
    def per_million(self) -> float | None:
        """Of its own lists, hits per million words; None without words."""
        return MILLION * self.own / self.words if self.words and self.own is not None else None


class Tally:
    """Counts what lists hit, and for whom."""

    def __init__(self, lists: WordLists, *, by_language: bool) -> None:
        self._lists, self._by_language = lists, by_language
        self._codes = lists.codes
        self.sums = Counter[tuple[str, str]]()
        """Of language and column of ``LANGUAGES``."""
        self._words = Counter[str]()
        self._hits = Counter[tuple[str, int]]()
        self._documents = Counter[tuple[str, int]]()

    def found(self, texts: Iterable[str], languages: Sequence[str]) -> Iterator[Found]:
        """Count in ``texts``, which are in ``languages``."""
        number = 0
        for batch in batches(map(folded, texts)):
            for words, hits in self._of_batch(batch):
                yield self._counted(words, hits, languages[number])
                number += 1

    def _of_batch(self, batch: Texts) -> Iterator[tuple[float, list[Hit]]]:
        """Of each text its words, and the hits, the longer of those that begin together first."""
        words = words_of(batch)
        hits = self._lists.hits(words)
        texts = np.repeat(np.arange(len(batch)), np.diff(words.firsts))
        worth = words.weights * ((words.flags & IS_PUNCTUATION) == 0)
        # Each sum by itself: what stands around a text must not change its last digit.
        sizes = np.bincount(texts, worth, len(batch)).tolist()
        columns = (each.tolist() for each in (hits.starts, hits.sizes, hits.entries))
        rows = list(map(Hit, *columns))
        bounds = np.searchsorted(hits.texts, np.arange(len(batch) + 1)).tolist()
        for number, size in enumerate(sizes):
            yield size, rows[bounds[number] : bounds[number + 1]]

    def _counted(self, words: float, hits: list[Hit], language: str) -> Found:
        everything = own = _apart(hits)
        code = split(language)[0]
        if self._by_language:
            own = _apart([hit for hit in hits if code in self._lists.languages[hit.entry]])
        has_list = self._has_list(language)
        found = Found(words, len(own) if has_list else None, len(everything))
        self._words[language] += words  # type: ignore[assignment]
        self.sums[language, "documents"] += 1
        self.sums[language, "hits"] += len(own)
        self.sums[language, "hit_documents"] += bool(own)
        self.sums[language, "any_hit_documents"] += bool(everything)
        hit_entries = Counter(hit.entry for hit in {*own, *everything})
        for entry, times in hit_entries.items():
            self._hits[language, entry] += times
            self._documents[language, entry] += 1
        return found

    def _has_list(self, language: str) -> bool:
        return not self._by_language or split(language)[0] in self._codes

    def languages(self) -> pa.Table:
        """What a limit would do to each language."""
        rows = []
        for name in sorted(self._words):
            words, hits = self._words[name], self.sums[name, "hits"]
            row: dict[str, Any] = {column: self.sums[name, column] for column in LANGUAGES.names}
            row |= {"language": name, "has_list": self._has_list(name), "words": words}
            rows.append(row | {"hits_per_million_words": MILLION * hits / words if words else None})
        return pa.Table.from_pylist(rows, schema=LANGUAGES)

    def entries(self) -> pa.Table:
        """What is hit most in each language."""
        rows, told = [], Counter[str]()
        for language, entry in sorted(self._hits, key=lambda it: (it[0], -self._hits[it], it[1])):
            told[language] += 1
            if told[language] <= MOST_ENTRIES:
                own = self._lists.languages[entry]
                rows.append(
                    {
                        "language": language,
                        "entry": self._lists.entries[entry],
                        "own": not self._by_language or split(language)[0] in own,
                        "documents": self._documents[language, entry],
                        "hits": self._hits[language, entry],
                    }
                )
        return pa.Table.from_pylist(rows, schema=ENTRIES)

    def metrics(self) -> dict[str, float]:
        """Sums over the languages, and of each the documents that its own lists hit."""
        names = sorted(self._words)
        sums = {
            column: sum(self.sums[name, column] for name in names)
            for column in ("documents", "hits", "hit_documents", "any_hit_documents")
        }
        return {
            "input_documents": sums.pop("documents"),
            "without_list_documents": sum(
                self.sums[name, "documents"] for name in names if not self._has_list(name)
            ),
            "input_words": sum(self._words[name] for name in names),
            **sums,
            **{
                f"hit.{name}_documents": count
                for name in names
                if name != UNKNOWN and (count := self.sums[name, "hit_documents"])
            },
        }


def _apart(hits: list[Hit]) -> list[Hit]:
    """Those that do not begin in one before."""
    kept, end = list[Hit](), 0
    for hit in hits:
        if hit.start >= end:
            kept.append(hit)
            end = hit.start + hit.size
    return kept
