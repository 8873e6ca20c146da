"""Countdown: reach a number by an expression of given ones."""

import re
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import ClassVar

from bedstone.tasks.problems import Problem, Puzzle, Question, Range, between, stated

EXPRESSION = re.compile(r"(?<![( ])[( ]*(?<!\d)\d+[) ]*(?:[-−+*/×÷·x][( ]*\d+[) ]*)+", re.ASCII)
SIGNS = str.maketrans({"−": "-", "×": "*", "·": "*", "x": "*", "÷": "/", " ": None})
MOST_CHARACTERS = 100
"""Of an expression: what is longer is wrong, and no parser goes down into it."""
MOST_TARGET = 999


@dataclass(frozen=True)
class Countdown(Puzzle):
    """Reach a target with + - * / from given numbers, each used once at most.

    The answer is the last expression with a sign of arithmetic in it. A checked step behind an
    equals sign is an expression too, so it should be marked as the answer.
    """

    kind = "countdown"
    limits: ClassVar = {"count": (2, 6), "numbers": (1, 99)}
    count: Range = (3, 4)
    numbers: Range = (1, 12)

    def draw(self, random: Random) -> Question:
        """Numbers and a target that an expression of all of them reaches."""
        while True:
            numbers = [between(random, self.numbers) for _ in range(between(random, self.count))]
            target, expression, steps = _expression(random, numbers)
            if target <= MOST_TARGET and target not in numbers:
                break
        given = " ".join(map(str, sorted(numbers)))
        worked = "".join(f"{step}; " for step in steps) + f"answer {expression}"
        gaps = {"numbers": given, "target": target}
        return Question(f"{given} = {target}", gaps, None, worked, self.kind)

    def extract(self, problem: Problem, text: str) -> str | None:
        """The last expression, without spaces: ``(3+5)*7``."""
        found = stated(EXPRESSION, text)
        return None if found is None else found.translate(SIGNS)

    def check(self, problem: Problem, answer: str) -> bool:
        """Whether it takes no number that is not given, and reaches the target."""
        given, _, target = problem.content.partition(" = ")
        if len(answer) > MOST_CHARACTERS:
            return False
        used = Counter(int(number) for number in re.findall(r"\d+", answer))
        try:
            return used <= Counter(map(int, given.split())) and value(answer) == int(target)
        except (ValueError, ZeroDivisionError):
            return False


def _expression(random: Random, numbers: list[int]) -> tuple[int, str, list[str]]:
    # Two of what is left are joined until one is: the value, how it is written, the steps.
    left = [(number, str(number)) for number in numbers]
    steps = []
    while len(left) > 1:
        random.shuffle(left)
        (first, written), (second, also_written) = left.pop(), left.pop()
        sign, result = random.choice(_results(first, second))
        steps.append(f"{first}{sign}{second}={result}")
        joined = f"{written}{sign}{also_written}"
        left.append((result, f"({joined})" if left else joined))
    return left[0][0], left[0][1], steps


def _results(first: int, second: int) -> list[tuple[str, int]]:
    # Whole and positive ones only.
    results = [("+", first + second), ("*", first * second)]
    if first > second:
        results.append(("-", first - second))
    if first % second == 0:
        results.append(("/", first // second))
    return results


def value(expression: str) -> Fraction:
    """The value of whole numbers, + - * / and brackets, with the usual precedence.

    Raises:
        ValueError: it is no such expression.
        ZeroDivisionError: it divides by zero.
    """
    tokens = re.findall(r"\d+|.", expression)[::-1]
    result = _sum(tokens)
    if tokens:
        raise ValueError(f"{tokens[-1]!r} stands behind the end of an expression")
    return result


def _sum(tokens: list[str]) -> Fraction:
    result = _product(tokens)
    while tokens and tokens[-1] in "+-":
        sign, operand = tokens.pop(), _product(tokens)
        result = result + operand if sign == "+" else result - operand
    return result


def _product(tokens: list[str]) -> Fraction:
    result = _operand(tokens)
    while tokens and tokens[-1] in "*/":
        sign, operand = tokens.pop(), _operand(tokens)
        result = result * operand if sign == "*" else result / operand
    return result


def _operand(tokens: list[str]) -> Fraction:
    token = tokens.pop() if tokens else ""
    if token == "(":
        result = _sum(tokens)
        if not tokens or tokens.pop() != ")":
            raise ValueError("a bracket is not closed")
        return result
    if not token.isdecimal():
        raise ValueError(f"{token!r} stands where a number should")
    return Fraction(int(token))
