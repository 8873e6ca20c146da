"""The language of a text, by CLD2: what Common Crawl's own statistics use.

CLD2 returns up to three languages with their shares of the text. Here a text gets one language
key, or ``mul`` if several share it, or ``und`` if it cannot be told.
"""

import re
from dataclasses import dataclass

import pycld2

from bedstone.corpus.characters import script_of
from bedstone.languages import MIXED, UNKNOWN, by_cld2

REFUSED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(17))
    + "]"
)
"""What pycld2 takes for invalid UTF-8: controls, surrogates, and code points that are no
characters."""
CHOSEN_BY_CODE = {"zh": "Hans", "zh-Hant": "Hant"}
"""Where CLD2 tells apart what the letters' script does not."""


@dataclass(frozen=True, slots=True)
class Identified:
    """A text's language."""

    language: str
    score: float
    """Share of the text in that language; for ``mul`` in the most frequent one; 0 for ``und``."""
    reliable: bool
    """CLD2's word."""


def language_of(text: str, min_bytes: int, min_share: float) -> Identified:
    """The language of ``text``.

    ``und`` if CLD2 is not sure, finds fewer than ``min_bytes`` of text, or names a language that
    has no ISO 639-3 code. ``mul`` if no language has ``min_share`` of the text, but the two or
    three that were found have it together.
    """
    reliable, found_bytes, details = pycld2.detect(REFUSED.sub(" ", text), isPlainText=True)
    shares = [(code, percent / 100) for _, code, percent, _ in details if code in by_cld2()]
    if not reliable or found_bytes < min_bytes or not shares:
        return Identified(UNKNOWN, 0.0, bool(reliable))
    code, share = max(shares, key=lambda found: found[1])
    if share >= min_share:
        return Identified(_key(code, text), share, reliable=True)
    if sum(share for _, share in shares) >= min_share:
        return Identified(MIXED, share, reliable=True)
    return Identified(UNKNOWN, 0.0, reliable=True)


def _key(code: str, text: str) -> str:
    language = by_cld2()[code]
    script = CHOSEN_BY_CODE.get(code) or script_of(text, language.scripts)
    return f"{language.code}_{script}"
