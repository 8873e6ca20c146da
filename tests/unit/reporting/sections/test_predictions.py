"""What the page says of a prediction: by which law, of which loss, and when that it is none."""

import json
import math

import pytest

from bedstone.config import Config
from bedstone.reporting.family import family
from bedstone.reporting.sections.scaling import predictions
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.stage import Result, Stage

SIZES = {"parameters_total": 1_000, "train_tokens": 3_000}
BITS = {"held_out_bytes": 200, "held_out_tokens": 100, "held_out_bits_per_byte": 2 / math.log(2)}


class Setting(Config):
    metrics: dict[str, float] = {}


@pytest.fixture
def make(store):
    def of(stage, metrics=None, files=None, **parents):
        def run(config, job):
            for name, values in (files or {"x.json": metrics}).items():
                with job.part(name) as path:
                    path.write_text(json.dumps(values))
            return Result(config.metrics)

        made_by = Stage(stage, version=1, config=Setting, inputs=tuple(parents), run=run)
        return build(made_by, Setting(metrics=metrics or {}), parents, store, Local())

    return of


@pytest.fixture
def told(make):
    """The section's answer on a prediction of 2.5 nats, by a law that may be a ladder's."""

    def of(in_range=True, **law):
        plan = make("scaling.plan", SIZES, files={"plan.json": SIZES})
        found = {
            "law": "one",
            "source": "runs",
            "loss_nats": 2.5,
            "loss_interval": None,
            "in_range": in_range,
            "warnings": [],
        }
        make("scaling.predict", files={"prediction.json": found}, plan=plan, **law)
        base = make("pretrain.train", {**SIZES, "loss_nats": 2.0}, plan=plan)
        bits = make("evaluation.bits", BITS, model=base)
        section = predictions(family(bits))
        assert section is not None
        return section.answer

    return of


def test_what_a_published_law_says_is_the_loss_of_training(told):
    assert told() == "2.50 nats a token were predicted, 2.00 came: +25 %"


def test_what_a_ladder_says_is_the_loss_of_held_out_text(told, make):
    said = told(ladder=make("scaling.ladder"))
    assert said == "2.50 nats a token were predicted, 4.00 came: -38 %"


def test_a_law_beyond_its_runs_foretells_nothing(told):
    assert told(in_range=False) == (
        "No law knows runs like this one: beyond those that it was fitted on it comes to 2.50 "
        "nats a token, 2.00 came"
    )
