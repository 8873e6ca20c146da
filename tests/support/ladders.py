"""A ladder's models and what was measured on them, made up, in a store."""

import json
import math

import numpy as np

from bedstone.config import Config
from bedstone.evaluation.prediction import STAGE as SCORE
from bedstone.evaluation.prediction import ScoreConfig
from bedstone.scaling.ladder import STAGE, LadderConfig
from bedstone.scaling.predict import STAGE as PREDICT
from bedstone.scaling.predict import PredictConfig
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.stage import Result, Stage

SIZES = (100_000, 200_000, 400_000, 800_000)
TARGET, RATIO = 1_600_000, 3


class Made(Config):
    """What an artifact of this test says of itself."""

    init_seed: int = 0
    name: str = ""
    metrics: dict[str, float] = {}


def make(store, stage, metrics=None, parents=None, name="", seed=0, payload=None):
    def run(config, job):
        for file, values in (payload or {"x.json": [name, seed, metrics]}).items():
            with job.part(file) as path:
                path.write_text(json.dumps(values))
        return Result(dict(config.metrics))

    of = Stage(stage, version=1, config=Made, inputs=tuple(parents or ()), run=run)
    config = Made(init_seed=seed, name=name, metrics=metrics or {})
    return build(of, config, parents or {}, store, Local())


def loss(parameters):
    return 2 + 4 * (parameters / 1e5) ** -0.3


class Bench:
    """Models and what was measured on them, in a store."""

    def __init__(self, store):
        self.store = store
        self.mix, self.tokenizer, self.texts = (
            make(store, f"tokenizer.{name}", name=name) for name in ("mix", "train", "texts")
        )

    def trained(self, parameters, nats, seed=0, ratio=RATIO, **parents):
        """A model and its bits: the text has three tokens in two bytes."""
        inputs = {"mix": self.mix, "tokenizer": self.tokenizer} | parents
        sizes = {"parameters_total": parameters, "train_tokens": parameters * ratio}
        model = make(self.store, "pretrain.train", sizes, inputs, seed=seed)
        metrics = {
            "held_out_tokens": 300,
            "held_out_bytes": 200,
            "held_out_bits_per_byte": nats * 1.5 / math.log(2),
        }
        bits = make(self.store, "evaluation.bits", metrics, {"model": model, "texts": self.texts})
        return model, bits

    def ladder(self, pairs):
        given = {}
        for number, (model, bits) in enumerate(pairs):
            given |= {f"model.{number}": model, f"bits.{number}": bits}
        return build(STAGE, LadderConfig(), given, self.store, Local())

    def usual(self, seeds=2, sizes=SIZES):
        dice = np.random.default_rng(0)
        return [
            self.trained(size, loss(size) + float(dice.normal(0, 0.01)), seed)
            for size in sizes
            for seed in range(seeds)
        ]

    def plan(self, ratio=RATIO, **parents):
        values = {"parameters_total": TARGET, "train_tokens": TARGET * ratio}
        inputs = {"mix": self.mix, "tokenizer": self.tokenizer} | parents
        return make(self.store, "scaling.plan", parents=inputs, payload={"plan.json": values})

    def predicted(self, ladder, plan=None, **config):
        inputs = {"ladder": ladder, "plan": plan or self.plan()}
        return build(PREDICT, PredictConfig(**config), inputs, self.store, Local())

    def scored(self, prediction, model, bits):
        inputs = {"model": model, "bits": bits, "prediction": prediction}
        return build(SCORE, ScoreConfig(), inputs, self.store, Local())
