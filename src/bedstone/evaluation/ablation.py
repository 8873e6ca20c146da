"""Stage evaluation.ablation: what one decision did to the model, document by document.

Reads   of each arm and seed ``bits.ARM-SEED``, arm 0 being the baseline, all of the same documents;
        of each arm ``mix.ARM``, ``held_out.ARM`` and ``kept.ARM``, which may be absent where all is
        kept; ``half.SEED``, bits of the baseline after half of its tokens; ``texts``, that were
        measured; ``documents``, where they are told apart by a column. An arm without bits is the
        baseline's by construction: nothing that its model is made from differs
Writes  ``ablation.json``: ``yardstick``, ``level``, ``margin_bits_per_byte``,
        ``slope_bits_per_byte`` (for each unit of the logarithm of tokens), ``arms``, ``effects``,
        ``noise``, ``runs`` (of each arm, the digests of its bits), ``untold`` (of each family, what
        has too few documents); ``examples.json``: of each arm, the documents that gained and lost
        most; ``documents.parquet``: ``id``, ``language``, ``site``, ``bytes``, and for each arm
        ``difference_ARM`` in bits a byte, the mean over seeds

An effect is the arm's bits less the baseline's, over bytes: below 0 the arm is better. Documents of
one site are alike, so sites are what an interval counts; where there are too few of them it counts
documents, and tells of other documents of those sites alone. A document that an arm does not hold
out is measured in none.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import Field

from bedstone.config import Config
from bedstone.errors import DataError
from bedstone.evaluation.effects import (
    DOMAIN,
    GROUP,
    GROUPS,
    LANGUAGE,
    WHOLE,
    ArmEffects,
    Bools,
    Floats,
    Row,
    Scores,
    Slopes,
    Yardstick,
    noise,
)
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.store.payload import read_json, write_json
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.tokenizer.mixing.shares import FILE as MIX_FILE
from bedstone.uncertainty.comparison import EARLIER, Noise
from bedstone.uncertainty.intervals import MIN_DOCUMENTS

BASELINE = "baseline"
FILE, EXAMPLES = "ablation.json", "examples.json"
SHOWN = 10
"""Documents that gained most, and as many that lost most."""
SHOWN_CHARACTERS = 160
UNIT_CHARACTERS = 60
"""Of a column's value: what is longer is no name."""


class Lent(Config):
    """What earlier comparisons know of how much the seeds of a unit differ."""

    deviation: float = Field(ge=0)
    """Of a difference between two arms, in bits a byte."""
    df: float = Field(gt=0)
    """The degrees of freedom that it counts for, where this comparison sees as much."""


class AblationConfig(Config):
    """What was compared, and what counts as no difference."""

    arms: tuple[str, ...] = Field(min_length=1)
    """What differs from the baseline in each, from arm 1 on."""
    parameters: int = Field(ge=1, le=10**12)
    """Of the baseline's model."""
    train_tokens: tuple[Annotated[int, Field(ge=1, le=10**15)], ...] = Field(min_length=2)
    """That each arm's model was trained on, the baseline's first."""
    by: tuple[str, ...] = (LANGUAGE, DOMAIN)
    """What else is told beside the whole: ``language``, ``domain`` (the site), or a column of the
    documents."""
    margin_tokens_share: float = Field(0.05, gt=0, lt=1)
    """Less than so many more tokens are worth does not count."""
    margin_bits_per_byte: float | None = Field(None, gt=0)
    """In place of ``margin_tokens_share``."""
    level: float = Field(0.05, gt=0, lt=1)
    """Of a family's tests together."""
    lenders: tuple[str, ...] = ()
    """Earlier comparisons that ``lent`` is known from, by the names of their folders."""
    lent: dict[str, dict[str, Lent]] = Field(default={})
    """By family and unit."""


def run(config: AblationConfig, job: Job) -> Result:
    """Compare each arm with the baseline.

    Raises:
        DataError: the bits are not all of the same documents, or an arm lacks a seed.
    """
    yardstick, scores = read(config, job)
    groups = {arm: _groups(job, yardstick, arm) for arm in range(1, len(config.arms) + 1)}
    mixes = {int(arm): read_json(mix, MIX_FILE) for arm, mix in job.many("mix").items()}
    slopes = Slopes(yardstick, scores)
    everything = np.flatnonzero(yardstick.measured_H)
    slope = slopes.of(everything)
    margin = config.margin_bits_per_byte
    if margin is None and slope:
        margin = slope * math.log1p(config.margin_tokens_share)
    units = _units(config, job, yardstick)
    rows = list[Row]()
    for arm, value in enumerate(config.arms, start=1):
        told = ArmEffects(
            value=value,
            arm=arm,
            level=config.level,
            margin=margin or 0.0,
            yardstick=yardstick,
            scores=scores,
            slopes=slopes,
            shares=_shares(mixes, arm),
            lent={
                (family, unit): Noise(lent.deviation, lent.df, EARLIER)
                for family, units in config.lent.items()
                for unit, lent in units.items()
            },
        )
        rows += told.rows({**units, GROUP: _split(groups[arm], everything)})
    found = {
        "yardstick": _told(job, yardstick),
        "parameters": config.parameters,
        "train_tokens": config.train_tokens[0],
        "seeds": len(scores.seeds),
        "level": config.level,
        "margin_bits_per_byte": margin,
        "slope_bits_per_byte": slope,
        "arms": [_made_of(config, mixes[arm], arm) for arm in range(len(config.arms) + 1)],
        "effects": rows,
        "noise": {**noise(yardstick, scores, rows), "lenders": list(config.lenders)},
        "runs": _runs(config, job),
        "untold": {
            name: sorted(unit for unit, each in found.items() if len(each) < MIN_DOCUMENTS)
            for name, found in units.items()
        },
    }
    write_json(job, FILE, found)
    differences = _by_document(yardstick, scores)
    tables.write(job, "documents.parquet", differences)
    write_json(job, EXAMPLES, _examples(config, job, differences))
    return Result(_metrics(rows, len(everything), len(scores.seeds)))


def read(config: AblationConfig, job: Job) -> tuple[Yardstick, Scores]:
    """All bits, in the order of the documents' ids.

    Raises:
        DataError: they are not all of the same documents, or an arm lacks a seed.
    """
    by_arm: dict[int, dict[str, pa.Table]] = {}
    for name, shard in job.many("bits").items():
        arm, _, seed = name.partition("-")
        by_arm.setdefault(int(arm), {})[seed] = _documents(shard)
    if not by_arm.get(0):
        raise DataError("there are no bits of the baseline: give bits.0-SEED")
    seeds = tuple(sorted(by_arm[0], key=int))
    first = by_arm[0][seeds[0]]
    half = {seed: _documents(shard) for seed, shard in job.many("half").items()}
    for number, runs in [*by_arm.items(), (0, half or by_arm[0])]:
        if set(runs) != set(seeds):
            raise DataError(f"arm {number}: seeds {sorted(runs)}, the baseline's {list(seeds)}")
        for seed, table in runs.items():
            if not table.select(["id", "bytes"]).equals(first.select(["id", "bytes"])):
                raise DataError(f"arm {number}, seed {seed}: bits of other documents")
    known = pc.dictionary_encode(first["site"].combine_chunks())
    sites = np.asarray(pc.fill_null(known.indices, -1)).astype(np.int64)
    own = len(known.dictionary) + np.arange(len(sites))
    measured = np.ones(first.num_rows, np.bool_)
    for shard in job.many("held_out").values():
        measured &= _is_in(first["id"], _held_out(shard))
    if not measured.any():
        raise DataError("every arm trains on what another holds out: no document is left to tell")
    yardstick = Yardstick(
        table=first,
        bytes_H=first["bytes"].to_numpy().astype(np.float64),
        sites_H=np.where(sites < 0, own, sites),
        known_sites=len(known.dictionary),
        measured_H=measured,
    )
    bits = {arm: _stacked(runs, seeds) for arm, runs in by_arm.items()}
    return yardstick, Scores(seeds, bits, _stacked(half, seeds) if half else None)


def _runs(config: AblationConfig, job: Job) -> dict[str, list[str]]:
    """By arm, the digests of its bits: the same bits are one run's."""
    bits = job.many("bits").items()
    found = {
        label: [shard.content for name, shard in bits if name.startswith(f"{arm}-")]
        for arm, label in enumerate((BASELINE, *config.arms))
    }
    return {label: made for label, made in found.items() if made}


def _documents(shard: Shard) -> pa.Table:
    columns = ["id", "language", "bytes", "bits"]
    path = shard.file("documents.parquet")
    with tables.reading(path):
        table = pq.read_table(path, columns=[*columns, "site"])
    return table.sort_by("id").combine_chunks()


def _stacked(runs: Mapping[str, pa.Table], seeds: Sequence[str]) -> Floats:
    return np.stack([runs[seed]["bits"].to_numpy() for seed in seeds])


def _held_out(shard: Shard) -> pa.ChunkedArray:
    parts = [tables.read(part, ["id", "split"]) for part in shard.shards]
    table = pa.concat_tables(parts)
    return table.filter(pc.equal(table["split"], "held_out"))["id"]


def _is_in(ids: pa.ChunkedArray, wanted: pa.ChunkedArray) -> Bools:
    kind = pa.large_string()
    found = pc.is_in(ids.cast(kind), value_set=wanted.cast(kind).combine_chunks())
    return np.asarray(found.to_numpy(zero_copy_only=False), np.bool_)


def _groups(job: Job, yardstick: Yardstick, arm: int) -> list[str]:
    """Of each document, by whom it is kept."""
    kept = job.many("kept")
    keeps = [_kept(kept.get(str(each)), yardstick.table["id"]) for each in (0, arm)]
    return [GROUPS[bool(ours), bool(theirs)] for ours, theirs in zip(*keeps, strict=True)]


def _kept(shard: Shard | None, ids: pa.ChunkedArray) -> Bools:
    if shard is None:
        return np.ones(len(ids), np.bool_)
    table = pa.concat_tables([tables.read(part, ["id", "keep"]) for part in shard.shards])
    return _is_in(ids, table.filter(table["keep"])["id"])


def _units(config: AblationConfig, job: Job, yardstick: Yardstick) -> dict[str, dict[str, Any]]:
    """By family, the documents of each of its units."""
    table, everything = yardstick.table, np.flatnonzero(yardstick.measured_H)
    columns = {LANGUAGE: "language", DOMAIN: "site"}
    found = {}
    for name in config.by:
        values = table[columns[name]] if name in columns else _column(job, table["id"], name)
        found[name] = _split(values.to_pylist(), everything)
    return found


def _column(job: Job, ids: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """A column of the documents, as text.

    Raises:
        DataError: they are not given.
    """
    if "documents" not in job.inputs:
        raise DataError(f"by {name!r}: that is a column of documents, and none are given")
    parts = [tables.read(part, ["id"], [name]) for part in job.inputs["documents"].shards]
    table = pa.concat_tables(parts)
    rows = pc.index_in(ids.cast(table["id"].type), value_set=table["id"].combine_chunks())
    return pc.utf8_slice_codeunits(table[name].take(rows).cast(pa.string()), 0, UNIT_CHARACTERS)


def _split(values: Sequence[str | None], rows: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """The ``rows`` of each value, by name; those without one are left out."""
    found: dict[str, list[int]] = {}
    for row in rows.tolist():
        if (value := values[row]) is not None:
            found.setdefault(value, []).append(row)
    return {value: np.array(found[value]) for value in sorted(found)}


def _shares(mixes: Mapping[int, Any], arm: int) -> dict[str, tuple[float, float]]:
    weights = [
        {name: each["weight"] for name, each in mixes[it]["languages"].items()} for it in (0, arm)
    ]
    names = sorted({*weights[0], *weights[1]})
    return {name: (weights[0].get(name, 0.0), weights[1].get(name, 0.0)) for name in names}


def _made_of(config: AblationConfig, mix: Any, arm: int) -> Row:
    """What an arm's model is trained on."""
    languages, tokens = mix["languages"], config.train_tokens[arm]
    passes = {
        name: tokens * each["weight"] / each["train_tokens"] for name, each in languages.items()
    }
    most = max(passes, key=passes.__getitem__)
    return {
        "value": (BASELINE, *config.arms)[arm],
        "documents": sum(each["train_documents"] for each in languages.values()),
        "train_bytes": mix["train_bytes"],
        "train_tokens": tokens,
        "max_repetition": passes[most],
        "most_repeated_language": most,
    }


def _told(job: Job, yardstick: Yardstick) -> Row:
    table = yardstick.table.filter(pa.array(yardstick.measured_H))
    splits = pc.value_counts(_splits(job.many("held_out")["0"])).to_pylist()
    counted = {each["values"]: each["counts"] for each in splits}
    return {
        "documents": table.num_rows,
        "bytes": pc.sum(table["bytes"]).as_py(),
        "languages": len(pc.unique(table["language"])),
        "sites": pc.count_distinct(table["site"]).as_py(),
        "left_out_near_duplicates": counted.get("near", 0),
        "left_out_by_an_arm": int((~yardstick.measured_H).sum()),
    }


def _splits(shard: Shard) -> pa.ChunkedArray:
    return pa.concat_tables([tables.read(part, ["split"]) for part in shard.shards])["split"]


def _by_document(yardstick: Yardstick, scores: Scores) -> pa.Table:
    table = yardstick.table.select(["id", "language", "site", "bytes"])
    for arm in sorted(set(scores.bits_KH) - {0}):
        difference = (scores.bits_KH[arm] - scores.bits_KH[0]).mean(axis=0)
        column = pa.array(difference / yardstick.bytes_H)
        table = table.append_column(f"difference_{arm}", column)
    return table.filter(pa.array(yardstick.measured_H))


def _examples(config: AblationConfig, job: Job, differences: pa.Table) -> Row:
    """Of each arm, what the most changed documents are."""
    found: Row = {}
    for arm, label in enumerate(config.arms, start=1):
        name = f"difference_{arm}"
        if name in differences.column_names:
            ordered = differences.sort_by(name).to_pylist()
            gained = [row for row in ordered if row[name] < 0]
            lost = [row for row in reversed(ordered) if row[name] > 0]
            ends = {"gained": gained[:SHOWN], "lost": lost[:SHOWN]}
            found[label] = {
                end: [{**_named(row), "difference": row[name]} for row in rows]
                for end, rows in ends.items()
            }
    wanted = {row["id"] for ends in found.values() for rows in ends.values() for row in rows}
    texts = _texts(job.inputs["texts"], wanted)
    for rows in (rows for ends in found.values() for rows in ends.values()):
        for row in rows:
            row |= texts[row["id"]]
    return found


def _named(row: Row) -> Row:
    return {name: row[name] for name in ("id", "language", "bytes")}


def _texts(texts: Shard, wanted: set[str]) -> dict[str, Row]:
    """The address and the beginning of some documents."""
    table = tables.read(texts, ["id", "text"], ["url"])
    rows = table.filter(pc.is_in(table["id"], pa.array(sorted(wanted), pa.string()))).to_pylist()
    return {row["id"]: {"url": row["url"], "text": _line(row["text"])} for row in rows}


def _line(text: str) -> str:
    return " ".join(text.split())[:SHOWN_CHARACTERS]


def _metrics(rows: Sequence[Row], documents: int, seeds: int) -> Metrics:
    verdicts = [row["verdict"] for row in rows if row["family"] == WHOLE]
    counted = {
        f"{name.replace(' ', '_')}_arms": verdicts.count(name)
        for name in ("better", "worse", "same", "cannot tell")
    }
    return {"held_out_documents": documents, "seeds": seeds, **counted}


STAGE = Stage(
    "evaluation.ablation",
    version=2,
    config=AblationConfig,
    inputs=("texts",),
    optional=("documents",),
    run=run,
    libraries=("numpy", "pyarrow"),
    many=("bits", "half", "held_out", "kept", "mix"),
)
