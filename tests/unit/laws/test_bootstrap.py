from dataclasses import astuple

import numpy as np
import pytest
from benchmarks.fitting import calibration
from tests.support.runs import LAW, OBJECTIVES, epoch_runs, grid, printed

from bedstone.laws import bootstrap as module
from bedstone.laws.bootstrap import bootstrap
from bedstone.laws.fitting import Method, Runs, fit, objective_value
from bedstone.laws.known import published
from bedstone.laws.law import Law

METHOD = Method("huber", 1e-3)
# Besiroglu et al. 2024, arXiv:2404.10102: the authors' notebook, 4,000 resamples. Low and high.
PUBLISHED = {
    "E": (1.769, 1.871),
    "A": (285.214, 743.626),
    "B": (1042.357, 5810.344),
    "alpha": (0.317, 0.373),
    "beta": (0.331, 0.415),
}


def resampled(runs, row, resamples, seed):
    """The runs of one resample, written as often as they were drawn."""
    drawn = np.random.default_rng(seed).multinomial(
        len(runs), np.full(len(runs), 1 / len(runs)), size=resamples
    )[row]
    return runs.take(np.repeat(np.arange(len(runs)), drawn))


def scipy_least(runs, law):
    """Huber's least sum by BFGS from several starts, the gradient exact, the objective scaled."""
    optimize = pytest.importorskip("scipy.optimize")
    x, y, log_loss = np.log([runs.parameters, runs.train_tokens, runs.loss_nats])
    x_mean, y_mean = x.mean(), y.mean()

    def both(theta):
        a, b, e, alpha, beta = theta
        parts = np.exp([a - alpha * (x - x_mean), b - beta * (y - y_mean), e + 0 * x])
        residual = np.log(parts.sum(axis=0)) - log_loss
        slope = np.clip(residual, -METHOD.delta, METHOD.delta)
        p, q, r = slope * parts / parts.sum(axis=0)
        value = (slope * residual - slope**2 / 2).sum()
        slopes = [p.sum(), q.sum(), r.sum(), -p @ (x - x_mean), -q @ (y - y_mean)]
        return 1e4 * value, 1e4 * np.array(slopes)

    first = np.array([*np.log([law.A, law.B, law.E]), law.alpha, law.beta])
    first[:2] -= first[3:] * [x_mean, y_mean]
    rng = np.random.default_rng(0)
    starts = [first, *(first + 0.2 * rng.normal(size=(3, 5)))]
    return (
        min(
            optimize.minimize(both, start, jac=True, method="BFGS", options={"gtol": 1e-11}).fun
            for start in starts
        )
        / 1e4
    )


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_each_draw_is_the_fit_of_its_resample(objective):
    runs, method = grid(LAW, noise=0.01), Method(objective, 5e-3)
    draws = bootstrap(runs, method, fit(runs, method).law, 4, seed=3)
    assert draws.failed == 0
    for row, law in enumerate(draws.laws()):
        alone = resampled(runs, row, 4, seed=3)
        least = fit(alone, method).objective_value
        assert objective_value(law, alone, method) <= least * (1 + 1e-6)


def test_no_resample_of_epoch_s_runs_lies_above_scipy_s_least():
    runs = epoch_runs()
    law = fit(runs, METHOD).law
    draws = bootstrap(runs, METHOD, law, 250, seed=0)
    assert draws.failed == 0
    assert draws.gaps.max() < 1e-9
    for row in range(0, 250, 50):
        alone = resampled(runs, row, 250, seed=0)
        ours = objective_value(draws.laws()[row], alone, METHOD)
        assert ours <= scipy_least(alone, law) * (1 + 1e-6)


@pytest.mark.slow
def test_intervals_are_those_published():
    runs, method = epoch_runs(), METHOD
    draws = bootstrap(runs, method, fit(runs, method).law, 4000, seed=0)
    assert draws.failed == 0
    low, high = np.percentile(draws.values, (2.5, 97.5), axis=0)
    for name, found_low, found_high in zip(PUBLISHED, low, high, strict=True):
        near = 0.06 * (PUBLISHED[name][1] - PUBLISHED[name][0])
        assert (found_low, found_high) == pytest.approx(PUBLISHED[name], abs=near), name


def test_seeds_decide_the_draws():
    runs = grid(LAW, noise=0.01)
    law = fit(runs, METHOD).law
    one, same, other = (bootstrap(runs, METHOD, law, 20, seed).values for seed in (1, 1, 2))
    assert (one == same).all()
    assert not np.isclose(one, other).any()


def test_chunks_decide_nothing(monkeypatch):
    runs = grid(LAW, noise=0.01)
    law = fit(runs, METHOD).law
    whole = bootstrap(runs, METHOD, law, 30, seed=0).values
    monkeypatch.setattr(module, "CHUNK_RESAMPLES", 7)
    assert bootstrap(runs, METHOD, law, 30, seed=0).values == pytest.approx(whole, rel=1e-7)


def test_a_bad_start_is_made_good_by_others():
    runs, method = grid(LAW, noise=0.01), Method("squares")
    good = bootstrap(runs, method, fit(runs, method).law, 20, seed=0)
    bad = bootstrap(runs, method, Law(1e-6, 1e-6, 1e-6, 4.0, 0.01), 20, seed=0)
    assert bad.failed == 0
    assert bad.values == pytest.approx(good.values, rel=1e-5)


def test_resamples_without_a_law_are_counted_and_left_out():
    """Of six runs, most resamples have fewer than the five that a law needs."""
    runs = grid(LAW, noise=0.01).take(np.array([0, 8, 20, 30, 41, 48]))
    even = np.full(6, 1 / 6)
    drawn = np.random.default_rng(0).multinomial(6, even, size=40)
    draws = bootstrap(runs, METHOD, LAW, 40, seed=0)
    assert draws.failed >= ((drawn > 0).sum(axis=1) < 5).sum() > 20
    assert len(draws.values) == len(draws.gaps) == len(draws.laws()) == 40 - draws.failed


def test_equal_exponents_stay_equal():
    runs, method = grid(LAW, noise=0.01), Method(equal_exponents=True)
    draws = bootstrap(runs, method, fit(runs, method).law, 10, seed=0)
    assert (draws.values[:, 3] == draws.values[:, 4]).all()


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_noise_free_runs_give_one_law(objective):
    runs = grid(LAW)
    draws = bootstrap(runs, Method(objective), LAW, 10, seed=0)
    assert draws.failed == 0
    for law in draws.laws():
        assert astuple(law) == pytest.approx(astuple(LAW), rel=1e-6)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_runs_that_lie_on_a_law_but_for_their_tenth_digit_give_one_law(objective):
    runs = printed(grid(LAW), 10)
    draws = bootstrap(runs, Method(objective), LAW, 10, seed=0)
    assert draws.failed == 0
    for law in draws.laws():
        assert astuple(law) == pytest.approx(astuple(LAW), rel=1e-6)


def test_draws_are_laws_in_order():
    runs = grid(LAW, noise=0.01)
    draws = bootstrap(runs, METHOD, LAW, 3, seed=0)
    assert astuple(draws.laws()[1]) == tuple(draws.values[1])
    assert isinstance(draws.laws()[0], Law)
    assert isinstance(runs, Runs)


@pytest.mark.slow
def test_intervals_of_ladders_hold_as_often_as_they_say():
    for name, (held, width) in calibration(400, sizes=15, noise=0.01, method=METHOD).items():
        assert 0.85 <= held <= 0.95, name
        assert width > 0


@pytest.mark.slow
def test_epoch_s_uncertainty_in_the_table_of_laws_is_that_of_its_runs():
    runs, method = epoch_runs(), Method("lad")
    values = bootstrap(runs, method, fit(runs, method).law, 4000, 0).values
    table = np.array([astuple(law) for law in published("epoch").draws])
    assert len(table) == len(values) / 10
    percents = (2.5, 25, 50, 75, 97.5)
    ours, stored = (np.percentile(np.log(each), percents, axis=0) for each in (values, table))
    assert np.abs((ours - stored) / np.log(values).std(axis=0)).max() < 0.3
    assert np.abs(np.log(table / values[::10])).max() < 1e-4
