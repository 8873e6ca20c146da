import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.stages import shard

from bedstone.corpus.records import STAGE
from bedstone.errors import DataError
from bedstone.store import tables


@pytest.fixture
def records(tmp_path):
    def write(name, content):
        folder = tmp_path / f"records-{name}"
        folder.mkdir()
        (folder / name).write_bytes(content)
        return shard(folder)

    return write


LINES = b"\n".join(
    [
        json.dumps({"text": "one", "url": "https://a.org"}).encode(),
        b"",
        b"no json",
        b"[1]",
        json.dumps({"url": "https://b.org"}).encode(),
        json.dumps({"text": " \n"}).encode(),
        b'{"text": "lone \\ud800 surrogate"}',
    ]
)


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.ndjson"])
def test_lines_of_json(records, run, rows, name):
    content = gzip.compress(LINES, mtime=0) if name.endswith(".gz") else LINES
    result, made = run(STAGE, records=records(name, content))
    first, last = rows(made, "documents.parquet")
    assert (first["id"], first["text"]) == ("c0ffeec0ffeec0ff-0", "one")
    assert first["url"] == "https://a.org"
    assert (last["id"][-2:], last["url"], last["text"]) == ("-5", "", "lone ��� surrogate")
    rejected = rows(made, "rejected/records.parquet")
    assert [(row["offset"], row["reason"]) for row in rejected] == [
        (1, "no_json"),
        (2, "no_json"),
        (3, "no_text"),
        (4, "no_text"),
    ]
    assert result.metrics["documents"] == 2
    assert result.metrics["input_records"] == 6
    assert result.metrics["rejected.no_text_records"] == 2


def test_parquet_with_columns_of_other_names(records, run, rows, tmp_path):
    table = pa.table({"body": ["one", None, "two"], "link": ["u", "v", None], "x": [1, 2, 3]})
    pq.write_table(table, tmp_path / "t.parquet")
    given = records("t.parquet", (tmp_path / "t.parquet").read_bytes())
    _, made = run(STAGE, {"text": "body", "url": "link"}, records=given)
    found = rows(made, "documents.parquet")
    assert [(row["text"], row["url"]) for row in found] == [("one", "u"), ("two", "")]
    # What reads documents reads these.
    assert tables.read(made, ["id", "text", "headings"]).num_rows == 2
    with pytest.raises(DataError, match="has no column text, only body, link, x"):
        run(STAGE, records=given)


def test_a_damaged_table_of_texts_is_named(records, run, tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"text": [f"text {number}" for number in range(999)]}), path)
    content = path.read_bytes()
    with pytest.raises(DataError, match=r"a\.parquet: no Parquet, or a damaged one: \w"):
        run(STAGE, records=records("a.parquet", content[:4] + bytes(200) + content[204:]))
    halves = pa.array([b"\xff", b"a"]).view(pa.string())
    pq.write_table(pa.table({"text": halves}), path)
    with pytest.raises(DataError, match=r"b\.parquet: no Parquet, or a damaged one: 'utf-8'"):
        run(STAGE, records=records("b.parquet", path.read_bytes()))


def test_a_table_without_a_url(records, run, rows, tmp_path):
    pq.write_table(pa.table({"text": ["one"]}), tmp_path / "t.parquet")
    _, made = run(STAGE, records=records("t.parquet", (tmp_path / "t.parquet").read_bytes()))
    assert rows(made, "documents.parquet")[0]["url"] == ""


def test_a_file_without_a_record_gives_no_document(records, run, rows):
    result, made = run(STAGE, records=records("a.jsonl", b"\n"))
    assert rows(made, "documents.parquet") == []
    assert result.metrics["input_records"] == 0


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"one", "is no table of texts by its name"),
        ("a.jsonl", b'{"body": "x"}', "not one of 1 records has a text in the column 'text'"),
        ("a.jsonl.gz", gzip.compress(LINES, mtime=0)[:40], "cannot be read to its end"),
        ("a.parquet", b"no parquet", "no Parquet"),
    ],
)
def test_what_is_no_table_of_texts(records, run, name, content, message):
    with pytest.raises(DataError, match=message):
        run(STAGE, records=records(name, content))
