"""What the laws answer. Figures: computed from the printed constants, and the papers' tables."""

import json
from pathlib import Path

import pytest

from bedstone.laws.allocation import Question, answer, outside
from bedstone.laws.known import KnownLaw, Printed, published
from bedstone.laws.law import Law

TABLES = json.loads((Path(__file__).parents[2] / "data/scaling/published_tables.json").read_text())
GOPHER_FLOP = 5.76e23


@pytest.mark.parametrize(
    ("law", "table", "tolerance"),
    [
        ("chinchilla-1", "chinchilla_table3_approach1", 0.013),
        ("chinchilla-2", "chinchilla_tableA3_approach2", 0.034),
    ],
)
def test_the_paper_s_table_comes_out(law, table, tolerance):
    rows = TABLES[table]
    for flop, parameters in zip(rows["flops"], rows["params"], strict=True):
        found = answer(published(law), Question(flop)).parameters
        assert found == pytest.approx(parameters, rel=tolerance)


@pytest.mark.parametrize(
    ("law", "parameters", "ratio"),
    [
        ("chinchilla-3", 32.2e9, 92.7),
        ("chinchilla-3-unrounded", 40.4e9, 58.9),
        ("epoch", 72.4e9, 18.3),
        ("twenty", 69.3e9, 20.0),
    ],
)
def test_gopher_s_budget(law, parameters, ratio):
    found = answer(published(law), Question(GOPHER_FLOP))
    assert found.parameters == pytest.approx(parameters, rel=2e-3)
    assert found.train_tokens / found.parameters == pytest.approx(ratio, rel=2e-3)


def test_two_digits_of_an_exponent_leave_half_of_the_answer_open():
    low, high = answer(published("chinchilla-3"), Question(GOPHER_FLOP)).parameters_within_rounding
    assert low < 32.2e9 / 1.4
    assert high > 32.2e9 * 1.4
    low, high = answer(
        published("chinchilla-3-unrounded"), Question(GOPHER_FLOP)
    ).parameters_within_rounding
    assert high / low < 1.00001


def test_a_small_corpus_asks_for_a_smaller_model_than_fresh_text():
    fresh = answer(published("repeated"), Question(1e21))
    little = answer(published("repeated"), Question(1e21, unique_tokens=1e9))
    assert little.parameters < fresh.parameters
    assert little.loss_nats > fresh.loss_nats
    plenty = answer(published("repeated"), Question(1e21, unique_tokens=1e13))
    assert plenty.parameters == pytest.approx(fresh.parameters, rel=1e-6)


def test_serving_asks_for_a_smaller_model_that_is_as_good_and_costs_less():
    law, question = published("served"), Question(1e22, served_tokens=1e13)
    best, found = law.surface().optimum(1e22), answer(law, question)

    def cost(parameters, train_tokens):
        return 6 * parameters * train_tokens + 2 * parameters * question.served_tokens

    assert found.parameters < best.parameters
    assert found.loss_nats == pytest.approx(law.surface().loss(*best), rel=1e-9)
    assert cost(found.parameters, found.train_tokens) < 0.75 * cost(*best)


def test_an_interval_holds_what_most_draws_say():
    centre = Law(1.7, 400, 1000, 0.34, 0.37)
    draws = tuple(Law(1.6 + it / 1000, 400, 1000, 0.34, 0.37) for it in range(201))
    constants = {name: Printed(getattr(centre, name)) for name in ("E", "A", "B", "alpha", "beta")}
    law = KnownLaw("x", "surface", "", "", "", (1, 2), (1, 2), constants, draws=draws)
    found = answer(law, Question(1e20))
    low, high = found.loss_interval
    assert low == pytest.approx(found.loss_nats - 0.095, abs=1e-6)
    assert high == pytest.approx(found.loss_nats + 0.095, abs=1e-6)
    assert found.parameters_interval == pytest.approx((found.parameters, found.parameters))
    assert outside(law, 1.5, 3) == {"tokens": (1, 2)}
    assert outside(law, 0.5, 3) == {"parameters": (1, 2), "tokens": (1, 2)}
    assert not outside(law, 1.5, 2)
