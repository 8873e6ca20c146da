"""Stage evaluation.bits: what each language's text costs a model, in bits.

Reads   ``model``; ``texts``, of evaluation.texts; ``yardstick``: the same content in many languages
Writes  ``languages.parquet``, a row for each language that holds out documents, of those that are
        kept where that is known: ``language``, ``documents``, ``bytes``, ``tokens`` (measured),
        ``bits_per_byte`` with ``_low`` and ``_high``, null where the documents are too few to tell
        an interval; ``parallel_bits`` (of the beginning of the language's yardstick text) and
        ``parallel_bits_ratio`` (over English), null where there is none
        ``documents.parquet``, a row for each document measured: ``id``, ``language``, ``site``,
        ``group``, ``bytes``, ``bits``

Bits are those of the text alone, without an end. See ``windows`` for the context that a token is
predicted from.
"""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain, groupby
from operator import itemgetter
from statistics import median
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from bedstone.config import MOST_THREADS, Config
from bedstone.evaluation.beginnings import DROPPED, NULLABLE, REQUIRED
from bedstone.evaluation.likelihoods.windows import text_bits
from bedstone.generation.foresight import Foreseen, Known
from bedstone.languages import ENGLISH
from bedstone.model import Device, NumberFormat
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.store.decisions import decide, given
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.text.encoder import END, Encoder
from bedstone.uncertainty.intervals import MIN_DOCUMENTS, bootstrap_ratio

SCHEMA = pa.schema(
    [
        ("language", pa.string()),
        ("documents", pa.int64()),
        ("bytes", pa.int64()),
        ("tokens", pa.int64()),
        ("bits_per_byte", pa.float64()),
        ("bits_per_byte_low", pa.float64()),
        ("bits_per_byte_high", pa.float64()),
        ("parallel_bits", pa.float64()),
        ("parallel_bits_ratio", pa.float64()),
    ]
)
DOCUMENTS = pa.schema(
    [
        ("id", pa.string()),
        ("language", pa.string()),
        ("site", pa.string()),
        ("group", pa.string()),
        ("bytes", pa.int64()),
        ("bits", pa.float64()),
    ]
)
SUMMED = ("documents", "bytes", "tokens")
Row = dict[str, Any]


class BitsConfig(Config):
    """How it is computed, and how much of the parallel text."""

    how = ("device",)
    parallel_share: float = Field(0.1, gt=0, le=1)
    """Of the characters of each parallel text, its first: about the same content everywhere."""
    number_format: NumberFormat | None = None
    """Absent: the plan's; in bf16 a token's nats are right to 0.004."""
    threads: int | None = Field(None, gt=0, le=MOST_THREADS)
    device: Device = "auto"
    seed: int = Field(0, ge=0)
    """Of the bootstrap."""


def run(config: BitsConfig, job: Job) -> Result:
    """Measure language by language."""
    from bedstone.model.hugging_face import WEIGHTS, load
    from bedstone.training.threads import using_threads

    folder = job.inputs["model"].file(WEIGHTS).parent
    model = load(folder, given(config.number_format), config.device)
    encoder = Encoder.load(folder)
    rows = tables.read(job.inputs["texts"], REQUIRED, NULLABLE).to_pylist()
    held_out = {name: list(own) for name, own in groupby(rows, key=itemgetter("language"))}
    texts = read_parallel(config, job.inputs.get("yardstick"), {*held_out, ENGLISH})
    parallel = {name: encoder.encode(text) for name, text in texts.items()}
    tokens = {name: [encoder.encode(it["text"]) for it in own] for name, own in held_out.items()}
    total = sum(map(len, chain(parallel.values(), *tokens.values())))
    with using_threads(given(config.threads)), job.progress.task("tokens", total) as task:
        bits_of = partial(text_bits, model, end=encoder.special[END], advance=task.advance)
        parallel_bits = dict(zip(parallel, bits_of(list(parallel.values())), strict=True))
        measured = [
            row | {"tokens": len(text), "bits": bits}
            for name, own in tokens.items()
            for row, text, bits in zip(held_out[name], own, bits_of(own), strict=True)
        ]
    wanted, dropped = (
        [row for row in measured if (row["group"] == DROPPED) == is_dropped]
        for is_dropped in (False, True)
    )
    told = [
        _row(name, list(own), config.seed) | _parallel(name, parallel_bits)
        for name, own in groupby(wanted, key=itemgetter("language"))
    ]
    tables.write(job, "languages.parquet", pa.Table.from_pylist(told, SCHEMA))
    tables.write(job, "documents.parquet", pa.Table.from_pylist(measured, DOCUMENTS))
    metrics = {
        "languages": len(told),
        **{f"held_out_{unit}": sum(row[unit] for row in told) for unit in SUMMED},
        **_whole("held_out", wanted, config.seed),
        **_over_languages(told),
    }
    if any(row["group"] for row in rows):
        metrics |= {"dropped_documents": len(dropped), **_whole(DROPPED, dropped, config.seed)}
    return Result(metrics)


def foresee(config: BitsConfig, known: Known) -> Foreseen:
    """The tokens of what is held out, as much as its gathering may take, and of parallel text."""
    texts, encode = known.inputs["texts"], known.encoder.encode
    max_bytes = texts.manifest.config.get("max_bytes", 0)
    rows = tables.read(texts, REQUIRED).to_pylist()
    held_out = {name: list(own) for name, own in groupby(rows, key=itemgetter("language"))}
    parallel = read_parallel(config, known.inputs.get("yardstick"), {*held_out, ENGLISH})
    read_tokens = float(sum(len(encode(text)) for text in parallel.values()))
    for own in held_out.values():
        read_bytes = sum(row["bytes"] for row in own)
        # The last document of a language may go beyond its limit.
        grown = max(read_bytes, known.count("texts", read_bytes, max_bytes)) / read_bytes
        read_tokens += grown * sum(len(encode(row["text"])) for row in own)
    return Foreseen(read_tokens=read_tokens)


def read_parallel(config: BitsConfig, yardstick: Shard | None, wanted: set[str]) -> dict[str, str]:
    """The beginning of the yardstick's text in each of the languages that has one."""
    if yardstick is None:
        return {}
    table = pq.read_table(yardstick.file("yardstick.parquet"), columns=["language", "text"])
    rows = zip(table["language"].to_pylist(), table["text"].to_pylist(), strict=True)
    return {
        name: text[: math.ceil(config.parallel_share * len(text))]
        for name, text in rows
        if name in wanted
    }


def _cost(documents: Sequence[Row], seed: int) -> Row:
    """Their bits over their bytes; few have no interval."""
    bits, sizes = ([row[name] for row in documents] for name in ("bits", "bytes"))
    it = bootstrap_ratio(bits, sizes, seed)
    low, high = (it.low, it.high) if it.n >= MIN_DOCUMENTS else (None, None)
    return {"bits_per_byte": it.value, "bits_per_byte_low": low, "bits_per_byte_high": high}


def _row(language: str, documents: Sequence[Row], seed: int) -> Row:
    return {
        "language": language,
        "documents": len(documents),
        "bytes": sum(row["bytes"] for row in documents),
        "tokens": sum(row["tokens"] for row in documents),
        **_cost(documents, seed),
    }


def _parallel(language: str, bits: Mapping[str, float]) -> Row:
    own, english = bits.get(language), bits.get(ENGLISH)
    return {"parallel_bits": own, "parallel_bits_ratio": own / english if own and english else None}


def _whole(group: str, documents: Sequence[Row], seed: int) -> Metrics:
    """Of all languages' documents together; nothing without any."""
    if not documents:
        return {}
    told = _cost(documents, seed) | {"bits_per_byte_n": len(documents)}
    return {f"{group}_{name}": value for name, value in told.items() if value is not None}


def _over_languages(rows: Sequence[Row]) -> Metrics:
    ratios = [row["parallel_bits_ratio"] for row in rows if row["parallel_bits_ratio"]]
    metrics: Metrics = {"parallel_languages": len(ratios)}
    if rows:
        values = [row["bits_per_byte"] for row in rows]
        metrics["language_mean_bits_per_byte"] = math.fsum(values) / len(values)
    if ratios:
        metrics |= {"parallel_ratio_median": median(ratios), "parallel_ratio_max": max(ratios)}
    return metrics


STAGE = Stage(
    "evaluation.bits",
    version=1,
    config=BitsConfig,
    inputs=("model", "texts"),
    optional=("yardstick",),
    run=run,
    libraries=("numpy", "pyarrow", "tiktoken", "torch"),
    reproducible="request",
    decided_by=("plan",),
    resolve=decide,
)
