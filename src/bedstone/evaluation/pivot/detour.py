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

from bedstone.errors import ArtifactError, BedstoneError, ConfigError, nearest
from bedstone.evaluation.expense import uses_of
from bedstone.evaluation.outcomes import outcomes
from bedstone.evaluation.pivot.arms import Cost, Way, compared
from bedstone.evaluation.pivot.survival import Pair, chrf, survival
from bedstone.evaluation.translations import (
    FILE,
    STAGE,
    TranslationsConfig,
    different_lines,
    in_language,
    texts_of,
)
from bedstone.languages import by_code, join, known, split
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
SELF, APERTIUM = "self", "apertium"
NOTHING = Prices()
By = tuple[dict[str, Any], dict[str, Artifact]]
"""Config and inputs of who translates."""


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
    """``number_format``, ``device``, ``threads`` of a model that translates here."""
    prices: Prices = NOTHING
    """Of what an endpoint draws to translate."""
    seed: int = 0
    """Of the resampling."""


def pivoted(
    source: Source, items: Artifact, wanted: Wanted, making: Making, ask: Ask
) -> dict[str, Any]:
    """What the detour is worth, by suite and language, and what survives the translator.

    Returns:
        ``pivot``, ``translator``, ``not_translated`` {language: why}, and ``suites``
        [{``name``, ``metric``, ``languages`` [{``language``, ``items``, ``left_out`` {arm: items
        that failed}, ``arms`` {arm: {``score``, ``low``, ``high``, ``right_per_million_tokens``,
        ``waiting_seconds``} or null}, the comparisons of ``arms.COMPARED`` {``value``, ``low``,
        ``high``, ``p``, ``p_adjusted``} or null, ``calls`` and ``tokens`` {arm: of an item},
        ``recommendation``: ``detour``, ``direct`` or ``cannot tell``, ``survival``}]}].

    Raises:
        ConfigError: no such language or translator; or it has none of the suites' languages.
        BedstoneError: an endpoint fails.
    """
    detour = _Detour(source, items, wanted, making, ask)
    failed: dict[str, BedstoneError] = {}
    found = defaultdict[str, dict[str, Any]](dict)
    survived = {}
    for language in detour.languages:
        try:
            ways, survived[language] = detour.ways(language)
        except (ConfigError, ArtifactError) as error:
            failed[language] = error
            continue
        for item in detour.items[language]:
            found[item.suite].setdefault(language, ([], ways))[0].append(item)
    if failed and not found:
        raise next(iter(failed.values()))
    suites = []
    for name, by_language in found.items():
        rows = compared(by_language, wanted.seed)
        rows = [row | {"survival": survived[row["language"]]} for row in rows]
        metric = next(iter(by_language.values()))[0][0].metric
        suites.append({"name": name, "metric": metric, "languages": rows})
    return {
        "pivot": detour.pivot,
        "translator": wanted.translator,
        "suites": suites,
        "not_translated": {language: str(error) for language, error in failed.items()},
    }


def foreseen(items: Artifact, wanted: Wanted) -> dict[str, Any]:
    """What the detour will ask for, without what translates answers back.

    Returns:
        ``items`` that the model is asked besides, ``calls`` of the translator and of the model as
        one, ``completion_tokens_at_most`` of each call that draws, and ``usd_at_most``, without
        the prompts, of a translator that is paid.
    """
    pivot = key_of(wanted.pivot)
    languages = {item.language for item in items_of(items)} - {pivot}
    asked = [item for language in sorted(languages) for item in in_language(items, language)]
    by_language = defaultdict[str, list[Item]](list)
    for item in asked:
        by_language[item.language].append(item)
    calls = sum(len(different_lines(list(texts_of(each)))) for each in by_language.values())
    most = calls * TranslationsConfig(source=pivot, target=pivot).max_tokens
    paid = wanted.translator not in (SELF, APERTIUM)
    return {
        "items": len(asked) * (1 if wanted.translator == SELF else 2),
        "calls": {"translator": calls, "self": calls},
        "completion_tokens_at_most": most,
        "usd_at_most": most * wanted.prices.completion_usd / 1e6 if paid else 0.0,
    }


def key_of(code: str) -> str:
    """The key of a language in its usual script, or in the one that is told.

    Raises:
        ConfigError: there is no such language.
    """
    language, script = split(code)
    if (found := by_code(language)) is None:
        raise ConfigError(f"no language {code!r}", hint=nearest(language, known()))
    return join(found.code, script or found.scripts[0])


@dataclass
class _Detour:
    """A suite's items on their ways; what is made once is kept."""

    source: Source
    asked: Artifact
    wanted: Wanted
    making: Making
    ask: Ask

    @cached_property
    def pivot(self) -> str:
        return key_of(self.wanted.pivot)

    @cached_property
    def items(self) -> dict[str, list[Item]]:
        """By language."""
        found = defaultdict[str, list[Item]](list)
        for item in items_of(self.asked):
            if len(item.choices) != 1:
                found[item.language].append(item)
        return dict(found)

    @property
    def languages(self) -> list[str]:
        return sorted(set(self.items) - {self.pivot})

    @cached_property
    def gold(self) -> dict[tuple[str, str], list[Item]]:
        """What people wrote in the pivot's language, by suite and parallel id."""
        found = defaultdict[tuple[str, str], list[Item]](list)
        for item in self.items.get(self.pivot, ()):
            if item.parallel_id is not None:
                found[item.suite, item.parallel_id].append(item)
        return dict(found)

    @cached_property
    def direct(self) -> Way:
        """Of all languages."""
        every = [item for items in self.items.values() for item in items]
        return self.way(every, self.ask(self.asked))

    @cached_property
    def translator(self) -> By:
        """The config and the inputs of what translates."""
        name, how = self.wanted.translator, self.wanted.how
        if name == SELF:
            return self.evaluated
        if name == APERTIUM:
            return {}, {}
        if name.startswith(("http://", "https://")):
            url, _, model = name.partition("#")
            if not model:
                raise ConfigError(f"{url} has many models", hint=f"name one: {url}#NAME")
            asked = Source.of_url(url, model, self.making, chat=self.wanted.chat)
            return {"by": "probe"}, dict(asked.inputs)
        if not Path(name).is_dir():
            raise ConfigError(
                f"no translator {name!r}",
                hint="apertium, self, http://HOST/v1#NAME, or a folder for CTranslate2",
            )
        folder = adopt([Path(name)], self.making.store)
        threads = {key: value for key, value in how.items() if key == "threads"}
        return {"by": "folder", **threads}, {"folder": folder}

    @cached_property
    def evaluated(self) -> By:
        """The same of the model that is evaluated."""
        inputs = dict(self.source.inputs)
        if "probe" in inputs:
            return {"by": "probe"}, inputs
        how = {"chat": self.wanted.chat, "ends": self.source.ends, **self.wanted.how}
        return {"by": "model", **how}, inputs

    def translated(
        self,
        by: tuple[dict[str, Any], dict[str, Artifact]],
        both: tuple[str, str],
        **what: Artifact,
    ) -> Artifact:
        """Items or answers, from one language into another."""
        config = {**by[0], "source": both[0], "target": both[1]}
        return self.making.build(STAGE.name, config, **by[1], **what)

    def ways(self, language: str) -> tuple[dict[str, Way], dict[str, Any]]:
        """All of a language's, and what survives of its items."""
        into = (language, self.pivot)
        made = self.translated(self.translator, into, items=self.asked)
        by_self = self.translated(self.evaluated, into, items=self.asked)
        answered = self.ask(made)
        found = {
            "direct": self.direct,
            "in": self.way(self.judged(made, language), answered, _costs(made)),
            "self": self.way(self.judged(by_self, language), self.ask(by_self), _costs(by_self)),
            "gold_in": self.gold_way(language),
        }
        asking = [item for item in self.items[language] if not item.choices]
        given = [each for each in answered if "problem" in rows_of(each).column_names]
        if asking and given:
            found["in_out"] = self.back(asking, given[0], found["in"].costs)
        return found, self.survival(made, language)

    def way(
        self,
        items: Sequence[Item],
        answered: Sequence[Artifact],
        before: Mapping[str, Cost] | None = None,
    ) -> Way:
        """What came of items, behind what was spent before on each."""
        tables = [rows_of(each) for each in answered]
        spent = {
            name: Cost(use.calls, use.read + use.drawn, use.seconds)
            for name, use in uses_of(tables, self.wanted.pace).items()
        }
        if before is not None:
            spent = {name: before[name].and_then(each) for name, each in spent.items()}
        return Way(_rights(items, tables), spent)

    def judged(self, made: Artifact, language: str) -> list[Item]:
        """Translated items with the answers that people wrote in the pivot's language, if any."""
        pairs = {item.id: gold for item, gold in self.pairs(language)}
        return [
            replace(item, answers=pairs[item.id].answers) if item.id in pairs else item
            for item in items_of(made)
        ]

    def pairs(self, language: str) -> Iterator[tuple[Item, Item]]:
        """Items and what people wrote of them in the pivot's language."""
        for item in self.items[language]:
            if same := self.gold.get((item.suite, item.parallel_id or "")):
                yield item, same[0]

    def gold_way(self, language: str) -> Way:
        right, costs = {}, {}
        for item, first in self.pairs(language):
            wordings = self.gold[item.suite, item.parallel_id or ""]
            right[item.id] = fmean(self.direct.right[each.id] for each in wordings)
            costs[item.id] = self.direct.costs[first.id]
        return Way(right, costs)

    def back(self, items: Sequence[Item], answers: Artifact, before: Mapping[str, Cost]) -> Way:
        """The answers in the language of the items; one that failed takes its item with it."""
        both = (self.pivot, items[0].language)
        made = self.translated(self.translator, both, answers=answers)
        rows = pq.read_table(made.file(FILE)).to_pylist()
        texts = {(row["item"], row["field"]): row["text"] for row in rows}
        failed = {row["item"] for row in rows if row["why"]}
        kept = [
            row | {"text": texts[row["problem"], f"text.{row['sample']}"]}
            for row in rows_of(answers).to_pylist()
            if row["problem"] not in failed
        ]
        table = pa.Table.from_pylist(kept, rows_of(answers).schema)
        costs = {name: before[name].and_then(each) for name, each in _costs(made).items()}
        return Way(_rights(items, [table]), costs)

    def survival(self, made: Artifact, language: str) -> dict[str, Any]:
        """What survives, beside what does in what people wrote; and chrF to that."""
        rows = pq.read_table(made.file(FILE), columns=["source", "text", "why"]).to_pylist()
        pairs = [(row["source"], row["text"]) for row in rows if not row["why"]]
        by_people = [pair for both in self.pairs(language) for pair in _fields(*both)]
        found = survival(pairs, language, self.pivot)
        reference = survival(by_people, language, self.pivot) if by_people else {}
        for kind, share in found.items():
            if share is not None:
                share["by_people"] = reference.get(kind) and reference[kind]["value"]
        by_id = {item.id: item for item in items_of(made)}
        both = [(by_id[it.id], gold) for it, gold in self.pairs(language) if it.id in by_id]
        texts, references = ([_whole(pair[side]) for pair in both] for side in (0, 1))
        return found | {"chrf": chrf(texts, references) if both else None}


def _rights(items: Sequence[Item], tables: Sequence[pa.Table]) -> dict[str, float]:
    found = defaultdict[str, list[float]](list)
    for table in tables:
        there = set(table["problem" if "problem" in table.column_names else "item"].to_pylist())
        for outcome in outcomes([item for item in items if item.id in there], table):
            found[outcome.item.id].append(outcome.right)
    return {name: fmean(each) for name, each in found.items()}


def _costs(made: Artifact) -> dict[str, Cost]:
    found = defaultdict[str, Cost](Cost)
    for row in pq.read_table(made.file(FILE)).to_pylist():
        tokens = (row["prompt_tokens"] or 0) + (row["completion_tokens"] or 0)
        found[row["item"]] = found[row["item"]].and_then(Cost(row["calls"], tokens, row["seconds"]))
    return dict(found)


def _whole(item: Item) -> str:
    return "\n".join((item.prompt, *item.choices))


def _fields(item: Item, gold: Item) -> Iterator[Pair]:
    for one, other in ((item.context, gold.context), (item.question, gold.question)):
        if one:
            yield one, other
    if len(item.choices) == len(gold.choices):
        yield from zip(item.choices, gold.choices, strict=True)
