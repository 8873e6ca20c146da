"""What came of each item of a test: what a model takes for right, and whether it is.

A choice is taken by its log-probability as it is (``acc``), by that over its UTF-8 bytes
(``acc_bytes``) or code points (``acc_chars``), the delimiter not counted, or by what the prompt
adds to that of the choice after nothing (``acc_pmi``). Among equally good ones a lot is thought to
be drawn: ``right`` is then the chance that it falls on the right one.

Source: lm-evaluation-harness, ``acc``, ``acc_bytes``, ``acc_norm`` (whose bytes are code points:
``acc_chars``) and ``acc_mutual_info``, for what is divided by what.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import sub, truediv

import pyarrow as pa
import pyarrow.compute as pc

from bedstone.errors import DataError
from bedstone.evaluation.verdicts.panels import Measured
from bedstone.tasks.items import Item, Metric
from bedstone.tasks.reading import reading_of

ACCURACIES: tuple[Metric, ...] = ("acc_bytes", "acc", "acc_chars", "acc_pmi")
SIZES: dict[Metric, Callable[[str], int]] = {
    "acc_bytes": lambda text: len(text.encode("utf-8", "surrogatepass")),
    "acc_chars": len,
}
"""What the log-probability of a choice is divided by."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a model makes of an item, once."""

    item: Item
    right: float
    """0 to 1; between where several choices are equally good, or where an answer is judged by how
    much of it is right."""
    chosen: int | None
    """The number of the choice; of equally good ones the first."""
    answer: str | None
    """As it was read. None with no choice either, and yet read: the model abstains."""
    is_read: bool
    """False: the text holds no answer that can be found."""
    confidence: float | None
    """What the chosen one has of the summed probabilities of the choices, whole, by whatever metric
    it is taken; None of answers."""
    sample: int = 0

    @property
    def abstains(self) -> bool:
        """Whether it says that it does not know."""
        return self.is_read and self.chosen is None and self.answer is None


@dataclass(frozen=True, slots=True)
class Scored:
    """The log-probabilities of an item's choices, in nats."""

    item: Item
    logprobs: Sequence[float]
    alone: Sequence[float] | None
    """After nothing; None where who computed the scores did not tell it."""

    def outcome(self, metric: Metric, *, is_alone: bool = False) -> Outcome:
        """Which choice has most by a metric; or has without the question.

        Raises:
            DataError: of a choice there is no such value, or no text.
        """
        item, values = self.item, self.logprobs
        if metric not in ACCURACIES:
            raise DataError(
                f"choices cannot be judged by {metric}", hint=f"by one of {', '.join(ACCURACIES)}"
            )
        if not all(item.choices):
            raise DataError(f"item {item.id}: a choice has no text")
        if is_alone or metric == "acc_pmi":
            if self.alone is None:
                raise DataError(
                    f"item {item.id}: no log-probability of the choices after nothing",
                    hint="without it a metric other than acc_pmi is needed",
                )
            values = self.alone if is_alone else [*map(sub, values, self.alone)]
        if metric in SIZES:
            values = [*map(truediv, values, map(SIZES[metric], item.choices))]
        best = max(values)
        right = (values[item.gold or 0] == best) / values.count(best)
        chosen, most = values.index(best), max(self.logprobs)
        weights = [math.exp(each - most) for each in self.logprobs]
        return Outcome(item, right, chosen, None, True, weights[chosen] / sum(weights))


def outcomes(items: Sequence[Item], table: pa.Table, metric: Metric | None = None) -> list[Outcome]:
    """What came of items, in their order and in that of the samples.

    Of scores, that of items with several choices, all of them: a text has bits, which
    ``text_costs`` tells. Of answers, that of all items that were asked.

    Args:
        items: of one suite or more.
        table: as ``tasks.stored.SCORES`` or ``tasks.stored.ANSWERS``.
        metric: to judge choices by; absent, each item's own.

    Raises:
        DataError: the table lacks a choice of an item, or a choice has no text.
    """
    if "problem" in table.column_names:
        return list(_of_answers(items, table))
    several = [item for item in items if len(item.choices) > 1]
    return [each.outcome(metric or each.item.metric) for each in choices_of(several, table)]


def _of_answers(items: Sequence[Item], answers: pa.Table) -> Iterator[Outcome]:
    texts = defaultdict[str, list[tuple[int, str]]](list)
    columns = (answers[name].to_pylist() for name in ("problem", "sample", "text"))
    for problem, sample, text in zip(*columns, strict=True):
        texts[problem].append((sample, text))
    for item in items:
        for sample, text in sorted(texts[item.id]):
            it = reading_of(item, text)
            yield Outcome(item, it.right, it.chosen, it.answer, it.is_read, None, sample)


def text_costs(items: Sequence[Item], scores: pa.Table) -> list[Measured]:
    """The bits of the texts among the items over their bytes.

    Of one behind a prompt, the delimiter counts as its own.

    Raises:
        DataError: as ``outcomes``.
    """
    found = []
    for each in choices_of([item for item in items if len(item.choices) == 1], scores):
        it, (logprob,) = each.item, each.logprobs
        size = len(((it.prompt and it.delimiter) + it.choices[0]).encode())
        found.append(Measured(it, -logprob / math.log(2), size))
    return found


def choices_of(items: Sequence[Item], scores: pa.Table) -> list[Scored]:
    """What the scores say of items, in their order.

    Raises:
        DataError: as ``outcomes``.
    """
    those = scores.filter(pc.is_in(scores["item"], pa.array([it.id for it in items], pa.string())))
    columns = (those[name].to_pylist() for name in ("item", "choice", "logprob", "alone_logprob"))
    told = {(item, choice): both for item, choice, *both in zip(*columns, strict=True)}
    found = []
    for item in items:
        each = [told.get((item.id, at), (math.nan, None)) for at in range(len(item.choices))]
        logprobs, alone = zip(*each, strict=True)
        is_told = None not in alone
        values = (*logprobs, *(alone if is_told else ()))
        if not all(it is not None and math.isfinite(it) for it in values):
            raise DataError(
                f"item {item.id}: a choice has no logprob", hint="score these items again"
            )
        found.append(Scored(item, logprobs, alone if is_told else None))
    return found
