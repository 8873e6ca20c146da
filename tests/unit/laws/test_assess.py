import math

import numpy as np
import pytest

from bedstone.laws import assess
from bedstone.laws.bootstrap import bootstrap
from bedstone.laws.fitting import Method, Runs, fit
from bedstone.laws.law import Law

LAW = Law(E=1.7, A=400.0, B=1200.0, alpha=0.34, beta=0.3)


def ladder(noise=0.0, seed=0):
    parameters, tokens = (
        grid.ravel() for grid in np.meshgrid(np.geomspace(1e7, 1e9, 6), np.geomspace(1e9, 1e11, 6))
    )
    dice = np.random.default_rng(seed)
    loss = LAW.loss(parameters, tokens) * np.exp(noise * dice.normal(size=len(parameters)))
    return Runs(parameters, tokens, loss)


def test_what_follows_from_a_law():
    found = assess.derived(LAW, 1e21)
    assert found["parameters_exponent"] == pytest.approx(0.3 / 0.64)
    assert found["parameters_exponent"] + found["tokens_exponent"] == pytest.approx(1)
    best = LAW.optimum(1e21)
    assert found["tokens_per_parameter"] == best.train_tokens / best.parameters
    # The exponent is that of the optimum, not only a formula.
    grown = math.log(LAW.optimum(1e22).parameters / best.parameters) / math.log(10)
    assert found["parameters_exponent"] == pytest.approx(grown)
    assert [found[name] for name in assess.SURFACE] == [1.7, 400.0, 1200.0, 0.34, 0.3]


def test_intervals_are_between_percentiles():
    draws = [Law(1 + 0.001 * step, 400.0, 1200.0, 0.34, 0.3) for step in range(1001)]
    found = assess.intervals(draws, 1e20)
    assert found["E"] == pytest.approx((1.025, 1.975))
    assert found["alpha"] == (0.34, 0.34)
    assert set(found) == set(assess.DERIVED)
    assert assess.intervals([], 1e20) == {}


def test_residuals_are_as_wide_as_those_of_new_runs():
    measured, fitted = np.array([2.0, 3.0, 4.0, 5.0]), np.array([2.2, 3.0, 3.8, 5.0])
    expected = np.log(measured / fitted) * math.sqrt(4 / 2)
    np.testing.assert_allclose(assess.spread(measured, fitted, free=2), expected)
    # No run is left to tell the noise by: as if one were.
    np.testing.assert_allclose(
        assess.spread(measured, fitted, free=4), np.log(measured / fitted) * 2
    )


def test_a_new_run_falls_into_its_interval_as_often_as_is_said():
    dice = np.random.default_rng(0)
    residuals = 0.01 * dice.normal(size=500)
    losses = 3 * np.exp(0.005 * dice.normal(size=(4000, 2)))
    for low, high in assess.new_run_intervals(losses, residuals, seed=0):
        new = 3 * np.exp(0.005 * dice.normal(size=4000) + 0.01 * dice.normal(size=4000))
        assert ((low <= new) & (new <= high)).mean() == pytest.approx(0.95, abs=0.01)
    sure = assess.new_run_intervals(losses, np.zeros(5), seed=0)
    assert sure[0] == pytest.approx(assess.interval(losses[:, 0]))


@pytest.mark.slow
def test_a_run_of_ten_times_the_budget_falls_into_its_interval():
    sizes, method = LAW.optimum(10 * 6e20), Method("huber", 1e-3)
    inside = []
    for seed in range(100):
        runs = ladder(noise=0.003, seed=seed)
        law = fit(runs, method).law
        draws = bootstrap(runs, method, law, resamples=200, seed=0).laws()
        fitted = law.loss(runs.parameters, runs.train_tokens)
        residuals = assess.spread(runs.loss_nats, fitted, assess.free_numbers(method))
        losses = np.array([[draw.loss(*sizes)] for draw in draws])
        ((low, high),) = assess.new_run_intervals(losses, residuals, seed=0)
        noise = 0.003 * np.random.default_rng(1000 + seed).normal(size=200)
        new = LAW.loss(*sizes) * np.exp(noise)
        inside.append(((low <= new) & (new <= high)).mean())
    assert 0.90 < np.mean(inside) < 0.99


def test_every_objective_and_outlier_rule_is_tried():
    runs = ladder(noise=0.003)
    rows = assess.sensitivity(runs, Method("huber", 1e-3, equal_exponents=False), drop_highest=3)
    assert [(row["objective"], row["dropped"]) for row in rows] == [
        ("huber", 0),
        ("huber", 1),
        ("huber", 2),
        ("huber", 3),
        ("lad", 3),
        ("squares", 3),
    ]
    for row in rows:
        assert row["parameters_exponent"] == row["beta"] / (row["alpha"] + row["beta"])
        assert row["alpha"] == pytest.approx(LAW.alpha, abs=0.05)


def test_an_outlier_moves_squares_and_is_dropped_by_the_rule():
    runs = ladder(noise=0.001)
    loss = runs.loss_nats.copy()
    loss[0] *= 1.3  # the smallest model on the fewest tokens: the highest loss
    spoilt = Runs(runs.parameters, runs.train_tokens, loss)
    rows = assess.sensitivity(spoilt, Method("squares", 1e-3, equal_exponents=False), 0)
    kept, dropped = (abs(row["E"] - LAW.E) for row in rows[:2])
    assert kept > 10 * dropped


def test_choices_that_leave_no_law_say_nothing_of_it():
    runs = ladder()
    rows = assess.sensitivity(
        Runs(runs.parameters, runs.train_tokens, np.full(36, 3.0)), Method("squares"), 0
    )
    assert len(rows) == 5
    for row in rows:
        assert {row[name] for name in (*assess.SURFACE, "parameters_exponent")} == {None}
        assert not row["converged"]


def test_rules_that_leave_too_few_different_runs_are_not_tried():
    """Without the highest loss four of five different runs are left, one of them many times."""
    few = ladder().take(np.array([0, 14, 21, 30, *[35] * 16]))
    rows = assess.sensitivity(few, Method("squares"), 0)
    assert [row["dropped"] for row in rows if row["objective"] == "squares"] == [0]


def test_a_curve_is_not_asked_about_runs_off_its_line():
    held = {"runs": [{"parameters": size, "loss_nats": 3.0, "low": None} for size in (1e8, 2e8)]}
    sizes = {"parameters_range": [1e8, 1e8], "by_tokens": NUMBERS}
    found = assess.warnings(answer(**{**CURVE, **sizes, "hold_out": held}))
    assert found[1] == (
        "1 of 2 runs held out are of another size in parameters: the curve is not theirs"
    )


def test_rules_that_leave_too_few_runs_runs_are_not_tried():
    few = ladder().take(np.array([0, 5, 14, 21, 30, 35]))
    rows = assess.sensitivity(few, Method("squares", 1e-3, equal_exponents=False), 0)
    assert [row["dropped"] for row in rows if row["objective"] == "squares"] == [0]


def answer(**changed):
    return {
        "converged": True,
        "by_flop": None,
        "by_tokens": None,
        "by_parameters": None,
        "equal_exponents": False,
        "runs": 40,
        "repeated": 0,
        "resamples": 100,
        "failed_resamples": 0,
        "intervals": {"parameters_exponent": [0.4, 0.6]},
        "sensitivity": [{"parameters_exponent": 0.45}, {"parameters_exponent": 0.55}],
        "tokens_per_parameter": 20.0,
        "flop_range": [1e18, 1.2e20],
        "parameters_range": [1e7, 2e9],
        "train_tokens_range": [2e8, 4e10],
        "hold_out": {"runs": [{"loss_nats": 3.0, "low": 2.9, "high": 3.1}]},
        "isoflop": {"warnings": []},
        **changed,
    }


def test_nothing_to_warn_of():
    assert assess.warnings(answer()) == []
    none = {"hold_out": None, "isoflop": None, "intervals": {}, "resamples": 0}
    assert assess.warnings(answer(**none)) == []


NUMBERS = {"E": None}
CURVE = {"sensitivity": [], "tokens_per_parameter": None, "resamples": 0, "hold_out": None}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"converged": False, "reason": "it stalled"}, "the fit did not converge: it stalled"),
        ({**CURVE, "by_flop": NUMBERS}, "cannot tell A from B"),
        (
            {**CURVE, "by_tokens": NUMBERS, "parameters_range": [1e8, 1e8]},
            "of one size in parameters, 1e+08, or nearly: they can tell the loss by tokens alone, "
            "A / N^alpha being part of E",
        ),
        (
            {**CURVE, "by_parameters": NUMBERS, "train_tokens_range": [1e9, 1.1e9]},
            "of one number of tokens, 1.05e+09, or nearly",
        ),
        ({"repeated": 4}, "4 of 40 runs equal an earlier one"),
        ({"runs": 5}, "5 runs for 5 numbers: nothing tests the law"),
        (
            {"resamples": 0, "failed_resamples": 200, "intervals": {}},
            "there is no interval: 40 runs are too few, or too alike, for most of 200 resamples",
        ),
        (
            {"sensitivity": [{"parameters_exponent": None}, {"parameters_exponent": 0.65}]},
            "move the exponent of N* between 0.650 and 0.650",
        ),
        ({"runs": 19}, "19 runs for 5 numbers: too few"),
        ({"runs": 15, "equal_exponents": True}, "15 runs for 4 numbers: too few"),
        ({"failed_resamples": 3}, "3 of 103 resamples have no fit"),
        (
            {"sensitivity": [{"parameters_exponent": 0.45}, {"parameters_exponent": 0.65}]},
            "move the exponent of N* between 0.450 and 0.650, beyond its interval",
        ),
        ({"tokens_per_parameter": 0.1}, "best size is 1.41e+10 parameters, outside"),
        (
            {"hold_out": {"runs": [{"loss_nats": 3.2, "low": 2.9, "high": 3.1}]}},
            "1 of 1 runs held out lie outside their interval",
        ),
        ({"isoflop": {"warnings": ["isoFLOP: off centre"]}}, "isoFLOP: off centre"),
    ],
)
def test_each_doubt_is_said(changed, said):
    (found,) = assess.warnings(answer(**changed))
    assert said in found
