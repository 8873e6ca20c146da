import pytest

from bedstone.tokenizer.mixing.shares import (
    even_budgets,
    shared_out,
    shares_of,
    speakers_floors,
    temperature_demands,
    unimax_demands,
)

SIZES = {"big": 900, "middle": 90, "small": 10}


@pytest.mark.parametrize(
    ("budget", "shares"),
    [
        (1000, (900, 90, 10)),
        (5000, (900, 90, 10)),
        (300, (200, 90, 10)),
        (110, (50, 50, 10)),
        (30, (10, 10, 10)),
        (2, (1, 1, 0)),
    ],
)
def test_a_budget_is_shared_evenly_as_far_as_the_sizes_go(budget, shares):
    assert even_budgets(SIZES, budget) == dict(zip(SIZES, shares, strict=True))


def limits(sizes, passes, budget=None):
    budget = budget or sum(sizes.values())
    return {name: passes * size / budget for name, size in sizes.items()}


def temperature_weights(sizes, temperature, passes):
    return shared_out(temperature_demands(sizes, temperature), limits(sizes, passes))


def test_one_gives_each_what_it_has():
    assert temperature_weights(SIZES, 1, 100) == pytest.approx(
        {"big": 0.9, "middle": 0.09, "small": 0.01}
    )


def test_a_temperature_takes_the_root():
    # roots of 900 and 100: 30 and 10
    assert temperature_weights({"a": 900, "b": 100}, 2, 100) == pytest.approx(
        {"a": 0.75, "b": 0.25}
    )


def test_what_the_limit_takes_from_the_small_goes_to_the_others_as_they_stand():
    weights = temperature_weights({"a": 900, "b": 400, "c": 4}, 2, 2)
    # c would get 2/52, twelve times its share: it gets two times its share; a and b stay 30 : 20
    assert weights["c"] == pytest.approx(2 * 4 / 1304)
    assert weights["a"] / weights["b"] == pytest.approx(1.5)
    assert sum(weights.values()) == pytest.approx(1)


def test_a_limit_of_one_leaves_the_shares():
    assert temperature_weights(SIZES, 5, 1) == pytest.approx(temperature_weights(SIZES, 1, 1))


def test_the_order_of_the_languages_is_kept():
    assert list(temperature_weights({"b": 1, "a": 1}, 2, 2)) == ["b", "a"]


def test_limits_without_room_are_refused():
    with pytest.raises(ValueError, match="less than 1"):
        shared_out({"a": 1, "b": 1}, {"a": 0.5, "b": 0.4})


def test_a_language_without_passes_left_gets_nothing():
    assert shared_out({"a": 1, "b": 1}, {"a": 1, "b": 0}) == {"a": 1, "b": 0}


def unimax_of_the_paper(units, budget, passes):
    """Algorithm 1 of arXiv:2304.09151, line by line; the shares of units."""
    given, left = {}, budget
    for position, name in enumerate(sorted(units, key=units.get)):
        even = left / (len(units) - position)
        given[name] = min(even, passes * units[name])
        left -= given[name]
    return {name: each / sum(given.values()) for name, each in given.items()}


@pytest.mark.parametrize("budget", [100, 1000, 2500])
def test_unimax_in_tokens_is_the_paper_s(budget):
    weights = shared_out(unimax_demands(SIZES, SIZES), limits(SIZES, 4, budget))
    assert weights == pytest.approx(unimax_of_the_paper(SIZES, budget, 4))


def test_unimax_in_bytes_is_the_paper_s_with_the_bytes_that_come_out():
    tokens, sizes = {"x": 900, "y": 500, "z": 10}, {"x": 4000, "y": 900, "z": 50}
    weights = shared_out(unimax_demands(tokens, sizes), limits(tokens, 4, 1000))
    got = {name: 1000 * weights[name] * sizes[name] / tokens[name] for name in tokens}
    shares = unimax_of_the_paper(sizes, sum(got.values()), 4)
    assert shares_of(got) == pytest.approx(shares)
    assert got["x"] == pytest.approx(got["y"])
    assert weights["y"] > weights["x"]


def test_text_without_bytes_is_no_division_by_zero():
    assert unimax_demands({"x": 3}, {"x": 0}) == {"x": 3}


def speakers_weights(sizes, speakers, ratio, passes):
    floors = speakers_floors(shares_of(speakers), ratio)
    return shared_out(sizes, limits(sizes, passes), floors)


def test_a_ratio_of_one_gives_each_its_share_of_the_speakers():
    weights = speakers_weights(SIZES, {"big": 5, "middle": 2, "small": 3}, 1, 100)
    assert weights == pytest.approx({"big": 0.5, "middle": 0.2, "small": 0.3})


def test_a_higher_ratio_raises_only_those_that_are_above_it():
    # small has 1 % of the text and 30 % of the speakers: ratio 30, which becomes 5
    weights = speakers_weights(SIZES, {"big": 65, "middle": 5, "small": 30}, 5, 100)
    assert weights["small"] == pytest.approx(0.06)
    assert weights["big"] / weights["middle"] == pytest.approx(10)


def test_what_the_limit_takes_from_a_raised_language_goes_to_the_text_there_is():
    weights = speakers_weights(SIZES, {"big": 5, "middle": 2, "small": 3}, 1, 4)
    assert weights == pytest.approx({"big": 0.76, "middle": 0.2, "small": 0.04})
