"""One spelling for each character: a letter and its marks are one code point where there is one.

Otherwise a word that two keyboards write is two strings, and gives two lists of tokens. What is no
character of any text is taken out.
"""

import re
from unicodedata import combining, is_normalized, normalize

MAX_MARKS = 30
"""In a row. Source: UAX #15, section 13; no language comes near."""
JOINER = "\u034f"
"""Parts a longer row, of which it leaves the looks. Source: the same."""
CONTROL = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u202d\u202e\u206a-\u206f\ufdd0-\ufdef\ufeff"
    + "".join(f"{chr(end - 2)}{chr(end - 1)}" for end in range(1 << 16, 18 << 16, 1 << 16))
    + "]"
)
"""Controls but for tabs and line feeds; marks that override the direction of writing, of which no
text has need; marks that Unicode has given up, U+FEFF within a text among them; code points that
are no characters. Marks that embed or isolate writing of another direction and joiners are none:
Arabic, Persian, Hebrew, Indic scripts and emoji have them.

Source: the HTML standard, "Preprocessing the input stream", for what an author may not write;
Unicode 16.0, 23.3 (deprecated), 23.7 (noncharacters), 23.8 (U+FEFF).
"""
PARTING = frozenset("\x0b\x0c\x1c\x1d\x1e\x1f\x85")
"""Controls that part words or lines, in whose place a space is left."""
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


def legible(text: str) -> str:
    """``text`` composed and without what is no character of a text; lines end in line feeds."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return composed(CONTROL.sub(_space, text))


def _space(found: re.Match[str]) -> str:
    return " " if found[0] in PARTING else ""


def _parted(found: re.Match[str]) -> str:
    characters, marks = [], 0
    for character in found[0]:
        marks = marks + 1 if combining(character) else 0
        if marks > MAX_MARKS:
            characters.append(JOINER)
            marks = 1
        characters.append(character)
    return "".join(characters)
