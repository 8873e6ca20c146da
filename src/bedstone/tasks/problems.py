"""Problems with an exact answer, the tasks that make them, and how an answer is found in a text.

A problem is one to train or one to test on by a hash of its content: what it asks, whatever the
wording. So train and test share no problem, at any seeds, counts and difficulties.
"""

import dataclasses
import hashlib
import re
import tomllib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any, ClassVar, Literal

from bedstone.errors import ConfigError
from bedstone.lots import lot

Split = Literal["train", "test"]
Range = tuple[int, int]
"""The least and the most."""

TEST_SHARE = 0.25
PATIENCE = 1000
"""So many draws in a row without a new problem, and there are taken to be no others."""
ABSTAINING = "unknown"
"""The answer that there is none."""
MARKER = re.compile(
    r"####|\b(?:answer(?:\s+is)?|respuesta|antwort|réponse|jibu)\b|उत्तर|సమాధానం", re.IGNORECASE
)
MOST_MARKERS = 20
"""The last ones are looked behind: a text may be one word again and again."""
NUMBER = re.compile(r"(?:(?<![\w)])[-−])?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?")
"""Perhaps with commas between thousands. Behind a number or a letter, a minus is no sign."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A question, in several wordings, and what is right."""

    id: str
    """Of its content: the same in every list that the problem stands in."""
    prompts: tuple[str, ...]
    """Paraphrases; the first is the default."""
    answer: str | None
    """As ``extract`` gives it; None where many are right and the task's checker decides."""
    language: str
    """ISO 639-3."""
    worked: str
    """A whole completion that is right."""
    answerable: bool = True
    """False: to abstain is the right answer."""
    content: str = ""
    """What is asked, whatever the wording."""
    others: tuple[str, ...] = ()
    """More answers that are right."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is drawn of a task: a problem without its wordings."""

    content: str
    gaps: Mapping[str, object]
    """What stands in the gaps of the wordings, by name."""
    answer: str | None
    worked: str
    wording: str
    """The name of its wordings in ``paraphrases.toml``."""
    language: str = "eng"
    answerable: bool = True


class Task(ABC):
    """Problems of one kind, how an answer to them is found, and whether it is right."""

    schema: ClassVar[dict[str, Any] | None] = None
    """The JSON schema that a completion can be held to, if it is to be JSON."""
    ended_only: ClassVar[bool] = False
    """Whether a completion that was cut off has no answer, whatever it says so far."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What the task is called, with its difficulty."""

    @abstractmethod
    def problems(self, count: int, seed: int, split: Split) -> list[Problem]:
        """Problems of a split, or as many of those to test on as there are.

        Equal seeds give equal ones; fewer are the first of more.
        """

    @abstractmethod
    def extract(self, problem: Problem, text: str) -> str | None:
        """The answer that a completion gives, in one spelling; None where there is none."""

    def check(self, problem: Problem, answer: str) -> bool:
        """Whether an answer, as ``extract`` gives it, is right."""
        return answer == problem.answer or answer in problem.others


@dataclass(frozen=True)
class Puzzle(Task):
    """A task that draws its problems; its fields are ranges and say how hard they are."""

    kind: ClassVar[str]
    limits: ClassVar[Mapping[str, Range]]
    """What each field must lie in."""

    def __post_init__(self) -> None:
        for name, (least, most) in self.limits.items():
            low, high = getattr(self, name)
            if not least <= low <= high <= most:
                raise ValueError(
                    f"{name} of {self.kind} is a range within {least}-{most}, got {low}-{high}"
                )

    @property
    def name(self) -> str:
        """The kind and what is not as by default, as in ``reversing:letters=3-5``."""
        changed = [
            f"{field.name}={value[0]}-{value[1]}"
            for field in dataclasses.fields(self)
            if (value := getattr(self, field.name)) != field.default
        ]
        return f"{self.kind}:{','.join(changed)}" if changed else self.kind

    @abstractmethod
    def draw(self, random: Random) -> Question:
        """A question of either split."""

    def problems(self, count: int, seed: int, split: Split) -> list[Problem]:
        """As every task's; each problem once, while there are new ones.

        To train on, problems come again when there are no new ones, perhaps worked another way;
        their ids then end in the time, from ``-2`` on.

        Raises:
            ConfigError: there is none to train on.
        """
        random = Random(f"{self.kind} {split} {seed}")
        times = Counter[str]()
        found: list[Problem] = []
        fruitless = 0
        while len(found) < count:
            question = self.draw(random)
            is_new = question.content not in times
            is_taken = is_new or fruitless >= PATIENCE
            if is_taken and split_of(self.kind, question.content) == split:
                times[question.content] += 1
                found.append(self._worded(question, times[question.content]))
                fruitless = 0 if is_new else fruitless
                continue
            fruitless += 1
            if fruitless >= PATIENCE and split == "test":
                break
            if fruitless >= PATIENCE and not found:
                raise ConfigError(
                    f"{self.name} has no problem to train on", hint="widen its ranges"
                )
        return found

    def _worded(self, question: Question, time: int) -> Problem:
        digest = hashlib.sha256(question.content.encode()).hexdigest()[:12]
        return Problem(
            id=f"{self.kind}/{digest}" + (f"-{time}" if time > 1 else ""),
            prompts=tuple(
                wording.format_map(question.gaps) for wording in paraphrases()[question.wording]
            ),
            answer=question.answer,
            language=question.language,
            worked=question.worked,
            answerable=question.answerable,
            content=question.content,
        )


def split_of(kind: str, content: str) -> Split:
    """The split that a problem is of."""
    return "test" if lot(f"{kind} {content}", "test of tasks") < TEST_SHARE else "train"


@cache
def paraphrases() -> dict[str, list[str]]:
    """The wordings of all tasks, by name."""
    text = files("bedstone.tasks").joinpath("paraphrases.toml").read_text("utf-8")
    return tomllib.loads(text)


def between(random: Random, bounds: Range) -> int:
    """A whole number, both bounds included."""
    return random.randint(*bounds)


def of_digits(random: Random, bounds: Range) -> int:
    """A positive number with so many digits."""
    digits = between(random, bounds)
    return random.randrange(10 ** (digits - 1), 10**digits)


def stated(form: re.Pattern[str], text: str) -> str | None:
    """The first match on the line behind the last "answer" that has one there, else the last."""
    return stated_by(lambda part: [match[0] for match in form.finditer(part)], text)


def stated_by(
    find: Callable[[str], list[str]], text: str, marker: re.Pattern[str] = MARKER
) -> str | None:
    """As ``stated``, where the matches in a text are what ``find`` gives."""
    for mark in reversed(list(marker.finditer(text))[-MOST_MARKERS:]):
        if found := find(text[mark.end() :].partition("\n")[0]):
            return found[0]
    found = find(text)
    return found[-1] if found else None


def number(written: str) -> str:
    """A match of ``NUMBER`` in one spelling: 1,050.50 is 1050.5, and digits are ASCII's."""
    value = Decimal(written.replace(",", "").replace("−", "-"))
    spelt = format(value or abs(value), "f")
    return spelt.rstrip("0").rstrip(".") if "." in spelt else spelt


def stated_number(text: str) -> str | None:
    """What is marked as the answer, else the last number."""
    found = stated(NUMBER, text)
    return None if found is None else number(found)
