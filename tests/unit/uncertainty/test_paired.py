import math

import numpy as np
import pytest

from bedstone.uncertainty import intervals, paired
from bedstone.uncertainty.intervals import percentile_interval
from bedstone.uncertainty.paired import holm, mcnemar, p_values, resampled


def test_holm_computed_by_hand():
    # sorted .005 .01 .03 .04 times 4 3 2 1: .02 .03 .06 .04, and none below one before it
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1, 1]
    assert holm([]) == []


def test_a_p_value_is_that_of_the_test_of_signs():
    gains = np.zeros((20, 4))
    gains[:3, 0] = 1  # 3 of 3: 2 / 2^3
    gains[:8, 1] = -1  # 8 of 8: 2 / 2^8
    gains[:10, 2] = [1] * 9 + [-1]  # 9 of 10 or more: 22 / 2^10
    found = p_values(gains, seed=0)
    assert found == pytest.approx([1 / 4, 1 / 128, 11 / 512, 1], abs=0.005)


def test_a_p_value_falls_below_what_resamples_can_tell():
    (p,) = p_values(np.ones((40, 1)), seed=0)
    assert p == pytest.approx(2 * math.exp(-20))  # Hoeffding's bound
    assert 2 / 2**40 < p < 1 / 10_001
    # the worst of 800 columns is told all the same
    random = np.random.default_rng(1)
    found = p_values(np.hstack([random.normal(0, 1, (60, 799)), np.ones((60, 1))]), seed=2)
    assert holm(found)[-1] < 0.001


def test_resamples_are_paired_and_of_whole_problems():
    value_PM = np.arange(10.0)[:, None] * [1, 2]
    drawn_RM = resampled(value_PM, seed=3, resamples=507)
    assert drawn_RM.shape == (507, 2)
    assert drawn_RM[:, 1] == pytest.approx(2 * drawn_RM[:, 0])
    assert drawn_RM * 10 == pytest.approx(np.round(drawn_RM * 10))
    assert len(np.unique(drawn_RM[:, 0])) > 30
    assert (resampled(value_PM, seed=3, resamples=8) == drawn_RM[:8]).all()
    assert not (resampled(value_PM, seed=4, resamples=8) == drawn_RM[:8]).all()


def test_pieces_of_the_draws_decide_nothing(monkeypatch):
    value_PM = np.random.default_rng(0).random((10, 3))
    whole = resampled(value_PM, 3, 50), p_values(value_PM - 0.4, 3, 50)
    monkeypatch.setattr(intervals, "PIECE_NUMBERS", 70)
    monkeypatch.setattr(paired, "PIECE_NUMBERS", 14)  # of 7 rows 2 columns
    assert (resampled(value_PM, 3, 50) == whole[0]).all()
    assert p_values(value_PM - 0.4, 3, 50) == whole[1]


def test_the_deviation_of_resamples_is_the_means():
    value_P = np.random.default_rng(0).random(200)
    drawn_R = resampled(value_P[:, None], seed=0)[:, 0]
    assert drawn_R.mean() == pytest.approx(value_P.mean(), abs=1e-3)
    assert drawn_R.std() == pytest.approx(value_P.std() / np.sqrt(200), rel=0.03)


def test_95_of_100_intervals_cover():
    random = np.random.default_rng(5)
    value_PM = random.binomial(8, 0.3, size=(150, 1000)) / 8  # 1,000 tries side by side
    drawn_RM = resampled(value_PM, seed=0, resamples=1000)
    held = [
        percentile_interval(value_PM[:, m].mean(), drawn_RM[:, m], 150)
        for m in range(value_PM.shape[1])
    ]
    assert 0.93 <= np.mean([each.low <= 0.3 <= each.high for each in held]) <= 0.97


def test_mcnemar_computed_by_hand():
    assert mcnemar(3, 0) == mcnemar(0, 3) == 1 / 4
    assert mcnemar(9, 1) == 22 / 1024
    assert mcnemar(0, 0) == mcnemar(5, 5) == 1
    assert mcnemar(5100, 4900) == pytest.approx(0.0466, abs=5e-4)
