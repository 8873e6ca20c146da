"""How far what a model says of itself can be trusted: confidence, agreement, not knowing.

Shape letters: I instances, B bins.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from statistics import fmean

import numpy as np
from numpy.typing import ArrayLike

from bedstone.evaluation.verdicts.outcomes import Outcome
from bedstone.evaluation.verdicts.panels import Measured
from bedstone.sampling.choosing.calibration import agreement, auroc, brier

BINS = 10
SIMULATIONS = 500


def calibration(confidence_I: ArrayLike, right_I: ArrayLike, seed: int) -> dict[str, float | None]:
    """Whether confidence is a chance to be right; of one instance at least.

    ``calibration_error`` is the expected one, in bins of equally many; ``_by_chance`` that of a
    model which is right exactly as often as it is confident, and ``_by_chance_high`` what such a
    model exceeds in 5 of 100 tests, if none is right because another is: where instances share a
    passage it exceeds it more often. ``auroc`` is None where all are right or all wrong.

    Source: Guo et al. 2017, arXiv:1706.04599, equation 3. Differs: bins of equally many, and the
    error's own bias beside it, by simulation.
    """
    confidence_I, right_I = np.asarray(confidence_I, np.float64), np.asarray(right_I, np.float64)
    order = np.argsort(confidence_I, kind="stable")
    confidence_I, right_I = confidence_I[order], right_I[order]
    random, count = np.random.default_rng(seed), len(order)
    starts_B = np.unique(np.arange(BINS) * count // BINS)

    def error_of(given_I: ArrayLike) -> float:
        off_B = np.add.reduceat(np.asarray(given_I) - confidence_I, starts_B)
        return float(np.abs(off_B).sum() / count)

    by_chance = [error_of(random.random(count) < confidence_I) for _ in range(SIMULATIONS)]
    error, high = error_of(right_I), float(np.quantile(by_chance, 0.95))
    ranked = auroc(confidence_I, right_I)
    return {
        "calibration_error": error,
        "calibration_error_by_chance": fmean(by_chance),
        "calibration_error_by_chance_high": high,
        "is_miscalibrated": float(error > high),
        "brier": brier(confidence_I, right_I),
        "auroc": None if np.isnan(ranked) else ranked,
    }


def agreements(
    groups: Iterable[Sequence[Outcome]],
) -> tuple[list[Measured], list[Measured], dict[str, float]]:
    """How often two outcomes of a group say the same, and whether all of it are right.

    And in each language, how often two outcomes of any two groups say the same, which is chance.
    Groups, of one language each, are samples of an item, say, or wordings of a content. Those of
    one outcome are left out; what is not read agrees with nothing, to abstain is an answer. Choices
    are the same by their number, or where wordings order the same ones otherwise, by their text.
    """
    agreeing, all_right = list[Measured](), list[Measured]()
    counts = defaultdict[str, Counter[object]](Counter)
    for those in groups:
        if len(those) > 1:
            item = those[0].item
            said = _said(those)
            counts[item.language].update(said)
            numbers = {what: number for number, what in enumerate(set(said))}
            choice = [-1 if what is None else numbers[what] for what in said]
            agreeing.append(Measured(item, float(agreement(np.array([choice]))[0])))
            all_right.append(Measured(item, float(all(it.right == 1 for it in those))))
    by_chance = {
        language: (sum(n**2 for n in its.values()) - its[None] ** 2) / its.total() ** 2
        for language, its in counts.items()
    }
    return agreeing, all_right, by_chance


def _said(those: Sequence[Outcome]) -> list[tuple[int | None, str | None] | None]:
    """What each says, so that it can be compared; None of what is not read."""
    orders = {it.item.choices for it in those}
    is_reordered = len(orders) > 1 and len({tuple(sorted(each)) for each in orders}) == 1

    def chosen(it: Outcome) -> int | None:
        if it.chosen is None or not is_reordered:
            return it.chosen
        return sorted(it.item.choices).index(it.item.choices[it.chosen])

    return [(chosen(it), it.answer) if it.is_read else None for it in those]


def knowing(outcomes: Sequence[Outcome]) -> dict[str, list[Measured]]:
    """Whether a model answers where it can know and abstains where it cannot.

    ``answered`` and ``right_of_answered`` of questions without choices that have an answer,
    ``answered_without_fact`` of those that have none, ``abstained`` of all. What is not read is no
    answer.
    """
    known = [each for each in outcomes if each.item.answers]
    unknown = [each for each in outcomes if not each.item.answers]
    return {
        "answered": [Measured(each.item, float(_answers(each))) for each in known],
        "right_of_answered": [Measured(it.item, it.right) for it in known if _answers(it)],
        "answered_without_fact": [Measured(each.item, float(_answers(each))) for each in unknown],
        "abstained": [Measured(each.item, float(each.abstains)) for each in outcomes],
    }


def penalised(outcomes: Sequence[Outcome], threshold: float) -> list[Measured]:
    """1 for a right answer, -t / (1 - t) for a wrong one, 0 for none.

    Who is less sure than the threshold t does better to abstain.

    Source: Kalai et al. 2025, arXiv:2509.04664.
    """
    penalty = threshold / (1 - threshold)
    return [
        Measured(it.item, it.right - (1 - it.right) * penalty if _answers(it) else 0.0)
        for it in outcomes
    ]


def _answers(outcome: Outcome) -> bool:
    return outcome.is_read and not outcome.abstains
