"""Stage tokenizer.mix: how much of each language, and which documents no model is trained on.

Reads   ``tokens``: the shards of tokenizer.encode
Writes  ``mix.json``: ``train_tokens`` and ``train_bytes`` in all, and ``languages`` {name:
        ``weight`` (share of the tokens to train on), ``repetition`` (how often its text is seen
        while the whole is seen once), ``train_documents``, ``train_tokens``, ``train_bytes``,
        ``held_out_documents``, ``held_out_tokens``, ``held_out_bytes``}.
        ``documents.parquet``: ``id``, ``language``, ``shard``, ``index`` (within the language's
        arrays of that shard), ``split`` (``train`` or ``held_out``)

No text and no token is copied: the loader applies the weights. Documents in no known language
(``und``) and in several (``mul``) are languages of their own.
Of the documents held out here posttrain.pairs, which draws the same lots, holds out all, unless
its share is smaller.
"""

import json
from collections import Counter
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from bedstone.artifact import Shard
from bedstone.config import Config
from bedstone.corpus import columns
from bedstone.errors import DataError
from bedstone.lots import is_held_out
from bedstone.stage import Job, Result, Stage
from bedstone.tokenizer.mixing import FILE, temperature_weights

COUNTS = tuple(
    f"{split}_{unit}"
    for split in ("train", "held_out")
    for unit in ("documents", "tokens", "bytes")
)


LanguageKey = Annotated[str, Field(pattern=r"^([a-z]{3}_[A-Z][a-z]{3}|mul|und)$")]


class MixConfig(Config):
    """The weights of the languages, and the share of documents that is held out."""

    temperature: float = Field(10 / 3, ge=1)
    """A language's weight is as its tokens to the power of 1/temperature. mT5's by default."""
    max_repetition: float = Field(4.0, ge=1)
    """How often a language's text may be seen while the whole is seen once."""
    held_out_share: float = Field(0.05, ge=0, lt=1)
    min_documents: int = Field(20, ge=1)
    """A language with fewer holds out none."""
    without: tuple[LanguageKey, ...] = ()
    """Languages left out."""


def run(config: MixConfig, job: Job) -> Result:
    """Split the documents, count what is left to train on, and weigh the languages.

    Raises:
        DataError: there is no document to train on.
    """
    shards = enumerate(job.inputs["tokens"].shards)
    documents = pa.concat_tables([_numbered(shard, number) for number, shard in shards])
    left_out = pc.is_in(documents["language"], pa.array(config.without, pa.string()))
    documents = split(documents.filter(pc.invert(left_out)), config)
    languages = weighed(counts(documents), config)
    if not languages:
        raise DataError("there is no document to train on")
    totals = {name: sum(values[name] for values in languages.values()) for name in COUNTS}
    in_all = {name: totals[name] for name in ("train_tokens", "train_bytes")}
    with job.part(FILE) as path:
        path.write_text(json.dumps({**in_all, "languages": languages}, indent=1) + "\n", "utf-8")
    listed = documents.select(["id", "language", "shard", "index", "split"])
    columns.write(job, "documents.parquet", listed)
    return Result(
        {
            **totals,
            "train_languages": len(languages),
            "held_out_languages": sum(v["held_out_documents"] > 0 for v in languages.values()),
            "weight_max_share": max(values["weight"] for values in languages.values()),
            "repetition_max": max(values["repetition"] for values in languages.values()),
        }
    )


def split(documents: pa.Table, config: MixConfig) -> pa.Table:
    """The documents with their ``split``, drawn by hash of the id."""
    totals = Counter(documents["language"].to_pylist())
    rows = zip(documents["id"].to_pylist(), documents["language"].to_pylist(), strict=True)
    held_out = [
        totals[language] >= config.min_documents and is_held_out(name, config.held_out_share)
        for name, language in rows
    ]
    names = ["held_out" if held else "train" for held in held_out]
    return documents.append_column("split", pa.array(names, pa.string()))


def counts(documents: pa.Table) -> dict[str, dict[str, int]]:
    """``COUNTS`` of each language that has documents to train on, by name."""
    sums = documents.group_by(["language", "split"]).aggregate(
        [("id", "count"), ("tokens", "sum"), ("bytes", "sum")]
    )
    found: dict[str, dict[str, int]] = {}
    for row in sums.sort_by("language").to_pylist():
        values = found.setdefault(row["language"], dict.fromkeys(COUNTS, 0))
        values[f"{row['split']}_documents"] = row["id_count"]
        values[f"{row['split']}_tokens"] = row["tokens_sum"]
        values[f"{row['split']}_bytes"] = row["bytes_sum"]
    return {name: values for name, values in found.items() if values["train_documents"]}


def weighed(languages: dict[str, dict[str, int]], config: MixConfig) -> dict[str, dict[str, Any]]:
    """Each language's counts with its ``weight`` and ``repetition``."""
    sizes = {name: values["train_tokens"] for name, values in languages.items()}
    total = sum(sizes.values())
    weights = temperature_weights(sizes, config.temperature, config.max_repetition)
    return {
        name: {"weight": weight, "repetition": weight * total / sizes[name], **languages[name]}
        for name, weight in weights.items()
    }


def _numbered(shard: Shard, number: int) -> pa.Table:
    """A shard's documents with its number and each one's place in its language's arrays."""
    table = columns.read(shard, ["id", "language", "bytes", "tokens"])
    seen = Counter[str]()
    index = []
    for language in table["language"].to_pylist():
        index.append(seen[language])
        seen[language] += 1
    table = table.append_column("shard", pa.array([number] * table.num_rows, pa.int64()))
    return table.append_column("index", pa.array(index, pa.int64()))


STAGE = Stage(
    "tokenizer.mix",
    version=1,
    config=MixConfig,
    inputs=("tokens",),
    run=run,
    libraries=("pyarrow",),
)
