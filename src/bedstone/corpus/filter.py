"""Stage corpus.filter: keep the documents whose statistics pass the rules; no text is read.

Reads   ``statistics``; and where given: ``language``; ``yardstick``, whose documents all fail;
        ``before``, earlier decisions: what they drop stays dropped, and what the rules do is
        counted among the rest; ``columns.NAME``, of any number of stages, for the config's limits
Writes  ``decisions.parquet``: ``id``, ``keep``; and where languages are named, ``wanted``: whether
        the document is in one of them
        ``about/failed.parquet``: ``id``, and ``failed``, the names of the rules that the document
        fails, ``language``, ``share``, ``yardstick`` and ``NAME.COLUMN`` of the limits among them
        ``about/effects.parquet``: for each language and rule how many ``documents`` there are,
        how many ``failed`` the rule, how many ``failed_alone``, no other rule failing them, and
        ``examples``, ids of some that fail it; in the rows of the rule ``any``, of all together
"""

import dataclasses
import json
from collections.abc import Mapping
from typing import Literal, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator, model_validator

from bedstone.config import Config
from bedstone.corpus.rewriting.versions import passing
from bedstone.corpus.rules.sets import (
    DEFAULT_RULES,
    LANGUAGE,
    RULES,
    SHARE,
    YARDSTICK,
    LanguageKey,
    Ranges,
    Rule,
    RuleSet,
    fails,
    named,
)
from bedstone.corpus.rules.transfer import read_ranges
from bedstone.errors import ConfigError, nearest
from bedstone.languages import UNKNOWN
from bedstone.lots import lot
from bedstone.store import tables
from bedstone.store.artifact import ABOUT, Artifact, Shard
from bedstone.store.stage import Job, Metrics, Result, Stage

Bools = NDArray[np.bool_]
Strings = NDArray[np.object_]

ANY = "any"
"""In the table of effects: one rule or more."""
COLUMNS = "columns"
"""The role of tables that limits are of, each by its name."""
EXAMPLES = 3
"""Documents named for each language and rule: those with the least lots."""


Named = TypeVar("Named", tuple[str, ...], dict[str, "Range"])


class Range(Config):
    """Limits that take the place of a rule's own; one left out stays as it is."""

    low: float | None = None
    """The least value that passes."""
    high: float | None = None
    """The largest value that passes."""

    @model_validator(mode="after")
    def _says_something(self) -> "Range":
        if self.low is None and self.high is None:
            raise ValueError("neither low nor high is given, so it has no effect")
        return self

    def of(self, rule: Rule) -> Rule:
        """The rule with these limits."""
        return dataclasses.replace(rule, **self.model_dump(exclude_none=True))


class Limit(Range):
    """The values of a column that pass; true and false are 1 and 0, of a list its length counts."""

    missing: Literal["keep", "drop"] = "keep"
    """What becomes of a document without a value."""

    @model_validator(mode="after")
    def _lets_something_pass(self) -> "Limit":
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"no value is in [{self.low:g}, {self.high:g}]")
        return self

    def fails(self, column: pa.ChunkedArray) -> Bools:
        """Which documents of the column do not pass."""
        numbers = pc.list_value_length(column) if _is_list(column.type) else column
        values = pc.cast(numbers, pa.float64()).to_numpy(zero_copy_only=False)  # null as NaN
        low = -np.inf if self.low is None else self.low
        high = np.inf if self.high is None else self.high
        passes: Bools = (values >= low) & (values <= high)
        if self.missing == "keep":
            passes |= np.isnan(values)
        return ~passes


class FilterConfig(Config):
    """Which rules apply, and with which limits."""

    rules: tuple[RuleSet, ...] = (DEFAULT_RULES,)
    """Sets of rules; a rule that is in several applies once. Without any, no statistic fails
    anybody: what else is given decides."""
    without: tuple[str, ...] = ()
    """Rules left out: for finding out what each is worth."""
    ranges: dict[str, Range] = {}
    """Other limits than the published ones, by rule."""
    ranges_by_language: dict[LanguageKey, dict[str, Range]] = {}
    """Those of single languages (``tel_Telu``), which go before all others; or they come from the
    role ``thresholds``."""
    limits: dict[str, dict[str, Limit]] = {}
    """Of other columns than statistics: ``limits.votes.votes.low = 3`` is of the column ``votes``
    that is given as ``columns.votes``."""
    languages: tuple[LanguageKey, ...] = ()
    """The only ones to keep; if none is named, all."""
    share: float = Field(1.0, gt=0, le=1)
    """Of all documents, so many pass, drawn by hash: what a rule has to beat that drops as many."""
    share_seed: int = Field(0, ge=0)
    """Of those lots."""

    @field_validator("without", "ranges")
    @classmethod
    def _in_the_sets(cls, names: Named, info: ValidationInfo) -> Named:
        if "rules" not in info.data:  # they are wrong themselves
            return names
        sets = info.data["rules"]
        known = [rule.name for name in sets for rule in RULES[name]]
        for name in names:
            if name not in known:
                where = ", ".join(sets) or "[]"
                raise ValueError(f"no rule {name!r} in {where}; {nearest(name, known)}")
        return names

    @model_validator(mode="after")
    def _every_setting_has_an_effect(self) -> "FilterConfig":
        if both := sorted(set(self.without) & set(self.ranges)):
            raise ValueError(f"{', '.join(both)}: left out, so its range has no effect")
        in_force = {rule.name for rule in self._published()} - set(self.without)
        if self.rules and not in_force:
            raise ValueError("no rule is in force")
        if self.share == 1 and self.share_seed:
            raise ValueError("share_seed: all pass, so it has no effect")
        for language, ranges in self.ranges_by_language.items():
            if unknown := sorted(set(ranges) - in_force):
                raise ValueError(f"{language}: {', '.join(unknown)}: no rule in force")
        for language in ("", *self.ranges_by_language):
            for rule in self.in_force(language):
                if rule.low > rule.high:
                    where = f"{language}: " if language else ""
                    limits = f"[{rule.low:g}, {rule.high:g}]"
                    raise ValueError(f"{where}{rule.name}: no value is in {limits}")
        return self

    def in_force(self, language: str = "") -> tuple[Rule, ...]:
        """The rules that apply, with the limits that ``language`` has of its own."""
        rules = {rule.name: rule for rule in self._published() if rule.name not in self.without}
        for ranges in (self.ranges, self.ranges_by_language.get(language, {})):
            rules |= {name: limits.of(rules[name]) for name, limits in ranges.items()}
        return tuple(rules.values())

    def _published(self) -> tuple[Rule, ...]:
        rules = [rule for name in self.rules for rule in RULES[name]]
        return tuple({rule.name: rule for rule in rules}.values())


def resolve(config: FilterConfig, inputs: Mapping[str, Artifact]) -> FilterConfig:
    """The config, with the ranges of the role ``thresholds``.

    Raises:
        ConfigError: its rules were not measured, or not of what it judges; it has ranges and is
            given thresholds; it has limits of columns that are not given, or none of some that
            are; or it says something about languages and no input tells them.
    """
    measured = inputs["statistics"].manifest.config.get("rules", config.rules)
    if missing := [name for name in config.rules if name not in measured]:
        raise ConfigError(
            f"corpus.filter: the statistics are without {', '.join(missing)}",
            hint=f"measure them: corpus.statistics has rules = {json.dumps(measured)}",
        )
    if passed_over := inputs["statistics"].manifest.parents.get("before"):
        own = inputs.get("before")
        if not own or own.content != passed_over.content:
            raise ConfigError(
                "corpus.filter: the statistics pass over what an input 'before' drops, and this "
                f"has {'another' if own else 'none'}",
                hint="give both the same, or measure without it",
            )
    if decided := inputs.get("thresholds"):
        if config.ranges_by_language:
            raise ConfigError(
                "corpus.filter: ranges_by_language are in the config, and the input 'thresholds' "
                "has others",
                hint="leave one of the two out",
            )
        ranges = read_ranges(decided, [rule.name for rule in config.in_force()])
        config = FilterConfig.model_validate({**dict(config), "ranges_by_language": ranges})
    given = {name.removeprefix(f"{COLUMNS}.") for name in inputs if name.startswith(f"{COLUMNS}.")}
    if odd := sorted(given ^ {name for name, limits in config.limits.items() if limits}):
        raise ConfigError(
            f"corpus.filter: {odd[0]} has "
            + ("columns, and no limit" if odd[0] in given else "limits, and no columns"),
            hint=f"limits.{odd[0]}.COLUMN is of the input {COLUMNS}.{odd[0]}: give both, or none",
        )
    if (config.languages or config.ranges_by_language) and "language" not in inputs:
        raise ConfigError(
            "corpus.filter: its config names languages, but no input tells those of the documents",
            hint='inputs = { language = "...", ... }',
        )
    return config


def run(config: FilterConfig, job: Job) -> Result:
    """Judge the documents of one shard, and count what each rule did."""
    rules = config.in_force()
    names = [rule.name for rule in rules]
    statistics = tables.read(job.inputs["statistics"], ["id", "text_bytes"], nullable=names)
    languages = _languages(job, statistics)
    other = _other_reasons(config, job, statistics, languages)
    failures = np.column_stack(
        [fails(statistics, rules, languages.tolist(), _ranges(config)), *other.values()]
    )
    reasons = [*names, *other]
    entered = passing(job, statistics)
    keep = entered & ~failures.any(axis=1)
    decisions = {"id": statistics["id"], "keep": keep}
    if LANGUAGE in other:  # what was not asked for is not lost, though the same be kept
        decisions["wanted"] = ~other[LANGUAGE]
    failed = {"id": statistics["id"], "failed": named(failures, reasons)}
    ids = np.array(statistics["id"].to_pylist(), np.object_)
    effects = _effects(failures[entered], reasons, languages[entered], ids[entered])
    files = (
        tables.write(job, "decisions.parquet", pa.table(decisions)),
        tables.write(job, f"{ABOUT}/failed.parquet", pa.table(failed)),
        tables.write(job, f"{ABOUT}/effects.parquet", effects),
    )
    sizes = statistics["text_bytes"].to_numpy()
    counts: Metrics = {
        "input_documents": int(entered.sum()),
        "kept_documents": int(keep.sum()),
        "input_bytes": int(sizes[entered].sum()),
        "kept_bytes": int(sizes[keep].sum()),
    }
    return Result(counts | _counted(failures[entered], reasons), files)


def total(sums: Metrics) -> Metrics:
    """The shards' counts, with what was kept and what each rule fails as shares of all."""
    documents = max(sums["input_documents"], 1)
    shares = {
        name.removesuffix("_documents") + "_share": count / documents
        for name, count in sums.items()
        if name.endswith("_documents") and name != "input_documents"
    }
    return sums | shares | {"kept_bytes_share": sums["kept_bytes"] / max(sums["input_bytes"], 1)}


def _ranges(config: FilterConfig) -> Ranges:
    return {
        language: {rule.name: (rule.low, rule.high) for rule in config.in_force(language)}
        for language in config.ranges_by_language
    }


def _languages(job: Job, statistics: pa.Table) -> Strings:
    """Each document's; without the role, all are unknown."""
    if "language" not in job.inputs:
        return np.full(statistics.num_rows, UNKNOWN, np.object_)
    found = tables.beside(job.inputs["language"], statistics, ["language"])
    return np.array(found["language"].to_pylist(), np.object_)


def _other_reasons(
    config: FilterConfig, job: Job, statistics: pa.Table, languages: Strings
) -> dict[str, Bools]:
    """Which documents fail for what is no statistic of theirs."""
    reasons: dict[str, Bools] = {}
    if config.languages:
        reasons[LANGUAGE] = ~np.isin(languages.astype(np.str_), config.languages)
    if config.share < 1:
        purpose = f"corpus.filter share {config.share_seed}"
        lots = [lot(name, purpose) for name in statistics["id"].to_pylist()]
        reasons[SHARE] = np.array(lots) >= config.share
    if "yardstick" in job.inputs:
        held_out = pq.read_table(job.inputs["yardstick"].file("held_out.parquet"))["id"]
        is_in = pc.is_in(statistics["id"], value_set=held_out.combine_chunks())
        reasons[YARDSTICK] = np.array(is_in.to_pylist(), np.bool_)
    for name, columns in job.many(COLUMNS).items():
        limits = config.limits[name]
        table = tables.beside(columns, statistics, ["id"], nullable=list(limits))
        for column, limit in limits.items():
            if not _has_limits(table.schema.field(column)):
                raise ConfigError(
                    f"corpus.filter: limits.{name}.{column}: the column is of texts, not numbers",
                    hint=f"others of {COLUMNS}.{name} are {', '.join(_numbers(columns)) or 'none'}",
                )
            reasons[f"{name}.{column}"] = limit.fails(table[column])
    return reasons


def _numbers(columns: Shard) -> list[str]:
    """The columns of a table that limits can be of."""
    return [field.name for field in tables.schema(tables.table_path(columns)) if _has_limits(field)]


def _has_limits(field: pa.Field) -> bool:
    kinds = pa.types
    is_number = kinds.is_integer(field.type) or kinds.is_floating(field.type)
    return is_number or kinds.is_boolean(field.type) or _is_list(field.type)


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _counted(failures: Bools, reasons: list[str]) -> Metrics:
    """How many documents each rule fails, and how many no other rule does."""
    alone = _alone(failures)
    counts: Metrics = {}
    for number, reason in enumerate(reasons):
        counts[f"failed.{reason}_documents"] = int(failures[:, number].sum())
        counts[f"failed_alone.{reason}_documents"] = int(alone[:, number].sum())
    return counts


def _alone(failures: Bools) -> Bools:
    alone: Bools = failures & (failures.sum(axis=1) == 1)[:, None]
    return alone


def _effects(failures: Bools, reasons: list[str], languages: Strings, ids: Strings) -> pa.Table:
    """The same for each language, with examples."""
    masks = {ANY: failures.any(axis=1), **dict(zip(reasons, failures.T, strict=True))}
    alone: Bools = np.asarray(_alone(failures).any(axis=1))
    lots = np.zeros(len(ids))
    for document in np.flatnonzero(masks[ANY]):
        lots[document] = lot(ids[document], "corpus.filter")
    keys, numbers = np.unique(languages.astype(np.str_), return_inverse=True)
    of_all = np.split(np.argsort(numbers, kind="stable"), np.cumsum(np.bincount(numbers))[:-1])
    rows = []
    for language, here in zip(keys.tolist(), of_all, strict=False):  # of none there is one part
        for reason, mask in masks.items():
            failed = here[mask[here]]
            row = {"language": language, "rule": reason, "documents": len(here)}
            row |= {"failed": len(failed), "failed_alone": int(alone[failed].sum())}
            examples = failed[np.argsort(lots[failed], kind="stable")[:EXAMPLES]]
            rows.append(row | {"examples": ids[examples].tolist()})
    return pa.Table.from_pylist(rows, schema=EFFECTS)


EFFECTS = pa.schema(
    [
        ("language", pa.string()),
        ("rule", pa.string()),
        ("documents", pa.int64()),
        ("failed", pa.int64()),
        ("failed_alone", pa.int64()),
        ("examples", pa.list_(pa.string())),
    ]
)

STAGE = Stage(
    "corpus.filter",
    version=3,
    config=FilterConfig,
    inputs=("statistics",),
    optional=("language", "yardstick", "before"),
    run=run,
    libraries=("numpy", "pyarrow"),
    many=(COLUMNS,),
    by_name=("limits",),
    sharded=("statistics", "language", "before", COLUMNS),
    total=total,
    decided_by=("thresholds",),
    resolve=resolve,
)
