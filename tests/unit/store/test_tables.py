import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedstone.errors import DataError
from bedstone.progress import Progress
from bedstone.store import tables
from bedstone.store.engine import Local
from bedstone.store.stage import Job


def test_only_the_columns_asked_for_are_read(table_shard):
    shard = table_shard("a", {"id": ["x"], "text": ["y"], "score": pa.array([None], pa.float64())})
    assert tables.read(shard, ["id"], nullable=["score"]).column_names == ["id", "score"]


@pytest.mark.parametrize(
    ("required", "message"), [(["id", "score"], "no score in 1 row$"), (["url"], "no column url")]
)
def test_what_is_missing_is_named(table_shard, required, message):
    shard = table_shard("a", {"id": ["x", "y"], "score": [1.0, None]})
    with pytest.raises(DataError, match=message):
        tables.read(shard, required)


def test_the_table_at_the_top_is_the_one_about_documents(table_shard):
    shard = table_shard("a", {"id": ["x"]})
    inner = shard.location / "rejected" / "records.parquet"
    shard.files = (*shard.files, inner)
    assert tables.table_path(shard).name == "a.parquet"
    shard.files = (inner.parent.parent / "b.parquet", *shard.files)
    with pytest.raises(DataError, match="2 tables"):
        tables.table_path(shard)


def test_a_table_about_other_documents_is_refused(table_shard):
    table = pa.table({"id": ["x", "y"]})
    assert tables.beside(table_shard("a", {"id": ["x", "y"], "n": [1, 2]}), table, ["n"])[
        "n"
    ].to_pylist() == [1, 2]
    with pytest.raises(DataError, match="other documents"):
        tables.beside(table_shard("b", {"id": ["y", "x"], "n": [1, 2]}), table, ["n"])


@pytest.mark.parametrize("n_rows", [0, 1, 3, 4, 7])
def test_rows_are_written_as_their_table_is(tmp_path, monkeypatch, n_rows):
    monkeypatch.setattr(tables, "ROW_GROUP_ROWS", 3)
    texts, numbers = ["text", "", "", "a", "b", "c", "d"], [[0], [], [1, 2], [], [], [], [3]]
    schema = pa.schema([("text", pa.large_string()), ("numbers", pa.list_(pa.int32()))])
    table = pa.table([texts[:n_rows], numbers[:n_rows]], schema=schema)
    job = Job({}, tmp_path, Local(), Progress())
    tables.write(job, "table", table)
    with tables.writing(job, "rows", schema) as rows:
        for row in zip(texts[:n_rows], numbers, strict=False):
            rows.append(row)
    assert pq.read_table(tmp_path / "rows").equals(table)
    assert (tmp_path / "rows").read_bytes() == (tmp_path / "table").read_bytes()


def test_much_text_makes_a_row_group_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "ROW_GROUP_CHARACTERS", 10)
    job = Job({}, tmp_path, Local(), Progress())
    schema = pa.schema([("text", pa.large_string()), ("number", pa.int64())])
    with tables.writing(job, "rows", schema) as rows:
        for text in ("a" * 4, "b" * 4, "c" * 4, "d" * 40, "e"):
            rows.append((text, 1 << 40))
    with pq.ParquetFile(tmp_path / "rows") as file:
        groups = [file.metadata.row_group(number).num_rows for number in range(3)]
        assert (groups, file.num_row_groups) == ([3, 1, 1], 3)
        assert file.read()["text"].to_pylist()[3] == "d" * 40


def test_no_parquet(tmp_path, table_shard):
    shard = table_shard("a", {"id": ["x"]})
    shard.files[0].write_text("rubbish")
    with pytest.raises(DataError, match="no Parquet"):
        tables.read(shard, ["id"])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[: len(content) // 2],
        lambda content: content[:4] + bytes(200) + content[204:],
        lambda content: content[:-300] + bytes(200) + content[-100:],
    ],
)
def test_a_damaged_table_is_named(table_shard, spoil):
    shard = table_shard("a", {"id": [f"{number} of {number**3}" for number in range(999)]})
    (path,) = shard.files
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DataError, match=rf"{path}: no Parquet, or a damaged one: \w"):
        tables.read(shard, ["id"])


def test_numbers_to_bytes_and_back():
    numbers = np.arange(12, dtype=np.uint64).reshape(6, 2)
    present = np.array([True, False, True, True, False, True])
    column = pa.chunked_array(
        [tables.of_numbers(numbers, present).slice(1), tables.of_numbers(numbers)]
    )
    found, is_present = tables.numbers_of(column)
    assert is_present.tolist() == present[1:].tolist() + [True] * 6
    assert found[~is_present].tolist() == [[0, 0]] * 2
    assert found[is_present].tolist() == np.concatenate([numbers[1:], numbers])[is_present].tolist()
