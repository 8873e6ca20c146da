"""Stage evaluation.loss: what each language's text costs a model, in bits.

Reads   ``model``; ``tokens`` and ``mix``: the held-out documents; ``yardstick``: the same content
        in many languages
Writes  ``languages.parquet``, a row for each language that has held-out documents: ``language``,
        ``documents``, ``bytes``, ``tokens`` (measured), ``bits_per_byte`` with ``_low`` and
        ``_high``, null where the documents are too few to tell an interval; ``parallel_bits`` (of
        the language's yardstick text) and ``parallel_bits_ratio`` (over English), null where
        there is none
        ``documents.parquet``: ``id``, ``language``, ``bits``, ``bytes`` of each document measured

Of each document only its beginning is measured: more documents tell more than longer ones. The
beginning of a text has less context, so it takes more bits a byte than the whole would: compare
figures of one ``document_max_tokens``.
Bits are those of the text and, where it is measured to its end, of the end-of-text token after it.
See ``bits`` for the context that a token is predicted from.
The tokeniser has learnt from held-out documents too; see ``tokenizer.train``.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from statistics import median
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import Field

from bedstone.config import MOST_THREADS, Config
from bedstone.evaluation.bits import text_bits
from bedstone.generation.foresight import Foreseen, Known
from bedstone.languages import ENGLISH
from bedstone.lots import lot
from bedstone.model import NumberFormat
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.store.decisions import decide, given
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.text.encoder import END, Encoder
from bedstone.tokenizer.stored.tokens import document_numbers, read_arrays
from bedstone.uncertainty.intervals import MIN_DOCUMENTS, Estimate, bootstrap_ratio

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
        ("bits", pa.float64()),
        ("bytes", pa.int64()),
    ]
)
SUMMED = ("documents", "bytes", "tokens")
Row = dict[str, Any]


class LossConfig(Config):
    """How much is measured, and how it is computed."""

    max_tokens: int = Field(10_000, gt=0)
    """Of a language's held-out documents, drawn by hash; the one that goes beyond is the last."""
    document_max_tokens: int = Field(128, gt=0)
    """Of each document, its first."""
    number_format: NumberFormat | None = None
    """Absent: the plan's; in bf16 a token's nats are right to 0.004."""
    threads: int | None = Field(None, gt=0, le=MOST_THREADS)
    seed: int = Field(0, ge=0)
    """Of the bootstrap."""


@dataclass(frozen=True, slots=True)
class Document:
    """The beginning of a held-out document."""

    id: str
    tokens: Sequence[int]
    """The closing one included where the document is whole."""
    bytes: int
    """Of its text."""


def run(config: LossConfig, job: Job) -> Result:
    """Measure language by language.

    Raises:
        DataError: the mix is of other tokens.
    """
    from bedstone.model.hugging_face import WEIGHTS, load
    from bedstone.training.threads import using_threads

    folder = job.inputs["model"].file(WEIGHTS).parent
    model, encoder = load(folder, given(config.number_format)), Encoder.load(folder)
    held_out = read_held_out(job.inputs["tokens"], job.inputs["mix"], encoder, config)
    parallel = read_parallel(job.inputs["yardstick"], encoder, {*held_out, ENGLISH})
    texts = [each.tokens for documents in held_out.values() for each in documents]
    total = sum(map(len, [*texts, *parallel.values()]))
    measured: dict[str, list[float]] = {}
    with using_threads(given(config.threads)), job.progress.task("tokens", total) as task:
        bits_of = partial(text_bits, model, end=encoder.special[END], advance=task.advance)
        parallel_bits = dict(zip(parallel, bits_of(list(parallel.values())), strict=True))
        for language, documents in held_out.items():
            measured[language] = bits_of([each.tokens for each in documents])
    rows = [
        _row(language, documents, measured[language], config.seed)
        | _parallel(language, parallel_bits)
        for language, documents in held_out.items()
    ]
    tables.write(job, "languages.parquet", pa.Table.from_pylist(rows, SCHEMA))
    listed = [
        {"id": each.id, "language": language, "bits": bits, "bytes": each.bytes}
        for language, documents in held_out.items()
        for each, bits in zip(documents, measured[language], strict=True)
    ]
    tables.write(job, "documents.parquet", pa.Table.from_pylist(listed, DOCUMENTS))
    bits = list(chain.from_iterable(measured.values()))
    sizes = [each.bytes for documents in held_out.values() for each in documents]
    whole = bootstrap_ratio(bits, sizes, config.seed) if bits else None
    return Result(_metrics(rows, whole))


def foresee(config: LossConfig, known: Known) -> Foreseen:
    """The tokens of what the mix holds out and of parallel text."""
    tokens, mix, yardstick = (known.inputs[role] for role in ("tokens", "mix", "yardstick"))
    held_out = read_held_out(tokens, mix, known.encoder, config)
    parallel = read_parallel(yardstick, known.encoder, {*held_out, ENGLISH})
    beginnings = [sum(len(each.tokens) for each in found) for found in held_out.values()]
    # The last document of a language may go beyond its limit.
    grown = [max(each, known.count("mix", each, config.max_tokens)) for each in beginnings]
    return Foreseen(read_tokens=sum(grown) + sum(map(len, parallel.values())))


def read_held_out(
    tokens: Shard, mix: Shard, encoder: Encoder, config: LossConfig
) -> dict[str, list[Document]]:
    """Of each language that holds documents out, those to measure.

    Raises:
        DataError: the mix is of other tokens.
    """
    found: dict[str, list[tuple[float, Document]]] = {}
    for (language, shard), numbers in document_numbers(mix, "held_out").items():
        array, offsets = read_arrays(tokens, shard, language)
        table = tables.read(tokens.shards[shard], ["id", "language"])
        table = table.filter(pc.equal(table["language"], language)).take(numbers)
        for number, name in zip(numbers, table["id"].to_pylist(), strict=True):
            start, end = map(int, offsets[number : number + 2])
            beginning = array[start : min(end, start + config.document_max_tokens)].tolist()
            text = beginning[:-1] if start + len(beginning) == end else beginning
            document = Document(name, beginning, encoder.byte_count(text))
            found.setdefault(language, []).append((lot(name, "evaluation.loss"), document))
    return {name: _first(documents, config.max_tokens) for name, documents in found.items()}


def read_parallel(yardstick: Shard, encoder: Encoder, wanted: set[str]) -> dict[str, list[int]]:
    """The tokens of the yardstick's text, closed, in each of the languages that has one."""
    table = pq.read_table(yardstick.file("yardstick.parquet"), columns=["language", "text"])
    rows = zip(table["language"].to_pylist(), table["text"].to_pylist(), strict=True)
    end = encoder.special[END]
    return {name: [*encoder.encode(text), end] for name, text in rows if name in wanted}


def _first(documents: list[tuple[float, Document]], max_tokens: int) -> list[Document]:
    chosen, total = list[Document](), 0
    for _, document in sorted(documents, key=lambda pair: pair[0]):
        if total >= max_tokens:
            break
        chosen.append(document)
        total += len(document.tokens)
    return chosen


def _row(language: str, documents: list[Document], bits: list[float], seed: int) -> Row:
    sizes = [document.bytes for document in documents]
    estimate = bootstrap_ratio(bits, sizes, seed)
    enough = estimate.n >= MIN_DOCUMENTS
    return {
        "language": language,
        "documents": len(documents),
        "bytes": sum(sizes),
        "tokens": sum(len(document.tokens) for document in documents),
        "bits_per_byte": estimate.value,
        "bits_per_byte_low": estimate.low if enough else None,
        "bits_per_byte_high": estimate.high if enough else None,
    }


def _parallel(language: str, bits: Mapping[str, float]) -> Row:
    own, english = bits.get(language), bits.get(ENGLISH)
    ratio = own / english if own is not None and english is not None else None
    return {"parallel_bits": own, "parallel_bits_ratio": ratio}


def _metrics(rows: list[Row], whole: Estimate | None) -> Metrics:
    counts = {f"held_out_{unit}": sum(row[unit] for row in rows) for unit in SUMMED}
    ratios = [row["parallel_bits_ratio"] for row in rows if row["parallel_bits_ratio"]]
    metrics = {"languages": len(rows), **counts, "parallel_languages": len(ratios)}
    if whole:
        values = [row["bits_per_byte"] for row in rows]
        name = "held_out_bits_per_byte"
        enough = whole.n >= MIN_DOCUMENTS
        interval = {f"{name}_low": whole.low, f"{name}_high": whole.high} if enough else {}
        metrics |= {name: whole.value, **interval, f"{name}_n": whole.n}
        metrics["language_mean_bits_per_byte"] = math.fsum(values) / len(values)
    if ratios:
        metrics |= {"parallel_ratio_median": median(ratios), "parallel_ratio_max": max(ratios)}
    return metrics


STAGE = Stage(
    "evaluation.loss",
    version=1,
    config=LossConfig,
    inputs=("model", "tokens", "mix", "yardstick"),
    run=run,
    libraries=("numpy", "pyarrow", "tiktoken", "torch"),
    reproducible="request",
    decided_by=("plan",),
    resolve=decide,
)
