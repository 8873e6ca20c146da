"""What stands beside an answer: refused before the work, and said when it is written."""

import csv
import io

import pytest
from rich.console import Console

import bedstone
from bedstone.commands.save import target, write_csv
from bedstone.errors import BedstoneError, ConfigError
from bedstone.progress import Progress


def test_what_cannot_be_written_is_refused(tmp_path):
    assert target("--chart", None, ".svg") is None
    assert target("--chart", tmp_path / "a.svg", ".svg") == tmp_path / "a.svg"
    with pytest.raises(ConfigError, match=r"--chart .*a\.png: the file's name must end in \.svg"):
        target("--chart", tmp_path / "a.png", ".svg")
    with pytest.raises(ConfigError, match="there is no folder"):
        target("--csv", tmp_path / "none" / "a.csv")
    with pytest.raises(ConfigError, match="is a folder"):
        target("--out", tmp_path)


@pytest.mark.parametrize(
    ("command", "needed"),
    [
        (bedstone.audit, {"inputs": "absent.warc"}),
        (bedstone.plan, {"flop": 1e20}),
        (bedstone.fit, {"runs": "absent.csv"}),
        (bedstone.strategies, {"model": "absent"}),
    ],
)
def test_each_chart_is_refused_before_the_work(tmp_path, command, needed):
    with pytest.raises(ConfigError, match=r"chart .*a\.png: the file's name must end in \.svg"):
        command(**needed, chart=tmp_path / "a.png")


def test_what_is_written_is_said(tmp_path):
    said = io.StringIO()
    progress = Progress(Console(file=said, soft_wrap=True))
    bedstone.plan(flop=1e20, chart=tmp_path / "laws.svg", progress=progress)
    assert said.getvalue() == f"written: {tmp_path / 'laws.svg'}\n"
    assert (tmp_path / "laws.svg").read_text().startswith("<svg")


def test_what_finds_no_room_is_named(tmp_path, little_room):
    told = rf"{tmp_path}/a\.csv cannot be written: File too large"
    with pytest.raises(BedstoneError, match=told), little_room():
        write_csv([{"name": "a" * 10_000}], ["name"], tmp_path / "a.csv", None)
    chart = tmp_path / "laws.svg"
    with pytest.raises(BedstoneError, match=rf"{chart} cannot be written"), little_room():
        bedstone.plan(flop=1e20, chart=chart)


def test_a_spreadsheet_computes_nothing(tmp_path):
    names = ["=1+1", "+1", "-1", "@sum", "\t=1", "plain", "a=b"]
    rows = [{"name": name, "number": -1.5} for name in names]
    write_csv(rows, ["name", "number"], tmp_path / "a.csv", None)
    with (tmp_path / "a.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    shown = [row["name"] for row in read]
    assert shown == ["'=1+1", "'+1", "'-1", "'@sum", "'\t=1", "plain", "a=b"]
    assert {row["number"] for row in read} == {"-1.5"}
