import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedstone.corpus.words import STAGE, total

TEXTS = ["You fool\nwho is a fool", "El fool", "fool's gold fool gold", "", "Der fool war gut"]
LANGUAGES = ["eng_Latn", "spa_Latn", "eng_Latn", "und", "deu_Latn"]


@pytest.fixture
def documents(table_shard):
    headings = pa.array([[0], [], [], None, []], pa.list_(pa.int32()))
    names = pa.array(list("abcde"))
    return table_shard(
        "documents",
        pa.table({"id": names, "url": names, "text": pa.array(TEXTS), "headings": headings}),
    )


@pytest.fixture
def lists(table_shard, tmp_path):
    made = table_shard("unused", {"x": [1]})
    for name, text in {"en": "fool\nfool gold\ngold\n", "de": "gut\nwar\n", "NOTES": "a"}.items():
        (tmp_path / name).write_text(text)
    made.files = tuple(tmp_path / name for name in ("NOTES", "de", "en"))
    return made


@pytest.fixture
def language(table_shard):
    return table_shard("language", {"id": list("abcde"), "language": LANGUAGES})


def test_hits_of_own_lists_and_of_all(documents, lists, language, run, rows):
    result, made = run(STAGE, documents=documents, lists=lists, language=language)
    found = rows(made, "words.parquet")
    # Of "fool gold" neither part counts again.
    assert [row["hits"] for row in found] == [2, None, 3, None, 2]
    assert [row["any_hits"] for row in found] == [2, 1, 3, 0, 3]
    assert [row["words"] for row in found] == [6, 2, 5, 0, 4]
    assert found[0]["hits_per_million_words"] == pytest.approx(2e6 / 6)
    assert found[1]["hits_per_million_words"] is None
    assert result.metrics["without_list_documents"] == 2
    assert result.metrics["hit_documents"] == 3
    assert result.metrics["any_hit_documents"] == 4
    assert result.metrics["hit.eng_Latn_documents"] == 2
    assert total(result.metrics)["hit_share"] == 0.6


def test_who_loses(documents, lists, language, run):
    _, made = run(STAGE, documents=documents, lists=lists, language=language)
    told = pq.read_table(made.location / "about" / "languages.parquet").to_pylist()
    by_language = {row["language"]: row for row in told}
    assert by_language["spa_Latn"] == {
        "language": "spa_Latn", "has_list": False, "documents": 1, "words": 2, "hits": 0,
        "hits_per_million_words": 0, "hit_documents": 0, "any_hit_documents": 1,
    }  # fmt: skip
    assert by_language["eng_Latn"]["hits_per_million_words"] == pytest.approx(5e6 / 11)
    assert by_language["und"]["hits_per_million_words"] is None
    entries = pq.read_table(made.location / "about" / "entries.parquet").to_pylist()
    assert entries[:2] == [
        {"language": "deu_Latn", "entry": "fool", "own": False, "documents": 1, "hits": 1},
        {"language": "deu_Latn", "entry": "gut", "own": True, "documents": 1, "hits": 1},
    ]
    english = [(row["entry"], row["hits"]) for row in entries if row["language"] == "eng_Latn"]
    assert english == [("fool", 3), ("fool gold", 1), ("gold", 1)]


def test_without_languages_all_lists_are_everybodys(documents, lists, run, rows):
    result, made = run(STAGE, documents=documents, lists=lists)
    found = rows(made, "words.parquet")
    assert [row["hits"] for row in found] == [row["any_hits"] for row in found] == [2, 1, 3, 0, 3]
    assert found[1]["title_words"] == 2
    assert result.metrics["without_list_documents"] == 0


def test_titles_are_counted_where_they_are_english(documents, lists, language, run, rows):
    _, made = run(STAGE, documents=documents, lists=lists, language=language)
    found = rows(made, "words.parquet")
    titles = [{key: value for key, value in row.items() if "title" in key} for row in found]
    assert titles[0] == {
        "title_words": 2, "title_capitals_share": 1 / 7, "title_marks": 0,
        "title_number_first": False, "title_second_person": True,
    }  # fmt: skip
    assert [row["title_words"] for row in found] == [2, None, 4, None, None]
