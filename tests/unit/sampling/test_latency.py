"""sampling.latency, on a clock that is known."""

import pytest
from tests.support.models import write_model

from bedstone.generation import writer
from bedstone.progress import Progress
from bedstone.sampling import latency
from bedstone.sampling.choosing.pace import Pace
from bedstone.store.adoption import adopt
from bedstone.store.engine import Local
from bedstone.store.making import Making

pytestmark = pytest.mark.torch


def measured(monkeypatch, tmp_path, tokenizer, **config):
    """The pace of a model that takes .5 s, 2 ms a token of the prompt and 30 ms a token drawn."""
    clock, asked = [0.0], []

    def generate(model, prompts, drawing):
        asked.append((len(prompts[0]), drawing.samples, drawing.max_tokens))
        slow = 10 if len(asked) <= 3 else 1  # the first round
        clock[0] += slow * (0.5 + 0.002 * len(prompts[0]) + 0.03 * drawing.max_tokens)

    monkeypatch.setattr(writer, "generate", generate)
    monkeypatch.setattr(latency.time, "perf_counter", lambda: clock[0])
    model = adopt([write_model(tmp_path / "model", tokenizer)], tmp_path / "store")
    making = Making(tmp_path / "store", Local(), Progress())
    return making.build("sampling.latency", config, model=model), asked


def test_the_pace_tells_apart_what_a_prompt_and_a_token_take(monkeypatch, tmp_path, tokenizer):
    made, asked = measured(monkeypatch, tmp_path, tokenizer, samples=4)
    pace = Pace.read(made)
    assert pace.fixed_seconds == pytest.approx(0.5)
    assert pace.prompt_token_seconds == pytest.approx(0.002)
    assert pace.token_seconds == pytest.approx(0.03)
    assert pace.seconds(100, 10) == pytest.approx(1)
    assert {samples for _, samples, _ in asked} == {4}
    assert made.manifest.metrics["tokens_per_second"] == pytest.approx(4 / 0.03)


def test_a_model_writes_at_some_pace(tmp_path, tokenizer):
    model = adopt([write_model(tmp_path / "model", tokenizer)], tmp_path / "store")
    making = Making(tmp_path / "store", Local(), Progress())
    pace = Pace.read(making.build("sampling.latency", {}, model=model))
    assert pace.seconds(10, 10) > 0


def test_more_samples_are_taken_to_be_no_faster():
    assert Pace(1, 2, 3).no_faster_than(Pace(2, 1, 3)) == Pace(2, 2, 3)
