"""Stage evaluation.standing: what the outcomes of a test say of a model, and how surely.

Reads   ``items``; of these items ``scores`` (of evaluation.scores), ``answers`` or ``letters``
        (of sampling.answers, of items without choices and of those with several), or some of them
Writes  ``verdicts.parquet``, a row for each measure: ``suite``, ``metric``, ``language`` (null:
        all together), ``domain`` (null: of any), ``measure``, ``value``, ``low`` and ``high``
        (95 %; null of too few items, or of equal ones), ``n`` (that are independent); where it
        compares ``p``, ``p_adjusted`` (Holm, over the languages), ``gains``, ``losses``,
        ``detectable`` (the least difference that so many would tell in 80 of 100 tests)
        ``suites.json``: ``suite``, ``metric``, ``judged_from`` (scores or answers), ``worst`` (the
        worst language, beside the worst of as many equal ones), ``told_apart`` (pairs of languages)
        ``outcomes.parquet``, a row for each item and sample: what came of it, ``part`` (how far it
        is right; of a text bits) over ``whole`` (1; of a text bytes)

Items with choices are judged by their scores where there are some, else by the letter that an
answer names. Contents are paired by ``parallel_id``, and drawn again by ``passage_id``. Measures:

* ``score``; ``gap_to_english``, of texts ``bits_over_english``; of answers ``unread``
* of choices ``acc_bytes``, ``acc``, ``acc_chars``, ``acc_pmi``; ``chance``, ``longest_choice`` and
  ``answer_only``, and how far the score is ``over_`` each; ``calibration_error`` and that
  ``_by_chance``, ``is_miscalibrated``, ``brier``, ``auroc``: of what a choice has of the summed
  probabilities of all, however it is taken
* of several samples, or wordings, ``agreement_of_`` them, that ``_by_chance``, ``all_right_of_``
* where abstaining may be right ``answered``, ``right_of_answered``, ``answered_without_fact``,
  ``abstained``, and ``scored``: wrong answers cost
* of answers ``lines_in_language``, ``words_in_script``, ``language_unknown``, and the same of the
  test's ``own_`` text, which shows what the identifier gets wrong
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from bedstone.config import Config
from bedstone.corpus.identification.identifiers import identifier
from bedstone.corpus.overlap.items import SEEN_SHARE
from bedstone.errors import ArtifactError
from bedstone.evaluation.verdicts.gaps import ranks, scores
from bedstone.evaluation.verdicts.panels import Measured, panel_of
from bedstone.evaluation.verdicts.rows import (
    Evidence,
    domain_rows,
    evidences,
    language_rows,
    suite_row,
)
from bedstone.generation.foresight import Foreseen, Known
from bedstone.languages import ENGLISH
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.store.payload import read_json, write_json
from bedstone.store.stage import Job, Result, Stage
from bedstone.tasks.items import SCHEMA, Item, items_of
from bedstone.tasks.stored import rows_of

Row = dict[str, Any]
FILE = "suites.json"
UNKNOWN = "unknown"
"""What is said of items, where nobody looked for them in the training text."""
OF_SUITE = ("suite", "metric")
OF_ITEM = (*OF_SUITE, "id", "language", "parallel_id", "passage_id", "domain")


class StandingConfig(Config):
    """By what the outcomes are judged."""

    threshold: float = Field(default=0.5, ge=0, le=0.99)
    """How sure one should be to answer: a wrong answer costs t / (1 - t) right ones."""
    identifier: Literal["pycld2", "py3langid"] = "pycld2"
    """Who says in which language an answer is."""
    seed: int = Field(default=0, ge=0)
    """Of the resampling."""


def run(config: StandingConfig, job: Job) -> Result:
    """Judge each suite.

    Raises:
        ArtifactError: there are neither scores nor answers.
        DataError: the scores lack an item.
    """
    scored = rows_of(job.inputs["scores"]) if "scores" in job.inputs else None
    drawn = [rows_of(job.inputs[role]) for role in ("answers", "letters") if role in job.inputs]
    answers = pa.concat_tables(drawn) if drawn else None
    if scored is None and answers is None:
        raise ArtifactError("there are neither scores nor answers", hint="give one, or both")
    find, seed = identifier(config.identifier), config.seed
    verdicts, suites, came = list[Row](), list[Row](), list[Row]()
    found = list(evidences(list(items_of(job.inputs["items"])), scored, answers))
    with job.progress.task("suites", len(found)) as task:
        for evidence in found:
            named = {"suite": evidence.suite, "metric": evidence.metric}
            rows = [*language_rows(evidence, config.threshold, find, seed)]
            verdicts += [named | row for row in (*rows, *domain_rows(evidence, seed))]
            suites.append(named | suite_row(evidence, seed))
            came += _outcome_rows(evidence)
            task.advance(1)
    tables.write(job, "verdicts.parquet", pa.Table.from_pylist(verdicts, VERDICTS))
    tables.write(job, "outcomes.parquet", pa.Table.from_pylist(came, OUTCOMES))
    write_json(job, FILE, suites)
    return Result(
        {
            "suites": len(suites),
            "languages": len({row["language"] for row in came}),
            "judged_items": len({row["id"] for row in came}),
            "unread_share": sum(not row["is_read"] for row in came) / max(len(came), 1),
        }
    )


def foresee(config: StandingConfig, known: Known) -> Foreseen:
    """It reads what a model has said; none is asked."""
    return Foreseen()


def told(standing: Shard, grades: Mapping[str, Row] | None = None) -> list[Row]:
    """What the stage says, suite by suite, as JSON has it.

    Args:
        standing: what the stage has written.
        grades: of each item, as ``corpus.overlap.grades.graded``; None where the training text is
            not known.
    """
    rows = defaultdict[tuple[str, ...], list[Row]](list)
    for file in ("verdicts", "outcomes"):
        for row in pq.read_table(standing.file(f"{file}.parquet")).to_pylist():
            rows[file, row["suite"], row["metric"]].append(row)
    names = [(it, (it["suite"], it["metric"])) for it in read_json(standing, FILE)]
    return [_suite(it, rows["verdicts", *at], rows["outcomes", *at], grades) for it, at in names]


def _suite(
    suite: Row, verdicts: Sequence[Row], came: Sequence[Row], grades: Mapping[str, Row] | None
) -> Row:
    measures = defaultdict[tuple[str | None, str | None], dict[str, Row]](dict)
    for row in verdicts:
        numbers = {name: row[name] for name in NUMBERS if name in SHOWN or row[name] is not None}
        measures[row["domain"], row["language"]][row["measure"]] = numbers
    items = {row["id"]: row["language"] for row in came}
    languages = sorted(set(items.values()))
    apart = [(pair["better"], pair["worse"]) for pair in suite["told_apart"] or ()]
    rank = ranks(languages, apart) if suite["worst"] else {}
    seen = _seen(came, grades)
    told_of = [
        {
            "language": name,
            "items": list(items.values()).count(name),
            **_standing(measures[None, name]),
            "rank": rank.get(name),
            **seen[name],
        }
        for name in languages
    ]
    return {
        "name": suite["suite"],
        **{name: suite[name] for name in ("metric", "judged_from", "worst", "told_apart")},
        "languages": _best_first(told_of, suite["metric"]),
        "domains": [
            {"domain": domain, "language": name, **_score(those)}
            for (domain, name), those in measures.items()
            if domain is not None
        ],
    }


def compared_by(row: Row, metric: str) -> float | None:
    """By what a language's row is compared with others': the score, or of texts bits over English.

    None where nothing compares them: of chrF, and of texts without those of English.
    """
    if metric == "chrf":
        return None
    if metric != "bits":
        return float(row["score"])
    if row["language"] == ENGLISH:
        return 1.0
    return row["bits_over_english"] and float(row["bits_over_english"]["value"])


def _best_first(rows: Sequence[Row], metric: str) -> list[Row]:
    """What is not compared comes last, by name."""
    sign = 1 if metric == "bits" else -1  # of bits the fewest are best

    def place(row: Row) -> tuple[bool, float, str]:
        value = compared_by(row, metric)
        return value is None, sign * (value or 0.0), row["language"]

    return sorted(rows, key=place)


def _score(measures: Mapping[str, Row]) -> Row:
    score = dict(measures["score"])
    compared = {name: measures.get(name) for name in ("gap_to_english", "bits_over_english")}
    return {"score": score.pop("value"), **score, **compared}


def _standing(measures: Mapping[str, Row]) -> Row:
    over = [gap["low"] for name, gap in measures.items() if name.startswith("over_")]
    return {
        **_score(measures),
        **{name: measures.get(name, {}).get("value") for name in ("chance", "answer_only")},
        "exceeds_baselines": None if None in over or not over else min(over) > 0,
        "measures": {name: it for name, it in measures.items() if name not in TOP},
    }


def _seen(came: Sequence[Row], grades: Mapping[str, Row] | None) -> dict[str, Row]:
    """What of each language's items the training text holds, and the score of those it does not."""
    languages = sorted({row["language"] for row in came})
    if grades is None:
        return {name: dict.fromkeys(SEEN, UNKNOWN) for name in languages}
    clean = panel_of(
        Measured(Item(**{name: row[name] for name in OF_ITEM}), row["part"], row["whole"])
        for row in came
        if grades[row["id"]]["grade"] == "clean"
    )
    score = dict(zip(clean.columns, map(asdict, scores(clean, 0)), strict=True))
    found = {}
    for name in languages:
        its = [grades[each] for each in {row["id"] for row in came if row["language"] == name}]
        can_tell = [it for it in its if it["grade"] != "too short to tell"]
        answers = [(it["answer_seen_share"] or 0) >= SEEN_SHARE for it in can_tell]
        seen = [it["grade"] == "seen" for it in can_tell]
        values = (_share(seen), _share(answers), 1 - len(can_tell) / len(its), score.get(name))
        found[name] = dict(zip(SEEN, values, strict=True))
    return found


def _share(those: Sequence[bool]) -> float | None:
    return fmean(those) if those else None


def _outcome_rows(evidence: Evidence) -> Iterator[Row]:
    text = {"chosen": None, "answer": None, "is_read": True, "confidence": None, "sample": 0}
    for each, of in zip(evidence.measured, (*evidence.outcomes, *evidence.texts), strict=True):
        row = {name: getattr(each.item, name) for name in OF_ITEM}
        row |= {name: getattr(of, name, value) for name, value in text.items()}
        yield row | {"part": each.part, "whole": each.whole}


INTEGERS = ("n", "gains", "losses")
NUMBERS = ("value", "low", "high", "n", "p", "p_adjusted", "gains", "losses", "detectable")
SHOWN = ("value", "low", "high", "n")
"""Also where they are null."""
TOP = ("score", "gap_to_english", "bits_over_english", "chance")
"""Measures that stand by themselves in the JSON."""
SEEN = ("seen_share", "seen_answer_share", "too_short_share", "accuracy_clean")
VERDICTS = pa.schema(
    [
        *((name, pa.string()) for name in ("suite", "metric", "language", "domain", "measure")),
        *((name, pa.int64() if name in INTEGERS else pa.float64()) for name in NUMBERS),
    ]
)
OUTCOMES = pa.schema(
    [
        *(SCHEMA.field(name) for name in OF_ITEM),
        *(("sample", pa.int32()), ("part", pa.float64()), ("whole", pa.float64())),
        *(("chosen", pa.int32()), ("answer", pa.large_string()), ("is_read", pa.bool_())),
        ("confidence", pa.float64()),
    ]
)

STAGE = Stage(
    "evaluation.standing",
    version=1,
    config=StandingConfig,
    inputs=("items",),
    optional=("scores", "answers", "letters"),
    run=run,
    libraries=("numpy", "py3langid", "pyarrow", "pycld2", "sacrebleu"),
)
