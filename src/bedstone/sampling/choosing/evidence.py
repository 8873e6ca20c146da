"""What stored answers say: tables of texts as arrays that strategies are computed from.

Shape letters: P problems, N samples of each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from bedstone.errors import DataError
from bedstone.sampling.choosing.pace import Pace
from bedstone.sampling.choosing.selection import Answers
from bedstone.sampling.choosing.similarity import similarities
from bedstone.tasks.catalogue import Problem, Task
from bedstone.tasks.problems import ABSTAINING


@dataclass(frozen=True, slots=True)
class Evidence:
    """The samples of a chain: their texts, and what these say."""

    texts: list[list[str]]
    """(P, N)"""
    answers: Answers


@dataclass(slots=True)
class Reader:
    """Reads the answers to a task's problems; equal answers get equal numbers in all tables."""

    task: Task
    problems: Sequence[Problem]
    paces: Mapping[int, Pace] | None = None
    """Of a model on this machine."""
    _numbers: list[dict[str, int]] = field(default_factory=list)
    _right: dict[tuple[int, int], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._numbers = [{} for _ in self.problems]

    def read(self, table: pa.Table, samples: int) -> Evidence:
        """The first ``samples`` of each problem.

        Raises:
            DataError: the table lacks some.
        """
        rows = self._rows(table, samples)
        texts = [[str(row["text"]) for row in each] for each in rows]
        found = [[self._number(place, row) for row in each] for place, each in enumerate(rows)]
        choice_PN = np.array([[number for number, _ in each] for each in found])
        tokens_PN = np.array([[row["completion_tokens"] for row in each] for each in rows])
        logprob_PN = np.array([[row["logprob"] for row in each] for each in rows], dtype=np.float64)
        return Evidence(
            texts,
            Answers(
                choice_PN=choice_PN,
                correct_PN=np.array(
                    [
                        [self._is_right(p, number) for number in row]
                        for p, row in enumerate(choice_PN.tolist())
                    ]
                ),
                logprob_PN=logprob_PN,
                mean_logprob_PN=logprob_PN / np.maximum(tokens_PN, 1),
                completion_tokens_PN=tokens_PN,
                prompt_tokens_P=np.array([each[0]["prompt_tokens"] for each in rows]),
                seconds_PN=np.array(
                    [[row["seconds"] for row in each] for each in rows], dtype=np.float64
                ),
                abstains_PN=np.array([[abstains for _, abstains in each] for each in found]),
                answerable_P=np.array([problem.answerable for problem in self.problems]),
                utility_PNN=np.stack([similarities(each) for each in texts])
                if samples > 1
                else None,
                reward_PN=np.array([[row["reward"] for row in each] for each in rows])
                if "reward" in table.column_names
                else None,
                paces=self.paces,
            ),
        )

    def _rows(self, table: pa.Table, samples: int) -> list[list[dict[str, object]]]:
        places = {problem.id: place for place, problem in enumerate(self.problems)}
        rows: list[dict[int, dict[str, object]]] = [{} for _ in self.problems]
        for row in table.to_pylist():
            if row["problem"] in places and row["sample"] < samples:
                rows[places[row["problem"]]][row["sample"]] = row
        if any(len(each) < samples for each in rows):
            raise DataError("the stored answers lack some of the samples")
        return [[each[number] for number in range(samples)] for each in rows]

    def _number(self, place: int, row: dict[str, object]) -> tuple[int, bool]:
        """The number of the answer, -1 for none, and whether it abstains."""
        if self.task.ended_only and row["finish_reason"] != "stop":
            return -1, False
        answer = self.task.extract(self.problems[place], str(row["text"]))
        if answer is None:
            return -1, False
        numbers = self._numbers[place]
        number = numbers.setdefault(answer, len(numbers))
        if (place, number) not in self._right:
            self._right[place, number] = self.task.check(self.problems[place], answer)
        return number, answer == ABSTAINING

    def _is_right(self, place: int, number: int) -> bool:
        return number >= 0 and self._right[place, number]
