"""Grades: what is known of each item when all documents were looked at, and how sure that is."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal, cast

import pyarrow.parquet as pq
from typing_extensions import TypedDict

from bedstone.corpus.overlap.items import LENGTHS, MOST_DOCUMENTS, rank
from bedstone.store.artifact import Artifact

Row = Mapping[str, Any]

Grade = Literal["clean", "partial", "seen", "too short to tell"]
MOST_FALSE_SHARE = 0.1
"""Of controls found elsewhere: above it a question of that kind says nothing without its answer."""
SEVERAL = 10
"""Controls, at least, to say so."""
NOWHERE: Row = {
    "seen_share": 0.0,
    "answer_seen_share": None,
    "longest_characters": 0,
    "is_seen": False,
}


class SeenDocument(TypedDict):
    """A document that holds some of an item."""

    id: str
    url: str
    seen_share: float
    begin: int
    """Where, in characters."""


class SeenItem(TypedDict):
    """An item, and how much of it a document of the corpus holds."""

    id: str
    seen_share: float
    """Of the n-grams of its question, those at one place of the document that holds most."""
    answer_seen_share: float | None
    """Of its answer's, those within 200 characters of that place; null without an answer or a
    place."""
    longest_characters: int
    """Letters in a row."""
    grade: Grade
    letters: int
    """Of its question."""
    documents: list[SeenDocument]
    """Those that hold most of it first, ten at most."""


class Kind(TypedDict):
    """Questions of one length and kind of script."""

    letters_low: int
    letters_high: int | None
    """Null: any more."""
    ngram_letters: int
    """12, or 8 in scripts without spaces."""
    planted: int
    """Copies of items."""
    found: int
    absent: int
    """Stretches of documents, as long as these questions."""
    false_alarms: int
    """Those found in another document among other words."""
    is_told: bool
    """Whether such questions are graded without their answers."""


class Calibration(TypedDict):
    """What is found of copies of the items that were planted, and of what nobody asked for."""

    planted: int
    found: int
    absent: int
    false_alarms: int
    kinds: list[Kind]


def calibration(controls: Artifact, found: Artifact) -> Calibration:
    """What corpus.controls planted and drew, and what corpus.contamination found of it."""
    shards = (_rows(shard.about("controls.parquet")) for shard in _parts(found))
    elsewhere = {row["control"] for row in chain.from_iterable(shards)}
    kinds = defaultdict[tuple[int, int], Counter[str]](Counter)
    for row in _rows(controls.about("planted.parquet")):
        kinds[row["width"], row["length"]].update(planted=row["planted"], found=row["found"])
    for control, row in enumerate(_rows(controls.file("controls.parquet"))):
        kinds[row["width"], row["length"]].update(absent=1, false_alarms=control in elsewhere)
    sums = sum(kinds.values(), Counter[str]())
    return {
        "planted": sums["planted"],
        "found": sums["found"],
        "absent": sums["absent"],
        "false_alarms": sums["false_alarms"],
        "kinds": [_kind(*kind, kinds[kind]) for kind in sorted(kinds)],
    }


def _kind(width: int, length: int, counts: Counter[str]) -> Kind:
    higher = [each * width - 1 for each in LENGTHS if each > length]
    absent, false = counts["absent"], counts["false_alarms"]
    is_told = length > 1 or absent < SEVERAL or false <= MOST_FALSE_SHARE * absent
    return {
        "letters_low": length * width or 1,
        "letters_high": higher[0] if higher else None,
        "ngram_letters": width,
        "planted": counts["planted"],
        "found": counts["found"],
        "absent": absent,
        "false_alarms": false,
        "is_told": is_told and length > 0,
    }


def graded(controls: Artifact, found: Artifact, kinds: Sequence[Kind]) -> Iterator[SeenItem]:
    """Each item, in their order."""
    best, config = _best(found), found.manifest.config
    is_told = {(kind["ngram_letters"], kind["letters_low"]): kind["is_told"] for kind in kinds}
    for row in _rows(controls.about("items.parquet")):
        documents = best.get(row["id"], [])
        first = documents[0] if documents else NOWHERE
        told = is_told.get((row["width"], row["length"] * row["width"]), True)
        yield {
            "id": row["id"],
            "seen_share": first["seen_share"],
            "answer_seen_share": first["answer_seen_share"],
            "longest_characters": first["longest_characters"],
            "grade": _grade(row, first, config, told=told),
            "letters": row["letters"],
            "documents": [
                cast(SeenDocument, {name: each[name] for name in SeenDocument.__annotations__})
                for each in documents
            ],
        }


def _grade(row: Row, first: Row, config: Row, *, told: bool) -> Grade:
    if first["is_seen"]:
        has_answer = (first["answer_seen_share"] or 0.0) >= config["seen_share"]
        return "seen" if told or has_answer else "too short to tell"
    if not row["ngrams"] or not row["length"]:
        return "too short to tell"
    return "partial" if first["seen_share"] >= config["clean_share"] else "clean"


def _best(found: Artifact) -> dict[str, list[Row]]:
    """Of each item, the documents of all shards that hold most of it."""
    together = defaultdict[str, list[Row]](list)
    for shard in _parts(found):
        for row in _rows(shard.about("items.parquet")):
            together[row["item"]].append(row)
    for rows in together.values():
        rows.sort(key=_worth, reverse=True)
        del rows[MOST_DOCUMENTS:]
    return together


def _worth(row: Row) -> float:
    return rank(row["seen_share"], row["answer_seen_share"], is_seen=row["is_seen"])


def _rows(path: Path) -> Iterator[Row]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches():
            yield from batch.to_pylist()


def _parts(found: Artifact) -> list[Artifact]:
    return cast(list[Artifact], list(found.shards))
