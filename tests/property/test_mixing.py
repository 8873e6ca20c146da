from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bedstone.tokenizer.mixing import even_budgets, temperature_weights

SIZES = st.dictionaries(st.text(max_size=3), st.integers(1, 10**12), min_size=1, max_size=30)


@given(SIZES, st.floats(1, 100), st.floats(1, 100))
def test_weights_add_up_and_nothing_is_repeated_beyond_the_limit(sizes, temperature, limit):
    weights = temperature_weights(sizes, temperature, limit)
    total = sum(sizes.values())
    assert abs(sum(weights.values()) - 1) < 1e-9
    for name, weight in weights.items():
        assert 0 < weight <= limit * sizes[name] / total * (1 + 1e-9)


@given(SIZES, st.floats(1, 100), st.floats(1, 100))
def test_more_text_never_weighs_less(sizes, temperature, limit):
    weights = temperature_weights(sizes, temperature, limit)
    ordered = [weights[name] for name in sorted(sizes, key=lambda name: sizes[name])]
    assert all(low <= high * (1 + 1e-9) for low, high in pairwise(ordered))


@given(SIZES, st.integers(0, 10**13))
def test_budgets_keep_to_the_sizes_and_to_the_whole(sizes, budget):
    budgets = even_budgets(sizes, budget)
    assert sum(budgets.values()) == min(budget, sum(sizes.values()))
    unsatisfied = {value for name, value in budgets.items() if value < sizes[name]}
    assert max(unsatisfied, default=0) - min(unsatisfied, default=0) <= 1
