"""`bedstone strategies`: what each way to sample a model is worth, and what it costs.

All completions are artifacts of sampling.answers, in blocks of problems by samples. Every smaller
number of samples, every selector and every budget is computed from them; what is stored is never
drawn again.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bedstone.adoption import adopt
from bedstone.artifact import Artifact, is_complete
from bedstone.auditing import Making
from bedstone.completing import chain_of
from bedstone.errors import ConfigError, DataError
from bedstone.model import hugging_face
from bedstone.model.transformer import NumberFormat
from bedstone.sampling import answers, ranking, rewards
from bedstone.sampling.chain import parse
from bedstone.sampling.comparison import (
    Budget,
    Comparison,
    Measured,
    Prices,
    Recommendation,
    Row,
    frontier,
    recommend,
    refuse_unequal,
)
from bedstone.sampling.endpoint import Asked as AskedOfEndpoint
from bedstone.sampling.endpoint import obstacles
from bedstone.sampling.evidence import Reader
from bedstone.sampling.findings import FILE, Findings
from bedstone.sampling.ranking import GREEDY, TaskEvidence
from bedstone.sampling.settings import generation_settings, write_settings
from bedstone.sampling.stored import rows_of
from bedstone.sampling.tasks import Task
from bedstone.stage import ask, find

STAGE = "sampling.answers"
TASKS = ("sums", "factoring", "reversing")
CHAINS = (
    *(f"temperature={value}" for value in (0.3, 0.7, 1)),
    *(f"top_p={value}" for value in (0.7, 0.9, 0.97)),
    *(f"min_p={value}" for value in (0.02, 0.05, 0.2)),
)
"""Equally many of each sampler: more tries win by luck."""
BLOCK_PROBLEMS, BLOCK_SAMPLES = 50, 8
MIN_PROBLEMS = 20
ALL = "all tasks"
MODEL_FILES = ("*.safetensors", "*.safetensors.index.json", "*.jinja")
MODEL_CONFIGS = ("config.json", "tokenizer.json", "tokenizer_config.json")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is compared, on what, and within which budget."""

    tasks: tuple[str, ...]
    data: tuple[Path, ...]
    chains: tuple[str, ...]
    samples: int
    problems: int
    paraphrases: int
    max_tokens: int
    seed: int
    plain: bool
    constrain: bool
    budget: Budget
    prices: Prices
    checker: bool
    reward: Path | None
    number_format: NumberFormat
    """Of a model of this machine."""

    def refuse_unusable(self) -> None:
        """Raises ConfigError where an option cannot be used."""
        least = {
            "samples": 2,
            "problems": MIN_PROBLEMS,
            "paraphrases": 1,
            "max_tokens": 1,
            "seed": 0,
        }
        for name, low in least.items():
            if (value := getattr(self, name)) < low:
                raise ConfigError(f"--{name.replace('_', '-')} {value}: {low} is the least")
        if min(self.prices[:2]) < 0:
            raise ConfigError("a price below 0: --prompt-price and --completion-price are USD")
        given = (*self.tasks, *self.data)
        if double := [each for each in given if given.count(each) > 1]:
            raise ConfigError(f"{double[0]} is given twice: its problems would count twice")
        if folders := [path for path in self.data if path.is_dir()]:
            raise ConfigError(f"--data {folders[0]} is a folder", hint="give a file of JSON lines")
        if not self.budget.limit > 0:
            raise ConfigError(f"a budget of {self.budget.limit} {self.budget.unit} buys nothing")
        if self.budget.unit == "usd" and not any(self.prices[:2]):
            raise ConfigError(
                "--budget-usd needs the prices", hint="give --prompt-price, --completion-price"
            )

    @property
    def families(self) -> dict[str, str]:
        """Chain, spelt out -> its family: the names of its samplers.

        Raises:
            ConfigError: a chain cannot be read, there is none, or one family has more than another.
        """
        families = {}
        for text in self.chains or CHAINS:
            chain = chain_of(text)
            families[str(chain)] = ", ".join(name for name, _ in chain.steps)
        families.pop(GREEDY, None)
        if not families:
            raise ConfigError("no chain is given to compare greedy with")
        tries = Counter(families.values())
        refuse_unequal([(count, family) for family, count in tries.items()])  # before any draw
        return families


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is done with the answer."""

    chart: Path | None
    write: bool
    dry_run: bool


def budget_of(tokens: float | None, seconds: float | None, usd: float | None) -> Budget:
    """What a problem may cost.

    Raises:
        ConfigError: there are several budgets.
    """
    given = {"tokens": tokens, "seconds": seconds, "usd": usd}
    told = {unit: limit for unit, limit in given.items() if limit is not None}
    if len(told) > 1:
        raise ConfigError(f"{len(told)} budgets are given", hint="give one of them")
    if tokens is not None:
        return Budget(tokens, "tokens")
    if seconds is not None:
        return Budget(seconds, "seconds")
    return Budget() if usd is None else Budget(usd, "usd")


@dataclass(frozen=True, slots=True)
class Source:
    """Who is asked."""

    inputs: Mapping[str, Artifact]
    """Of sampling.answers: the ``model``, or the ``probe`` of an endpoint."""
    ends: tuple[int, ...] = ()
    """Tokens that close a completion; none: what the model's files say."""

    @classmethod
    def of_path(cls, path: Path, store: Path) -> "Source":
        """A folder, a GGUF file or an artifact. What a folder says of sampling is not taken in.

        Raises:
            ArtifactError: there is no such thing.
        """
        if is_complete(path):
            Artifact(path).verify()
        if is_complete(path) or not (path / hugging_face.CONFIG).exists():
            return cls({"model": adopt([path], store)})
        files = [path / each for each in MODEL_CONFIGS if (path / each).exists()]
        files += [each for form in MODEL_FILES for each in sorted(path.glob(form))]
        return cls({"model": adopt(files, store)}, tuple(sorted(hugging_face.ends(path))))


@dataclass(frozen=True, slots=True)
class Block:
    """Some samples of some of a task's problems: a request of sampling.answers."""

    config: Mapping[str, Any]
    inputs: Mapping[str, Artifact]

    def made(self, making: Making) -> Artifact:
        """Drawn now, or before."""
        return making.build(STAGE, self.config, **self.inputs)

    def is_made(self, store: Path) -> bool:
        """Whether it is stored."""
        stage = find(STAGE)
        return is_complete(ask(stage, stage.config(**self.config), self.inputs).folder(store))

    @property
    def completions(self) -> int:
        """That it holds."""
        return int(self.config["problems"] * self.config["samples"])


@dataclass(frozen=True, slots=True)
class Contest:
    """A source, the tasks it is asked, and how."""

    source: Source
    asked: Asked
    making: Making
    families: Mapping[str, str]
    reward: Artifact | None
    """An aligned model that judges the answers."""

    def blocks(self, task: Task, file: Artifact | None, chain: str, paraphrase: int) -> list[Block]:
        """What is drawn of a task by a chain; greedy, one sample."""
        asked = self.asked
        whole = -(-asked.problems // BLOCK_PROBLEMS) * BLOCK_PROBLEMS
        there = len(task.problems(whole, asked.seed, "test"))
        size = 1 if chain == GREEDY else BLOCK_SAMPLES
        shared = {
            "task": "" if file else task.name,
            "chain": chain,
            "samples": size,
            "paraphrase": paraphrase,
            "max_tokens": asked.max_tokens,
            "chat": not asked.plain,
            "constrained": asked.constrain and task.schema is not None,
            "number_format": asked.number_format,
            "ends": self.source.ends,
            "seed": asked.seed,
        }
        inputs = dict(self.source.inputs) | ({"problems": file} if file else {})
        return [
            Block(
                shared
                | {
                    "first_problem": problem,
                    "problems": min(BLOCK_PROBLEMS, there - problem),
                    "first_sample": sample,
                },
                inputs,
            )
            for problem in range(0, min(asked.problems, there), BLOCK_PROBLEMS)
            for sample in range(0, 1 if chain == GREEDY else asked.samples, size)
        ]

    def tasks(self) -> Iterator[tuple[Task, Artifact | None]]:
        """Those by name, then those of files."""
        for name in self.asked.tasks or (() if self.asked.data else TASKS):
            yield answers.task_of(name, None), None
        for path in self.asked.data:
            file = adopt([path], self.making.store)
            task = answers.task_of("", file)
            if (count := len(task.problems(MIN_PROBLEMS, 0, "test"))) < MIN_PROBLEMS:
                raise DataError(
                    f"{path} holds {count} problems; {MIN_PROBLEMS} are the least",
                    hint="half of them chooses, half reports",
                )
            yield task, file

    def draws(self, task: Task, file: Artifact | None) -> dict[tuple[str, int], list[Block]]:
        """All blocks of a task, by chain and paraphrase."""
        wanted = [(GREEDY, number) for number in range(self.asked.paraphrases)]
        wanted += [(chain, 0) for chain in self.families]
        return {(chain, number): self.blocks(task, file, chain, number) for chain, number in wanted}

    def rows(self, block: Block) -> pa.Table:
        """The answers of a block, with their rewards if there is a model that gives them."""
        made = block.made(self.making)
        made.verify()  # what is judged here may have been drawn long ago
        if self.reward is None or block.config["chain"] == GREEDY:
            return rows_of(made)
        config = {"chat": not self.asked.plain, "number_format": self.asked.number_format}
        judged = self.making.build(rewards.STAGE.name, config, answers=made, model=self.reward)
        column = pq.read_table(judged.file(rewards.FILE))["reward"]
        return rows_of(made).append_column("reward", column)

    def evidence(self, task: Task, file: Artifact | None) -> TaskEvidence:
        """What the answers to a task say; what is missing is drawn."""
        asked = self.asked
        problems = task.problems(asked.problems, asked.seed, "test")
        reader = Reader(task, problems)
        found = {
            (chain, number): reader.read(
                pa.concat_tables(map(self.rows, blocks)),
                1 if chain == GREEDY else asked.samples,
            )
            for (chain, number), blocks in self.draws(task, file).items()
        }
        return TaskEvidence(
            task.name,
            [problem.id for problem in problems],
            {chain: each for (chain, number), each in found.items() if number == 0},
            tuple(found[GREEDY, number] for number in range(asked.paraphrases)),
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a task, or all together, say of the strategies."""

    task: str
    comparison: Comparison
    recommendation: Recommendation
    measures: Mapping[str, Any]


def compare(
    model: str,
    path: Path | None,
    name: str | None,
    asked: Asked,
    making: Making,
    wanted: Wanted,
) -> dict[str, Any]:
    """What ``bedstone.strategies`` returns; see ``contest``."""
    if wanted.chart and not wanted.chart.parent.is_dir():
        raise ConfigError(f"--chart {wanted.chart}: there is no folder {wanted.chart.parent}")
    held, unavailable = contest(model, path, name, asked, making)
    if wanted.write:
        for chain in held.families:
            generation_settings(parse(chain))  # refused now, not after all is drawn
    about = {"model": model, "unavailable": unavailable, "probe": _findings(held)}
    if wanted.dry_run:
        return about | cost(held)
    found = verdicts(held)
    answer = about | {"tasks": [told(verdict) for verdict in found]}
    if wanted.chart:
        from bedstone.reporting.charts import standalone
        from bedstone.reporting.strategies import accuracy_chart

        drawn = standalone(accuracy_chart(found[-1].comparison.rows))
        wanted.chart.write_text(drawn + "\n", "utf-8")
    if wanted.write and path is not None:
        answer["written"] = str(write(path, found[-1]))
    return answer


def contest(
    model: str, path: Path | None, name: str | None, asked: Asked, making: Making
) -> tuple[Contest, dict[str, list[str]]]:
    """Who is asked what, and the chains that an endpoint cannot apply with the reasons.

    Args:
        model: the endpoint's URL, if there is no ``path``.
        path: of a model on this machine.
        name: of the model at the endpoint.
        asked: what is compared.
        making: where answers are stored.

    Raises:
        ConfigError: an option cannot be used, or the endpoint cannot even draw greedily.
    """
    asked.refuse_unusable()
    families = asked.families
    reward = None if asked.reward is None else adopt([asked.reward], making.store)
    if path is not None:
        return Contest(Source.of_path(path, making.store), asked, making, families, reward), {}
    if name is None:
        raise ConfigError("an endpoint has models by name", hint="give --endpoint-model NAME")
    config = {"url": model, "model": name, "chat": not asked.plain}
    source = Source({"probe": making.build("sampling.probe", config)})
    findings = Findings.read(source.inputs["probe"].file(FILE).read_text("utf-8"))
    hindered = {}
    for chain in (GREEDY, *families):
        samples = 1 if chain == GREEDY else BLOCK_SAMPLES
        wanted = AskedOfEndpoint(parse(chain), samples, asked.max_tokens, asked.seed)
        if reasons := obstacles(wanted, findings):
            hindered[chain] = reasons
    if GREEDY in hindered:
        raise ConfigError(f"{model} cannot be compared: {'; '.join(hindered[GREEDY])}")
    # What hinders one chain of a family hinders all: a chain's values make no difference to it.
    usable = {chain: family for chain, family in families.items() if chain not in hindered}
    if not usable:
        told = "; ".join(f"{chain}: {', '.join(each)}" for chain, each in hindered.items())
        raise ConfigError(f"{model} can apply none of the chains: {told}")
    return Contest(source, asked, making, usable, reward), hindered


def verdicts(held: Contest) -> list[Verdict]:
    """Of each task, and of all together where there are several; what is missing is drawn.

    Raises:
        ConfigError: a half of the problems is too small, or there is no such task.
        DataError: a file holds no problems, or too few.
    """
    asked = held.asked
    found: list[tuple[TaskEvidence, list[Measured]]] = []
    for task, file in list(held.tasks()):  # so that all are usable before one is asked
        evidence = held.evidence(task, file)
        held.making.progress.named(task.name).say("comparing the strategies")
        found.append((evidence, ranking.measured(evidence, held.families)))
    told = [
        _verdict(each.task, measured, each.problem_ids, asked, ranking.measures(each))
        for each, measured in found
    ]
    if len(found) > 1:
        ids = [name for each, _ in found for name in each.problem_ids]
        together = ranking.pooled([measured for _, measured in found])
        told.append(_verdict(ALL, together, ids, asked, {}))
    return told


def cost(held: Contest) -> dict[str, Any]:
    """What a run would draw, at most, and what is stored; nothing is drawn."""
    missing = stored_count = 0
    for task, file in held.tasks():
        for blocks in held.draws(task, file).values():
            for block in blocks:
                if block.is_made(held.making.store):
                    stored_count += block.completions
                else:
                    missing += block.completions
    tokens = missing * held.asked.max_tokens
    return {
        "completions_stored": stored_count,
        "completions_to_draw": missing,
        "completion_tokens_at_most": tokens,
        "usd_at_most": held.asked.prices.completion_usd * tokens / 1e6,
    }


def told(verdict: Verdict) -> dict[str, Any]:
    """As JSON."""
    rows = verdict.comparison.rows
    kept = frontier([row.cost.tokens for row in rows], [row.accuracy.value for row in rows])
    return {
        "task": verdict.task,
        "problems": rows[0].accuracy.n,
        "strategies": [
            _row(row) | {"on_frontier": bool(on)} for row, on in zip(rows, kept, strict=True)
        ],
        "measures": dict(verdict.measures),
        "recommendation": _recommendation(verdict.recommendation),
    }


def write(folder: Path, verdict: Verdict) -> Path:
    """Put the recommended chain into the folder's ``generation_config.json``.

    Raises:
        ConfigError: the chain is none that transformers could apply.
    """
    best = verdict.recommendation.best
    strategy = (best or verdict.comparison.rows[0]).strategy
    return write_settings(folder, parse(strategy.chain), strategy.samples)


def refuse_unwritable(path: Path | None) -> None:
    """Raises ConfigError where there is no folder whose settings could change."""
    if path is None or is_complete(path) or not (path / hugging_face.CONFIG).exists():
        raise ConfigError(
            "--write: there is no folder whose settings could change",
            hint="an artifact stays as it is: copy its files to a folder first",
        )


def _findings(held: Contest) -> dict[str, Any] | None:
    if "probe" not in held.source.inputs:
        return None
    text = held.source.inputs["probe"].file(FILE).read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def _verdict(
    task: str,
    measured: Sequence[Measured],
    problem_ids: Sequence[str],
    asked: Asked,
    measures: Mapping[str, Any],
) -> Verdict:
    found = ranking.comparison(measured, problem_ids, asked.prices, asked.seed)
    best = recommend(
        found,
        asked.budget,
        with_checker=asked.checker,
        with_reward=asked.reward is not None,
    )
    return Verdict(task, found, best, measures)


def _row(row: Row) -> dict[str, Any]:
    strategy = row.strategy
    return {
        "strategy": str(strategy),
        "family": strategy.family,
        "chain": strategy.chain,
        "samples": strategy.samples,
        "selector": strategy.selector,
        "stop": strategy.stop,
        "development_accuracy": row.development_accuracy,
        **row.accuracy.metrics("accuracy", "share"),
        **row.gain.metrics("gain", "share"),
        "p_value": row.p_value,
        "adjusted_p": row.adjusted_p,
        **row.cost._asdict(),
    }


def _recommendation(found: Recommendation) -> dict[str, Any]:
    return {
        "strategy": None if found.best is None else str(found.best.strategy),
        "sentence": str(found),
        "alike": [str(row.strategy) for row in found.alike],
        "cheapest": str(found.cheapest.strategy),
    }
