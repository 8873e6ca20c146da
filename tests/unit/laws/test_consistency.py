import json
from pathlib import Path

import pytest

from bedstone.errors import DataError
from bedstone.laws.consistency import read_table

TABLES = json.loads((Path(__file__).parents[2] / "data/scaling/published_tables.json").read_text())


def write(path, rows):
    path.write_text("parameters,train_tokens,flop\n" + "".join(f"{row}\n" for row in rows))
    return path


def bad_lines(tmp_path, name, printed=None):
    table = TABLES[name]
    columns = (table["params"], table["tokens"], table["flops"])
    rows = [",".join(map(str, row)) for row in zip(*columns, strict=True)]
    for line, row in (printed or {}).items():
        rows[line - 2] = row
    found = read_table(write(tmp_path / "table.csv", rows))
    return [row.line for row in found if not row.consistent]


def test_the_rows_that_cannot_be_true_are_found(tmp_path):
    assert bad_lines(tmp_path, "chinchilla_table3_approach1") == [5]  # 67 B
    assert bad_lines(tmp_path, "chinchilla_tableA3_approach2") == []
    assert bad_lines(tmp_path, "chinchilla_tableA3_approach3") == [5, 7]  # 67 B, 280 B
    misprint = {6: "175e9,12.0e12,1.26e24"}
    assert bad_lines(tmp_path, "chinchilla_tableA3_approach3", misprint) == [5, 6, 7]


def test_gpt_3_s_table_is_six_n_d_in_flop_and_days(tmp_path):
    rows = TABLES["gpt3_tableD1"]["rows"]
    lines = [f"{size}e6,{tokens}e9,{flop}" for _, _, flop, size, tokens in rows]
    found = read_table(write(tmp_path / "table.csv", lines))
    assert all(row.consistent for row in found)
    for row, (_, pf_days, flop, *_) in zip(found, rows, strict=True):
        assert row.flop_6nd == pytest.approx(flop, rel=2e-3)
        assert row.flop_6nd / 8.64e19 == pytest.approx(pf_days, rel=5e-3)


def test_what_is_printed_with_more_digits_may_err_by_less(tmp_path):
    rows = ["1.00e9,2.00e10,1.21e20", "1.0e9,2.0e10,1.21e20", "1.000e9,2.000e10,1.200e20"]
    found = read_table(write(tmp_path / "table.csv", rows))
    assert [row.consistent for row in found] == [True, True, True]
    (exact,) = read_table(write(tmp_path / "exact.csv", ["1.0001e9,2.0001e10,1.2101e20"]))
    assert not exact.consistent
    assert exact.rounding_share < 2e-4


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("parameters,flop\n1,2\n", "no column train_tokens"),
        ("parameters,train_tokens,flop\n", "has no row"),
        ("parameters,train_tokens,flop\n1,x,3\n", r"table.csv:2: train_tokens is 'x'"),
        ("parameters,train_tokens,flop\n1,2\n", r"table.csv:2: flop is None"),
        ("parameters,train_tokens,flop\n1,-2,3\n", "no number above 0"),
        ("parameters,train_tokens,flop\n1e400,1,3\n", "no number above 0"),
        ("parameters,train_tokens,flop\n1,1e-99999999,3\n", "no number above 0"),
        ("parameters,train_tokens,flop,flop\n1,2,3,3\n", "two columns of one name"),
    ],
)
def test_a_table_that_cannot_be_read_says_where(tmp_path, text, told):
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=told):
        read_table(path)


def test_every_bad_row_is_named(tmp_path):
    path = write(tmp_path / "table.csv", ["1,2,x", "1e9,2e10,1.2e20", "0,2,3", *["1,2,y"] * 30])
    with pytest.raises(DataError) as error:
        read_table(path)
    lines = str(error.value).splitlines()
    assert lines[0].startswith(f"{path}:2: flop is 'x'")
    assert lines[1].startswith(f"{path}:4: parameters is '0'")
    assert lines[20:] == ["and 12 more rows"]


def test_another_encoding_is_told(tmp_path):
    (tmp_path / "table.csv").write_bytes("parameters,train_tokens,flop\n".encode("utf-16"))
    with pytest.raises(DataError, match="is no text in UTF-8") as error:
        read_table(tmp_path / "table.csv")
    assert "UTF-8" in error.value.hint


def test_spaces_after_commas_are_no_part_of_a_name(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("parameters, train_tokens, flop\n1e9, 2e10, 1.2e20\n")
    assert read_table(path)[0].consistent


def test_an_absent_table_is_a_clear_error(tmp_path):
    with pytest.raises(DataError, match="cannot read"):
        read_table(tmp_path / "absent.csv")
