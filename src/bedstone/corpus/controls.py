"""Stage corpus.controls: try how well items would be found, before they are looked for.

Reads   ``documents``, some row groups of theirs; ``items``: JSON lines with ``id``, ``question``,
        ``answer`` (or ``text``), or the items of a test
Writes  ``controls.parquet``: texts that nobody asked for, stretches of single documents that are as
        long as items of the same kind of script: ``document`` (whose it is), ``text``, ``around``
        (the same with what stands before and behind it), ``width`` (letters of an n-gram),
        ``length`` (how many n-grams' letters it has: 1 or more, 2 or more, 4 or more)
        ``about/planted.parquet``: for each ``width`` and ``length``, how many copies of items were
        ``planted`` in documents, and ``found``
        ``about/items.parquet``: for each item ``id``, ``letters`` (of the question), ``width``,
        ``length``, ``ngrams`` (that are looked for; 0 if nothing can be)
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from pydantic import Field

from bedstone.config import Config
from bedstone.corpus.overlap.items import SEEN_SHARE, Items, read_items
from bedstone.corpus.overlap.trials import Document, Stretch, Trial, drawn, planted, stretches
from bedstone.corpus.rewriting.versions import row_groups
from bedstone.lots import lot
from bedstone.store import tables
from bedstone.store.artifact import ABOUT
from bedstone.store.stage import Job, Metrics, Result, Stage

GROUPS = 16
"""Row groups of documents that are read."""


class ControlsConfig(Config):
    """How much is tried."""

    trials: int = Field(100, ge=1, le=10_000)
    """Items of each length and kind of script, drawn by hash."""
    seen_share: float = Field(SEEN_SHARE, gt=0, le=1)
    """Of a question's n-grams: from here on it counts as found."""


def run(config: ControlsConfig, job: Job) -> Result:
    """Plant copies, and draw stretches."""
    items = read_items(job.inputs["items"].files)
    chosen = drawn(items, config.trials)
    documents = sorted(_documents(job), key=lambda each: lot(each.id, "corpus.controls"))
    rows = planted(items, chosen, documents, config.seen_share) if documents else []
    texts = list(stretches(items, chosen, documents))
    files = (
        tables.write(job, "controls.parquet", _columns(texts, CONTROLS)),
        tables.write(job, f"{ABOUT}/planted.parquet", _columns(rows, PLANTED)),
        tables.write(job, f"{ABOUT}/items.parquet", _table(items)),
    )
    counts: Metrics = {
        "input_items": len(items),
        "empty_items": int(np.sum(items.letters == 0)),
        "planted_copies": sum(row.planted for row in rows),
        "found_copies": sum(row.found for row in rows),
        "control_texts": len(texts),
    }
    return Result(counts, files)


def _documents(job: Job) -> Iterator[Document]:
    shards = job.inputs["documents"].shards
    each = -(-GROUPS // max(len(shards), 1))
    for shard in shards[:: -(-len(shards) // GROUPS) or 1]:
        for group in islice(row_groups(shard, ("id", "text")), each):
            yield from map(Document, group["id"].to_pylist(), group["text"].to_pylist())


def _columns(rows: Sequence[NamedTuple], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist([row._asdict() for row in rows], schema)


def _table(items: Items) -> pa.Table:
    return pa.table(
        {
            "id": items.table["id"],
            "letters": items.letters,
            "width": items.widths,
            "length": items.lengths,
            "ngrams": np.bitwise_count(items.index.valid[items.texts]),
        }
    )


TYPES = {str: pa.large_string(), int: pa.int64()}
CONTROLS, PLANTED = (
    pa.schema([(name, TYPES[kind]) for name, kind in row.__annotations__.items()])
    for row in (Stretch, Trial)
)

STAGE = Stage(
    "corpus.controls",
    version=1,
    config=ControlsConfig,
    inputs=("documents", "items"),
    run=run,
    libraries=("numpy", "pyarrow"),
)
