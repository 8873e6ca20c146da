import numpy as np
import pytest

from bedstone.errors import DataError
from bedstone.laws.fitting import Runs
from bedstone.laws.runs import read, uses

ROWS = "parameters,train_tokens,loss_nats\n1e8,2e9,3.2\n2e8,4e9,2.9\n"


@pytest.fixture
def table(tmp_path):
    def written(text):
        path = tmp_path / "runs.csv"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return written


def columns(runs):
    return [list(each) for each in (runs.parameters, runs.train_tokens, runs.loss_nats)]


def refused(path, renamed=None):
    with pytest.raises(DataError) as error:
        read(path, renamed)
    return f"{error.value}; {error.value.hint or ''}".replace(f"{path}", "FILE")


def test_any_two_sizes_give_the_third(table):
    wanted = [[1e8, 2e8], [2e9, 4e9], [3.2, 2.9]]
    assert columns(read(table(ROWS))) == wanted
    by_tokens = "loss_nats,flop,train_tokens\n3.2,1.2e18,2e9\n2.9,4.8e18,4e9\n"
    by_size = "flop,parameters,loss_nats\n1.2e18,1e8,3.2\n4.8e18,2e8,2.9\n"
    for text in (by_tokens, by_size):
        np.testing.assert_allclose(columns(read(table(text))), wanted, rtol=1e-15)


def test_marks_line_ends_blank_lines_and_other_columns_do_no_harm(table):
    text = "\ufeffname,parameters , train_tokens,loss_nats\r\na, 1e8,2_000_000_000,3.2\r\n\r\n"
    assert columns(read(table(text))) == [[1e8], [2e9], [3.2]]


def test_own_names_of_columns(table):
    path = table("params,train_tokens,val_loss\n1e8,2e9,3.2\n")
    renamed = {"parameters": "params", "loss_nats": "val_loss"}
    assert columns(read(path, renamed)) == [[1e8], [2e9], [3.2]]
    said = refused(path)
    assert "FILE:1: there is no column loss_nats, parameters, flop" in said
    assert "for parameters, did you mean 'params'?" in said
    assert "--columns" in said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("many", "FILE:3: train_tokens is 'many', not a number above 0"),
        ("", "FILE:3: train_tokens is 'empty', not a number above 0"),
        ("nan", "FILE:3: train_tokens is 'nan'"),
        ("inf", "FILE:3: train_tokens is 'inf'"),
        ("-4e9", "FILE:3: train_tokens is '-4e9'"),
        ("0", "FILE:3: train_tokens is '0'"),
    ],
)
def test_what_is_no_size_is_told_with_its_line(table, value, said):
    assert said in refused(table(ROWS.replace("4e9", value)))


@pytest.mark.parametrize("value", ["1e300", "1e-300", "1e19", "1e-10"])
def test_what_no_run_has_is_told(table, value):
    number = f"{float(value):.4g}"
    for column, text in (("train_tokens", "4e9"), ("loss_nats", "2.9"), ("parameters", "2e8")):
        said = refused(table(ROWS.replace(text, value)))
        assert f"FILE:3: {column} comes to {number}, outside 1e-09 to 1e+18" in said
    by_flop = table("flop,parameters,loss_nats\n1e300,1e9,3.2\n6e-300,1e-9,3.2\n")
    assert "FILE:2: train_tokens comes to 1.667e+290" in refused(by_flop)
    assert "FILE:3: train_tokens comes to 1e-291" in refused(by_flop)


def test_every_bad_row_is_named_with_its_reason(table):
    text = "name,parameters,train_tokens,flop,loss_nats\n"
    text += 'good,1e8,2e9,1.2e18,3.2\n"two\nlines",x,2e9,1.2e18,nan\n\nshort,1e8\n'
    text += "far,1e8,1e40,1.2e18,3\nother,1e8,2e9,9e18,3\n"
    assert refused(table(text)).split("; ", 1) == [
        "FILE:4: parameters is 'x', not a number above 0",
        "loss_nats is 'nan', not a number above 0\n"
        "FILE:6: 2 values under a header of 5\n"
        "FILE:7: train_tokens comes to 1e+40, outside 1e-09 to 1e+18\n"
        "FILE:8: flop is 9e+18, but 6 x parameters x train_tokens is 1.2e+18; "
        "write it as 7000000000 or 7e9, or leave the run out; "
        "quote a value that has a comma in it; "
        "count parameters and tokens, and the loss in nats; "
        "where FLOP are counted otherwise, leave that column out: the law needs the other two",
    ]


def test_the_first_bad_rows_are_named_and_the_others_counted(table):
    said = refused(table(ROWS + "1e8,2e9,-1\n" * 53))
    lines = said.split(";")[0].splitlines()
    assert lines[0].startswith("FILE:4: loss_nats is '-1'")
    assert lines[19].startswith("FILE:23: ")
    assert lines[20:] == ["and 33 more rows"]
    assert said.count("write it as") == 1
    assert "more rows" not in refused(table(ROWS + "1e8,2e9,-1\n" * 20))


def test_a_long_or_unprintable_value_is_shown_short_and_quoted(table):
    said = refused(table(ROWS.replace("4e9", "\x1b[31m" + "9" * 9000)))
    assert len(said) < 200
    assert "\x1b" not in said
    assert "\x1b" not in refused(table("\x1b[31m,train_tokens,loss_nats\n1,2,3\n"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_another_encoding_is_told(table, encoding):
    said = refused(table(ROWS.encode(encoding)))
    assert "is no text in UTF-8; save the table as CSV in UTF-8" in said


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_another_mark_between_columns_is_told(table, mark):
    said = refused(table(ROWS.replace(",", mark)))
    assert f"separate the columns by commas, not by {mark!r}" in said


def test_a_wrong_number_is_told_by_the_name_in_the_file(table):
    path = table("params,train_tokens,loss_nats\nx,2e9,3.2\n")
    assert "FILE:2: params is 'x'" in refused(path, {"parameters": "params"})


def test_flop_that_are_not_6nd_are_refused_beyond_rounding(table):
    text = "parameters,train_tokens,flop,loss_nats\n1e8,2e9,{},3.2\n"
    assert len(read(table(text.format("1.23e18")))) == 1
    said = refused(table(text.format("2.4e18")))
    assert "FILE:2: flop is 2.4e+18, but 6 x parameters x train_tokens is 1.2e+18" in said
    assert "leave that column out" in said


def test_tables_that_are_none(table, tmp_path):
    assert "FILE:1: there is no column loss_nats, parameters" in refused(table(""))
    assert "FILE has no run" in refused(table(ROWS.splitlines()[0]))
    assert "FILE:1: the column loss_nats is there more than once" in refused(
        table("parameters,train_tokens,loss_nats,loss_nats\n1,2,3,4\n")
    )
    assert "FILE:2: 4 values under a header of 3" in refused(
        table("parameters,train_tokens,loss_nats\n1,000,2e9,3.2\n")
    )
    assert "FILE is no text in UTF-8" in refused(table(b"\xff\xfe\x00"))
    assert "cannot read FILE" in refused(table(ROWS + '"1e8,2e9,3'))
    assert "cannot read" in refused(tmp_path / "absent.csv")


def test_what_runs_are_for():
    runs = Runs(np.array([1.0, 2.0, 4.0, 8.0]), np.full(4, 10.0), np.array([4.0, 3.0, 2.0, 5.0]))
    assert list(uses(runs)) == ["fit"] * 4
    assert list(uses(runs, drop_highest=1)) == ["fit", "fit", "fit", "dropped"]
    # The run of most FLOP is held out first: the highest loss of the others is dropped.
    assert list(uses(runs, 1, 1)) == ["dropped", "fit", "fit", "held_out"]
    assert list(uses(runs, 9, 2)) == ["dropped", "dropped", "held_out", "held_out"]
    assert list(uses(runs, 0, 9)) == ["held_out"] * 4
