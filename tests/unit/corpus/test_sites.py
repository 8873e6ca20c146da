import pyarrow.parquet as pq

from bedstone.corpus.sites import STAGE, total

URLS = ["https://www.a.co.uk/x", "http://sex.example/", "notes/page.html", "http://essex.example/"]


def test_hosts_and_sites(table_shard, run, rows):
    documents = table_shard("documents", {"id": list("abcd"), "url": URLS})
    result, made = run(STAGE, documents=documents)
    found = rows(made, "sites.parquet")
    assert found[0] == {"id": "a", "host": "www.a.co.uk", "site": "a.co.uk", "suffix": "co.uk"}
    assert found[2] == {"id": "c", "host": None, "site": None, "suffix": None}
    assert result.metrics == total(result.metrics)
    assert result.metrics == {"input_documents": 4, "without_url_documents": 1}


def test_broken_lines_are_told(table_shard, run, tmp_path, caplog):
    documents = table_shard("documents", {"id": list("abcd"), "url": URLS})
    lists = table_shard("unused", {"x": [1]})
    (tmp_path / "good.txt").write_text("a.example\n")
    (tmp_path / "bad.txt").write_text("sex.example\n" + "two \x1b[31m words\n" * 1_000)
    lists.files = (tmp_path / "bad.txt", tmp_path / "good.txt")
    run(STAGE, documents=documents, lists=lists)
    assert "1,000 of 1,002 lines of lists name neither a host nor a URL" in caplog.text
    assert "words' of bad" in caplog.text
    assert "\x1b" not in caplog.messages[0]


def test_lists(table_shard, run, rows, tmp_path):
    documents = table_shard("documents", {"id": list("abcd"), "url": URLS})
    lists = table_shard("unused", {"x": [1]})
    (tmp_path / "sources-2025.txt").write_text("sex.example\ncom\n")
    (tmp_path / "others.txt").write_text("a.co.uk/x\n")
    lists.files = (tmp_path / "sources-2025.txt", tmp_path / "others.txt")
    result, made = run(STAGE, documents=documents, lists=lists)
    listed = [row["listed"] for row in rows(made, "sites.parquet")]
    assert listed == [["others"], ["sources-2025"], None, []]
    assert result.metrics["listed.sources-2025_documents"] == 1
    assert total(result.metrics)["listed_share"] == 0.5
    about = pq.read_table(made.location / "about" / "lists.parquet").to_pylist()
    assert about[1] == {
        "list": "sources-2025", "entries": 1, "broken": 1, "example": "com", "documents": 1,
    }  # fmt: skip
