import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.stages import shard

from bedstone.corpus.extract import STAGE, document_id, is_taken, total
from bedstone.corpus.web.pages import Page
from bedstone.errors import DataError
from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.rejected import rejected

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
        "charset": "utf-8",
        "replaced": 0,
        "text": "Title\n\nA page with a paragraph of text.",
        "headings": [0],
        "cut": False,
        "signals": [],
        "license": None,
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


def test_bytes_that_do_not_fit_are_counted_and_marks_are_joined(crawl, member, run, rows):
    body = "<p>Le cafe\u0301 est fermé &#101;&#769; l’hiver.</p>".encode()
    pages = [
        member("http://a.example/0", body, headers="; charset=utf-8"),
        member("http://a.example/1", body + b"<!-- \xff\xe9 -->", headers="; charset=utf-8"),
    ]
    result, made = run(STAGE, crawl=crawl(*pages))
    documents = rows(made, "documents.parquet")
    assert [row["text"] for row in documents] == ["Le café est fermé é l’hiver."] * 2
    assert [row["replaced"] for row in documents] == [0, 2]
    assert result.metrics["replaced_documents"] == 1
    assert result.metrics["replaced_characters"] == 2


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


def test_what_header_and_page_say_of_its_use(crawl, member, run, rows):
    told = b"<meta name=robots content=noai><link rel=license href=/own>"
    pages = [
        member("http://a.example/x/0", told + GOOD, headers="\r\nX-Robots-Tag: noindex"),
        member("http://a.example/1", GOOD, headers="\r\nX-Robots-Tag: noai\r\n" * 99),
    ]
    _, made = run(STAGE, crawl=crawl(*pages))
    first, second = rows(made, "documents.parquet")
    assert first["signals"] == ["x-robots-tag: noindex", "meta robots: noai", "license link: /own"]
    assert first["license"] == "http://a.example/own"
    assert second["signals"] == ["x-robots-tag: noai"]
    assert second["license"] is None


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
    monkeypatch.setattr("bedstone.corpus.extract.PARSER_BYTES", 1 << 29)
    monkeypatch.setattr("bedstone.corpus.extract.PARSER_BYTES_PER_BYTE", 0)
    large = member("http://a.example/1", b"<p>" * 2_700_000)
    members = [member("http://a.example/0", GOOD), large, member("http://a.example/2", GOOD)]
    _, made = run(STAGE, crawl=crawl(*members))
    assert [row["url"][-1] for row in rows(made, "documents.parquet")] == ["0", "2"]
    assert [row["reason"] for row in rows(made, "rejected/records.parquet")] == ["crash"]


@pytest.mark.parametrize("name", ["a.warc.zstd", "A.ARC.ZST", "a.wet.gz", "a.Html", "a.parquet"])
def test_names_of_what_is_read(name):
    assert STAGE.reads(name)
    assert not STAGE.reads(f"{name}.png")


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"GIF89a", "damaged"), (b"", "empty"), (gzip.compress(b"", mtime=0), "empty")],
)
def test_a_file_without_a_record_is_told_as_one(crawl, run, rows, content, reason):
    result, made = run(STAGE, crawl=crawl(content))
    (row,) = rows(made, "rejected/records.parquet")
    assert (row["reason"], row["bytes"]) == (reason, len(content))
    assert result.metrics["files_without_documents"] == result.metrics["input_files"] == 1
    assert result.metrics[f"rejected.{reason}_records"] == 1


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


def test_records_that_are_no_pages_are_counted_by_type(crawl, record, member, run):
    page = record("http://a.example/0", GOOD)
    kinds = ["request", "request", "metadata", "revisit"]
    others = [page.replace(b": response", b": " + kind.encode()) for kind in kinds]
    result, _ = run(STAGE, crawl=crawl(page, *others))
    passed_over = {name: it for name, it in result.metrics.items() if "passed_over" in name}
    assert passed_over == {
        "passed_over.request_records": 2,
        "passed_over.metadata_records": 1,
        "passed_over.revisit_records": 1,
    }
    assert result.metrics["input_records"] == 5


def test_files_that_all_give_no_document_are_an_error(crawl, member, run):
    gone = member("http://a.example/0", GOOD, status="404 Not Found")
    empty = member("http://a.example/1", b"")
    result, _ = run(STAGE, crawl=crawl(gone, gone, empty))
    assert result.metrics["files_without_documents"] == 1
    with pytest.raises(DataError, match=r"1 file without a document: 2 status, 1 empty"):
        total(result.metrics)
    assert total(result.metrics | {"documents": 1})["files_without_documents"] == 1
    total(result.metrics | {"skipped_pages": 1})  # what was not looked at may have some


def test_a_file_of_types_that_never_give_one_is_none(crawl, record, run):
    page = record("http://a.example/0", GOOD)
    request = page.replace(b": response", b": request")
    result, _ = run(STAGE, crawl=crawl(request, request.replace(b": request", b": revisit")))
    assert (result.metrics["documents"], result.metrics["input_records"]) == (0, 2)
    with pytest.raises(DataError, match=r"without a document: 1 request, 1 revisit"):
        total(result.metrics)


def test_a_page_that_is_cut_says_so(crawl, member, run, rows):
    length = f"\r\nContent-Length: {len(GOOD) + 9}"
    members = [
        member("http://a.example/0", GOOD, headers=length),
        member("http://a.example/1", GOOD),
    ]
    _, made = run(STAGE, crawl=crawl(*members))
    assert [row["cut"] for row in rows(made, "documents.parquet")] == [True, False]


def test_texts_that_others_took_out_are_taken_as_they_are(crawl, record, run, rows):
    text = "Menü\r\n\r\nCopyright ©".encode()
    page = record("http://a.example/0", b"")
    head = page.partition(b"\r\n\r\n")[0].replace(b"response", b"conversion", 1)
    head = head.replace(b"application/http; msgtype=conversion", b"text/plain")
    lines = [each for each in head.split(b"\r\n") if not each.startswith(b"Content-")]
    lines += [b"Content-Type: text/plain", b"Content-Length: %d" % len(text)]
    _, made = run(STAGE, crawl=crawl(b"\r\n".join(lines) + b"\r\n\r\n" + text + b"\r\n\r\n"))
    (row,) = rows(made, "documents.parquet")
    assert (row["text"], row["charset"]) == ("Menü\n\nCopyright ©", "utf-8")


def test_html_files_and_texts_in_one_folder(tmp_path, run, rows):
    folder = tmp_path / "pages"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.html").write_bytes(GOOD)
    (folder / "deep" / "b.XHTML").write_bytes(GOOD)
    (folder / "c.htm").write_bytes(b"<script>0</script>")
    (folder / "d.txt").write_bytes(b"<p>As it is.")
    (folder / "e.html").write_bytes(b" \n")
    result, made = run(STAGE, crawl=shard(folder))
    found = {row["url"]: (row["text"], row["headings"]) for row in rows(made, "documents.parquet")}
    page = ("Title\n\nA page with a paragraph of text.", [0])
    assert found == {"a.html": page, "deep/b.XHTML": page, "d.txt": ("<p>As it is.", [])}
    rejected = {row["url"]: row["reason"] for row in rows(made, "rejected/records.parquet")}
    assert rejected == {"c.htm": "no_text", "e.html": "empty"}
    assert result.metrics["input_records"] == 5


def test_an_html_file_that_is_too_large(tmp_path, run, rows):
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "a.html").write_bytes(GOOD)
    (folder / "b.html").write_bytes(GOOD * 9)
    _, made = run(STAGE, {"max_record_bytes": 99}, crawl=shard(folder))
    assert [row["reason"] for row in rows(made, "rejected/records.parquet")] == ["too_large"]


@pytest.mark.parametrize("workers", [1, 2])
def test_pieces_of_a_file_give_what_the_file_gives(crawl, member, store, workers):
    pages = [member(f"http://a.example/{number}", GOOD + b"<p>%d" % number) for number in range(40)]
    gone = [member("http://a.example/x", GOOD, status="404 Not Found")] * 40
    folder = crawl(*pages, *gone, pages[0][:-9]).location
    made = [
        build(STAGE, STAGE.config(**config), {"crawl": adopt([folder], store)}, store, engine)
        for config, engine in (({}, Local()), ({"piece_bytes": 2_000}, Local(workers)))
    ]
    whole, cut = (artifact.shards for artifact in made)
    assert len(whole) == 1
    assert len(cut) > 5
    for name in ("documents.parquet", "rejected/records.parquet"):
        tables = [pa.concat_tables(pq.read_table(part.file(name)) for part in cut)]
        assert tables == [pq.read_table(whole[0].file(name))]
    assert made[0].manifest.metrics == made[1].manifest.metrics
    assert made[0].manifest.metrics["input_files"] == 1
    assert made[0].manifest.metrics["files_without_documents"] == 0
    assert whole[0].manifest.metrics["lost_bytes"] == len(pages[0]) - 9


def test_a_file_in_pieces_is_told_once_if_none_gives_a_document(crawl, member, store, tmp_path):
    folder = crawl(*[member("http://a.example/x", GOOD, status="404 Not Found")] * 40).location
    (folder / "b.warc.gz").write_bytes(member("http://a.example/0", GOOD))
    inputs = {"crawl": adopt([folder], store)}
    made = build(STAGE, STAGE.config(piece_bytes=2_000), inputs, store, Local())
    found = rejected({"documents": made})
    assert len(made.shards) > 4
    assert (found.input_files, found.files_without) == (2, 1)
    assert found.without == {str(folder / "crawl.warc.gz"): "40 status"}
    assert found.reasons == {"status": 40}
