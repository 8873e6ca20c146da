"""Stage pretrain.train: train the base model on the mix.

Reads   ``tokens``, ``mix``, ``tokenizer``; what the config leaves open, from ``plan``; ``trunk``,
        a run with checkpoints: of schedule ``wsd``, on the same text, so that this one is its
        branch, and goes on from the last checkpoint before its own rate falls
Writes  ``model.safetensors``, ``config.json``, ``generation_config.json``, ``tokenizer.json``,
        ``tokenizer_config.json``: a folder that Hugging Face loads; ``loss.parquet``: ``step``,
        ``train_tokens``, ``loss_nats``, ``learning_rate``, ``gradient_norm``, ``skipped``;
        of a model with experts ``experts.parquet``: ``from_step``, ``layer``, ``expert``,
        ``tokens``, ``share``; for branches, ``checkpoints/TOKENS/``: 12 bytes a parameter
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from bedstone.config import MOST_THREADS, Config, checked
from bedstone.counting.count import parameters, train_flop_per_token
from bedstone.counting.devices import known as known_devices
from bedstone.counting.memory import TRAIN_BYTES_PER_PARAMETER
from bedstone.counting.shape import ExpertsConfig, ModelConfig
from bedstone.errors import ConfigError
from bedstone.model import Compiled, Device, NumberFormat
from bedstone.model.parametrisation import Parametrisation, scale
from bedstone.pretrain import branches, loader
from bedstone.store.decisions import decide, given
from bedstone.store.provenance import current_machine
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.text.encoder import END, Encoder
from bedstone.training.optim import OptimizerConfig, RoutingConfig, Schedule
from bedstone.training.threads import matmul_peak, using_threads

if TYPE_CHECKING:
    import torch

    from bedstone.model.transformer import Transformer
    from bedstone.training.experts import ExpertUse
    from bedstone.training.loop import LossOfStep
    from bedstone.training.processes import LossFunction, Processes

NUMBER_BYTES = 2
"""Of an activation, in the smaller format."""


class MemoryConfig(Config):
    """What is done where a step does not fit into memory; results differ in their last bits."""

    micro_batch_tokens: int | None = Field(None, gt=0, le=10**9)
    """Of a process, computed at once: gradients are summed up to the step's. Absent: all."""
    sharded: bool = False
    """Whether each process holds a part of the model and its optimizer only, and not all."""


class TrainConfig(Config):
    """The shape of the model and the course of the run; what is absent, the plan decides."""

    how = ("device", "compiled", "memory")
    n_layers: int | None = Field(None, gt=0, le=1_000)
    d_model: int | None = Field(None, gt=0, le=2**16)
    n_heads: int | None = Field(None, gt=0, le=2**10)
    n_kv_heads: int | None = Field(None, gt=0, le=2**10)
    d_ff: int | None = Field(None, gt=0, le=2**18)
    seq_len: int | None = Field(None, gt=0, le=2**20)
    qk_norm: bool = False
    """Whether each head's queries and keys are normed: Qwen3's shape, and not Llama's."""
    experts: ExpertsConfig | None = None
    """In the place of a layer's feed-forward; absent: none."""
    batch_tokens: int | None = Field(None, gt=0, le=10**9)
    """Of a step; rounded down to whole sequences."""
    train_tokens: int | None = Field(None, gt=0, le=10**14)
    """Of the run; rounded up to whole steps."""
    learning_rate: float | None = Field(None, gt=0)
    """At its peak."""
    parametrisation: Parametrisation = "mup"
    """Of first weights and rates; with ``mup`` one learning rate serves all sizes."""
    number_format: NumberFormat | None = None
    threads: int | None = Field(None, gt=0, le=MOST_THREADS)
    device: Device = "auto"
    compiled: Compiled = "auto"
    memory: MemoryConfig = MemoryConfig()
    documents: Literal["apart", "joined"] = "apart"
    """Whether a document in a sequence sees those before it; apart, each starts at position 0."""
    kept_tokens: tuple[Annotated[int, Field(gt=0, le=10**14)], ...] = ()
    """Trained on before a checkpoint is kept, for branches; rounded up to whole steps."""
    init_seed: int = Field(0, ge=0)
    """Of the first weights."""
    order_seed: int = Field(0, ge=0)
    """Of the order of the data."""
    optimizer: OptimizerConfig = OptimizerConfig()
    routing: RoutingConfig = RoutingConfig()

    @model_validator(mode="after")
    def _every_setting_has_an_effect(self) -> "TrainConfig":
        if self.experts is None and self.routing != RoutingConfig():
            raise ValueError("routing: there are no experts, so it has no effect")
        if self.experts is not None and self.kept_tokens:
            raise ValueError("kept_tokens: a run with experts has no branches")
        return self


def run(config: TrainConfig, job: Job) -> Result:
    """Train from new weights, or go on from the last checkpoint of a killed run.

    Raises:
        ArtifactError: the trunk is another run than this one's beginning.
        BedstoneError: a loss is not finite.
        ConfigError: the batch is smaller than a sequence; the sizes do not go together, or are too
            large for this machine; there is no such device.
    """
    import torch

    from bedstone.model.processor import device_of
    from bedstone.training import loop
    from bedstone.training.experts import ExpertUse
    from bedstone.training.processes import joined, whole

    tokenizer = Encoder.stored(job.inputs["tokenizer"])
    shape = _shape(config, tokenizer.vocab_size)
    rows, steps = _course(config, shape.seq_len)
    device = device_of(config.device)
    _refuse_too_large(shape, config, rows, steps, device)
    schedule = Schedule(given(config.learning_rate), steps, config.optimizer)
    step_tokens = rows * shape.seq_len
    leaving = loop.Branches(
        branches.begun(config.model_dump(mode="json"), job, step_tokens, schedule),
        branches.kept(config.kept_tokens, job.folder, step_tokens, schedule),
    )
    processes = joined(STAGE.name, config, job)
    if config.memory.sharded and processes.size == 1:
        job.progress.say("memory.sharded: one process holds all of the model")
    with using_threads(given(config.threads)), ThreadPoolExecutor(1) as reader:
        order = loader.read_order(job.inputs["mix"], steps * rows, config.order_seed)
        streams = loader.read_streams(job.inputs["tokens"], job.inputs["mix"])
        batches = loader.Loader(streams, order, rows, shape.seq_len)
        model, loss = _model(config, shape, processes, device)
        read = _ahead(reader, batches.batch, steps, device)
        end = tokenizer.special[END] if config.documents == "apart" else None
        use = ExpertUse(model, steps, config.routing) if shape.experts else None
        loss_of = _loss_of(loss, read, config, processes, end, use)
        try:
            curve = loop.train(
                model,
                loss_of,
                schedule,
                job,
                train_tokens=steps * step_tokens,
                processes=processes,
                branches=leaving,
                counts=use.tokens_PLE if use else None,
                rate_of=lambda name: scale(shape, name, config.parametrisation).rate,
            )
        except torch.OutOfMemoryError as error:
            raise ConfigError(
                f"a step does not fit into the memory of {device}",
                hint="set memory.micro_batch_tokens to less than now, or memory.sharded with "
                "several processes",
            ) from error
        model = whole(model)
        routed = processes.summed(use.tokens_PLE) if use else None
        peak = matmul_peak(given(config.number_format), device) * processes.size
    if not processes.is_first:
        return Result({})
    curve.write(job)
    loop.write_model(model, job.inputs["tokenizer"], job)
    metrics = curve.metrics() | _cost(shape, curve.train_tokens)
    speed = metrics["train_flop"] / curve.seconds
    metrics |= {"flop_per_second": speed, "matmul_peak_share": speed / peak}
    metrics |= _nominal(speed, processes.size, device)
    if use and routed is not None:
        use.write(job, routed)
        metrics |= use.metrics(routed, curve.train_tokens)
    return Result(metrics)


def _course(config: TrainConfig, seq_len: int) -> tuple[int, int]:
    """Sequences of a step, and steps.

    Raises:
        ConfigError: a step, or what is computed at once, is less than a sequence.
    """
    rows = given(config.batch_tokens) // seq_len
    if not rows:
        raise ConfigError(f"batch_tokens {config.batch_tokens} is less than seq_len")
    if (micro_tokens := config.memory.micro_batch_tokens) and micro_tokens < seq_len:
        raise ConfigError(f"memory.micro_batch_tokens {micro_tokens} is less than seq_len")
    return rows, -(-given(config.train_tokens) // (rows * seq_len))


def _model(
    config: TrainConfig, shape: ModelConfig, processes: "Processes", device: "torch.device"
) -> tuple["Transformer", "LossFunction"]:
    from bedstone.model.processor import converted
    from bedstone.model.transformer import Transformer

    number_format: NumberFormat = given(config.number_format)
    is_sharded = config.memory.sharded and processes.size > 1
    model = Transformer(shape, config.init_seed, config.parametrisation)
    model = converted(model, "fp32" if is_sharded else number_format, device)
    if config.compiled == "on":
        model.compile_blocks()
    if is_sharded:
        return model, processes.sharded(model, number_format)
    return model, processes.replicated(model)


def _shape(config: TrainConfig, vocab_size: int) -> ModelConfig:
    names = set(ModelConfig.model_fields) & set(TrainConfig.model_fields)
    return checked(ModelConfig, {"vocab_size": vocab_size, **config.model_dump(include=names)})


def _refuse_too_large(
    shape: ModelConfig, config: TrainConfig, rows: int, steps: int, device: "torch.device"
) -> None:
    """Raises ConfigError where this machine cannot hold what a run cannot do without."""
    import torch

    micro_tokens = config.memory.micro_batch_tokens or rows * shape.seq_len
    there = current_machine().memory_bytes
    on_device = there if device.type == "cpu" else torch.cuda.mem_get_info(device)[1]
    parts = {
        "the model": (parameters(shape.architecture).total * TRAIN_BYTES_PER_PARAMETER, on_device),
        "a batch": (micro_tokens * shape.d_model * shape.n_layers * NUMBER_BYTES, on_device),
        "the order of the sequences": (rows * steps * loader.ORDER_BYTES, there),
    }
    for part, (needed, room) in parts.items():
        if needed > room:
            raise ConfigError(
                f"{part} takes {needed / 1e9:,.0f} GB at least to train with, and there are "
                f"{room / 1e9:,.0f} GB",
                hint="a smaller model, fewer batch_tokens, fewer train_tokens",
            )


def _ahead(
    reader: ThreadPoolExecutor,
    batch: Callable[[int], np.ndarray],
    steps: int,
    device: "torch.device",
) -> Callable[[int], "torch.Tensor"]:
    """The tokens of a step, on ``device``; those of the next are read meanwhile."""
    import torch

    def read(step: int) -> torch.Tensor:
        tokens = torch.from_numpy(batch(step))
        return tokens if device.type == "cpu" else tokens.pin_memory()

    waiting: dict[int, Future[torch.Tensor]] = {}

    def tokens_of(step: int) -> torch.Tensor:
        found = waiting.pop(step, None) or reader.submit(read, step)
        if step + 1 < steps:
            waiting[step + 1] = reader.submit(read, step + 1)
        return found.result().to(device, non_blocking=True)

    return tokens_of


def _loss_of(
    loss: "LossFunction",
    read: Callable[[int], "torch.Tensor"],
    config: TrainConfig,
    processes: "Processes",
    end: int | None,
    use: "ExpertUse | None",
) -> "LossOfStep":
    """The mean loss of a step's tokens, in this process's parts.

    Args:
        loss: of which gradients are the mean over the processes.
        read: the tokens of a step, and one more of each sequence.
        config: how many tokens are computed at once.
        processes: those that share the sequences.
        end: the token before each document's first, where documents are apart.
        use: of the experts, where there are some.
    """
    import torch

    from bedstone.training.processes import kept_apart

    def loss_of(step: int) -> Iterator[tuple[torch.Tensor, int]]:
        tokens_BT = read(step)
        rows, length = len(tokens_BT), tokens_BT.shape[1] - 1
        numbers = torch.arange(processes.rank, rows + -rows % processes.size, processes.size)
        weights_B = (numbers < rows) * (processes.size / (rows * length))
        micro_tokens = config.memory.micro_batch_tokens or len(numbers) * length
        parts = torch.split(numbers, max(micro_tokens // length, 1))
        for part, part_weights_B in zip(parts, torch.split(weights_B, len(parts[0])), strict=True):
            own_BT = tokens_BT[part % rows]
            inputs_BT, targets_BT = own_BT[:, :-1], own_BT[:, 1:]
            weights_BT = part_weights_B.to(own_BT.device)[:, None].expand(targets_BT.shape)
            documents_BT = None if end is None else (inputs_BT == end).cumsum(1)
            is_last = part is parts[-1]
            with nullcontext() if is_last else kept_apart(loss):
                value = loss(inputs_BT, targets_BT, weights_BT, documents_BT)
                if use:
                    value = use.balanced(value, step, len(part) / len(numbers))
                yield value, int((part < rows).sum()) * length

    return loss_of


def _nominal(speed: float, devices: int, device: "torch.device") -> Metrics:
    """The share of what the vendor prints of the device, where its name is known."""
    import torch

    if device.type != "cuda":
        return {}
    name = torch.cuda.get_device_name(device)
    found = [each for each in known_devices().values() if each.name.partition("-")[0] in name]
    if len(found) != 1:
        return {}
    return {"nominal_peak_share": speed / (devices * found[0].flop_per_second)}


def _cost(shape: ModelConfig, train_tokens: int) -> Metrics:
    architecture = shape.architecture
    counted = parameters(architecture)
    active = {"parameters_active": counted.active} if shape.experts else {}
    return active | {
        "parameters_total": counted.total,
        "parameters_non_embedding": counted.non_embedding,
        "train_flop": train_tokens * train_flop_per_token(architecture, shape.seq_len),
    }


STAGE = Stage(
    "pretrain.train",
    version=3,
    config=TrainConfig,
    inputs=("tokens", "mix", "tokenizer"),
    optional=(branches.ROLE,),
    run=run,
    libraries=("numpy", "pyarrow", "torch"),
    reproducible="request",
    decided_by=("plan",),
    resolve=partial(decide, undecided=("experts",)),
)
