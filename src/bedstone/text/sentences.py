"""Where sentences end, and in which script they are, for any script.

Source: Unicode, property Sentence_Terminal, for the scripts of most pages of the web.
Differs: an ellipsis and the Tibetan shad end a sentence too. A full stop after an abbreviation
is not told from one after a sentence.
"""

import re

from bedstone.text.characters import COMPOSED, script_of

SPACED = (
    ".!?…"  # Latin, Greek, Cyrillic, Hebrew; the Greek question mark is a semicolon elsewhere
    "।॥"  # Devanagari and the other scripts of India
    "۔؟"  # Arabic, Urdu
    "։"  # Armenian
    "።፧፨"  # Ethiopic
    "၊။"  # Burmese
    "។៕"  # Khmer
    "།༎"  # Tibetan
    "᠃᠉"  # Mongolian
)
"""Marks after which white space follows where a sentence ends: ``3.14`` ends none."""
UNSPACED = "。！？．｡"  # Chinese, Japanese
CLOSING = "\"'*_)]}»«”“’‘›‹」』】）》〉"
"""May stand between the mark and the end; which quote closes depends on the language."""
NO_SCRIPT = "Zyyy"
"""ISO 15924's name for what is common to all scripts."""

_AFTER = rf"(?:\s*[{re.escape(CLOSING)}])*"
_END = re.compile(rf"[{re.escape(UNSPACED)}]{_AFTER}|[{re.escape(SPACED)}]{_AFTER}(?=\s|$)")


def ends_as_sentence(text: str) -> bool:
    """Whether the last sign is a sentence's end, closing quotes and brackets left aside.

    There must be a letter or digit before it: a mark alone is no sentence.
    """
    return bool(text.strip()) and whole_sentences(text) == text.strip()


def whole_sentences(text: str, max_characters: int | None = None) -> str:
    """The longest beginning of ``text`` that ends as a sentence; empty if none does.

    Args:
        text: white space around it does not count.
        max_characters: none is longer than so many.
    """
    text = text.strip()
    limit = len(text) if max_characters is None else max_characters
    ends = [end for end in sentence_ends(text) if end <= limit]
    sentences = text[: ends[-1]] if ends else ""
    return sentences if any(map(str.isalnum, sentences)) else ""


def sentence_ends(text: str) -> list[int]:
    """How many characters stand before each end of a sentence, what closes it included."""
    return [found.end() for found in _END.finditer(text)]


def script(text: str) -> str | None:
    """The script of most of the text's letters; None without letters.

    The three scripts of Japanese count as ``Hani``. A script tells languages apart only where
    theirs differ.
    """
    name = script_of(text)
    return "Hani" if name in COMPOSED["Jpan"] else None if name == NO_SCRIPT else name
