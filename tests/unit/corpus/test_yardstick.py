import logging
from unicodedata import normalize

import pytest

from bedstone.corpus.yardstick import STAGE

LONG = "x" * 100
DOCUMENTS = [
    ("a", "http://u/udhr_pcm.html", "eng_Latn", 0.99, LONG),
    ("b", "http://u/udhr_eng.html", "eng_Latn", 0.98, LONG),
    ("c", "http://u/udhr_swb.html", "swa_Latn", 0.99, LONG),
    ("d", "http://u/udhr_swh.html", "swa_Latn", 0.97, LONG),
    ("e", "http://u/udhr_zza_long.html", "kur_Latn", 0.9, LONG),
    ("f", "http://u/udhr_zza.html", "kur_Latn", 0.9, LONG),
    ("g", "http://u/udhr_zzb.html", "kur_Latn", 0.8, LONG),
    ("h", "http://u/udhr_khk.html", "mon_Mong", 0.99, "x" * 49),
    ("i", "http://u/udhr_xyz.html", "und", 0.0, LONG),
    ("j", "http://v/eng.html", "eng_Latn", 1.0, LONG),
]


@pytest.fixture
def inputs(table_shard):
    ids, urls, languages, scores, texts = map(list, zip(*DOCUMENTS, strict=True))
    return {
        "documents": table_shard("documents", {"id": ids, "url": urls, "text": texts}),
        "language": table_shard("language", {"id": ids, "language": languages, "score": scores}),
    }


def test_the_text_is_composed(table_shard, run, rows):
    apart = normalize("NFD", "Tất cả mọi người sinh ra đều được tự do. ") * 3
    table = {"id": ["a"], "url": ["http://u/udhr_vie.html"], "text": [apart]}
    language = {"id": ["a"], "language": ["vie_Latn"], "score": [0.9]}
    inputs = {"documents": table_shard("documents", table)}
    inputs["language"] = table_shard("language", language)
    _, made = run(STAGE, {"urls": ["http://u/"]}, **inputs)
    (row,) = rows(made, "yardstick.parquet")
    assert row["text"] == normalize("NFC", apart) != apart


def test_one_document_in_each_language(inputs, run, rows):
    result, made = run(STAGE, {"urls": ["http://u/"]}, **inputs)
    chosen = {row["language"]: row["id"] for row in rows(made, "yardstick.parquet")}
    assert chosen == {"eng_Latn": "b", "kur_Latn": "f", "swa_Latn": "d"}
    assert list(chosen) == sorted(chosen)
    assert [row["id"] for row in rows(made, "held_out.parquet")] == list("abcdefghi")
    assert result.metrics == {
        "languages": 3,
        "held_out_documents": 9,
        "incomplete_documents": 1,
    }


def test_without_urls_there_is_none(inputs, run, rows, caplog):
    result, made = run(STAGE, **inputs)
    assert rows(made, "yardstick.parquet") == rows(made, "held_out.parquet") == []
    assert result.metrics["languages"] == 0


def test_urls_that_fit_nothing_give_empty_tables_and_a_warning(inputs, run, rows, caplog):
    with caplog.at_level(logging.WARNING, logger="bedstone"):
        result, made = run(STAGE, {"urls": ["http://w/"]}, **inputs)
    assert rows(made, "yardstick.parquet") == rows(made, "held_out.parquet") == []
    assert result.metrics["languages"] == 0
    warning = "no document in a known language is below http://w/: there is no yardstick"
    assert caplog.messages == [warning]


def test_documents_in_no_known_language_are_held_out_all_the_same(inputs, run, rows):
    result, made = run(STAGE, {"urls": ["http://u/udhr_xyz"]}, **inputs)
    assert rows(made, "yardstick.parquet") == []
    assert [row["id"] for row in rows(made, "held_out.parquet")] == ["i"]
    assert result.metrics["languages"] == 0


def test_overlapping_urls_count_a_document_once(inputs, run):
    result, _ = run(STAGE, {"urls": ["http://u/", "http://u/udhr"]}, **inputs)
    assert result.metrics["held_out_documents"] == 9
