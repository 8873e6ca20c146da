import math

import numpy as np
import pytest
from tests.support.answers import answers

from bedstone.sampling.choosing.calibration import (
    agreement,
    auroc,
    brier,
    calibration_error,
    format_validity,
    paraphrase_agreement,
    sample_confidence,
    vote_confidence,
    wrongly_answered,
)


def calibrated(count):
    random = np.random.default_rng(0)
    confidence = random.random(count)
    return confidence, random.random(count) < confidence


def test_calibrated_confidence_has_no_error():
    assert calibration_error(*calibrated(200_000)) < 0.01


def test_misplaced_confidence_is_measured():
    confidence, right = calibrated(200_000)
    # all halved: what is right is twice what was said, 0.5 against 0.25 in the mean
    assert calibration_error(confidence / 2, right) == pytest.approx(0.25, abs=0.005)
    assert calibration_error([0.9, 0.9], [0, 0]) == pytest.approx(0.9)


def test_bins_are_closed_above():
    # 2/15 belongs to the second bin, with 0.1; a third takes what is just above
    assert calibration_error([0.1, 2 / 15], [0, 1]) == pytest.approx(abs(0.5 - (0.1 + 2 / 15) / 2))
    assert calibration_error([0.0, 1.0], [0, 1]) == 0


def test_brier():
    assert brier([0.8, 0.3], [1, 0]) == pytest.approx((0.2**2 + 0.3**2) / 2)
    # a lot between a right and a wrong answer: the mean of both
    assert brier([0.8], [0.5]) == pytest.approx((0.2**2 + 0.8**2) / 2)
    confidence, right = calibrated(200_000)
    assert brier(confidence, right) == pytest.approx(1 / 6, abs=0.005)


def test_auroc_counts_pairs():
    random = np.random.default_rng(1)
    score, right = random.integers(0, 6, 60), random.random(60) < 0.4
    wins = [
        (a > b) + (a == b) / 2
        for a, a_right in zip(score, right, strict=True)
        for b, b_right in zip(score, right, strict=True)
        if a_right and not b_right
    ]
    assert auroc(score, right) == pytest.approx(np.mean(wins))
    assert auroc([1, 2, 3], [0, 0, 1]) == 1
    assert auroc([-math.inf, 1], [1, 0]) == 0


def test_auroc_of_one_kind_is_not_told():
    assert math.isnan(auroc([1, 2], [1, 1]))
    assert math.isnan(auroc([1, 2], [0, 0]))


def test_confidences():
    given = answers([[0, 0, 1], [1, -1, 0]], [{0}, {0}], [[-1, -2, -3], [-1, -1, -1]])
    share, right = vote_confidence(given)
    assert share == pytest.approx([2 / 3, 1 / 3])
    assert list(right) == [1, 0.5]
    probability, right = sample_confidence(given)
    assert probability == pytest.approx(np.exp([-1, -2, -3, -1, -1, -1]))
    assert list(right) == [1, 1, 0, 0, 0, 1]


def test_agreement():
    choice_PN = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 2], [-1, -1, -1], [0, 0, -1]])
    assert agreement(choice_PN) == pytest.approx([1, 1 / 3, 0, 0, 1 / 3])
    with pytest.raises(ValueError, match="two"):
        agreement(choice_PN[:, :1])


def test_agreement_of_paraphrases():
    choice_PQ = np.array([[0, 0], [0, 1], [2, 2], [-1, -1], [0, 1]])
    right_PQ = np.array([[1, 1], [1, 0], [0, 0], [0, 0], [1, 1]], dtype=bool)
    same, right = paraphrase_agreement(choice_PQ, right_PQ)
    assert list(same) == [True, False, True, False, False]
    assert list(right) == [True, False, False, False, True]


def test_form_and_abstaining():
    given = answers([[0, -1], [1, 0], [-1, -1]], [{0}] * 3)
    estimate = format_validity(given)
    assert (estimate.value, estimate.n) == (0.5, 3)
    given.answerable_P[1:] = False
    given.abstains_PN[1] = [True, False]
    estimate = wrongly_answered(given)  # a wrong answer is one of four; the first is answerable
    assert (estimate.value, estimate.n) == (0.25, 2)
    assert estimate.low < 0.25 < estimate.high


def test_impossible_questions_are_refused():
    with pytest.raises(ValueError, match="share"):
        calibration_error([1.5], [1])
    with pytest.raises(ValueError, match="instances"):
        brier([], [])
    with pytest.raises(ValueError, match="not told"):
        auroc([math.nan, 1], [1, 0])
    with pytest.raises(ValueError, match="no trials"):
        wrongly_answered(answers([[0]], [{0}]))
