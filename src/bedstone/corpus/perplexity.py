"""Stage corpus.perplexity: say of each document how much it surprises a model of its language.

Reads   ``documents``, ``language``; ``reference``, models that corpus.reference has learnt from
        good texts
Writes  a file for each shard of documents, ``00000.parquet`` ...: ``id``; ``bits_per_character``,
        null where the language has no model or there is no text; ``tercile`` of the documents of
        its language and length: 1 for those with the fewest bits (head), 2 (middle), 3 for those
        with the most (tail); null where there are fewer than ``min_documents``
        ``about/lengths.parquet``: for each language and length its ``documents``, their mean
        ``bits_per_character``, the most bits that the terciles 1 and 2 have, and ids of documents
        with the ``fewest`` and the ``most``

Nothing is dropped: the usual limit of corpus.filter is ``perplexity.tercile.high = 2``. The tail is
what is unlike the good texts: what is no language, and what is of another kind, dialect or spelling
than theirs. Fewest bits have texts that repeat themselves, or are in the good texts.

Perplexity is 2 to the power of the bits. Terciles are of one language and length, for bits of two
languages do not compare, nor those of a line and of an article. Documents with equally many bits,
in thousandths, are in one tercile.

Source: Wenzek et al. 2020, "CCNet", arXiv:1911.00359: head, middle and tail by the
perplexity of a model of Wikipedia, for each language.
Differs: characters in place of words or their pieces; terciles within lengths too.
"""

from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from bedstone.config import Config
from bedstone.corpus.classifiers.quality import LENGTHS, length_name
from bedstone.corpus.surprise.next_characters import bits_of
from bedstone.corpus.surprise.references import by_language, read_counts
from bedstone.store import tables
from bedstone.store.artifact import ABOUT, Shard
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.text.codes import Indices, batches

Found = NDArray[np.int32]
"""Of documents their kinds, of a language and a length, and thousandths of a bit."""

NONE = -1
THOUSAND = 1_000
BINS = len(LENGTHS) + 1
EXAMPLES = 3
TERCILES = ("head", "middle", "tail")
SCORED = pa.schema(
    [("id", pa.string()), ("bits_per_character", pa.float64()), ("tercile", pa.int8())]
)
TOLD = pa.schema(
    [
        ("language", pa.string()),
        ("length", pa.string()),
        ("documents", pa.int64()),
        ("bits_per_character", pa.float64()),
        ("head_most_bits", pa.float64()),
        ("middle_most_bits", pa.float64()),
        ("fewest", pa.list_(pa.string())),
        ("most", pa.list_(pa.string())),
    ]
)


class PerplexityConfig(Config):
    """Which terciles are told."""

    min_documents: int = Field(default=30, ge=3, le=1_000_000)
    """Of a language and length."""


def run(config: PerplexityConfig, job: Job) -> Result:
    """Read all texts, find where the terciles are, and write them.

    Raises:
        DataError: an input is about other documents.
        ArtifactError: ``reference`` is no models, or altered ones.
    """
    reference = job.inputs["reference"]
    languages = list(read_counts(reference))
    shards = tables.together(job.inputs["documents"], job.inputs["language"])
    found = [np.zeros((2, 0), np.int32)]
    with job.progress.task("shards", len(shards)) as task:
        for scored in job.engine.map(partial(_scored, reference=reference), shards):
            found.append(scored)
            task.advance()
    kinds, bits = np.concatenate(found, axis=1)
    told, terciles = _terciles(kinds, bits, languages, config.min_documents)
    shown = {row: "" for each in told for row in each["fewest"] + each["most"]}
    written, first = [], 0
    for number, ((documents, _), scored) in enumerate(zip(shards, found[1:], strict=True)):
        ids, here = tables.read(documents, ["id"])["id"], slice(first, first + scored.shape[1])
        shown |= {row: ids[row - first].as_py() for row in shown if here.start <= row < here.stop}
        values = [
            ids.cast(pa.string()),
            pa.array(bits[here] / THOUSAND, mask=kinds[here] == NONE),
            pa.array(terciles[here], mask=terciles[here] == NONE),
        ]
        table = pa.table(values, schema=SCORED)
        written.append(tables.write(job, f"{number:05}.parquet", table))
        first = here.stop
    for each in told:
        each |= {name: [shown[row] for row in each[name]] for name in ("fewest", "most")}
    about = pa.Table.from_pylist(told, schema=TOLD)
    written.append(tables.write(job, f"{ABOUT}/lengths.parquet", about))
    metrics: Metrics = {
        "input_documents": len(kinds),
        "scored_documents": int((kinds != NONE).sum()),
        **{f"{name}_documents": int((terciles == n).sum()) for n, name in enumerate(TERCILES, 1)},
    }
    return Result(metrics, tuple(written))


def _scored(shards: tuple[Shard, ...], reference: Shard) -> Found:
    """Of each document of a shard its kind and its bits for a character, ``NONE`` without."""
    documents, language = shards
    models = read_counts(reference)
    places = {name: place for place, name in enumerate(models)}
    found = np.full((2, tables.read(documents, ["id"]).num_rows), NONE, np.int32)
    for group in by_language(documents, language):
        if group.language not in models:
            continue
        row = 0
        for texts in batches(group.table["text"]):
            rows, lengths = group.places[row : row + len(texts)], np.diff(texts.starts)
            row += len(texts)
            kinds = places[group.language] * BINS + np.searchsorted(LENGTHS, lengths, "right")
            bits = bits_of(texts, models[group.language]) / np.maximum(lengths, 1)
            values = np.stack((kinds, np.round(THOUSAND * bits)))
            found[:, rows] = np.where(lengths > 0, values, NONE)
    return found


def _terciles(
    kinds: Indices, bits: Indices, languages: list[str], least: int
) -> tuple[list[dict[str, Any]], NDArray[np.int8]]:
    """What is told of each kind, rows in the place of ids; and each document's tercile."""
    order = np.lexsort((bits, kinds))
    names, firsts = np.unique(kinds[order], return_index=True)
    told, terciles = [], np.full(len(kinds), NONE, np.int8)
    for kind, rows in zip(names.tolist(), np.split(order, firsts)[1:], strict=True):
        if kind == NONE:
            continue
        place, length = divmod(kind, BINS)
        of_kind, count = bits[rows], len(rows)
        limits = of_kind[[(count - 1) // 3, (2 * count - 1) // 3]]
        if count >= least:
            terciles[rows] = 1 + (of_kind[:, None] > limits).sum(axis=1)
        told.append(
            {
                "language": languages[place],
                "length": length_name(LENGTHS[length - 1] if length else 0).strip(),
                "documents": count,
                "bits_per_character": round(float(of_kind.mean()) / THOUSAND, 3),
                "head_most_bits": limits[0] / THOUSAND if count >= least else None,
                "middle_most_bits": limits[1] / THOUSAND if count >= least else None,
                "fewest": rows[:EXAMPLES].tolist(),
                "most": rows[::-1][:EXAMPLES].tolist(),
            }
        )
    return told, terciles


STAGE = Stage(
    "corpus.perplexity",
    version=1,
    config=PerplexityConfig,
    inputs=("documents", "language", "reference"),
    run=run,
    libraries=("numpy", "pyarrow"),
    instead="",
)
