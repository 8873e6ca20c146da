"""Stage posttrain.sft: fine-tune a model on prompts and completions, on the completions' loss.

Reads   ``model`` (a model folder with its tokeniser), ``pairs``; what the config leaves open,
        from ``plan``
Writes  a model folder that Hugging Face loads, and ``loss.parquet``: ``step``, ``train_tokens``,
        ``loss_nats``, ``learning_rate``, ``gradient_norm``, ``skipped``

Each pair is a sequence of its own, never cut: one that is too long is left out, and counted, for
a model that sees no closing token does not learn to close.
"""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from pydantic import Field

from bedstone.config import MOST_THREADS, Config
from bedstone.errors import BedstoneError
from bedstone.model import Device, NumberFormat
from bedstone.posttrain.chat import Dialogue, rendered
from bedstone.posttrain.prompts import read_pairs
from bedstone.store.decisions import decide, given
from bedstone.store.stage import Job, Result, Stage
from bedstone.text.encoder import FILE, Encoder
from bedstone.training.batching import Batches
from bedstone.training.optim import OptimizerConfig, Schedule

if TYPE_CHECKING:
    from torch import Tensor

    from bedstone.model.transformer import Transformer
    from bedstone.training.loop import LossOfStep


class SftConfig(Config):
    """The course of the run."""

    how = ("device",)
    train_tokens: int | None = Field(default=None, ge=1, le=10**14)
    """Of prompts and completions, repetitions included; rounded up to whole steps. Absent: the
    plan's."""
    batch_tokens: int = Field(default=4_096, ge=1)
    """Of a step at most, padding included."""
    max_tokens: int = Field(default=192, ge=2)
    """Of a pair with its control tokens."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """At its peak."""
    device: Device = "auto"
    number_format: NumberFormat | None = None
    threads: int | None = Field(default=None, ge=1, le=MOST_THREADS)
    seed: int = Field(default=0, ge=0)
    """Of the order of the data."""
    optimizer: OptimizerConfig = OptimizerConfig()


def run(config: SftConfig, job: Job) -> Result:
    """Train, or go on from the last checkpoint of a killed run.

    Raises:
        BedstoneError: a loss is not finite, or each pair is too long.
    """
    from bedstone.model.hugging_face import WEIGHTS, load
    from bedstone.training import loop
    from bedstone.training.threads import using_threads

    encoder = Encoder.load(job.inputs["model"].file(FILE).parent)
    train, _ = read_pairs(job.inputs["pairs"])
    fitting = [dialogue for _, dialogue in rendered(encoder, train, config.max_tokens)]
    if not fitting:
        raise BedstoneError(
            f"max_tokens {config.max_tokens}: none of {len(train)} pairs to train on is as short"
        )
    batches = Batches(tuple(map(len, fitting)), config.batch_tokens, config.seed)
    train_tokens = given(config.train_tokens)
    steps = step_count(batches, train_tokens)
    schedule = Schedule(config.learning_rate, steps, config.optimizer)
    with using_threads(given(config.threads)):
        folder = job.inputs["model"].file(WEIGHTS).parent
        model = load(folder, given(config.number_format), config.device)
        loss_of = loss_of_batches(model, fitting, batches)
        curve = loop.train(model, loss_of, schedule, job, train_tokens=train_tokens)
    curve.write(job)
    loop.write_model(model, job.inputs["model"], job)
    return Result(
        {
            **curve.metrics(),
            "train_pairs": len(fitting),
            "too_long_pairs": len(train) - len(fitting),
            "epochs": steps / batches.per_epoch,
        }
    )


def step_count(batches: Batches, train_tokens: int) -> int:
    """The steps of a run that sees ``train_tokens`` or just more."""
    return -(-train_tokens * batches.per_epoch // sum(batches.lengths))


def loss_of_batches(
    model: "Transformer", dialogues: list[Dialogue], batches: Batches
) -> "LossOfStep":
    """The mean loss of a step's completion tokens; prompts only are read."""
    from bedstone.posttrain.losses import sft_weights
    from bedstone.posttrain.scoring import padded

    def loss_of(step: int) -> Iterator[tuple["Tensor", int]]:
        batch = [dialogues[number] for number in batches.batch(step)]
        tokens_BT, mask_BT = padded(batch, model.device)
        loss = model.loss(tokens_BT[:, :-1], tokens_BT[:, 1:], sft_weights(mask_BT))
        yield loss, sum(map(len, batch))

    return loss_of


STAGE = Stage(
    "posttrain.sft",
    version=2,
    config=SftConfig,
    inputs=("model", "pairs"),
    run=run,
    libraries=("numpy", "pyarrow", "tiktoken", "torch"),
    reproducible="request",
    decided_by=("plan",),
    resolve=partial(decide, train_tokens="sft_tokens"),
    instead="model",
)
