import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.stages import shard

from bedstone.corpus.extract import STAGE
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
        b'{"text": "lone\\u009b \\ud800 surrogate e\\u0301", "url": "\\udc00"}',
        b'{"text": "\\u0007"}',
    ]
)


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.ndjson"])
def test_lines_of_json(records, run, rows, name):
    content = gzip.compress(LINES, mtime=0) if name.endswith(".gz") else LINES
    result, made = run(STAGE, crawl=records(name, content))
    first, last = rows(made, "documents.parquet")
    assert (first["id"], first["text"]) == ("c0ffeec0ffeec0ff-0", "one")
    assert first["url"] == "https://a.org"
    start = LINES.index(b'{"text": "lone')
    assert last["id"] == f"c0ffeec0ffeec0ff-{start}"
    assert (last["url"], last["text"]) == ("�", "lone � surrogate é")
    assert (first["replaced"], last["replaced"]) == (0, 1)
    rejected = rows(made, "rejected/records.parquet")
    assert [(row["offset"], row["reason"]) for row in rejected] == [
        (LINES.index(b"no json"), "no_json"),
        (LINES.index(b"[1]"), "no_json"),
        (LINES.index(b'{"url": "https://b.org'), "no_text"),
        (LINES.index(b'{"text": " '), "no_text"),
        (LINES.index(b'{"text": "\\u0007'), "no_text"),
    ]
    assert result.metrics["documents"] == 2
    assert result.metrics["input_records"] == 7
    assert result.metrics["rejected.no_text_records"] == 3


def test_parquet_with_columns_of_other_names(records, run, rows, tmp_path):
    table = pa.table({"body": ["1", None, "2"], "link": ["url", "v", None], "x": [1, 2, 3]})
    pq.write_table(table, tmp_path / "t.parquet")
    given = records("t.parquet", (tmp_path / "t.parquet").read_bytes())
    _, made = run(STAGE, {"text_column": "body", "url_column": "link"}, crawl=given)
    found = rows(made, "documents.parquet")
    assert [(row["text"], row["url"]) for row in found] == [("1", "url"), ("2", "")]
    # What reads documents reads these.
    assert tables.read(made, ["id", "text", "headings"]).num_rows == 2
    with pytest.raises(DataError, match="no column 'text'; its columns of text are link, body"):
        run(STAGE, crawl=given)


def test_a_table_without_a_url(records, run, rows, tmp_path):
    pq.write_table(pa.table({"text": ["one"]}), tmp_path / "t.parquet")
    _, made = run(STAGE, crawl=records("t.parquet", (tmp_path / "t.parquet").read_bytes()))
    assert rows(made, "documents.parquet")[0]["url"] == ""


def test_a_file_without_a_record_gives_no_document(records, run, rows):
    result, made = run(STAGE, crawl=records("a.jsonl", b"\n"))
    assert rows(made, "documents.parquet") == []
    assert result.metrics["input_records"] == 0
    assert [row["reason"] for row in rows(made, "rejected/records.parquet")] == ["empty"]


def test_a_column_can_be_given_as_the_hint_says(records, run):
    given = records("a.jsonl", b'{"id": "1", "my text": "one two"}')
    with pytest.raises(DataError, match="its columns of text are my text, id") as error:
        run(STAGE, crawl=given)
    assert error.value.hint == "--set 'text_column=my text'"
    assert error.value.setting == ("text_column", "my text")
    result, _ = run(STAGE, {"text_column": "my text"}, crawl=given)
    assert result.metrics["documents"] == 1


def test_what_is_too_large_is_rejected_and_not_held(records, run, rows):
    lines = [json.dumps({"text": text}).encode() for text in ("one", "long " * 2_000, "two")]
    small = {"max_record_bytes": 1_000}
    result, made = run(STAGE, small, crawl=records("a.jsonl", b"\n".join(lines)))
    assert [row["text"] for row in rows(made, "documents.parquet")] == ["one", "two"]
    (rejected,) = rows(made, "rejected/records.parquet")
    assert (rejected["offset"], rejected["reason"]) == (len(lines[0]) + 1, "too_large")
    assert rejected["bytes"] == len(lines[1]) + 1
    assert result.metrics["rejected.too_large_records"] == 1
    result, _ = run(STAGE, small, crawl=records("a.txt", b"long " * 2_000))
    assert result.metrics["rejected.too_large_records"] == 1


@pytest.mark.parametrize("name", ["t.jsonl", "t.parquet"])
def test_a_smaller_share_is_a_part_of_a_larger_one(records, run, rows, tmp_path, name):
    texts = [f"text {number}" for number in range(3_000)]
    if name == "t.parquet":
        pq.write_table(pa.table({"text": texts}), tmp_path / name)
    else:
        (tmp_path / name).write_text("\n".join(json.dumps({"text": each}) for each in texts))
    given = records(name, (tmp_path / name).read_bytes())
    taken = []
    for share in (0.25, 0.5):
        result, made = run(STAGE, {"share": share}, crawl=given)
        taken.append({row["text"] for row in rows(made, "documents.parquet")})
        assert result.metrics["skipped_pages"] == 3_000 - len(taken[-1])
    assert taken[0] < taken[1] < set(texts)
    assert 650 < len(taken[0]) < 850


def test_a_folder_of_texts(tmp_path, run, rows):
    folder = tmp_path / "texts"
    (folder / "poems").mkdir(parents=True)
    (folder / "poems" / "one.md").write_bytes("\ufeffOne,\r\ntwo.\r".encode())
    (folder / "two.TXT").write_bytes("Ein schöner Tag für alle Bücher.".encode("cp1252"))
    (folder / "utf.txt").write_bytes("Un cafe\u0301 l’e\u0301te\u0301 ".encode() + b"\xe9")
    (folder / "z.txt").write_bytes("यह पुराना घर है।".encode("utf-16"))
    _, made = run(STAGE, crawl=shard(folder))
    columns = ("url", "text", "charset", "replaced")
    assert [tuple(map(row.get, columns)) for row in rows(made, "documents.parquet")] == [
        ("poems/one.md", "One,\ntwo.\n", "utf-8", 0),
        ("two.TXT", "Ein schöner Tag für alle Bücher.", "windows-1252", 0),
        ("utf.txt", "Un café l’été �", "utf-8", 1),
        ("z.txt", "यह पुराना घर है।", "utf-16le", 0),
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"body": 1}', "no column 'text'; its columns of text are none"),
        ("a.jsonl.gz", gzip.compress(LINES, mtime=0)[:40], "no line of it is whole"),
        ("b.jsonl.gz", b"no gzip", "no line of it is whole"),
        ("a.parquet", b"no parquet", "cannot be read to its end: .* not a parquet file"),
    ],
)
def test_what_is_no_table_of_texts(records, run, name, content, message):
    with pytest.raises(DataError, match=message):
        run(STAGE, crawl=records(name, content))


def packed(number: int) -> bytes:
    """A member of a hundred lines, of which each begins with its own name."""
    lines = (json.dumps({"text": f"{number}-{it} {it * 7_919 % 9_973}"}) for it in range(100))
    return gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0)


def test_a_file_that_is_cut_off_gives_its_lines_and_says_what_it_lost(records, run, rows):
    whole = packed(0) + packed(1)
    result, made = run(STAGE, crawl=records("a.jsonl.gz", whole[:-200]))
    texts = [row["text"] for row in rows(made, "documents.parquet")]
    assert texts[:100] == [f"0-{it} {it * 7_919 % 9_973}" for it in range(100)]
    assert 130 < len(texts) < 199
    assert texts[-1].startswith(f"1-{len(texts) - 101} ")
    (row,) = rows(made, "rejected/records.parquet")
    assert row["reason"] == "damaged"
    assert 0 < row["bytes"] == result.metrics["lost_bytes"] < 20
    assert result.metrics["input_bytes"] == len(whole) - 200
    assert result.metrics["input_records"] == len(texts)
    assert result.metrics["rejected.damaged_records"] == 1


def test_what_follows_damage_in_members_of_its_own_is_read(records, run, rows):
    first, hurt, last = packed(0), bytearray(packed(1)), packed(2)
    hurt[300:340] = bytes(40)
    result, made = run(STAGE, crawl=records("a.jsonl.gz", first + hurt + last + bytes(9)))
    ids, texts = zip(
        *((row["id"], row["text"]) for row in rows(made, "documents.parquet")), strict=True
    )
    assert {text[0] for text in texts} == {"0", "1", "2"}
    assert next(text for text in texts if text[0] == "2").startswith("2-0 ")
    assert len(set(ids)) == len(ids)
    lost = [row for row in rows(made, "rejected/records.parquet") if row["reason"] == "damaged"]
    assert sum(row["bytes"] for row in lost) == result.metrics["lost_bytes"] > 0


def test_nuls_that_a_crash_left_cost_the_line_they_are_in(records, run, rows):
    lines = [json.dumps({"text": text}).encode() + b"\n" for text in ("one", "two", "three")]
    content = lines[0] + lines[1][:9] + bytes(50) + lines[2]
    result, made = run(STAGE, crawl=records("a.jsonl", content))
    assert [row["text"] for row in rows(made, "documents.parquet")] == ["one", "three"]
    (row,) = rows(made, "rejected/records.parquet")
    assert (row["offset"], row["reason"], row["bytes"]) == (len(lines[0]), "damaged", 59)
    assert result.metrics["lost_bytes"] == 59
    assert result.metrics["parsed_bytes"] == len(lines[0] + lines[2])


def test_a_column_is_missed_by_the_piece_that_begins_the_file(tmp_path, run):
    folder = tmp_path / "pieces"
    folder.mkdir()
    (folder / "a.jsonl").write_bytes(b'{"body": 1}\n{"body": 2}\n')
    result, _ = run(STAGE, crawl=shard(folder, span=range(12, 24)))
    assert result.metrics["rejected.no_text_records"] == 1
    assert result.metrics["input_files"] == 0
    with pytest.raises(DataError, match="no column 'text'"):
        run(STAGE, crawl=shard(folder, span=range(12)))
