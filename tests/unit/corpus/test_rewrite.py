import pyarrow as pa
import pytest
from pydantic import ValidationError

from bedstone.corpus.rewrite import STAGE, RewriteConfig, total
from bedstone.store.request import ask

TEXT = (
    "A title\n\nFive words are on this.\nNo end\n\nSubtitle here it is.\n"
    "Five more words on this [1]."
)
TEXTS = {"page": TEXT, "menu": "Home\nAbout", "same": "Five words are on this.", "none": ""}
HEADINGS = {"page": [0, 5], "menu": [0], "same": [], "none": []}


@pytest.fixture
def documents(table_shard):
    count = len(TEXTS)
    columns = {
        "id": list(TEXTS),
        "url": [f"https://a.example/{name}" for name in TEXTS],
        "date": ["2024-01-01T00:00:00Z"] * count,
        "charset": ["utf-8"] * count,
        "text": pa.array(TEXTS.values(), pa.large_string()),
        "headings": pa.array(HEADINGS.values(), pa.list_(pa.int32())),
    }
    return table_shard("documents", columns)


def test_the_same_rows_with_what_is_left_of_them(documents, run, rows):
    result, made = run(STAGE, documents=documents)
    found = {row["id"]: row for row in rows(made, "documents.parquet")}
    assert list(found) == list(TEXTS)
    kept = "Five words are on this.\nSubtitle here it is.\nFive more words on this ."
    assert {name: (row["text"], row["headings"]) for name, row in found.items()} == {
        "page": (kept, [1]),
        "menu": ("", []),
        "same": (TEXTS["same"], []),
        "none": ("", []),
    }
    before = {row["id"]: row for row in rows(documents, "documents.parquet")}
    for name, row in found.items():
        assert before[name] | {"text": row["text"], "headings": row["headings"]} == row
    metrics = total(result.metrics)
    assert metrics["input_documents"] == 4
    assert metrics["changed_documents"] == 2
    assert metrics["emptied_documents"] == 1
    assert metrics["dropped.end_mark_lines"] == 4
    assert metrics["dropped.end_mark_bytes"] == len("A titleNo endHomeAbout")
    assert metrics["dropped.citations_lines"] == 1
    assert metrics["kept_bytes_share"] == metrics["kept_bytes"] / metrics["input_bytes"]


def test_what_was_dropped_before_is_left_without_text(documents, table_shard, run, rows):
    keep = {"page": True, "menu": True, "same": False, "none": False}
    before = table_shard("before", {"id": list(keep), "keep": list(keep.values())})
    _, whole = run(STAGE, documents=documents)
    result, made = run(STAGE, documents=documents, before=before)
    nothing = {"text": "", "headings": []}
    assert rows(made, "documents.parquet") == [
        row if keep[row["id"]] else row | nothing for row in rows(whole, "documents.parquet")
    ]
    assert result.metrics["input_documents"] == 2
    assert result.metrics["input_bytes"] == len(TEXTS["page"]) + len(TEXTS["menu"])
    assert result.metrics["emptied_documents"] == 1


def test_row_groups_make_no_difference(documents, run, rows, monkeypatch):
    _, whole = run(STAGE, documents=documents)
    monkeypatch.setattr("bedstone.store.tables.ROW_GROUP_ROWS", 3)
    monkeypatch.setattr("bedstone.text.codes.CHARACTERS_AT_ONCE", 5)
    _, parts = run(STAGE, documents=documents)
    assert rows(parts, "documents.parquet") == rows(whole, "documents.parquet")


def test_a_rule_left_out_is_another_text(documents, run, rows):
    config = {"without": ["end_mark"]}
    _, made = run(STAGE, config, documents=documents)
    same, _ = run(STAGE, {"lines": "c4:fineweb"}, documents=documents)
    assert rows(made, "documents.parquet")[0]["text"].startswith("Five words are on this.\nSub")
    requests = [
        ask(STAGE, RewriteConfig(**each), {"documents": documents}).digest
        for each in ({}, config, {"lines": "c4:fineweb"}, {"lines": "c4:tfds"})
    ]
    assert len(set(requests)) == 4
    assert same.metrics["dropped.end_mark_lines"] == 0


def test_no_documents(table_shard, run, rows):
    empty = pa.table(
        {
            "id": pa.array([], pa.string()),
            "url": pa.array([], pa.string()),
            "text": pa.array([], pa.large_string()),
            "headings": pa.array([], pa.list_(pa.int32())),
        }
    )
    result, made = run(STAGE, documents=table_shard("documents", empty))
    assert rows(made, "documents.parquet") == []
    assert total(result.metrics)["kept_bytes_share"] == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lines": "c4"}, "c4:tfds"),
        ({"without": ["curly"]}, "end_mark"),
        ({"lines": "c4:fineweb", "without": ["end_mark"]}, "no rule end_mark to leave out"),
    ],
)
def test_settings_without_effect_are_errors(settings, message):
    with pytest.raises(ValidationError, match=message):
        RewriteConfig(**settings)
