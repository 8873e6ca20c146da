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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from difflib import get_close_matches
from typing import Any

from sacrebleu.metrics.chrf import CHRF

from bedstone.corpus.identification.identifiers import identifier
from bedstone.evaluation.verdicts.confusion import passes
from bedstone.languages import split
from bedstone.tasks.items import Item
from bedstone.uncertainty.intervals import wilson

Pair = tuple[Item, Item]
"""An item, and the same in another language."""
ADDRESS = re.compile(r"(?:https?://|www\.)\S*\w|\S+@\S+\.\w+")
NUMBER = re.compile(r"\d(?:[.,٫٬’']?\d)*")
NAME = re.compile(r"(?<=[^\W\d_] )[^\W\d_]{3,}")
WORD = re.compile(r"[^\W\d_][\w’']*")
ALL_NOUNS = ("deu",)
LETTERS_SHARE = 0.75
"""Of a name, found again."""
PYCLD2 = identifier("pycld2")
NEGATIONS = {
    language: frozenset(words.split())
    for language, words in {
        "ben": "না নেই নয় নি নাই",
        "cat": "no mai res ningú cap ni sense tampoc",
        "deu": "nicht kein keine keinen keiner keinem keines nie niemals niemand nichts ohne weder",
        "eng": "no not never nobody none nothing nor neither without cannot nowhere",
        "fra": "ne n pas jamais rien personne aucun aucune ni sans",
        "glg": "non nunca ninguén nada ningún ningunha nin sen tampouco",
        "hin": "नहीं न ना बिना",
        "ita": "non mai niente nulla nessuno nessuna né senza neanche",
        "mar": "नाही नाहीत नको नये नव्हता नव्हते विना",
        "pan": "ਨਹੀਂ ਨਾ ਨਹੀ ਬਿਨਾਂ",
        "por": "não nunca ninguém nada nenhum nenhuma nem sem",
        "rus": "не нет ни никогда никто ничего нельзя без",
        "spa": "no nunca nadie nada ningún ninguno ninguna ni sin tampoco jamás",
        "tel": "లేదు కాదు లేరు లేవు వద్దు లేని",
    }.items()
}
"""Besides these, an English word that ends in n't."""


def survival(translated: Sequence[Pair], by_people: Sequence[Pair]) -> dict[str, Any]:
    """By kind ``value``, ``low``, ``high``, ``n``, ``by_people``; null where nothing can be lost.

    A text that comes again counts once. ``in_language`` is the share of translations without a line
    in another language, of those of which that can be told. ``chrf`` is chrF++ to what people
    wrote, 0 to 100.

    Args:
        translated: items with their translations, at least one.
        by_people: items with what people wrote in the language of the translations.
    """
    found, of_people = _shares(translated), _shares(by_people)
    for kind, share in found.items():
        if share is not None:
            share["by_people"] = of_people[kind] and of_people[kind]["value"]
    by_id = {item.id: other for item, other in translated}
    both = [(_text(by_id[item.id]), _text(other)) for item, other in by_people if item.id in by_id]
    texts, *references = zip(*both, strict=True) if both else ((),)
    score = CHRF(word_order=2).corpus_score(texts, references).score if both else None
    return {**found, "chrf": score}


def _shares(pairs: Sequence[Pair]) -> dict[str, Any]:
    texts = list(dict.fromkeys(both for pair in pairs for both in _texts(*pair)))
    found: dict[str, Any] = dict.fromkeys(("numbers", "addresses", "names", "negations"))
    for one, other in pairs[:1]:
        (source, script), (target, into) = split(one.language), split(other.language)
        found["numbers"] = _kept(_found_again(*map(_numbers, both)) for both in texts)
        found["addresses"] = _kept(_found_again(*map(ADDRESS.findall, both)) for both in texts)
        if script == into and source not in ALL_NOUNS:
            found["names"] = _kept(_names(*both) for both in texts)
        if {source, target} <= set(NEGATIONS):
            found["negations"] = _kept(_negated(*both, source, target) for both in texts)
    lines = passes([(item, _text(item)) for _, item in pairs], PYCLD2)["lines_in_language"]
    return found | {"in_language": _kept((int(line.part), 1) for line in lines)}


def _texts(item: Item, other: Item) -> Iterator[tuple[str, str]]:
    yield from ((item.context, other.context), (item.question, other.question))
    if len(item.choices) == len(other.choices):
        yield from zip(item.choices, other.choices, strict=True)


def _text(item: Item) -> str:
    return "\n".join((item.prompt, *item.choices))


def _kept(counts: Iterable[tuple[int, int]]) -> dict[str, Any] | None:
    kept, there = map(sum, zip((0, 0), *counts, strict=True))
    return asdict(wilson(kept / there, there)) if there else None


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
    there = _has_negation(source, language)
    return int(there and _has_negation(target, into)), int(there)


def _has_negation(text: str, language: str) -> bool:
    # Vowel signs of Indic scripts are no letters, so words are what spaces and marks part.
    words = {word.strip(".,;:!?¿¡\"“”«»()।'’") for word in text.casefold().split()}
    parted = {part for word in words for part in re.split("['’]", word)}
    ends = any(re.search("n['’]t$", word) for word in words)
    return bool((words | parted) & NEGATIONS[language]) or (language == "eng" and ends)
