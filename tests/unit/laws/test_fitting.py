import math
from dataclasses import astuple

import numpy as np
import pytest
from tests.support.runs import LAW, OBJECTIVES, epoch_runs, grid, printed

from bedstone.errors import DataError
from bedstone.laws import robust
from bedstone.laws.fitting import (
    Method,
    Problem,
    Runs,
    fit,
    fit_curve,
    objective_value,
    tells_apart,
)
from bedstone.laws.law import Law

# Besiroglu et al. 2024, arXiv:2404.10102, with the digits of the authors' notebook.
EPOCH = Law(
    math.exp(0.59711196), math.exp(6.17795598), math.exp(7.64273236), 0.34781303, 0.36585412
)


def by_hand(law, runs, method):
    """The objective, run by run."""
    total = 0.0
    for n, d, loss in zip(runs.parameters, runs.train_tokens, runs.loss_nats, strict=True):
        r = math.log(law.E + law.A / n**law.alpha + law.B / d**law.beta) - math.log(loss)
        if method.objective == "huber":
            delta = method.delta
            total += r * r / 2 if abs(r) <= delta else delta * (abs(r) - delta / 2)
        else:
            total += abs(r) if method.objective == "lad" else r * r
    return total


def moved(law, step):
    values = np.array([math.log(law.A), math.log(law.B), math.log(law.E), law.alpha, law.beta])
    log_a, log_b, log_e, alpha, beta = values + step
    return Law(math.exp(log_e), math.exp(log_a), math.exp(log_b), alpha, beta)


def test_published_numbers_of_epoch_are_the_least_absolute_deviation():
    found = fit(epoch_runs(), Method("lad"))
    assert found.converged
    assert astuple(found.law) == pytest.approx(astuple(EPOCH), rel=2e-6)


def test_published_numbers_of_epoch_are_near_the_least_of_huber_not_at_it():
    runs, method = epoch_runs(), Method("huber", 1e-3)
    found = fit(runs, method)
    assert found.converged
    assert found.gradient_norm < 1e-12
    published = objective_value(EPOCH, runs, method)
    assert 1.0001 < published / found.objective_value < 1.001
    assert astuple(found.law) == pytest.approx(astuple(EPOCH), rel=0.03)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_value_is_that_of_the_law_and_no_law_near_has_less(objective):
    runs, method = grid(LAW, noise=0.01), Method(objective, 2e-3)
    found = fit(runs, method)
    assert found.converged
    assert found.restarts_agreeing_share > 0.5
    assert found.objective_value == pytest.approx(by_hand(found.law, runs, method), rel=1e-12)
    assert found.objective_value == pytest.approx(objective_value(found.law, runs, method))
    rng = np.random.default_rng(1)
    for size in (1e-1, 1e-3, 1e-5):
        for _ in range(50):
            near = moved(found.law, size * rng.normal(size=5))
            assert by_hand(near, runs, method) > found.objective_value


@pytest.fixture
def stalled(monkeypatch):
    """Descents of one step, without a polish, that are taken to agree."""
    whole = robust.minimise
    monkeypatch.setattr(robust, "minimise", lambda *given: whole(*given, most_steps=1))
    monkeypatch.setattr(robust, "polished", lambda surface, theta, *_: theta)
    monkeypatch.setattr("bedstone.laws.fitting.AGREE", 1e9)


@pytest.mark.usefixtures("stalled")
@pytest.mark.parametrize("objective", ["huber", "squares"])
def test_the_gradient_s_norm_is_of_the_logs_and_the_exponents(objective):
    runs, method = grid(LAW, noise=0.01), Method(objective, 1.0)
    found = fit(runs, method)
    slopes = [
        by_hand(moved(found.law, step), runs, method)
        - by_hand(moved(found.law, -step), runs, method)
        for step in 1e-6 * np.eye(5)
    ]
    assert found.gradient_norm == pytest.approx(np.linalg.norm(slopes) / 2e-6, rel=1e-4)


@pytest.mark.usefixtures("stalled")
@pytest.mark.parametrize(
    ("objective", "delta"), [("huber", 1e-3), ("huber", 1e-12), ("squares", 1.0)]
)
def test_a_stalled_fit_has_not_converged(objective, delta):
    found = fit(grid(LAW, noise=0.01), Method(objective, delta))
    assert not found.converged
    assert found.reason == "the gradient does not vanish"


@pytest.mark.parametrize("delta", [0.02, np.inf])
def test_derivatives_are_those_of_the_value(delta):
    problem = Problem(grid(LAW, noise=0.01), Method())
    surface, rng = problem.centred, np.random.default_rng(2)
    theta = problem.theta_of(LAW)[None] + 0.02 * rng.normal(size=(3, 5))
    weights = rng.integers(0, 4, (3, 49)).astype(float)
    here = robust.local(surface, theta, weights, delta)
    for column, step in enumerate(1e-6 * np.eye(5)):
        ahead = robust.local(surface, theta + step, weights, delta)
        behind = robust.local(surface, theta - step, weights, delta)
        slope = (ahead.value - behind.value) / 2e-6
        bend = (ahead.gradient - behind.gradient) / 2e-6
        assert slope == pytest.approx(here.gradient[:, column], rel=1e-5, abs=1e-7)
        assert bend == pytest.approx(here.curvature[:, column], rel=1e-3, abs=1e-3)


def test_absolute_deviation_goes_through_as_many_runs_as_it_has_numbers():
    runs = grid(LAW, noise=0.01)
    found = fit(runs, Method("lad"))
    residuals = np.log(found.law.loss(runs.parameters, runs.train_tokens) / runs.loss_nats)
    assert (np.abs(residuals) < 1e-12).sum() == 5
    assert found.gradient_norm < 1e-10


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("equal", [False, True])
def test_runs_on_a_law_give_it_back(objective, equal):
    law = Law(1.8, 480.0, 2100.0, 0.35, 0.35 if equal else 0.45)
    found = fit(grid(law), Method(objective, equal_exponents=equal))
    assert found.converged
    assert astuple(found.law) == pytest.approx(astuple(law), rel=1e-6)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("digits", [9, 10, 11, 16])
def test_losses_without_noise_but_for_their_digits_converge(objective, digits):
    found = fit(printed(grid(LAW), digits), Method(objective))
    assert found.reason is None
    assert found.converged
    assert found.law.alpha == pytest.approx(LAW.alpha, rel=10.0 ** (2 - digits))


@pytest.mark.parametrize(("largest", "sizes", "digits"), [(1e9, 5, 4), (1e10, 4, 6), (1e10, 5, 5)])
def test_absolute_deviation_goes_through_more_runs_than_it_has_numbers(largest, sizes, digits):
    """Four runs of a rectangle keep L11 + L22 = L12 + L21 when rounded, as often as not."""
    parameters, tokens = (
        axis.ravel()
        for axis in np.meshgrid(np.geomspace(1e7, largest, sizes), np.geomspace(1e9, 1e11, sizes))
    )
    runs = printed(Runs(parameters, tokens, LAW.loss(parameters, tokens)), digits)
    found = fit(runs, Method("lad"))
    residuals = np.log(found.law.loss(parameters, tokens) / runs.loss_nats)
    assert (np.abs(residuals) < 1e-12).sum() > 5
    assert found.converged
    assert found.gradient_norm < 1e-5


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_runs_on_a_law_need_no_second_start(objective, monkeypatch):
    monkeypatch.setattr("bedstone.laws.fitting.START_EXPONENTS", (0.3,))
    assert fit(grid(LAW), Method(objective)).converged


def test_equal_exponents_are_equal_and_never_better():
    runs = grid(LAW, noise=0.01)
    free, equal = fit(runs, Method()), fit(runs, Method(equal_exponents=True))
    assert equal.law.alpha == equal.law.beta
    assert equal.objective_value > free.objective_value


def test_weights_are_runs_written_so_many_times():
    runs = grid(LAW, noise=0.01)
    times = np.random.default_rng(3).integers(0, 4, len(runs))
    repeated = fit(runs.take(np.repeat(np.arange(len(runs)), times)), Method())
    weighted = fit(runs, Method(), times.astype(float))
    assert astuple(weighted.law) == pytest.approx(astuple(repeated.law), rel=1e-8)
    assert weighted.objective_value == pytest.approx(repeated.objective_value, rel=1e-10)


def test_a_loss_without_a_floor_does_not_converge():
    parameters, tokens = grid(LAW).parameters, grid(LAW).train_tokens
    runs = Runs(parameters, tokens, 20 * parameters**-0.07 + 20 * tokens**-0.07 - 0.4)
    found = fit(runs, Method("squares"))
    assert not found.converged
    assert found.reason == "the losses show no floor: log E went to the bounds of the search"
    assert found.told


N, D = grid(LAW).parameters, grid(LAW).train_tokens
DICE = np.random.default_rng(4).normal(size=49)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize(
    ("losses", "said"),
    [
        (2 + 480 * N**-0.35, "do not fall with tokens as a power does"),
        (2 + 2100 * D**-0.37, "do not fall with parameters as a power does"),
        (np.full(49, 3.0), "are all the same"),
        (3 * np.exp(1e-3 * DICE), "do not fall with parameters and tokens as a power does"),
        ((N / 1e7) ** 0.1 * (D / 1e8) ** 0.05, "rise with parameters and tokens"),
        ((N / 1e7) ** 0.1 + 1200 * D**-0.3, "rise with parameters"),
        (2 + 400 * N**-0.34 + 0.3 * (D / 1e8) ** 0.2, "rise with tokens"),
        (
            np.exp(1e-3 * DICE) * (N / 1e7) ** 0.1,
            "rise with parameters, and do not fall with tokens as a power does",
        ),
    ],
)
def test_a_size_that_losses_do_not_fall_with_is_named(losses, said, objective):
    found = fit(Runs(N, D, losses), Method(objective))
    assert not found.told
    assert not found.converged
    assert found.reason.startswith(f"the losses {said}: ")
    assert found.reason.endswith(" went to the bounds of the search")


def test_equations_that_the_ridge_leaves_singular_have_a_solution():
    matrix = np.array([np.diag([2.0, 1.0]), np.diag([1.0, -1e-15])])  # the ridge is 1e-15
    found = robust._solved(matrix, np.array([[2.0, 3.0], [4.0, 0.0]]))
    assert found == pytest.approx(np.array([[1.0, 3.0], [4.0, 0.0]]))


def test_a_single_way_down_is_not_enough(monkeypatch):
    monkeypatch.setattr("bedstone.laws.fitting.START_EXPONENTS", (0.3,))
    found = fit(grid(LAW, noise=0.01), Method())
    assert not found.converged
    assert found.reason == "no second start led to this value"


@pytest.mark.parametrize(
    ("ratios", "told"), [((20, 20), False), ((19, 21), False), ((5, 80), True)]
)
def test_runs_of_one_number_of_tokens_a_parameter_tell_nothing_apart(ratios, told):
    parameters = np.repeat(np.geomspace(1e7, 1e10, 8), 2)
    tokens = parameters * np.tile(ratios, 8)
    assert tells_apart(Runs(parameters, tokens, LAW.loss(parameters, tokens))) is told


def test_one_size_or_one_run_tells_nothing_apart():
    sizes, tokens = np.full(6, 1e8), np.geomspace(1e9, 1e11, 6)
    runs = Runs(sizes, tokens, LAW.loss(sizes, tokens))
    assert not tells_apart(runs)
    assert not tells_apart(runs.take(np.array([0])))


def test_the_law_of_flop_is_found_again():
    parameters = np.geomspace(1e7, 1e10, 8)
    tokens = 20 * parameters
    flop = 6 * parameters * tokens
    found = fit_curve(Runs(parameters, tokens, 1.7 + 900 * flop**-0.16), Method())
    assert found.converged
    assert found.of == "flop"
    assert (found.E, found.coefficient, found.exponent) == pytest.approx((1.7, 900, 0.16), rel=1e-6)


def test_where_the_curvature_is_negative_is_no_minimum(monkeypatch):
    curvature = np.array([[[-1.0, 5.0], [5.0, -1.0]]])
    here = robust.Local(np.ones(1), np.ones((1, 2)), curvature, np.eye(2)[None])
    monkeypatch.setattr(robust, "local", lambda *_: here)
    surface = robust.Surface(np.zeros((1, 1, 2)), np.zeros(1), np.full(2, -9.0), np.full(2, 9.0))
    assert robust.relative_gap(surface, np.zeros((1, 2)), np.ones((1, 1)), 1.0) == np.inf


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_runs_of_one_size_tell_the_loss_by_tokens_with_the_rest_in_the_constant(objective):
    tokens = np.geomspace(1e9, 1e11, 9)
    found = fit_curve(Runs(np.full(9, 1e8), tokens, LAW.loss(1e8, tokens)), Method(objective))
    assert found.converged
    assert found.of == "train_tokens"
    constant = LAW.E + LAW.A / 1e8**LAW.alpha
    assert (found.E, found.coefficient, found.exponent) == pytest.approx(
        (constant, LAW.B, LAW.beta), rel=1e-6
    )


def test_runs_of_one_number_of_tokens_tell_the_loss_by_parameters():
    sizes = np.geomspace(1e7, 1e10, 9) * np.array([0.98, 1.02, 1] * 3)
    tokens = np.full(9, 1e10) * np.array([1.01, 1, 0.99] * 3)  # nearly
    runs = Runs(sizes, tokens, LAW.loss(sizes, tokens))
    found = fit_curve(runs, Method("squares"))
    assert found.of == "parameters"
    assert found.exponent == pytest.approx(LAW.alpha, rel=0.02)
    assert found.loss(runs) == pytest.approx(runs.loss_nats, rel=1e-3)


def test_a_curve_that_rises_is_not_told():
    tokens = np.geomspace(1e9, 1e11, 9)
    found = fit_curve(Runs(np.full(9, 1e8), tokens, 2 + 0.1 * np.log(tokens)), Method())
    assert not found.told
    assert found.reason.startswith("the losses rise with tokens: log B and beta went to")


@pytest.mark.parametrize(
    ("sizes", "tokens", "alike"),
    [
        (np.full(9, 1e8), np.full(9, 1e10), "FLOP, tokens, parameters"),
        (np.geomspace(1e7, 1e9, 9), 1e18 / np.geomspace(1e7, 1e9, 9), "FLOP"),
        ([1e8], [1e10], "FLOP, tokens, parameters"),
    ],
)
def test_runs_along_which_nothing_grows_are_an_error(sizes, tokens, alike):
    sizes, tokens = np.array(sizes), np.array(tokens)
    with pytest.raises(DataError, match=f"all runs are alike in {alike}, or nearly") as error:
        fit_curve(Runs(sizes, tokens, LAW.loss(sizes, tokens)), Method())
    assert error.value.hint


def test_too_few_different_runs_are_an_error_with_a_hint():
    runs = grid(LAW)
    with pytest.raises(DataError, match="4 different runs for the law's 5 numbers") as error:
        fit(runs.take(np.array([0, 1, 2, 3, 3, 3])), Method())
    assert error.value.hint
    with pytest.raises(DataError, match="2 different runs for the law's 3 numbers"):
        fit_curve(runs.take(np.array([0, 8])), Method())


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_runs_are_above_0_and_finite(bad):
    with pytest.raises(ValueError, match="above 0 and finite"):
        Runs(np.array([1e7, bad]), np.array([1e9, 1e9]), np.array([3.0, 3.0]))


def test_wrong_arguments():
    with pytest.raises(ValueError, match="as many"):
        Runs(np.ones(2), np.ones(3), np.ones(2))
    with pytest.raises(ValueError, match="delta"):
        Method("huber", 0.0)
    with pytest.raises(ValueError, match="objective"):
        Method("mean")
