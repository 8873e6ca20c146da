"""How good a registered prediction was, once its run is there."""

import math
from collections.abc import Mapping
from datetime import timedelta
from math import isclose
from typing import Any

from bedstone.store.artifact import Artifact, Manifest

PREDICTION, RUN, LOSS = "scaling.predict", "pretrain.train", "loss_nats"
"""Whose artifact speaks of whose, and in which metric of both."""
OF_HELD_OUT = "ladder"
"""By which the loss of held-out text is predicted, and not that of training."""

SAME_SIZE = 0.01
"""By how much a run may differ from what was planned: its steps are whole."""


def held_out_nats(bits: Mapping[str, float]) -> float:
    """Nats a token of the held-out text, by the metrics of evaluation.bits."""
    per_token = bits["held_out_bytes"] / bits["held_out_tokens"]
    return math.log(2) * bits["held_out_bits_per_byte"] * per_token


def score(left: Artifact, right: Artifact) -> dict[str, tuple[Any, Any]]:
    """How good a prediction was, if one of the two is one and the other a run; else nothing.

    What is measured is the mean loss of the run's last training batches.
    """
    pair = (left.manifest, right.manifest)
    predicted = next((it for it in pair if it.stage == PREDICTION), None)
    run = next((it for it in pair if it.stage == RUN), None)
    if predicted is None or run is None or OF_HELD_OUT in predicted.parents:
        return {}
    measured, expected = run.metrics[LOSS], predicted.metrics[LOSS]
    told: dict[str, tuple[Any, Any]] = {
        LOSS: (expected, measured),
        "error_share": (None, expected / measured - 1),
        "registered_before_the_run": (None, came_first(predicted, run)),
        "of_a_run_of_this_size": (None, is_of_size(predicted.metrics, run.metrics)),
    }
    if {f"{LOSS}_low", f"{LOSS}_high"} <= set(predicted.metrics):
        low, high = (predicted.metrics[f"{LOSS}_{end}"] for end in ("low", "high"))
        own = "fit" in predicted.parents
        told["interval_nats"] = ([low, high], None)
        told["in_interval" if own else "in_interval_of_mean"] = (None, low <= measured <= high)
    ordered = told if predicted is left.manifest else {key: it[::-1] for key, it in told.items()}
    return {f"score.{key}": (it[0], it[1]) for key, it in ordered.items()}


def came_first(predicted: Manifest, run: Manifest) -> bool:
    """Whether it was registered before the run began."""
    return predicted.created <= run.created - timedelta(seconds=run.seconds)


def is_of_size(predicted: Mapping[str, float], run: Mapping[str, float]) -> bool:
    """Whether N and D are those of the run, N with or without embeddings."""
    counts = [run[name] for name in ("parameters_total", "parameters_non_embedding") if name in run]
    sizes = [(predicted["parameters"], counts), (predicted["train_tokens"], [run["train_tokens"]])]
    return all(any(isclose(it, one, rel_tol=SAME_SIZE) for one in known) for it, known in sizes)
