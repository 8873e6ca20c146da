"""Stage sampling.compare: what each way to sample a model is worth, and what it costs.

Reads   ``model``: the files of a model; ``questions``: a JSONL of prompts and answers, or the pairs
        of ``posttrain.pairs``
Writes  ``strategies.json``: what ``bedstone strategies --json`` says of a task, and ``answers``:
        the folders that it was counted from, with their contents

It is ``bedstone strategies`` as a node of a recipe. The answers are artifacts of sampling.answers
in the same store: whatever the command has drawn before is not drawn again, nor the reverse.
Its seconds are computed from the pace that sampling.latency measured: they stay in the content.
"""

from typing import TYPE_CHECKING

from pydantic import Field

from bedstone.config import Config
from bedstone.generation.chain import ChainText
from bedstone.generation.foresight import Foreseen, Known
from bedstone.generation.values import MAX_SAMPLES, MAX_TOKENS
from bedstone.model import Device, NumberFormat
from bedstone.store.artifact import Shard
from bedstone.store.making import Making
from bedstone.store.payload import whole_folder, write_json
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.tasks.catalogue import MAX_PROBLEMS

if TYPE_CHECKING:
    from bedstone.sampling.contest.questions import Asked
    from bedstone.sampling.contest.verdicts import Verdict

FILE = "strategies.json"


class CompareConfig(Config):
    """What is compared, and on what."""

    how = ("device",)
    chains: tuple[ChainText, ...] = ("temperature=1", "top_p=0.9", "min_p=0.05")
    """Beside greedy; equally many of each sampler."""
    samples: int = Field(default=8, ge=2, le=MAX_SAMPLES)
    """The most completions of a problem to choose from."""
    problems: int = Field(default=200, ge=20, le=MAX_PROBLEMS)
    """Half of them choose each sampler's setting, the other half reports."""
    max_tokens: int = Field(default=48, ge=1, le=MAX_TOKENS)
    """Of a completion."""
    number_format: NumberFormat = "fp32"
    device: Device = "auto"
    seed: int = Field(default=0, ge=0)
    """Of the problems, and of what is drawn."""


def run(config: CompareConfig, job: Job) -> Result:
    """Draw what is not stored yet, and compare.

    Raises:
        ConfigError: the chains cannot be compared.
        DataError: there are too few problems.
    """
    from bedstone.sampling.contest.contest import contest
    from bedstone.sampling.contest.verdicts import told, verdicts

    model = whole_folder(job.inputs["model"])
    making = Making(job.store, job.engine, job.progress)
    held, _ = contest(str(model), model, None, _asked(config, job.inputs["questions"]), making)
    (verdict,) = verdicts(held, job.progress)
    counted = [block.made(held.making) for _, block in held.blocks()]
    answers = {each.path.name: each.content for each in counted}
    write_json(job, FILE, told(verdict) | {"answers": answers})
    return Result(_metrics(verdict))


def foresee(config: CompareConfig, known: Known) -> Foreseen:
    """What is drawn of all chains, where nothing is stored yet, and of how long that takes."""
    from bedstone.sampling.contest.contest import foreseen

    return foreseen(_asked(config, known.inputs["questions"]), known)


def _asked(config: CompareConfig, questions: Shard) -> "Asked":
    from bedstone.sampling.choosing.comparison import Budget, Prices
    from bedstone.sampling.contest.questions import Asked

    return Asked(
        tasks=(),
        data=(whole_folder(questions),),
        chains=config.chains,
        samples=config.samples,
        problems=config.problems,
        max_tokens=config.max_tokens,
        seed=config.seed,
        plain=False,
        budget=Budget(),
        prices=Prices(),
        number_format=config.number_format,
        device=config.device,
    )


def _metrics(verdict: "Verdict") -> Metrics:
    greedy, *others = verdict.comparison.rows
    best = verdict.recommendation.best or greedy
    return {
        "problems": greedy.accuracy.n,
        "strategies": 1 + len(others),
        **greedy.accuracy.metrics("greedy_accuracy", "share"),
        **best.accuracy.metrics("recommended_accuracy", "share"),
        "recommended_tokens": best.cost.tokens,
    }


STAGE = Stage(
    "sampling.compare",
    version=1,
    config=CompareConfig,
    inputs=("model", "questions"),
    run=run,
    libraries=("numpy", "tokenizers", "torch"),
    reproducible="request",
)
