from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bedstone.tokenizer.mixing.shares import (
    even_budgets,
    shared_out,
    shares_of,
    speakers_floors,
    temperature_demands,
    unimax_demands,
)

SIZES = st.dictionaries(st.text(max_size=3), st.integers(1, 10**12), min_size=1, max_size=30)
SOME = st.lists(
    st.tuples(*[st.integers(1, 10**9)] * 3, st.floats(0.01, 1)), min_size=1, max_size=12
)
"""Of each language: tokens, bytes, speakers, share."""
NEAR = 1 + 1e-9


def limits(sizes, passes, budget_share=1.0):
    return {name: passes * share / budget_share for name, share in shares_of(sizes).items()}


def ways(some, power):
    """Demands and floors of every way of weighing; ``power`` is a temperature and a ratio."""
    tokens, sizes, speakers, shares = (
        {str(number): row[column] for number, row in enumerate(some)} for column in range(4)
    )
    return tokens, [
        (temperature_demands(tokens, power), {}),
        (unimax_demands(tokens, tokens), {}),
        (unimax_demands(tokens, sizes), {}),
        (shares, {}),
        (tokens, speakers_floors(shares_of(speakers), power)),
    ]


@given(SOME, st.floats(1, 100), st.floats(1, 100), st.floats(0.01, 1))
def test_weights_add_up_and_nothing_is_repeated_beyond_the_limit(some, power, passes, run):
    tokens, all_ways = ways(some, power)
    most = limits(tokens, passes, run)
    for demands, floors in all_ways:
        weights = shared_out(demands, most, floors)
        assert abs(sum(weights.values()) - 1) < 1e-9
        assert all(0 < weights[name] <= most[name] * NEAR for name in tokens)


@given(SOME, st.floats(1, 100), st.floats(1, 10))
def test_what_is_within_its_bounds_stands_as_demanded(some, power, passes):
    tokens, all_ways = ways(some, power)
    most = limits(tokens, passes)
    for demands, floors in all_ways:
        weights = shared_out(demands, most, floors)
        levels = {name: weights[name] / demands[name] for name in tokens}
        free = [
            level
            for name, level in levels.items()
            if floors.get(name, 0) * NEAR < weights[name] < most[name] / NEAR
        ]
        assert not free or max(free) <= min(free) * (1 + 1e-6)
        for name, level in levels.items():
            if free and weights[name] >= most[name] / NEAR:
                assert level <= max(free) * (1 + 1e-6) or floors.get(name, 0) >= most[name] / NEAR


@given(SOME, st.floats(1, 100), st.floats(1, 10), st.randoms(use_true_random=False))
def test_the_order_of_the_languages_makes_no_difference(some, power, passes, random):
    tokens, all_ways = ways(some, power)
    names = list(tokens)
    random.shuffle(names)
    for demands, floors in all_ways:
        weights = shared_out(demands, limits(tokens, passes), floors)
        assert weights == shared_out(
            {name: demands[name] for name in names}, limits(tokens, passes), floors
        )


@given(SOME, st.floats(1, 100), st.floats(1, 10))
def test_no_language_is_above_the_ratio_unless_it_has_all_its_passes(some, ratio, passes):
    tokens, all_ways = ways(some, ratio)
    demands, floors = all_ways[-1]
    most = limits(tokens, passes)
    weights = shared_out(demands, most, floors)
    for name, weight in weights.items():
        assert weight * NEAR >= min(floors[name], most[name])


@given(SIZES, st.floats(1, 100), st.floats(1, 100))
def test_more_text_never_weighs_less(sizes, temperature, passes):
    weights = shared_out(temperature_demands(sizes, temperature), limits(sizes, passes))
    ordered = [weights[name] for name in sorted(sizes, key=lambda name: sizes[name])]
    assert all(low <= high * NEAR for low, high in pairwise(ordered))


@given(SIZES, st.integers(0, 10**13))
def test_budgets_keep_to_the_sizes_and_to_the_whole(sizes, budget):
    budgets = even_budgets(sizes, budget)
    assert sum(budgets.values()) == min(budget, sum(sizes.values()))
    unsatisfied = {value for name, value in budgets.items() if value < sizes[name]}
    assert max(unsatisfied, default=0) - min(unsatisfied, default=0) <= 1
