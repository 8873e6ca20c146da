"""What `bedstone strategies` is asked: the options, and the problems of each task."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bedstone.errors import ConfigError, DataError
from bedstone.generation.complete import chain_of
from bedstone.model import Device, NumberFormat
from bedstone.posttrain.chat import prompt_max_bytes
from bedstone.sampling.answers import prompt_of, task_of
from bedstone.sampling.choosing.comparison import Budget, Prices, refuse_unequal
from bedstone.sampling.choosing.ranking import GREEDY
from bedstone.sampling.source import refuse_unnamed
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact, is_complete
from bedstone.tasks.catalogue import Problem, Task, named, of_file

TASKS = ("sums", "factoring", "reversing")
CHAINS = (
    *(f"temperature={value}" for value in (0.3, 0.7, 1)),
    *(f"top_p={value}" for value in (0.7, 0.9, 0.97)),
    *(f"min_p={value}" for value in (0.02, 0.05, 0.2)),
)
"""Equally many of each sampler: more tries win by luck."""
BLOCK_PROBLEMS = 20
"""Problems are drawn by so many."""
MIN_PROBLEMS = 20
MAX_COMPLETIONS = 2_000_000
"""Of a chain: so many can be listed and compared in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is compared, on what, and within which budget."""

    tasks: tuple[str, ...]
    data: tuple[Path, ...]
    chains: tuple[str, ...]
    samples: int
    problems: int
    paraphrases: int = 1
    max_tokens: int
    seed: int
    plain: bool
    constrain: bool = False
    budget: Budget
    prices: Prices
    checker: bool = False
    reward: Path | None = None
    number_format: NumberFormat
    """Of a model of this machine."""
    device: Device
    """Where it computes."""

    @property
    def how(self) -> dict[str, Any]:
        """In which number format a model of this machine computes, and where."""
        return {"number_format": self.number_format, "device": self.device}

    def refuse_unusable(self, *, is_url: bool, name: str | None) -> None:
        """Raises ConfigError where an option cannot be used.

        Args:
            is_url: whether an endpoint is asked.
            name: of the model at the endpoint.
        """
        refuse_unnamed(name, is_url=is_url)
        if is_url and self.reward is not None:
            raise ConfigError("--reward judges what a model of this machine answers, no endpoint")
        if is_url and self.constrain:
            raise ConfigError("--constrain holds a model of this machine, no endpoint")
        if self.samples * self.problems > MAX_COMPLETIONS:
            raise ConfigError(
                f"--problems {self.problems} with --samples {self.samples} are more than "
                f"{MAX_COMPLETIONS:,} completions of a chain"
            )
        self.prices.refuse_unusable()
        if folders := [path for path in self.data if path.is_dir() and not is_complete(path)]:
            raise ConfigError(f"--data {folders[0]} is a folder", hint="give a file of JSON lines")
        if not self.budget.limit > 0:
            raise ConfigError(f"a budget of {self.budget.limit} {self.budget.unit} buys nothing")
        if self.budget.unit == "usd" and not any(self.prices[:2]):
            raise ConfigError(
                "--budget-usd needs the prices",
                hint="give both: --prompt-price 0.5 --completion-price 1.5, say",
            )

    @property
    def families(self) -> dict[str, str]:
        """Chain, spelt out -> its family: the names of its samplers.

        Raises:
            ConfigError: a chain cannot be read, there is none, or one family has more than another.
        """
        families = {}
        for text in self.chains or CHAINS:
            chain = chain_of(text)
            families[str(chain)] = ", ".join(name for name, _ in chain.steps)
        families.pop(GREEDY, None)
        if not families:
            raise ConfigError("no chain is given to compare greedy with")
        tries = Counter(families.values())
        refuse_unequal([(count, family) for family, count in tries.items()])  # before any draw
        return families


def budget_of(tokens: float | None, seconds: float | None, usd: float | None) -> Budget:
    """What a problem may cost.

    Raises:
        ConfigError: there are several budgets.
    """
    given = {"tokens": tokens, "seconds": seconds, "usd": usd}
    told = {unit: limit for unit, limit in given.items() if limit is not None}
    if len(told) > 1:
        raise ConfigError(f"{len(told)} budgets are given", hint="give one of them")
    if tokens is not None:
        return Budget(tokens, "tokens")
    if seconds is not None:
        return Budget(seconds, "seconds")
    return Budget() if usd is None else Budget(usd, "usd")


@dataclass(frozen=True, slots=True)
class Questions:
    """A task with the problems that are asked of it."""

    task: Task
    file: Artifact | None
    """Where the problems come from, if the task has them from a file."""
    problems: Sequence[Problem]
    """In the seed's order: those that are compared on, and the rest of their last block."""
    count: int
    """Those that are compared on."""

    @property
    def wordings(self) -> int:
        """The most that a problem has."""
        return max(len(problem.prompts) for problem in self.problems)

    def prompts(self, first: int, count: int, wording: int) -> list[str]:
        """What is asked of so many problems from the ``first`` on."""
        problems = self.problems[first : first + count]
        return [prompt_of(problem, wording) for problem in problems]

    def problem_of(self, prompt: str) -> Problem:
        """The first that is asked so."""
        return next(problem for problem in self.problems if prompt in problem.prompts)


def questions_of(asked: Asked, store: Path, seq_len: int | None) -> list[Questions]:
    """Of the tasks by name, then of those of files and of stored pairs.

    Args:
        asked: what is compared.
        store: where files are adopted.
        seq_len: of the model's texts, if that is known.

    Raises:
        ConfigError: there is no such task; or one has too few problems.
        DataError: a file holds no problems, or too few.
    """
    names = asked.tasks or (() if asked.data else TASKS)
    given: list[tuple[Task, Path | None]] = [(named(name), None) for name in names]
    room = None if seq_len is None else prompt_max_bytes(seq_len, asked.max_tokens)
    given += [
        (task_of("", Artifact(path), room) if is_complete(path) else of_file(path), path)
        for path in asked.data
    ]
    whole = -(-asked.problems // BLOCK_PROBLEMS) * BLOCK_PROBLEMS
    found = []
    for task, path in given:
        problems = task.problems(whole, asked.seed, "test")
        if len(problems) < MIN_PROBLEMS:
            raise (ConfigError if path is None else DataError)(
                f"{path or task.name} holds {len(problems)} problems; {MIN_PROBLEMS} are the least",
                hint="half of them chooses, half reports",
            )
        file = None if path is None else adopt([path], store)
        found.append(Questions(task, file, problems, min(asked.problems, len(problems))))
    counts = Counter(each.task.name for each in found)
    if double := [name for name, count in counts.items() if count > 1]:
        raise ConfigError(
            f"two tasks are called {double[0]}", hint="give a task once, files of different names"
        )
    if asked.constrain and not any(task.schema for task, _ in given):
        raise ConfigError("--constrain: none of the tasks has a JSON schema", hint="json has one")
    return found
