"""What a detour through another language is worth: the ways are made, asked and compared."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bedstone.errors import ArtifactError, BedstoneError, ConfigError
from bedstone.evaluation.inquiry.expense import uses_of
from bedstone.evaluation.pivot.arms import Cost, Travelled, Way, compared
from bedstone.evaluation.pivot.survival import survival
from bedstone.evaluation.suites.naming import key_of
from bedstone.evaluation.translations import (
    FILE,
    STAGE,
    TranslationsConfig,
    different_lines,
    texts_of,
    that_ask,
)
from bedstone.evaluation.verdicts.outcomes import outcomes
from bedstone.sampling.choosing.comparison import Prices
from bedstone.sampling.choosing.pace import Pace
from bedstone.sampling.source import Source
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact
from bedstone.store.making import Making
from bedstone.tasks.items import Item, items_of
from bedstone.tasks.stored import rows_of

Ask = Callable[[Artifact], Sequence[Artifact]]
"""Items -> scores, answers, or both, always by the same settings."""
By = tuple[Mapping[str, Any], Mapping[str, Artifact]]
"""Config and inputs of who translates."""
Costs = Mapping[str, Cost]
"""By item."""
SELF, APERTIUM, URL = "self", "apertium", ("http://", "https://")
NOTHING = Prices()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which detour, and how a model is asked to translate."""

    pivot: str
    """Any code of a language: ``eng``, ``eng_Latn``."""
    translator: str
    """``apertium``, ``self``, ``http://HOST/v1#NAME``, or a folder for CTranslate2."""
    chat: bool = True
    """Whether a model is asked in turns."""
    pace: Pace | None = None
    """Of the evaluated model on this machine, for the waiting; None of an endpoint."""
    how: Mapping[str, Any] = field(default_factory=dict)
    """``number_format``, ``device`` and ``threads`` of what translates here."""
    prices: Prices = NOTHING
    """Of endpoints, the evaluated one and another that translates."""
    seed: int = 0
    """Of the resampling."""


def pivoted(
    source: Source, items: Artifact, wanted: Wanted, making: Making, ask: Ask
) -> dict[str, Any]:
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
    pivot = _pivot(wanted.pivot)
    detour = _Detour(source, items, wanted, making, ask, pivot)
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


def foreseen(items: Artifact, wanted: Wanted) -> dict[str, Any]:
    """What the detour will ask for, without what translates answers back.

    Returns:
        ``items`` that the model is asked besides, ``calls`` of the translator and of the model as
        one, ``completion_tokens_at_most`` that models draw to translate, and ``usd_at_most`` that
        endpoints take for them, without the prompts.
    """
    pivot = _pivot(wanted.pivot)
    languages = {item.language for item in items_of(items)} - {pivot}
    asked = {language: that_ask(items, language) for language in languages}
    calls = sum(len(different_lines(list(texts_of(its)))) for its in asked.values())
    other = 0 if wanted.translator == SELF else calls
    drawing = calls + other * wanted.translator.startswith(URL)
    most = TranslationsConfig(source=pivot, target=pivot).max_tokens
    paid = drawing if wanted.pace is None else drawing - calls
    return {
        "items": sum(map(len, asked.values())) * (2 if other else 1),
        "calls": {"translator": other, "self": calls},
        "completion_tokens_at_most": drawing * most,
        "usd_at_most": paid * most * wanted.prices.completion_usd / 1e6,
    }


def _pivot(code: str) -> str:
    if (key := key_of(code)) is None:
        raise ConfigError(f"no language {code!r}", hint="name the pivot by a code: eng, eng_Latn")
    return key


@dataclass
class _Detour:
    """Items on their ways; what is asked once is kept."""

    source: Source
    asked: Artifact
    wanted: Wanted
    making: Making
    ask: Ask
    pivot: str
    failed: dict[str, BedstoneError] = field(default_factory=dict)
    """What could not be translated, and why."""

    @cached_property
    def items(self) -> dict[str, list[Item]]:
        """Those that ask something, by language."""
        languages = {item.language for item in items_of(self.asked)}
        found = {language: that_ask(self.asked, language) for language in languages}
        return {language: items for language, items in found.items() if items}

    @cached_property
    def direct(self) -> Way:
        """Of all languages."""
        every = [item for items in self.items.values() for item in items]
        return self.way(every, self.ask(self.asked), {})

    def ways(self, language: str) -> dict[str, Way]:
        """All that a language's items go."""
        found, answered = {"direct": self.direct}, {}
        for name, by in (("in", self.translator), ("self", self.evaluated)):
            made = self.translated(by, language, self.pivot, items=self.asked)
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

    def translated(self, by: By, source: str, target: str, **what: Artifact) -> Artifact:
        """Items or answers."""
        config = {**by[0], "source": source, "target": target}
        return self.making.build(STAGE.name, config, **by[1], **what)

    @cached_property
    def translator(self) -> By:
        name = self.wanted.translator
        if name == SELF:
            return self.evaluated
        if name == APERTIUM:
            return {}, {}
        if name.startswith(URL):
            url, _, model = name.partition("#")
            if not model:
                raise ConfigError(f"{url}: no name of a model", hint=f"write {url}#NAME")
            asked = Source.of_url(url, model, self.making, chat=self.wanted.chat)
            return {"by": "probe"}, asked.inputs
        if not Path(name).is_dir():
            raise ConfigError(
                f"no translator {name!r}",
                hint="apertium, self, http://HOST/v1#NAME, or a folder for CTranslate2",
            )
        threads = {key: value for key, value in self.wanted.how.items() if key == "threads"}
        return {"by": "folder", **threads}, {"folder": adopt([Path(name)], self.making.store)}

    @property
    def evaluated(self) -> By:
        """The model that is evaluated, as a translator."""
        if "probe" in self.source.inputs:
            return {"by": "probe"}, self.source.inputs
        how = {"chat": self.wanted.chat, "ends": self.source.ends, **self.wanted.how}
        return {"by": "model", **how}, self.source.inputs

    def way(self, items: Sequence[Item], answered: Sequence[Artifact], before: Costs) -> Way:
        """What came of items, and what it took, with what was spent on them before."""
        tables = [rows_of(each) for each in answered]
        costs = {
            name: before.get(name, Cost()).then(Cost(it.calls, it.read + it.drawn, it.seconds))
            for name, it in uses_of(tables, self.wanted.pace).items()
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
        made = self.translated(self.translator, self.pivot, items[0].language, answers=answers)
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
        made = self.translated(self.translator, language, self.pivot, items=self.asked)
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
    for row in pq.read_table(made.file(FILE)).to_pylist():
        tokens = (row["prompt_tokens"] or 0) + (row["completion_tokens"] or 0)
        found[row["item"]] = found[row["item"]].then(Cost(row["calls"], tokens, row["seconds"]))
    return found
