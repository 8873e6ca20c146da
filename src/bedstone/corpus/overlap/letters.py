"""Letters: what is left of a text when its looks do not count.

Letters, marks and numbers (Unicode's L, M and N) of NFKC and case folding; no spaces, punctuation,
symbols or joiners. Marks stay: without them a fifth of a Hindi text is gone, and other words look
alike.

Differs: a document is looked up a character at a time, in a table, so a letter and a mark that only
NFKC makes one (half-width katakana with its voicing mark) stay two. Documents are NFC.
"""

from functools import cache
from typing import NamedTuple
from unicodedata import category, normalize

import numpy as np

from bedstone.text.characters import (
    IS_LETTER,
    IS_MARK,
    IS_NUMBER,
    LETTERS_PER_WORD,
    bounds,
    flag_table,
    script_table,
    scripts,
)
from bedstone.text.codes import Codes

SPACELESS, SEVERAL = 1 << 31, 1 << 30
"""Of an entry: the script puts no space between words; it is a place among ``parts``."""
LENGTH_BITS = 5
IGNORED = "034F 115F-1160 17B4-17B5 180B-180F 3164 FE00-FE0F FFA0 E0100-E01EF"
"""Letters and marks that show nothing. Source: Unicode 14.0, Default_Ignorable_Code_Point."""
AS_THEY_ARE = "3400-4DBF 4E00-9FFF AC00-D7A3 20000-2EBE0 30000-3134A"
"""Ideographs and Hangul, which folding leaves alone: they need not be looked at one by one."""


class Folding(NamedTuple):
    """What each code point is folded to."""

    table: Codes
    """0 for none, a code point, or with ``SEVERAL`` where its parts begin and how many they are."""
    parts: Codes


def letters_of(text: str) -> str:
    """The letters of a text."""
    return "".join(words_of(text))


def words_of(text: str) -> list[str]:
    """The same, parted where something else stands between them."""
    folded = normalize("NFKC", normalize("NFKC", text).casefold())
    return "".join(_part(each) for each in folded).split()


def _part(character: str) -> str:
    kind = category(character)
    if kind == "Cf" or character in _ignored():
        return ""
    return character if kind[0] in "LMN" else " "


@cache
def folding() -> Folding:
    """The table of all code points."""
    is_letter = (flag_table() & (IS_LETTER | IS_MARK | IS_NUMBER)) != 0
    table = np.where(is_letter, np.arange(0x110000, dtype=np.uint32), np.uint32(0))
    simple = np.zeros(0x110000, np.bool_)
    for first, last in bounds(AS_THEY_ARE):
        simple[first:last] = True
    simple[0xE0200:] = True  # no letter is behind it
    simple[0xD800:0xE000] = True
    no_spaces = np.array([name in LETTERS_PER_WORD for name in scripts()])
    spaceless = np.where(no_spaces[script_table()], np.uint32(SPACELESS), np.uint32(0))
    table |= np.where(table > 0, spaceless, np.uint32(0))
    parts: list[int] = []
    for code in np.flatnonzero(~simple).tolist():
        character = chr(code)
        if not is_letter[code] and normalize("NFKC", character) == character:
            continue
        codes = [ord(each) for each in letters_of(character)]
        known = [each | int(spaceless[each]) for each in codes]
        if len(known) < 2:
            table[code] = known[0] if known else 0
        else:
            table[code] = SEVERAL | len(parts) << LENGTH_BITS | len(known)
            parts += known
    return Folding(table, np.array(parts, np.uint32))


@cache
def _ignored() -> frozenset[str]:
    return frozenset(chr(code) for first, last in bounds(IGNORED) for code in range(first, last))
