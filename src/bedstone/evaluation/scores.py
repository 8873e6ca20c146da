"""Stage evaluation.scores: how likely a model holds each choice of a test's items.

Reads   ``items``; ``model``: the files of a model, or ``probe``: an endpoint; what the config
        leaves open, from ``plan``
Writes  ``parts/``: tables of ``item`` (its id), ``choice`` (its number), ``logprob`` (natural: of
        delimiter and choice after the prompt, or of a text), ``alone_logprob`` (of delimiter and
        choice after nothing; null for a text, and where an endpoint does not tell it), ``tokens``
        (of the choice), ``prompt_tokens``, ``is_split`` (a token would span the border to the
        prompt), ``is_cut`` (the prompt has lost its first tokens: the model's texts are shorter)

Items without choices are answered, not scored: they are passed over. A part is written as soon as
its items are scored: a killed build goes on behind it.
"""

from collections.abc import Iterable
from functools import partial

import pyarrow.compute as pc
from pydantic import Field

from bedstone.config import MOST_THREADS, Config
from bedstone.errors import ConfigError, DataError, printable
from bedstone.evaluation.likelihoods import continuations, echoes
from bedstone.generation.foresight import Foreseen, Known
from bedstone.model import Device, NumberFormat
from bedstone.store.decisions import decide
from bedstone.store.provenance import core_count
from bedstone.store.stage import Job, Result, Stage
from bedstone.tasks.items import Item, items_of
from bedstone.tasks.stored import SCORES, Make, write_parts

PART_ITEMS = 256
"""Scored together: the fewer, the less a killed build loses; the more, the more have beginnings in
common."""


class ScoresConfig(Config):
    """How it is computed."""

    how = ("device",)
    number_format: NumberFormat = "fp32"
    device: Device = "auto"
    """Of a model of this machine."""
    threads: int | None = Field(default=None, ge=1, le=MOST_THREADS)
    """Parts scored side by side: they change no score. Absent: the plan's, or each processor."""


def run(config: ScoresConfig, job: Job) -> Result:
    """Score what is not there yet, part by part.

    Raises:
        ConfigError: neither model nor endpoint, or an endpoint that cannot be asked so.
        DataError: no item has choices, or a choice is empty.
    """
    items = _with_choices(items_of(job.inputs["items"]))
    parts = [items[start : start + PART_ITEMS] for start in range(0, len(items), PART_ITEMS)]
    threads = config.threads or core_count()
    with job.progress.task("items", len(items)) as progress:
        begin = partial(_scoring, config, job)
        table = write_parts(job, SCORES, parts, threads, begin, progress.advance)
    count = {"items": len(items), "choices": len(table)}
    for name in ("split", "cut"):
        marked = table.filter(table[f"is_{name}"])["item"]
        count[f"{name}_items"] = pc.count_distinct(marked).as_py()
    return Result({**count, "choice_tokens": pc.sum(table["tokens"]).as_py()})


def foresee(config: ScoresConfig, known: Known) -> Foreseen:
    """The tokens of each prompt, and of each choice after it and after nothing."""
    encode = known.encoder.encode
    items = _with_choices(items_of(known.inputs["items"]))
    prompts = sum(len(encode(item.prompt)) for item in items)
    choices = sum(len(encode(choice)) for item in items for choice in item.choices)
    return Foreseen(read_tokens=prompts + 2 * choices)


def _with_choices(items: Iterable[Item]) -> list[Item]:
    found = [item for item in items if item.choices]
    if not found:
        raise DataError("no item has choices", hint="items to answer are for sampling.answers")
    if empty := [item.id for item in found if not all(item.choices)]:
        raise DataError(f"item {printable(empty[0])}: a choice is empty")
    return found


def _scoring(config: ScoresConfig, job: Job, _: object) -> Make[Item]:
    if ("model" in job.inputs) == ("probe" in job.inputs):
        raise ConfigError("a model or the probe of an endpoint is asked: give one of the two")
    if "probe" in job.inputs:
        return partial(echoes.scored, echoes.probed(job.inputs["probe"]))
    from bedstone.generation.writer import folder_of, loaded

    writer = loaded(folder_of(job.inputs["model"]), config.number_format, config.device)
    return partial(continuations.scored, writer)


STAGE = Stage(
    "evaluation.scores",
    version=1,
    config=ScoresConfig,
    inputs=("items",),
    optional=("model", "probe"),
    run=run,
    libraries=("numpy", "pyarrow", "tokenizers", "torch"),
    reproducible="request",
    decided_by=("plan",),
    resolve=partial(decide, undecided=("threads",)),
)
