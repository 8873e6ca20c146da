"""Rejected records are told when a command is done, wherever the corpus stands behind it."""

import json

import pyarrow.parquet as pq
import pytest
from tests.support.stages import record

import bedstone

TEXT = "The patient scholar of this page measured the silver river, and the others did too. " * 3
PAGE = f"<html><body><main><p>{TEXT}</p></main></body></html>".encode()
RECIPE = """
[inputs]
crawl = "WARC files"

[documents]
stage = "corpus.extract"
inputs = { crawl = "crawl" }

[language]
stage = "corpus.language"
inputs = { documents = "documents" }
"""


@pytest.fixture
def crawl(tmp_path):
    """Two files: two pages of one are not found, one of each is empty."""
    page, empty = record("https://a.org", PAGE), record("https://b.org", b"")
    gone = record("https://c.org", PAGE, status="404 Not Found")
    folder = tmp_path / "crawl"
    folder.mkdir()
    (folder / "a.warc").write_bytes(b"".join([page, gone, gone, empty]))
    (folder / "b.warc").write_bytes(b"".join([page, empty, page]))
    return folder


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE)
    return path


def test_each_command_closes_with_one_line(cli, crawl, recipe, store):
    reasons = {"status": 2, "empty": 2}
    for words in (
        ["audit", crawl],
        ["run", recipe, "--input", f"crawl={crawl}"],
        ["build", "corpus.extract", "--input", f"crawl={crawl}"],
    ) * 2:
        status, out, err = cli(*words, "--store", store, "--json")
        assert status == 0
        assert json.loads(out)["rejected"] == reasons
        (line,) = (line for line in err.splitlines() if line.startswith("rejected: "))
        assert err.splitlines()[-1] == line
        told, _, place = line.removesuffix(" and 1 more like it").partition("; see ")
        assert told == "rejected: 4 records gave no document: 2 status, 2 empty"
        assert pq.read_table(place)["reason"].to_pylist() == ["status", "status", "empty"]


def test_what_was_rejected_before_a_given_artifact_is_told(crawl, recipe, store):
    made = bedstone.build("corpus.extract", inputs={"crawl": crawl}, store=store)
    inputs = {"documents": made["artifact"]}
    found = bedstone.build("corpus.language", inputs=inputs, store=store)
    assert found["rejected"] == {"status": 2, "empty": 2}
    assert bedstone.audit(made["artifact"], store=store)["rejected"] == found["rejected"]


def test_where_nothing_is_rejected_nothing_is_said(cli, crawl, recipe, store):
    (crawl / "a.warc").write_bytes(record("https://a.org", PAGE))
    (crawl / "b.warc").unlink()
    words = ["run", recipe, "--input", f"crawl={crawl}", "--store", store]
    status, out, err = cli(*words)
    assert status == 0
    assert "rejected: " not in out + err
    assert json.loads(cli(*words, "--json")[1])["rejected"] == {}


def test_what_was_damaged_and_what_was_passed_over_is_told(cli, crawl, recipe, store):
    page = record("https://a.org", PAGE)
    request = page.replace(b": response", b": request")
    (crawl / "a.warc").write_bytes(request + page + request)
    (crawl / "b.warc").write_bytes(page.replace(b": response", b": metadata") + page)
    words = ["run", recipe, "--input", f"crawl={crawl}", "--store", store]
    last = cli(*words)[2].splitlines()[-1]
    assert last == "rejected: none; passed over: 2 request, 1 metadata"
    (crawl / "b.warc").write_bytes(page + page[:-40])
    last = cli(*words)[2].splitlines()[-1]
    told, _, place = last.partition("; see ")
    size = f"{len(page) - 40:,}"
    assert told == (
        f"rejected: 1 record gave no document: 1 damaged; {size} bytes were damaged; "
        "passed over: 2 request"
    )
    assert pq.read_table(place)["reason"].to_pylist() == ["damaged"]


def test_files_without_documents_are_named_and_end_nothing(cli, crawl, store):
    gone = record("https://c.org", PAGE, status="404 Not Found")
    request = record("https://d.org", PAGE).replace(b": response", b": request")
    (crawl / "gone.warc").write_bytes(gone + gone)
    (crawl / "requests.warc").write_bytes(request)
    for name in ("zero.warc", "zero.arc.gz", "blank.html"):
        (crawl / name).touch()
    for name in ("logo.PNG", "more.png", "README"):
        (crawl / name).write_text("x")
    status, out, err = cli(
        "build", "corpus.extract", "--input", f"crawl={crawl}", "--store", store, "--json"
    )
    assert status == 0
    metrics = json.loads(out)["metrics"]
    assert (metrics["documents"], metrics["input_files"]) == (3, 7)
    assert metrics["files_without_documents"] == 5
    assert [line for line in err.splitlines() if line.startswith("files: ")] == [
        "files: passed over 3 files, by their names no crawl or text: 2 .png, 1 without ending",
        "files: 5 of 7 files gave no document",
        f"files: no document in {crawl}/gone.warc: 2 status",
        f"files: no document in {crawl}/requests.warc: 1 request",
        f"files: no document in {crawl}/zero.arc.gz: 1 empty",
        f"files: no document in {crawl}/zero.warc: 1 empty",
        f"files: no document in {crawl}/blank.html: 1 empty",
    ]


def test_of_many_files_the_first_are_named(cli, crawl, store):
    for number in range(12):
        (crawl / f"zero{number:02}.warc").touch()
    words = ["build", "corpus.extract", "--input", f"crawl={crawl}", "--store", store]
    lines = [line for line in cli(*words)[2].splitlines() if line.startswith("files: ")]
    assert lines[-2:] == [
        f"files: no document in {crawl}/zero09.warc: 1 empty",
        "files: no document in 2 more",
    ]


def test_files_that_all_give_none_are_an_error(cli, crawl, store):
    gone = record("https://c.org", PAGE, status="404 Not Found")
    (crawl / "a.warc").write_bytes(gone)
    (crawl / "b.warc").write_bytes(b"")
    status, _, err = cli("audit", crawl, "--store", store)
    assert status == 4
    told = [line for line in err.splitlines() if line.startswith("error: ")]
    message = "2 files without a document: 1 status, 1 empty"
    assert told == [f"error: {crawl}/a.warc and 1 more: {message}"]
    for name in ("b.warc", "c.html"):
        (crawl / name).write_bytes(b"")
        status, _, err = cli("audit", crawl / name, "--store", store)
        assert status == 4
        assert f"error: {crawl}/{name}: 1 file without a document: 1 empty\n" in err
