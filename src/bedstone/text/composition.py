"""One spelling for each character: a letter and its marks are one code point where there is one.

Otherwise a word that two keyboards write is two strings, and gives two lists of tokens.
"""

import re
from unicodedata import combining, is_normalized, normalize

MAX_MARKS = 30
"""In a row. Source: UAX #15, section 13; no language comes near."""
JOINER = "\u034f"
"""Parts a longer row, of which it leaves the looks. Source: the same."""
LONG_ROW = re.compile(rf"[^\w\s\0-\x7f]{{{MAX_MARKS + 1},}}")
"""Where one may be: marks are neither letters nor spaces."""


def composed(text: str) -> str:
    """``text`` in Unicode's form NFC, in which all text is kept.

    What a reader tells apart stays apart: joiners, wide and narrow letters, superscripts. Endless
    rows of marks are parted, for to put marks in order takes the square of their number.
    """
    if text.isascii():
        return text
    if any(map(combining, text[::MAX_MARKS])):
        text = LONG_ROW.sub(_parted, text)
    return text if is_normalized("NFC", text) else normalize("NFC", text)


def _parted(found: re.Match[str]) -> str:
    characters, marks = [], 0
    for character in found[0]:
        marks = marks + 1 if combining(character) else 0
        if marks > MAX_MARKS:
            characters.append(JOINER)
            marks = 1
        characters.append(character)
    return "".join(characters)
