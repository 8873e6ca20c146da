"""Stage scaling.predict: register what a law says of a run before it is made.

Reads   ``fit``, of scaling.fit, or ``ladder``, of scaling.ladder: a law of own runs; without one,
        the config names a published law. ``plan``: how large and how long, where the config does
        not say
Writes  ``prediction.json``: ``law``, ``source``, ``parameters``, ``train_tokens``,
        ``unique_tokens`` (null: as if all text were fresh), ``loss_nats``, ``loss_interval`` (95 %,
        null where none is known, and of a published law beyond its runs), ``interval_of`` (``run``:
        that of one new run; ``mean``: that of the law alone, about which a run varies),
        ``in_range``, ``warnings``

What a ladder says is the loss of its held-out text, which evaluation.prediction compares; else it
is that of training: ``bedstone diff`` of the prediction and the run shows how good it was.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow.parquet as pq
from pydantic import Field, model_validator

from bedstone.config import Config
from bedstone.errors import ConfigError, DataError, nearest
from bedstone.laws.allocation import WITHOUT_LOSS, Question, loss, outside
from bedstone.laws.assess import interval, new_run_intervals, spread
from bedstone.laws.conclusions import short
from bedstone.laws.extrapolation import SAME_RATIO, stored
from bedstone.laws.known import (
    LAW_FILE,
    LAW_NAMES,
    PREDICTION_FILE,
    RUNS_FILE,
    KnownLaw,
    Range,
    fitted_in,
    published,
)
from bedstone.laws.law import FLOP_PER_PARAMETER_AND_TOKEN
from bedstone.laws.runs import FIT, LIMITS
from bedstone.store import decisions
from bedstone.store.artifact import Artifact, Shard
from bedstone.store.payload import read_json, write_json
from bedstone.store.stage import Job, Result, Stage

OF_SERVING = "served"
"""A form that says where to stop, and of the loss what its base says."""
WITH_LOSS = tuple(
    name for name in LAW_NAMES if published(name).form not in (*WITHOUT_LOSS, OF_SERVING)
)
DEFAULT = "epoch"
NOISE_SEED = 0
LADDER, OF_TEXT = "scaling.ladder", ("mix", "tokenizer")
"""Whose artifact says what, and what its runs have in common with the one that is spoken of."""
FARTHEST_TIMES = 8.0
"""Of the largest size of a ladder: so far its intervals were tried."""
FAR = "{:.0f} times the largest size of the ladder: its interval was never tried so far from it"
ANOTHER_TEXT = "the ladder is of another mix or tokeniser: its nats are not those of this run"
OTHER_TEXT = "the law is of other text and other tokens: its nats are not those of your tokeniser"


class PredictConfig(Config):
    """Which run, and by which law."""

    law: str | None = None
    """A published one; absent, that of the input ``fit`` or ``ladder``, or else Epoch's."""
    parameters: float | None = Field(None, ge=LIMITS[0], le=LIMITS[1])
    """Of the run; absent, the plan's."""
    train_tokens: float | None = Field(None, ge=LIMITS[0], le=LIMITS[1])
    """Of the run; absent, the plan's."""
    unique_tokens: float | None = Field(None, gt=0)
    """Of the text trained on, for the law ``repeated``; absent, the plan's."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.law is not None and self.law not in WITH_LOSS:
            raise ValueError(f"no law of loss {self.law!r}; {nearest(self.law, WITH_LOSS)}")
        if self.unique_tokens is not None and self.law != "repeated":
            raise ValueError("unique_tokens: only the law 'repeated' asks for them")
        return self


@dataclass(frozen=True, slots=True)
class Planned:
    """The run that is spoken of."""

    parameters: float
    train_tokens: float
    unique_tokens: float | None
    vocab_size: int | None
    """Where a plan tells it."""


def run(config: PredictConfig, job: Job) -> Result:
    """Say what the loss will be."""
    planned = _planned(config, job)
    if "ladder" in job.inputs:
        return _registered(_by_ladder(config, planned, job), job)
    law = _law(config, job)
    flop = FLOP_PER_PARAMETER_AND_TOKEN * planned.parameters * planned.train_tokens
    question = Question(flop, planned.unique_tokens)
    expected = loss(law, question, planned.parameters, planned.train_tokens)
    assert expected is not None  # WITH_LOSS has no other laws
    own = job.inputs.get("fit")
    in_range = not outside(law, planned.parameters, planned.train_tokens)
    ends = _interval(law, planned, own) if in_range or own else None
    found = {
        "law": law.name if "fit" not in job.inputs else law.title,
        "source": law.source,
        "parameters": planned.parameters,
        "train_tokens": planned.train_tokens,
        "unique_tokens": planned.unique_tokens,
        "loss_nats": expected,
        "loss_interval": ends,
        "interval_of": ("run" if "fit" in job.inputs else "mean") if ends else None,
        "in_range": in_range,
        "warnings": [
            *([] if in_range else ["outside the runs that the law was fitted on"]),
            *([] if "fit" in job.inputs else [OTHER_TEXT]),
            *_beyond_guessing(expected, planned.vocab_size),
        ],
    }
    return _registered(found, job)


def _registered(found: dict[str, Any], job: Job) -> Result:
    write_json(job, PREDICTION_FILE, found)
    job.progress.say(_sentence(found))
    ends = found["loss_interval"]
    bounds = dict(zip(("loss_nats_low", "loss_nats_high"), ends, strict=True)) if ends else {}
    numbers = {name: found[name] for name in ("parameters", "train_tokens", "loss_nats")}
    return Result({**numbers, **bounds})


def _law(config: PredictConfig, job: Job) -> KnownLaw:
    if "fit" not in job.inputs:
        return published(config.law or DEFAULT)
    _refuse_two(config, job)
    return fitted_in(job.inputs["fit"])


def _refuse_two(config: PredictConfig, job: Job) -> None:
    if config.law is not None or {"fit", "ladder"} <= set(job.inputs):
        named = f"law {config.law!r} is named" if config.law else "a fit is given"
        raise ConfigError(f"{named}, and a law is given as an input", hint="leave one out")


def _by_ladder(config: PredictConfig, planned: Planned, job: Job) -> dict[str, Any]:
    """What a ladder says.

    Raises:
        ConfigError: another law is given too.
        DataError: it is none, or of another number of tokens a parameter.
    """
    _refuse_two(config, job)
    ladder = job.inputs["ladder"]
    if (made_by := Artifact(ladder.location).manifest.stage) != LADDER:
        raise DataError(f"{ladder.location} is no ladder: {made_by} made it")
    law = read_json(ladder, LAW_FILE)
    ratio, wanted = law["tokens_per_parameter"], planned.train_tokens / planned.parameters
    if ratio and not 1 / SAME_RATIO <= wanted / ratio <= SAME_RATIO:
        raise DataError(
            f"the ladder is of {ratio:.3g} tokens a parameter, the run of {wanted:.3g}: it says "
            "nothing of such runs",
            hint="climb a ladder of as many as the run has",
        )
    losses = stored(ladder).run(planned.parameters, planned.train_tokens, NOISE_SEED)
    largest = law["parameters_range"][1]
    is_far = planned.parameters > FARTHEST_TIMES * largest
    return {
        "law": "ladder",
        "source": f"{len(law['runs'])} runs of {law['sizes']} sizes",
        "parameters": planned.parameters,
        "train_tokens": planned.train_tokens,
        "unique_tokens": None,
        "loss_nats": float(np.median(losses)),
        "loss_interval": interval(losses),
        "interval_of": "run",
        "in_range": not is_far,
        "warnings": [
            *([FAR.format(planned.parameters / largest)] if is_far else []),
            *([] if _is_of_same_text(law, job) else [ANOTHER_TEXT]),
        ],
    }


def _is_of_same_text(law: Mapping[str, Any], job: Job) -> bool:
    """Whether the plan is of the mix and the tokeniser of the ladder; true of no plan."""
    if "plan" not in job.inputs:
        return True
    parents = Artifact(job.inputs["plan"].location).manifest.parents
    found = [parents[role].content if role in parents else None for role in OF_TEXT]
    return found == [law[role] for role in OF_TEXT]


def _planned(config: PredictConfig, job: Job) -> Planned:
    """What the config says of the run, or else the plan."""
    plan = read_json(job.inputs["plan"], decisions.FILE) if "plan" in job.inputs else {}
    parameters = config.parameters or plan.get("parameters_total")
    train_tokens = config.train_tokens or plan.get("train_tokens")
    if parameters is None or train_tokens is None:
        raise ConfigError(
            "parameters, train_tokens: given neither by the config nor by a plan",
            hint="set the values, or give the input plan=ARTIFACT of scaling.plan",
        )
    unique_tokens = config.unique_tokens or plan.get("text_tokens")
    return Planned(parameters, train_tokens, unique_tokens, plan.get("vocab_size"))


def _beyond_guessing(loss_nats: float, vocab_size: int | None) -> Iterator[str]:
    if vocab_size is not None and loss_nats > math.log(vocab_size):
        yield (
            f"worse than guessing evenly among {vocab_size:,} tokens, {math.log(vocab_size):.2f} "
            "nats: the law does not hold so far below its runs"
        )


def _interval(law: KnownLaw, planned: Planned, own: Shard | None) -> Range | None:
    """Of 95 %: of a new run by one's own law, of the mean by a published one."""
    if not law.draws:
        return None
    losses = np.array([it.loss(planned.parameters, planned.train_tokens) for it in law.draws])
    if own is None:
        return interval(losses)
    rows = pq.read_table(own.file(RUNS_FILE), filters=[("use", "=", FIT)])
    measured, predicted = (rows[name].to_numpy() for name in ("loss_nats", "predicted_loss_nats"))
    residuals = spread(measured, predicted, len(law.constants))
    (ends,) = new_run_intervals(losses[:, None], residuals, NOISE_SEED)
    return ends


def _sentence(found: dict[str, Any]) -> str:
    ends = found["loss_interval"]
    of = f"{short(found['parameters'])} parameters after {short(found['train_tokens'])} tokens"
    if not found["in_range"]:
        return (
            f"{found['law']} says nothing sure of {of}: beyond its runs it comes to "
            f"{found['loss_nats']:.3f} nats a token; bedstone ladder asks runs of your own"
        )
    told = f" ({ends[0]:.3f} to {ends[1]:.3f})" if ends else ""
    return f"{found['law']} expects {found['loss_nats']:.3f}{told} nats a token of {of}"


STAGE = Stage(
    "scaling.predict",
    version=2,
    config=PredictConfig,
    inputs=(),
    optional=("fit", "ladder", "plan"),
    run=run,
    reproducible="request",  # the last digits of exponentials are another processor's own
    libraries=("numpy",),
)
