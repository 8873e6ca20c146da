"""Stage sampling.answers: put problems to a model many times, and keep what it answers.

Reads   ``model``: the files of a model, or ``probe``: an endpoint; ``questions``: a JSONL of
        prompts and answers, the items of a test, or the pairs of ``posttrain.pairs``, or none
        where the task is one of ``tasks.catalogue``; what the config leaves open, from ``plan``
Writes  ``parts/``: tables of ``problem`` (its id), ``sample`` (its number), ``prompt``,
        ``text``, ``token_ids``, ``logprob`` (of the completion under the model, natural) and
        ``sampling_logprob`` (under chain and constraint), ``finish_reason``, ``prompt_tokens``,
        ``completion_tokens``, ``boundary_draws``; what is not told is null. ``about/parts/``, of
        an endpoint: the ``seconds`` of each row

An artifact is a block of problems by a block of samples, so that more of either leaves what there
is as it is. A part is written as soon as its samples are drawn: a killed build goes on behind it.
Whether an answer is right is not written: that is found from the text.
Of pairs, prompts that with an answer may not fit into the model's texts are left out: a crawl
decided them, and nobody can shorten them. Any other that does not fit is refused.
Only an endpoint's answers have seconds, which commands read and no stage: how long a model of this
machine takes is measured by ``sampling.latency``. So the same answers are the same bytes.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from bedstone.config import MOST_THREADS, Config
from bedstone.errors import ConfigError
from bedstone.generation.chain import ChainText, parse
from bedstone.generation.foresight import Draws, Foreseen, Known
from bedstone.generation.values import MAX_SAMPLES, MAX_TOKENS
from bedstone.model import Device, NumberFormat
from bedstone.posttrain.chat import prompt_max_bytes
from bedstone.posttrain.checker import WholeSentences
from bedstone.sampling.endpoints.client import Endpoint, Sample
from bedstone.sampling.endpoints.findings import FILE, Findings
from bedstone.sampling.endpoints.openai_api import RemoteDrawing
from bedstone.store.artifact import Shard
from bedstone.store.decisions import decide, given
from bedstone.store.payload import only_file, read_json
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.tasks import items
from bedstone.tasks.asked import BY_LETTER, AskedItems
from bedstone.tasks.catalogue import MAX_PROBLEMS, Problem, Split, Task, named, of_file
from bedstone.tasks.stored import ANSWERS, write_parts

if TYPE_CHECKING:
    from bedstone.generation.generate import Completion, Guide
    from bedstone.generation.writer import Writer

Row = dict[str, Any]
Ask = Callable[[Sequence[str]], list[list[Row]]]
"""Prompts -> the rows of each, without the problem."""
BLOCK_SEED = 1_000_003
"""Blocks of an endpoint's samples get seeds that are so far apart."""


class AnswersConfig(Config):
    """Which problems, how often, and how the answers are drawn."""

    how = ("device",)
    task: str = ""
    """As ``tasks.catalogue`` names it; empty for what ``questions`` holds. Of the items of a test
    those without choices are asked, or with ``letters`` those of several, by letters."""
    split: Split = "test"
    """Of a file's problems all are to test on, of pairs those that are held out."""
    chain: ChainText = "temperature=1"
    first_problem: int = Field(default=0, ge=0, le=MAX_PROBLEMS)
    """Its number among the task's: where the block begins."""
    problems: int = Field(default=100, ge=1, le=MAX_PROBLEMS)
    """Of the task's in the seed's order; or as many as there are."""
    first_sample: int = Field(default=0, ge=0, le=10**6)
    """Its number among a problem's: where the block begins."""
    samples: int = Field(default=8, ge=1, le=MAX_SAMPLES)
    paraphrase: int = Field(default=0, ge=0)
    """The number of the wording; of a problem with fewer, counted round."""
    max_tokens: int = Field(default=128, ge=1, le=MAX_TOKENS)
    chat: bool = True
    """Whether a prompt is a user's turn."""
    constrained: bool = False
    """Whether the task's JSON schema holds the answers."""
    number_format: NumberFormat = "fp32"
    device: Device = "auto"
    """Of a model of this machine."""
    threads: int | None = Field(default=None, ge=1, le=MOST_THREADS)
    """Batches drawn side by side, or requests of an endpoint: they change no answer."""
    ends: tuple[int, ...] = ()
    """Tokens that close a completion; none: what the model's files say."""
    seed: int = Field(default=0, ge=0)


def run(config: AnswersConfig, job: Job) -> Result:
    """Draw what is not there yet, part by part.

    Raises:
        ConfigError: no such task, no schema to constrain by, or neither model nor endpoint.
    """
    task = task_of(config.task, job.inputs.get("questions"), _room_bytes(config, job))
    problems = chosen(task, config)
    size = part_size(len(problems), config.samples)
    parts = [problems[start : start + size] for start in range(0, len(problems), size)]
    with job.progress.task("completions", len(problems) * config.samples) as progress:
        table = write_parts(
            job,
            ANSWERS,
            parts,
            given(config.threads),
            lambda missing: partial(_drawn, config, _asking(config, job, task, missing)),
            lambda count: progress.advance(count * config.samples),
        )
    return Result(_metrics(table))


def foresee(config: AnswersConfig, known: Known) -> Foreseen:
    """What a model of this machine draws."""
    room = prompt_max_bytes(known.shape.seq_len, config.max_tokens)
    problems = chosen(task_of(config.task, known.inputs.get("questions"), room), config)
    asked = len(problems)
    if "questions" in known.inputs:
        asked = known.count("questions", asked, config.problems)
    size = part_size(asked, config.samples)
    prompts = [prompt_of(problem, config.paraphrase) for problem in problems]
    answers = [problem.worked for problem in problems if problem.worked]
    prompt_tokens, tokens = known.lengths(prompts, answers, config.max_tokens)
    parts = -(-asked // size)
    draws = Draws(
        asked / size, parts, size, config.samples, prompt_tokens, tokens, chain=config.chain
    )
    return Foreseen((draws,), rows=asked, row_tokens=prompt_tokens + tokens)


def task_of(name: str, problems: Shard | None, max_bytes: int | None) -> Task:
    """The task of this name, or that of a file, of items or of pairs.

    Args:
        name: empty where there are ``problems``; of items, ``letters`` for those of choices.
        problems: a JSONL file, items or pairs.
        max_bytes: of the prompt of a pair.

    Raises:
        ConfigError: there are both or neither, or no such task.
        DataError: no problems are held.
    """
    if problems and any(path.name == items.FILE for path in problems.files):
        if name not in ("", BY_LETTER):
            raise ConfigError(f"the items of a test are no task {name!r}", hint=f"or {BY_LETTER!r}")
        return AskedItems.among(items.items_of(problems), by_letter=name == BY_LETTER)
    if bool(name) == (problems is not None):
        raise ConfigError(
            "a task has a name or a file of problems", hint="set config.task, or give problems"
        )
    if problems is None:
        return named(name)
    if all(path.suffix == ".parquet" for shard in problems.shards for path in shard.files):
        return WholeSentences.of_pairs(problems, max_bytes)
    return of_file(only_file(problems, "problems"))


def chosen(task: Task, config: AnswersConfig) -> list[Problem]:
    """The block of problems.

    Raises:
        ConfigError: the task has no such problem.
    """
    end = config.first_problem + config.problems
    problems = task.problems(end, config.seed, config.split)[config.first_problem :]
    if not problems:
        raise ConfigError(f"{task.name} has no problem of number {config.first_problem}")
    return problems


def _room_bytes(config: AnswersConfig, job: Job) -> int | None:
    if "model" not in job.inputs:
        return None
    from bedstone.generation.writer import folder_of, shape_of

    shape = shape_of(folder_of(job.inputs["model"]))
    return prompt_max_bytes(shape.seq_len, config.max_tokens)


def part_size(problems: int, samples: int) -> int:
    """How many problems are drawn together: evenly many, and of no more rows than a batch."""
    from bedstone.generation.generate import BATCH_ROWS

    most = max(BATCH_ROWS // samples, 1)
    return math.ceil(problems / math.ceil(problems / most))


def prompt_of(problem: Problem, paraphrase: int) -> str:
    """The wording of this number."""
    return problem.prompts[paraphrase % len(problem.prompts)]


def _drawn(config: AnswersConfig, ask: Ask, problems: Sequence[Problem]) -> list[Row]:
    """The rows of a part."""
    prompts = [prompt_of(problem, config.paraphrase) for problem in problems]
    asked = [(problem.id, prompt) for problem, prompt in zip(problems, prompts, strict=True)]
    return [
        {"problem": name, "prompt": prompt, "sample": config.first_sample + number, **row}
        for (name, prompt), samples in zip(asked, ask(prompts), strict=True)
        for number, row in enumerate(samples)
    ]


def _asking(config: AnswersConfig, job: Job, task: Task, parts: Sequence[Sequence[Problem]]) -> Ask:
    """Who answers; a model whose texts are too short for one of the prompts is not asked at all."""
    if config.constrained and task.schema is None:
        raise ConfigError(f"{task.name} has no JSON schema to hold answers to")
    if ("model" in job.inputs) == ("probe" in job.inputs):
        raise ConfigError("a model or the probe of an endpoint is asked: give one of the two")
    if "probe" in job.inputs:
        if config.constrained:
            raise ConfigError("an endpoint's answers are not constrained here")
        return partial(_by_endpoint, config, job.inputs["probe"])
    from bedstone.generation.writer import folder_of, loaded

    model = job.inputs["model"]
    writer = loaded(folder_of(model), config.number_format, config.device)
    if config.ends:
        writer = replace(writer, ends=frozenset(config.ends))
    prompts = [prompt_of(each, config.paraphrase) for problems in parts for each in problems]
    ids = writer.prompt_ids(prompts, chat=config.chat)
    writer.refuse_longer(ids, config.max_tokens)
    guide = None
    if config.constrained:
        from bedstone.generation import constraint

        assert task.schema is not None
        guide = constraint.json_schema(task.schema, writer.texts, writer.ends)
    return partial(_by_model, config, writer, dict(zip(prompts, ids, strict=True)), guide)


def _by_model(
    config: AnswersConfig,
    writer: "Writer",
    ids_of: Mapping[str, list[int]],
    guide: "Callable[[], Guide] | None",
    prompts: Sequence[str],
) -> list[list[Row]]:
    from bedstone.generation.generate import Drawing

    drawing = Drawing(
        chain=parse(config.chain),
        samples=config.samples,
        max_tokens=config.max_tokens,
        stop_ids=writer.ends,
        seed=config.seed,
        guide=guide,
        first=config.first_sample,
    )
    ids = [ids_of[prompt] for prompt in prompts]
    completions = writer.complete(ids, drawing)
    return [
        [_row(writer, each, len(prompt)) for each in samples]
        for prompt, samples in zip(ids, completions, strict=True)
    ]


def _row(writer: "Writer", completion: "Completion", prompt_tokens: int) -> Row:
    return {
        "text": writer.texts.decode(completion.text_ids),
        "token_ids": completion.token_ids,
        "logprob": math.fsum(completion.logprobs),
        "sampling_logprob": math.fsum(completion.sampling_logprobs),
        "finish_reason": completion.finish_reason,
        "prompt_tokens": prompt_tokens,
        "completion_tokens": len(completion.token_ids),
        "boundary_draws": completion.boundary_draws,
    }


def _by_endpoint(config: AnswersConfig, probed: Shard, prompts: Sequence[str]) -> list[list[Row]]:
    about = read_json(probed, FILE)
    findings = Findings.read(about)
    endpoint = Endpoint.with_key(about["url"], about["model"], chat=about["chat"])
    drawing = RemoteDrawing(
        chain=parse(config.chain),
        samples=config.samples,
        max_tokens=config.max_tokens,
        seed=config.seed + BLOCK_SEED * config.first_sample,
        logprobs=findings.honours("logprobs") and findings.logprobs_of is not None,
    )
    return [
        [_row_of_sample(each) for each in samples]
        for samples in endpoint.complete(prompts, drawing, findings)
    ]


def _row_of_sample(sample: Sample) -> Row:
    return {
        "text": sample.text,
        "logprob": _sum(sample.logprobs),
        "sampling_logprob": _sum(sample.sampling_logprobs),
        "finish_reason": sample.finish_reason,
        "prompt_tokens": sample.prompt_tokens,
        "completion_tokens": sample.completion_tokens,
        "seconds": sample.seconds,
    }


def _sum(logprobs: Sequence[float] | None) -> float | None:
    return None if logprobs is None else math.fsum(logprobs)


def _metrics(table: pa.Table) -> Metrics:
    tokens = pc.sum(table["completion_tokens"]).as_py()
    return {
        "problems": pc.count_distinct(table["problem"]).as_py(),
        "completions": len(table),
        "completion_tokens": tokens,
        "cut_off_share": pc.mean(pc.equal(table["finish_reason"], "length")).as_py(),
        "boundary_draws": pc.sum(table["boundary_draws"], min_count=0).as_py(),
    }


STAGE = Stage(
    "sampling.answers",
    version=3,
    config=AnswersConfig,
    inputs=(),
    optional=("model", "probe", "questions"),
    run=run,
    libraries=("numpy", "pyarrow", "tokenizers", "torch"),
    reproducible="request",
    decided_by=("plan",),
    resolve=decide,
)
