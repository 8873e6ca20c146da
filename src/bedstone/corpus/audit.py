"""Stage corpus.audit: compare each language's share with its share of the world's speakers.

Reads   ``documents``, ``language``; ``kept``: without it, all documents are counted;
        ``tokenizer``: to count tokens; ``confusion``: what the identifier misreads, as measured by
        oneself, for an identifier that the package has no table of; ``columns.NAME``, whose values
        the config counts ``by``, and ``decided.NAME``, decisions on the way to ``kept``
Writes  ``audit.json``: ``documents``, ``bytes``, ``tokens``, ``languages``, ``removed``,
        ``unknown_share``, ``mixed_share``, ``speakers_source``, ``identifier``; and with a column
        ``by`` and ``values``: at each ``step``, of ``all`` documents, of those that each decision
        left and of the ``kept`` ones, the ``documents`` and their ``share`` with each ``value``
        ``languages.parquet``: the rows of ``languages``

Only kept documents are counted. Shares are of documents, not of bytes or tokens. ``removed`` lists
the languages of which what decided about keeping dropped far more than of the others; duplicates
are not counted there, for the text that they are copies of is kept.

Held in memory are the sums, and those of each value of the column ``by``, some 100 bytes.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, fields
from functools import partial
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import model_validator

from bedstone.config import Config
from bedstone.corpus.identification import purity
from bedstone.corpus.identification.purity import Confusion, confusion_of, is_confirmed
from bedstone.corpus.representation.shares import Count, Share, removed, shares
from bedstone.corpus.representation.values import (
    ALL,
    COLUMNS,
    By,
    Limits,
    column_of,
    shares_by_step,
)
from bedstone.corpus.rewriting.versions import row_groups
from bedstone.errors import ConfigError, DataError
from bedstone.languages import MIXED, SPEAKERS_SOURCE, UNKNOWN, Source
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.store.payload import only_file, write_json
from bedstone.store.stage import Job, Result, Stage
from bedstone.text import any_encoder

TYPES = {
    **dict.fromkeys(("documents", "bytes", "tokens", "speakers", "purity_kinds"), pa.int64()),
    **dict.fromkeys(("possible_noise", "cannot_tell"), pa.bool_()),
    **dict.fromkeys(("language", "script", "name", "category"), pa.string()),
}
"""Of the columns that are not shares and ratios."""
SUMS = ("documents", "bytes", "tokens", "confirmed", "erased", "input_documents")


class AuditConfig(Config):
    """Against whom a language is compared."""

    speakers: Source = "cldr"
    """Where their number comes from."""
    by: By | None = None
    """A column whose values are counted too, before and after each decision: ``sites.suffix`` is
    of the input ``columns.sites``."""
    by_limits: Limits = ()
    """Where the values of a column of numbers are parted; with one limit, in yes and no."""

    @model_validator(mode="after")
    def _limits_have_an_effect(self) -> Self:
        if self.by_limits and not self.by:
            raise ValueError("by_limits: without a column to count by they have no effect")
        return self


def run(config: AuditConfig, job: Job) -> Result:
    """Count the kept documents by language.

    Raises:
        ConfigError: the column to count by is not given, or cannot be counted by.
        DataError: none is kept.
    """
    by_value = _by_value(config, job)
    roles = [role for role in ("documents", "language", "kept") if role in job.inputs]
    shards = tables.together(*(job.inputs[role] for role in roles))
    name = _identifier(shards[0][1])
    confusion = _confusion(name, job)
    count = partial(
        _sums_of,
        limits=confusion.limits if confusion else None,
        tokenizer=job.inputs.get("tokenizer"),
    )
    sums: dict[str, Counter[str]] = {}
    with job.progress.task("shards", len(shards)) as task:
        for found in job.engine.map(count, shards):
            for key, values in found.items():
                sums.setdefault(key, Counter()).update(values)
            task.advance()
    counts = {key: _count(values) for key, values in sorted(sums.items()) if values["documents"]}
    total = sum(count.documents for count in counts.values())
    if not total:
        raise DataError("no document is kept, so there is nothing to audit")
    rows = shares(counts, config.speakers, confusion)
    before = {key: values["input_documents"] for key, values in sums.items()}
    lost = removed(before, {key: values["documents"] for key, values in sums.items()})
    unknown, mixed = (counts.get(key, Count(0)).documents / total for key in (UNKNOWN, MIXED))
    sizes = [sum(getattr(it, unit) or 0 for it in counts.values()) for unit in ("bytes", "tokens")]
    audit = {
        "documents": total,
        "bytes": sizes[0],
        "tokens": sizes[1] if "tokenizer" in job.inputs else None,
        "languages": [asdict(row) for row in rows],
        "removed": [asdict(row) for row in lost],
        "unknown_share": unknown,
        "mixed_share": mixed,
        "speakers_source": SPEAKERS_SOURCE[config.speakers],
        "identifier": name,
        **by_value,
    }
    return Result(
        {
            "documents": total,
            "bytes": sizes[0],
            "languages": len(rows),
            "possible_noise_languages": sum(bool(row.possible_noise) for row in rows),
            "removed_languages": len(lost),
            "unknown_share": unknown,
            "mixed_share": mixed,
        },
        (
            write_json(job, "audit.json", audit),
            tables.write(job, "languages.parquet", _table(rows)),
        ),
    )


def _by_value(config: AuditConfig, job: Job) -> dict[str, object]:
    """What the audit says of the column, if it is to say anything."""
    decisions = job.many("decided")
    column = column_of(config.by, config.by_limits, job.many(COLUMNS))
    if column is None:
        if decisions:
            raise ConfigError(
                "corpus.audit: without a column to count by, decisions have no effect",
                hint='give by = "NAME.COLUMN", or leave out the inputs decided.NAME',
            )
        return {}
    if taken := sorted(decisions.keys() & {ALL, "kept"}):
        raise ConfigError(
            f"corpus.audit: decided.{taken[0]}: another step has this name",
            hint=f"call it otherwise: {ALL} is before any decision, kept after the last",
        )
    if "kept" in job.inputs:
        decisions["kept"] = job.inputs["kept"]
    return {"by": config.by, "values": shares_by_step(column, decisions)}


def _identifier(language: Shard) -> str:
    """The identifier that found the languages, by the table's metadata.

    Raises:
        DataError: the table does not say.
    """
    path = tables.table_path(language)
    said = (tables.schema(path).metadata or {}).get(b"identifier")
    if said is None:
        raise DataError(
            f"{path} does not say which identifier made it",
            hint="its schema's metadata must have the key identifier; corpus.language writes it",
        )
    return str(said.decode())


def _confusion(name: str, job: Job) -> Confusion | None:
    own = job.inputs.get("confusion")
    path = only_file(own, "confusion") if own else None
    found = confusion_of(name, path)
    if own and found is None:
        raise DataError(f"{path} has no rows of the identifier {name}")
    return found


def _sums_of(
    shard: tuple[Shard, ...], limits: Mapping[str, purity.Limits] | None, tokenizer: Shard | None
) -> dict[str, Counter[str]]:
    """The sums of one shard, by language key."""
    documents, language, *decided = shard
    ids = tables.read(documents, ["id"])
    found = tables.beside(language, ids, ["language", "score"])
    keep = tables.beside(decided[0], ids, ["keep"])["keep"] if decided else None
    table = pa.table(
        {
            "language": found["language"],
            "input_documents": _ones(ids) if keep is None else _is_unique(decided[0], ids),
            "documents": _ones(ids),
            **_sizes(documents, keep, tokenizer),
        }
    )
    if limits is not None:
        own_words = tables.read(language, [], ["own_words"])["own_words"]
        confirmed = _confirmed(found["language"], found["score"], own_words, limits)
        table = table.append_column("confirmed", confirmed)
    if "second_language" in tables.schema(tables.table_path(language)).names:
        second = tables.read(language, ["second_language"])["second_language"]
        table = table.append_column("erased", pc.not_equal(found["language"], second))
    before = _grouped(table.select(["language", "input_documents"]))
    kept = table.drop_columns("input_documents")
    after = _grouped(kept if keep is None else kept.filter(keep))
    return {key: Counter({**sums, **after.get(key, {})}) for key, sums in before.items()}


def _sizes(
    documents: Shard, keep: pa.ChunkedArray | None, tokenizer: Shard | None
) -> dict[str, NDArray[np.int64]]:
    """The bytes of each text and, of those that are kept, the tokens; no text is held for long."""
    encode = any_encoder.load(tokenizer).encode if tokenizer else None
    sizes, tokens = list[NDArray[np.int64]](), list[int]()
    for group in row_groups(documents, ("id", "text")):
        sizes.append(pc.binary_length(group["text"]).to_numpy().astype(np.int64))
        for text in group["text"] if encode else ():
            is_kept = keep is None or keep[len(tokens)].as_py()
            tokens.append(len(encode(text.as_py())) if encode and is_kept else 0)
    in_bytes = {"bytes": np.concatenate(sizes or [np.zeros(0, np.int64)])}
    return in_bytes | ({"tokens": np.array(tokens, np.int64)} if encode else {})


def _ones(ids: pa.Table) -> pa.Array:
    return pa.array(np.ones(ids.num_rows, np.int64))


def _is_unique(kept: Shard, ids: pa.Table) -> pa.Array | pa.ChunkedArray:
    """Which documents are no duplicates of others, as far as what was decided says."""
    if "duplicate" not in tables.schema(tables.table_path(kept)).names:
        return _ones(ids)
    return pc.invert(tables.read(kept, ["duplicate"])["duplicate"])


def _confirmed(
    keys: pa.ChunkedArray,
    scores: pa.ChunkedArray,
    own_words: pa.ChunkedArray,
    limits: Mapping[str, purity.Limits],
) -> pa.Array:
    rows = zip(keys.to_pylist(), scores.to_pylist(), own_words.to_pylist(), strict=True)
    found = [key in limits and is_confirmed(score, own, limits[key]) for key, score, own in rows]
    return pa.array(found, pa.bool_())


def _grouped(table: pa.Table) -> dict[str, Counter[str]]:
    """The sums of all columns, by language key."""
    names = [name for name in table.column_names if name != "language"]
    sums = table.group_by("language").aggregate([(name, "sum") for name in names])
    return {
        row["language"]: Counter({name: row[f"{name}_sum"] for name in names})
        for row in sums.to_pylist()
    }


def _count(values: Counter[str]) -> Count:
    return Count(**{name: values[name] for name in SUMS[:-1] if name in values})


def _table(rows: list[Share]) -> pa.Table:
    schema = pa.schema(
        [(field.name, TYPES.get(field.name, pa.float64())) for field in fields(Share)]
    )
    return pa.Table.from_pylist([asdict(row) for row in rows], schema=schema)


STAGE = Stage(
    "corpus.audit",
    version=4,
    config=AuditConfig,
    inputs=("documents", "language"),
    optional=("kept", "tokenizer", "confusion"),
    many=(COLUMNS, "decided"),
    run=run,
    libraries=("pyarrow", "tiktoken", "tokenizers"),
)
