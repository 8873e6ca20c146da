from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bedstone.laws.fitting import Method, Runs, fit
from bedstone.laws.law import Law

PARAMETERS, TOKENS = (
    axis.ravel() for axis in np.meshgrid(np.geomspace(1e7, 1e10, 7), np.geomspace(2e8, 2e12, 7))
)
CENTRE = 10**8.5, 10**10.3
OBJECTIVES = st.sampled_from(("huber", "lad", "squares"))
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def laws(draw):
    """Laws whose terms are each seen in the losses of the grid, alpha and beta apart."""
    alpha, beta = draw(st.floats(0.2, 0.6)), draw(st.floats(0.2, 0.6))
    assume(abs(alpha - beta) > 0.01)
    by_size, by_tokens = draw(st.floats(0.1, 1.5)), draw(st.floats(0.1, 1.5))
    floor = draw(st.floats(0.5, 3.0))
    return Law(floor, by_size * CENTRE[0] ** alpha, by_tokens * CENTRE[1] ** beta, alpha, beta)


def runs_of(law, noise=0.0, seed=0):
    drawn = np.random.default_rng(seed).normal(size=len(PARAMETERS))
    losses = law.loss(PARAMETERS, TOKENS) * np.exp(noise * drawn)
    return Runs(PARAMETERS, TOKENS, losses)


@settings(max_examples=20)
@given(laws(), OBJECTIVES)
def test_a_surface_without_noise_is_recovered(law, objective):
    found = fit(runs_of(law), Method(objective))
    assert found.converged
    assert astuple(found.law) == pytest.approx(astuple(law), rel=1e-6)


@settings(max_examples=10)
@given(laws(), st.sampled_from(("huber", "squares")), SEEDS)
def test_the_order_of_runs_changes_nothing(law, objective, seed):
    runs = runs_of(law, 0.005, seed)
    order = np.random.default_rng(seed).permutation(len(runs))
    one, other = fit(runs, Method(objective)), fit(runs.take(order), Method(objective))
    assert other.objective_value == pytest.approx(one.objective_value, rel=1e-8)
    assert one.converged == other.converged
    assert astuple(one.law) == pytest.approx(astuple(other.law), rel=1e-4)


@settings(max_examples=15)
@given(laws(), SEEDS, st.floats(-9, 3))
def test_the_unit_of_parameters_scales_a_alone(law, seed, power):
    runs = runs_of(law, 0.005, seed)
    scaled = Runs(runs.parameters * 10**power, runs.train_tokens, runs.loss_nats)
    one, other = fit(runs, Method("squares")).law, fit(scaled, Method("squares")).law
    expected = Law(one.E, one.A * 10 ** (power * one.alpha), one.B, one.alpha, one.beta)
    assert astuple(other) == pytest.approx(astuple(expected), rel=1e-5)


@settings(max_examples=15)
@given(laws(), SEEDS)
def test_weights_are_repeated_rows(law, seed):
    runs = runs_of(law, 0.005, seed)
    times = np.random.default_rng(seed).integers(0, 3, len(runs))
    repeated = fit(runs.take(np.repeat(np.arange(len(runs)), times)), Method("squares"))
    weighted = fit(runs, Method("squares"), times.astype(float))
    assert weighted.objective_value == pytest.approx(repeated.objective_value, rel=1e-8)
