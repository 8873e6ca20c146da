"""Stage sampling.latency: measure how long a model takes to answer one prompt on this machine.

Reads   ``model``: the files of a model
Writes  ``pace.json``: ``fixed_seconds``, ``prompt_token_seconds`` and ``token_seconds`` of as many
        samples side by side, on one thread

Three runs of other lengths tell the three apart, each the fastest of ``ROUNDS``: whatever else the
machine does makes one slower. Answers are drawn in large batches, so their own seconds do not tell
what a single question waits for. The measurement is what is asked for, and what is compared is
computed with it: it is content.
"""

import time
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from pydantic import Field

from bedstone.config import Config
from bedstone.generation.chain import parse
from bedstone.generation.values import MAX_SAMPLES
from bedstone.model import Device, NumberFormat
from bedstone.sampling.choosing.pace import FILE, Pace
from bedstone.store.payload import write_json
from bedstone.store.stage import Job, Result, Stage

if TYPE_CHECKING:
    from bedstone.generation.writer import Writer

ROUNDS = 5
SHORT_PROMPT, LONG_PROMPT, NEW_TOKENS = 16, 144, 33


class LatencyConfig(Config):
    """How the model is asked."""

    how = ("device",)
    samples: int = Field(default=1, ge=1, le=MAX_SAMPLES)
    """Of the prompt, drawn side by side."""
    number_format: NumberFormat = "fp32"
    device: Device = "auto"


def run(config: LatencyConfig, job: Job) -> Result:
    """Measure, the runs taking turns; a first round is not counted."""
    from bedstone.generation.writer import folder_of, loaded

    writer = loaded(folder_of(job.inputs["model"]), config.number_format, config.device)
    runs = ((SHORT_PROMPT, 1), (LONG_PROMPT, 1), (SHORT_PROMPT, NEW_TOKENS))
    measure = partial(_seconds, writer, config.samples)
    rounds = [[measure(*each) for each in runs] for _ in range(ROUNDS + 1)][1:]
    short, long, more = (min(each) for each in zip(*rounds, strict=True))
    prompt_token = max(long - short, 0) / (LONG_PROMPT - SHORT_PROMPT)
    token = max(more - short, 0) / (NEW_TOKENS - 1)
    pace = Pace(max(short - SHORT_PROMPT * prompt_token - token, 0), prompt_token, token)
    write_json(job, FILE, asdict(pace), indent=2)
    return Result({"token_seconds": token, "tokens_per_second": config.samples / max(token, 1e-9)})


def _seconds(writer: "Writer", samples: int, prompt_tokens: int, new_tokens: int) -> float:
    from bedstone.generation.generate import Drawing

    prompt = [number % writer.texts.vocab_size for number in range(prompt_tokens)]
    drawing = Drawing(parse("temperature=1"), samples, new_tokens, stop_ids=frozenset(), seed=0)
    started = time.perf_counter()
    writer.drawn([prompt], drawing)
    return time.perf_counter() - started


STAGE = Stage(
    "sampling.latency",
    version=1,
    config=LatencyConfig,
    inputs=("model",),
    run=run,
    libraries=("numpy", "tokenizers", "torch"),
    reproducible="request",
)
