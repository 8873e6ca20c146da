"""How far a model's samples can be trusted: calibration, agreement, form, abstaining.

``right`` is 1 where what was taken is right and 0 where it is wrong; between where it was taken
by lot among equals, some of them right: then the lot's mean is counted.

Shape letters: I instances; P problems, N samples of each, Q paraphrases of each.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bedstone.sampling.choosing.selection import Answers, outcome
from bedstone.uncertainty.intervals import Estimate, wilson
from bedstone.uncertainty.paired import Bools, Floats

BINS = 15


def calibration_error(confidence_I: ArrayLike, right_I: ArrayLike, bins: int = BINS) -> float:
    """The expected calibration error: confidence against accuracy, in bins of equal width.

    Of equal width, not of equal mass: a vote has few shares, which equal masses would tear apart.

    Raises:
        ValueError: a confidence lies outside of 0 to 1.

    Source: Guo et al. 2017, arXiv:1706.04599, equation 3.
    """
    confidence, right = _instances(confidence_I, right_I)
    of = np.ceil(confidence * bins).clip(min=1).astype(np.int64)
    if not ((confidence >= 0) & (confidence <= 1)).all():
        raise ValueError("a confidence is a share from 0 to 1")
    return float(np.abs(np.bincount(of, right - confidence)).sum() / len(right))


def brier(confidence_I: ArrayLike, right_I: ArrayLike) -> float:
    """The mean square of what confidence and outcome differ by.

    Source: Brier 1950, "Verification of forecasts expressed in terms of probability".
    """
    confidence, right = _instances(confidence_I, right_I)
    return float((right * (1 - confidence) ** 2 + (1 - right) * confidence**2).mean())


def auroc(score_I: ArrayLike, right_I: ArrayLike) -> float:
    """The chance that a right instance has a higher score than a wrong one, equal ones half.

    nan where none is right or none is wrong.

    Source: Hanley and McNeil 1982, "The meaning and use of the area under a ROC curve".
    """
    score, right = _instances(score_I, right_I)
    _, of = np.unique(score, return_inverse=True)
    right_U, wrong_U = np.bincount(of, right), np.bincount(of, 1 - right)
    below_U = np.cumsum(wrong_U) - wrong_U
    pairs = right.sum() * (1 - right).sum()
    return float((right_U * (below_U + wrong_U / 2)).sum() / pairs) if pairs > 0 else float("nan")


def vote_confidence(answers: Answers) -> tuple[Floats, Floats]:
    """The share of a majority of all samples, and whether it is right, of each problem."""
    majority = outcome(answers, "majority", answers.samples)
    return majority.confidence_P, majority.accuracy_P


def sample_confidence(answers: Answers) -> tuple[Floats, Floats]:
    """The geometric mean of a sample's token probabilities, and whether it is right (P * N,).

    nan where log-probabilities are not told.
    """
    right_PN = answers.correct_PN & (answers.choice_PN >= 0)
    return np.exp(answers.mean_logprob_PN).ravel(), right_PN.ravel().astype(np.float64)


def agreement(choice_PN: NDArray[np.int64]) -> Floats:
    """The share of pairs of a problem's samples, or seeds, that give the same answer (P,).

    Those without an answer agree with nothing.

    Raises:
        ValueError: one alone makes no pair.
    """
    count = choice_PN.shape[1]
    if count < 2:
        raise ValueError("agreement takes two answers of a problem or more")
    same_PNN = choice_PN[:, :, None] == choice_PN[:, None, :]
    found_PN = choice_PN >= 0
    equal_P = (same_PNN & found_PN[:, :, None]).sum(axis=(1, 2)) - found_PN.sum(axis=1)
    return np.asarray(equal_P / (count * (count - 1)))


def paraphrase_agreement(choice_PQ: NDArray[np.int64], right_PQ: Bools) -> tuple[Bools, Bools]:
    """Of each problem, whether all paraphrases get the same answer, and whether all a right one.

    Args:
        choice_PQ: the answer taken, numbered alike for all paraphrases; -1, the same as none.
        right_PQ: whether it is right.
    """
    first_P = choice_PQ[:, 0]
    same_P = np.all(choice_PQ == first_P[:, None], axis=1) & (first_P >= 0)
    return same_P, np.asarray(right_PQ.all(axis=1))


def format_validity(answers: Answers) -> Estimate:
    """The share of samples in which an answer was found, with the interval over problems."""
    share_P = (answers.choice_PN >= 0).mean(axis=1)
    return wilson(float(share_P.mean()), answers.problems)


def wrongly_answered(answers: Answers) -> Estimate:
    """Of the samples of problems without an answer, the share that gives one all the same.

    Raises:
        ValueError: every problem has an answer.
    """
    open_P = ~answers.answerable_P
    gives_PN = (answers.choice_PN >= 0) & ~answers.abstains_PN
    share_P = gives_PN[open_P].mean(axis=1)
    return wilson(float(share_P.mean()) if len(share_P) else 0.0, len(share_P))


def _instances(value_I: ArrayLike, right_I: ArrayLike) -> tuple[Floats, Floats]:
    value, right = (np.asarray(each, dtype=np.float64) for each in (value_I, right_I))
    if value.shape != right.shape or value.size == 0:
        raise ValueError(f"shapes {value.shape} and {right.shape} are not of the same instances")
    if np.isnan(value).any():
        raise ValueError("a score that is not told can neither be calibrated nor ranked")
    return value, right
