"""One answer out of the laws: whole where the corpus feeds it, else what the corpus feeds."""

import pytest

from bedstone.laws.budget import Budget, Corpus, plan


def answer(flop=1e20, corpus=None, served=0.0, law=None, **budget):
    tokens = None if corpus is None else Corpus({"swa": corpus})
    return plan(Budget(flop, **budget), tokens, served, law, 32_000)["answer"]


def test_with_text_enough_it_is_the_optimum_and_takes_the_whole_budget():
    found = answer()
    assert found["law"] == "epoch"
    assert found["parameters"] == pytest.approx(8.55e8, rel=0.01)
    assert found["left_share"] == pytest.approx(0, abs=1e-9)
    assert "all laws 645 M to 922 M" in found["why"]
    assert answer(corpus=1e10)["parameters"] == found["parameters"]
    assert "read 2 times" in answer(corpus=1e10)["why"]
    assert "nothing is read twice" in answer(corpus=1e12)["why"]


def test_a_small_corpus_gets_the_model_that_it_feeds_and_the_rest_is_left():
    money = {"device": "H100-SXM", "usd_per_device_hour": 2.5}
    found = answer(None, 1.2e9, usd=5000.0, **money)
    assert (found["passes"], found["train_tokens"]) == (4, 4.8e9)
    assert found["train_flop"] == pytest.approx(6 * found["parameters"] * 4.8e9)
    assert found["usd"] + found["left_usd"] == pytest.approx(5000)
    assert 0.99 < found["left_share"] < 1
    assert found["why"].startswith("the corpus ends before the budget does: epoch would read it 83")
    assert "tokens that differ" in found["why"]


def test_where_neither_fits_what_is_read_again_has_its_price():
    # At this budget Epoch's optimum reads 4.02 times, and what 4 passes feed is beyond it.
    found = answer(1e20, 4.85e9)
    assert found["law"] == "repeated"
    assert found["left_share"] == pytest.approx(0, abs=1e-9)
    assert "divided by that" in found["why"]
    alone = answer(1e20, 4.85e9, law="epoch")
    assert (alone["law"], alone["parameters"]) == ("epoch", answer()["parameters"])
    assert alone["why"].endswith("and epoch does not reckon with that")


def test_served_tokens_may_take_more_than_the_budget_of_training():
    found = answer(served=1e12)
    assert found["law"] == "served"
    assert found["left_share"] < -1


def test_the_law_that_is_asked_answers():
    assert answer(law="twenty")["parameters"] == pytest.approx(9.13e8, rel=0.01)
    assert "no run that the law was fitted on" in answer(flop=1e30, law="epoch")["why"]
