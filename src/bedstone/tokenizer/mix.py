"""Stage tokenizer.mix: weigh the languages in what is learnt from.

Reads   ``tokens``: the shards of tokenizer.encode; ``held_out``: which of their documents are not
        learnt from; ``tokenizer``: the one they were made with, to
        tell which of its tokens no held-out text uses; ``columns.NAME``, which the config mixes by
Writes  ``mix.json``: ``train_tokens`` and ``train_bytes`` of the text in all; ``budget_tokens``, to
        train on; ``effective_tokens``, what they are worth in fresh ones;
        ``held_out_distinct_tokens``; with ``tokenizer``, ``vocabulary_tokens`` (control tokens left
        out), ``vocabulary_unseen_tokens`` and ``vocabulary_unseen_share`` (on held-out text); and
        ``languages`` {name: ``weight`` (share of the tokens trained on, over the whole run),
        ``repetition`` (how often its text is seen while the whole is seen once), ``passes`` (how
        often in the run), ``next_pass_worth`` (over fresh text), ``effective_tokens``,
        ``train_documents``, ``train_tokens``, ``train_bytes``, ``held_out_documents``,
        ``held_out_tokens``, ``held_out_bytes``, ``held_out_bytes_per_token`` (null without text),
        ``held_out_distinct_tokens``}. If the weights change: ``schedule`` [{``from_share`` of the
        run, ``weights`` {name: share of the phase's tokens}}]
        ``audit.json``: ``speakers_source``, ``share_of`` (what shares are of), ``languages``: the
        rows of ``balance.Balance``
        ``documents.parquet``: ``id``, ``language``, ``shard``, ``index`` (within the language's
        arrays of that shard), ``split`` (``train``, ``held_out``, or ``left_out``:
        in neither, for it is near one that is held out, or is the yardstick's); and if it is mixed
        by a column, ``group``

No text and no token is copied: the loader applies the weights. Documents in no known language
(``und``) and in several (``mul``) are languages of their own. By a column, a language's documents
with one value are a group, and all that is told of languages is told of groups: ``eng_Latn/yes``.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import Field, model_validator

from bedstone.config import Config
from bedstone.corpus.representation.values import COLUMNS, By, Column, Limits, column_of
from bedstone.errors import DataError
from bedstone.languages import SPEAKERS_SOURCE, Source
from bedstone.laws.repeated_text import NEARLY_FRESH_PASSES
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.store.parts import made_parts
from bedstone.store.payload import write_json
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.text.encoder import Encoder
from bedstone.tokenizer.mixing import usage
from bedstone.tokenizer.mixing.balance import Balance, Row, balances, speakers_by_key, table
from bedstone.tokenizer.mixing.shares import FILE, GROUP, ROUNDING
from bedstone.tokenizer.mixing.weighing import (
    Change,
    Course,
    GroupKey,
    Text,
    Weights,
    named,
    phase_weights,
    repetitions,
)

SPLITS = ("train", "held_out")
COUNTS = tuple(f"{split}_{unit}" for split in SPLITS for unit in ("documents", "tokens", "bytes"))
AUDIT = "audit.json"
MOST_GROUPS = 1_000
"""What is weighed: each has its own arrays, and its own line in all that is told."""
Counts = dict[str, int]


class MixConfig(Config):
    """The weights of the languages."""

    weights: Weights = Weights(temperature=10 / 3)
    """mT5's by default."""
    schedule: tuple[Change, ...] = ()
    """The weights that follow, in the order of the run."""
    budget_tokens: int | None = Field(None, gt=0)
    """What the run trains on; absent, as many as there are."""
    max_repetition: float = Field(NEARLY_FRESH_PASSES, ge=1)
    """How often a language's text may be seen in the run. Source: see ``laws.repeated_text``."""
    speakers: Source = "cldr"
    """Where their numbers come from."""
    without: tuple[GroupKey, ...] = ()
    """Languages or groups left out."""
    by: By | None = None
    """A column by whose values a language's documents are weighed apart: ``domain.score`` is of
    the input ``columns.domain``."""
    by_limits: Limits = ()
    """Where the values of a column of numbers are parted; with one limit, in yes and no."""

    @model_validator(mode="after")
    def _limits_have_an_effect(self) -> Self:
        if self.by_limits and not self.by:
            raise ValueError("by_limits: without a column to mix by they have no effect")
        return self

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        starts = [change.from_share for change in self.schedule]
        if any(earlier >= later for earlier, later in pairwise(starts)):
            raise ValueError(f"schedule: from_share must grow, not {starts}")
        return self

    def course(self, text_tokens: int) -> Course:
        """The run that the config is for, where the text has so many tokens."""
        return Course(
            (self.weights, *(change.weights for change in self.schedule)),
            (0.0, *(change.from_share for change in self.schedule)),
            self.budget_tokens or text_tokens,
            self.max_repetition,
        )


def run(config: MixConfig, job: Job) -> Result:
    """Take the documents by split, count what is left to train on, and weigh the languages.

    Raises:
        ConfigError: shares are given to a language that is not there, or speakers are asked of
            one whose number is not known; or the column to mix by is not given or cannot be used.
        DataError: there is no document to train on, or too little text for the budget; or what
            is held out was drawn among other documents.
    """
    parts = _documents(config, job)
    languages = counts(map(pq.read_table, parts), config.by)
    if not languages:
        raise DataError("there is no document to train on")
    names = named(languages, [config.weights, *(change.weights for change in config.schedule)])
    languages = {name: languages[name] for name in names}
    text = _text(languages, config.speakers)
    course = config.course(sum(text.tokens.values()))
    phases = phase_weights(text, course)
    shards = list(zip(parts, job.inputs["tokens"].shards, strict=True))
    paths = made_parts(job, "used", partial(usage.write_used, "held_out"), shards)
    used = {name: ids for name, ids in usage.read_used(paths).items() if name in languages}
    rows: dict[str, dict[str, Any]] = {
        name: {**values, **languages[name], **_compression(languages[name], used.get(name))}
        for name, values in repetitions(text, course, phases).items()
    }
    mix = {
        **_sums(rows, ("train_tokens", "train_bytes")),
        "budget_tokens": course.budget_tokens,
        **_sums(rows, ("effective_tokens",)),
        **_vocabulary(job, usage.together(used)),
        **_schedule(course, phases),
        "languages": rows,
    }
    weights = {name: row["weight"] for name, row in rows.items()}
    audit = balances(text.tokens, weights, text.speakers)
    source = SPEAKERS_SOURCE[config.speakers]
    balanced = [asdict(balance) for balance in audit]
    write_json(job, FILE, mix)
    write_json(job, AUDIT, {"speakers_source": source, "share_of": "tokens", "languages": balanced})
    own = ["group"] if config.by else []
    _write_list(job, ["id", "language", "shard", "index", "split", *own], names, parts)
    for line in [*_lines(mix, audit, source), *_limited(rows, config.max_repetition)]:
        job.progress.say(line)
    return Result(_metrics(mix, audit))


def counts(documents: Iterable[pa.Table], by: str | None = None) -> dict[str, Counts]:
    """``COUNTS`` of each group that has documents to train on, by name.

    Raises:
        DataError: there are too many groups.
    """
    found: dict[str, Counts] = {}
    for some in documents:
        sums = some.group_by(["group", "split"]).aggregate(
            [("id", "count"), ("tokens", "sum"), ("bytes", "sum")]
        )
        for row in sums.to_pylist():
            values = found.setdefault(row["group"], dict.fromkeys(COUNTS, 0))
            if row["split"] in SPLITS:
                values[f"{row['split']}_documents"] += row["id_count"]
                values[f"{row['split']}_tokens"] += row["tokens_sum"]
                values[f"{row['split']}_bytes"] += row["bytes_sum"]
        if len(found) > MOST_GROUPS:
            raise DataError(
                f"by {by} there are more than {MOST_GROUPS:,} groups",
                hint="mix by a column of fewer values, or by limits of one of numbers",
            )
    return {name: found[name] for name in sorted(found) if found[name]["train_documents"]}


def _text(languages: dict[str, Counts], source: Source) -> Text:
    tokens = {name: values["train_tokens"] for name, values in languages.items()}
    sizes = {name: values["train_bytes"] for name, values in languages.items()}
    return Text(tokens, sizes, speakers_by_key(tokens, source))


def _compression(values: Counts, used: usage.Ids | None) -> dict[str, float | None]:
    return {
        "held_out_bytes_per_token": usage.bytes_per_token(values, "held_out"),
        "held_out_distinct_tokens": 0 if used is None else len(used),
    }


def _schedule(course: Course, phases: list[dict[str, float]]) -> dict[str, Any]:
    if len(phases) == 1:
        return {}
    starts = zip(course.starts, phases, strict=True)
    return {"schedule": [{"from_share": start, "weights": weights} for start, weights in starts]}


def _vocabulary(job: Job, used: usage.Ids) -> Metrics:
    found: Metrics = {"held_out_distinct_tokens": len(used)}
    if "tokenizer" in job.inputs:
        encoder = Encoder.stored(job.inputs["tokenizer"])
        found |= usage.vocabulary(encoder, used)
    return found


def _lines(mix: Mapping[str, Any], audit: list[Balance], source: str) -> list[str]:
    """What the user is told: the languages, then what the columns mean."""
    names = ("passes", "next_pass_worth", "effective_tokens")
    rows = [
        Row(balance, *(mix["languages"][balance.language][name] for name in names))
        for balance in audit
    ]
    return [
        *table(rows),
        "shares are of tokens; speakers/text above 1 is too little text for the speakers",
        f"training on {mix['budget_tokens']:,} tokens is worth "
        f"{mix['effective_tokens']:,.0f} fresh ones",
        f"speakers: {source}",
    ]


def _limited(rows: Mapping[str, Mapping[str, Any]], max_repetition: float) -> list[str]:
    """Which languages got less than they were to get: nobody is to find that out later."""
    names = [name for name, row in rows.items() if row["passes"] > max_repetition * (1 - ROUNDING)]
    if not names:
        return []
    return [
        f"{', '.join(names)}: held to {max_repetition:g} passes; the others got the rest",
    ]


def _metrics(mix: Mapping[str, Any], audit: list[Balance]) -> Metrics:
    languages = mix["languages"]
    top = {name: value for name, value in mix.items() if isinstance(value, int | float)}
    sums = _sums(languages, COUNTS)
    compression = usage.bytes_per_token(sums, "held_out")
    return {
        **sums,
        **top,
        "train_languages": len(languages),
        "held_out_languages": sum(v["held_out_documents"] > 0 for v in languages.values()),
        "weight_max_share": max(values["weight"] for values in languages.values()),
        "repetition_max": max(values["repetition"] for values in languages.values()),
        "passes_max": max(values["passes"] for values in languages.values()),
        **({} if compression is None else {"held_out_bytes_per_token": compression}),
        **_worst("before", [it.speakers_ratio_before for it in audit]),
        **_worst("after", [it.speakers_ratio_after for it in audit]),
    }


def _worst(when: str, ratios: list[float | None]) -> Metrics:
    known = [ratio for ratio in ratios if ratio is not None]
    return {f"speakers_ratio_max_{when}": max(known)} if known else {}


def _sums(languages: Mapping[str, Mapping[str, Any]], names: Iterable[str]) -> dict[str, Any]:
    return {name: sum(values[name] for values in languages.values()) for name in names}


def _documents(config: MixConfig, job: Job) -> list[Path]:
    """Tables of each shard's documents whose language and group are not left out."""
    column = column_of(config.by, config.by_limits, job.many(COLUMNS))
    inputs = [job.inputs["tokens"], job.inputs["held_out"], *([column.table] if column else [])]
    items = [
        (number, tokens, held_out, column._replace(table=its[0]) if column else None)
        for number, (tokens, held_out, *its) in enumerate(tables.together(*inputs))
    ]
    return made_parts(job, "documents", partial(_write_documents, config.without), items)


def _write_documents(
    without: tuple[str, ...], item: tuple[int, Shard, Shard, Column | None], path: Path
) -> None:
    number, tokens, held_out, column = item
    table = _numbered(tokens, number).append_column("split", _splits(tokens, held_out))
    group = table["language"]
    if column:
        values = _values(column, column.table, table)
        group = pc.binary_join_element_wise(group, values, GROUP)
    table = table.append_column("group", group)
    names = pa.array(without, pa.string())
    left_out = pc.or_(*(pc.is_in(table[name], names) for name in ("language", "group")))
    pq.write_table(table.filter(pc.invert(left_out)), path)


def _write_list(job: Job, columns: list[str], groups: Sequence[str], parts: list[Path]) -> None:
    """Write these columns of the documents of some groups, a row group at a time."""
    wanted, waiting = pa.array(groups), pq.read_schema(parts[0]).empty_table().select(columns)
    with tables.writing(job, "documents.parquet", waiting.schema) as file:
        for table in map(pq.read_table, parts):
            its = table.filter(pc.is_in(table["group"], wanted)).select(columns)
            waiting = pa.concat_tables([waiting, its])
            while waiting.num_rows >= tables.ROW_GROUP_ROWS:
                file.extend(waiting.slice(0, tables.ROW_GROUP_ROWS))
                waiting = waiting.slice(tables.ROW_GROUP_ROWS)
        if waiting.num_rows:
            file.extend(waiting)


def _values(column: Column, shard: Shard, table: pa.Table) -> pa.ChunkedArray:
    """Of each document of the tokens, its value as a text."""
    ids = tables.read(shard, ["id"])
    return column.of(shard, ids).take(_rows_of(table["id"], ids, shard))


def _numbered(shard: Shard, number: int) -> pa.Table:
    """A shard's documents with its number and each one's place in its language's arrays."""
    table = tables.read(shard, ["id", "language", "bytes", "tokens"])
    seen = Counter[str]()
    index = []
    for language in table["language"].to_pylist():
        index.append(seen[language])
        seen[language] += 1
    table = table.append_column("shard", pa.array([number] * table.num_rows, pa.int64()))
    return table.append_column("index", pa.array(index, pa.int64()))


def _splits(tokens: Shard, held_out: Shard) -> pa.ChunkedArray:
    """Of each document of the tokens, which are the kept ones only."""
    drawn = tables.read(held_out, ["id", "split"])
    found = drawn["split"].take(_rows_of(tables.read(tokens, ["id"])["id"], drawn, held_out))
    return pc.if_else(pc.is_in(found, pa.array(SPLITS)), found, "left_out")


def _rows_of(ids: pa.ChunkedArray, table: pa.Table, shard: Shard) -> pa.ChunkedArray:
    """The rows of the ``table`` that are about these documents, of the ``shard`` it is of."""
    rows = pc.index_in(ids, table["id"].combine_chunks())
    if rows.null_count:
        raise DataError(
            f"{tables.table_path(shard)} is about other documents than the tokens",
            hint="all inputs of a stage must descend from the same documents",
        )
    return rows


STAGE = Stage(
    "tokenizer.mix",
    version=3,
    config=MixConfig,
    inputs=("tokens", "held_out"),
    optional=("tokenizer",),
    many=(COLUMNS,),
    run=run,
    libraries=("pyarrow",),
)
