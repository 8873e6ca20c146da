"""Selectors against a slow, obvious choice among all subsets and all orders."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from tests.support.answers import answers

from bedstone.sampling.choosing import selection
from bedstone.sampling.choosing.pace import Pace
from bedstone.sampling.choosing.selection import majority_choice, outcome, subsets

VOTING = ("majority", "weighted", "mbr")
SELECTORS = ("first", "checked", "likeliest", "rewarded", *VOTING)


def random_answers(seed, problems=4, samples=6):
    """With ties in everything, and samples without an answer."""
    random = np.random.default_rng(seed)
    shape = (problems, samples)
    half = random.integers(0, 4, size=(problems, samples, samples)) / 4
    return answers(
        random.integers(-1, 3, size=shape),
        [{0}, {1, 2}, {7}, {2}][:problems],
        -random.integers(1, 4, size=shape) / 2,
        random.integers(1, 9, size=shape),
        seconds=random.integers(1, 5, size=shape),
        reward_PN=random.integers(0, 3, size=shape).astype(float),
        utility_PNN=np.where(np.eye(samples, dtype=bool), 1.0, half),
    )


def candidates(given, selector, problem, drawn):
    """Whether each of those is right that are taken with the same chance."""
    choice, right = given.choice_PN[problem], given.correct_PN[problem]
    if selector == "first":
        return [right[n] and choice[n] >= 0 for n in drawn]
    found = [n for n in drawn if choice[n] >= 0]
    if not found:
        return [False]
    if selector in ("majority", "weighted"):
        votes = Counter()
        for n in found:
            weight = math.exp(given.mean_logprob_PN[problem, n]) if selector == "weighted" else 1
            votes[choice[n]] += weight
        top = max(votes.values())
        winners = [number for number, vote in votes.items() if vote > top - 1e-9]
        return [right[list(choice).index(number)] for number in winners]
    scores = {
        "checked": lambda n: float(right[n]),
        "likeliest": lambda n: given.mean_logprob_PN[problem, n],
        "rewarded": lambda n: given.reward_PN[problem, n],
        "mbr": lambda n: sum(given.utility_PNN[problem, n, other] for other in drawn),
    }
    top = max(map(scores[selector], found))
    return [right[n] for n in found if scores[selector](n) > top - 1e-9]


@pytest.mark.parametrize("k", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("selector", SELECTORS)
def test_accuracy_is_the_mean_over_all_subsets(selector, k):
    given = random_answers(k)
    expected = [
        np.mean(
            [
                np.mean(candidates(given, selector, problem, drawn))
                for drawn in itertools.combinations(range(6), k)
            ]
        )
        for problem in range(4)
    ]
    assert outcome(given, selector, k).accuracy_P == pytest.approx(np.array(expected))


@pytest.mark.parametrize("k", [1, 2, 4, 5])
@pytest.mark.parametrize("selector", ["majority", "checked"])
def test_settled_costs_what_all_orders_cost_in_the_mean(selector, k):
    given = random_answers(10 + k, samples=5)
    result = outcome(given, selector, k, "settled")
    for problem in range(4):
        counts, tokens, seconds = [], [], []
        for order in itertools.permutations(range(5), k):
            drawn = order[: stopping(given, selector, problem, order)]
            counts.append(len(drawn))
            tokens.append(sum(given.completion_tokens_PN[problem, n] for n in drawn))
            seconds.append(sum(given.seconds_PN[problem, n] for n in drawn))
        assert result.samples_P[problem] == pytest.approx(np.mean(counts))
        assert result.completion_tokens_P[problem] == pytest.approx(np.mean(tokens))
        assert result.seconds_P[problem] == pytest.approx(np.mean(seconds))
    assert result.accuracy_P == pytest.approx(outcome(given, selector, k).accuracy_P)


def stopping(given, selector, problem, order):
    """After how many samples every continuation has the same winners."""
    for t in range(1, len(order)):
        if selector == "checked":
            settled = any(candidates(given, "checked", problem, order[:t]))
        else:
            ends = itertools.product([-1, 0, 1, 2], repeat=len(order) - t)
            seen = [int(given.choice_PN[problem, n]) for n in order[:t]]
            settled = len({winners([*seen, *end]) for end in ends}) == 1
        if settled:
            return t
    return len(order)


def winners(choices):
    votes = Counter(choice for choice in choices if choice >= 0)
    return frozenset(n for n, vote in votes.items() if vote == max(votes.values()))


def test_pass_at_k_is_the_papers():
    given = answers([[0, 1, 1, 1, 1, 1, 1, 0, 1, 1]], [{0}])
    for k in range(1, 11):
        expected = 1 - math.comb(10 - 2, k) / math.comb(10, k)
        assert outcome(given, "checked", k).accuracy_P == pytest.approx(expected)


def test_tied_majorities_are_split():
    given = answers([[0, 0, 1, 1, -1], [-1, -1, -1, -1, -1]], [{0}, {0}])
    result = outcome(given, "majority", 5)
    assert list(result.accuracy_P) == [0.5, 0]
    assert list(result.confidence_P) == [0.4, 0]


def test_a_likely_minority_wins_by_weight():
    given = answers([[0, 1, 1]], [{0}], [[-0.1, -2, -2]])
    assert outcome(given, "majority", 3).accuracy_P == [0]
    result = outcome(given, "weighted", 3)
    assert result.accuracy_P == [1]
    share = math.exp(-0.1) / (math.exp(-0.1) + 2 * math.exp(-2))
    assert result.confidence_P == pytest.approx(share)


def test_weights_too_small_for_a_number_still_count():
    given = answers([[0, 1, 1]], [{0}], [[-2000.0, -2002.0, -2002.0]])
    assert outcome(given, "weighted", 3).accuracy_P == [1]


def test_a_likely_sample_without_an_answer_is_not_taken():
    given = answers([[-1, 1, 0]], [{0}], [[-0.1, -2, -1]])
    result = outcome(given, "likeliest", 3)
    assert result.accuracy_P == [1]
    assert result.confidence_P == pytest.approx(math.exp(-1))


def test_costs():
    given = answers([[0, 1]], [{0}], tokens=[[2, 4]], seconds=[[1, 3]])
    one, two = (outcome(given, "majority", k) for k in (1, 2))
    assert (one.completion_tokens_P, two.completion_tokens_P) == ([3], [6])
    assert (two.tokens_P, two.tokens_unshared_P) == ([16], [26])
    assert (one.seconds_P, two.seconds_P) == ([2], [3])


def test_more_subsets_than_are_counted_are_drawn_evenly(monkeypatch):
    exact = outcome(random_answers(3), "majority", 3).accuracy_P
    monkeypatch.setattr(selection, "MAX_SUBSETS", 19)  # of 20
    assert subsets(6, 3).sum(axis=1) == pytest.approx(3)
    assert outcome(random_answers(3), "majority", 3).accuracy_P == pytest.approx(exact, abs=0.3)
    monkeypatch.undo()
    drawn = subsets(20, 10)
    assert len(drawn) == selection.MAX_SUBSETS
    assert drawn.sum(axis=1) == pytest.approx(10)
    assert drawn.mean(axis=0) == pytest.approx(0.5, abs=0.02)


def test_every_choice_from_16_is_counted():
    for k in range(17):
        rows = subsets(16, k)
        assert len(np.unique(rows, axis=0)) == len(rows) == math.comb(16, k)


def test_the_majoritys_choice():
    given = answers([[2, 2, 0], [1, 0, -1], [-1, -1, -1]], [{0}] * 3)
    assert list(majority_choice(given)) == [2, 0, -1]


@pytest.mark.parametrize("selector", ["weighted", "likeliest", "rewarded", "mbr"])
def test_what_is_not_told_is_not_used(selector):
    with pytest.raises(ValueError, match=selector):
        outcome(answers([[0, 1]], [{0}]), selector, 2)


def test_impossible_questions_are_refused():
    given = answers([[0, 1]], [{0}])
    with pytest.raises(ValueError, match="no 3"):
        outcome(given, "majority", 3)
    with pytest.raises(ValueError, match="no 0"):
        outcome(given, "majority", 0)
    with pytest.raises(ValueError, match="not settled"):
        outcome(given, "first", 2, "settled")


def test_seconds_are_those_of_the_pace_side_by_side_or_one_after_another():
    paces = {1: Pace(1, 0.1, 2), 2: Pace(10, 0.2, 4)}
    given = answers([[0, 1]], [{0}], tokens=[[3, 5]], seconds=[[900, 900]], paces=paces)
    assert outcome(given, "first", 1).seconds_P == pytest.approx([1 + 1 + 2 * 4])  # in the mean
    assert outcome(given, "checked", 2).seconds_P == pytest.approx([10 + 2 + 4 * 5])  # the slower
    one, other = 1 + 1 + 2 * 3, 1 + 1 + 2 * 5
    settled = outcome(given, "checked", 2, "settled")
    assert settled.seconds_P == pytest.approx([(one + other + one) / 2])  # if the right is first
    told = answers([[0, 1]], [{0}], tokens=[[3, 5]], seconds=[[7, 9]])
    assert outcome(told, "checked", 2).seconds_P == pytest.approx([9])
