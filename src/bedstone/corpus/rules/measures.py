"""Measure a text once, for the rules of all sets: a row of numbers, from which rules judge it.

What each statistic is, and how the variants of the sets differ, is told in ``sets``.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bedstone.corpus.rules.c4 import c4_statistics
from bedstone.corpus.rules.counts import (
    Counts,
    line_counts,
    mean_length,
    median_length,
    unless_unspaced,
    word_counts,
)
from bedstone.corpus.rules.ngrams import spaced_repetition, word_repetition
from bedstone.corpus.rules.repeated_lines import line_repetition
from bedstone.corpus.rules.sets import RULES, chosen
from bedstone.corpus.rules.stop_words import StopWords
from bedstone.languages import ENGLISH
from bedstone.text.codes import Indices, Texts, batches, texts_of
from bedstone.text.hashing import share
from bedstone.text.words import Words, given_words, spaced_words_of, words_of

Values = NDArray[np.float64]

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
"""English, lower case only; the paper's."""


def measure(
    texts: Iterable[str] | pa.Array | pa.ChunkedArray,
    tokens: Sequence[Sequence[str]] | None = None,
    sentences: Sequence[int] | None = None,
    languages: Sequence[str] | None = None,
    stop_words: Mapping[str, Sequence[str]] | None = None,
    rules: str | None = None,
) -> pa.Table:
    """A row for each text, ``text_bytes``, and a column for each statistic that rules ask for.

    A statistic that has no meaning for a text is null there.

    Args:
        texts: any; a lone surrogate counts as U+FFFD.
        tokens: the words of each, symbols among them, where somebody else has found them. What
            stands between white space, and what C4's rules count, is found in the texts.
        sentences: how many each has in the lines that C4's rules keep, where somebody else has
            counted them; taken for every variant.
        languages: of each, such as ``nob_Latn``; without, all are taken for English.
        stop_words: by language; without, English's, and the paper's.
        rules: names of sets, with commas between them; without, all sets and variants.

    Raises:
        ValueError: there are not as many ``tokens``, ``sentences`` or ``languages`` as texts, there
            is no such set, or a text is null.
    """
    if isinstance(texts, str):
        raise ValueError("texts are several: give a list, of one text too")
    tokens, sentences, languages = map(_listed, (tokens, sentences, languages))
    if not isinstance(texts, pa.Array | pa.ChunkedArray):
        texts = list(texts)
        if wrong := [row for row, text in enumerate(texts) if not isinstance(text, str)]:
            raise ValueError(f"text {wrong[0]} is no string but {texts[wrong[0]]!r}")
    elif texts.null_count:
        raise ValueError(f"{texts.null_count} texts are null")
    for name, given in (("tokens", tokens), ("sentences", sentences), ("languages", languages)):
        if given is not None and len(given) != len(texts):
            raise ValueError(f"{len(given)} {name} for {len(texts)} texts")
    names = ["text_bytes", *(rule.name for rule in chosen(rules or ",".join(RULES)))]
    lists = StopWords({ENGLISH: STOP_WORDS} if stop_words is None else stop_words)
    numbers = lists.numbers_of([ENGLISH] * len(texts) if languages is None else languages)
    parts: dict[str, list[Values]] = {name: [] for name in names}
    for rows, batch in _rows(texts):
        found = Found(
            batch,
            None if tokens is None else given_words(tokens[rows]),
            None if sentences is None else np.array(sentences[rows], np.int64),
            lists,
            numbers[rows],
        )
        for name in names:
            parts[name].append(found.column(name))
    return pa.table(
        {name: pa.array(np.concatenate(part), from_pandas=True) for name, part in parts.items()}
    )


class Found:
    """What is found in some texts, each thing when a column first asks for it."""

    def __init__(
        self,
        texts: Texts,
        given: tuple[Texts, Words] | None,
        sentences: Indices | None,
        lists: StopWords,
        list_numbers: Indices,
    ) -> None:
        self.texts, self.given, self.sentences = texts, given, sentences
        self.lists, self.list_numbers = lists, list_numbers

    def column(self, name: str) -> Values:
        """The values of the statistic ``name``, a text each."""
        if name in COLUMNS:
            return COLUMNS[name](self)
        if name.startswith("c4_") or name == "text_characters":
            return self.c4[name]
        if "_gram_" not in name:
            return self.repeated_lines[name]
        is_spaced = name.startswith(("paper_", "dolma_"))
        return (self.spaced_repetition if is_spaced else self.word_repetition)[name]

    @cached_property
    def characters(self) -> Values:
        """Of each text."""
        return np.diff(self.texts.starts).astype(np.float64)

    @cached_property
    def own_words(self) -> Words:
        """As we find them."""
        return words_of(self.texts)

    @cached_property
    def spaced_words(self) -> Words:
        """What stands between white space."""
        return spaced_words_of(self.texts)

    @cached_property
    def lines(self) -> Counts:
        """What is counted line by line."""
        return line_counts(self.texts)

    @cached_property
    def words(self) -> Counts:
        """What is counted word by word."""
        _, words = self.given or (self.texts, self.own_words)
        return word_counts(words, self.lists, self.list_numbers, symbols_are_words=False)

    @cached_property
    def spaced(self) -> Counts:
        """The same of what stands between white space."""
        return word_counts(self.spaced_words, self.lists, self.list_numbers, symbols_are_words=True)

    @cached_property
    def repeated_lines(self) -> dict[str, Values]:
        """The shares of equal lines and paragraphs."""
        return line_repetition(self.texts)

    @cached_property
    def word_repetition(self) -> dict[str, Values]:
        """Datatrove's shares of characters in n-grams."""
        return word_repetition(*(self.given or (self.texts, self.own_words)), self.characters)

    @cached_property
    def spaced_repetition(self) -> dict[str, Values]:
        """The paper's and dolma's."""
        shares = spaced_repetition(self.spaced_words)
        return {name: unless_unspaced(self.spaced, values) for name, values in shares.items()}

    @cached_property
    def c4(self) -> dict[str, Values]:
        """What C4's rules for pages ask for."""
        return c4_statistics(self.texts, self.own_words, self.sentences)

    def listed(self, counts: Values) -> Values:
        """``counts`` of stop words; not a number where there is no list of them."""
        return np.where(self.list_numbers < 0, np.nan, counts)


COLUMNS: dict[str, Callable[[Found], Values]] = {
    "text_bytes": lambda it: it.lines["text_bytes"],
    "line_count": lambda it: it.lines["line_count"],
    "bullet_line_share": lambda it: share(it.lines["bullet_lines"], it.lines["line_count"]),
    "ellipsis_line_share": lambda it: share(it.lines["ellipsis_lines"], it.lines["line_count"]),
    "word_count": lambda it: it.words["words"],
    "mean_word_length": lambda it: mean_length(it.words),
    "hash_per_word": lambda it: share(it.lines["hashes"], it.words["tokens"]),
    "ellipsis_per_word": lambda it: share(it.lines["ellipses"], it.words["tokens"]),
    "alphabetic_word_share": lambda it: share(it.words["alphabetic"], it.words["tokens"]),
    "stop_word_count": lambda it: it.listed(it.words["stop_words"]),
    "spaced_word_count": lambda it: it.spaced["words"],
    "mean_spaced_word_length": lambda it: mean_length(it.spaced),
    "hash_per_spaced_word": lambda it: share(it.lines["hashes"], it.spaced["words"]),
    "ellipsis_per_spaced_word": lambda it: share(it.lines["ellipses"], it.spaced["words"]),
    "alphabetic_spaced_word_share": lambda it: share(it.spaced["alphabetic"], it.spaced["words"]),
    "spaced_stop_word_count": lambda it: it.listed(it.spaced["stop_words"]),
    "median_spaced_word_length": lambda it: median_length(it.spaced),
    "symbol_spaced_word_share": lambda it: share(
        it.lines["symbol_words"], np.diff(it.spaced_words.firsts).astype(np.float64)
    ),
    "dolma_bullet_line_share": lambda it: share(
        it.lines["dolma_bullet_lines"], it.lines["newline_lines"]
    ),
    "dolma_ellipsis_line_share": lambda it: share(
        it.lines["dolma_ellipsis_lines"], it.lines["newline_lines"]
    ),
    "spaced_stop_word_occurrences": lambda it: it.listed(it.spaced["stop_word_occurrences"]),
    "dolma_duplicate_line_character_ratio": lambda it: share(
        it.repeated_lines["dolma_duplicate_line_characters"], _characters(it.spaced_words)
    ),
    "nonblank_line_count": lambda it: it.lines["nonblank_line_count"],
    "terminal_line_share": lambda it: share(
        it.lines["terminal_lines"], it.lines["nonblank_line_count"]
    ),
    "short_line_share": lambda it: share(it.lines["short_lines"], it.lines["nonblank_line_count"]),
    "newlines_per_word": lambda it: share(it.lines["newline_lines"] - 1, it.words["tokens"]),
}
"""Of each statistic that is not found as it is, what it is of what is found."""


def _listed(values: Any) -> Any:
    """A column, or what can be gone through once, as a list."""
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values.to_pylist()
    return values if values is None else list(values)


def _rows(texts: Sequence[str] | pa.Array | pa.ChunkedArray) -> Iterator[tuple[slice, Texts]]:
    """Batches, and which rows they are; without any text an empty one, for the columns' sake."""
    first = 0
    for batch in batches(texts):
        yield slice(first, first + len(batch)), batch
        first += len(batch)
    if not first:
        yield slice(0, 0), texts_of([])


def _characters(words: Words) -> Values:
    """Of each text, those of all its words."""
    before = np.concatenate(([0.0], np.cumsum(words.ends - words.starts, dtype=np.float64)))
    result: Values = np.diff(before[words.firsts])
    return result
