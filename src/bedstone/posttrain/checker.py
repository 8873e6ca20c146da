"""The property that post-training is to strengthen: an answer that ends, as a sentence, in time.

It is judged by code from the completion alone, and so exactly, where helpfulness could only be
guessed at. It says nothing of what the sentence says.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bedstone import languages
from bedstone.errors import DataError
from bedstone.posttrain.prompts import Pair, drawn, read_pairs
from bedstone.store.artifact import Shard
from bedstone.tasks.problems import Problem, Split, Task
from bedstone.text.sentences import ends_as_sentence

MIN_CHARACTERS = 20
"""A word and a full stop is the cheapest way to end as a sentence, and no answer. As short as the
shortest completions of ``posttrain.pairs``."""
TASK = "whole sentences"


def holds(text: str, *, ended: bool) -> bool:
    """Whether the completion ``text`` has the property.

    Args:
        text: decoded, without control tokens.
        ended: whether the model closed it by itself within the length that it was allowed.
    """
    return ended and len(text.strip()) >= MIN_CHARACTERS and ends_as_sentence(text)


@dataclass(frozen=True)
class WholeSentences(Task):
    """To answer the prompts of real pages; right is each answer that has the property."""

    ended_only: ClassVar[bool] = True
    train: Sequence[Pair]
    """What post-training learns from."""
    test: Sequence[Pair]
    """What it holds out."""

    @classmethod
    def of_pairs(cls, pairs: Shard, max_bytes: int | None) -> "WholeSentences":
        """The task of the pairs whose prompts have so many bytes at most."""
        fitting = (
            [pair for pair in each if max_bytes is None or len(pair.prompt.encode()) <= max_bytes]
            for each in read_pairs(pairs)
        )
        return cls(*fitting)

    @property
    def name(self) -> str:
        """Of what is asked for."""
        return TASK

    def prompts(self, count: int, seed: int, split: Split) -> list[Pair]:
        """Pairs of different prompts, in an order of the seed's; or as many as there are.

        Raises:
            DataError: there is none.
        """
        pairs = drawn(self.train if split == "train" else self.test, count, seed)
        if not pairs:
            raise DataError(
                f"the pairs have no prompt to {split} on that fits into the model's texts",
                hint="lower max_tokens, take a model of longer texts, or cut more pairs",
            )
        return pairs

    def problems(self, count: int, seed: int, split: Split) -> list[Problem]:
        """As every task's; see ``prompts``."""
        return [_problem(pair) for pair in self.prompts(count, seed, split)]

    def extract(self, problem: Problem, text: str) -> str | None:
        """The text."""
        return text.strip() or None

    def check(self, problem: Problem, answer: str) -> bool:
        """Whether it has the property."""
        return holds(answer, ended=True)


def _problem(pair: Pair) -> Problem:
    digest = hashlib.sha256(pair.prompt.encode()).hexdigest()[:12]
    return Problem(
        id=f"sentence/{digest}",
        prompts=(pair.prompt,),
        answer=None,
        language=languages.split(pair.language)[0],
        worked=pair.completion,
        content=pair.prompt,
    )
