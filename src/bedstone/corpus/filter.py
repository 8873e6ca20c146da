"""Stage corpus.filter: decide which documents pass the quality rules. No text is read or copied.

Reads   ``statistics``, ``language``; ``yardstick``, whose documents all fail
Writes  ``decisions.parquet``: ``id``, ``keep``, and ``failed``, the names of the rules that the
        document fails, ``yardstick`` among them
"""

import dataclasses
from typing import Annotated, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import AfterValidator, ValidationInfo, field_validator, model_validator

from bedstone.config import Config, nearest
from bedstone.corpus import columns
from bedstone.corpus.rules import RULES, YARDSTICK, Rule, judge
from bedstone.stage import Job, Metrics, Result, Stage


def _known_set(name: str) -> str:
    if name not in RULES:
        raise ValueError(f"no rules {name!r}; {nearest(name, RULES)}")
    return name


RuleSet = Annotated[str, AfterValidator(_known_set)]
Named = TypeVar("Named", tuple[str, ...], dict[str, "Range"])


class Range(Config):
    """Limits that take the place of a rule's own; one left out stays as it is."""

    low: float | None = None
    high: float | None = None


class FilterConfig(Config):
    """Which rules apply, and with which limits."""

    rules: tuple[RuleSet, ...] = ("gopher-quality:datatrove",)
    """Sets of rules; a rule that is in several applies once."""
    without: tuple[str, ...] = ()
    """Rules left out: for finding out what each is worth."""
    ranges: dict[str, Range] = {}
    """Other limits than the published ones, by rule."""

    @field_validator("without", "ranges")
    @classmethod
    def _in_the_sets(cls, names: Named, info: ValidationInfo) -> Named:
        sets = info.data.get("rules", ())  # absent if they are wrong themselves
        known = [rule.name for name in sets for rule in RULES[name]]
        for name in names:
            if sets and name not in known:
                raise ValueError(f"no rule {name!r} in {', '.join(sets)}; {nearest(name, known)}")
        return names

    @model_validator(mode="after")
    def _every_setting_has_an_effect(self) -> "FilterConfig":
        if both := sorted(set(self.without) & set(self.ranges)):
            raise ValueError(f"{', '.join(both)}: left out, so its range has no effect")
        for rule in self.in_force():
            if rule.low > rule.high:
                raise ValueError(f"{rule.name}: no value is in [{rule.low:g}, {rule.high:g}]")
        return self

    def in_force(self) -> tuple[Rule, ...]:
        """The rules that apply, with their limits."""
        return tuple(
            self._limited(rule) for rule in self._published() if rule.name not in self.without
        )

    def _published(self) -> tuple[Rule, ...]:
        rules = [rule for name in self.rules for rule in RULES[name]]
        return tuple({rule.name: rule for rule in rules}.values())

    def _limited(self, rule: Rule) -> Rule:
        limits = self.ranges.get(rule.name, Range())
        return dataclasses.replace(rule, **limits.model_dump(exclude_none=True))


def run(config: FilterConfig, job: Job) -> Result:
    """Judge the documents of one shard, and count what each rule did."""
    rules = config.in_force()
    names = [rule.name for rule in rules]
    statistics = columns.read(job.inputs["statistics"], ["id", "text_bytes"], nullable=names)
    language = columns.beside(job.inputs["language"], statistics, ["language"])
    judged = judge(statistics, rules, language["language"].to_pylist())
    held_out = pq.read_table(job.inputs["yardstick"].file("held_out.parquet"))["id"]
    is_yardstick = pc.is_in(statistics["id"], value_set=held_out.combine_chunks())
    failed = [
        [*failures, YARDSTICK] if held else failures
        for failures, held in zip(
            judged["failed"].to_pylist(), is_yardstick.to_pylist(), strict=True
        )
    ]
    keep = pa.array([not failures for failures in failed], pa.bool_())
    decisions = {
        "id": statistics["id"],
        "keep": keep,
        "failed": pa.array(failed, pa.list_(pa.string())),
    }
    file = columns.write(job, "decisions.parquet", pa.table(decisions))
    sizes = statistics["text_bytes"].to_numpy()
    return Result(
        {
            "input_documents": len(failed),
            "kept_documents": int(np.sum(keep.to_numpy(zero_copy_only=False))),
            "input_bytes": int(sizes.sum()),
            "kept_bytes": int(sizes[keep.to_numpy(zero_copy_only=False)].sum()),
            **_effects(failed, [*names, YARDSTICK]),
        },
        (file,),
    )


def total(sums: Metrics) -> Metrics:
    """The shards' counts, with what was kept and what each rule fails as shares of all."""
    documents = max(sums["input_documents"], 1)
    shares = {
        name.removesuffix("_documents") + "_share": count / documents
        for name, count in sums.items()
        if name.endswith("_documents") and name != "input_documents"
    }
    return sums | shares | {"kept_bytes_share": sums["kept_bytes"] / max(sums["input_bytes"], 1)}


def _effects(failed: list[list[str]], names: list[str]) -> Metrics:
    """How many documents each rule fails, and how many no other rule does."""
    effects = {
        f"{effect}.{name}_documents": 0.0 for name in names for effect in ("failed", "failed_alone")
    }
    for failures in failed:
        for name in failures:
            effects[f"failed.{name}_documents"] += 1
        if len(failures) == 1:
            effects[f"failed_alone.{failures[0]}_documents"] += 1
    return effects


STAGE = Stage(
    "corpus.filter",
    version=1,
    config=FilterConfig,
    inputs=("statistics", "language", "yardstick"),
    run=run,
    libraries=("pyarrow",),
    sharded=("statistics", "language"),
    total=total,
)
