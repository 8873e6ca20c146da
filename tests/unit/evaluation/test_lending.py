"""Which earlier comparisons lend their noise, and by which of their arms."""

import numpy as np
import pytest

from bedstone.evaluation.lending import MOST_LENDERS, known, lenders

WHOLE = ("whole", "whole")


def found(runs, seeds=3, **by_seed):
    """What a comparison found, of arms with these runs; the baseline's are the first."""
    told = {arm: list(made) for arm, made in runs.items()}
    rows = [
        {"value": arm, "family": "whole", "unit": "whole", "by_seed": values}
        for arm, values in by_seed.items()
    ]
    return {"runs": told, "seeds": seeds, "effects": rows}


TWO_ARMS = {"baseline": "abc", "x": "def", "y": "ghi"}
X, Y = [0.1, 0.2, 0.4], [0.3, 0.3, 0.2]


def differences(earlier, runs=()):
    """By lender, those of the whole."""
    return {
        it.name: [list(each) for each in it.differences[WHOLE]] for it in lenders(earlier, runs)
    }


def test_arms_are_paired_with_the_baseline():
    told = differences({"old": found(TWO_ARMS, x=X, y=Y)})
    assert told == {"old": [pytest.approx(X), pytest.approx(Y)]}


def test_runs_of_the_borrower_are_never_lent():
    earlier = {"old": found(TWO_ARMS, x=X, y=Y)}
    # It has the baseline's runs: the two arms are paired with one another.
    assert differences(earlier, {"b"}) == {"old": [pytest.approx(np.subtract(Y, X))]}
    assert differences(earlier, {"e"}) == {"old": [pytest.approx(Y)]}
    assert differences(earlier, {"b", "e"}) == {}
    assert differences(earlier, set("abcdefghi")) == {}


def test_a_run_is_lent_once_by_the_comparison_of_most_seeds():
    fewer = found({"baseline": "ab", "x": "de"}, seeds=2, x=X[:2])
    other = found({"baseline": "abc", "z": "jkl", "w": "mno"}, z=Y, w=X)
    told = differences({"0": fewer, "1": found(TWO_ARMS, x=X, y=Y), "2": other})
    assert told == {
        "1": [pytest.approx(X), pytest.approx(Y)],
        "2": [pytest.approx(np.subtract(X, Y))],
    }


def test_an_arm_whose_runs_are_anothers_lends_nothing():
    same = {"baseline": "abc", "x": "abc", "y": "ghi"}
    told = differences({"old": found(same, x=[0.0] * 3, y=Y)})
    assert told == {"old": [pytest.approx(Y)]}


def test_one_seed_lends_nothing():
    assert not lenders({"old": found({"baseline": "a", "x": "d"}, seeds=1, x=[0.1])}, ())


def test_so_many_lend_at_most():
    earlier = {f"{n:02}": found({"baseline": [n], "x": [-n]}, x=X) for n in range(1, 20)}
    assert [it.name for it in lenders(earlier, ())] == [
        f"{n:02}" for n in range(1, MOST_LENDERS + 1)
    ]


def test_what_is_known_is_told_by_name_and_of_the_same_unit():
    there = lenders({"a": found(TWO_ARMS, x=X, y=Y)}, ())
    noise = known(there, WHOLE)
    assert noise.source == "a"
    assert noise.df == 2
    assert known(there, ("language", "deu_Latn")) is None
