"""Stage posttrain.prefer: align a model with preference pairs by DPO.

Reads   ``model`` (the reference, and where training begins), ``preferences`` of its answers; what
        the config leaves open, from ``plan``
Writes  a model folder that Hugging Face loads; ``loss.parquet``: ``step``, ``train_tokens``,
        ``loss_nats``, ``learning_rate``, ``gradient_norm``, ``skipped``
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from bedstone.config import MOST_THREADS, Config
from bedstone.generation.foresight import Foreseen, Known
from bedstone.model import Device, NumberFormat
from bedstone.posttrain.preferences import Preference, both, read_preferences
from bedstone.store.decisions import decide, given
from bedstone.store.stage import Job, Result, Stage
from bedstone.text.encoder import FILE, Encoder
from bedstone.training.batching import Batches
from bedstone.training.optim import OptimizerConfig, Schedule

if TYPE_CHECKING:
    from torch import Tensor

    from bedstone.model.transformer import Transformer
    from bedstone.training.loop import LossOfStep


class PreferConfig(Config):
    """The course of the run."""

    how = ("device",)
    beta: float = Field(default=0.1, gt=0)
    """How dear it is to leave the reference. Source: Rafailov et al. 2023, arXiv:2305.18290."""
    epochs: int = Field(default=2, ge=1, le=1_000)
    batch_tokens: int = Field(default=4_096, ge=1)
    """Of a step at most: both completions with their prompts, padding included."""
    learning_rate: float = Field(default=1e-4, gt=0)
    """At its peak. By trial with a model of 0.35 M parameters: three times as much, over three
    epochs, made it answer every prompt with a number and a full stop."""
    device: Device = "auto"
    number_format: NumberFormat | None = None
    threads: int | None = Field(default=None, ge=1, le=MOST_THREADS)
    seed: int = Field(default=0, ge=0)
    """Of the order of the data."""
    optimizer: OptimizerConfig = OptimizerConfig()


def run(config: PreferConfig, job: Job) -> Result:
    """Train from the reference, or go on from a checkpoint.

    Raises:
        BedstoneError: a loss is not finite.
        DataError: there are no preferences to train on.
    """
    from bedstone.model.hugging_face import WEIGHTS, load
    from bedstone.training import loop
    from bedstone.training.threads import using_threads

    encoder = Encoder.load(job.inputs["model"].file(FILE).parent)
    preferences = read_preferences(job.inputs["preferences"], encoder, "train")
    batches = Batches(tuple(map(len, preferences)), config.batch_tokens, config.seed)
    steps = config.epochs * batches.per_epoch
    schedule = Schedule(config.learning_rate, steps, config.optimizer)
    tokens = sum(len(each.chosen) + len(each.rejected) for each in preferences)
    with using_threads(given(config.threads)):
        folder = job.inputs["model"].file(WEIGHTS).parent
        model = load(folder, given(config.number_format), config.device)
        loss_of = _loss_of(model, preferences, batches, config.beta)
        train_tokens = config.epochs * tokens
        curve = loop.train(model, loss_of, schedule, job, train_tokens=train_tokens)
    curve.write(job)
    loop.write_model(model, job.inputs["model"], job)
    return Result({**curve.metrics(), "train_pairs": len(preferences)})


def foresee(config: PreferConfig, known: Known) -> Foreseen:
    """Both completions of each preference: read once by the reference, then trained on."""
    preferences = known.before["preferences"]
    tokens = 2 * preferences.rows * preferences.row_tokens
    return Foreseen(read_tokens=tokens, trained_tokens=config.epochs * tokens)


def _loss_of(
    model: "Transformer", preferences: Sequence[Preference], batches: Batches, beta: float
) -> "LossOfStep":
    from bedstone.posttrain.losses import dpo_loss, dpo_rewards, sequence_logprobs
    from bedstone.posttrain.scoring import completion_logprobs, preference_sums

    # Once, before the first step: the reference is the model as it comes, and in its number
    # format, so that the first rewards are zero.
    reference_B2 = preference_sums(model, preferences).to(model.device)

    def loss_of(step: int) -> Iterator[tuple["Tensor", int]]:
        batch = batches.batch(step)
        dialogues = both([preferences[number] for number in batch])
        scored = completion_logprobs(model, dialogues)
        policy_B = sequence_logprobs(*scored, len(dialogues))
        rewards_B = dpo_rewards(policy_B, reference_B2[batch].T.flatten(), beta)
        yield dpo_loss(*rewards_B.chunk(2)), sum(map(len, dialogues))

    return loss_of


STAGE = Stage(
    "posttrain.prefer",
    version=2,
    config=PreferConfig,
    inputs=("model", "preferences"),
    run=run,
    libraries=("numpy", "pyarrow", "tiktoken", "torch"),
    reproducible="request",
    decided_by=("plan",),
    resolve=decide,
    instead="model",
)
