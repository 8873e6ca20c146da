import numpy as np
import pytest

from bedstone.corpus.classifiers import quality


def test_auc_is_the_share_of_pairs_in_order():
    dice = np.random.default_rng(0)
    scores, is_positive = dice.integers(0, 9, 80).astype(float), dice.random(80) < 0.3
    times = dice.integers(0, 3, 80).astype(float)
    pairs = total = 0.0
    for wanted in np.flatnonzero(is_positive):
        for other in np.flatnonzero(~is_positive):
            times_of_pair = times[wanted] * times[other]
            total += times_of_pair
            pairs += times_of_pair * (
                (scores[wanted] > scores[other]) + (scores[wanted] == scores[other]) / 2
            )
    assert quality.auc(scores, is_positive, times) == pytest.approx(pairs / total)
    assert quality.auc(scores, np.zeros(80, bool)) == 0.5


def test_an_interval_of_few_groups_is_wider_than_one_of_many():
    dice = np.random.default_rng(0)
    is_positive = np.arange(400) % 2 == 0
    scores = np.repeat(dice.normal(size=20), 20) + is_positive
    one = quality.auc_of_groups(scores, is_positive, np.arange(400), 1)
    few = quality.auc_of_groups(scores, is_positive, np.arange(400) // 20, 1)
    assert one.low < one.value < one.high
    assert few.n == 20
    assert few.high - few.low > 1.3 * (one.high - one.low)


def test_calibrated_scores_are_the_chances_where_both_kinds_are_equally_frequent():
    dice = np.random.default_rng(0)
    chances = dice.random(20_000)
    is_positive = dice.random(20_000) < chances
    kept = is_positive | (dice.random(20_000) < 0.2)  # others are rare among the examples
    scores = 3 * np.log(chances / (1 - chances))[kept] + 1
    slope, offset = quality.calibration(scores, is_positive[kept])
    assert quality.chance(slope * scores + offset) == pytest.approx(chances[kept], abs=0.03)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_kinds_that_are_quite_apart_are_calibrated_too(scale):
    is_positive = np.arange(100) < 50
    slope, offset = quality.calibration(scale * is_positive, is_positive)
    said = quality.chance(slope * scale * is_positive + offset)
    assert said[0] > 0.9 > 0.1 > said[-1]


def test_probabilities_told_of_an_example_know_nothing_of_its_fold():
    dice = np.random.default_rng(0)
    scores, is_positive, folds = dice.normal(size=90), dice.random(90) < 0.5, np.arange(90) % 3
    before = quality.crossed(scores, is_positive, folds)
    is_positive[folds == 1] = True
    after = quality.crossed(scores, is_positive, folds)
    assert (before == after).tolist() == (folds == 1).tolist()


def test_what_was_said_and_what_was_true():
    scores = np.arange(20.0)
    is_positive = np.array([False] * 14 + [True, False] + [True] * 4)
    rows = quality.curve(scores / 20, is_positive)
    assert [row["n"] for row in rows] == [2] * 10
    assert rows[0] == {"n": 2, "said": 0.025, "true": 0}
    assert rows[-1] == {"n": 2, "said": 0.925, "true": 1}


def test_a_group_with_few_of_a_kind_has_no_auc():
    is_positive = np.arange(24) % 2 == 0
    scores = is_positive.astype(float)
    names = ["a"] * 16 + ["b"] * 8
    rows = quality.by_group(names, scores, scores, is_positive)
    assert [(row["name"], row["auc"]) for row in rows] == [("a", 1), ("b", None)]
    assert (rows[0]["score_positives"], rows[0]["score_others"]) == (1, 0)


def test_bins_of_lengths():
    assert quality.length_name(0) == "     0 to 500"
    assert quality.length_name(500) == "   500 to 1,000"
    assert quality.length_name(20_000) == "16,000 and more"
