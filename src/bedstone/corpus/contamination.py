"""Stage corpus.contamination: which items of a test are in each document.

Reads   ``documents``; ``items``: JSON lines with ``id``, ``question``, ``answer`` (or ``text``), or
        the items of a test;
        where given ``kept``, whose documents alone are looked at, and ``controls``, texts that
        nobody asked for
Writes  ``contamination.parquet``: ``id``, and ``contaminated_by``, ids of the items that are seen
        in the document (a hundred at most), whose number a limit can be set on: the usual one
        lets pass 0
        ``about/items.parquet``: for each item the documents that hold most of it: ``item``,
        ``id``, ``url``, ``begin`` (of the place, in characters), ``seen_share`` (of the question's
        n-grams), ``answer_seen_share`` (of the answer's, near the place; null without an answer),
        ``longest_characters`` (letters in a row), ``is_seen``
        ``about/controls.parquet``: of the controls that were found, ``control`` (the row), and in
        how many ``documents`` that are no copies of its own

A question is seen where so many of its n-grams stand at one place of one document. Over a whole
corpus the n-grams of any question would come together, the more the larger it is.

``contaminated_by`` knows nothing of how often controls are found, which only all shards together
tell: questions that ``bedstone seen`` calls too short to tell are named in it like all others.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import lru_cache
from heapq import heappush, heapreplace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from bedstone.config import Config
from bedstone.corpus.overlap.items import (
    CLEAN_SHARE,
    MOST_DOCUMENTS,
    SEEN_SHARE,
    TEXT,
    Items,
    rank,
    read_items,
)
from bedstone.corpus.overlap.search import Place, Search
from bedstone.corpus.rewriting.versions import passing, row_groups
from bedstone.store import tables
from bedstone.store.artifact import ABOUT
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.text.codes import batches

MOST_NAMED = 100
"""Items of a document."""
COPY_SHARE = 0.4
"""Of a control with what is around it, three times as much: from here on it is a copy."""


class ContaminationConfig(Config):
    """What counts as seen."""

    seen_share: float = Field(SEEN_SHARE, gt=0, le=1)
    """Of a question's n-grams, at one place: from here on it is seen. Of a question with fewer
    letters than two n-grams all must be there, with fewer than one its answer too."""
    clean_share: float = Field(CLEAN_SHARE, gt=0, le=1)
    """Below it a question is clean, and the document is not told."""


def run(config: ContaminationConfig, job: Job) -> Result:
    """Look for the items in one shard."""
    controls = job.inputs.get("controls")
    path = tables.table_path(controls) if controls else None
    found = _Found(config, *_read(tuple(job.inputs["items"].files), path))
    documents = job.inputs["documents"]
    ids = tables.read(documents, ["id"])
    keep, first = passing(job, ids, "kept"), 0
    with (
        tables.writing(job, FILE, CONTAMINATION) as written,
        job.progress.task("documents", ids.num_rows) as task,
    ):
        for group in row_groups(documents, ("id", "url", "text")):
            here = keep[first : first + group.num_rows]
            first += group.num_rows
            named = iter(found.named(group.filter(pa.array(here))))
            lists = [next(named) if is_kept else [] for is_kept in here.tolist()]
            ids_here = group["id"].cast(pa.string())
            written.extend(pa.table({"id": ids_here, "contaminated_by": lists}, CONTAMINATION))
            task.advance(group.num_rows)
    files = (
        job.record(FILE),
        tables.write(job, f"{ABOUT}/items.parquet", found.items()),
        tables.write(job, f"{ABOUT}/controls.parquet", found.controls()),
    )
    return Result({"input_documents": int(keep.sum()), **found.counts}, files)


def total(sums: Metrics) -> Metrics:
    """The shards' counts, and the share of the documents that hold an item."""
    return sums | {
        "contaminated_share": sums["contaminated_documents"] / max(sums["input_documents"], 1)
    }


class _Found:
    """What is found of items and controls in one shard."""

    def __init__(self, config: ContaminationConfig, items: Items, controls: pa.Table) -> None:
        self._config, self._items = config, items
        self._own = controls["document"].to_pylist()
        self._lengths = controls["length"].to_pylist()
        self._search = Search(items.index, config.clean_share)
        self._texts = len(items.index.valid) - 2 * controls.num_rows
        """Of the items; then come the controls, and then the same with what is around them."""
        self._order = np.argsort(items.texts, kind="stable")
        self._firsts = np.searchsorted(items.texts, np.arange(self._texts + 1), sorter=self._order)
        self._best = defaultdict[int, list[tuple[float, int, dict[str, object]]]](list)
        self._elsewhere = Counter[int]()
        self._told = 0
        self.counts: Metrics = {"contaminated_documents": 0, "seen_pairs": 0}

    def named(self, group: pa.Table) -> Iterator[list[str]]:
        """For each document, the items that are seen in it."""
        first = 0
        for texts in batches(group["text"]):
            rows = group.slice(first, len(texts))
            first += len(texts)
            by_row = defaultdict[int, list[Place]](list)
            for place in self._search.places(texts):
                by_row[place.row].append(place)
            for row in range(len(texts)):
                places = by_row.get(row, [])
                seen = self._in_document(rows.slice(row, 1), places) if places else []
                self.counts["contaminated_documents"] += bool(seen)
                self.counts["seen_pairs"] += len(seen)
                names = self._items.table["id"]
                yield [names[item].as_py() for item in sorted(seen)[:MOST_NAMED]]

    def _in_document(self, row: pa.Table, places: list[Place]) -> list[int]:
        document = row.to_pylist()[0]
        self._note_controls(document["id"], {place.text: place.share for place in places})
        seen = []
        for place in places:
            if place.text < self._texts:
                low, high = self._firsts[place.text : place.text + 2]
                those = self._order[low:high].tolist()
                seen += [item for item in those if self._note(item, place, document)]
        return seen

    def _note(self, item: int, place: Place, document: dict[str, str]) -> bool:
        """Keep it if few documents hold more of the item; whether it is seen."""
        question, answer = self._items.met(item, place, document["text"])
        is_seen = self._items.is_seen(item, question, answer, self._config.seen_share)
        worth, best = rank(question, answer, is_seen=is_seen), self._best[item]
        if len(best) == MOST_DOCUMENTS and worth <= best[0][0]:
            return is_seen
        told = {
            "item": self._items.table["id"][item].as_py(),
            "id": document["id"],
            "url": document["url"],
            "begin": place.begin,
            "seen_share": question,
            "answer_seen_share": answer,
            "longest_characters": self._items.index.longest(place.text, place.met),
            "is_seen": is_seen,
        }
        self._told += 1  # of equals, those that came first
        put = heappush if len(best) < MOST_DOCUMENTS else heapreplace
        put(best, (worth, -self._told, told))
        return is_seen

    def _note_controls(self, document: str, shares: dict[int, float]) -> None:
        count = len(self._own)
        for text, share in shares.items():
            control = text - self._texts
            if not 0 <= control < count or self._own[control] == document:
                continue
            least = 1.0 if self._lengths[control] == 1 else self._config.seen_share
            if share >= least and shares.get(text + count, 0.0) < COPY_SHARE:
                self._elsewhere[control] += 1

    def items(self) -> pa.Table:
        """The documents of each item, those that hold most of it first."""
        lists = (sorted(self._best[item], reverse=True) for item in sorted(self._best))
        return pa.Table.from_pylist([row for each in lists for _, _, row in each], ITEMS)

    def controls(self) -> pa.Table:
        """In how many documents each control was found."""
        found = sorted(self._elsewhere.items())
        return pa.Table.from_pylist(
            [dict(zip(CONTROLS.names, it, strict=True)) for it in found], CONTROLS
        )


@lru_cache(1)
def _read(files: tuple[Path, ...], path: Path | None) -> tuple[Items, pa.Table]:
    """The items and the controls: all shards that one process looks at share them."""
    controls = pa.table({"document": [], "length": [], "text": [], "around": []})
    if path:
        with tables.reading(path):
            controls = pq.read_table(path, columns=controls.column_names)
    chunks = [chunk.cast(TEXT) for name in ("text", "around") for chunk in controls[name].chunks]
    return read_items(files, pa.chunked_array(chunks, TEXT)), controls


FILE = "contamination.parquet"
CONTAMINATION = pa.schema([("id", pa.string()), ("contaminated_by", pa.list_(pa.string()))])
CONTROLS = pa.schema([("control", pa.int64()), ("documents", pa.int64())])
ITEMS = pa.schema(
    [
        ("item", pa.string()),
        ("id", pa.string()),
        ("url", pa.string()),
        ("begin", pa.int64()),
        ("seen_share", pa.float64()),
        ("answer_seen_share", pa.float64()),
        ("longest_characters", pa.int64()),
        ("is_seen", pa.bool_()),
    ]
)

STAGE = Stage(
    "corpus.contamination",
    version=1,
    config=ContaminationConfig,
    inputs=("documents", "items"),
    optional=("kept", "controls"),
    run=run,
    libraries=("numpy", "pyarrow"),
    sharded=("documents", "kept"),
    total=total,
)
