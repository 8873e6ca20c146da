"""A prediction, and how it stands to the run it speaks of."""

import json

import pytest

from bedstone.config import Config
from bedstone.errors import ConfigError
from bedstone.laws.known import published
from bedstone.laws.repeated_text import repeated_loss
from bedstone.scaling.predict import STAGE, PredictConfig
from bedstone.scaling.score import score
from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.stage import Result, Stage


class RunConfig(Config):
    seed: int = 0


def train(config, job):
    with job.part("x") as path:
        path.write_text("x")
    sizes = {"parameters_total": 1.1e9, "parameters_non_embedding": 1e9, "train_tokens": 2e10}
    return Result({"loss_nats": 3.0, **sizes})


RUN = Stage("pretrain.train", version=1, config=RunConfig, inputs=(), run=train)


def predict(store, config=None, **inputs):
    return build(STAGE, config or PredictConfig(), inputs, store, Local())


@pytest.fixture
def plan(tmp_path):
    values = {"parameters_total": 1_000_000, "train_tokens": 20_000_000, "text_tokens": 5_000_000}
    values["vocab_size"] = 4096
    folder = tmp_path / "plan"
    folder.mkdir()
    (folder / "plan.json").write_text(json.dumps(values))
    return adopt([folder], tmp_path / "store")


def test_the_loss_is_that_of_the_law(tmp_path):
    made = predict(tmp_path, PredictConfig(parameters=1e9, train_tokens=2e10))
    found = json.loads(made.file("prediction.json").read_text())
    law = published("epoch")
    assert found["loss_nats"] == law.surface().loss(1e9, 2e10) == made.manifest.metrics["loss_nats"]
    assert found["in_range"]
    assert found["warnings"]


def test_what_the_config_leaves_open_the_plan_says(tmp_path, plan):
    made = predict(tmp_path / "store", PredictConfig(law="repeated"), plan=plan)
    assert made.manifest.metrics["loss_nats"] == repeated_loss(1e6, 2e7, 5e6)
    other = predict(tmp_path / "store", PredictConfig(law="repeated", parameters=2e6), plan=plan)
    assert other.manifest.metrics["parameters"] == 2e6


def test_a_prediction_worse_than_guessing_is_told(tmp_path, plan):
    def told(**sizes):
        made = predict(tmp_path / "store", PredictConfig(law="repeated", **sizes), plan=plan)
        return " ".join(json.loads(made.file("prediction.json").read_text())["warnings"])

    assert "worse than guessing evenly among 4,096 tokens, 8.32 nats" in told(parameters=1e5)
    assert "guessing" not in told(parameters=1e8, train_tokens=1e9)


def test_a_run_that_nobody_tells_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="neither by the config nor by a plan"):
        predict(tmp_path)


def test_a_law_without_losses_cannot_predict():
    with pytest.raises(ValueError, match="no law of loss 'twenty'"):
        PredictConfig(law="twenty")


def test_what_would_have_no_effect_is_refused():
    with pytest.raises(ValueError, match="only the law 'repeated'"):
        PredictConfig(unique_tokens=1e9)
    with pytest.raises(ValueError, match="no law of loss 'served'"):
        PredictConfig(law="served")


def test_the_difference_to_the_run_is_the_score(tmp_path):
    prediction = predict(tmp_path, PredictConfig(parameters=1e9, train_tokens=2e10))
    run = build(RUN, RunConfig(), {}, tmp_path, Local())
    expected = prediction.manifest.metrics["loss_nats"]
    found = score(prediction, run)
    assert found["score.loss_nats"] == (expected, 3.0)
    assert found["score.error_share"] == (None, expected / 3 - 1)
    assert found["score.registered_before_the_run"] == (None, True)
    low, high = prediction.manifest.metrics["loss_nats_low"], 3.0
    assert low < expected < high
    assert found["score.in_interval_of_mean"] == (None, False)
    assert found["score.of_a_run_of_this_size"] == (None, True)
    turned = score(run, prediction)
    assert turned["score.loss_nats"] == (3.0, expected)
    assert turned["score.error_share"] == (expected / 3 - 1, None)


def test_a_prediction_made_after_the_run_is_told(tmp_path):
    run = build(RUN, RunConfig(seed=1), {}, tmp_path, Local())
    prediction = predict(tmp_path, PredictConfig(parameters=2e9, train_tokens=2e10))
    found = score(prediction, run)
    assert found["score.registered_before_the_run"] == (None, False)
    assert found["score.of_a_run_of_this_size"] == (None, False)


def test_two_runs_have_no_score(tmp_path):
    left, right = (build(RUN, RunConfig(seed=it), {}, tmp_path, Local()) for it in (2, 3))
    assert not any(key.startswith("score") for key in score(left, right))
