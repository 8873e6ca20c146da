from dataclasses import replace

import numpy as np
import pytest
from tests.support.panels import PASSAGES, panel, right

from bedstone.evaluation.verdicts import gaps
from bedstone.evaluation.verdicts.gaps import ranks, told_apart, worst_of_equal


@pytest.fixture
def random():
    return np.random.default_rng(23)


@pytest.mark.parametrize(("items", "expected"), [(250, 0.441), (900, 0.469)])
def test_the_worst_of_20_equal_languages_is_bad(random, items, expected):
    planted = panel(random.random((items, 20)) < 0.5)
    planted.part_UM[:, 0] += 0.5 - planted.part_UM.mean()  # no luck of all together
    found = worst_of_equal(planted, 0)
    assert found.expected == pytest.approx(expected, abs=0.004)
    assert found.low < found.expected < found.pooled


def test_the_worst_is_told_as_surprising_in_5_of_100_trials(random, monkeypatch):
    monkeypatch.setattr(gaps, "DRAWS", 500)
    for cluster_U, draw in (
        (np.arange(900), lambda: random.random((900, 12)) < 0.5),
        (PASSAGES, lambda: right(random, 0.5, PASSAGES, 12, 0.8)),
    ):
        found = [worst_of_equal(panel(draw(), cluster_U), 0) for _ in range(300)]
        assert 0.02 <= np.mean([each.value < each.low for each in found]) <= 0.08


def test_what_is_hard_in_every_language_makes_none_the_worst(random):
    hard_U = random.random((900, 1)) < 0.5
    own_UM = random.random((900, 20)) < 0.5
    is_own_UM = random.random((900, 20)) < 0.1
    found = worst_of_equal(panel(np.where(is_own_UM, own_UM, hard_U)), 0)
    assert found.pooled - found.expected < 0.016


def test_the_null_is_that_of_equal_languages_however_unequal_they_are(random):
    of_fives_U = np.repeat(np.arange(180), 5)
    fifth_UM = random.random((180, 2))[of_fives_U]
    for value_UM, cluster_U, items in (
        (random.random((900, 2)), np.arange(900), 900),
        (fifth_UM, of_fives_U, 180),
    ):
        found = worst_of_equal(panel(value_UM < [0.1, 0.9], cluster_U), 0)
        error = np.sqrt(0.25 / items)
        assert found.pooled == pytest.approx(0.5, abs=0.02)
        assert found.pooled - found.expected == pytest.approx(error / np.sqrt(np.pi), rel=0.1)


def test_a_language_of_few_items_may_look_worst(random):
    planted = panel(random.random((900, 5)) < 0.5)
    few = planted.whole_UM.copy()
    few[21:, 0] = 0
    thin = replace(planted, part_UM=planted.part_UM * few, whole_UM=few)
    assert worst_of_equal(thin, 0).low < 0.4 < worst_of_equal(planted, 0).low


def test_of_outcomes_that_never_differ_the_worst_is_as_all():
    found = worst_of_equal(panel(np.ones((20, 3))), 0)
    assert (found.value, found.expected, found.low) == (1, 1, 1)


def test_languages_are_ordered_only_where_they_can_be_told(random):
    value_UM = random.random((900, 4)) < [0.5, 0.5, 0.7, 0.9]
    value_UM[:, 1] = np.roll(value_UM[:, 0], 1)
    planted = panel(value_UM)
    low, same, better, best = planted.columns
    apart = told_apart(planted, 0)
    assert set(apart) == {(best, better), (best, low), (best, same), (better, low), (better, same)}
    assert ranks(planted.columns, apart) == {
        low: (3, 4),
        same: (3, 4),
        better: (2, 2),
        best: (1, 1),
    }
    assert told_apart(panel(np.eye(7)), 0) == []
