"""The language of each text: what an identifier says of it, and a second look at that.

A text gets one language key, or ``mul`` if several languages share it, or ``und`` if it cannot be
told. Of a long text, pieces evenly spread over it are looked at first. Where nearly all of them is
in one language, so is the text; else an identifier that takes a text whole is given all of it.

The second look asks what no identifier asks itself.

* Is it prose? Code, base64 and the like are ``und``, whatever language was found in them.
* Is it in the language's script? If hardly a letter is, it is ``und``.
* Is it a language that the identifier does not know and takes for another, Western Panjabi for
  Urdu? If that one's frequent words are much more often in the text, and in enough words that it
  is no chance, it is chosen.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bedstone.corpus.identification.identifiers import Found, Identifier
from bedstone.corpus.identification.prose import Prose, Shares, prose_of, taken_for
from bedstone.languages import MIXED, UNKNOWN

PIECES = 8
PIECE_CHARACTERS = 200
"""Of a long text, what is looked at first."""
LONG_CHARACTERS = 2_000
"""From here on, pieces are so much shorter than the text that looking twice pays."""
TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
"""Markup that was left in a text is in no language."""
SURE_SHARE = 0.95
"""Of the pieces, in one language, that spares looking at the whole text.

Our choice: of 30,125 web pages in over 100 languages (Debian's documentation and MediaWiki's
messages) all but 0.2 % get the key that the whole text would get; the others are often in Croatian,
Bosnian or Serbian."""
MAX_CODE_SHARE = 0.03
MIN_WORD_SHARE = 0.5
"""Of the characters, as ``prose`` counts them. Our choice: of pieces of 2,000 characters of
programs nine in ten fail, and all base64; of 90,000 texts in 680 languages five in a thousand."""
MIN_SCRIPT_SHARE = 0.3
"""Of the letters, in the script of the key. Identifiers count bytes, and a letter of Devanagari has
three."""
RIVAL_RATIO = 1.5
"""So many times as often must the words of a language be in a text that is taken for another: what
is frequent must lose hardly any text, or what is rare would be full of it."""
RIVAL_DEVIATIONS = 2.0
"""And so many standard deviations of the difference, as counts have them: few words tell little.
Chosen by ``benchmarks/identification.py --second-look``."""
BATCH_TEXTS = 256
"""Looked at together: enough to be fast, few enough for the processor's cache."""


@dataclass(frozen=True, slots=True)
class Identified:
    """A text's language."""

    language: str
    score: float
    """The share of what was looked at that is in that language, as far as the identifier is sure;
    for ``mul`` in the most frequent one; 0 for ``und``."""
    reliable: bool
    """The identifier's word."""
    own_words: float | None = None
    """The share of the words that are frequent in the language; None where none are known."""


def identify(
    texts: Sequence[str], identifier: Identifier, min_bytes: int, min_share: float
) -> Iterator[Identified]:
    """The language of each text, in their order; they are to be in Unicode's form NFC.

    ``und`` if the identifier is not sure, finds fewer than ``min_bytes`` of text, or names no
    language that has an ISO 639-3 code. ``mul`` if no language has ``min_share`` of the text, but
    those that were found have it together.
    """
    for start in range(0, len(texts), BATCH_TEXTS):
        found, looked_at = [], []
        for text in texts[start : start + BATCH_TEXTS]:
            document, pieces = _first_look(text, identifier, min_bytes, min_share)
            found.append(document)
            looked_at.append("\n".join(pieces))
        yield from _second_look(looked_at, found)


def _pieces(text: str, identifier: Identifier) -> list[str]:
    if len(text) >= LONG_CHARACTERS:
        gap = (len(text) - PIECE_CHARACTERS) / (PIECES - 1)
        starts = [round(number * gap) for number in range(PIECES)]
    elif identifier.takes_whole:
        return [text]
    else:
        starts = list(range(0, max(len(text), 1), PIECE_CHARACTERS))
    return [text[start : start + PIECE_CHARACTERS] for start in starts]


def _first_look(
    text: str, identifier: Identifier, min_bytes: int, min_share: float
) -> tuple[Identified, list[str]]:
    """What the identifier says, and the pieces of the text that it was given."""
    if "<" in text:
        text = TAG.sub(" ", text)
    pieces = _pieces(text, identifier)
    if len(text) >= LONG_CHARACTERS and identifier.takes_whole:
        sure = _decided(identifier.find(pieces), min_bytes, max(min_share, SURE_SHARE))
        if sure.language not in (UNKNOWN, MIXED):
            return sure, pieces
        pieces = [text]
    return _decided(identifier.find(pieces), min_bytes, min_share), pieces


def _decided(found: Found, min_bytes: int, min_share: float) -> Identified:
    if not found.reliable or found.bytes < min_bytes or not found.shares:
        return Identified(UNKNOWN, 0.0, found.reliable)
    key, share = max(found.shares.items(), key=lambda item: item[1])
    if share >= min_share:
        return Identified(key, share, reliable=True)
    if sum(found.shares.values()) >= min_share:
        return Identified(MIXED, share, reliable=True)
    return Identified(UNKNOWN, 0.0, reliable=True)


def _second_look(texts: list[str], found: list[Identified]) -> Iterator[Identified]:
    prose = prose_of(texts)
    keys, own_words = _told_apart([it.language for it in found], prose)
    is_prose = prose.code_characters <= MAX_CODE_SHARE
    is_prose &= prose.word_characters >= MIN_WORD_SHARE
    is_prose &= prose.script_share(keys) >= MIN_SCRIPT_SHARE
    for first, key, is_kept, own in zip(found, keys, is_prose, own_words, strict=True):
        if first.language == UNKNOWN or not is_kept:
            yield Identified(UNKNOWN, 0.0, first.reliable)
        else:
            yield replace(first, language=key, own_words=None if np.isnan(own) else float(own))


def _told_apart(keys: list[str], prose: Prose) -> tuple[list[str], Shares]:
    """The keys, or those of languages that are taken for them, by whose words there are more of.

    Returns:
        The keys, and for each of them ``own_words``.
    """
    rivals = [taken_for().get(key, ()) for key in keys]
    chosen, own_words = list(keys), prose.own_words(keys)
    own = np.nan_to_num(own_words)
    most = own.copy()
    for place in range(max(map(len, rivals))):
        others = [each[place] if place < len(each) else UNKNOWN for each in rivals]
        shares = np.nan_to_num(prose.own_words(others))
        is_chosen = is_rather(shares, own, prose.lettered_words) & (shares > most)
        for text in np.flatnonzero(is_chosen).tolist():
            chosen[text], most[text] = others[text], shares[text]
            own_words[text] = shares[text]
    return chosen, own_words


def is_rather(rival: Shares, own: Shares, words: Shares) -> NDArray[np.bool_]:
    """Whether texts are rather in the language that is taken for the one that was found.

    Args:
        rival: of each text's ``words``, the share that is frequent in that language.
        own: the share that is frequent in the one that was found.
        words: their number.
    """
    deviation = np.sqrt((rival + own) * words)
    return (rival > RIVAL_RATIO * own) & ((rival - own) * words > RIVAL_DEVIATIONS * deviation)
