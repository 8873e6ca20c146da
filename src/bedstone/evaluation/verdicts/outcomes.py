"""What came of each item of a test: what a model takes for right, and whether it is.

A choice is taken by its log-probability as it is (``acc``), by that over its UTF-8 bytes
(``acc_bytes``) or code points (``acc_chars``), the delimiter not counted, or by what the prompt
adds to that of the choice after nothing (``acc_pmi``). Among equally good ones a lot is thought to
be drawn: ``right`` is then the chance that it falls on the right one.

Shape letters: I items, K choices of the item that has most.

Source: lm-evaluation-harness, ``acc``, ``acc_bytes``, ``acc_norm`` (whose bytes are code points:
``acc_chars``) and ``acc_mutual_info``, for what is divided by what.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bedstone.errors import DataError
from bedstone.evaluation.verdicts.panels import Measured
from bedstone.tasks.items import Item, Metric
from bedstone.tasks.reading import reading_of
from bedstone.uncertainty.paired import Floats

ACCURACIES: tuple[Metric, ...] = ("acc_bytes", "acc", "acc_chars", "acc_pmi")


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
    """The share of the chosen one, where the choices' values are taken for log-probabilities."""
    sample: int = 0

    @property
    def abstains(self) -> bool:
        """Whether it says that it does not know."""
        return self.is_read and self.chosen is None and self.answer is None


@dataclass(frozen=True, slots=True)
class Choices:
    """The scores of items of several choices."""

    items: tuple[Item, ...]
    is_given_IK: NDArray[np.bool_]
    """False beyond the choices of an item that has fewer than K."""
    logprob_IK: Floats
    alone_IK: Floats | None
    """After nothing; None where who computed the scores did not tell it."""
    bytes_IK: Floats
    """Of the choices' text."""
    characters_IK: Floats

    @property
    def golds(self) -> NDArray[np.int64]:
        """The right one of each item."""
        return np.array([item.gold for item in self.items], np.int64)

    def values(self, metric: Metric) -> Floats:
        """What the best choice has most of; -inf where none is given.

        Raises:
            DataError: of a choice there is no such value.
        """
        if metric != "acc_pmi":
            return self._over(metric, self.logprob_IK)
        if self.alone_IK is None:
            raise DataError(
                f"item {self.items[0].id}: no log-probability of the choices after nothing",
                hint="without it a metric other than acc_pmi is needed",
            )
        return self._over(metric, self.logprob_IK - self.alone_IK)

    def alone(self, metric: Metric) -> Floats | None:
        """The same without the question: who tells the right answer by itself takes these."""
        return None if self.alone_IK is None else self._over(metric, self.alone_IK)

    def _over(self, metric: Metric, value_IK: Floats) -> Floats:
        if metric not in ACCURACIES:
            raise DataError(
                f"choices cannot be judged by {metric}", hint=f"by one of {', '.join(ACCURACIES)}"
            )
        wholes = {"acc_bytes": self.bytes_IK, "acc_chars": self.characters_IK}
        return np.where(self.is_given_IK, value_IK / wholes.get(metric, 1.0), -np.inf)


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
    made: dict[str, Outcome] = {}
    several = [item for item in items if len(item.choices) > 1]
    for by in sorted({metric or item.metric for item in several}):
        choices = choices_of([it for it in several if (metric or it.metric) == by], table)
        value_IK = choices.values(by)
        right_I, chosen_I = taken(value_IK, choices.golds)
        confidence_I = shares(value_IK).max(axis=1)
        columns = (right_I.tolist(), chosen_I.tolist(), confidence_I.tolist())
        for item, right, chosen, confidence in zip(choices.items, *columns, strict=True):
            made[item.id] = Outcome(item, right, chosen, None, True, confidence)
    return [made[item.id] for item in several]


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
    texts = [item for item in items if len(item.choices) == 1]
    logprob_I1 = _placed(texts, scores, "logprob", np.ones((len(texts), 1), bool))
    sizes = [len(((it.prompt and it.delimiter) + it.choices[0]).encode()) for it in texts]
    return list(map(Measured, texts, (-logprob_I1[:, 0] / math.log(2)).tolist(), sizes))


def choices_of(items: Sequence[Item], scores: pa.Table) -> Choices:
    """The scores of items of several choices.

    Raises:
        DataError: as ``outcomes``.
    """
    widths = np.array([len(item.choices) for item in items], np.int64)
    is_given_IK = np.arange(max(widths, default=0)) < widths[:, None]
    texts = [choice for item in items for choice in item.choices]
    bytes_IK, characters_IK = np.ones(is_given_IK.shape), np.ones(is_given_IK.shape)
    bytes_IK[is_given_IK] = [len(text.encode("utf-8", "surrogatepass")) for text in texts]
    characters_IK[is_given_IK] = [len(text) for text in texts]
    if not bytes_IK.all():
        empty = items[int(bytes_IK.all(axis=1).argmin())]
        raise DataError(f"item {empty.id}: a choice has no text")
    logprob_IK = _placed(items, scores, "logprob", is_given_IK)
    of_these = pc.is_in(scores["item"], pa.array([item.id for item in items], pa.string()))
    is_told = not pc.sum(pc.and_(of_these, pc.is_null(scores["alone_logprob"]))).as_py()
    alone_IK = _placed(items, scores, "alone_logprob", is_given_IK) if is_told else None
    return Choices(tuple(items), is_given_IK, logprob_IK, alone_IK, bytes_IK, characters_IK)


def taken(value_IK: Floats, gold_I: NDArray[np.int64]) -> tuple[Floats, NDArray[np.int64]]:
    """How far each item is right, and which choice is taken."""
    best_IK = value_IK == value_IK.max(axis=1, keepdims=True)
    right_I = best_IK[np.arange(len(gold_I)), gold_I] / best_IK.sum(axis=1)
    return right_I, best_IK.argmax(axis=1)


def shares(value_IK: Floats) -> Floats:
    """Each choice's of the sum of exp(value)."""
    weight_IK: Floats = np.exp(value_IK - value_IK.max(axis=1, keepdims=True))
    return np.asarray(weight_IK / weight_IK.sum(axis=1, keepdims=True))


def _placed(
    items: Sequence[Item], scores: pa.Table, name: str, is_given_IK: NDArray[np.bool_]
) -> Floats:
    """A column of the scores, a row for each item; 0 where no choice is given."""
    places = pc.index_in(scores["item"], pa.array([item.id for item in items], pa.string()))
    rows = pa.table({"place": places, "choice": scores["choice"], "value": scores[name]})
    place, choice, value = (column.to_numpy() for column in rows.drop_null().columns)
    within = choice < is_given_IK.shape[1]
    value_IK = np.where(is_given_IK, np.nan, 0.0)
    value_IK[place[within], choice[within]] = value[within]
    if not (told_I := np.isfinite(value_IK).all(axis=1)).all():
        raise DataError(
            f"item {items[int(told_I.argmin())].id}: a choice has no {name}",
            hint="score these items again",
        )
    return value_IK
