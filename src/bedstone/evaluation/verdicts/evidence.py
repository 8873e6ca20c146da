"""What is known of a model by a suite: its outcomes, put together from scores and answers."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from bedstone.evaluation.verdicts.outcomes import (
    Choices,
    Outcome,
    choices_of,
    outcomes,
    text_costs,
)
from bedstone.evaluation.verdicts.panels import Measured
from bedstone.tasks.items import Item, Metric


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a model made of the items of a suite."""

    suite: str
    metric: Metric
    outcomes: Sequence[Outcome]
    texts: Sequence[Measured] = ()
    """Bits over bytes."""
    choices: Choices | None = None
    """None where the outcomes are read from answers."""
    spoken: Sequence[tuple[Item, str]] = ()
    """Whole answers."""

    @property
    def measured(self) -> list[Measured]:
        """What the score is the mean of: what is right, or bits over bytes."""
        return [*(Measured(each.item, each.right) for each in self.outcomes), *self.texts]

    @property
    def is_comparable(self) -> bool:
        """Whether the score of one language says anything beside another's."""
        return self.metric not in ("bits", "chrf")


def evidences(
    items: Sequence[Item], scores: pa.Table | None, answers: pa.Table | None
) -> Iterator[Evidence]:
    """Of each suite of which something is known.

    Items with choices are judged by their scores where there are some, else by answers.

    Raises:
        DataError: the scores lack an item.
    """
    suites = defaultdict[tuple[str, Metric], list[Item]](list)
    for item in items:
        suites[item.suite, item.metric].append(item)
    for (suite, metric), those in suites.items():
        of_scores = [it for it in those if it.choices] if scores is not None else []
        several = [item for item in of_scores if len(item.choices) > 1]
        texts = [item for item in of_scores if len(item.choices) == 1]
        found = outcomes(several, scores) if several else []
        spoken = list[tuple[Item, str]]()
        if answers is not None:
            answered = {it.id: it for it in those if scores is None or not it.choices}
            found += outcomes(list(answered.values()), answers)
            spoken = [
                (answered[name], text)
                for name, text in zip(
                    answers["problem"].to_pylist(), answers["text"].to_pylist(), strict=True
                )
                if name in answered and not answered[name].choices
            ]
        bits = text_costs(texts, scores) if texts else []
        if found or bits:
            choices = choices_of(several, scores) if several else None
            yield Evidence(suite, metric, found, bits, choices, spoken)
