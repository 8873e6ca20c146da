import pytest

from bedstone.tokenizer.mixing import even_budgets, temperature_weights

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
