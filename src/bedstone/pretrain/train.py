"""Stage pretrain.train: train the base model on the mix.

Reads   ``tokens``, ``mix``, ``tokenizer``; what the config leaves open, from ``plan``
Writes  ``model.safetensors``, ``config.json``, ``generation_config.json``, ``tokenizer.json``,
        ``tokenizer_config.json``: a folder that Hugging Face loads; ``loss.parquet``: ``step``,
        ``train_tokens``, ``loss_nats``, ``learning_rate``, ``gradient_norm``
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from bedstone.config import MOST_THREADS, Config, checked
from bedstone.counting.count import parameters, train_flop_per_token
from bedstone.counting.memory import TRAIN_BYTES_PER_PARAMETER
from bedstone.counting.shape import ModelConfig
from bedstone.errors import ConfigError
from bedstone.model import NumberFormat
from bedstone.model.parametrisation import Parametrisation, scale
from bedstone.pretrain import loader
from bedstone.store.decisions import decide, given
from bedstone.store.provenance import current_machine
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.text.encoder import Encoder
from bedstone.training.optim import OptimizerConfig, Schedule
from bedstone.training.threads import matmul_peak, using_threads

if TYPE_CHECKING:
    from bedstone.model.transformer import Transformer
    from bedstone.training.loop import LossOfStep

NUMBER_BYTES = 2
"""Of an activation, in the smaller format."""


class TrainConfig(Config):
    """The shape of the model and the course of the run; what is absent, the plan decides."""

    n_layers: int | None = Field(None, gt=0, le=1_000)
    d_model: int | None = Field(None, gt=0, le=2**16)
    n_heads: int | None = Field(None, gt=0, le=2**10)
    n_kv_heads: int | None = Field(None, gt=0, le=2**10)
    d_ff: int | None = Field(None, gt=0, le=2**18)
    seq_len: int | None = Field(None, gt=0, le=2**20)
    batch_tokens: int | None = Field(None, gt=0, le=10**9)
    """Of a step; rounded down to whole sequences."""
    train_tokens: int | None = Field(None, gt=0, le=10**14)
    """Of the run; rounded up to whole steps."""
    learning_rate: float | None = Field(None, gt=0)
    """At its peak."""
    parametrisation: Parametrisation = "standard"
    """Of first weights and rates. With ``mup`` one learning rate serves all widths; give it, as the
    plan's is for ``standard``."""
    number_format: NumberFormat | None = None
    threads: int | None = Field(None, gt=0, le=MOST_THREADS)
    init_seed: int = Field(0, ge=0)
    """Of the first weights."""
    order_seed: int = Field(0, ge=0)
    """Of the order of the data."""
    optimizer: OptimizerConfig = OptimizerConfig()


def run(config: TrainConfig, job: Job) -> Result:
    """Train from new weights, or go on from the last checkpoint of a killed run.

    Raises:
        BedstoneError: a loss is not finite.
        ConfigError: the batch is smaller than a sequence; the sizes do not go together, or are too
            large for this machine.
    """
    from bedstone.model.processor import converted
    from bedstone.model.transformer import Transformer
    from bedstone.training import loop

    shape = _shape(config, Encoder.stored(job.inputs["tokenizer"]).vocab_size)
    rows = given(config.batch_tokens) // shape.seq_len
    if not rows:
        raise ConfigError(f"batch_tokens {config.batch_tokens} is less than seq_len")
    steps = -(-given(config.train_tokens) // (rows * shape.seq_len))
    _refuse_too_large(shape, rows, steps)
    schedule = Schedule(given(config.learning_rate), steps, config.optimizer.warmup_share)
    number_format: NumberFormat = given(config.number_format)
    with using_threads(given(config.threads)):
        model = converted(
            Transformer(shape, config.init_seed, config.parametrisation), number_format
        )
        batches = _batches(job, steps * rows, rows, shape.seq_len, config.order_seed)
        loss_of = _loss_of(model, batches.batch)
        curve = loop.train(
            model,
            loss_of,
            schedule,
            config.optimizer,
            job,
            steps * rows * shape.seq_len,
            lambda name: scale(shape, name, config.parametrisation).rate,
        )
        peak = matmul_peak(number_format)
    curve.write(job)
    loop.write_model(model, job.inputs["tokenizer"], job)
    cost = _cost(shape, curve.train_tokens)
    speed = cost["train_flop"] / curve.seconds
    rates = {"flop_per_second": speed, "matmul_peak_share": speed / peak}
    return Result(curve.metrics() | cost | rates)


def _shape(config: TrainConfig, vocab_size: int) -> ModelConfig:
    names = set(ModelConfig.model_fields) & set(TrainConfig.model_fields)
    return checked(ModelConfig, {"vocab_size": vocab_size, **config.model_dump(include=names)})


def _refuse_too_large(shape: ModelConfig, rows: int, steps: int) -> None:
    """Raises ConfigError where this machine cannot hold what a run cannot do without."""
    parts = {
        "the model": parameters(shape.architecture).total * TRAIN_BYTES_PER_PARAMETER,
        "a batch": rows * shape.seq_len * shape.d_model * shape.n_layers * NUMBER_BYTES,
        "the order of the sequences": rows * steps * loader.ORDER_BYTES,
    }
    there = current_machine().memory_bytes
    for part, needed in parts.items():
        if needed > there:
            raise ConfigError(
                f"{part} takes {needed / 1e9:,.0f} GB at least to train with, and this machine has "
                f"{there / 1e9:,.0f} GB",
                hint="a smaller model, fewer batch_tokens, fewer train_tokens",
            )


def _batches(job: Job, sequences: int, rows: int, length: int, seed: int) -> loader.Loader:
    tokens, mix = job.inputs["tokens"], job.inputs["mix"]
    order = loader.read_order(mix, sequences, seed)
    return loader.Loader(loader.read_streams(tokens, mix), order, rows, length)


def _loss_of(model: "Transformer", batch: Callable[[int], np.ndarray]) -> "LossOfStep":
    import torch

    def loss_of(step: int) -> tuple[torch.Tensor, int]:
        tokens = torch.from_numpy(batch(step))
        targets = tokens[:, 1:]
        weights = torch.full(targets.shape, 1 / targets.numel())
        return model.loss(tokens[:, :-1], targets, weights), targets.numel()

    return loss_of


def _cost(shape: ModelConfig, train_tokens: int) -> Metrics:
    architecture = shape.architecture
    counted = parameters(architecture)
    return {
        "parameters_total": counted.total,
        "parameters_non_embedding": counted.non_embedding,
        "train_flop": train_tokens * train_flop_per_token(architecture, shape.seq_len),
    }


STAGE = Stage(
    "pretrain.train",
    version=2,
    config=TrainConfig,
    inputs=("tokens", "mix", "tokenizer"),
    run=run,
    libraries=("numpy", "pyarrow", "torch"),
    reproducible="request",
    decided_by=("plan",),
    resolve=decide,
)
