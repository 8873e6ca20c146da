import math

import pytest

from bedstone.laws.law import Law

LAW = Law(1.7, 400, 1000, 0.34, 0.37)


def test_the_loss_is_the_sum_of_three_terms():
    assert LAW.loss(1e9, 2e10) == 1.7 + 400 / 1e9**0.34 + 1000 / 2e10**0.37


def test_no_number_of_a_law_is_zero_or_infinite():
    for broken in ((0, 1, 1, 1, 1), (1, -1, 1, 1, 1), (1, 1, math.inf, 1, 1)):
        with pytest.raises(ValueError, match="above 0"):
            Law(*broken)


@pytest.mark.parametrize(("large", "small"), [(1e90, 1e-90), (1e-90, 1e90)])
def test_a_law_too_lopsided_for_a_best_size_overflows_nowhere(large, small):
    law = Law(1.7, large, small, 1e-3, 1e-3)
    best = law.optimum(1e24)
    assert 0 < best.parameters < math.inf
    assert 0 < best.train_tokens / best.parameters < math.inf
    assert math.isfinite(law.loss(*best))


def test_the_tokens_of_an_optimum_feed_its_parameters():
    best = LAW.optimum(1e21)
    assert LAW.parameters_fed_by(best.train_tokens) == pytest.approx(best.parameters)
