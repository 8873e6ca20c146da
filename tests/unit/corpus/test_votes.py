import logging

import pyarrow.parquet as pq
import pytest

from bedstone.corpus.links import keyed
from bedstone.corpus.votes import STAGE
from bedstone.errors import DataError

URLS = ["http://a.example/1", "http://a.example/2?id=7", "http://www.b.example/", "page.html", ""]


@pytest.fixture
def documents(table_shard):
    return table_shard("documents", {"id": list("abcde"), "url": URLS})


@pytest.fixture
def votes(table_shard, tmp_path):
    """An input of tables of votes, by their names."""

    def made(**files: str):
        (tmp_path / "votes").mkdir()
        shard = table_shard("unused", {"x": [1]})
        for name, text in files.items():
            (tmp_path / "votes" / f"{name}.csv").write_text(text)
        shard.location = tmp_path / "votes"
        shard.files = tuple(sorted((tmp_path / "votes").iterdir()))
        return shard

    return made


def found(rows, made):
    return [(row["votes"], row["match"]) for row in rows(made, "00000.parquet")]


def test_strict_first_then_loose_and_null_where_there_is_none(documents, votes, run, rows):
    table = votes(
        one="url,votes\nhttps://a.example/1/?utm_source=x,2\nhttp://b.example/,4\n",
        two="url,votes\nHTTP://A.example:80/1#top,-1\nhttp://a.example/2,5\nhttp://a.example/2?id=8,9\n"
        "http://b.example/?x=1,7\n",
    )
    result, made = run(STAGE, {"queries": True}, documents=documents, votes=table)
    assert found(rows, made) == [
        (1, "strict"),
        (5, "loose"),
        (4, "loose"),
        (None, None),
        (None, None),
    ]
    assert [row["id"] for row in rows(made, "00000.parquet")] == list("abcde")
    assert result.metrics["without_url_documents"] == 2
    assert result.metrics["matched_documents"] == 3
    assert result.metrics["matched_share"] == 1
    assert result.metrics["matched.loose_documents"] == 2
    assert result.metrics["voted_keys"] == 5


def test_a_query_on_one_side_is_another_page_unless_it_is_asked_for(table_shard, votes, run, rows):
    urls = [f"http://www.a.example/list?id={number}" for number in range(3)]
    urls = [*urls, "http://a.example/page", "http://m.a.example/list"]
    documents = table_shard("documents", {"id": list("abcde"), "url": urls})
    table = votes(one="url,votes\nhttp://a.example/list,9\nhttp://a.example/page?id=7,5\n")
    _, made = run(STAGE, documents=documents, votes=table)
    assert found(rows, made) == [(None, None)] * 4 + [(9, "loose")]
    _, made = run(STAGE, {"queries": True}, documents=documents, votes=table)
    assert found(rows, made) == [(9, "loose")] * 3 + [(5, "loose"), (9, "loose")]


@pytest.mark.parametrize(("aggregate", "value"), [("sum", 4), ("max", 3), ("any", 1)])
def test_rows_of_one_key(aggregate, value, documents, votes, run, rows):
    table = votes(one="url,votes\n" + "http://a.example/1,3\n" + "http://a.example/1,1\n")
    _, made = run(STAGE, {"aggregate": aggregate}, documents=documents, votes=table)
    assert found(rows, made)[0] == (value, "strict")


def test_any_needs_no_votes(documents, votes, run, rows):
    config = {"aggregate": "any", "url_column": "link"}
    _, made = run(STAGE, config, documents=documents, votes=votes(one="link\nhttp://a.example/1\n"))
    assert found(rows, made)[0] == (1, "strict")


def test_by_host_the_nearest_host_above_counts(table_shard, votes, run, rows):
    urls = [
        "http://x.en.a.example/1",
        "http://www.b.example/",
        "http://other.example/",
        "a.example",
    ]
    documents = table_shard("documents", {"id": list("abcd"), "url": urls})
    table = votes(
        one="url,votes\na.example,1\nhttp://en.a.example/1,2\nhttp://en.a.example/2,3\nb.example,4\n"
    )
    _, made = run(STAGE, {"by": "host"}, documents=documents, votes=table)
    assert found(rows, made) == [(5, "host"), (4, "host"), (None, None), (None, None)]


def test_a_table_larger_than_memory_gives_the_same(documents, votes, run, rows, monkeypatch):
    lines = "".join(f"http://a.example/{number % 70},1\n" for number in range(700))
    table = votes(one=f"url,votes\n{lines}")
    _, whole = run(STAGE, {"queries": True}, documents=documents, votes=table)
    monkeypatch.setattr(keyed, "RUN_ENTRIES", 20)
    monkeypatch.setattr(keyed, "SLICE_ENTRIES", 20)
    monkeypatch.setattr("bedstone.corpus.votes.BATCH_ROWS", 16)
    _, made = run(STAGE, {"queries": True}, documents=documents, votes=table)
    assert len(list((made.location / ".scratch" / "strict").glob("run-*"))) > 5
    assert (
        found(rows, made)
        == found(rows, whole)
        == [(10, "strict"), (10, "loose"), *[(None, None)] * 3]
    )


def test_rows_that_do_not_count_are_told(documents, votes, run, caplog):
    table = votes(one="url,votes\nhttp://a.example/1,3\nx,1\nhttp://a.example/1,\n\xff\n")
    result, _ = run(STAGE, documents=documents, votes=table)
    assert result.metrics["broken.no_url_rows"] == 1
    told = "3 of 4 rows of votes do not count: 1 row, 1 no_url, 1 no_number"
    assert f"{told}; the first is row 2 of one.csv" in caplog.text


def test_no_row_counts(documents, votes, run):
    with pytest.raises(DataError, match="no row of 1 has what counts") as caught:
        run(STAGE, documents=documents, votes=votes(one="url,votes\na.example,1\n"))
    assert "url and votes" in caught.value.hint


def test_no_table(documents, votes, run):
    table = votes(one="")
    table.files = (table.location / "README",)
    with pytest.raises(DataError, match="there is no table of votes"):
        run(STAGE, documents=documents, votes=table)


@pytest.mark.parametrize(("languages", "is_warned"), [(9, True), (0, False)])
def test_votes_that_speak_one_language(languages, is_warned, table_shard, votes, run, rows, caplog):
    urls = [f"http://a.example/{number}" for number in range(10)]
    keys = ["eng_Latn"] + ["swa_Latn"] * languages + ["eng_Latn"] * (9 - languages)
    documents = table_shard("documents", {"id": urls, "url": urls})
    language = table_shard("language", {"id": urls, "language": keys})
    table = votes(one="url,votes\nhttp://a.example/0,3\n")
    with caplog.at_level(logging.WARNING):
        result, made = run(STAGE, documents=documents, votes=table, language=language)
    assert ("the votes speak one language: 100 %" in caplog.text) == is_warned
    told = pq.read_table(made.location / "about" / "languages.parquet").to_pylist()
    assert told[0] == {
        "language": "eng_Latn", "documents": 10 - languages,
        "with_url": 10 - languages, "matched": 1,
    }  # fmt: skip
    assert result.metrics["matched.eng_Latn_share"] == 1 / (10 - languages)
    if languages:
        assert result.metrics["matched.swa_Latn_share"] == 0
