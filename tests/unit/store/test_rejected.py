"""Rejected records are told when a command is done, wherever the corpus stands behind it."""

import json

import pyarrow.parquet as pq
import pytest

import bedstone

TEXT = "The patient scholar of this page measured the silver river, and the others did too. " * 3
RECIPE = """
[inputs]
texts = "JSONL"

[documents]
stage = "corpus.records"
inputs = { records = "texts" }

[language]
stage = "corpus.language"
inputs = { documents = "documents" }
"""


@pytest.fixture
def texts(tmp_path):
    """Two files: two records of one are no JSON, one of each has no text."""
    good, empty = json.dumps({"text": TEXT}), json.dumps({"text": ""})
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.jsonl").write_text("\n".join([good, "{", "[", empty]))
    (folder / "b.jsonl").write_text("\n".join([good + " ", empty, good]))
    return folder


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE)
    return path


def test_each_command_closes_with_one_line(cli, texts, recipe, store):
    reasons = {"no_json": 2, "no_text": 2}
    for words in (
        ["audit", texts],
        ["run", recipe, "--input", f"texts={texts}"],
        ["build", "corpus.records", "--input", f"records={texts}"],
    ) * 2:
        status, out, err = cli(*words, "--store", store, "--json")
        assert status == 0
        assert json.loads(out)["rejected"] == reasons
        (line,) = (line for line in err.splitlines() if line.startswith("rejected: "))
        assert err.splitlines()[-1] == line
        told, _, place = line.removesuffix(" and 1 more like it").partition("; see ")
        assert told == "rejected: 4 records gave no document: 2 no_json, 2 no_text"
        assert pq.read_table(place)["reason"].to_pylist() == ["no_json", "no_json", "no_text"]


def test_what_was_rejected_before_a_given_artifact_is_told(texts, recipe, store):
    made = bedstone.build("corpus.records", inputs={"records": texts}, store=store)
    inputs = {"documents": made["artifact"]}
    found = bedstone.build("corpus.language", inputs=inputs, store=store)
    assert found["rejected"] == {"no_json": 2, "no_text": 2}
    assert bedstone.audit(made["artifact"], store=store)["rejected"] == found["rejected"]


def test_where_nothing_is_rejected_nothing_is_said(cli, texts, recipe, store):
    (texts / "a.jsonl").write_text(json.dumps({"text": TEXT}))
    (texts / "b.jsonl").unlink()
    words = ["run", recipe, "--input", f"texts={texts}", "--store", store]
    status, out, err = cli(*words)
    assert status == 0
    assert "rejected: " not in out + err
    assert json.loads(cli(*words, "--json")[1])["rejected"] == {}
