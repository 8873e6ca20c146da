"""Is it running text, and are its words those of a language? What an identifier does not ask.

An identifier names a language for whatever it is given: program code, base64, a language that it
has never seen. Some shares tell such texts. They are measured here; who reads them decides.

The table ``frequent_words.tsv`` has, of each language key, its most frequent words, in small
letters, that are not as frequent in English (of scripts without spaces, its letters), and the keys
of languages that are ``taken_for`` it by identifiers that do not know them. Source: our counts over
half of MediaWiki's messages, GNOME's help and the Universal Declaration of Human Rights, by
``benchmarks/identification.py``.

Source: Penedo et al. 2025 (FineWeb2), arXiv:2506.20920, for asking a text for its language's own
words. Differs: the most frequent words, not those of the highest affinity; their share is measured
where FineWeb2 asks for any.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from bedstone.corpus.characters import (
    IS_DIGIT,
    IS_SPACE,
    LETTER,
    MARK,
    NUMBER,
    SPACE,
    flag_table,
    is_written_with,
    kind_table,
    lower_table,
    script_table,
)
from bedstone.corpus.quality import StopWords, word_counts
from bedstone.corpus.repetition import share
from bedstone.corpus.texts import Codes, Indices, Texts, texts_of
from bedstone.corpus.words import ALPHABETIC, UNSPACED, Words, words_of
from bedstone.languages import split

Shares = NDArray[np.float64]

MAX_WORD_CHARACTERS = 30
"""A longer run of letters without a space is no word, unless its script has no spaces."""
MAX_OTHERS = 2
"""Characters of a word that are no letters: an apostrophe, a hyphen."""
CODE = r"_\<>{}[]=+*&^%$#@|~`;"
"""What stands in code and markup, and hardly in prose."""
ALWAYS_CODE, PARENTHESIS, LETTER_OR_DIGIT, QUOTE, COLON_OR_COMMA = range(1, 6)
"""What is told apart in code; 0 is all else."""


@dataclass(frozen=True, slots=True)
class Prose:
    """What several texts are made of: a number for each."""

    word_characters: Shares
    """Of the characters in what has a letter, the share of those in words: letters with hardly
    anything among them. Identifiers, links and base64 are no words. 0 without a letter."""
    code_characters: Shares
    """Of the characters that are no spaces, the share of those that code has and prose has not:
    ``CODE``, ``name(``, ``"key":``; 0 without one."""
    lettered_words: Shares
    """The number of words with a letter; of scripts without spaces, of letters."""
    texts: Texts
    """In small letters."""
    words: Words

    def own_words(self, languages: Sequence[str]) -> Shares:
        """Of each text's words, the share of those that are frequent in its language.

        Not a number where no frequent words of the language are known.

        Args:
            languages: the key of each text.
        """
        numbers = _lists().numbers_of(languages)
        counts = word_counts(self.words, _lists(), numbers, symbols_are_words=False)
        found = share(counts["stop_word_occurrences"], self.lettered_words)
        return np.where(numbers >= 0, found, np.nan)

    def script_share(self, languages: Sequence[str]) -> Shares:
        """Of each text's letters, the share of those in the script of its language.

        0 without a letter; 1 where the key has no script.

        Args:
            languages: the key of each text.
        """
        numbers = script_table()[self.texts.codes]
        names = [split(key)[1] for key in languages]
        of_name = {name: row for row, name in enumerate(dict.fromkeys(names))}
        is_written = np.array([is_written_with(name) for name in of_name])
        rows = np.repeat([of_name[name] for name in names], np.diff(self.texts.starts))
        starts, ends = self.texts.starts[:-1], self.texts.starts[1:]
        fitting = _between(_running(is_written[rows, numbers]), starts, ends)
        found = share(fitting, _between(_running(numbers > 0), starts, ends))
        return np.where([name == "" for name in names], 1.0, found)


def prose_of(texts: Sequence[str]) -> Prose:
    """Measure ``texts``."""
    whole = texts_of(texts)
    lowered = Texts(_lowered()[whole.codes], whole.starts)
    words = words_of(lowered)
    flags, kinds = flag_table()[lowered.codes], kind_table()[lowered.codes]
    letters = _running((kinds == LETTER) | (kinds == MARK))
    digits = _running((flags & IS_DIGIT) > 0)
    printed = _running((flags & IS_SPACE) == 0)
    code = _running(_is_code(lowered.codes))
    lengths = words.ends - words.starts
    unspaced = (words.flags & UNSPACED) > 0
    has_letter = unspaced | ((words.flags & ALPHABETIC) > 0)
    is_word = (
        has_letter
        & (unspaced | (lengths <= MAX_WORD_CHARACTERS))
        & (lengths - _between(letters, words.starts, words.ends) <= MAX_OTHERS)
        & (_between(digits, words.starts, words.ends) == 0)
    )
    in_words, in_all = (_running(lengths * each)[words.firsts] for each in (is_word, has_letter))
    starts, ends = lowered.starts[:-1], lowered.starts[1:]
    return Prose(
        share(np.diff(in_words), np.diff(in_all)),
        share(_between(code, starts, ends), _between(printed, starts, ends)),
        np.diff(_running(has_letter)[words.firsts]),
        lowered,
        words,
    )


@cache
def frequent_words() -> dict[str, tuple[str, ...]]:
    """The table: language key -> its words, the most frequent first."""
    return {row["language"]: tuple(row["words"].split()) for row in _rows()}


@cache
def taken_for() -> dict[str, tuple[str, ...]]:
    """Language key -> those of the languages that are taken for it."""
    return {row["language"]: tuple(row["taken_for"].split()) for row in _rows() if row["taken_for"]}


def _rows() -> list[dict[str, str]]:
    table = resources.files("bedstone.corpus").joinpath("frequent_words.tsv").read_text("utf-8")
    return list(csv.DictReader(table.splitlines(), delimiter="\t"))


@cache
def _lists() -> StopWords:
    return StopWords(frequent_words())


def _is_code(codes: Codes) -> NDArray[np.bool_]:
    """Of ``CODE``, a parenthesis that follows a name, a colon or comma that follows a string."""
    kinds = _code_kinds()[codes]
    before = np.concatenate(([0], kinds[:-1]))
    is_call = (kinds == PARENTHESIS) & (before == LETTER_OR_DIGIT)
    is_item = (kinds == COLON_OR_COMMA) & (before == QUOTE)
    found: NDArray[np.bool_] = (kinds == ALWAYS_CODE) | is_call | is_item
    return found


@cache
def _code_kinds() -> NDArray[np.uint8]:
    table = np.zeros(0x110000, np.uint8)
    table[(kind_table() == LETTER) | (kind_table() == NUMBER)] = LETTER_OR_DIGIT
    kinds = {CODE: ALWAYS_CODE, "(": PARENTHESIS, "\"'": QUOTE, ":,": COLON_OR_COMMA}
    for characters, kind in kinds.items():
        table[list(map(ord, characters))] = kind
    return table


@cache
def _lowered() -> Codes:
    """The small letter of each code point; a space for controls and for what is no character."""
    table = lower_table().copy()
    table[kind_table() == SPACE] = 0x20
    table[0xFDD0:0xFDF0] = 0x20
    table[0xFFFE::0x10000] = table[0xFFFF::0x10000] = 0x20
    return table


def _running(values: NDArray[np.bool_] | Indices) -> Shares:
    """Sums of all before each place, and of all."""
    return np.concatenate(([0.0], np.cumsum(values, dtype=np.float64)))


def _between(running: Shares, starts: Indices, ends: Indices) -> Shares:
    return running[ends] - running[starts]
