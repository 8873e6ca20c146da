"""Stage posttrain.prefer: align a model with preference pairs by DPO, and measure the price.

Reads   ``model`` (the reference, and where training begins), ``preferences`` drawn from it,
        ``pairs`` (the held-out ones); what the config leaves open, from ``plan``
Writes  a model folder that Hugging Face loads; ``loss.parquet``: ``step``, ``train_tokens``,
        ``loss_nats``, ``learning_rate``, ``gradient_norm``; ``held_out.parquet``, a row for each
        held-out prompt: ``id``, ``language``, ``prompt``, the texts ``before`` and ``after``,
        ``before_holds``, ``after_holds``, ``before_tokens``, ``after_tokens``, ``kl_nats``

Both models answer each held-out prompt once, with the same random numbers. ``kl_nats`` is of the
answer after: its log-probability under the aligned model less that under the reference; the mean
estimates the KL of the sequences without bias, a single one may be negative.
The intervals of the changes and of the KL are over documents, of which several prompts may come;
those of a rate, Wilson's, take its prompts as independent.
An answer's script is compared with that of the real page's completion: some dozen words of a
small model are too little to tell languages of one script apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import torch
from pydantic import Field

from bedstone.config import MOST_THREADS, Config
from bedstone.errors import DataError
from bedstone.generation.chain import parse
from bedstone.generation.generate import Drawing
from bedstone.generation.values import MAX_TOKENS
from bedstone.lots import is_held_out
from bedstone.model import NumberFormat
from bedstone.model.hugging_face import WEIGHTS, load
from bedstone.model.transformer import Transformer
from bedstone.posttrain.chat import Dialogue, render_prompt
from bedstone.posttrain.judged import Judged, complete
from bedstone.posttrain.losses import dpo_loss, dpo_rewards, sequence_logprobs
from bedstone.posttrain.prompts import Pair, drawn, read_pairs
from bedstone.posttrain.scoring import HeldOutLoss, completion_logprobs, completion_sums, rendered
from bedstone.store import tables
from bedstone.store.decisions import decide, given
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.text.encoder import END, FILE, Encoder
from bedstone.text.sentences import script
from bedstone.training import loop
from bedstone.training.batching import Batches
from bedstone.training.curve import Curve
from bedstone.training.loop import LossOfStep
from bedstone.training.optim import OptimizerConfig, Schedule
from bedstone.training.threads import using_threads
from bedstone.uncertainty.intervals import Estimate, bootstrap_mean, wilson


class PreferConfig(Config):
    """The course of the run, and what is measured."""

    beta: float = Field(default=0.1, gt=0)
    """How dear it is to leave the reference. Source: Rafailov et al. 2023, arXiv:2305.18290."""
    epochs: int = Field(default=2, ge=1, le=1_000)
    batch_tokens: int = Field(default=4_096, ge=1)
    """Of a step at most: both completions with their prompts, padding included."""
    learning_rate: float = Field(default=1e-4, gt=0)
    """At its peak. By trial with a model of 0.35 M parameters: three times as much, over three
    epochs, made it answer every prompt with a number and a full stop."""
    number_format: NumberFormat | None = None
    threads: int | None = Field(default=None, ge=1, le=MOST_THREADS)
    held_out_share: float = Field(default=0.1, gt=0, lt=1)
    """Of the preferences' documents, for the accuracy of the rewards."""
    prompts: int = Field(default=400, ge=1)
    """Held out, answered before and after; or as many different ones as there are."""
    max_tokens: int = Field(default=48, ge=1, le=MAX_TOKENS)
    """Of an answer."""
    loss_max_tokens: int = Field(default=192, ge=2)
    """Of a real page's pair on which the held-out loss is measured; longer ones are left out."""
    seed: int = Field(default=0, ge=0)
    """Of the order of the data, of what is drawn, and of the bootstrap."""
    optimizer: OptimizerConfig = OptimizerConfig()


@dataclass(frozen=True, slots=True)
class Preference:
    """Two completions of one prompt."""

    chosen: Dialogue
    rejected: Dialogue

    def __len__(self) -> int:
        """Tokens of a batch that it takes, padding included."""
        return 2 * max(len(self.chosen), len(self.rejected))


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model answers to the held-out prompts, one answer to each."""

    judged: tuple[Judged, ...]
    in_script: tuple[bool, ...]
    """Whether the answer's script is that of the real page."""

    @property
    def holds(self) -> list[float]:
        """1 where the answer has the property, else 0."""
        return [float(each.holds) for each in self.judged]

    @property
    def lengths(self) -> list[float]:
        """In tokens."""
        return [float(len(each.token_ids)) for each in self.judged]


def run(config: PreferConfig, job: Job) -> Result:
    """Train from the reference, or go on from a checkpoint; measure both models.

    Raises:
        BedstoneError: a loss is not finite.
        DataError: there are no preferences to train on, or none to measure on.
    """
    folder = job.inputs["model"].file(WEIGHTS).parent
    encoder = Encoder.load(job.inputs["model"].file(FILE).parent)
    train, held_out = read_preferences(job, config.held_out_share)
    _, pairs = read_pairs(job.inputs["pairs"])
    prompts = drawn(pairs, config.prompts, config.seed)
    documents = [pair.id for pair in prompts]
    with using_threads(given(config.threads)):
        reference, model = load(folder), load(folder, given(config.number_format))
        curve = _train(model, train, config, job)
        before, after = (_answers(each, encoder, prompts, config) for each in (reference, model))
        kl_nats = _kl_nats(model, reference, encoder, prompts, after)
        metrics = {
            **curve.metrics(),
            "train_pairs": len(train),
            **_changes(before, after, documents, config.seed),
            **bootstrap_mean(kl_nats, config.seed, documents=documents).metrics("kl", "nats"),
            **_accuracy(model, reference, held_out, config).metrics("reward_accuracy", "share"),
            **_price(model, reference, encoder, pairs, config),
        }
    curve.write(job)
    loop.write_model(model, job.inputs["model"], job)
    rows = _rows(prompts, before, after, kl_nats)
    tables.write(job, "held_out.parquet", pa.Table.from_pylist(rows, _SCHEMA))
    return Result(metrics)


def read_preferences(job: Job, held_out_share: float) -> tuple[list[Preference], list[Preference]]:
    """Those to train on and those held out, by their documents.

    Raises:
        DataError: one of the two is empty.
    """
    names = ["id", "prompt_ids", "chosen_ids", "rejected_ids"]
    rows = tables.read(job.inputs["preferences"], names).to_pylist()
    parts: tuple[list[Preference], list[Preference]] = ([], [])
    for row in rows:
        prompt_ids = tuple(row["prompt_ids"])
        both = (Dialogue(prompt_ids, tuple(row[name])) for name in ("chosen_ids", "rejected_ids"))
        # Lots of their own: those of posttrain.pairs decided that these are trained on.
        out = is_held_out(row["id"], held_out_share, "preferences")
        parts[out].append(Preference(*both))
    if not all(parts):
        raise DataError(
            f"of {len(rows)} preferences {len(parts[0])} are to train on, {len(parts[1])} held out",
            hint="draw more of them: see posttrain.draw",
        )
    return parts


def _train(
    model: Transformer, preferences: list[Preference], config: PreferConfig, job: Job
) -> Curve:
    batches = Batches(tuple(map(len, preferences)), config.batch_tokens, config.seed)
    steps = config.epochs * batches.per_epoch
    schedule = Schedule(config.learning_rate, steps, config.optimizer.warmup_share)
    tokens = sum(len(each.chosen) + len(each.rejected) for each in preferences)
    loss_of = _loss_of(model, preferences, batches, config.beta)
    return loop.train(model, loss_of, schedule, config.optimizer, job, config.epochs * tokens)


def _loss_of(
    model: Transformer, preferences: list[Preference], batches: Batches, beta: float
) -> LossOfStep:
    # Once, before the first step: the reference is the model as it comes, and in its number
    # format, so that the first rewards are zero.
    reference = torch.tensor(_sums(model, preferences))

    def loss_of(step: int) -> tuple[torch.Tensor, int]:
        batch = batches.batch(step)
        dialogues = _dialogues([preferences[number] for number in batch])
        scored = completion_logprobs(model, dialogues)
        policy_B = sequence_logprobs(*scored, len(dialogues))
        rewards_B = dpo_rewards(policy_B, reference[batch].T.flatten(), beta)
        return dpo_loss(*rewards_B.chunk(2)), sum(map(len, dialogues))

    return loss_of


def _dialogues(preferences: Sequence[Preference]) -> list[Dialogue]:
    return [each.chosen for each in preferences] + [each.rejected for each in preferences]


def _sums(model: Transformer, preferences: Sequence[Preference]) -> list[tuple[float, float]]:
    """The log-probabilities of chosen and rejected, for each preference."""
    sums = completion_sums(model, _dialogues(preferences))
    return list(zip(sums[: len(preferences)], sums[len(preferences) :], strict=True))


def _answers(
    model: Transformer, encoder: Encoder, prompts: list[Pair], config: PreferConfig
) -> Answers:
    drawing = Drawing(
        chain=parse("temperature=1"),
        samples=1,
        max_tokens=config.max_tokens,
        stop_ids=frozenset({encoder.special[END]}),
        seed=config.seed,
    )
    texts = [pair.prompt for pair in prompts]
    judged = [each for (each,) in complete(model, encoder, texts, drawing, given(config.threads))]
    beside = zip(prompts, judged, strict=True)
    in_script = [script(each.text) == script(pair.completion) for pair, each in beside]
    return Answers(tuple(judged), tuple(in_script))


def _kl_nats(
    model: Transformer,
    reference: Transformer,
    encoder: Encoder,
    prompts: list[Pair],
    answers: Answers,
) -> list[float]:
    """Of each answer of ``model``, its log-probability less that under ``reference``."""
    beside = zip(prompts, answers.judged, strict=True)
    dialogues = [
        Dialogue(render_prompt(encoder, pair.prompt), each.token_ids) for pair, each in beside
    ]
    sums = completion_sums(model, dialogues), completion_sums(reference, dialogues)
    return [own - other for own, other in zip(*sums, strict=True)]


def _changes(before: Answers, after: Answers, documents: list[str], seed: int) -> Metrics:
    count = len(before.judged)
    change = [late - early for early, late in zip(before.holds, after.holds, strict=True)]
    metrics: Metrics = {}
    for when, answers in (("before", before), ("after", after)):
        metrics |= {
            **wilson(sum(answers.holds) / count, count).metrics(f"property_{when}", "share"),
            f"answer_{when}_mean_tokens": sum(answers.lengths) / count,
            f"same_script_{when}_share": sum(answers.in_script) / count,
        }
    changed = bootstrap_mean(change, seed, documents=documents)
    return metrics | changed.metrics("property_change", "share")


def _accuracy(
    model: Transformer,
    reference: Transformer,
    preferences: list[Preference],
    config: PreferConfig,
) -> Estimate:
    """The share of preferences whose chosen completion has the higher reward; a tie is half."""
    sums = torch.tensor([_sums(each, preferences) for each in (model, reference)])
    chosen_B, rejected_B = dpo_rewards(sums[0], sums[1], config.beta).T
    right = (chosen_B > rejected_B).float() + (chosen_B == rejected_B).float() / 2
    return wilson(right.mean().item(), len(preferences))


def _price(
    model: Transformer,
    reference: Transformer,
    encoder: Encoder,
    pairs: list[Pair],
    config: PreferConfig,
) -> Metrics:
    """What alignment did to the loss on the completions of real pages."""
    measured = rendered(encoder, pairs, config.loss_max_tokens)
    if not measured:
        raise DataError(f"none of {len(pairs)} held-out pairs has {config.loss_max_tokens} tokens")
    before, after = (HeldOutLoss.measure(each, measured) for each in (reference, model))
    return {
        "held_out_loss_before_nats": before.mean_nats,
        "held_out_loss_after_nats": after.mean_nats,
        **before.change(after, config.seed).metrics("held_out_loss_change", "nats"),
    }


def _rows(
    prompts: list[Pair], before: Answers, after: Answers, kl_nats: list[float]
) -> list[dict[str, object]]:
    return [
        {
            "id": pair.id,
            "language": pair.language,
            "prompt": pair.prompt,
            "before": early.text,
            "after": late.text,
            "before_holds": early.holds,
            "after_holds": late.holds,
            "before_tokens": len(early.token_ids),
            "after_tokens": len(late.token_ids),
            "kl_nats": nats,
        }
        for pair, early, late, nats in zip(
            prompts, before.judged, after.judged, kl_nats, strict=True
        )
    ]


_SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "language": pa.string(),
        "prompt": pa.large_string(),
        "before": pa.large_string(),
        "after": pa.large_string(),
        "before_holds": pa.bool_(),
        "after_holds": pa.bool_(),
        "before_tokens": pa.int32(),
        "after_tokens": pa.int32(),
        "kl_nats": pa.float64(),
    }
)

STAGE = Stage(
    "posttrain.prefer",
    version=1,
    config=PreferConfig,
    inputs=("model", "preferences", "pairs"),
    run=run,
    libraries=("numpy", "pyarrow", "tiktoken", "torch"),
    reproducible="request",
    decided_by=("plan",),
    resolve=decide,
)
