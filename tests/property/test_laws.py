"""What holds of every law and budget."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from bedstone.laws.allocation import Question, answer
from bedstone.laws.known import LAW_NAMES, published
from bedstone.laws.law import Law
from bedstone.laws.repeated_text import repeated_loss

FLOP = st.floats(1e14, 1e27)
LAWS = st.builds(
    Law,
    st.floats(0.1, 5),
    st.floats(1, 1e5),
    st.floats(1, 1e5),
    st.floats(0.1, 0.9),
    st.floats(0.1, 0.9),
)


def point(name):
    """The law without its draws, which make intervals and take time."""
    return replace(published(name), draws=())


@given(LAWS, FLOP)
def test_the_closed_form_is_the_minimum(law, flop):
    best = law.optimum(flop)
    law = replace(law, E=1e-300)  # what is left shows every digit

    def loss(log_parameters):
        parameters = math.exp(log_parameters)
        return law.loss(parameters, flop / (6 * parameters))

    centre = math.log(best.parameters)
    found = minimize_scalar(loss, bracket=(centre - 3, centre + 2), options={"xtol": 1e-10})
    assert found.x == pytest.approx(centre, abs=1e-4)
    assert loss(centre) <= found.fun * (1 + 1e-12)


@given(st.sampled_from(LAW_NAMES), FLOP)
def test_six_n_d_is_the_budget(name, flop):
    found = answer(point(name), Question(flop))
    assert 6 * found.parameters * found.train_tokens == pytest.approx(flop, rel=1e-9)


@given(st.sampled_from(LAW_NAMES), FLOP, st.floats(1.01, 1e3))
def test_more_flop_ask_for_a_larger_model_and_more_tokens_and_give_less_loss(name, flop, times):
    small, large = (answer(point(name), Question(it)) for it in (flop, flop * times))
    assert small.parameters < large.parameters
    assert small.train_tokens < large.train_tokens
    if small.loss_nats is not None:
        assert large.loss_nats < small.loss_nats


@given(LAWS, FLOP, st.floats(1e-3, 1e3))
def test_the_unit_of_parameters_and_tokens_is_free(law, flop, unit):
    """N in units of ``unit`` and D in its inverse: A and B change, and nothing that is asked."""
    other = Law(law.E, law.A * unit**-law.alpha, law.B * unit**law.beta, law.alpha, law.beta)
    one, two = law.optimum(flop), other.optimum(flop)
    assert two.parameters * unit == pytest.approx(one.parameters, rel=1e-9)
    assert other.loss(*two) == pytest.approx(law.loss(*one), rel=1e-9)


@given(FLOP, st.floats(1e6, 1e12))
def test_no_division_of_the_budget_over_a_corpus_beats_the_one_chosen(flop, unique_tokens):
    question = Question(flop, unique_tokens)
    found = answer(point("repeated"), question)
    for times in (0.5, 0.9, 1.1, 2):
        parameters = found.parameters * times
        other = repeated_loss(parameters, flop / (6 * parameters), unique_tokens)
        assert found.loss_nats <= other * (1 + 1e-12)


@given(FLOP, st.floats(1e6, 1e15), st.floats(1.1, 1e3))
def test_the_more_is_served_the_smaller_is_the_model_and_never_the_worse(flop, tokens, times):
    law = point("served")
    few, many = (answer(law, Question(flop, None, it)) for it in (tokens, tokens * times))
    assert many.parameters <= few.parameters * (1 + 1e-6)
    best = law.surface().loss(*law.surface().optimum(flop))
    assert many.loss_nats == pytest.approx(best, rel=1e-6)
