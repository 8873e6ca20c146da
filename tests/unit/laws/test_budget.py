import json

import pytest

from bedstone.errors import ConfigError
from bedstone.laws import budget as budgeting
from bedstone.laws.budget import Budget, Corpus
from bedstone.laws.known import LAW_NAMES

CONTRACT = {
    "law",
    "parameters",
    "train_tokens",
    "tokens_per_parameter",
    "loss_nats",
    "in_range",
    "warnings",
}


def plan(flop=1e21, corpus=None, served=0.0, law=None, **budget):
    return budgeting.plan(Budget(flop, **budget), corpus, served, law, 32_000)


def test_every_law_answers_with_the_keys_that_others_rely_on():
    found = plan()
    assert [row["law"] for row in found["laws"]] == list(LAW_NAMES)
    assert all(set(row) >= CONTRACT for row in found["laws"])
    json.dumps(found)


def test_with_one_law_its_fields_are_at_the_top():
    found = plan(law="epoch")
    (row,) = found["laws"]
    assert all(found[key] == row[key] for key in CONTRACT)


def test_hours_and_money_are_what_the_device_takes():
    hours = plan(flop=None, device_hours=100, device="A100-80GB", utilisation=0.5)
    assert hours["flop"] == 100 * 3600 * 312e12 * 0.5
    money = plan(
        flop=None, usd=200, usd_per_device_hour=2, device="A100-80GB", utilisation=0.5, devices=4
    )
    assert money["flop"] == hours["flop"]
    row = money["laws"][0]
    assert row["device_hours"] == pytest.approx(100)
    assert row["hours"] == pytest.approx(25)
    assert row["usd"] == pytest.approx(200)
    assert row["train_bytes"] == 16 * row["parameters"]
    assert plan()["laws"][0]["usd"] is None


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        (Budget(), "0 budgets"),
        (Budget(1e20, usd=3, device="T4"), "2 budgets"),
        (Budget(-1), "--flop -1"),
        (Budget(float("nan")), "--flop nan"),
        (Budget(device_hours=3), "none is given"),
        (Budget(1e20, usd_per_device_hour=3), "none is given"),
        (Budget(1e20, device="L4", devices=10**400), "--devices 1000.*: it must be a finite"),
        (Budget(usd=3, device="A100-80GB"), "at a price"),
        (Budget(1e20, utilisation=1.2), "at most 1"),
        (Budget(1e20, device="A1000-80GB"), "no device"),
        (Budget(1e20, utilisation=0.5), "none is given"),
        (Budget(1.0), "a budget is between"),
        (Budget(1e308), "a budget is between"),
        (Budget(usd=1e308, usd_per_device_hour=1e-10, device="T4"), "no device"),
        (Budget(usd=1e300, usd_per_device_hour=1e-10, device="L4"), "a budget is between"),
    ],
)
def test_a_budget_that_cannot_be_reckoned_is_refused(budget, told):
    with pytest.raises(ConfigError, match=told):
        budgeting.plan(budget, None, 0.0, None, 32_000)


@pytest.mark.parametrize("vocab_size", [0, 10**30])
def test_a_vocabulary_that_no_model_has_is_refused(vocab_size):
    with pytest.raises(ConfigError, match=f"--vocab-size {vocab_size}: it must be from 1 to"):
        budgeting.plan(Budget(1e20), None, vocab_size=vocab_size)


def test_a_law_is_a_name_or_a_file():
    with pytest.raises(ConfigError, match="no law 'epok'"):
        plan(law="epok")


def test_what_the_corpus_allows_is_said_in_a_sentence():
    (sentence,) = [
        it for it in plan(corpus=Corpus({"swh": 1.2e9}))["sentences"] if "your corpus" in it[:12]
    ]
    assert "1.2 B Swahili tokens: with 4 passes that is worth 4.47 B fresh tokens" in sentence
    assert "at most 228 M parameters" in sentence


def test_each_language_of_several_has_its_own_sentence():
    found = plan(corpus=Corpus({"swh": 1.2e9, "tel_Telu": 3e8}))["sentences"]
    assert "your corpus holds 1.5 B tokens" in " ".join(found)
    assert [it.split(":")[0] for it in found[-2:]] == ["Swahili", "Telugu"]


def test_laws_that_lack_what_they_are_about_say_so():
    told = {row["law"]: " ".join(row["warnings"]) for row in plan()["laws"]}
    assert "no corpus is told" in told["repeated"]
    assert "no tokens to be served" in told["served"]
    assert "no corpus" not in " ".join(plan(law="repeated", corpus=Corpus({"": 1e9}))["warnings"])


@pytest.mark.parametrize("tokens", [-1.0, float("nan"), float("inf"), 1e21])
def test_tokens_to_be_served_are_a_number_that_one_serves(tokens):
    with pytest.raises(ConfigError, match="--served-tokens"):
        plan(served=tokens)


def test_a_warning_names_the_range_that_is_left():
    (told,) = [
        it for it in plan(flop=1e22, served=1e13, law="served")["warnings"] if "outside" in it
    ]
    assert "819 M to 318 B tokens" in told
    assert "parameters" not in told


def test_serving_says_what_it_saves():
    found = plan(law="served", served=1e13)
    assert found["train_flop"] > found["flop"]
    assert found["serving_flop"] == 2 * found["parameters"] * 1e13
    assert "% less than epoch's optimum" in " ".join(found["warnings"])


def test_small_models_are_mostly_embedding_and_large_ones_are_not_asked():
    small, large = plan(flop=1e16, law="epoch"), plan(flop=1e24, law="epoch")
    assert small["embedding_share"] > 0.4
    assert "would be the embedding" in " ".join(small["warnings"])
    assert large["embedding_share"] < 0.01
    assert "would be the embedding" not in " ".join(large["warnings"])
    shares = [plan(flop=10.0**it, law="epoch")["embedding_share"] for it in range(15, 27)]
    assert shares == sorted(shares, reverse=True)


def test_a_model_smaller_than_its_vocabulary_is_told():
    assert "no model with a vocabulary of 32,000 is so small" in " ".join(
        plan(flop=1e12, law="epoch")["warnings"]
    )


def test_a_range_and_a_rounding_are_told():
    told = plan(flop=5.76e23, law="chinchilla-3")["warnings"]
    assert any("outside what the law was fitted on" in it for it in told)
    assert any("the printed digits leave N between 22.1 B and 46.8 B" in it for it in told)
    assert plan(flop=1e20, law="epoch")["in_range"]


def test_how_far_the_runs_leave_the_size_open_is_said():
    found = plan(flop=1e21, law="epoch")
    low, high = found["parameters_interval"]
    assert low < found["parameters"] < high
    assert any("the runs behind epoch leave N between" in it for it in found["sentences"])
    assert not any("the runs behind" in it for it in plan(law="chinchilla-3")["sentences"])
