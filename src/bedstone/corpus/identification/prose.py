"""Is it running text, and are its words those of a language? What an identifier does not ask.

An identifier names a language for whatever it is given: program code, base64, a language that it
has never seen. Some shares tell such texts. They are measured here; who reads them decides.

The table ``frequent_words.tsv`` has, of each language key, its most frequent words, in small
letters without accents, that are not as frequent in English (of scripts without spaces, its
letters), and the keys of languages that are ``taken_for`` it by identifiers that do not know them.
Source: our counts over half of MediaWiki's messages, GNOME's help, Debian's documentation and the
Universal Declaration of Human Rights, by ``benchmarks/identification.py``.

Accents of Latin letters do not matter: news in Yoruba are mostly written without the tones, which
the declaration has throughout.

Source: Penedo et al. 2025 (FineWeb2), arXiv:2506.20920, for asking a text for its language's own
words. Differs: the most frequent words, not those of the highest affinity; their share is measured
where FineWeb2 asks for any.
"""

import csv
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from bedstone.corpus.rules.stop_words import StopWords
from bedstone.languages import split
from bedstone.text.characters import (
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
    scripts,
)
from bedstone.text.codes import Codes, Indices, Texts, texts_of
from bedstone.text.hashing import Hashes, share
from bedstone.text.kernel import kernel
from bedstone.text.word_kernels import Flags
from bedstone.text.words import ALPHABETIC, UNSPACED, Words, words_of

Shares = NDArray[np.float64]

MAX_WORD_CHARACTERS = 30
"""A longer run of letters without a space is no word, unless its script has no spaces."""
MAX_OTHERS = 2
"""Characters of a word that are no letters: an apostrophe, a hyphen."""
CODE = r"_\<>{}[]=+*&^%$#@|~`;"
"""What stands in code and markup, and hardly in prose."""
ACCENTS, DROPPED = (0x300, 0x370), np.uint32(0)
"""The combining accents, and what stands for them until they are left out."""
(
    IS_PRINTED,
    ALWAYS_CODE,
    PARENTHESIS,
    LETTER_OR_NUMBER,
    QUOTE,
    COLON_OR_COMMA,
    LETTER_OR_MARK,
    DIGIT,
) = (np.uint8(1 << bit) for bit in range(8))


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
    letters: Indices
    """Of each text a row: the number of its letters in each script, by ``script_table``."""
    words: Words

    def own_words(self, languages: Sequence[str]) -> Shares:
        """Of each text's words, the share of those that are frequent in its language.

        Not a number where no frequent words of the language are known.

        Args:
            languages: the key of each text.
        """
        lists, counts = _lists(), np.zeros(len(languages))
        numbers = lists.numbers_of(languages)
        _count_listed(
            self.words.firsts, self.words.hashes, numbers, lists.bounds, lists.slots, counts
        )
        return np.where(numbers >= 0, share(counts, self.lettered_words), np.nan)

    def script_share(self, languages: Sequence[str]) -> Shares:
        """Of each text's letters, the share of those in the script of its language.

        0 without a letter; 1 where the key has no script.

        Args:
            languages: the key of each text.
        """
        names = [split(key)[1] for key in languages]
        row_of = {name: row for row, name in enumerate(dict.fromkeys(names))}
        is_written = np.array([is_written_with(name) for name in row_of])
        rows = np.array([row_of[name] for name in names])
        fitting = (self.letters * is_written[rows]).sum(axis=1).astype(np.float64)
        letters = self.letters[:, 1:].sum(axis=1).astype(np.float64)
        return np.where([name == "" for name in names], 1.0, share(fitting, letters))


def prose_of(texts: Sequence[str]) -> Prose:
    """Measure ``texts``."""
    whole = plain(texts)
    words = words_of(whole)
    found, letters = np.zeros((len(texts), 5)), np.zeros((len(texts), len(scripts())), np.int64)
    _count(
        whole.codes,
        whole.starts,
        (words.firsts, words.starts, words.ends),
        words.flags,
        _bits(),
        script_table(),
        found,
        letters,
    )
    code, printed, in_words, in_all, lettered = found.T
    shares = share(in_words, in_all), share(code, printed)
    return Prose(*shares, lettered.copy(), letters, words)


def plain(texts: Sequence[str]) -> Texts:
    """``texts`` in small letters, Latin ones without accents."""
    whole = texts_of(texts)
    starts = np.zeros(len(whole.starts), np.int64)
    return Texts(_made_plain(whole.codes, whole.starts, _plain(), starts), starts)


@kernel
def _made_plain(codes: Codes, starts: Indices, table: Codes, new_starts: Indices) -> Codes:
    """What is left of the code points; ``new_starts`` are set to where its texts begin."""
    made, length = np.empty(len(codes), np.uint32), 0
    for text in range(len(starts) - 1):
        for place in range(starts[text], starts[text + 1]):
            code = table[codes[place]]
            if code != DROPPED:
                made[length] = code
                length += 1
        new_starts[text + 1] = length
    return made[:length]


@kernel
def _count(
    codes: Codes,
    starts: Indices,
    words: tuple[Indices, Indices, Indices],
    flags: Flags,
    bits: NDArray[np.uint8],
    scripts: NDArray[np.uint8],
    found: Shares,
    letters: Indices,
) -> None:
    """Of each text: code characters, those printed, those in words, in all with a letter, these.

    And what is in each script.
    """
    firsts, word_starts, word_ends = words
    for text in range(len(found)):
        code, printed = 0, 0
        before = np.uint8(0)
        for place in range(starts[text], starts[text + 1]):
            kind = bits[codes[place]]
            letters[text, scripts[codes[place]]] += 1
            printed += int((kind & IS_PRINTED) != 0)
            code += int(
                (kind & ALWAYS_CODE) != 0
                or ((kind & PARENTHESIS) != 0 and (before & LETTER_OR_NUMBER) != 0)
                or ((kind & COLON_OR_COMMA) != 0 and (before & QUOTE) != 0)
            )
            before = kind
        in_words, in_all, lettered = 0, 0, 0
        for word in range(firsts[text], firsts[text + 1]):
            if (flags[word] & (ALPHABETIC | UNSPACED)) == 0:
                continue
            length = word_ends[word] - word_starts[word]
            others, digits = 0, 0
            for place in range(word_starts[word], word_ends[word]):
                others += int((bits[codes[place]] & LETTER_OR_MARK) == 0)
                digits += int((bits[codes[place]] & DIGIT) != 0)
            is_short = (flags[word] & UNSPACED) != 0 or length <= MAX_WORD_CHARACTERS
            in_words += length * int(is_short and others <= MAX_OTHERS and digits == 0)
            in_all += length
            lettered += 1
        values = found[text]
        values[0], values[1], values[2], values[3] = code, printed, in_words, in_all
        values[4] = lettered


@kernel
def _count_listed(
    firsts: Indices,
    hashes: Hashes,
    list_numbers: Indices,
    bounds: Indices,
    slots: Hashes,
    counts: Shares,
) -> None:
    """Of each text that has a list: its words that are in the list."""
    for text in range(len(counts)):
        if list_numbers[text] < 0:
            continue
        base = bounds[list_numbers[text]]
        mask = bounds[list_numbers[text] + 1] - base - 1
        for word in range(firsts[text], firsts[text + 1]):
            slot = np.int64(hashes[word] & np.uint64(mask))
            while slots[base + slot] and slots[base + slot] != hashes[word]:
                slot = (slot + 1) & mask
            counts[text] += slots[base + slot] != 0


@cache
def frequent_words() -> dict[str, tuple[str, ...]]:
    """The table: language key -> its words, the most frequent first."""
    return {row["language"]: tuple(row["words"].split()) for row in _rows()}


@cache
def taken_for() -> dict[str, tuple[str, ...]]:
    """Language key -> those of the languages that are taken for it."""
    return {row["language"]: tuple(row["taken_for"].split()) for row in _rows() if row["taken_for"]}


def _rows() -> list[dict[str, str]]:
    table = (
        resources.files("bedstone.corpus.identification")
        .joinpath("frequent_words.tsv")
        .read_text("utf-8")
    )
    return list(csv.DictReader(table.splitlines(), delimiter="\t"))


@cache
def _lists() -> StopWords:
    return StopWords(frequent_words())


@cache
def _bits() -> NDArray[np.uint8]:
    """What each code point is."""
    flags, kinds = flag_table(), kind_table()
    table = np.zeros(0x110000, np.uint8)
    named = {CODE: ALWAYS_CODE, "(": PARENTHESIS, "\"'": QUOTE, ":,": COLON_OR_COMMA}
    for characters, bit in named.items():
        table[list(map(ord, characters))] = bit
    conditions = {
        IS_PRINTED: (flags & IS_SPACE) == 0,
        LETTER_OR_NUMBER: (kinds == LETTER) | (kinds == NUMBER),
        LETTER_OR_MARK: (kinds == LETTER) | (kinds == MARK),
        DIGIT: (flags & IS_DIGIT) > 0,
    }
    for bit, condition in conditions.items():
        table[condition] |= bit
    return table


@cache
def _plain() -> Codes:
    """What each code point becomes: a space for controls and for what is no character."""
    table = lower_table().copy()
    for code in np.flatnonzero(script_table() == scripts().index("Latn")).tolist():
        table[code] = ord(unicodedata.normalize("NFD", chr(table[code]))[0])
    table[slice(*ACCENTS)] = DROPPED
    table[kind_table() == SPACE] = 0x20
    table[0xFDD0:0xFDF0] = 0x20
    table[0xFFFE::0x10000] = table[0xFFFF::0x10000] = 0x20
    return table
