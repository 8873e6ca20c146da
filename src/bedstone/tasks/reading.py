"""How the answer to an item is found in what a model writes, in any language, and how right it is.

A number is read in the digits of any script, with the signs that its language writes between
thousands and before a fraction (``number_signs.tsv``; a language that is not there writes 1,000.5).
Where that reads nothing, as of 1,000.5 in German, the signs are taken the other way round. The
last number on the line behind the last "answer" of the language counts, else the last of all.
Words for numbers and for their powers of ten are not read, and a fraction is two numbers.

Of other texts the line behind the last "answer" counts, else the first. Capitals, width, spaces
and the punctuation around do not matter; marks of vowels and tones do.

To abstain is to write one of the language's phrases, or an English one, where the answer stands;
``phrases.toml`` has them. Source of the signs: CLDR, as the package ``babel`` 2.19 gives them.
"""

import csv
import re
import tomllib
import unicodedata
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import ascii_uppercase
from typing import NamedTuple

from bedstone import languages
from bedstone.tasks.items import Item
from bedstone.tasks.problems import number, stated_by
from bedstone.tasks.questions import NOT_KNOWN

LETTERS = ascii_uppercase
"""What options are called."""
POWERS = re.compile("[²³¹⁰⁴-⁹⁻₀-₉₋]")
"""They are no numbers of their own."""
LATIN = "[0-9A-Za-zÀ-ɏ]"
NO_PRONOUN, NO_ARTICLE = r"(?!(?<=I)\s[^\W\d_])", r"(?!(?<=[AI])\s[^\W\d_])"
"""Behind a letter: it is none of an option in "I think" and "A bird"."""
MINUS = re.compile("[−‐‑‒–]")
THOUSANDS = re.compile(r"(?<=\d)['’٬](?=\d{3}(?!\d))")
"""Between them in any language."""
ARABIC_DECIMAL = "٫"
ENGLISH = languages.split(languages.ENGLISH)[0]


class Signs(NamedTuple):
    """What a language writes in a number."""

    group: str
    decimal: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text says to an item."""

    right: float
    """0 or 1; by ``chrf`` anything between."""
    answer: str | None = None
    """In one spelling; None of one that abstains, or is not read."""
    chosen: int | None = None
    """The number of the choice."""
    is_read: bool = True
    """False: there is no answer in the text."""


def reading_of(item: Item, text: str) -> Reading:
    """What ``text`` says to an item, and how right that is.

    Where the item has choices it is asked for a letter; by ``chrf`` the text is its own answer.
    """
    language, _ = languages.split(item.language)
    if item.choices:
        chosen = letter_in(text, item.choices, language)
        answer = None if chosen is None else LETTERS[chosen]
        return Reading(float(chosen == item.gold), answer, chosen, chosen is not None)
    if item.metric == "chrf" and item.answers:
        answer = text.strip()
        return Reading(chrf(answer, item.answers), answer, is_read=bool(answer))
    golds, are_numbers = golds_of(item)
    found = (number_in if are_numbers else line_in)(text, language)
    if found is None:
        return Reading(0.0, is_read=False)
    return Reading(float(found in golds if found else not golds), found or None)


def golds_of(item: Item) -> tuple[tuple[str, ...], bool]:
    """What is right as texts are read here, and whether all of it is numbers."""
    language, _ = languages.split(item.language)
    numbers = tuple(filter(None, (as_number(answer, language) for answer in item.answers)))
    if numbers and len(numbers) == len(item.answers):
        return numbers, True
    return tuple(map(plain, item.answers)), False


def number_in(text: str, language: str) -> str | None:
    """The number that a text answers with; empty where it abstains, None where there is none.

    Args:
        text: what a model wrote.
        language: ISO 639-3.
    """

    def last(part: str) -> list[str]:
        forms = (_form(language), _unknown(language))
        found = [match for form in forms for match in deque(form.finditer(part), 1)]
        latest = max(found, key=re.Match.start, default=None)
        if latest is None:
            return []
        return ["" if latest.re is _unknown(language) else _value(latest, language)]

    return stated_by(last, _in_digits(text), _marker(language))


def as_number(text: str, language: str) -> str | None:
    """The number that the whole text is, as ``number_in`` spells it."""
    match = _form(language).fullmatch(_in_digits(text).strip())
    is_one = match is not None and len(_values(match[0].lstrip("-"), language)) == 1
    return _value(match, language) if match and is_one else None


def line_in(text: str, language: str) -> str | None:
    """The line that a text answers with, plain; empty where it abstains, None without one."""

    def first(part: str) -> list[str]:
        return [line for line in map(plain, part.splitlines()) if line][:1]

    found = stated_by(first, _folded(text), _marker(language))
    return "" if found and _unknown(language).search(found) else found


def letter_in(text: str, choices: Sequence[str], language: str) -> int | None:
    """The number of the option that a text names, by its letter or in full.

    A letter counts behind the last "answer", at the beginning before a mark or an end, or where
    no other stands alone.
    """
    text = unicodedata.normalize("NFKC", text)
    letters = LETTERS[: len(choices)]
    alone = f"(?<!{LATIN})[{letters}](?!{LATIN})"

    def named(part: str) -> list[str]:
        if part != text:
            return re.findall(alone, part)[:1]
        found = re.findall(alone + NO_PRONOUN, part)
        return re.findall(alone + NO_ARTICLE, part) if len(set(found)) == 1 else []

    said = plain(text)
    wholes = [plain(choice) for choice in choices]
    if len(said) == 1 and said.upper() in letters:
        return letters.index(said.upper())
    if wholes.count(said) == 1:
        return wholes.index(said)
    if begun := re.match(rf"[\W_]*([{letters}])(?=[.:)\],*]|\s*(?:\n|$))", text):
        return letters.index(begun[1])
    found = stated_by(named, text, _marker(language))
    return letters.index(found) if found else None


def plain(text: str) -> str:
    """A text without what does not matter in an answer."""
    folded = _folded(text)
    marks = (it for it in set(folded) if it.isspace() or unicodedata.category(it)[0] == "P")
    return " ".join(folded.strip("".join(marks)).split())


def chrf(text: str, references: Sequence[str]) -> float:
    """How much of the characters of a reference a text has, 0 to 1; of several, the best.

    Source: Popović 2015; sacrebleu's chrF, six characters at most, beta 2, without words.
    """
    from sacrebleu.metrics.chrf import CHRF  # it takes longer to import than all of this

    scorer = CHRF(char_order=6, word_order=0, beta=2)
    return float(scorer.sentence_score(text, list(references)).score / 100)


@cache
def signs_of(language: str) -> Signs:
    """What stands in the numbers of a language."""
    table = files("bedstone.tasks").joinpath("number_signs.tsv").read_text("utf-8")
    rows = csv.reader(table.splitlines()[1:], delimiter="\t")
    return next((Signs(*signs) for code, *signs in rows if code == language), Signs(",", "."))


@cache
def _phrases(kind: str, language: str) -> list[str]:
    text = files("bedstone.tasks").joinpath("phrases.toml").read_text("utf-8")
    listed = tomllib.loads(text)[kind]
    return [_folded(phrase) for code in (language, ENGLISH) for phrase in listed.get(code, ())]


@cache
def _marker(language: str) -> re.Pattern[str]:
    phrases = sorted(_phrases("answer", language), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, phrases)), re.IGNORECASE)


@cache
def _unknown(language: str) -> re.Pattern[str]:
    phrases = map(re.escape, _phrases("unknown", language))
    return re.compile("|".join((NOT_KNOWN.pattern, *phrases)), re.IGNORECASE)


@cache
def _form(language: str) -> re.Pattern[str]:
    # A blank is no end of a number where the language writes one between thousands.
    blanks = r"\d{1,3}(?: \d{3})+(?!\d)|" if signs_of(language).group == " " else ""
    return re.compile(rf"-?(?:{blanks}\d+)(?:[.,{ARABIC_DECIMAL}]\d+)*")


def _value(match: re.Match[str], language: str) -> str:
    """What a match of ``_form`` says; where its signs make no sense, the last number in it."""
    before = match.string[max(match.start() - 1, 0) : match.start()]
    is_behind = before == ")" or (before and unicodedata.category(before)[0] in "LMN")
    *others, last = _values(match[0].lstrip("-"), language)
    is_negative = match[0][0] == "-" and not is_behind and not others
    return number(f"-{last}" if is_negative else last)


def _values(written: str, language: str) -> list[str]:
    """As English writes it without groups; several, if the signs in it make no sense."""
    own = signs_of(language)
    written = written.replace(ARABIC_DECIMAL, own.decimal)
    other = {",": ".", ".": ","}.get(own.decimal, ",")
    for group, decimal in (own, (other, own.decimal), (own.decimal, other)):
        whole, _, fraction = written.partition(decimal)
        first, *groups = whole.split(group)
        is_grouped = not groups or (
            len(first) <= 3 == len(groups[-1]) and all(len(each) in (2, 3) for each in groups)
        )
        parts = (first, *groups, *([fraction] if decimal in written else []))
        if is_grouped and all(part.isdecimal() for part in parts):
            return [first + "".join(groups) + (f".{fraction}" if fraction else "")]
    return re.findall(r"\d+", written)


def _in_digits(text: str) -> str:
    """Folded, with digits and minus of ASCII, and without what only parts thousands."""
    digits: dict[str, str | int | None] = {
        sign: str(unicodedata.decimal(sign)) for sign in set(text) if sign.isdecimal()
    }
    text = MINUS.sub("-", POWERS.sub(" ", text.translate(str.maketrans(digits))))
    return THOUSANDS.sub("", _folded(text))


def _folded(text: str) -> str:
    """Of one width and in small letters."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return unicodedata.normalize("NFKC", folded)
