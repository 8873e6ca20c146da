"""What a detour through another language is worth: the ways are made, asked and compared."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import fmean
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bedstone.errors import ArtifactError, BedstoneError, ConfigError
from bedstone.evaluation.inquiry.expense import uses_of
from bedstone.evaluation.pivot.arms import Cost, Travelled, Way, compared
from bedstone.evaluation.pivot.survival import survival
from bedstone.evaluation.pivot.wanted import Translating
from bedstone.evaluation.translations import FILE
from bedstone.evaluation.verdicts.outcomes import outcomes
from bedstone.sampling.choosing.pace import Pace
from bedstone.store.artifact import Artifact
from bedstone.tasks.items import Item, items_of
from bedstone.tasks.stored import rows_of
from bedstone.tasks.waits import timed, waits

Ask = Callable[[Artifact], Sequence[Artifact]]
"""Items -> scores, answers, or both, always by the same settings."""
Costs = Mapping[str, Cost]
"""By item."""


def pivoted(by: Translating, items: Artifact, ask: Ask, pace: Pace | None = None) -> dict[str, Any]:
    """What the detour is worth, by suite and language, and what survives the translator.

    Returns:
        ``pivot``, ``translator``, ``not_translated`` {language, or pair of them: why}, ``suites``
        [{``name``, ``metric``, ``languages`` [{``language``, ``items``, ``left_out`` {arm: items
        that failed}, ``arms`` {arm: {``score``, ``low``, ``high``, ``right_per_million_tokens``,
        ``waiting_seconds``} or null}, each of ``arms.COMPARED`` a ``gaps.Gap`` or null, ``calls``
        and ``tokens`` {arm: of an item}, ``recommendation``: ``detour``, ``direct`` or ``cannot
        tell``}]}], ``survival`` {language: as ``survival.survival``}.

    Raises:
        ConfigError: no such language or translator; or it has none of the suites' languages.
        BedstoneError: an endpoint fails.
    """
    pivot, wanted = by.pivot, by.wanted
    detour = _Detour(by, items, ask, pace, pivot)
    by_suite, survived = defaultdict[tuple[str, str], dict[str, Travelled]](dict), {}
    for language in sorted(set(detour.items) - {pivot}):
        try:
            ways = detour.ways(language)
        except (ConfigError, ArtifactError) as error:
            detour.failed[language] = error
            continue
        survived[language] = detour.survival(language)
        for item in detour.items[language]:
            its = by_suite[item.suite, item.metric].setdefault(language, Travelled([], ways))
            its.items.append(item)
    if detour.failed and not survived:
        raise next(iter(detour.failed.values()))
    return {
        "pivot": pivot,
        "translator": wanted.translator,
        "suites": [
            {"name": name, "metric": metric, "languages": compared(each, wanted.seed)}
            for (name, metric), each in by_suite.items()
        ],
        "survival": survived,
        "not_translated": {language: str(error) for language, error in detour.failed.items()},
    }


@dataclass
class _Detour:
    """Items on their ways; what is asked once is kept."""

    by: Translating
    asked: Artifact
    ask: Ask
    pace: Pace | None
    pivot: str
    failed: dict[str, BedstoneError] = field(default_factory=dict)
    """What could not be translated, and why."""

    @cached_property
    def items(self) -> dict[str, list[Item]]:
        """Those that ask something, by language."""
        return self.by.items(self.asked)

    @cached_property
    def direct(self) -> Way:
        """Of all languages."""
        every = [item for items in self.items.values() for item in items]
        return self.way(every, self.ask(self.asked), {})

    def ways(self, language: str) -> dict[str, Way]:
        """All that a language's items go."""
        found, answered = {"direct": self.direct}, {}
        for name, who in (("in", self.by.translator), ("self", self.by.evaluated)):
            made = self.by.translated(who, language, self.pivot, items=self.asked)
            answered[name] = self.ask(made) if next(items_of(made), None) else ()
            found[name] = self.way(self.judged(made, language), answered[name], _costs(made))
        if pairs := list(self.pairs(language)):
            found["gold_in"] = {
                item.id: (fmean(self.direct[it.id][0] for it in its), self.direct[its[0].id][1])
                for item, its in pairs
            }
        asking = [item for item in self.items[language] if not item.choices]
        for answers in answered["in"]:
            if {item.id for item in asking} & _about(rows_of(answers), "problem"):
                try:
                    found["in_out"] = self.back(asking, answers, found["in"])
                except (ConfigError, ArtifactError) as error:
                    self.failed[f"{self.pivot} to {language}"] = error
        return found

    def way(self, items: Sequence[Item], answered: Sequence[Artifact], before: Costs) -> Way:
        """What came of items, and what it took, with what was spent on them before."""
        tables = [timed(each) for each in answered]
        costs = {
            name: before.get(name, Cost()).then(Cost(it.calls, it.read + it.drawn, it.seconds))
            for name, it in uses_of(tables, self.pace).items()
        }
        return {name: (right, costs[name]) for name, right in _rights(items, tables).items()}

    def judged(self, made: Artifact, language: str) -> list[Item]:
        """Translated items, with the answers that people wrote in the pivot's language, if any."""
        answers = {item.id: its[0].answers for item, its in self.pairs(language)}
        return [replace(it, answers=answers.get(it.id, it.answers)) for it in items_of(made)]

    def pairs(self, language: str) -> Iterator[tuple[Item, list[Item]]]:
        """Items, and the wordings of each that people wrote in the pivot's language."""
        gold = defaultdict[tuple[str, str | None], list[Item]](list)
        for item in self.items.get(self.pivot, ()):
            gold[item.suite, item.parallel_id].append(item)
        for item in self.items[language] if gold else ():
            same = gold[item.suite, item.parallel_id] if item.parallel_id else ()
            if told := [each for each in same if each.id in self.direct]:
                yield item, told

    def back(self, items: Sequence[Item], answers: Artifact, before: Way) -> Way:
        """Answers in the language of the items; one that fails takes its item with it."""
        made = self.by.translated(
            self.by.translator, self.pivot, items[0].language, answers=answers
        )
        rows = pq.read_table(made.file(FILE)).to_pylist()
        texts = {(row["item"], row["field"]): row["text"] for row in rows}
        failed = {row["item"] for row in rows if row["why"]}
        table = rows_of(answers)
        kept = [
            row | {"text": texts[row["problem"], f"text.{row['sample']}"]}
            for row in table.to_pylist()
            if row["problem"] not in failed
        ]
        rights = _rights(items, [pa.Table.from_pylist(kept, table.schema)])
        costs = _costs(made)
        return {name: (right, before[name][1].then(costs[name])) for name, right in rights.items()}

    def survival(self, language: str) -> dict[str, Any]:
        """What survives of a language's items, beside what does in what people wrote."""
        made = self.by.translated(self.by.translator, language, self.pivot, items=self.asked)
        by_id = {item.id: item for item in items_of(made)}
        pairs = [(item, by_id[item.id]) for item in self.items[language] if item.id in by_id]
        return survival(pairs, [(item, its[0]) for item, its in self.pairs(language)])


def _rights(items: Sequence[Item], tables: Sequence[pa.Table]) -> dict[str, float]:
    found = defaultdict[str, list[float]](list)
    for table in tables:
        there = _about(table, "problem", "item")
        for outcome in outcomes([item for item in items if item.id in there], table):
            found[outcome.item.id].append(outcome.right)
    return {name: fmean(each) for name, each in found.items()}


def _about(table: pa.Table, *columns: str) -> set[str]:
    there = set(columns) & set(table.column_names)
    return {name for column in there for name in table[column].to_pylist()}


def _costs(made: Artifact) -> dict[str, Cost]:
    found = defaultdict[str, Cost](Cost)
    table = pq.read_table(made.file(FILE))
    seconds = waits(made, len(table)).to_pylist()
    for row, waited in zip(table.to_pylist(), seconds, strict=True):
        tokens = (row["prompt_tokens"] or 0) + (row["completion_tokens"] or 0)
        found[row["item"]] = found[row["item"]].then(Cost(row["calls"], tokens, waited))
    return found
