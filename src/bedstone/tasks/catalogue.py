"""The tasks by name, and tasks from a file of prompts and answers."""

import dataclasses
import json
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bedstone.errors import ConfigError, DataError, nearest, reason
from bedstone.languages import known
from bedstone.lots import lot
from bedstone.tasks.countdown import Countdown
from bedstone.tasks.number_words import NumberWords
from bedstone.tasks.problems import (
    ABSTAINING,
    NUMBER,
    Problem,
    Puzzle,
    Split,
    Task,
    number,
    stated_by,
    stated_number,
)
from bedstone.tasks.puzzles import Brackets, Factoring, Reversing, Sorting, Sums
from bedstone.tasks.questions import Dates, Json, Unanswerable

__all__ = ["ABSTAINING", "TASKS", "Problem", "Split", "Task", "named", "of_file"]

TASKS: dict[str, Puzzle] = {
    task.kind: task
    for task in (
        *(Sums(), Factoring(), Countdown(), Reversing(), Sorting(), Brackets()),
        *(Json(), Dates(), NumberWords(), Unanswerable()),
    )
}
SETTING = re.compile(r"(\w+)=(\d{1,9})(?:-(\d{1,9}))?")
MARKS = " .,:;!?\"'`*_()[]“”‘’«»।"
"""Around an answer, they are none of it."""
FORMS = """one JSON object a line, with "prompt" (or "question") or a list "prompts", and "answer"
or a list "answers"; "id" and "language" if you like"""
MAX_PROBLEMS = 10**6
"""Of a task, made at once."""


def named(name: str) -> Puzzle:
    """The task of a name, perhaps with its difficulty: ``sums:terms=3-5,digits=2``.

    Raises:
        ConfigError: no such task, or a difficulty that it has not.
    """
    kind, colon, written = name.partition(":")
    if kind not in TASKS:
        raise ConfigError(f"no task {kind!r}", hint=nearest(kind, TASKS))
    task = TASKS[kind]
    changes: dict[str, tuple[int, int]] = {}
    for setting in written.split(",") if colon else []:
        match = SETTING.fullmatch(setting)
        if not match or match[1] not in task.limits:
            raise ConfigError(
                f"task {name}: {setting!r} is no range that {kind} has",
                hint=f"its ranges and their defaults: {_ranges(task)}",
            )
        if match[1] in changes:
            raise ConfigError(f"task {name}: {match[1]} is given twice")
        changes[match[1]] = int(match[2]), int(match[3] or match[2])
    try:
        return dataclasses.replace(task, **changes)
    except ValueError as error:
        raise ConfigError(f"task {name}: {error}") from error


def _ranges(task: Puzzle) -> str:
    values = ((name, getattr(task, name)) for name in task.limits)
    return ", ".join(f"{name}={low}-{high}" for name, (low, high) in values)


@dataclass(frozen=True)
class Listed(Task):
    """Problems from a file. All are to test on.

    Where all right answers of a problem are numbers, the answer is the last number. Else it is the
    last line, without the marks around it; capitals and the width of spaces do not matter. What
    stands behind the last "####" or "answer is" goes before all others.
    """

    source: str
    listed: tuple[Problem, ...]

    @property
    def name(self) -> str:
        """The file's, without its ending."""
        return self.source

    def problems(self, count: int, seed: int, split: Split) -> list[Problem]:
        """In an order of the seed's; all, if there are no more than ``count``."""
        if split == "train":
            return []
        ordered = sorted(self.listed, key=lambda problem: lot(problem.id, f"problems {seed}"))
        return ordered[:count]

    def extract(self, problem: Problem, text: str) -> str | None:
        """A number, or a line in small letters."""
        if all(NUMBER.fullmatch(answer or "") for answer in (problem.answer, *problem.others)):
            return stated_number(text)
        return stated_by(_lines, text)


def of_file(path: Path) -> Task:
    """The task of a file of JSON lines: prompts with their answers.

    In GSM8K's form the answer is a worked solution that ends in ``#### 42``.

    Raises:
        DataError: it cannot be read, or a line is no problem, or has the id or the question of
            another: it would count twice.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise DataError(f"cannot read {path}: {reason(error)}") from error
    problems: dict[str, Problem] = {}
    first: dict[str, int] = {}
    for place, line in enumerate(lines, start=1):
        if line.strip():
            try:
                problem = _problem(path.stem, place, json.loads(line))
                if problem.id in problems:
                    raise ValueError(f"the id {problem.id!r} stands there twice")
                if (before := first.setdefault(problem.content, place)) != place:
                    raise ValueError(f"line {before} asks the same")
            except (ValueError, RecursionError) as error:
                raise DataError(f"{path}:{place}: {error}", hint=f"write {FORMS}") from error
            problems[problem.id] = problem
    if not problems:
        raise DataError(f"{path} holds no problem", hint=f"write {FORMS}")
    return Listed(path.stem, tuple(problems.values()))


def _problem(source: str, place: int, values: Any) -> Problem:
    if not isinstance(values, dict):
        raise ValueError("the line is no object")
    prompts = _texts(values, "prompts", "prompt", "question")
    given = _texts(values, "answers", "answer")
    language = str(values.get("language", "eng"))
    if language not in known():
        raise ValueError(f"no language {language!r} of ISO 639-3")
    golds = [_gold(answer) for answer in given]
    return Problem(
        id=f"{source}/{values.get('id', f'{place:04d}')}",
        prompts=prompts,
        answer=golds[0],
        language=language,
        worked=given[0] if "####" in given[0] else f"answer is {given[0]}",
        content=prompts[0],
        others=tuple(golds[1:]),
    )


def _texts(values: dict[str, Any], many: str, *one: str) -> tuple[str, ...]:
    # The list of the name ``many``, or the one value of another name.
    found = values.get(many, [values[name] for name in one if name in values])
    if not isinstance(found, list) or not found:
        raise ValueError(f"there is no {one[0]!r} and no list {many!r}")
    texts = [str(text) if type(text) in (int, float) else text for text in found]
    given = many if many in values else next(name for name in one if name in values)
    if not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{given!r} is no text")
    if not all(text.strip() for text in texts):
        raise ValueError(f"{given!r} is empty")
    return tuple(texts)


def _gold(answer: str) -> str:
    text = answer.rpartition("####")[2]
    found = stated_by(_lines, text)
    if not found or len(text.strip().splitlines()) > 1:
        raise ValueError(f"the answer {answer!r} is empty or has several lines")
    return number(found) if NUMBER.fullmatch(found) else found


def _lines(text: str) -> list[str]:
    return [line for line in map(_plain, text.splitlines()) if line]


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split()).strip(MARKS)
