"""`bedstone evaluate`: what is asked, what came of it, and what the other model made of it."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bedstone.errors import ConfigError, number_of
from bedstone.evaluation.inquiry import summary
from bedstone.evaluation.inquiry.asking import Asked, Asking, Suite, suites_of
from bedstone.evaluation.inquiry.expense import expenses
from bedstone.evaluation.pivot.detour import pivoted
from bedstone.evaluation.pivot.forecast import foreseen
from bedstone.evaluation.pivot.wanted import Translating, Wanted
from bedstone.evaluation.standing import told
from bedstone.evaluation.suites.naming import key_of
from bedstone.evaluation.suites.others import samples_of
from bedstone.evaluation.verdicts.gaps import paired_models
from bedstone.evaluation.verdicts.outcomes import Outcome, outcomes
from bedstone.sampling.source import Source
from bedstone.store.artifact import Artifact
from bedstone.store.lineage import documents_behind
from bedstone.store.making import Making
from bedstone.store.provenance import core_count
from bedstone.tasks.asked import BY_LETTER

Row = dict[str, Any]
SAMPLES = ".jsonl"
"""Of a run that lm-evaluation-harness logged."""


def evaluated(model: str, asked: Asked, making: Making) -> Row:
    """What ``bedstone.evaluate`` returns.

    Raises:
        ConfigError: an option cannot be used.
        ArtifactError: there is no such model.
        DataError: a file holds no items.
    """
    asked.refuse_unusable()
    if asked.path is not None:
        source = Source.of_path(asked.path, making.store)
    else:
        source = Source.of_url(model, str(asked.endpoint_model), making, chat=not asked.plain)
    asking = Asking(source, asked, making)
    suites = suites_of(asked, making)
    detour = _detour(asking) if asked.pivot else None
    if detour:
        detour.refuse_unusable([suite.artifact for suite in suites])
    if asked.dry_run:
        cost = {"model": model, "suites": [suite.name for suite in suites]} | asking.cost(suites)
        return cost | {"pivot": [_foreseen(asking, suite, detour) for suite in suites if detour]}
    text, kept, warnings = None, None, list[str]()
    corpus = asked.corpus or source.inputs.get("model")
    if corpus and (behind := documents_behind(corpus)):
        text, kept, warnings = behind
    elif asked.corpus:
        where = asked.corpus.path
        raise ConfigError(f"--corpus {where}: behind it there are no documents in its store")
    other = None if asked.against is None else _other(asked.against, asking, suites)
    shares = summary.train_shares(corpus)
    rows = list[Row]()
    for suite in suites:
        grades, detector = asking.grades(suite, text, kept) if text else (None, None)
        told_rows = _told(asking, suite, grades, shares, other)
        rows += [row | {"detector": detector} for row in told_rows]
    texts = sum(len(item.choices) == 1 for suite in suites for item in suite.items)
    if texts and not asking.scores_texts:
        left_out = f"{number_of(texts, 'text')} left out: the endpoint tells no bits of one"
        warnings = [left_out, *warnings]
    wanted = {key_of(each) or each for each in asked.languages}
    for suite in suites:
        if absent := sorted(wanted - {item.language for item in suite.items}):
            warnings = [f"{suite.name} has no item in {', '.join(absent)}", *warnings]
    return {
        "model": model,
        "probe": source.probed,
        "documents": str(text.path) if text else None,
        "suites": rows,
        "pivot": [_pivoted(asking, suite, detour) for suite in suites if detour],
        "warnings": warnings,
    }


def _told(
    asking: Asking,
    suite: Suite,
    grades: Mapping[str, Row] | None,
    shares: Mapping[str, float],
    other: Sequence[Outcome] | None,
) -> Iterator[Row]:
    """What is said of each suite that an artifact holds."""
    tables = asking.tables(suite)
    spent = expenses(suite.items, tables, asking.asked.prices, asking.pace(), asking.encode)
    own = [each for table in tables for each in outcomes(suite.items, table)] if other else []
    for row in told(asking.standing(suite), grades):
        at = row["name"], row["metric"]
        items = {it.id: it for it in suite.items if (it.suite, it.metric) == at}
        if row["judged_from"] == "answers" and any(it.choices for it in items.values()):
            row["metric"] = BY_LETTER
        languages = [
            summary.beside(each, spent[*at, each["language"]], shares) for each in row["languages"]
        ]
        yield row | {
            "languages": languages,
            "correlations": summary.correlations(languages, row["metric"]),
            "against": None if other is None else _against(items, other, own, asking.asked.seed),
            "warnings": [
                *summary.warnings(row["name"], languages),
                *summary.marks([*items.values()], tables),
            ],
        }


def _against(
    among: Container[str], other: Sequence[Outcome], own: Sequence[Outcome], seed: int
) -> dict[str, Row]:
    """How far the model is above the other one, by language."""
    before, after = ([it for it in those if it.item.id in among] for those in (other, own))
    gaps = paired_models(before, after, seed) if before else {}
    return {key: asdict(gap) for key, gap in gaps.items()}


def _other(path: Path, asking: Asking, suites: Sequence[Suite]) -> list[Outcome]:
    """What another model made of the items: asked now, or logged by who did.

    Raises:
        ConfigError: what was logged is about none of the items.
    """
    if path.suffix != SAMPLES:
        source = Source.of_path(path, asking.making.store)
        other = Asking(source, asking.asked, asking.making)
        tables = [(suite, table) for suite in suites for table in other.tables(suite)]
        return [it for suite, table in tables for it in outcomes(suite.items, table)]
    run = samples_of(path)
    if not {it.id for it in run.items} & {it.id for suite in suites for it in suite.items}:
        raise ConfigError(
            f"--against {path}: it is about none of the suites' items",
            hint="an item of a harness's task has its id where the task's YAML is the suite",
        )
    return outcomes(run.items, run.table)


def _pivoted(asking: Asking, suite: Suite, detour: Translating) -> Row:
    def ask(items: Artifact) -> list[Artifact]:
        return list(asking.made(Suite(items)).values())

    return pivoted(detour, suite.artifact, ask, asking.pace())


def _foreseen(asking: Asking, suite: Suite, detour: Translating) -> Row:
    def cost(items: Artifact) -> Row:
        return asking.cost([Suite(items)])

    return foreseen(detour, suite.artifact, cost, asking.pace())


def _detour(asking: Asking) -> Translating:
    asked = asking.asked
    wanted = Wanted(
        pivot=str(asked.pivot),
        translator=str(asked.translator),
        chat=not asked.plain,
        how={**asked.how, "threads": core_count()},
        prices=asked.prices,
        seed=asked.seed,
    )
    return Translating(asking.source, wanted, asking.making)
