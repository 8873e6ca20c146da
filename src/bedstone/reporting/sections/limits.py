"""The report's section about whom limits on votes, refusals, words and test items would cost."""

from collections import Counter
from collections.abc import Callable
from itertools import chain
from operator import itemgetter
from typing import NamedTuple

from bedstone.errors import number_of, printable
from bedstone.languages import MIXED, UNKNOWN
from bedstone.reporting.family import Family
from bedstone.reporting.section import Row, Section, Table, tabled
from bedstone.reporting.sections.rules import about_rows
from bedstone.reporting.wording import NOT_KNOWN, count, language_labels, percent, short
from bedstone.store.artifact import Artifact
from bedstone.uncertainty.intervals import wilson

Cell = Callable[[Row], str]
SHOWN = 10
"""Languages, hosts, items."""


def _share(part: str, whole: str = "documents") -> Cell:
    return lambda row: percent(row[part] / row[whole]) if row[whole] else NOT_KNOWN


def _rate(row: Row) -> str:
    is_known = row["has_list"] and row["words"]
    return short(1e6 * row["hits"] / row["words"]) if is_known else NOT_KNOWN


class Told(NamedTuple):
    """How is told what a stage found by language."""

    answer: str
    part: str
    whole: str
    columns: dict[str, Cell]
    worst: Callable[..., Row] = max
    """By share: who has most, or least."""


BY_LANGUAGE = {
    "corpus.votes": Told(
        "Votes match {} of the documents with an address", "matched", "with_url",
        {"with an address": lambda row: count(row["with_url"]),
         "matched": lambda row: count(row["matched"]), "share": _share("matched", "with_url")},
        min,
    ),
    "corpus.permissions": Told(
        "Sites or pages refuse {} of the documents", "refused_documents", "documents",
        {"refused": _share("refused_documents"), "unknown": _share("unknown_documents")},
    ),
    "corpus.words": Told(
        "A limit of no listed word drops {} of the documents", "hit_documents", "documents",
        {"hits per million words": _rate, "dropped": lambda row: count(row["hit_documents"]),
         "share": _share("hit_documents")},
    ),
}  # fmt: skip


def limits(family: Family) -> Section | None:
    """Of each such stage how much a limit would take, and of whom."""
    made = [list(family.all(stage)) for stage in (*BY_LANGUAGE, "corpus.contamination")]
    told = [[_table(it) for it in several] for several in made if several]
    if not told:
        return None
    hosts = [_hosts(it) for it in family.all("corpus.permissions")]
    return Section(
        name="limits",
        question="Who would lose by a limit?",
        answer=". ".join(first.caption for first, *_ in told),
        tables=tuple(it for it in chain(*told, hosts) if it.rows),
        method="These stages drop nothing: a filter may set limits on what they say of documents. "
        "The languages with most documents are shown; named is the one that would lose most of "
        "those whose interval of 95 % is beyond the share of all. Pages of a site are alike, "
        "which makes such an interval too narrow.",
        measured_by=tuple(chain(*made)),
    )


def _table(made: Artifact) -> Table:
    """What a stage found; the caption is the answer."""
    if made.manifest.stage not in BY_LANGUAGE:
        return _items(made)
    told, sums = BY_LANGUAGE[made.manifest.stage], Counter[str]()
    rows, share = _languages(made), _share(told.part, told.whole)
    for row in rows:
        sums.update({name: row[name] for name in {told.part, told.whole}})
    rows = rows[:SHOWN]
    labels = language_labels([row["language"] for row in rows])
    answer = told.answer.format(share(sums))
    if apart := [row for row in rows if _is_apart(row, sums, told)]:
        row = told.worst(apart, key=lambda row: row[told.part] / row[told.whole])
        answer += f", of {labels[row['language']]} {share(row) if row[told.part] else 'none'}"
    named: dict[str, Cell] = {"language": lambda row: labels[row["language"]]}
    named["documents"] = lambda row: count(row["documents"])
    return tabled(answer, rows, named | told.columns)


def _languages(made: Artifact) -> list[Row]:
    """Sums over all shards, the language with most documents first."""
    metrics = made.manifest.metrics
    if made.manifest.stage == "corpus.votes" and "language" not in made.manifest.parents:
        documents, matched = metrics["input_documents"], metrics["matched_documents"]
        with_url = documents - metrics["without_url_documents"]
        of_all = {"documents": documents, "with_url": with_url, "matched": matched}
        return [{"language": UNKNOWN, **of_all}]
    sums: dict[str, Counter[str]] = {}
    for row in about_rows(made, "languages.parquet"):
        language = row.pop("language")
        sums.setdefault(language, Counter()).update({key: it or 0 for key, it in row.items()})
    most = sorted(sums.items(), key=lambda it: (-it[1]["documents"], it[0]))
    return [{"language": language, **numbers} for language, numbers in most]


def _is_apart(row: Row, sums: Row, told: Told) -> bool:
    """Whether chance alone hardly makes it lose more than all do."""
    if row["language"] in (UNKNOWN, MIXED) or not row[told.whole]:
        return False
    of_all = sums[told.part] / sums[told.whole]
    interval = wilson(row[told.part] / row[told.whole], row[told.whole])
    return bool(interval.low > of_all if told.worst is max else interval.high < of_all)


def _hosts(made: Artifact) -> Table:
    columns: dict[str, Cell] = {
        "host": lambda row: printable(row["host"]) or "no host",
        "refused by": lambda row: printable(row["by"]),
        "documents": lambda row: count(row["refused_documents"]),
        "bytes": lambda row: short(row["refused_bytes"]),
    }
    rows = about_rows(made, "hosts.parquet")[:SHOWN]
    return tabled("Hosts that lose most, and what refuses one of their pages", rows, columns, 2)


def _items(made: Artifact) -> Table:
    """Items that are seen, each on the page that holds most of its question."""
    rows = [row for row in about_rows(made, "items.parquet") if row["is_seen"]]
    best = {row["item"]: row for row in sorted(rows, key=itemgetter("seen_share"))}
    columns: dict[str, Cell] = {
        "item": lambda row: printable(row["item"]),
        "page": lambda row: printable(row["url"] or row["id"]),
        "share seen": lambda row: percent(row["seen_share"]),
    }
    share = _share("contaminated_documents", "input_documents")(made.manifest.metrics)
    answer = f"{share} of the documents hold items of a test, {number_of(len(best), 'item')} in all"
    most = sorted(best.values(), key=itemgetter("seen_share"), reverse=True)
    return tabled(answer, most[:SHOWN], columns, 2)
