"""Stage posttrain.draw: draw completions from a model and judge them into preference pairs.

Reads   ``model`` (a model folder with its tokeniser) and ``pairs`` (the prompts to train on)
Writes  ``preferences.parquet``: ``id`` and ``language`` of the prompt's document, ``prompt``,
        ``chosen``, ``rejected``, and what the model read and wrote of each: ``prompt_ids``,
        ``chosen_ids``, ``rejected_ids``

A prompt gives a pair if some of its completions have the property of ``posttrain.checker`` and
some do not; of all such two, the pair of most similar length is taken, and of the prompts those
whose pair is most similar, so that length tells as little as possible. A completion that was cut
off is longer than most others, so it still tells much: how much is in the metrics.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pyarrow as pa
from pydantic import Field

from bedstone.config import Config
from bedstone.errors import BedstoneError
from bedstone.generation.chain import ChainText, parse
from bedstone.generation.generate import Drawing
from bedstone.generation.values import MAX_SAMPLES, MAX_TOKENS
from bedstone.model.hugging_face import WEIGHTS, load
from bedstone.posttrain.chat import render_prompt
from bedstone.posttrain.judged import Judged, complete
from bedstone.posttrain.prompts import Pair, drawn, read_pairs
from bedstone.store import tables
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.text.encoder import END, FILE, Encoder
from bedstone.uncertainty.intervals import wilson


class DrawConfig(Config):
    """How many completions of how many prompts."""

    prompts: int = Field(default=1_200, ge=1)
    """Or as many different ones as there are."""
    samples: int = Field(default=4, ge=2, le=MAX_SAMPLES)
    """Completions of each prompt."""
    chain: ChainText = "temperature=1"
    """At temperature 1 alone the completions are the model's own."""
    max_tokens: int = Field(default=48, ge=1, le=MAX_TOKENS)
    """Of a completion, the closing token included."""
    max_pairs: int = Field(default=600, ge=1)
    seed: int = Field(default=0, ge=0)


def run(config: DrawConfig, job: Job) -> Result:
    """Draw, judge, pair.

    Raises:
        BedstoneError: no prompt has completions of both kinds.
    """
    encoder = Encoder.load(job.inputs["model"].file(FILE).parent)
    train, _ = read_pairs(job.inputs["pairs"])
    prompts = drawn(train, config.prompts, config.seed)
    judged = _judged(config, job, encoder, prompts)
    found = [
        (pair, *two)
        for pair, completions in zip(prompts, judged, strict=True)
        if (two := nearest(completions))
    ]
    if not found:
        raise BedstoneError(
            f"none of {len(prompts)} prompts has completions both with and without the property",
            hint="raise prompts or samples, or train the model for longer",
        )
    taken = sorted(found, key=lambda each: _gap_tokens(*each[1:]))[: config.max_pairs]
    rows = [_row(encoder, *each) for each in taken]
    tables.write(job, "preferences.parquet", pa.Table.from_pylist(rows, _SCHEMA))
    return Result(_metrics(judged, [(chosen, rejected) for _, chosen, rejected in taken]))


def nearest(judged: Sequence[Judged]) -> tuple[Judged, Judged] | None:
    """Of one prompt: a completion that has the property and one that has not.

    The two of most similar length, the first such of several; None if all are of one kind.
    """
    chosen = [each for each in judged if each.holds]
    rejected = [each for each in judged if not each.holds]
    return min(product(chosen, rejected), key=lambda two: _gap_tokens(*two), default=None)


def _gap_tokens(one: Judged, other: Judged) -> int:
    return abs(len(one.token_ids) - len(other.token_ids))


def _judged(
    config: DrawConfig, job: Job, encoder: Encoder, prompts: list[Pair]
) -> list[list[Judged]]:
    model = load(job.inputs["model"].file(WEIGHTS).parent)
    drawing = Drawing(
        chain=parse(config.chain),
        samples=config.samples,
        max_tokens=config.max_tokens,
        stop_ids=frozenset({encoder.special[END]}),
        seed=config.seed,
    )
    with job.progress.task("prompts", len(prompts)) as task:
        texts = [pair.prompt for pair in prompts]
        return complete(model, encoder, texts, drawing, job.engine.workers, task.advance)


def _row(encoder: Encoder, pair: Pair, chosen: Judged, rejected: Judged) -> dict[str, object]:
    return {
        "id": pair.id,
        "language": pair.language,
        "prompt": pair.prompt,
        "chosen": chosen.text,
        "rejected": rejected.text,
        "prompt_ids": render_prompt(encoder, pair.prompt),
        "chosen_ids": chosen.token_ids,
        "rejected_ids": rejected.token_ids,
    }


def _metrics(judged: list[list[Judged]], pairs: list[tuple[Judged, Judged]]) -> Metrics:
    rates = [np.mean([each.holds for each in completions]) for completions in judged]
    lengths = np.array([[len(each.token_ids) for each in pair] for pair in pairs])
    return {
        "prompts": len(judged),
        "completions": sum(map(len, judged)),
        **wilson(float(np.mean(rates)), len(rates)).metrics("property", "share"),
        "pairs": len(pairs),
        "chosen_mean_tokens": float(lengths[:, 0].mean()),
        "rejected_mean_tokens": float(lengths[:, 1].mean()),
        "longer_chosen_share": float((lengths[:, 0] > lengths[:, 1]).mean()),
    }


_SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "language": pa.string(),
        "prompt": pa.large_string(),
        "chosen": pa.large_string(),
        "rejected": pa.large_string(),
        "prompt_ids": pa.list_(pa.int32()),
        "chosen_ids": pa.list_(pa.int32()),
        "rejected_ids": pa.list_(pa.int32()),
    }
)

STAGE = Stage(
    "posttrain.draw",
    version=1,
    config=DrawConfig,
    inputs=("model", "pairs"),
    run=run,
    libraries=("numpy", "pyarrow", "tiktoken", "torch"),
    reproducible="request",
)
