"""What of a text survives its translation, as far as that can be told without a reference.

Numbers and addresses are told in all languages: a number by its digits in any script, however they
are grouped; one that is written as a word is lost. Names only between languages in one script that
has capitals: words with a capital inside a sentence, found again if most letters are there; names
that have another form in each language (Londres, London) count as lost, and nothing is told of
German, which writes all nouns so. Negations in the languages of ``NEGATIONS``, where they are words
of their own: whether a text has any. So each share stands beside that of human translations, where
there are any: what those lose is no loss.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any

from sacrebleu.metrics.chrf import CHRF

from bedstone.corpus.identification.identifiers import identifier
from bedstone.corpus.identification.identify import identify
from bedstone.languages import UNKNOWN, split
from bedstone.uncertainty.intervals import wilson

Pair = tuple[str, str]
"""A text and its translation."""
ADDRESS = re.compile(r"(?:https?://|www\.)\S*\w|\S+@\S+\.\w+")
NUMBER = re.compile(r"\d(?:[.,٫٬’']?\d)*")
NAME = re.compile(r"(?<=[^\W\d_] )[^\W\d_]{3,}")
WORD = re.compile(r"[^\W\d_][\w’']*")
ALL_NOUNS = ("deu",)
LETTERS_SHARE = 0.75
"""Of a name, found again."""
MIN_BYTES, MIN_SHARE = 20, 0.6
"""Of a text whose language is told."""
NEGATIONS = {
    language: frozenset(words.split())
    for language, words in {
        "ben": "না নেই নয় নি নাই",
        "cat": "no mai res ningú cap ni sense tampoc",
        "deu": "nicht kein keine keinen keiner keinem keines nie niemals niemand nichts ohne weder",
        "eng": "no not never nobody none nothing nor neither without cannot nowhere",
        "fra": "ne n pas jamais rien personne aucun aucune ni sans",
        "glg": "non nunca ninguén nada ningún ningunha nin sen tampouco",
        "hin": "नहीं न ना मत बिना",
        "ita": "non mai niente nulla nessuno nessuna né senza neanche",
        "mar": "नाही नाहीत नको नये नव्हता नव्हते विना",
        "pan": "ਨਹੀਂ ਨਾ ਨਹੀ ਬਿਨਾਂ",
        "por": "não nunca ninguém nada nenhum nenhuma nem sem",
        "rus": "не нет ни никогда никто ничего нельзя без",
        "spa": "no nunca nadie nada ningún ninguno ninguna ni sin tampoco jamás",
        "tel": "లేదు కాదు లేరు లేవు వద్దు లేని కాని",
    }.items()
}
"""Besides these, an English word that ends in n't."""


def survival(pairs: Sequence[Pair], source: str, target: str) -> dict[str, Any]:
    """By kind ``value``, ``low``, ``high`` and ``n``, or null where there was nothing to lose.

    ``in_language`` is the share of the translations in the target's language, of those whose
    language is told; the identifier errs too.

    Args:
        pairs: texts with their translations.
        source: the language, as ``spa_Latn``.
        target: the translations'.
    """
    codes = split(source)[0], split(target)[0]
    kinds: dict[str, Callable[[str, str], tuple[int, int]]] = {
        "numbers": lambda *pair: _found_again(*map(_numbers, pair)),
        "addresses": lambda *pair: _found_again(*map(ADDRESS.findall, pair)),
        "names": _names,
        "negations": lambda one, other: _negated(one, other, *codes),
    }
    if split(source)[1] != split(target)[1] or codes[0] in ALL_NOUNS:
        del kinds["names"]
    found: dict[str, Any] = dict.fromkeys(("numbers", "addresses", "names", "negations"))
    for kind, count in kinds.items():
        counts = [count(*pair) for pair in pairs]
        found[kind] = _share(sum(kept for kept, _ in counts), sum(there for _, there in counts))
    languages = [
        each.language
        for each in identify(
            [unicodedata.normalize("NFC", text) for _, text in pairs],
            identifier("pycld2"),
            MIN_BYTES,
            MIN_SHARE,
        )
        if each.language != UNKNOWN
    ]
    return found | {"in_language": _share(languages.count(target), len(languages))}


def chrf(texts: Sequence[str], references: Sequence[str]) -> float:
    """chrF++ of all texts together, 0 to 100: of one target language, beside no other's."""
    return float(CHRF(word_order=2).corpus_score(texts, [references]).score)


def _share(kept: int, there: int) -> dict[str, float] | None:
    if not there:
        return None
    found = wilson(kept / there, there)
    return {"value": found.value, "low": found.low, "high": found.high, "n": there}


def _found_again(source: Sequence[str], target: Sequence[str]) -> tuple[int, int]:
    return sum((Counter(source) & Counter(target)).values()), len(source)


def _numbers(text: str) -> list[str]:
    found = NUMBER.findall(ADDRESS.sub(" ", text))
    return ["".join(str(int(each)) for each in number if each.isdecimal()) for number in found]


def _names(source: str, target: str) -> tuple[int, int]:
    names = [_plain(name) for name in NAME.findall(ADDRESS.sub(" ", source)) if name.istitle()]
    words = {_plain(word) for word in WORD.findall(target)}
    found = [get_close_matches(name, words, 1, LETTERS_SHARE) for name in names]
    return sum(map(bool, found)), len(names)


def _plain(word: str) -> str:
    parts = unicodedata.normalize("NFKD", word.casefold())
    return "".join(each for each in parts if not unicodedata.combining(each))


def _negated(source: str, target: str, language: str, into: str) -> tuple[int, int]:
    if not {language, into} <= set(NEGATIONS):
        return 0, 0
    there = _has_negation(source, language)
    return int(there and _has_negation(target, into)), int(there)


def _has_negation(text: str, language: str) -> bool:
    # Vowel signs of Indic scripts are no letters, so words are what spaces and marks part.
    words = {word.strip(".,;:!?¿¡\"“”«»()।'’") for word in text.casefold().split()}
    parted = {part for word in words for part in re.split("['’]", word)}
    ends = any(re.search("n['’]t$", word) for word in words)
    return bool((words | parted) & NEGATIONS[language]) or (language == "eng" and ends)
