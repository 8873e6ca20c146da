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
    assert "cannot read FILE" in refused(table(b"\xff\xfe\x00"))
    assert "cannot read" in refused(tmp_path / "absent.csv")


def test_what_runs_are_for():
    runs = Runs(np.array([1.0, 2.0, 4.0, 8.0]), np.full(4, 10.0), np.array([4.0, 3.0, 2.0, 5.0]))
    assert list(uses(runs)) == ["fit"] * 4
    assert list(uses(runs, drop_highest=1)) == ["fit", "fit", "fit", "dropped"]
    # The run of most FLOP is held out first: the highest loss of the others is dropped.
    assert list(uses(runs, 1, 1)) == ["dropped", "fit", "fit", "held_out"]
    assert list(uses(runs, 9, 2)) == ["dropped", "dropped", "held_out", "held_out"]
    assert list(uses(runs, 0, 9)) == ["held_out"] * 4
