"""`bedstone evaluate`: what is asked, what came of it, and what the other model made of it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from bedstone.errors import ConfigError
from bedstone.evaluation.inquiry import summary
from bedstone.evaluation.inquiry.asking import Asked, Asking, Known, Suite, known_text, suites_of
from bedstone.evaluation.inquiry.expense import expenses
from bedstone.evaluation.pivot.detour import Wanted as Detour
from bedstone.evaluation.pivot.detour import foreseen, pivoted
from bedstone.evaluation.standing import told
from bedstone.evaluation.suites.others import samples_of
from bedstone.evaluation.verdicts.gaps import paired_models
from bedstone.evaluation.verdicts.outcomes import Outcome, outcomes
from bedstone.generation.complete import chain_of
from bedstone.sampling.source import Source
from bedstone.store.artifact import Artifact
from bedstone.store.making import Making
from bedstone.store.provenance import core_count
from bedstone.tasks.asked import BY_LETTER

Row = dict[str, Any]
SAMPLES = ".jsonl"
"""Of a run that lm-evaluation-harness logged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Of whom, and what besides."""

    path: Path | None
    """Of a model on this machine; None of an endpoint."""
    endpoint_model: str | None
    corpus: Artifact | None
    against: Path | None
    pivot: str | None
    translator: str | None
    dry_run: bool

    def refuse_unusable(self, asked: Asked) -> None:
        """Raises ConfigError where an option cannot be used."""
        if self.path is None and self.endpoint_model is None:
            raise ConfigError("an endpoint has models by name", hint="give --endpoint-model NAME")
        if self.path is not None and self.endpoint_model is not None:
            raise ConfigError(
                f"--endpoint-model {self.endpoint_model}: the model is none of an endpoint"
            )
        if (self.pivot is None) != (self.translator is None):
            missing = "--translator self" if self.translator is None else "--pivot eng"
            raise ConfigError("a detour needs a language and a translator", hint=f"give {missing}")
        if not all(0 <= price < math.inf for price in asked.prices[:2]):
            raise ConfigError("--prompt-price and --completion-price are USD, 0 or more")
        chain_of(asked.chain)
        if asked.samples > 1 and asked.chain == "greedy":
            raise ConfigError(
                f"--samples {asked.samples} of greedy are all the same",
                hint="--chain temperature=1",
            )


def evaluated(model: str, wanted: Wanted, asked: Asked, making: Making) -> Row:
    """What ``bedstone.evaluate`` returns.

    Raises:
        ConfigError: an option cannot be used.
        ArtifactError: there is no such model.
        DataError: a file holds no items.
    """
    wanted.refuse_unusable(asked)
    if wanted.path is not None:
        source = Source.of_path(wanted.path, making.store)
    else:
        name = str(wanted.endpoint_model)
        source = Source.of_url(model, name, making, chat=not asked.plain)
    asking = Asking(source, asked, making)
    suites = suites_of(asked, making)
    if wanted.dry_run:
        return _cost(model, asking, suites, wanted)
    known = known_text(source, wanted.corpus)
    other = None if wanted.against is None else _other(wanted.against, asked, making, suites)
    shares = summary.train_shares(wanted.corpus or source.inputs.get("model"))
    return {
        "model": model,
        "probe": source.probed,
        "documents": None if known is None else str(known.documents.path),
        "suites": [row for suite in suites for row in _told(asking, suite, known, shares, other)],
        "pivot": [_detour(asking, suite, wanted) for suite in suites] if wanted.pivot else [],
        "warnings": [*asking.left_out(suites), *(() if known is None else known.warnings)],
    }


def _told(
    asking: Asking,
    suite: Suite,
    known: Known | None,
    shares: Mapping[str, float],
    other: Sequence[Outcome] | None,
) -> Iterator[Row]:
    """What is said of each suite that an artifact holds."""
    seen = None if known is None else asking.grades(suite, known)
    rows = told(asking.standing(suite), seen)
    tables = asking.tables(suite)
    spent = expenses(suite.items, tables, asking.asked.prices, asking.pace())
    own = [] if other is None else _outcomes(suite, tables)
    for row in rows:
        name = row["name"]
        if row["judged_from"] == "answers" and any(
            it.choices for it in suite.items if it.suite == name
        ):
            row["metric"] = BY_LETTER
        languages = [
            summary.beside(each, spent.get((name, each["language"])), shares)
            for each in row["languages"]
        ]
        sign = 1 if row["metric"] == "bits" else -1  # of bits the fewest are best
        languages.sort(key=lambda each: (sign * each["score"], each["language"]))
        yield row | {
            "languages": languages,
            "correlations": summary.correlations(languages),
            "against": None if other is None else _against(name, other, own, asking.asked.seed),
            "warnings": list(summary.warnings(name, languages)),
        }


def _outcomes(suite: Suite, tables: Sequence[pa.Table]) -> list[Outcome]:
    return [each for table in tables for each in outcomes(suite.items, table)]


def _against(
    name: str, other: Sequence[Outcome], own: Sequence[Outcome], seed: int
) -> dict[str, Row]:
    """How far the model is above the other one, by language."""
    before, after = ([it for it in those if it.item.suite == name] for those in (other, own))
    gaps = paired_models(before, after, seed) if before else {}
    return {key: asdict(gap) for key, gap in gaps.items()}


def _other(path: Path, asked: Asked, making: Making, suites: Sequence[Suite]) -> list[Outcome]:
    """What another model made of the items: asked now, or logged by who did.

    Raises:
        ConfigError: what was logged is about none of the items.
    """
    if path.suffix != SAMPLES:
        asking = Asking(Source.of_path(path, making.store), asked, making)
        return [it for suite in suites for it in _outcomes(suite, asking.tables(suite))]
    run = samples_of(path)
    if not {it.id for it in run.items} & {it.id for suite in suites for it in suite.items}:
        raise ConfigError(
            f"--against {path}: it is about none of the suites' items",
            hint="an item of a harness's task has its id where the task's YAML is the suite",
        )
    return outcomes(run.items, run.table)


def _cost(model: str, asking: Asking, suites: Sequence[Suite], wanted: Wanted) -> Row:
    cost = {"model": model, "suites": [suite.name for suite in suites]} | asking.cost(suites)
    asks = wanted.pivot is not None
    detours = [foreseen(it.artifact, _wanted(asking, wanted)) for it in suites] if asks else []
    return cost | {"pivot": detours}


def _detour(asking: Asking, suite: Suite, wanted: Wanted) -> Row:
    return pivoted(
        asking.source,
        suite.artifact,
        _wanted(asking, wanted),
        asking.making,
        lambda items: list(asking.made(Suite(items)).values()),
    )


def _wanted(asking: Asking, wanted: Wanted) -> Detour:
    asked = asking.asked
    return Detour(
        pivot=str(wanted.pivot),
        translator=str(wanted.translator),
        chat=not asked.plain,
        pace=asking.pace(),
        how={**asked.how, "threads": core_count()},
        prices=asked.prices,
        seed=asked.seed,
    )
