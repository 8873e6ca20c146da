"""Stage evaluation.prediction: whether a loss came out as it was predicted.

Reads   ``model``, that the prediction speaks of; ``bits``, what the held-out text costs it;
        ``prediction``, of scaling.predict with a ladder
Writes  ``score.json``: ``parameters_total``, ``train_tokens``, ``seed``, ``loss_nats`` (measured),
        ``predicted`` {``loss_nats``, ``low``, ``high``}, ``held`` (whether it lies between),
        ``error_nats`` (predicted less measured)
"""

from bedstone.config import Config
from bedstone.errors import DataError
from bedstone.laws.known import PREDICTION_FILE
from bedstone.scaling.score import held_out_nats, is_of_size
from bedstone.store.artifact import Artifact
from bedstone.store.payload import read_json, write_json
from bedstone.store.stage import Job, Result, Stage

FILE = "score.json"


class ScoreConfig(Config):
    """Nothing is left to choose."""


def run(config: ScoreConfig, job: Job) -> Result:
    """Compare them.

    Raises:
        DataError: the prediction has no interval of a run, or is of a run of another size.
    """
    predicted = read_json(job.inputs["prediction"], PREDICTION_FILE)
    model, bits = (Artifact(job.inputs[role].location).manifest for role in ("model", "bits"))
    if predicted["interval_of"] != "run" or not is_of_size(predicted, model.metrics):
        raise DataError(
            "the prediction is not of this run", hint="give one of its size, made by a ladder"
        )
    low, high = predicted["loss_interval"]
    measured, expected = held_out_nats(bits.metrics), predicted["loss_nats"]
    found = {
        **{name: int(model.metrics[name]) for name in ("parameters_total", "train_tokens")},
        "seed": int(model.config["init_seed"]),
        "loss_nats": measured,
        "predicted": {"loss_nats": expected, "low": low, "high": high},
        "held": low <= measured <= high,
        "error_nats": expected - measured,
    }
    write_json(job, FILE, found)
    return Result(
        {
            "loss_nats": measured,
            "predicted_loss_nats": expected,
            "predicted_loss_nats_low": low,
            "predicted_loss_nats_high": high,
            "error_nats": expected - measured,
            "held": float(found["held"]),
        }
    )


STAGE = Stage(
    "evaluation.prediction",
    version=1,
    config=ScoreConfig,
    inputs=("model", "bits", "prediction"),
    run=run,
)
