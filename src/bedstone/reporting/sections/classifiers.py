"""The report's section about classifiers: how well they tell apart, and by what."""

import json
from collections.abc import Iterable
from typing import Any

from bedstone.corpus.classifiers.quality import left_out
from bedstone.errors import printable
from bedstone.reporting import charts
from bedstone.reporting.axes import Axis
from bedstone.reporting.charts import Dot
from bedstone.reporting.family import Family
from bedstone.reporting.section import Figure, Row, Section, Table, tabled
from bedstone.reporting.wording import count, language_labels, percent
from bedstone.store.artifact import Artifact

SHOWN = 12
"""N-grams of each kind, languages, sites."""
NONE = "–"
ABSTAINED, DOCUMENTS = "abstained.", "_documents"
LARGE_LOSS = 0.05
"""Of AUC, without the n-grams of sites: beyond it a sentence says so. Our choice."""
SCORE = Axis("mean score of what was held out", low=0, high=1)


def classifiers(family: Family) -> Section | None:
    """Each classifier, and what it scored."""
    made = list(family.all("corpus.classifier"))
    if not made:
        return None
    told = [json.loads(it.about("evaluation.json").read_text("utf-8")) for it in made]
    scored = list(family.all("corpus.classify"))
    first, passed_over = told[0], sum(told[0]["passed_over_positives"].values())
    of_given = f" of {count(first['positive_documents'] + passed_over)}" if passed_over else ""
    return Section(
        name="classifiers",
        question="Chosen by likeness to what?",
        answer=f"A classifier of {count(first['positive_documents'])}{of_given} examples tells "
        f"others like them apart with an AUC of {_area(first)}",
        text=tuple(_sentence(row, it) for row, it in zip(told, made, strict=True)),
        figures=tuple(figure for row in told for figure in _by_language(row)),
        tables=tuple(
            table for row in told for table in (_ngrams(row), _parts("Site", row["sites"]))
        )
        + tuple(_abstained(scored)),
        method="The AUC is the chance that an example has a higher score than another document. "
        "Scores are of examples that the classifier had not learnt from: in five rounds a fifth is "
        "held out, near-duplicates together, and whole sites or whole pages with all their "
        "translations; the interval draws those again. A classifier learns whatever tells the "
        "examples apart, their source and format too: the n-grams show it. An n-gram is a "
        "site's if nine in ten texts that have it are of one site.",
        measured_by=(*made, *scored),
    )


def _area(told: Row) -> str:
    return (
        f"{told['held_out_auc']:.3f} ({told['held_out_auc_low']:.3f} to "
        f"{told['held_out_auc_high']:.3f})"
    )


def _sentence(told: Row, made: Artifact) -> str:
    lost = told["held_out_auc"] - told["without_site_ngrams_auc"]
    known = len(told["known_languages"])
    less = left_out(
        told["positive_documents"],
        told["passed_over_positives"],
        made.manifest.config["min_language_positives"],
    )
    return (
        f"{told['method']}: {count(told['positive_documents'])} positives, "
        f"{count(told['other_documents'])} others, {count(told['groups'])} groups of likenesses; "
        f"held out by {' and '.join(told['held_out_by'])}. AUC {_area(told)}; without n-grams of "
        f"one site {told['without_site_ngrams_auc']:.3f}"
        + (": much of what it knows is a site's. " if lost > LARGE_LOSS else ". ")
        + (f"It knows {count(known)} languages." if known else "It was told no languages.")
        + (f" It has learnt from {less}." if less else "")
    )


def _by_language(told: Row) -> list[Figure]:
    rows = told["languages"][:SHOWN]
    if not rows:
        return []
    labels = language_labels([row["name"] for row in rows])
    dots = [
        Dot(labels[row["name"]], kind, row[name])
        for row in rows
        for kind, name in (("made", "score_positives"), ("known", "score_others"))
        if row[name] is not None
    ]
    key = (("made", "positives"), ("known", "others"))
    named = [{**row, "name": labels[row["name"]]} for row in rows]
    title = "What it says of positives and of others, by language"
    return [Figure(title, charts.dots(dots, SCORE, title, key), _parts("Language", named))]


def _parts(of: str, rows: list[Row]) -> Table:
    return tabled(
        f"{of}: examples, mean scores of both kinds, and the AUC within",
        rows[:SHOWN],
        {
            of.lower(): lambda row: printable(row["name"]) or "none told",
            "positives": lambda row: count(row["positives"]),
            "others": lambda row: count(row["others"]),
            "score of positives": lambda row: _number(row["score_positives"]),
            "of others": lambda row: _number(row["score_others"]),
            "AUC": lambda row: _number(row["auc"], 3),
        },
    )


def _ngrams(told: Row) -> Table:
    rows = [
        {**row, "speaks": speaks}
        for speaks, found in told["ngrams"].items()
        for row in found[:SHOWN]
    ]
    return tabled(
        "N-grams that part the examples most",
        rows,
        {
            "n-gram": lambda row: printable(row["ngram"]),
            "speaks": lambda row: row["speaks"],
            "a site's": lambda row: "yes" if row["of_one_site"] else "",
            "in positives": lambda row: percent(row["positives_share"]),
            "in others": lambda row: percent(row["others_share"]),
        },
        words=3,
    )


def _abstained(scored: Iterable[Artifact]) -> list[Table]:
    tables = []
    for it in scored:
        metrics = it.manifest.metrics
        counts = {
            name.removeprefix(ABSTAINED).removesuffix(DOCUMENTS): value
            for name, value in metrics.items()
            if name.startswith(ABSTAINED)
        }
        most = sorted(counts, key=lambda name: (-counts[name], name))[:SHOWN]
        labels = language_labels(most)
        rows = tuple((labels[name], count(counts[name])) for name in most)
        share = percent(metrics["abstained_share"])
        caption = f"Nothing is said of {share} of the documents: the examples lack their languages"
        tables += [Table(caption, ("language", "documents"), rows)] if rows else []
    return tables


def _number(value: Any, digits: int = 2) -> str:
    return NONE if value is None else f"{value:.{digits}f}"
