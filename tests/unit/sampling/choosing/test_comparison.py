import math

import numpy as np
import pytest
from tests.support.answers import GREEDY, HALVES, compare, measured, outcome, share

from bedstone.errors import ConfigError
from bedstone.sampling.choosing.comparison import (
    Budget,
    Measured,
    Prices,
    Strategy,
    cost,
    development_half,
    frontier,
    recommend,
    tuned,
)
from bedstone.uncertainty.intervals import wilson


def test_strategies_have_names():
    assert str(GREEDY) == "greedy"
    assert str(Strategy("temperature", "temperature=0.7", 16, "majority")) == (
        "temperature=0.7, majority of 16"
    )
    assert str(Strategy("t", "t=1", 8, "checked", "settled")) == "t=1, checked of up to 8"


def test_a_problem_keeps_its_half():
    ids = [f"factoring/{number}" for number in range(1000)]
    half = development_half(ids)
    assert 430 < half.sum() < 570
    assert list(development_half(ids[::-1])) == list(half[::-1])


def test_chains_are_chosen_on_the_development_half():
    better = np.concatenate([np.full(100, 0.6), np.zeros(100)])
    better_on_test = np.concatenate([np.full(100, 0.5), np.ones(100)])
    given = [
        measured(better_on_test, "t=1"),
        measured(better, "t=2"),
        measured(better, "p=1", selector="majority", samples=4),
        measured(better_on_test, "p=2", selector="majority", samples=4),
    ]
    assert [each.strategy.chain for each in tuned(given, HALVES)] == ["t=2", "p=1"]


def test_a_family_with_more_tries_is_an_error():
    given = [measured(share(50), name) for name in ("t=1", "t=2", "p=1")]
    with pytest.raises(ConfigError, match="t has 2 chains to choose from, p only 1"):
        tuned(given, HALVES)


def test_rows_say_what_the_test_half_says():
    accuracy = np.concatenate([np.ones(100), np.arange(100) < 80])
    greedy, row = compare(measured(accuracy)).rows
    assert (greedy.gain.value, greedy.p_value, greedy.adjusted_p) == (0, 1, 1)
    assert row.development_accuracy == 1
    assert row.accuracy.value == pytest.approx(0.8)
    assert row.accuracy.n == 100
    assert row.accuracy == wilson(0.8, 100)
    assert row.gain.value == pytest.approx(0.3)
    # paired: the deviation of 30 differences of 1 among 100, not of two shares
    assert row.gain.low == pytest.approx(0.3 - 1.96 * math.sqrt(0.3 * 0.7 / 100), abs=0.01)
    assert row.p_value == pytest.approx(2 * math.exp(-(30**2) / (2 * 30)))  # no resample did it


def test_shares_between_have_the_interval_of_their_resamples():
    accuracy = np.tile([0.4, 0.6], 100)
    row = compare(measured(accuracy)).rows[1]
    assert row.accuracy.low == pytest.approx(0.5 - 1.96 * 0.1 / math.sqrt(100), abs=0.002)


def test_none_right_is_not_known_to_be_none():
    row = compare(measured(share(0))).rows[1]
    assert (row.accuracy.low, row.accuracy.high) == (0, pytest.approx(0.037, abs=0.001))


def test_holm_is_over_all_strategies():
    rows = compare(measured(share(80)), *(measured(share(50)) for _ in range(9))).rows
    assert rows[1].adjusted_p == pytest.approx(10 * rows[1].p_value)
    assert rows[2].adjusted_p == 1


def test_a_gain_of_rounding_is_none():
    accuracy = np.random.default_rng(0).random(200)
    row = compare(measured(accuracy + 1e-16 * (1 + 9 * accuracy)), greedy=accuracy).rows[1]
    assert (row.gain.low, row.gain.high, row.p_value) == (0, 0, 1)


def test_costs():
    columns = {"tokens": np.array([40, 80]), "seconds": np.array([1, 3])}
    result = Measured(Strategy("t", "t=1", 4, "mbr"), outcome([1, 0], samples=4, **columns))
    found = cost(result, Prices(1.0, 10.0))
    assert (found.tokens, found.tokens_unshared) == (65, 80)
    assert found.usd == pytest.approx((5 * 1 + 60 * 10) / 1e6)
    for together, prompts in ((1, 4), (2, 2), (3, 2), (4, 1)):
        paid = cost(result, Prices(1.0, 10.0, samples_of_request=together)).usd
        assert paid == pytest.approx((prompts * 5 + 600) / 1e6)
    assert (found.seconds, found.seconds_p50) == (2, 2)
    assert found.seconds_p95 == pytest.approx(2.9)


def test_one_after_another_the_prompt_is_paid_each_time():
    result = outcome([1, 0], samples=2.5, tokens=40, prompt=5)
    found = cost(Measured(Strategy("t", "t=1", 4, "checked", "settled"), result), Prices(1.0, 10.0))
    assert found.tokens == 45
    assert found.usd == pytest.approx((2.5 * 5 + 40 * 10) / 1e6)


def test_the_frontier():
    random = np.random.default_rng(0)
    costs, values = random.integers(0, 8, size=(2, 40))
    expected = [
        not any(
            (c <= cost and v >= value) and (c < cost or v > value)
            for c, v in zip(costs, values, strict=True)
        )
        for cost, value in zip(costs, values, strict=True)
    ]
    assert list(frontier(costs, values)) == expected
    assert 0 < sum(expected) < 40


def test_the_best_is_recommended_with_what_is_like_it():
    given = compare(
        measured(share(70), "t=1", tokens=100, selector="majority", samples=4),
        measured(share(69), "t=2", tokens=50, selector="mbr", samples=2),
        measured(share(55), "t=3", tokens=20),
        measured(share(69), "t=4", tokens=90),
        measured(share(68), "t=5", tokens=40),
    )
    found = recommend(given, Budget())
    assert str(found.best.strategy) == "t=1, majority of 4"
    assert [row.strategy.chain for row in found.alike] == ["t=5", "t=2", "t=4"]
    assert found.cheapest.strategy.chain == "t=5"
    assert str(found) == (
        "t=1, majority of 4: 0.700, by 0.200 [0.130, 0.280] above greedy, adjusted p 0.0005; "
        "3 cannot be told apart from it, the cheapest t=5"
    )


def test_a_budget_bounds_what_is_recommended():
    given = compare(
        measured(share(90), "t=1", tokens=100, seconds=1),
        measured(share(80), "t=2", tokens=50, seconds=4),
        prices=Prices(completion_usd=1e6),
    )

    def best(*budget):
        return recommend(given, Budget(*budget)).best

    assert best(105).strategy.chain == "t=1"
    assert best(104).strategy.chain == "t=2"
    assert best(99, "usd").strategy.chain == "t=2"
    assert best(3, "seconds").strategy.chain == "t=1"
    assert best(20) is None
    nothing = recommend(given, Budget(14))
    assert str(nothing) == "nothing is within the budget: greedy takes 15 tokens"


@pytest.mark.parametrize("selector", ["checked", "rewarded"])
def test_what_is_not_at_hand_is_not_recommended(selector):
    given = compare(measured(share(90), selector=selector, samples=4))
    assert recommend(given, Budget()).best is None
    at_hand = {"checked": "with_checker", "rewarded": "with_reward"}[selector]
    assert recommend(given, Budget(), **{at_hand: True}).best is given.rows[1]


def test_of_equally_good_ones_the_cheapest_is_recommended():
    whole = measured(share(90), selector="checked", samples=8, tokens=80)
    settled = measured(share(90), selector="checked", samples=8, tokens=30, stop="settled")
    found = recommend(compare(whole, settled), Budget(), with_checker=True)
    assert str(found.best.strategy) == "t=1, checked of up to 8"
    assert [str(row.strategy) for row in found.alike] == ["t=1, checked of 8"]


def test_no_gain_is_no_recommendation():
    better_for_choosing = np.concatenate([share(90)[:100], share(50)[100:]])
    cheap = measured(better_for_choosing, tokens=5)
    given = compare(cheap, measured(share(10)))
    found = recommend(given, Budget())
    assert found.best is None
    assert found.cheapest.strategy == GREEDY
    assert [row.strategy.chain for row in found.alike] == ["t=1"]
    assert str(found) == "no strategy beats greedy here"


def test_impossible_comparisons_are_refused():
    with pytest.raises(ValueError, match="each half"):
        compare(measured(share(50)), development_P=np.ones(200, dtype=bool))
    with pytest.raises(ValueError, match="too many"):
        compare(*(measured(share(50)) for _ in range(501)))


def simulated(random, gains):
    """Greedy and strategies of 8 samples; each problem has its own difficulty."""
    difficulty_P = random.beta(1, 1, size=200)
    greedy = random.random(200) < difficulty_P
    right = [np.clip(difficulty_P + gain, 0, 1) for gain in gains]
    strategies = [measured(random.binomial(8, each) / 8) for each in right]
    return compare(*strategies, greedy=greedy)


@pytest.mark.slow
@pytest.mark.parametrize("strategies", [1, 10])
def test_null_data_are_seldom_taken_for_a_gain(strategies):
    random = np.random.default_rng(1)
    tries = 200
    found = [recommend(simulated(random, [0.0] * strategies), Budget()) for _ in range(tries)]
    assert sum(each.best is not None for each in found) <= 0.05 * tries


def test_a_planted_gain_is_found():
    random = np.random.default_rng(2)
    for _ in range(10):
        given = simulated(random, [*[0.0] * 9, 0.3])
        assert recommend(given, Budget()).best is given.rows[-1]
