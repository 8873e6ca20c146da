"""Digits, signs and spaces of all scripts as ASCII's, each character in its own place.

So a pattern is written once, and a place in what is folded is that place in the text.
"""

import re
import unicodedata
from functools import cache

import numpy as np

from bedstone.text.characters import IS_DIGIT, flag_table

SPACES = "\u00a0\u2000-\u200a\u202f\u205f\u3000\t"
HYPHENS = "\u00ad\u2010-\u2015\u2212\ufe58\ufe63"
FULL_WIDTH = range(0xFF01, 0xFF5F)
"""ASCII's signs as wide as a Chinese character, in ASCII's order."""

ZEROS = {
    "Arab": 0x6F0,
    "Beng": 0x9E6,
    "Deva": 0x966,
    "Gujr": 0xAE6,
    "Guru": 0xA66,
    "Khmr": 0x17E0,
    "Knda": 0xCE6,
    "Laoo": 0xED0,
    "Mlym": 0xD66,
    "Mymr": 0x1040,
    "Orya": 0xB66,
    "Taml": 0xBE6,
    "Telu": 0xC66,
    "Thai": 0xE50,
}
"""Of scripts that are written with digits of their own; for Arabic's, those of Urdu and Persian."""


def folded(text: str) -> str:
    """``text`` with ASCII's digits, hyphens and spaces in place of others; as long as it was."""
    if text.isascii():
        return text
    return _foreign().sub(lambda each: _ascii(each[0]), text)


def native_digits(script: str) -> str:
    """The ten digits that a script has of its own, by ISO 15924; ASCII's if it has none."""
    zero = ZEROS.get(script, 0x30)
    return "".join(map(chr, range(zero, zero + 10)))


@cache
def _foreign() -> re.Pattern[str]:
    # One class of all that is folded below U+10000, where the search takes a look at a table; above
    # are few characters, of which each is looked at by itself.
    digits = np.flatnonzero(flag_table()[:0x10000] & IS_DIGIT)
    wide = f"{chr(FULL_WIDTH.start)}-{chr(FULL_WIDTH.stop - 1)}"
    low = "".join(map(chr, digits[digits > 0x7F]))
    return re.compile(f"[{SPACES}{HYPHENS}{wide}{low}\U00010000-\U0010ffff]")


@cache
def _ascii(character: str) -> str:
    if ord(character) in FULL_WIDTH:
        return chr(ord(character) - FULL_WIDTH.start + ord("!"))
    value = unicodedata.decimal(character, None)
    if value is not None:
        return str(value)
    if ord(character) > 0xFFFF:
        return character
    return " " if character.isspace() else "-"
