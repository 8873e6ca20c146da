"""`bedstone strategies`: what each way to sample a model is worth, and what it costs.

Every number of samples, selector and budget is computed from the stored answers; see ``contest``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bedstone.errors import ConfigError
from bedstone.generation.chain import parse
from bedstone.generation.settings import generation_settings, write_settings
from bedstone.model import hugging_face
from bedstone.progress import Progress
from bedstone.sampling.answers import part_size
from bedstone.sampling.choosing import ranking
from bedstone.sampling.choosing.comparison import (
    Comparison,
    Measured,
    Recommendation,
    Row,
    frontier,
    recommend,
)
from bedstone.sampling.choosing.ranking import TaskEvidence
from bedstone.sampling.contest.contest import Block, Contest, contest
from bedstone.sampling.contest.questions import Asked, Questions
from bedstone.store.artifact import is_complete
from bedstone.store.making import Making
from bedstone.store.provenance import core_count

ALL = "all tasks"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is done with the answer."""

    write: bool
    dry_run: bool


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
) -> tuple[dict[str, Any], Sequence[Row]]:
    """What ``bedstone.strategies`` returns, and the last comparison's rows; see ``contest``."""
    held, unavailable = contest(model, path, name, asked, making)
    if wanted.write:
        for chain in held.families:
            generation_settings(parse(chain))  # refused now, not after all is drawn
    about = {
        "model": model,
        "budget_unit": asked.budget.unit,
        "unavailable": unavailable,
        "probe": held.source.probed,
    }
    if wanted.dry_run:
        return about | cost(held), ()
    found = verdicts(held, making.progress)
    answer = about | {"tasks": [told(verdict) for verdict in found]}
    if wanted.write and path is not None:
        answer["written"] = str(write(path, found[-1]))
    return answer, found[-1].comparison.rows


def verdicts(held: Contest, progress: Progress) -> list[Verdict]:
    """Of each task, and of all together where there are several; what is missing is drawn.

    Raises:
        ConfigError: a half of the problems is too small.
    """
    total = sum(block.completions for _, block in held.blocks())
    with progress.named("strategies").task("completions", total) as shown:
        evidence = [held.evidence(each, shown.advance) for each in held.questions]
    found: list[tuple[TaskEvidence, list[Measured]]] = []
    for each in evidence:
        progress.named(each.task).say("comparing the strategies")
        found.append((each, ranking.measured(each, held.families)))
    told = [
        _verdict(each.task, measured, each.problem_ids, held.asked, ranking.measures(each))
        for each, measured in found
    ]
    if len(found) > 1:
        ids = [name for each in evidence for name in each.problem_ids]
        together = ranking.pooled([measured for _, measured in found])
        told.append(_verdict(ALL, together, ids, held.asked, {}))
    return told


def cost(held: Contest) -> dict[str, Any]:
    """What a run would draw, at most, and what is stored; no answer is drawn."""
    missing = held.missing()
    to_draw = sum(block.completions for _, block in missing)
    tokens = to_draw * held.asked.max_tokens
    return {
        "completions_stored": sum(block.completions for _, block in held.blocks()) - to_draw,
        "completions_to_draw": to_draw,
        "completion_tokens_at_most": tokens,
        "seconds_about": None if held.source.path is None else _seconds(held, missing),
        "usd_at_most": held.asked.prices.completion_usd * tokens / 1e6,
    }


def _seconds(held: Contest, missing: Sequence[tuple[Questions, Block]]) -> float:
    """About how long a model of this machine draws what is missing, each text at its longest.

    By its pace at temperature 1; other samplers, storing and comparing come on top.
    """
    pace = cache(held.pace)
    seconds = 0.0
    for (_, block), ids in zip(missing, held.prompt_ids(missing), strict=True):
        samples = block.config["samples"]
        size = part_size(len(ids), samples)
        parts = [ids[start : start + size] for start in range(0, len(ids), size)]
        for part in parts:
            rows = pace(len(part) * samples)
            seconds += rows.seconds(sum(map(len, part)), held.asked.max_tokens)
    return seconds / max(min(held.making.engine.workers, len(missing), core_count()), 1)


def told(verdict: Verdict) -> dict[str, Any]:
    """As JSON."""
    rows = verdict.comparison.rows
    kept = frontier([row.cost.tokens for row in rows], [row.accuracy.value for row in rows])
    return {
        "task": verdict.task,
        "problems": rows[0].accuracy.n,
        "strategies": [
            row.told() | {"on_frontier": bool(on)} for row, on in zip(rows, kept, strict=True)
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
    return write_settings(folder, parse(strategy.chain))


def refuse_unwritable(path: Path | None) -> None:
    """Raises ConfigError where there is no folder whose settings could change."""
    if path is None or is_complete(path) or not (path / hugging_face.CONFIG).exists():
        raise ConfigError(
            "--write: there is no folder whose settings could change",
            hint="an artifact stays as it is: copy its files to a folder first",
        )


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


def _recommendation(found: Recommendation) -> dict[str, Any]:
    return {
        "strategy": None if found.best is None else str(found.best.strategy),
        "sentence": str(found),
        "alike": [str(row.strategy) for row in found.alike],
        "cheapest": str(found.cheapest.strategy),
    }
