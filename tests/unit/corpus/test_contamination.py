import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedstone.corpus import contamination
from bedstone.corpus.contamination import STAGE, total
from bedstone.errors import DataError

FERRY = "Where did the ferryman of the lower valley keep his lantern?"
MILL = "Which of the two mills above the town was built by the sisters?"
HOST = "Some of the boats were painted last spring, and nobody has asked why. "


@pytest.fixture
def items(tmp_path):
    """An input of items."""

    def write(*rows: dict):
        path = tmp_path / "items.jsonl"
        path.write_text("\n".join(map(json.dumps, rows)))
        return type("Items", (), {"files": (path,)})()

    return write


def documents_of(table_shard, *texts: str, name="documents"):
    columns = {"id": [f"d{number}" for number in range(len(texts))], "text": list(texts)}
    return table_shard(name, columns | {"url": [f"https://a.example/{it}" for it in columns["id"]]})


def named(rows, made):
    return {row["id"]: row["contaminated_by"] for row in rows(made, "contamination.parquet")}


def test_each_document_names_what_it_holds(table_shard, run, rows, items):
    texts = [HOST, f"{HOST}{FERRY} In a box. {MILL.upper()}", "", FERRY[:40], f"{MILL} {FERRY}"]
    asked = items({"id": "f", "question": FERRY, "answer": "in a box"}, {"id": "m", "text": MILL})
    result, made = run(STAGE, documents=documents_of(table_shard, *texts), items=asked)
    assert named(rows, made) == {"d0": [], "d1": ["f", "m"], "d2": [], "d3": [], "d4": ["f", "m"]}
    assert result.metrics == {"input_documents": 5, "contaminated_documents": 2, "seen_pairs": 4}
    found = rows(made, "about/items.parquet")
    assert [(row["item"], row["id"], row["is_seen"]) for row in found] == [
        ("f", "d1", True),
        ("f", "d4", True),
        ("f", "d3", False),
        ("m", "d1", True),
        ("m", "d4", True),
    ]
    assert found[0] == {
        "item": "f",
        "id": "d1",
        "url": "https://a.example/d1",
        "begin": len(HOST),
        "seen_share": 1.0,
        "answer_seen_share": 1.0,
        "longest_characters": 49,
        "is_seen": True,
    }
    assert (found[1]["answer_seen_share"], found[3]["answer_seen_share"]) == (0.0, None)


def test_limits_move_what_is_seen(table_shard, run, rows, items):
    documents = documents_of(table_shard, FERRY[:40])
    asked = items({"id": "f", "question": FERRY})
    assert named(rows, run(STAGE, documents=documents, items=asked)[1]) == {"d0": []}
    _, made = run(STAGE, {"seen_share": 0.5}, documents=documents, items=asked)
    assert named(rows, made) == {"d0": ["f"]}
    _, made = run(STAGE, {"clean_share": 0.9}, documents=documents, items=asked)
    assert rows(made, "about/items.parquet") == []


def test_documents_that_are_not_kept_are_not_looked_at(table_shard, run, rows, items):
    documents = documents_of(table_shard, FERRY, HOST, FERRY)
    asked = items({"id": "f", "question": FERRY})
    kept = table_shard("kept", {"id": ["d0", "d1", "d2"], "keep": [False, True, True]})
    result, made = run(STAGE, documents=documents, items=asked, kept=kept)
    assert named(rows, made) == {"d0": [], "d1": [], "d2": ["f"]}
    assert result.metrics["input_documents"] == 2
    others = table_shard("others", {"id": ["d0", "d1", "x"], "keep": [True] * 3})
    with pytest.raises(DataError, match="is about other documents"):
        run(STAGE, documents=documents, items=asked, kept=others)


def test_few_documents_of_an_item_are_told_and_few_items_of_a_document(
    table_shard, run, rows, items, monkeypatch
):
    monkeypatch.setattr(contamination, "MOST_NAMED", 2)
    asked = items(*({"id": str(it), "question": f"{FERRY} {it:012}"} for it in range(3)))
    texts = [f"{FERRY} 000000000000"] * 12
    everything = " ".join(f"{FERRY} {it:012} {'x' * 300}" for it in range(3))
    documents = documents_of(table_shard, *texts, everything)
    result, made = run(STAGE, documents=documents, items=asked)
    assert named(rows, made)["d12"] == ["0", "1"]
    assert result.metrics["seen_pairs"] >= 15
    told = [row["id"] for row in rows(made, "about/items.parquet") if row["item"] == "0"]
    assert told == [f"d{number}" for number in range(10)]


def test_a_control_among_other_words_is_a_false_alarm_and_a_copy_is_none(
    table_shard, run, rows, items
):
    phrase = "the usual terms and conditions apply"
    own = f"As the sisters said, {phrase}, whatever else was agreed upon."
    controls = table_shard(
        "controls",
        {"document": ["d0"], "text": [phrase], "around": [own], "width": [12], "length": [2]},
    )
    texts = [own, f"{HOST} {own} {HOST}", f"{HOST} {phrase} {HOST}", HOST]
    asked = items({"id": "f", "question": FERRY})
    _, made = run(
        STAGE, documents=documents_of(table_shard, *texts), items=asked, controls=controls
    )
    assert rows(made, "about/controls.parquet") == [{"control": 0, "documents": 1}]
    assert all(not each for each in named(rows, made).values())


def test_no_documents(table_shard, run, rows, items):
    empty = pa.array([], pa.string())
    documents = table_shard("documents", {"id": empty, "text": empty, "url": empty})
    result, made = run(STAGE, documents=documents, items=items({"id": "f", "question": FERRY}))
    assert rows(made, "contamination.parquet") == []
    assert total(result.metrics)["contaminated_share"] == 0
    assert pq.read_schema(made.file("contamination.parquet")).names == ["id", "contaminated_by"]
