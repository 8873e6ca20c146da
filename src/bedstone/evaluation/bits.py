"""Stage evaluation.bits: what each language's text costs a model, in bits.

Reads   ``model``; ``documents``, ``language`` and ``held_out``: texts of which no model is made;
        ``kept``: which of them the recipe wants; ``yardstick``: the same content in many languages
Writes  ``languages.parquet``, a row for each language that holds out documents, with ``kept`` of
        those that are kept: ``language``, ``documents``, ``bytes``, ``tokens`` (measured),
        ``bits_per_byte`` with ``_low`` and ``_high``, null where the documents are too few to tell
        an interval; ``parallel_bits`` (of the beginning of the language's yardstick text) and
        ``parallel_bits_ratio`` (over English), null where there is none
        ``documents.parquet``, a row for each document measured: ``id``, ``language``, ``site`` (the
        host of its URL, null without one), ``group`` (``kept`` or ``dropped``; null without the
        input ``kept``), ``bytes``, ``bits``

Which documents are measured, and which bytes of them, depends neither on the model's tokeniser nor
on what is kept: models of other vocabularies and other decisions are measured on the same text.
Of each document only its beginning is measured: more documents tell more than longer ones. The
beginning of a text has less context, so it takes more bits a byte than the whole would: compare
figures of one ``document_max_bytes``.
Bits are those of the text alone, without an end. See ``windows`` for the context that a token is
predicted from.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import chain, groupby
from operator import itemgetter
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import Field

from bedstone.config import MOST_THREADS, Config
from bedstone.corpus.rules.sets import LanguageKey
from bedstone.evaluation.windows import text_bits
from bedstone.languages import ENGLISH
from bedstone.lots import lot
from bedstone.model import NumberFormat
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
KEPT, DROPPED = "kept", "dropped"
COLUMNS = {"language": "language", "held_out": "split", KEPT: "keep"}
"""Role -> what is read of it."""
SUMMED = ("documents", "bytes", "tokens")
Row = dict[str, Any]


class BitsConfig(Config):
    """How much is measured, and how it is computed."""

    languages: tuple[LanguageKey, ...] = ()
    """The only ones to measure; if none is named, all."""
    max_bytes: int = Field(65_536, gt=0)
    """Of a language's held-out documents, drawn by hash; the one that goes beyond is the last."""
    document_max_bytes: int = Field(512, ge=4)
    """Of each document, its first; less where that would cut a character in two."""
    parallel_share: float = Field(0.1, gt=0, le=1)
    """Of the characters of each parallel text, its first: about the same content everywhere."""
    number_format: NumberFormat | None = None
    """Absent: the plan's; in bf16 a token's nats are right to 0.004."""
    threads: int | None = Field(None, gt=0, le=MOST_THREADS)
    seed: int = Field(0, ge=0)
    """Of the bootstrap."""


def run(config: BitsConfig, job: Job) -> Result:
    """Measure language by language."""
    from bedstone.model.hugging_face import WEIGHTS, load
    from bedstone.training.threads import using_threads

    folder = job.inputs["model"].file(WEIGHTS).parent
    model, encoder = load(folder, given(config.number_format)), Encoder.load(folder)
    held_out = read_held_out(config, job)
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
    rows = [
        _row(name, list(own), config.seed) | _parallel(name, parallel_bits)
        for name, own in groupby(wanted, key=itemgetter("language"))
    ]
    tables.write(job, "languages.parquet", pa.Table.from_pylist(rows, SCHEMA))
    tables.write(job, "documents.parquet", pa.Table.from_pylist(measured, DOCUMENTS))
    metrics = {
        "languages": len(rows),
        **{f"held_out_{unit}": sum(row[unit] for row in rows) for unit in SUMMED},
        **_whole("held_out", wanted, config.seed),
        **_over_languages(rows),
    }
    if KEPT in job.inputs:
        metrics |= {"dropped_documents": len(dropped), **_whole(DROPPED, dropped, config.seed)}
    return Result(metrics)


def read_held_out(config: BitsConfig, job: Job) -> dict[str, list[Row]]:
    """Of each language that holds documents out, those to measure: their columns and ``text``."""
    read = {role: name for role, name in COLUMNS.items() if role in job.inputs}
    found: dict[str, list[Row]] = {}
    inputs = (job.inputs[role] for role in ("documents", *read))
    for documents, *others in tables.together(*inputs):
        table = tables.read(documents, ["id", "text"], ["url"])
        for name, shard in zip(read.values(), others, strict=True):
            table = table.append_column(name, tables.beside(shard, table, [name])[name])
        wanted = pc.equal(table["split"], "held_out")
        if config.languages:
            named = pa.array(config.languages, pa.string())
            wanted = pc.and_(wanted, pc.is_in(table["language"], named))
        for row in table.filter(wanted).to_pylist():
            if text := beginning(row["text"], config.document_max_bytes):
                about = {"id": row["id"], "language": row["language"], "site": site(row["url"])}
                group = (KEPT if row["keep"] else DROPPED) if KEPT in read else None
                about |= {"group": group, "text": text, "bytes": len(text.encode())}
                found.setdefault(row["language"], []).append(about)
        # What is drawn from all shards is among what is drawn from the first few.
        found = {name: _first(drawn, config.max_bytes) for name, drawn in found.items()}
    return dict(sorted(found.items()))


def beginning(text: str, max_bytes: int) -> str:
    """As much of ``text`` as ``max_bytes`` of UTF-8 hold, in whole characters."""
    return text[:max_bytes].encode()[:max_bytes].decode(errors="ignore")


def site(url: str | None) -> str | None:
    """The host of a document's URL, without ``www.``; None where it has none."""
    try:
        host = urlsplit(url or "").hostname
    except ValueError:
        return None
    return host.removeprefix("www.") if host else None


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


def _first(documents: Iterable[Row], max_bytes: int) -> list[Row]:
    chosen, total = list[Row](), 0
    for document in sorted(documents, key=lambda it: lot(it["id"], "evaluation.bits")):
        if total >= max_bytes:
            break
        chosen.append(document)
        total += document["bytes"]
    return chosen


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
    inputs=("model", "documents", "language", "held_out"),
    optional=("kept", "yardstick"),
    run=run,
    libraries=("numpy", "pyarrow", "tiktoken", "torch"),
    reproducible="request",
    decided_by=("plan",),
    resolve=decide,
)
