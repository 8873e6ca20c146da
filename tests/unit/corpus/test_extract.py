import pytest
from tests.support.stages import shard

from bedstone.corpus.extract import STAGE, document_id, is_taken, total
from bedstone.corpus.web.warc import Page
from bedstone.errors import DataError

GOOD = b"<h1>Title</h1><p>A page with a paragraph of text.</p>"


@pytest.fixture
def crawl(tmp_path):
    def write(*members: bytes):
        folder = tmp_path / "crawl"
        folder.mkdir()
        (folder / "crawl.warc.gz").write_bytes(b"".join(members))
        return shard(folder)

    return write


def test_documents_and_rejected_records(crawl, member, run, rows):
    members = [
        member("http://a.example/0", GOOD),
        member("http://a.example/1", GOOD, status="404 Not Found"),
        member("http://a.example/2", GOOD).replace(b"WARC", b"CRAW", 1)[:-9],
        member("http://a.example/3", b"  "),
        member("http://a.example/4", b"<script>0</script>"),
        member("http://a.example/5", GOOD, headers="x"),  # text/htmlx
        member("http://a.example/0", GOOD),
    ]
    result, made = run(STAGE, crawl=crawl(*members))
    documents = rows(made, "documents.parquet")
    assert [row["url"][-1] for row in documents] == ["0", "0"]
    assert documents[0] | {"date": ""} == {
        "id": "c0ffeec0ffeec0ff-0",
        "url": "http://a.example/0",
        "date": "",
        "charset": "cp1252",
        "text": "Title\n\nA page with a paragraph of text.",
        "headings": [0],
    }
    rejected = rows(made, "rejected/records.parquet")
    assert [row["reason"] for row in rejected] == [
        "status",
        "damaged",
        "empty",
        "no_text",
        "media_type",
    ]
    assert rejected[0]["offset"] == len(members[0])
    metrics = result.metrics
    assert metrics["documents"] == 2
    assert metrics["input_bytes"] == metrics["parsed_bytes"] + metrics["lost_bytes"]
    assert sum(metrics[f"rejected.{row['reason']}_records"] for row in rejected) == 5
    assert total(metrics)["lost_share"] == len(members[2]) / sum(map(len, members))


def test_a_missing_media_type_is_seen_in_the_page(crawl, member, run):
    untyped = member("http://a.example/0", b"<!doctype html>" + GOOD)
    result, _ = run(STAGE, crawl=crawl(untyped))
    assert result.metrics["documents"] == 1


@pytest.mark.parametrize("name", ["hex", "rot13", "undefined", "utf-7", "unicode_escape", "a\0b"])
def test_a_page_in_no_known_charset_stops_nothing(crawl, member, run, rows, name):
    body = b"<p>A page with +2AA- and \\ud800 in its text.</p>"
    strange = member("http://a.example/0", body, headers=f"; charset={name}")
    _, made = run(STAGE, crawl=crawl(strange, member("http://a.example/1", GOOD)))
    texts = [row["text"] for row in rows(made, "documents.parquet")]
    assert texts[0] == "A page with +2AA- and \\ud800 in its text."
    assert len(texts) == 2


def test_text_without_main_content(crawl, member, run, rows):
    page = member("http://a.example/0", b"<nav>Menu of things</nav>" + GOOD)
    _, made = run(STAGE, {"main_content": False}, crawl=crawl(page))
    assert rows(made, "documents.parquet")[0]["text"].startswith("Menu of things")


def test_a_page_over_its_limit_costs_itself_alone(crawl, member, run, rows):
    slow = member("http://a.example/1", b"<p>" * 500_000)
    members = [member("http://a.example/0", GOOD), slow, member("http://a.example/2", GOOD)]
    result, made = run(STAGE, {"max_page_seconds": 0.02}, crawl=crawl(*members))
    assert [row["url"][-1] for row in rows(made, "documents.parquet")] == ["0", "2"]
    rejected = rows(made, "rejected/records.parquet")
    assert [(row["url"][-1], row["reason"]) for row in rejected] == [("1", "too_slow")]
    assert result.metrics["rejected.too_slow_records"] == 1


def test_a_page_that_takes_too_much_memory_costs_itself_alone(
    crawl, member, run, rows, monkeypatch
):
    monkeypatch.setattr("bedstone.corpus.extract.PARSER_BYTES", 1 << 26)
    monkeypatch.setattr("bedstone.corpus.extract.PARSER_BYTES_PER_BYTE", 0)
    large = member("http://a.example/1", b"<p>" * 1_000_000)
    members = [member("http://a.example/0", GOOD), large, member("http://a.example/2", GOOD)]
    _, made = run(STAGE, crawl=crawl(*members))
    assert [row["url"][-1] for row in rows(made, "documents.parquet")] == ["0", "2"]
    assert [row["reason"] for row in rows(made, "rejected/records.parquet")] == ["crash"]


def test_no_warc_is_no_crawl(crawl, run):
    with pytest.raises(DataError, match="no WARC record"):
        run(STAGE, crawl=crawl(b"GIF89a"))


def test_a_smaller_share_is_a_part_of_a_larger_one():
    names = [f"file-{number}" for number in range(2_000)]
    small, large = ({name for name in names if is_taken(name, share)} for share in (0.25, 0.5))
    assert small < large
    assert 400 < len(small) < 600
    assert all(is_taken(name, 1.0) for name in names)


def test_share_leaves_pages_out(crawl, member, run):
    members = [member(f"http://a.example/{number}", GOOD) for number in range(20)]
    result, _ = run(STAGE, {"share": 0.5}, crawl=crawl(*members))
    assert result.metrics["skipped_pages"] + result.metrics["documents"] == 20
    assert 0 < result.metrics["documents"] < 20


def test_ids_differ_in_one_member():
    page = Page(7, 0, "", "", 200, "", "", b"")
    inner = Page(7, 100, "", "", 200, "", "", b"")
    assert [document_id("ab", page), document_id("ab", inner)] == ["ab-7", "ab-7.100"]
