"""Stage evaluation.change: what became of a model's answers between two states of it.

Reads   ``before`` and ``after`` (model folders with one tokeniser), ``pairs`` and perhaps
        ``preferences``, of both what is held out; what the config leaves open, from ``plan``
Writes  ``held_out.parquet``, a row for each prompt: ``id``, ``language``, ``prompt``, the texts
        ``before`` and ``after``, ``before_holds``, ``after_holds``, ``before_tokens``,
        ``after_tokens``, ``kl_nats``

Both models answer each prompt once, with the same random numbers; prompts that with an answer may
not fit into the models' texts are left out. ``kl_nats`` is of the answer after: its log-probability
under the model after less that under the model before; the mean estimates the KL of the sequences
without bias, a single one may be negative.
The held-out loss is that of the completions that real pages have. A preference is agreed with where
what is chosen gained more in log-probability than what is rejected: that is DPO's implicit reward.
The intervals of the changes and of the KL are over documents, of which several prompts may come;
those of a rate, Wilson's, take its prompts as independent.
An answer's script is compared with that of the real page's completion: some dozen words of a
small model are too little to tell languages of one script apart.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import TYPE_CHECKING

import pyarrow as pa
from pydantic import Field

from bedstone.config import MOST_THREADS, Config
from bedstone.errors import ArtifactError, DataError
from bedstone.generation.foresight import Draws, Foreseen, Known
from bedstone.generation.values import MAX_TOKENS
from bedstone.model import Device
from bedstone.posttrain.chat import Dialogue, prompt_max_bytes, render_prompt, rendered
from bedstone.posttrain.checker import WholeSentences, holds
from bedstone.posttrain.preferences import read_preferences
from bedstone.posttrain.prompts import Pair, read_pairs
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.store.decisions import decide, given
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.text.encoder import END, FILE, Encoder
from bedstone.text.sentences import script
from bedstone.uncertainty.intervals import bootstrap_mean, wilson

if TYPE_CHECKING:
    from bedstone.model.transformer import Transformer


class ChangeConfig(Config):
    """On how much it is measured."""

    how = ("device",)
    prompts: int = Field(default=400, ge=1)
    """Held out, answered before and after; or as many different ones as there are."""
    max_tokens: int = Field(default=48, ge=1, le=MAX_TOKENS)
    """Of an answer."""
    loss_max_tokens: int = Field(default=192, ge=2)
    """Of a real page's pair on which the held-out loss is measured; longer ones are left out."""
    threads: int | None = Field(default=None, ge=1, le=MOST_THREADS)
    device: Device = "auto"
    seed: int = Field(default=0, ge=0)
    """Of the prompts, of what is drawn, and of the bootstrap."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model answers to a prompt."""

    text: str
    """Bytes that are no UTF-8 are U+FFFD."""
    token_ids: tuple[int, ...]
    """The closing token included."""
    holds: bool
    """Whether it has the property of ``posttrain.checker``."""
    in_script: bool
    """Whether its script is that of the real page."""


def run(config: ChangeConfig, job: Job) -> Result:
    """Ask both models, and score what they and the real pages say.

    Raises:
        ArtifactError: the models have different tokenisers.
        DataError: no prompt, pair or preference is held out that is short enough.
    """
    from bedstone.model.hugging_face import WEIGHTS, load
    from bedstone.training.threads import using_threads

    shards = [job.inputs[role] for role in ("before", "after")]
    encoder = _encoder(*shards)
    models = [load(each.file(WEIGHTS).parent, device=config.device) for each in shards]
    room = prompt_max_bytes(min(model.config.seq_len for model in models), config.max_tokens)
    asked = WholeSentences.of_pairs(job.inputs["pairs"], room)
    prompts = asked.prompts(config.prompts, config.seed, "test")
    with using_threads(given(config.threads)):
        with job.progress.task("answers", 2 * len(prompts)) as task:
            answer = partial(_answers, encoder, prompts, config, task.advance)
            before, after = map(answer, models)
        kl_nats = _kl_nats(models, encoder, prompts, after)
        metrics = {
            **changes(before, after, kl_nats, [pair.id for pair in prompts], config.seed),
            **_held_out_loss(models, encoder, job.inputs["pairs"], config),
        }
        if "preferences" in job.inputs:
            metrics |= _reward_accuracy(models, encoder, job.inputs["preferences"])
    tables.write(job, "held_out.parquet", _table(prompts, before, after, kl_nats))
    return Result(metrics)


def foresee(config: ChangeConfig, known: Known) -> Foreseen:
    """What both models draw, and read of the answers after and of real pages.

    Preferences are so few that they are left out.
    """
    from bedstone.generation.generate import BATCH_ROWS

    pairs = known.inputs["pairs"]
    room = prompt_max_bytes(known.shape.seq_len, config.max_tokens)
    prompts = WholeSentences.of_pairs(pairs, room).prompts(config.prompts, config.seed, "test")
    asked = known.count("pairs", len(prompts), config.prompts)
    texts = [pair.prompt for pair in prompts], [pair.completion for pair in prompts]
    prompt_tokens, tokens = known.lengths(*texts, config.max_tokens)
    batches = -(-asked // BATCH_ROWS)
    draws = Draws(2 * batches, batches, round(asked / batches), 1, prompt_tokens, tokens)
    measured = rendered(known.encoder, read_pairs(pairs)[1], config.loss_max_tokens)
    real_tokens = sum(len(dialogue) for _, dialogue in measured) * known.growth["pairs"]
    read_tokens = 2 * (asked * (prompt_tokens + tokens) + real_tokens)
    return Foreseen((draws,), read_tokens)


def changes(
    before: Sequence[Answer],
    after: Sequence[Answer],
    kl_nats: Sequence[float],
    documents: Sequence[str],
    seed: int,
) -> Metrics:
    """What the answers to prompts of these documents say; the seed is the bootstrap's."""
    metrics: Metrics = {}
    for when, answers in (("before", before), ("after", after)):
        rate = wilson(fmean(each.holds for each in answers), len(answers))
        metrics |= {
            **rate.metrics(f"property_{when}", "share"),
            f"answer_{when}_mean_tokens": fmean(len(each.token_ids) for each in answers),
            f"same_script_{when}_share": fmean(each.in_script for each in answers),
        }
    changed = [float(late.holds - early.holds) for early, late in zip(before, after, strict=True)]
    change = bootstrap_mean(changed, seed, documents=documents)
    kl = bootstrap_mean(kl_nats, seed, documents=documents)
    return {**metrics, **change.metrics("property_change", "share"), **kl.metrics("kl", "nats")}


def loss_changes(
    before_nats: Sequence[float],
    after_nats: Sequence[float],
    tokens: Sequence[int],
    documents: Sequence[str],
    seed: int,
) -> Metrics:
    """What completions of so many tokens cost, a token; the change is over their documents."""
    both = zip(before_nats, after_nats, tokens, strict=True)
    differences = [(late - early) / count for early, late, count in both]
    return {
        "held_out_pairs": len(tokens),
        "held_out_loss_before_nats": sum(before_nats) / sum(tokens),
        "held_out_loss_after_nats": sum(after_nats) / sum(tokens),
        **bootstrap_mean(differences, seed, tokens, documents).metrics(
            "held_out_loss_change", "nats"
        ),
    }


def _encoder(before: Shard, after: Shard) -> Encoder:
    files = [shard.file(FILE) for shard in (before, after)]
    if files[0].read_bytes() != files[1].read_bytes():
        raise ArtifactError(
            f"{before.location} and {after.location} have different tokenisers",
            hint="a change is measured between two states of one model",
        )
    return Encoder.load(files[0].parent)


def _answers(
    encoder: Encoder,
    prompts: Sequence[Pair],
    config: ChangeConfig,
    advance: Callable[[int], None],
    model: "Transformer",
) -> list[Answer]:
    from bedstone.generation.chain import parse
    from bedstone.generation.generate import Drawing, generate

    ends = frozenset({encoder.special[END]})
    drawing = Drawing(parse("temperature=1"), 1, config.max_tokens, ends, config.seed)
    ids = [render_prompt(encoder, pair.prompt) for pair in prompts]
    answers = []
    drawn = generate(model, ids, drawing, given(config.threads), advance)
    for pair, (completion,) in zip(prompts, drawn, strict=True):
        text = encoder.decode(completion.text_ids)
        has_property = holds(text, ended=completion.finish_reason == "stop")
        in_script = script(text) == script(pair.completion)
        answers.append(Answer(text, completion.token_ids, has_property, in_script))
    return answers


def _kl_nats(
    models: Sequence["Transformer"],
    encoder: Encoder,
    prompts: Sequence[Pair],
    after: Sequence[Answer],
) -> list[float]:
    from bedstone.posttrain.scoring import completion_sums

    dialogues = [
        Dialogue(render_prompt(encoder, pair.prompt), answer.token_ids)
        for pair, answer in zip(prompts, after, strict=True)
    ]
    sums = (completion_sums(model, dialogues) for model in models)
    return [own - other for other, own in zip(*sums, strict=True)]


def _held_out_loss(
    models: Sequence["Transformer"], encoder: Encoder, pairs: Shard, config: ChangeConfig
) -> Metrics:
    from bedstone.posttrain.scoring import completion_sums

    _, held_out = read_pairs(pairs)
    measured = rendered(encoder, held_out, config.loss_max_tokens)
    if not measured:
        raise DataError(
            f"none of {len(held_out)} held-out pairs has {config.loss_max_tokens} tokens at most",
            hint="raise loss_max_tokens",
        )
    documents, dialogues = zip(*measured, strict=True)
    before, after = ([-each for each in completion_sums(model, dialogues)] for model in models)
    tokens = [len(dialogue.completion_ids) for dialogue in dialogues]
    return loss_changes(before, after, tokens, documents, config.seed)


def _reward_accuracy(
    models: Sequence["Transformer"], encoder: Encoder, preferences: Shard
) -> Metrics:
    """The share of the preferences that is agreed with; a tie is half."""
    from bedstone.posttrain.losses import dpo_rewards
    from bedstone.posttrain.scoring import preference_sums

    held_out = read_preferences(preferences, encoder, "held_out")
    before_B2, after_B2 = (preference_sums(model, held_out) for model in models)
    chosen_B, rejected_B = dpo_rewards(after_B2, before_B2, beta=1.0).T
    right_B = (chosen_B > rejected_B).float() + (chosen_B == rejected_B).float() / 2
    return wilson(right_B.mean().item(), len(held_out)).metrics("reward_accuracy", "share")


def _table(
    prompts: Sequence[Pair],
    before: Sequence[Answer],
    after: Sequence[Answer],
    kl_nats: Sequence[float],
) -> pa.Table:
    both = {"before": before, "after": after}
    return pa.table(
        {
            **{
                name: [getattr(pair, name) for pair in prompts]
                for name in ("id", "language", "prompt")
            },
            **{when: [each.text for each in answers] for when, answers in both.items()},
            **{f"{when}_holds": [each.holds for each in both[when]] for when in both},
            **{f"{when}_tokens": [len(each.token_ids) for each in both[when]] for when in both},
            "kl_nats": kl_nats,
        }
    )


STAGE = Stage(
    "evaluation.change",
    version=1,
    config=ChangeConfig,
    inputs=("before", "after", "pairs"),
    optional=("preferences",),
    run=run,
    libraries=("numpy", "pyarrow", "tiktoken", "torch"),
    reproducible="request",
    decided_by=("plan",),
    resolve=decide,
)
