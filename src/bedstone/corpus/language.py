"""Stage corpus.language: identify each document's language.

Reads   ``documents``; ``model``: a fastText model, for the identifier ``fasttext``
Writes  ``language.parquet``: ``id``, ``language`` (a key such as ``nob_Latn``, ``und`` if it
        cannot be told or is no prose, ``mul`` for several), ``score`` (share in that language of
        the text, or of pieces of a long one), ``reliable``, ``own_words`` (share of the words that
        are frequent in the language; null where none are known), and with a second identifier
        ``second_language``. The file's metadata name the ``identifier``.

A second identifier decides nothing. It is run to see what it would have erased: the metric
``erased.<language>_documents`` counts the documents that only the first finds to be in a language,
and corpus.audit gives their share.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import pyarrow as pa
from pydantic import Field

from bedstone.config import Config
from bedstone.corpus.identification.identifiers import Identifier, identifier
from bedstone.corpus.identification.identify import Identified, identify
from bedstone.corpus.rewriting.versions import row_groups
from bedstone.errors import ConfigError
from bedstone.languages import MIXED, UNKNOWN
from bedstone.languages import Identifier as Name
from bedstone.store import tables
from bedstone.store.payload import only_file
from bedstone.store.stage import Job, Metrics, Result, Stage

MODEL = "fasttext"
"""The identifier that needs one."""


class LanguageConfig(Config):
    """By whom a language is found, and when it counts as known."""

    identifier: Name = "pycld2"
    """Who decides; ``fasttext`` takes the role ``model``."""
    second: Name | None = None
    """Another identifier, to compare with."""
    min_bytes: int = Field(default=40, ge=0)
    """Of text; shorter documents are ``und``."""
    min_share: float = Field(default=0.7, gt=0, le=1)
    """Of the text that a document's language must have, or else the document is ``mul``; of a long
    text it is enough that evenly spread pieces are nearly all in one language."""


def run(config: LanguageConfig, job: Job) -> Result:
    """Identify the documents of one shard.

    Raises:
        ConfigError: an identifier needs a model and has none, or a model is given for none.
    """
    names = [config.identifier, *([config.second] if config.second else [])]
    first, *others = [_identifier(name, job) for name in names]
    _refuse_unused(names, job)
    schema = _table([], []).schema.with_metadata({"identifier": config.identifier})
    if others:
        schema = schema.append(pa.field("second_language", pa.string()))
    counts, erased = Counter[str](), Counter[str]()
    with tables.writing(job, "language.parquet", schema) as written:
        for group in row_groups(job.inputs["documents"], ("id", "text")):
            texts = group["text"].to_pylist()
            found = list(identify(texts, first, config.min_bytes, config.min_share))
            table = _table(group["id"].to_pylist(), found)
            counts.update(document.language for document in found)
            for other in others:
                compared = identify(texts, other, config.min_bytes, config.min_share)
                second = [document.language for document in compared]
                table = table.append_column("second_language", pa.array(second, pa.string()))
                erased.update(_erased([document.language for document in found], second))
            written.extend(table.replace_schema_metadata(schema.metadata))
    metrics: Metrics = {
        "input_documents": counts.total(),
        "unknown_documents": counts[UNKNOWN],
        "mixed_documents": counts[MIXED],
    }
    if others:
        metrics["erased_documents"] = erased.total()
        metrics |= {f"erased.{name}_documents": erased[name] for name in sorted(erased)}
    return Result(metrics, (job.record("language.parquet"),))


def _identifier(name: Name, job: Job) -> Identifier:
    if name != MODEL:
        return identifier(name)
    if "model" not in job.inputs:
        raise ConfigError(
            "the identifier fasttext needs a model", hint="give its file as the input model"
        )
    return identifier(name, only_file(job.inputs["model"], "a model").resolve())


def _refuse_unused(names: Sequence[Name], job: Job) -> None:
    if "model" in job.inputs and MODEL not in names:
        raise ConfigError(
            f"a model is given, but the identifier is {' and '.join(names)}",
            hint='set identifier = "fasttext", or second',
        )


def _table(ids: list[str], found: list[Identified]) -> pa.Table:
    return pa.table(
        {
            "id": pa.array(ids, pa.string()),
            "language": pa.array([it.language for it in found], pa.string()),
            "score": pa.array([it.score for it in found], pa.float64()),
            "reliable": pa.array([it.reliable for it in found], pa.bool_()),
            "own_words": pa.array([it.own_words for it in found], pa.float64()),
        }
    )


def _erased(first: Sequence[str], second: Sequence[str]) -> Iterator[str]:
    """The language of each document that the second identifier finds elsewhere."""
    for ours, theirs in zip(first, second, strict=True):
        if ours != theirs and ours not in (UNKNOWN, MIXED):
            yield ours


def total(sums: Metrics) -> Metrics:
    """The shards' counts, and their shares."""
    documents = max(sums["input_documents"], 1)
    return sums | {
        "unknown_share": sums["unknown_documents"] / documents,
        "mixed_share": sums["mixed_documents"] / documents,
    }


STAGE = Stage(
    "corpus.language",
    version=4,
    config=LanguageConfig,
    inputs=("documents",),
    optional=("model",),
    run=run,
    libraries=("fasttext-predict", "numpy", "py3langid", "pyarrow", "pycld2"),
    sharded=("documents",),
    total=total,
)
