"""The report's section about the quality rules: what each drops, by language, with examples."""

from collections import defaultdict
from collections.abc import Iterable
from operator import itemgetter
from typing import NamedTuple, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bedstone.corpus.rules.sets import LANGUAGE, SHARE, YARDSTICK
from bedstone.errors import UNPRINTABLE, printable
from bedstone.lots import lot
from bedstone.reporting import charts
from bedstone.reporting.charts import Bar
from bedstone.reporting.family import Family
from bedstone.reporting.section import Figure, Row, Section, Table
from bedstone.reporting.wording import count, language_labels, percent
from bedstone.store.artifact import Artifact, Shard
from bedstone.store.tables import table_path

ANY = "any"
"""The rule that stands for all of them in the table of effects."""
NO_RULES = (YARDSTICK, LANGUAGE, SHARE)
"""Reasons that are no judgement of a document's quality."""
SHOWN_LANGUAGES = 4
EXAMPLES = 2
"""Of each rule."""
EXCERPT_CHARACTERS = 90
NONE = "–"


class Drop(NamedTuple):
    """What a rule does, in documents."""

    rule: str
    failed: int
    alone: int
    """No other rule fails them."""


def decisions(family: Family) -> list[Artifact]:
    """What decided which documents are left, the first decision first."""
    made = [*family.all("corpus.dedup"), *family.all("corpus.filter")]
    earlier = {it.manifest.parents["before"].request for it in made if _is_later(it)}
    last = next((it for it in made if it.manifest.request not in earlier), None)
    chain: list[Artifact] = []
    while last:
        chain.insert(0, last)
        last = family.parent(last, "before") if _is_later(last) else None
    return chain


def drops(filtered: Artifact) -> list[Drop]:
    """Each rule of a filter, the one that fails most documents first."""
    start, end = "failed.", "_documents"
    metrics = filtered.manifest.metrics
    names = [it for it in metrics if it.startswith(start) and it.endswith(end)]
    found = [
        Drop(
            name[len(start) : -len(end)],
            int(metrics[name]),
            int(metrics[name.replace(".", "_alone.", 1)]),
        )
        for name in names
    ]
    return sorted(found, key=lambda drop: drop.failed, reverse=True)


def rules(family: Family) -> Section | None:
    """What every filter's rules drop."""
    filters = [it for it in decisions(family) if drops(it)]
    if not filters:
        return None
    effects = {it.manifest.request: _effects(it) for it in filters}
    worst = max(
        (drop for it in filters for drop in drops(it) if drop.rule not in NO_RULES),
        key=lambda drop: drop.alone,
        default=None,
    )
    return Section(
        name="rules",
        question="Dropped for what?",
        answer=f"{worst.rule} drops {count(worst.failed)} documents, {count(worst.alone)} of them "
        "alone"
        if worst and worst.alone
        else "No rule drops a document that no other drops",
        figures=tuple(_figure(it) for it in filters),
        tables=tuple(
            table
            for it in filters
            for table in (
                _by_language(effects[it.manifest.request]),
                _examples(family, it, effects[it.manifest.request]),
            )
            if table.rows
        ),
        method="Every rule is measured on every document that was not dropped before. What fails "
        "a rule alone would come back without it. Examples are drawn by lot.",
        measured_by=tuple(filters),
    )


def _is_later(decided: Artifact) -> bool:
    return "before" in decided.manifest.parents


def _figure(filtered: Artifact) -> Figure:
    found = drops(filtered)
    most = next((it.rule for it in found if it.rule not in NO_RULES), found[0].rule)
    rows = []
    for rule, failed, alone in found:
        text = f"{count(failed)} · {count(alone)} alone" if failed else "0"
        rows += [Bar(rule, failed, text, "shared"), Bar(rule, alone, "", "dropped")]
    cells = tuple((rule, count(failed), count(alone)) for rule, failed, alone in found)
    key = (("shared", "fail this rule and others"), ("dropped", "fail this rule alone"))
    return Figure(
        f"What each rule drops, in documents: {most} most",
        charts.bars(rows, f"{len(found)} rules; of the quality rules {most} drops most.", key),
        Table("Documents that fail each rule", ("rule", "fail it", "fail it alone"), cells),
    )


def _effects(filtered: Artifact) -> list[Row]:
    """The shards' tables of effects as one."""
    merged: dict[tuple[str, str], Row] = {}
    for row in about_rows(filtered, "effects.parquet"):
        before = merged.setdefault((row["language"], row["rule"]), row)
        if before is not row:
            for name in ("documents", "failed", "failed_alone", "examples"):
                before[name] += row[name]
    return list(merged.values())


def shards_of(artifact: Artifact) -> tuple[Shard, ...]:
    """Those it lists; a report may be about a shard's artifact, which lists no others."""
    return (artifact,) if artifact.manifest.shards is None else artifact.shards


def about_rows(artifact: Artifact, name: str) -> list[Row]:
    """Those of a table that tells people, of all shards."""
    parts = [cast(Artifact, shard).about(name) for shard in shards_of(artifact)]
    return [row for part in parts for row in pq.read_table(part).to_pylist()]


def _by_language(effects: list[Row]) -> Table:
    """The languages with most documents, and what share of them each rule fails."""
    overall = sorted(
        (row for row in effects if row["rule"] == ANY), key=itemgetter("documents"), reverse=True
    )
    shown = [row["language"] for row in overall[:SHOWN_LANGUAGES]]
    labels = language_labels(shown)
    cells: dict[str, dict[str, str]] = defaultdict(dict)
    failing = {row["rule"] for row in effects if row["failed"]}
    for row in effects:
        if row["rule"] in failing:
            cells[row["rule"]][row["language"]] = _shares(row)
    head = ("rule", *(labels[language] for language in shown))
    rows = tuple(
        (rule, *(told.get(language, NONE) for language in shown)) for rule, told in cells.items()
    )
    return Table("Share of each language's documents that fail a rule · that alone", head, rows)


def _shares(row: Row) -> str:
    of = row["documents"]
    return f"{percent(row['failed'] / of)} · {percent(row['failed_alone'] / of)}"


def _examples(family: Family, filtered: Artifact, effects: list[Row]) -> Table:
    """Some documents that fail each rule, as they begin."""
    drawn: dict[str, list[tuple[float, str, str]]] = defaultdict(list)
    for row in effects:
        if row["rule"] not in (ANY, *NO_RULES):
            drawn[row["rule"]] += [
                (lot(it, "report"), it, row["language"]) for it in row["examples"]
            ]
    chosen = {rule: sorted(found)[:EXAMPLES] for rule, found in drawn.items()}
    texts = _texts(family, filtered, {it for found in chosen.values() for _, it, _ in found})
    labels = language_labels(sorted({it[2] for found in chosen.values() for it in found}))
    rows = tuple(
        (rule, f"{texts[document][1]} ({labels[language]}, {texts[document][0]})")
        for rule, found in chosen.items()
        for _, document, language in found
        if document in texts
    )
    return Table("Documents that fail a rule", ("rule", "how it begins, and where"), rows, 2)


def _texts(family: Family, filtered: Artifact, wanted: Iterable[str]) -> dict[str, tuple[str, str]]:
    """The URL and the beginning of each document; none where the store has the texts no longer."""
    statistics = family.parent(filtered, "statistics")
    documents = family.parent(statistics, "documents") if statistics else None
    found: dict[str, tuple[str, str]] = {}
    for shard in shards_of(documents) if documents else ():
        file = pq.ParquetFile(table_path(shard))
        for number in range(file.num_row_groups):
            ids = file.read_row_group(number, columns=["id"])["id"]
            if pc.any(pc.is_in(ids, value_set=_strings(wanted))).as_py():
                table = file.read_row_group(number, columns=["id", "url", "text"])
                here = table.filter(pc.is_in(table["id"], value_set=_strings(wanted)))
                for row in here.to_pylist():
                    found[row["id"]] = printable(row["url"]), excerpt(row["text"])
    return found


def _strings(values: Iterable[str]) -> pa.Array:
    return pa.array(sorted(values), pa.string())


def excerpt(text: str) -> str:
    """The beginning of a text, in one line, without marks that might turn what is behind it."""
    words = UNPRINTABLE.sub("", " ".join(text[: 4 * EXCERPT_CHARACTERS].split()))
    return words if len(words) <= EXCERPT_CHARACTERS else f"{words[:EXCERPT_CHARACTERS]}…"
