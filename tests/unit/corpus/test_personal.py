import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from bedstone.corpus.personal import STAGE, PersonalConfig, masked, total
from bedstone.corpus.personal_data.national_numbers import KINDS

TEXTS = {
    "one": "Ecrire à li.na@mail.example.org 😀 ou +254 712 345 678.",
    "two": "फ़ोन 0712 345 678 यहाँ",
    "none": "Nobody is named.",
    "empty": "",
}
LANGUAGES = ["fra_Latn", "hin_Deva", "fra_Latn", "und"]


@pytest.fixture
def documents(table_shard):
    urls = ["https://a.example.org/", "https://a.example.co.ke/", None, "no url"]
    texts = pa.array(TEXTS.values(), pa.large_string())
    return table_shard("documents", {"id": list(TEXTS), "url": urls, "text": texts})


@pytest.fixture
def language(table_shard):
    return table_shard("language", {"id": list(TEXTS), "language": LANGUAGES})


def test_spans_are_places_in_the_text_and_no_value_is_kept(documents, run, rows):
    result, made = run(STAGE, documents=documents)
    found = {row["id"]: row for row in rows(made, "personal.parquet")}
    assert list(found) == list(TEXTS)
    values = {
        name: [
            (TEXTS[name][it["start"] : it["end"]], it["kind"], it["country"]) for it in row["spans"]
        ]
        for name, row in found.items()
    }
    assert values == {
        "one": [("li.na@mail.example.org", "email", None), ("+254 712 345 678", "phone", "KE")],
        "two": [("0712 345 678", "phone", "KE")],
        "none": [],
        "empty": [],
    }
    assert [row["personal"] for row in found.values()] == [2, 1, 0, 0]
    assert [row["characters"] for row in found.values()] == [len(text) for text in TEXTS.values()]
    metrics = total(result.metrics)
    assert metrics["input_documents"] == 4
    assert metrics["personal_documents"] == 2
    assert metrics["personal_share"] == 0.5
    assert metrics["personal_spans"] == 3
    assert metrics["found.phone_spans"] == 2
    assert metrics["found.card_spans"] == 0
    assert metrics["planted_spans"] == 4 * len(KINDS)
    assert metrics["planted_recall_share_low"] < metrics["planted_recall_share"] > 0.9
    assert metrics["planted_precision_share_n"] >= metrics["planted_found_spans"]
    for path in made.location.rglob("*.parquet"):
        assert b"li.na" not in path.read_bytes()
        assert "345" not in str(pq.read_table(path).to_pylist())


def test_hits_by_language_and_their_shapes(documents, language, run, rows):
    _, made = run(STAGE, documents=documents, language=language)
    assert rows(made, "about/hits.parquet") == [
        {"language": which, "kind": kind, "characters": size, "documents": number, "hits": hits}
        | {"examples": examples}
        for which, kind, size, number, hits, examples in [
            ("fra_Latn", "any", len(TEXTS["one"] + TEXTS["none"]), 1, 2, []),
            ("fra_Latn", "email", 70, 1, 1, ["xx.xx@xxxx.xxxxxxx.xxx"]),
            ("fra_Latn", "phone", 70, 1, 1, ["+000 000 000 000"]),
            ("hin_Deva", "any", len(TEXTS["two"]), 1, 1, []),
            ("hin_Deva", "phone", len(TEXTS["two"]), 1, 1, ["0000 000 000"]),
            ("und", "any", 0, 0, 0, []),
        ]
    ]
    planted = rows(made, "about/planted.parquet")
    assert {row["language"] for row in planted} == {"fra_Latn", "hin_Deva", "und"}
    assert all(row["found"] <= row["planted"] for row in planted)


def test_the_host_goes_before_the_language_and_without_either_none_is_said(
    documents, table_shard, run, rows
):
    others = table_shard("other", {"id": list(TEXTS), "language": ["und"] * 4})
    _, made = run(STAGE, documents=documents, language=others)
    assert rows(made, "personal.parquet")[1]["spans"][0]["country"] == "KE"


def test_kinds_left_out_are_neither_found_nor_planted(documents, run, rows):
    result, made = run(STAGE, {"kinds": ["email"]}, documents=documents)
    assert [row["personal"] for row in rows(made, "personal.parquet")] == [1, 0, 0, 0]
    assert {row["kind"] for row in rows(made, "about/planted.parquet")} == {"email"}
    assert "found.phone_spans" not in result.metrics


def test_no_documents_are_a_table_of_none(table_shard, run, rows):
    none = {name: pa.array([], pa.string()) for name in ("id", "url", "text")}
    result, made = run(STAGE, documents=table_shard("none", none))
    assert rows(made, "personal.parquet") == []
    assert total(result.metrics)["personal_share"] == 0
    assert "planted_recall_share" not in total(result.metrics)


@pytest.mark.parametrize("kinds", [[], ["email", "email"], ["name"]])
def test_kinds_that_say_nothing_are_refused(kinds):
    with pytest.raises(ValidationError, match="kinds"):
        PersonalConfig(kinds=kinds)


def test_a_shape_has_no_value():
    assert masked("Ab.１2@x-९.org") == "xx.00@x-0.xxx"
