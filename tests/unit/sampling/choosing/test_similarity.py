import numpy as np
import pytest

from bedstone.sampling.choosing.similarity import distinct_share, similarities


def test_a_value_computed_by_hand():
    # "abc" in "abd": letters 2 of 3, pairs 1 of 2, triples 0 of 1; longer ones neither has.
    expected = np.mean([2 / 3, 1 / 2, 0])
    assert similarities(["abc", "abd"])[0, 1] == pytest.approx(expected)


def test_lengths_that_differ():
    # of "aa" and "aaaa": precisions 1, 1 and nothing at 3 and 4; recalls 2/4, 1/3, 0, 0
    precision, recall = np.mean([1, 1, 0, 0]), np.mean([2 / 4, 1 / 3, 0, 0])
    expected = 2 * precision * recall / (precision + recall)
    table = similarities(["aa", "aaaa"])
    assert table == pytest.approx(np.array([[1, expected], [expected, 1]]))


def test_equal_and_empty_texts():
    table = similarities(["", " ", "x y", "xy", "z"])
    expected = [[1, 1, 0, 0, 0]] * 2 + [[0, 0, 1, 1, 0]] * 2 + [[0, 0, 0, 0, 1]]
    assert table.tolist() == expected


def test_what_differs_among_samples():
    assert distinct_share(["a b", "a b", "a c"], 1) == 3 / 6
    assert distinct_share(["a b", "a b", "a c"], 2) == 2 / 3
    assert distinct_share(["a", ""], 2) == 0
