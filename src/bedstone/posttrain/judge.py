"""Stage posttrain.judge: judge a model's answers to the prompts of pairs, and pair them.

Reads   ``answers`` (of sampling.answers, to prompts that are trained on) and ``pairs``
Writes  ``preferences.parquet``: ``id`` and ``language`` of the prompt's document, ``prompt``,
        ``chosen``, ``rejected``, what the model wrote of each, ``chosen_ids`` and
        ``rejected_ids``, and ``split``, ``train`` or ``held_out``

A prompt gives a pair if some of its answers have the property of ``posttrain.checker`` and some do
not; of all such two, the pair of most similar length is taken, and of the prompts those whose pair
is most similar, so that length tells as little as possible. An answer that was cut off is longer
than most others, so it still tells much: how much is in the metrics.
All pairs of a document are in one split, by lots of their own: those of posttrain.pairs decided
that all of them are trained on.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from statistics import fmean
from typing import Any

import pyarrow as pa
from pydantic import Field

from bedstone.config import Config
from bedstone.errors import BedstoneError, DataError
from bedstone.generation.foresight import Foreseen, Known
from bedstone.lots import is_held_out
from bedstone.posttrain.checker import holds
from bedstone.posttrain.prompts import Pair, read_pairs
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.tasks.stored import rows_of
from bedstone.uncertainty.intervals import wilson

Row = dict[str, Any]


class JudgeConfig(Config):
    """How many pairs, and which of them are held out."""

    max_pairs: int = Field(default=600, ge=1)
    """Those of most similar length."""
    held_out_share: float = Field(default=0.1, ge=0, lt=1)
    """Of the documents, to measure on how often a model prefers what is chosen."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer, and whether it has the property."""

    text: str
    token_ids: tuple[int, ...]
    """What the model wrote, the closing token included."""
    holds: bool


def run(config: JudgeConfig, job: Job) -> Result:
    """Judge, pair.

    Raises:
        BedstoneError: no prompt has answers of both kinds.
        DataError: the answers are to other prompts, or their tokens are not told.
    """
    judged = read_judged(job.inputs["answers"], job.inputs["pairs"])
    found = [(pair, *two) for pair, answers in judged if (two := nearest(answers))]
    if not found:
        raise BedstoneError(
            f"none of {len(judged)} prompts has answers both with and without the property",
            hint="draw more answers of more prompts, or train the model for longer",
        )
    taken = sorted(found, key=lambda each: _gap_tokens(*each[1:]))[: config.max_pairs]
    rows = [_row(*each, config.held_out_share) for each in taken]
    tables.write(job, "preferences.parquet", pa.Table.from_pylist(rows, _SCHEMA))
    return Result(_metrics([answers for _, answers in judged], rows))


def foresee(config: JudgeConfig, known: Known) -> Foreseen:
    """The preferences to train on, if every prompt has answers of both kinds."""
    answers = known.before["answers"]
    pairs = min(config.max_pairs, answers.rows) * (1 - config.held_out_share)
    return Foreseen(rows=pairs, row_tokens=answers.row_tokens)


def read_judged(answers: Shard, pairs: Shard) -> list[tuple[Pair, list[Judged]]]:
    """Each prompt that was answered, with its answers.

    Raises:
        DataError: one is none that is trained on, or an answer's tokens are not told.
    """
    train, _ = read_pairs(pairs)
    by_prompt = {pair.prompt: pair for pair in reversed(train)}  # of several the first counts
    judged: dict[str, list[Judged]] = defaultdict(list)
    for row in rows_of(answers).to_pylist():
        if row["prompt"] not in by_prompt:
            raise DataError(
                f"{answers.location}: {row['prompt']!r} is no prompt to train on",
                hint="answers are drawn with config.split = 'train', of the same pairs",
            )
        if row["token_ids"] is None:
            raise DataError(f"{answers.location}: the endpoint did not tell the answers' tokens")
        has_property = holds(row["text"], ended=row["finish_reason"] == "stop")
        judged[row["prompt"]].append(Judged(row["text"], tuple(row["token_ids"]), has_property))
    return [(by_prompt[prompt], each) for prompt, each in judged.items()]


def nearest(judged: Sequence[Judged]) -> tuple[Judged, Judged] | None:
    """Of one prompt: an answer that has the property and one that has not.

    The two of most similar length, the first such of several; None if all are of one kind.
    """
    chosen = [each for each in judged if each.holds]
    rejected = [each for each in judged if not each.holds]
    return min(product(chosen, rejected), key=lambda two: _gap_tokens(*two), default=None)


def _gap_tokens(one: Judged, other: Judged) -> int:
    return abs(len(one.token_ids) - len(other.token_ids))


def _row(pair: Pair, chosen: Judged, rejected: Judged, held_out_share: float) -> Row:
    held_out = is_held_out(pair.id, held_out_share, "preferences")
    return {
        "id": pair.id,
        "language": pair.language,
        "prompt": pair.prompt,
        "chosen": chosen.text,
        "rejected": rejected.text,
        "chosen_ids": chosen.token_ids,
        "rejected_ids": rejected.token_ids,
        "split": "held_out" if held_out else "train",
    }


def _metrics(judged: Sequence[Sequence[Judged]], rows: Sequence[Row]) -> Metrics:
    rates = [fmean(each.holds for each in answers) for answers in judged]
    chosen, rejected = ([len(row[f"{it}_ids"]) for row in rows] for it in ("chosen", "rejected"))
    return {
        "prompts": len(judged),
        "completions": sum(map(len, judged)),
        **wilson(fmean(rates), len(rates)).metrics("property", "share"),
        "pairs": len(rows),
        "held_out_pairs": sum(row["split"] == "held_out" for row in rows),
        "chosen_mean_tokens": fmean(chosen),
        "rejected_mean_tokens": fmean(rejected),
        "longer_chosen_share": fmean(map(int.__gt__, chosen, rejected)),
    }


_SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "language": pa.string(),
        "prompt": pa.large_string(),
        "chosen": pa.large_string(),
        "rejected": pa.large_string(),
        "chosen_ids": pa.list_(pa.int32()),
        "rejected_ids": pa.list_(pa.int32()),
        "split": pa.string(),
    }
)

STAGE = Stage(
    "posttrain.judge",
    version=1,
    config=JudgeConfig,
    inputs=("answers", "pairs"),
    run=run,
    libraries=("pyarrow",),
)
