"""Identifiers of languages, behind one interface: what each finds in a text, in our keys.

* ``pycld2``: CLD2, what Common Crawl's own statistics use. It finds up to three languages in one
  text.
* ``py3langid``: py3langid's model, in numpy; one language a text, with a calibrated probability.
* ``fasttext``: any fastText model whose labels are language codes, with or without a script:
  lid.176 (``__label__sw``), GlotLID (``__label__swh_Latn``).

The last two are given a text in pieces: a language's share is that of the pieces, each as far as
the identifier is sure of it.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import pycld2

from bedstone.errors import DataError
from bedstone.languages import UNKNOWN, by_cld2, by_code, join
from bedstone.languages import Identifier as Name
from bedstone.text.characters import script_of

REFUSED = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(17))
    + "]"
)
"""What pycld2 takes for invalid UTF-8: controls, surrogates, and code points that are no
characters."""
CHOSEN_BY_CODE = {"zh": "Hans", "zh-Hant": "Hant"}
"""Where CLD2 tells apart what the letters' script does not."""
LABEL = "__label__"
OF_FASTTEXT = {"als": "gsw"}
"""Codes that models without scripts use for another language than ISO 639-3 does."""
NO_LANGUAGE = "zxx"
"""What py3langid calls text that is in none."""


@dataclass(frozen=True, slots=True)
class Found:
    """What an identifier finds in a text."""

    shares: dict[str, float]
    """Of the text, by language key; what it does not know is left out."""
    bytes: int
    """Of text that it looked at."""
    reliable: bool
    """The identifier's own word, where it has one."""


@dataclass(frozen=True, slots=True)
class Identifier:
    """A way to find languages."""

    find: Callable[[Sequence[str]], Found]
    """Of a text in pieces."""
    takes_whole: bool
    """A text need not be cut; one whose pieces leave a doubt is better given whole."""


def identifier(name: Name, model: Path | None = None) -> Identifier:
    """The identifier called ``name``.

    Args:
        name: see above.
        model: the file of a fastText model.

    Raises:
        DataError: the file is no fastText model.
    """
    if name == "pycld2":
        return Identifier(_cld2, takes_whole=True)
    if name == "py3langid":
        return Identifier(partial(_by_piece, classify=_langid()), takes_whole=False)
    if model is None:
        raise ValueError("the identifier fasttext needs a model")
    return Identifier(partial(_by_piece, classify=_fasttext(model)), takes_whole=False)


def _cld2(pieces: Sequence[str]) -> Found:
    text = "\n".join(pieces)
    try:
        said = pycld2.detect(text, isPlainText=True)
    except (pycld2.error, UnicodeEncodeError):
        said = pycld2.detect(REFUSED.sub(" ", text), isPlainText=True)
    reliable, found_bytes, details = said
    shares = {
        _cld2_key(code, text): percent / 100 for _, code, percent, _ in details if code in by_cld2()
    }
    return Found(shares, found_bytes, bool(reliable))


def _cld2_key(code: str, text: str) -> str:
    language = by_cld2()[code]
    return join(language.code, CHOSEN_BY_CODE.get(code) or _script(text, language.scripts))


def _script(text: str, among: tuple[str, ...]) -> str:
    """The one of the scripts that a language is written in which most letters are of.

    The first, if there are letters of none: a language is never given another script, so a text
    that has hardly a letter of the key's script shows that the key is wrong.
    """
    if len(among) == 1:
        return among[0]
    found = script_of(text, among)
    return found if found in among else among[0]


def _by_piece(pieces: Sequence[str], classify: Callable[[str], tuple[str, float]]) -> Found:
    """Each piece's language, weighed by its bytes and by how sure ``classify`` is."""
    shares: dict[str, float] = defaultdict(float)
    sizes = [len(piece.encode("utf-8", "replace")) for piece in pieces]
    for piece, size in zip(pieces, sizes, strict=True):
        if size:
            key, probability = classify(piece)
            shares[key] += size * min(probability, 1.0) / sum(sizes)
    return Found(dict(shares), sum(sizes), reliable=True)


@cache
def _langid() -> Callable[[str], tuple[str, float]]:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

    def classify(text: str) -> tuple[str, float]:
        code, probability = model.classify(text)
        return _key(code, text), float(probability)

    return classify


def fasttext_model(path: Path) -> Any:
    """The model in a fastText file.

    Raises:
        DataError: the file is no fastText model.
    """
    import fasttext

    try:
        return fasttext.load_model(str(path))
    except (ValueError, RuntimeError, MemoryError) as error:
        raise DataError(f"{path} is no fastText model: {error}") from error


@cache
def _fasttext(path: Path) -> Callable[[str], tuple[str, float]]:
    model = fasttext_model(path)

    def classify(text: str) -> tuple[str, float]:
        labels, probabilities = model.predict(" ".join(text.split()), k=1)
        if not labels:
            return UNKNOWN, 0.0
        label = labels[0].removeprefix(LABEL)
        code, _, script = label.partition("_")
        if not script:
            return _key(OF_FASTTEXT.get(code, code), text), float(probabilities[0])
        language = by_code(code)
        return join(language.code if language else code, script), float(probabilities[0])

    return classify


def _key(code: str, text: str) -> str:
    """The key of a language named without a script."""
    language = by_code(code)
    if language is None:
        return UNKNOWN if code == NO_LANGUAGE else join(code, script_of(text))
    return join(language.code, _script(text, language.scripts))
