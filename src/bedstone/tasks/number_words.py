"""Numbers spelt out in several languages, and the task to read and to write them.

The forms stand in ``number_words.toml``, in the notation of rule-based number formats. Source: the
Unicode CLDR, ``common/rbnf`` (cardinals), which spells them so but for hyphens in French and a few
equally usual forms.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import groupby
from random import Random
from typing import ClassVar, NamedTuple

from bedstone.tasks.problems import (
    Problem,
    Puzzle,
    Question,
    Range,
    between,
    paraphrases,
    stated_by,
    stated_number,
)

OPTIONAL = re.compile(r"\[([^|\]]*)\|?([^\]]*)\]")
WORD = re.compile(r"[^\W\d_]+")


class Rule(NamedTuple):
    """How numbers from ``base`` on are spelt."""

    base: int
    radix: int
    text: str


@dataclass(frozen=True, slots=True)
class Numerals:
    """The number words of one language."""

    most: int
    words: tuple[str, ...]
    rules: tuple[Rule, ...]
    """In the order of their bases."""
    same: tuple[tuple[str, str], ...]
    joins: frozenset[str]

    def spell(self, value: int) -> str:
        """A number from zero to ``most`` in words."""
        if value < len(self.words):
            return self.words[value]
        rule = [rule for rule in self.rules if rule.base <= value][-1]
        times, rest = divmod(value, rule.radix)
        text = OPTIONAL.sub(lambda match: match[1 if rest else 2], rule.text)
        if "<" in text:
            text = text.replace("<", self.spell(times))
        return text.replace(">", self.spell(rest)) if ">" in text else text

    def tokens(self, text: str) -> list[str]:
        """The words of a text in one spelling: small letters, no hyphens, usual variants alike."""
        text = unicodedata.normalize("NFC", text).casefold()
        for form, replacement in self.same:
            text = re.sub(form, replacement, text)
        return WORD.findall(text)


@cache
def numerals() -> dict[str, Numerals]:
    """Those of each language, by ISO 639-3."""
    text = files("bedstone.tasks").joinpath("number_words.toml").read_text("utf-8")
    return {
        language: Numerals(
            table["most"],
            tuple(table["words"].split()),
            tuple(_rule(*rule) for rule in table["rules"].items()),
            tuple((form, replacement) for form, replacement in table.get("same", ())),
            frozenset(table.get("joins", ())),
        )
        for language, table in tomllib.loads(text).items()
    }


def _rule(key: str, text: str) -> Rule:
    base, _, radix = key.partition("/")
    return Rule(int(base), int(radix or 10 ** (len(base) - 1)), text)


@cache
def vocabulary(language: str) -> frozenset[str]:
    """All words of a language's numbers, as ``Numerals.tokens`` gives them."""
    own = numerals()[language]
    return frozenset(
        token for value in range(own.most + 1) for token in own.tokens(own.spell(value))
    )


@dataclass(frozen=True)
class NumberWords(Puzzle):
    """Write number words in digits, or digits in words, asked in the words' own language.

    The answer is the last number, or the last row of number words. In words, capitals, hyphens
    and an English "and" do not matter, nor does "ein" before a German "hundert" and "tausend".
    """

    kind = "number-words"
    limits: ClassVar = {"numbers": (0, 9999)}
    numbers: Range = (0, 9999)

    def draw(self, random: Random) -> Question:
        """Each language as often, up to the number that it is known to here."""
        low, high = self.numbers
        language = random.choice([name for name, own in numerals().items() if own.most >= low])
        own = numerals()[language]
        value = between(random, (low, min(high, own.most)))
        asked = random.choice(
            [to for to in ("digits", "words") if _wording(language, to) in paraphrases()]
        )
        digits, words = str(value), own.spell(value)
        given, worked = (words, digits) if asked == "digits" else (digits, words)
        return Question(
            f"{language} {asked} {value}",
            {"given": given},
            digits if asked == "digits" else " ".join(own.tokens(words)),
            worked,
            _wording(language, asked),
            language,
        )

    def extract(self, problem: Problem, text: str) -> str | None:
        """A number in ASCII's digits, or words in small letters with single spaces."""
        language, asked, _ = problem.content.split(" ")
        if asked == "digits":
            return stated_number(text)
        return stated_by(lambda part: list(_rows(language, part)), text)


def _wording(language: str, asked: str) -> str:
    return f"number-words-{language}-{asked}"


def _rows(language: str, text: str) -> Iterator[str]:
    # Of number words that stand together, without joining words before and behind them.
    own, known = numerals()[language], vocabulary(language)
    for is_known, run in groupby(own.tokens(text), known.__contains__):
        row = list(run)
        while row and row[-1] in own.joins:
            row.pop()
        while row and row[0] in own.joins:
            row.pop(0)
        if is_known and row:
            yield " ".join(row)
