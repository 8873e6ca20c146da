"""Words of texts: whole batches of them, found in one go.

What stands between white space is cut further:

1. A special word has parts of its own (``do n't``, ``10 a.m.``) or stays whole (``e.g.``, ``:-)``).
   They are in ``special_words.txt``, a word a line with spaces between its parts; one with ``'``
   holds for ``’`` too.
2. Punctuation, quotes, dots in a row, pictures such as emoji and, in front of a number, currency
   signs are words of their own at the start; likewise at the end, with ``'s``, units and currency
   signs behind a number, and a dot unless it follows a single capital.
3. A URL, a host or an address of mail stays whole.
4. Within the rest, dots in a row, pictures, hyphens before a letter, ``: < > = /`` and a comma
   between letters, a dot between a small letter and a capital, and signs of reckoning between
   digits are words of their own.
5. A special word that these rules have cut is put together again.

All languages have the same rules, over Unicode's classes; marks and joiners go with the letter
that they stand on. In scripts without spaces between words each letter with its marks is a word,
and counts as the share of a word that ``characters.LETTERS_PER_WORD`` says; all punctuation
around it is divided from it. The dots that divide words in Tibetan and Ethiopic end a word and
are part of it.

Source: the English tokenizer of spaCy 3.8, which datatrove 0.10 uses: rules, lists and order.
Differs: letters are Unicode's, not spaCy's list of scripts; the marks of ``TERMINAL`` are
punctuation. Where several special words overlap, the first counts, not the longest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import accumulate, chain

import numpy as np
from numpy.typing import NDArray

from bedstone.text import characters
from bedstone.text import word_kernels as kernels
from bedstone.text.characters import bounds, flag_table
from bedstone.text.codes import Codes, Indices, Texts, texts_of
from bedstone.text.word_kernels import (
    AFTER_BREAK,
    ALPHABETIC,
    IS_PUNCTUATION,
    SENTENCE_END,
    SYMBOL,
    UNSPACED,
    Flags,
    Hashes,
)

__all__ = [
    "AFTER_BREAK",
    "ALPHABETIC",
    "IS_PUNCTUATION",
    "SENTENCE_END",
    "SYMBOL",
    "UNSPACED",
    "Words",
    "given_words",
    "spaced_words_of",
    "word_hash",
    "words_of",
]

QUOTES = (
    "0022 0027 002C 0060 00AB 00B4 00BB 2018-201A 201C-201E 2329-232A 27E6-27E7 3008-3011 "
    "3014-3015 FF08-FF09"
)
MARKS = (
    "0021 0023 0026 0028-002A 002C 003A-003C 003E-003F 005B 005D 005F 007B 007D 00A1 00B7 00BF "
    "060C 061B 061F 066A 06D4 0964 2026 3001-3002 FF01 FF0C FF1A-FF1B FF1F FF5E"
)
CURRENCIES = "0024 00A3 00A5 0E3F 20A0-20BF FDFC"
DASHES = "2013-2014"
"""These four: spaCy 3.8, ``lang/char_classes.py``."""
DIVIDERS = "0F0B-0F0C 1361"
"""The tsheg of Tibetan and the word space of Ethiopic."""
UNITS = (
    "km km² km³ m m² m³ dm dm² dm³ cm cm² cm³ mm mm² mm³ ha µm nm yd in ft kg g mg µg t lb oz "
    "m/s km/h kmh mph hPa Pa mbar mb MB kb KB gb GB tb TB T G M K % км км² км³ м м² м³ дм дм² "
    "дм³ см см² см³ мм мм² мм³ нм кг г мг м/с км/ч кПа Па мбар Кб КБ кб Мб МБ мб Гб ГБ гб Тб ТБ "
    "тб كم كم² كم³ م م² م³ سم سم² سم³ مم مم² مم³ غرام جرام جم كغ ملغ كوب اكواب"
)
"""Divided from the number before them. Source: spaCy 3.8, ``lang/char_classes.py``."""


MODULUS = 1 << 64


@dataclass(frozen=True, slots=True)
class Words:
    """The words of several texts, in their order."""

    firsts: Indices
    """Of text ``i``: the words ``firsts[i]:firsts[i + 1]``."""
    starts: Indices
    """Positions in ``Texts.codes``."""
    ends: Indices
    """Behind the last character."""
    hashes: Hashes
    """Equal for equal words."""
    flags: Flags
    """Bits.

    ``ALPHABETIC``: has a letter. ``SYMBOL``: only characters of ``characters.PUNCTUATION``.
    ``SENTENCE_END``: is one of ``characters.SENTENCE_MARKS``. ``IS_PUNCTUATION``: only characters
    of a category P. ``UNSPACED``: a letter of a script without spaces, or between white space
    something with such letters. ``AFTER_BREAK``: more than a space stands before it.
    """
    weights: NDArray[np.float64]
    """What each counts as in words: 1, or a letter's share in a script without spaces."""


def words_of(texts: Texts) -> Words:
    """The words of each text."""
    return _found(texts, is_cut=True)


def spaced_words_of(texts: Texts) -> Words:
    """What stands between white space, with all its punctuation.

    What has letters of a script without spaces counts as the words that they are worth.
    """
    return _found(texts, is_cut=False)


def _found(texts: Texts, *, is_cut: bool) -> Words:
    found = kernels.find_words(texts.codes, texts.starts, _table(), is_cut)
    firsts, starts, ends, hashes, flags = found
    weights, unspaced = np.ones(len(starts)), np.flatnonzero(flags & UNSPACED)
    if is_cut:  # such a word is a letter with its marks
        weights[unspaced] = _worth(texts.codes[starts[unspaced]])
    elif len(unspaced):
        worth = _worth(texts.codes) * ((_table()[texts.codes] & kernels.ALONE) > 0)
        edges = np.stack((starts[unspaced], ends[unspaced]), axis=1).ravel()
        # Each sum by itself: what stands around a word must not change its last digit.
        weights[unspaced] = np.add.reduceat(np.append(worth, 0.0), edges)[::2]
    return Words(firsts, starts, ends, hashes, flags, weights)


def _worth(codes: Codes) -> NDArray[np.float64]:
    """What letters of scripts without spaces count as in words."""
    return characters.words_per_letter()[characters.script_table()[codes]]


def given_words(tokens: Sequence[Sequence[str]]) -> tuple[Texts, Words]:
    """Words that somebody else has found, each of them one word.

    Args:
        tokens: of each text.

    Returns:
        Texts of the words' characters only, and the words.
    """
    firsts = np.fromiter(accumulate(map(len, tokens), initial=0), np.int64, len(tokens) + 1)
    sizes = map(len, chain.from_iterable(tokens))
    bounds = np.fromiter(accumulate(sizes, initial=0), np.int64, firsts[-1] + 1)
    texts, starts, ends = texts_of(["".join(each) for each in tokens]), bounds[:-1], bounds[1:]
    hashes, flags = kernels.describe(texts.codes, starts, ends, _table())
    return texts, Words(firsts, starts, ends, hashes, flags & ~UNSPACED, np.ones(len(starts)))


def word_hash(word: str) -> int:
    """The number that ``word`` has in ``Words.hashes``."""
    value = int(kernels.SEED)
    for code in texts_of([word]).codes.tolist():
        value = (value ^ code) * int(kernels.FACTOR) % MODULUS
    value = (value ^ value >> 32) * int(kernels.SPREAD) % MODULUS
    return value ^ value >> 29


@cache
def special_words() -> dict[str, tuple[str, ...]]:
    """The special words, with their parts."""
    listed = resources.files("bedstone.text").joinpath("special_words.txt").read_text("utf-8")
    lines = chain.from_iterable((line, line.replace("'", "’")) for line in listed.splitlines())
    return {line.replace(" ", ""): tuple(line.split(" ")) for line in lines}


@cache
def _table() -> kernels.Table:
    """All that ``word_kernels`` looks up."""
    special, size = special_words(), int(kernels.PLACES)
    firsts = accumulate((len(each) + 1 for each in special.values()), initial=int(kernels.PARTS))
    named = dict.fromkeys(UNITS.split(), kernels.UNIT) | dict(zip(special, firsts, strict=False))
    keys, meanings = np.zeros(size, np.uint64), np.zeros(size, np.uint64)
    for word, meaning in named.items():
        key = word_hash(word)
        place = key % size
        while keys[place]:
            place = (place + 1) % size
        keys[place], meanings[place] = key, meaning
    parts = chain.from_iterable((*map(len, each), 0) for each in special.values())
    return np.concatenate((_classes(), keys, meanings, np.fromiter(parts, np.uint64)))


def _classes() -> NDArray[np.uint64]:
    """The classes of each code point, as ``word_kernels`` names them."""
    table, flags, kinds = np.zeros(0x110000, np.uint64), flag_table(), characters.kind_table()
    letter, number = flags & characters.IS_LETTER > 0, flags & characters.IS_NUMBER > 0
    # What has no case, a mark too, may stand for both.
    table[letter | (flags & characters.IS_MARK > 0)] = kernels.ALPHA
    table[flags & characters.IS_UPPER > 0] = kernels.UPPER
    table[flags & characters.IS_LOWER > 0] = kernels.LOWER
    table[letter] |= kernels.HAS_LETTER
    alone = characters.words_per_letter()[characters.script_table()] > 0
    conditions = {
        kernels.SPACE: flags & characters.IS_SPACE,
        kernels.DIGIT: flags & characters.IS_DIGIT,
        kernels.PICTURE: flags & characters.IS_PICTURE,
        kernels.OPENS | kernels.CLOSES: flags & (characters.IS_PICTURE | characters.IS_TERMINAL),
        kernels.INSIDE: flags & characters.IS_PICTURE,
        kernels.ENDS: flags & characters.ENDS_SENTENCE,
        kernels.NO_SYMBOL: ~flags & characters.IN_PUNCTUATION,
        kernels.NO_PUNCTUATION: ~flags & characters.IS_CATEGORY_P,
        kernels.SCHEME: letter | number,
        kernels.ALONE: letter & alone,
        kernels.ATTACHED: kinds == characters.MARK,
        kernels.BEFORE_DOT: table & kernels.LOWER | flags & characters.IS_DIGIT,
    }
    for classes, condition in conditions.items():
        table[condition > 0] |= classes
    _add_sets(table)
    return table


def _add_sets(table: NDArray[np.uint64]) -> None:
    """The classes that are lists of characters."""
    table[0x2E] &= ~(kernels.OPENS | kernels.CLOSES)  # a dot has rules of its own
    sets = {
        QUOTES: kernels.QUOTE | kernels.OPENS | kernels.CLOSES | kernels.BEFORE_DOT,
        MARKS: kernels.OPENS | kernels.CLOSES | kernels.BEFORE_DOT,
        DASHES: kernels.OPENS | kernels.CLOSES,
        CURRENCIES: kernels.OPENS | kernels.CURRENCY | kernels.MAY_CLOSE,
        DIVIDERS: kernels.DIVIDER,
        "0025 003D 00A7": kernels.OPENS,
        "0025 002B 002D 007C 00B2": kernels.BEFORE_DOT,
        "002A-002F 003A 003C-003E 005E 007E 2013-2014 2026": kernels.INSIDE,
        "002E": kernels.DOT,
        "002B 002E 0041 0043 0055": kernels.MAY_OPEN,
        "002B 002E 0053 0073": kernels.MAY_CLOSE,
        "0030-0039 0041-005A 0061-007A 00A1-FFFF": kernels.HOST,
        "002B 002D-002E 005F": kernels.SCHEME,
    }
    for ranges, classes in sets.items():
        for first, last in bounds(ranges):
            table[first:last] |= classes
    table[0x2026] &= ~kernels.CLOSES  # two in a row are one
    table[0x2026] |= kernels.MAY_CLOSE
    table[(table & kernels.OPENS) > 0] |= kernels.MAY_OPEN
    table[(table & kernels.CLOSES) > 0] |= kernels.MAY_CLOSE
    for word in chain(UNITS.split(), special_words()):
        table[ord(word[0])] |= np.uint64(1) << (kernels.SIZES + np.uint64(len(word)))
