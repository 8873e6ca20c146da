"""Stage evaluation.ablation: what one decision did to the model, document by document.

Reads   of each arm and seed ``bits.ARM-SEED``, arm 0 being the baseline, all of the same documents;
        of each arm ``mix.ARM``, ``held_out.ARM`` and ``kept.ARM``, which may be absent where all is
        kept; ``half.SEED``, bits of the baseline after half of its tokens; ``documents``, to name
        those that gained and lost most. An arm without bits is the baseline's by construction:
        nothing that its model is made from differs
Writes  ``ablation.json``: ``yardstick``, ``margin_bits_per_byte``, ``slope_bits_per_byte`` (for
        each unit of the logarithm of tokens), ``arms``, ``effects``, ``noise``, ``untold`` (of each
        family, what has too few documents); ``examples.json``: of each arm, the documents that
        gained and lost most; ``documents.parquet``: ``id``, ``language``, ``site``, ``bytes``, and
        for each arm ``difference_ARM`` in bits a byte, the mean over seeds

An effect is the arm's bits less the baseline's, over bytes: below 0 the arm is better. Documents of
one site are alike, so sites are what an interval counts; where there are too few of them it counts
documents, and tells of other documents of those sites alone. A document that an arm does not hold
out is measured in none.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import Field

from bedstone.config import Config
from bedstone.errors import DataError
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.store.payload import read_json, write_json
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.tokenizer.mixing.shares import FILE as MIX_FILE
from bedstone.uncertainty.comparison import (
    Effect,
    Noise,
    Paired,
    borrowed,
    effects,
    limited_by,
    more_documents,
    more_seeds,
    verdict,
    worth,
)
from bedstone.uncertainty.intervals import MIN_DOCUMENTS

FILE, EXAMPLES = "ablation.json", "examples.json"
WHOLE, LANGUAGE, DOMAIN, GROUP = "whole", "language", "domain", "group"
GROUPS = {
    (True, True): "kept by both",
    (True, False): "kept by the baseline alone",
    (False, True): "kept by the arm alone",
    (False, False): "kept by neither",
}
"""By whether the baseline and whether the arm keeps a document."""
SHOWN = 10
"""Documents that gained most, and as many that lost most."""
SHOWN_CHARACTERS = 160
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Row = dict[str, Any]


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
    """Two models are the same where they differ by less than so many more tokens are worth."""
    margin_bits_per_byte: float | None = Field(None, gt=0)
    """In place of ``margin_tokens_share``."""
    level: float = Field(0.05, gt=0, lt=1)
    """Of a family's tests together."""


@dataclass(frozen=True, slots=True)
class Yardstick:
    """The documents that all models are measured on, in one order."""

    table: pa.Table
    bytes_H: Floats
    sites_H: NDArray[np.int64]
    """Documents of one site have one number."""
    measured_H: Bools
    """Whether all arms hold it out."""

    def counts_sites(self, rows: NDArray[np.int64]) -> bool:
        """Whether some documents are of so many sites that these are what is counted."""
        return len(np.unique(self.sites_H[rows])) >= MIN_DOCUMENTS

    def paired(self, difference_KH: Floats, rows: NDArray[np.int64]) -> Paired:
        """The differences of some documents, those of one site together where sites count."""
        if not self.counts_sites(rows):
            return Paired(difference_KH[:, rows], self.bytes_H[rows])
        _, of = np.unique(self.sites_H[rows], return_inverse=True)
        summed = [np.bincount(of, each[rows]) for each in difference_KH]
        return Paired(np.stack(summed), np.bincount(of, self.bytes_H[rows]).astype(np.float64))


@dataclass(frozen=True, slots=True)
class Scores:
    """Bits of each arm, seeds K x documents H."""

    seeds: tuple[str, ...]
    bits_KH: Mapping[int, Floats]
    """By arm; without those that are the baseline's by construction."""
    half_KH: Floats | None


def run(config: AblationConfig, job: Job) -> Result:
    """Compare each arm with the baseline.

    Raises:
        DataError: the bits are not all of the same documents, or an arm lacks a seed.
    """
    yardstick, scores = read(config, job)
    groups = {arm: _groups(job, yardstick, arm) for arm in range(1, len(config.arms) + 1)}
    mixes = {int(arm): read_json(mix, MIX_FILE) for arm, mix in job.many("mix").items()}
    slopes = _Slopes(yardstick, scores)
    everything = np.flatnonzero(yardstick.measured_H)
    slope = slopes.of(everything)
    margin = config.margin_bits_per_byte
    if margin is None and slope:
        margin = slope * math.log1p(config.margin_tokens_share)
    units = _units(config, job, yardstick)
    rows = list[Row]()
    for arm in range(1, len(config.arms) + 1):
        told = _Arm(config, arm, yardstick, scores, slopes, margin or 0.0, _shares(mixes, arm))
        rows += told.rows({**units, GROUP: _split(groups[arm], everything)})
    found = {
        "yardstick": _told(job, yardstick),
        "parameters": config.parameters,
        "train_tokens": config.train_tokens[0],
        "seeds": len(scores.seeds),
        "margin_bits_per_byte": margin,
        "slope_bits_per_byte": slope,
        "arms": [_made_of(config, mixes[arm], arm) for arm in range(len(config.arms) + 1)],
        "effects": rows,
        "noise": _noise(yardstick, scores, rows),
        "untold": {
            name: sorted(unit for unit, each in found.items() if len(each) < MIN_DOCUMENTS)
            for name, found in units.items()
        },
    }
    write_json(job, FILE, found)
    differences = _by_document(config, yardstick, scores)
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
    sites = pc.coalesce(first["site"], first["id"])
    measured = np.ones(first.num_rows, np.bool_)
    for shard in job.many("held_out").values():
        measured &= _is_in(first["id"], _held_out(shard))
    if not measured.any():
        raise DataError("every arm trains on what another holds out: no document is left to tell")
    yardstick = Yardstick(
        table=first,
        bytes_H=first["bytes"].to_numpy().astype(np.float64),
        sites_H=pc.dictionary_encode(sites.combine_chunks()).indices.to_numpy().astype(np.int64),
        measured_H=measured,
    )
    bits = {arm: _stacked(runs, seeds) for arm, runs in by_arm.items()}
    return yardstick, Scores(seeds, bits, _stacked(half, seeds) if half else None)


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
    """A column of the documents, as text."""
    parts = [tables.read(part, ["id"], [name]) for part in job.inputs["documents"].shards]
    table = pa.concat_tables(parts)
    rows = pc.index_in(ids.cast(table["id"].type), value_set=table["id"].combine_chunks())
    return table[name].take(rows).cast(pa.string())


def _split(values: Sequence[str | None], rows: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """The ``rows`` of each value, by name; those without one are left out."""
    found: dict[str, list[int]] = {}
    for row in rows.tolist():
        if (value := values[row]) is not None:
            found.setdefault(value, []).append(row)
    return {value: np.array(found[value]) for value in sorted(found)}


class _Slopes:
    """What more tokens are worth to the baseline, from its runs on all and on half of them."""

    def __init__(self, yardstick: Yardstick, scores: Scores) -> None:
        self._bytes_H = yardstick.bytes_H
        half = scores.half_KH
        self._gain_H = None if half is None else (half - scores.bits_KH[0]).mean(axis=0)

    def of(self, rows: NDArray[np.int64]) -> float | None:
        """Bits a byte for each unit of the logarithm of tokens; None where none is seen."""
        if self._gain_H is None:
            return None
        slope = self._gain_H[rows].sum() / self._bytes_H[rows].sum() / math.log(2)
        return float(slope) if slope > 0 else None


@dataclass(frozen=True, slots=True)
class _Arm:
    """What is told of one arm."""

    config: AblationConfig
    arm: int
    yardstick: Yardstick
    scores: Scores
    slopes: _Slopes
    margin: float
    shares: Mapping[str, tuple[float, float]]
    """By language, the share of the training tokens in the baseline and here."""

    def rows(self, units: Mapping[str, Mapping[str, NDArray[np.int64]]]) -> Iterator[Row]:
        """An effect on the whole, then those on each unit of each family."""
        everything = np.flatnonzero(self.yardstick.measured_H)
        if self.arm not in self.scores.bits_KH:
            seeds = len(self.scores.seeds)
            yield same(self._value, len(everything), seeds, self._baseline(everything))
            return
        difference_KH = self.scores.bits_KH[self.arm] - self.scores.bits_KH[0]
        yield from self._family(WHOLE, {WHOLE: everything}, difference_KH)
        for family, found in units.items():
            told = {name: rows for name, rows in found.items() if len(rows) >= MIN_DOCUMENTS}
            if told and not (family == GROUP and len(found) == 1):
                yield from self._family(family, told, difference_KH)

    @property
    def _value(self) -> str:
        return self.config.arms[self.arm - 1]

    def _baseline(self, rows: NDArray[np.int64]) -> float:
        """Its bits a byte, the mean over seeds."""
        bits = self.scores.bits_KH[0][:, rows].sum(axis=1).mean()
        return float(bits / self.yardstick.bytes_H[rows].sum())

    def _family(
        self, family: str, units: Mapping[str, NDArray[np.int64]], difference_KH: Floats
    ) -> Iterator[Row]:
        paired = {name: self.yardstick.paired(difference_KH, it) for name, it in units.items()}
        noise = None if family in (WHOLE, GROUP) else borrowed(paired)
        for name, effect in effects(paired, self.config.level, noise).items():
            yield self._row(family, name, units[name], effect, noise)

    def _row(
        self,
        family: str,
        unit: str,
        rows: NDArray[np.int64],
        effect: Effect,
        noise: Noise | None,
    ) -> Row:
        slope = self.slopes.of(rows)
        told = verdict(effect, self.margin, self.config.level)
        asked = (effect, self.margin, self.config.level)
        is_open = told == "cannot tell"
        worths = [
            None if slope is None or each is None else worth(each, slope)
            for each in (effect.difference, effect.high, effect.low)
        ]
        shares = self.shares.get(unit) if family == LANGUAGE else None
        return {
            "value": self._value,
            "family": family,
            "unit": unit,
            "documents": len(rows),
            "counted": "sites" if self.yardstick.counts_sites(rows) else "documents",
            "seeds": len(self.scores.seeds),
            "by_construction": False,
            "bits_per_byte": self._baseline(rows) + effect.difference,
            "difference": effect.difference,
            "low": effect.low,
            "high": effect.high,
            "by_seed": list(effect.by_seed),
            "seed_deviation": effect.seed_deviation,
            "document_error": effect.document_error,
            "borrowed_df": noise.df if noise else 0.0,
            "worth_tokens": worths[0],
            "worth_tokens_low": worths[1],
            "worth_tokens_high": worths[2],
            "p_adjusted": effect.p_adjusted,
            "verdict": told,
            "limited_by": limited_by(effect) if is_open else None,
            "more_seeds": more_seeds(*asked) if is_open else None,
            "more_documents": more_documents(*asked) if is_open else None,
            "train_share_before": shares and shares[0],
            "train_share": shares and shares[1],
        }


def same(
    value: str, documents: int | None = None, seeds: int = 0, bits_per_byte: float | None = None
) -> Row:
    """The effect of an arm that is the baseline by construction."""
    numbers = ("difference", "low", "high", "worth_tokens", "worth_tokens_low", "worth_tokens_high")
    unknown = ("p_adjusted", "limited_by", "more_seeds", "more_documents")
    return {
        "value": value,
        "family": WHOLE,
        "unit": WHOLE,
        "documents": documents,
        "counted": "documents",
        "seeds": seeds,
        "by_construction": True,
        "bits_per_byte": bits_per_byte,
        **dict.fromkeys(numbers, 0.0),
        "by_seed": [],
        "seed_deviation": 0.0,
        "document_error": 0.0,
        "borrowed_df": 0.0,
        **dict.fromkeys(unknown),
        "verdict": "same",
        "train_share_before": None,
        "train_share": None,
    }


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
        "value": config.arms[arm - 1] if arm else "baseline",
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
        "sites": len(np.unique(yardstick.sites_H[yardstick.measured_H])),
        "left_out_near_duplicates": counted.get("near", 0),
        "left_out_trained_on": int((~yardstick.measured_H).sum()),
    }


def _splits(shard: Shard) -> pa.ChunkedArray:
    return pa.concat_tables([tables.read(part, ["split"]) for part in shard.shards])["split"]


def _noise(yardstick: Yardstick, scores: Scores, rows: Sequence[Row]) -> Row:
    """How much of a model's luck is shared by both of a pair; null with one seed."""
    told = [row for row in rows if row["family"] == WHOLE and not row["by_construction"]]
    paired = _root_mean_square([row["seed_deviation"] for row in told])
    total = yardstick.bytes_H[yardstick.measured_H].sum()
    runs = [bits[:, yardstick.measured_H].sum(axis=1) / total for bits in scores.bits_KH.values()]
    enough = len(scores.seeds) > 1
    single = _root_mean_square([float(each.std(ddof=1)) for each in runs] if enough else [])
    unpaired = None if single is None else math.sqrt(2) * single
    return {
        "unpaired_deviation": unpaired,
        "paired_deviation": paired,
        "variance_removed": 1 - (paired / unpaired) ** 2 if paired and unpaired else None,
        "borrowed_df": max((row["borrowed_df"] for row in rows), default=0.0),
    }


def _root_mean_square(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.sqrt(sum(value**2 for value in known) / len(known)) if known else None


def _by_document(config: AblationConfig, yardstick: Yardstick, scores: Scores) -> pa.Table:
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
            ends = {"gained": ordered[:SHOWN], "lost": ordered[-SHOWN:][::-1]}
            found[label] = {
                end: [{**_named(row), "difference": row[name]} for row in rows]
                for end, rows in ends.items()
            }
    wanted = {row["id"] for ends in found.values() for rows in ends.values() for row in rows}
    texts = _texts(job.inputs["documents"], wanted)
    for rows in (rows for ends in found.values() for rows in ends.values()):
        for row in rows:
            row |= texts[row["id"]]
    return found


def _named(row: Row) -> Row:
    return {name: row[name] for name in ("id", "language", "bytes")}


def _texts(documents: Shard, wanted: set[str]) -> dict[str, Row]:
    """The address and the beginning of some documents."""
    found = {}
    for shard in documents.shards:
        table = tables.read(shard, ["id", "text"], ["url"])
        rows = table.filter(pc.is_in(table["id"], pa.array(sorted(wanted), pa.string())))
        for row in rows.to_pylist():
            text = " ".join(row["text"][: 2 * SHOWN_CHARACTERS].split())[:SHOWN_CHARACTERS]
            found[row["id"]] = {"url": row["url"], "text": text}
    return found


def _metrics(rows: Sequence[Row], documents: int, seeds: int) -> Metrics:
    verdicts = [row["verdict"] for row in rows if row["family"] == WHOLE]
    counted = {
        f"{name.replace(' ', '_')}_arms": verdicts.count(name)
        for name in ("better", "worse", "same", "cannot tell")
    }
    return {"held_out_documents": documents, "seeds": seeds, **counted}


STAGE = Stage(
    "evaluation.ablation",
    version=1,
    config=AblationConfig,
    inputs=("documents",),
    run=run,
    libraries=("numpy", "pyarrow"),
    many=("bits", "half", "held_out", "kept", "mix"),
)
