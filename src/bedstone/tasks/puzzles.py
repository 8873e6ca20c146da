"""Puzzles with numbers, letters and signs.

Wherever an answer is looked for, the first match on the line behind the last word "answer" that
has one goes before all others.
"""

import re
from dataclasses import dataclass
from random import Random
from string import ascii_lowercase
from typing import ClassVar

from bedstone.tasks.problems import (
    Problem,
    Puzzle,
    Question,
    Range,
    between,
    number,
    of_digits,
    stated,
    stated_number,
)

TIMES = r"(?:[*x×·]|\\times|\\cdot)"
FACTORS = re.compile(
    rf"(?<![\d.,*x×·−-])(\d{{1,9}})\s*(?:{TIMES}|and)\s*(\d{{1,9}})(?!\d|[.,]\d|\s*{TIMES}\s*\d)",
    re.IGNORECASE,
)
LETTERS = re.compile(r"[a-z](?:[\s,-]+[a-z])+(?![a-z])|[a-z]+", re.IGNORECASE | re.ASCII)
NUMBERS = re.compile(r"(?<!\d)\d+(?:[\s,;<≤]+\d+)+")
BRACKETS = re.compile(r"[()\[\]{}](?:\s*[()\[\]{}])*")
PAIRS = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class Sums(Puzzle):
    """Add up numbers. The answer is the last number.

    The worked steps take the numbers in an order that is drawn: there are several right ways.
    """

    kind = "sums"
    limits: ClassVar = {"terms": (2, 100), "digits": (1, 9)}
    terms: Range = (3, 4)
    digits: Range = (1, 2)

    def draw(self, random: Random) -> Question:
        """Terms in another order are the same problem, and are asked for in one order."""
        terms = sorted(of_digits(random, self.digits) for _ in range(between(random, self.terms)))
        content = "+".join(map(str, terms))
        Random(content).shuffle(terms)
        gaps = {"sum": "+".join(map(str, terms)), "terms": ", ".join(map(str, terms))}
        random.shuffle(terms)
        total, steps = terms[0], ""
        for term in terms[1:]:
            steps += f"{total}+{term}={total + term}; "
            total += term
        return Question(content, gaps, str(total), f"{steps}answer {total}", self.kind)

    def extract(self, problem: Problem, text: str) -> str | None:
        """The last number."""
        return stated_number(text)


@dataclass(frozen=True)
class Factoring(Puzzle):
    """Write a number as a product of two, both above 1. The answer is the last product of two."""

    kind = "factoring"
    limits: ClassVar = {"first": (2, 10**9 - 1), "second": (2, 10**9 - 1)}
    first: Range = (2, 99)
    second: Range = (2, 99)

    def draw(self, random: Random) -> Question:
        """The product of two drawn factors."""
        first, second = between(random, self.first), between(random, self.second)
        content = str(first * second)
        return Question(content, {"n": content}, None, f"answer {first}*{second}", self.kind)

    def extract(self, problem: Problem, text: str) -> str | None:
        """The last product, the smaller factor first: ``17*23``."""
        found = stated(FACTORS, text)
        match = FACTORS.fullmatch(found or "")
        return "*".join(map(str, sorted(map(int, match.groups())))) if match else None

    def check(self, problem: Problem, answer: str) -> bool:
        """Whether both factors are above 1 and give the number."""
        first, second = map(int, answer.split("*"))
        return min(first, second) > 1 and first * second == int(problem.content)


@dataclass(frozen=True)
class Reversing(Puzzle):
    """Write letters backwards. The answer is the last word, or the last row of single letters."""

    kind = "reversing"
    limits: ClassVar = {"letters": (1, 1000)}
    letters: Range = (5, 9)

    def draw(self, random: Random) -> Question:
        """Letters of the alphabet; each may come several times."""
        letters = "".join(random.choices(ascii_lowercase, k=between(random, self.letters)))
        answer = letters[::-1]
        return Question(letters, {"letters": letters}, answer, f"answer {answer}", self.kind)

    def extract(self, problem: Problem, text: str) -> str | None:
        """The last word, in small letters; ``d-c-b a`` is one."""
        found = stated(LETTERS, text)
        return None if found is None else re.sub(r"[^a-z]", "", found.lower())


@dataclass(frozen=True)
class Sorting(Puzzle):
    """Sort numbers, the smallest first. The answer is the last row of two numbers or more."""

    kind = "sorting"
    limits: ClassVar = {"count": (2, 100), "digits": (1, 9)}
    count: Range = (4, 7)
    digits: Range = (1, 2)

    def draw(self, random: Random) -> Question:
        """Numbers in any order; one may come several times."""
        numbers = [of_digits(random, self.digits) for _ in range(between(random, self.count))]
        content, answer = (" ".join(map(str, row)) for row in (numbers, sorted(numbers)))
        return Question(content, {"numbers": content}, answer, f"answer {answer}", self.kind)

    def extract(self, problem: Problem, text: str) -> str | None:
        """The last row of numbers, with single spaces: ``3 8 15``."""
        found = stated(NUMBERS, text)
        return found and " ".join(number(written) for written in re.findall(r"\d+", found))


@dataclass(frozen=True)
class Brackets(Puzzle):
    """Close brackets with as few as it takes. The answer is the last row of brackets."""

    kind = "brackets"
    limits: ClassVar = {"length": (1, 1000)}
    length: Range = (4, 9)

    def draw(self, random: Random) -> Question:
        """Opened and closed at random; the last is opened if none else would be open."""
        length = between(random, self.length)
        content, closing = "", ""
        while len(content) < length:
            if closing and len(content) < length - 1 and random.random() < 0.4:
                content, closing = content + closing[0], closing[1:]
            else:
                opened = random.choice("([{")
                content, closing = content + opened, PAIRS[opened] + closing
        return Question(content, {"brackets": content}, closing, f"answer {closing}", self.kind)

    def extract(self, problem: Problem, text: str) -> str | None:
        """The last row of brackets, without what was given where that is repeated."""
        found = stated(BRACKETS, text)
        return re.sub(r"\s", "", found or "").removeprefix(problem.content) or None
