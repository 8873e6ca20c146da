"""What is planted must be found as often as it is said to be. Trials are columns of one panel."""

import numpy as np
import pytest
from tests.support.panels import PASSAGES, panel, right

from bedstone.evaluation.verdicts.gaps import gaps, p_of, paired_models, scores
from bedstone.evaluation.verdicts.outcomes import Outcome
from bedstone.tasks.items import Item
from bedstone.uncertainty.intervals import wilson

FIVES = np.repeat(np.arange(100), 5)


@pytest.fixture
def random():
    return np.random.default_rng(19)


def found_share(differences):
    return np.mean([p < 0.05 for p in p_of(differences, 0)])


def held_share(found, truth):
    return np.mean([each.low <= truth <= each.high for each in found])


def test_two_equal_models_differ_in_5_of_100_trials(random):
    one, other = (random.random((900, 300)) < 0.5 for _ in range(2))
    assert 0.03 <= found_share(panel(one * 1.0 - other)) <= 0.08


def test_two_equal_models_differ_as_rarely_where_items_share_passages(random):
    one, other = (right(random, 0.5, FIVES, 300) for _ in range(2))
    assert 0.03 <= found_share(panel(one - other, FIVES)) <= 0.08
    assert found_share(panel(one - other)) > 0.1  # as if they shared none


def test_a_gap_is_found_as_often_as_the_size_of_the_test_promises(random):
    """30 of 100 pairs differ: of a gap of .05 941 find 4 in 5, of one of .10 a quarter of them."""
    for gap, items in ((0.05, 941), (0.10, 235)):
        sign = random.random((items, 300))
        planted = panel((sign < 0.15 + gap / 2) * 1.0 - (sign > 0.85 + gap / 2))
        assert found_share(planted) == pytest.approx(0.8, abs=0.06)
        assert np.mean([each.detectable for each in gaps(planted, 0)]) == pytest.approx(gap, 0.05)


def test_95_of_100_intervals_hold_the_truth(random):
    shares = scores(panel(random.random((250, 1000)) < 0.3), 0)
    assert 0.93 <= held_share(shares, 0.3) <= 0.97
    of_passages = scores(panel(right(random, 0.5, PASSAGES, 400), PASSAGES), 0)
    assert 0.93 <= held_share(of_passages, 0.5) <= 0.97
    one, other = (right(random, 0.5, FIVES, 400) for _ in range(2))
    assert 0.93 <= held_share(gaps(panel(one - other, FIVES), 0), 0) <= 0.97


def test_shared_passages_widen_an_interval(random):
    def error(found):
        return np.mean([each.high - each.low for each in found]) / 2 / 1.96

    of_ease = 2 / np.pi * np.arcsin(0.3)  # outcomes', where what makes an item easy has .3
    value_UM = right(random, 0.5, PASSAGES, 100, of_ease)
    assert error(scores(panel(value_UM, PASSAGES), 0)) == pytest.approx(0.018, abs=2e-4)
    assert error(scores(panel(value_UM), 0)) == pytest.approx(0.0167, abs=1e-4)


def test_all_right_is_not_certain():
    of_one_value = np.ones((16, 1)) * [[1.0, 0.0]]
    best, worst = scores(panel(of_one_value, np.arange(16) // 2), 0)
    assert (best.value, best.n, worst.n) == (1, 8, 8)
    assert best.low == pytest.approx(wilson(1, 8).low)
    assert worst.high == pytest.approx(wilson(0, 8).high)


def test_few_clusters_have_no_interval():
    (score,) = scores(panel(np.ones((7, 1))), 0)
    (gap,) = gaps(panel(np.ones((7, 1))), 0)
    assert (score.value, score.low, score.high, score.n) == (1, None, None, 7)
    assert (gap.value, gap.low, gap.p, gap.p_adjusted) == (1, None, None, None)


def test_a_gap_counts_who_is_right_where_the_other_is_not():
    difference_UM = np.zeros((20, 2))
    difference_UM[:10, 0] = [1] * 9 + [-1]
    some, none = gaps(panel(difference_UM), 0)
    assert (some.value, some.gains, some.losses) == (0.4, 9, 1)
    assert some.p == pytest.approx(22 / 1024)
    assert some.p_adjusted == pytest.approx(44 / 1024)
    assert (none.value, none.p, none.detectable) == (0, 1, None)


def test_a_gap_in_which_nothing_differs_is_not_sure_to_be_none():
    """Of so many items as many may differ, either way, as Wilson's interval of none says."""
    equal_UM = np.ones((16, 1)) * [[0, -1, 1 / 3]]
    for items, cluster_U in ((16, None), (8, np.arange(16) // 2)):
        none, all_lost, third = gaps(panel(equal_UM, cluster_U), 0)
        most = wilson(0, items).high
        assert (none.low, none.high) == (-most, most)
        assert (all_lost.low, all_lost.high) == (-1, pytest.approx(2 * most - 1))
        assert (third.low, third.detectable) == (pytest.approx(1 / 3 - 4 / 3 * most), None)
    (scored,) = gaps(panel(np.zeros((16, 1))), 0, -3.0)
    assert scored.low == pytest.approx(-3 * wilson(0, 16).high)


def test_ties_everywhere_are_no_certain_share():
    """Three equal choices of every item, so that each is right by a third."""
    ties, some = scores(panel([[1 / 3, number % 2] for number in range(30)]), 0)
    assert (ties.low, ties.high) == (None, None)
    assert some.low is not None


def outcome(name, right, sample=0, language="eng_Latn"):
    item = Item("s", f"{language} {name}", language, "acc")
    return Outcome(item, right, 0, None, True, None, sample)


def test_two_models_are_compared_on_the_items_of_both_the_mean_of_samples():
    before = [outcome(number, 0.0) for number in range(10)]
    after = [outcome(number, 1.0, sample) for number in range(2, 12) for sample in (0, 1)]
    other = [outcome(1, 1.0, language="swh_Latn")]
    found = paired_models(before + other, [*after, outcome(2, 0.0, 2), *other], 0)
    assert found["eng_Latn"].value == pytest.approx((7 + 2 / 3) / 8)
    assert (found["eng_Latn"].n, found["swh_Latn"].value) == (8, 0)
