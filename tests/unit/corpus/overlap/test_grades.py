from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedstone.corpus.contamination import ITEMS
from bedstone.corpus.controls import CONTROLS, PLANTED
from bedstone.corpus.overlap.grades import calibration, graded

FALSE = pa.schema([("control", pa.int64()), ("documents", pa.int64())])
CONFIG = {"seen_share": 0.8, "clean_share": 0.2}


@pytest.fixture
def artifact(tmp_path):
    """An artifact of tables, and of shards."""

    def make(name: str, shards=(), **tables: pa.Table):
        for table, values in tables.items():
            pq.write_table(values, tmp_path / f"{name}.{table}.parquet")
        read = lambda file: tmp_path / f"{name}.{file}"  # noqa: E731
        manifest = SimpleNamespace(config=CONFIG)
        return SimpleNamespace(about=read, file=read, shards=shards, manifest=manifest)

    return make


def table(schema: pa.Schema, *rows: tuple) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [[]] * len(schema)
    return pa.Table.from_arrays(
        [pa.array(it, f.type) for it, f in zip(columns, schema, strict=True)], schema=schema
    )


def item(name: str, length: int, ngrams: int = 40):
    return {
        "id": name,
        "letters": 12 * length,
        "width": 12,
        "length": length,
        "ngrams": ngrams,
    }


def match(name: str, share: float, answer: float | None, is_seen, document: str = "d"):
    return (name, document, "https://a.example/", 7, share, answer, 30, is_seen)


def controls_of(artifact, of: int, items: list[dict]):
    drawn = table(CONTROLS, *[("d", "t", "a", 12, 1)] * of, ("d", "t", "a", 12, 4))
    planted = table(PLANTED, (12, 1, 9, 8))
    return artifact("controls", items=pa.Table.from_pylist(items), planted=planted, controls=drawn)


def found_of(artifact, *shards: list[tuple], false: tuple[int, ...] = ()):
    parts = [
        artifact(
            f"shard{number}",
            items=table(ITEMS, *rows),
            controls=table(FALSE, *((control, 1) for control in false)),
        )
        for number, rows in enumerate(shards)
    ]
    return artifact("found", shards=parts)


def test_kinds_are_counted_over_shards(artifact):
    controls = controls_of(artifact, 20, [item("a", 4)])
    found = calibration(controls, found_of(artifact, [], [], false=(0, 5)))
    assert {name: found[name] for name in ("planted", "found", "absent", "false_alarms")} == {
        "planted": 9,
        "found": 8,
        "absent": 21,
        "false_alarms": 2,
    }
    short, long = found["kinds"]
    assert (short["letters_low"], short["letters_high"], short["found"]) == (12, 23, 8)
    assert (long["letters_low"], long["letters_high"], long["is_told"]) == (48, None, True)


@pytest.mark.parametrize(("false", "grade"), [((0, 1), "seen"), ((0, 1, 2), "too short to tell")])
def test_short_questions_are_told_by_their_answers_where_too_many_are_false(artifact, false, grade):
    items = [item("short", 1), item("answered", 1), item("long", 4)]
    rows = [
        match("short", 1, 0.0, True),
        match("answered", 1, 1.0, True),
        match("long", 1, None, True),
    ]
    controls, found = controls_of(artifact, 20, items), found_of(artifact, rows, false=false)
    kinds = calibration(controls, found)["kinds"]
    grades = {each["id"]: each["grade"] for each in graded(controls, found, kinds)}
    assert grades == {"short": grade, "answered": "seen", "long": "seen"}


def test_grades_and_documents_of_all_shards(artifact):
    items = [item("none", 4), item("half", 4), item("tiny", 0), item("common", 4, ngrams=0)]
    first = [match("half", 0.5, None, False, "d1")]
    second = [match("half", 0.7, None, False, "d2"), match("tiny", 1, 0.1, False)]
    found = found_of(artifact, first, second)
    rows = {each["id"]: each for each in graded(controls_of(artifact, 20, items), found, [])}
    assert {name: row["grade"] for name, row in rows.items()} == {
        "none": "clean",
        "half": "partial",
        "tiny": "too short to tell",
        "common": "too short to tell",
    }
    half = rows["half"]
    assert [each["id"] for each in half["documents"]] == ["d2", "d1"]
    assert half["seen_share"] == 0.7
    assert (rows["none"]["documents"], rows["none"]["seen_share"]) == ([], 0.0)
