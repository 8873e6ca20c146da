"""A ladder's law, what it says of a run, and how that came out."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.support.ladders import RATIO, SIZES, TARGET, Bench, loss, make

from bedstone.errors import ConfigError, DataError
from bedstone.laws.extrapolation import stored
from bedstone.scaling.ladder import STAGE, LadderConfig
from bedstone.scaling.score import held_out_nats, score
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.payload import read_json


@pytest.fixture
def bench(store):
    return Bench(store)


@pytest.fixture
def ladder(bench):
    return bench.ladder(bench.usual())


def test_the_runs_are_told_as_they_were_measured(ladder):
    found = read_json(ladder, "law.json")
    assert [row["parameters_total"] for row in found["runs"]] == sorted(SIZES * 2)
    assert [row["seed"] for row in found["runs"]] == [0, 1] * 4
    dice = np.random.default_rng(0)
    for row in found["runs"]:
        assert row["loss_nats"] == pytest.approx(
            loss(row["parameters_total"]) + dice.normal(0, 0.01)
        )
        assert row["train_tokens"] == row["parameters_total"] * RATIO
    assert found["tokens_per_parameter"] == pytest.approx(RATIO)
    assert (found["B"], found["beta"]) == (None, None)
    assert set(found["intervals"]) == {"E", "A", "alpha"}
    assert 0.003 < found["seed_deviation_nats"] < 0.03
    assert "3 tokens a parameter" in found["warnings"][0]
    draws = pq.read_table(ladder.file("draws.parquet"))
    assert stored(ladder).draws.shape == draws.shape


def test_the_largest_is_said_by_the_others(ladder):
    held = read_json(ladder, "law.json")["hold_out"]
    assert (held["parameters"], held["train_tokens"]) == (800_000, 2_400_000)
    assert held["low"] < held["predicted"] < held["high"]
    assert held["low"] < held["loss_nats"] < held["high"]


def test_one_that_is_not_where_the_others_say_is_told(bench):
    pairs = [*bench.usual(sizes=SIZES[:3]), *(bench.trained(800_000, 6.5, seed) for seed in (0, 1))]
    found = read_json(bench.ladder([*pairs, bench.trained(TARGET, 1.5)]), "law.json")
    assert any("lies outside what the others say" in each for each in found["warnings"])


def test_one_seed_has_no_deviation(bench):
    found = read_json(bench.ladder(bench.usual(seeds=1)), "law.json")
    assert found["seed_deviation_nats"] is None
    assert any("one seed each" in each for each in found["warnings"])


def test_budgets_have_profiles(bench):
    pairs = [
        bench.trained(size, loss(size) + 0.1 * size / 1e5 / ratio, ratio=ratio)
        for size, ratio in zip(SIZES, (64, 16, 4, 1), strict=True)
    ]
    pairs += [bench.trained(size, loss(size) + 0.2, ratio=2) for size in SIZES]
    found = read_json(bench.ladder(pairs), "law.json")
    assert [each["sizes"] for each in found["isoflop"]["budgets"]] == [4]
    assert found["tokens_per_parameter"] is None
    assert found["B"] > 0


def test_one_budget_tells_no_law(bench):
    pairs = [
        bench.trained(size, loss(size), ratio=ratio)
        for size, ratio in zip(SIZES, (64, 16, 4, 1), strict=True)
    ]
    with pytest.raises(DataError, match="have 1 to 64 tokens a parameter"):
        bench.ladder(pairs)


def test_runs_that_differ_in_more_than_size_are_refused(bench):
    other = make(bench.store, "tokenizer.train", name="other")
    pairs = [*bench.usual(), bench.trained(TARGET, 3.0, tokenizer=other)]
    with pytest.raises(DataError, match="2 different tokenizer"):
        bench.ladder(pairs)


def test_a_model_wants_its_bits(bench):
    (one, ones), (_, twos) = bench.trained(100_000, 5.0), bench.trained(200_000, 4.0)
    with pytest.raises(DataError, match="each run needs both"):
        build(STAGE, LadderConfig(), {"model.a": one}, bench.store, Local())
    with pytest.raises(DataError, match=r"bits\.a are of another model"):
        build(STAGE, LadderConfig(), {"model.a": one, "bits.a": twos}, bench.store, Local())
    with pytest.raises(DataError, match="too few"):
        build(STAGE, LadderConfig(), {"model.a": one, "bits.a": ones}, bench.store, Local())


def test_it_says_a_run_with_its_interval(bench, ladder):
    made = bench.predicted(ladder)
    found = read_json(made, "prediction.json")
    low, high = found["loss_interval"]
    assert low < loss(TARGET) < high
    assert found["loss_nats"] == pytest.approx(loss(TARGET), abs=0.05)
    assert (found["law"], found["interval_of"], found["in_range"]) == ("ladder", "run", True)
    assert found["warnings"] == []
    assert made.manifest.metrics["loss_nats_low"] == low


def test_of_another_number_of_tokens_it_says_nothing(bench, ladder):
    with pytest.raises(DataError, match="of 3 tokens a parameter, the run of 20"):
        bench.predicted(ladder, bench.plan(ratio=20))


def test_of_other_text_and_far_away_it_warns(bench, ladder):
    other = make(bench.store, "tokenizer.mix", name="other")
    found = read_json(bench.predicted(ladder, bench.plan(mix=other)), "prediction.json")
    assert "another mix or tokeniser" in found["warnings"][0]
    far = {"parameters": 8e7, "train_tokens": 2.4e8}
    found = read_json(bench.predicted(ladder, **far), "prediction.json")
    assert not found["in_range"]
    assert "100 times the largest size" in found["warnings"][0]


def test_what_is_no_ladder_is_refused(bench):
    with pytest.raises(DataError, match=r"is no ladder: scaling\.plan made it"):
        bench.predicted(bench.plan())


def test_two_laws_are_one_too_many(bench, ladder):
    with pytest.raises(ConfigError, match="law 'epoch' is named, and a law is given"):
        bench.predicted(ladder, law="epoch")


@pytest.mark.parametrize(("nats", "held"), [(loss(TARGET), True), (1.0, False)])
def test_it_is_scored_by_the_held_out_text(bench, ladder, nats, held):
    prediction = bench.predicted(ladder)
    model, bits = bench.trained(TARGET, nats)
    made = bench.scored(prediction, model, bits)
    found = read_json(made, "score.json")
    expected = prediction.manifest.metrics["loss_nats"]
    assert found["loss_nats"] == pytest.approx(nats) == held_out_nats(bits.manifest.metrics)
    assert (found["held"], found["error_nats"]) == (held, expected - found["loss_nats"])
    assert made.manifest.metrics["held"] == held
    assert score(prediction, model) == {}  # the loss of training is another


def test_another_run_is_no_proof(bench, ladder):
    model, bits = bench.trained(800_000, 3.0)
    prediction = bench.predicted(ladder)
    with pytest.raises(DataError, match="not of this run"):
        bench.scored(prediction, model, bits)
