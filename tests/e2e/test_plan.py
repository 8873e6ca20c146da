"""`bedstone plan` as its users call it."""

import json

import pytest
from typer.testing import CliRunner

import bedstone
from bedstone.commands.main import application

LAWS = ("epoch ", "repeated ")


def call(*words):
    return CliRunner().invoke(application(), ["plan", *map(str, words)], catch_exceptions=True)


def test_json_is_what_the_function_returns():
    words = ("--flop", "1e20", "--corpus", "swh=1.2e9", "--served-tokens", "1e12", "--json")
    found = json.loads(call(*words).stdout)
    same = bedstone.plan(flop=1e20, corpus="swh=1.2e9", served_tokens=1e12)
    assert found == json.loads(json.dumps(same))


def test_the_answer_for_people_fits_a_terminal_and_has_every_law():
    answer = call("--flop", "1e26", "--device", "h100-sxm", "--usd-per-device-hour", 2)
    lines = answer.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    for law in ("chinchilla-3-unrounded", "served"):
        assert sum(line.startswith(f"{law} ") for line in lines) == 2
    assert "The laws ask for" in answer.stdout


def test_it_opens_with_its_answer_and_what_a_corpus_cannot_feed_comes_after():
    money = ("--device", "h100-sxm", "--usd", 5000, "--usd-per-device-hour", 2.5)
    lines = call(*money, "--corpus", "swh=1.2e9").stdout.splitlines()
    assert lines[0].startswith("Train 228 M parameters on 4.8 B tokens: the corpus of 1.2 B tokens")
    assert "12 USD" in lines[1]
    assert "4,988 USD, is left" in lines[1]
    assert lines[2].startswith("Why: the corpus ends before the budget does")
    mixed = call("--flop", 1e20, "--corpus", 5e9).stdout.splitlines()
    starved = mixed.index("read more than 4 times by:")
    first = {law: next(n for n, it in enumerate(mixed) if it.startswith(law)) for law in LAWS}
    assert first["epoch "] < starved < first["repeated "]


def test_a_table_is_checked(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("parameters,train_tokens,flop\n175e9,12.0e12,1.26e24\n1e9,2e10,1.2e20\n")
    answer = call("--check", path)
    assert answer.stdout.startswith("1 of 2 rows cannot be true\nline 2: 1.26e+24 FLOP, but 6 x")
    found = json.loads(call("--check", path, "--json").stdout)
    assert [row["line"] for row in found["inconsistent"]] == [2]


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--flop", "1e20", "--usd", "3"),
        ("--flop", "1e20", "--law", "nobody"),
        ("--flop", "1e20", "--corpus", "zzzzz=1"),
        ("--flop", "1e20", "--check", "table.csv"),
    ],
)
def test_what_cannot_be_used_is_a_config_error(words):
    answer = call(*words)
    assert answer.exception.exit_status == 2
    assert not answer.stdout


def test_a_chart_is_drawn(tmp_path):
    path = tmp_path / "chart.svg"
    assert call("--flop", "1e21", "--law", "epoch", "--chart", path).exit_code == 0
    assert path.read_text().startswith("<svg")


def test_a_law_of_one_s_own_divides_the_budget_with_intervals(tmp_path):
    law = {
        "E": 1.7,
        "A": 400.0,
        "B": 1000.0,
        "alpha": 0.34,
        "beta": 0.37,
        "parameters_range": [1e6, 1e9],
        "train_tokens_range": [1e7, 1e10],
        "runs": 40,
        "objective": "huber",
        "warnings": ["5 runs for 5 numbers: too few"],
        "draws": [[1.6 + it / 100, 400, 1000, 0.34, 0.37] for it in range(21)],
    }
    path = tmp_path / "law.json"
    path.write_text(json.dumps(law))
    found = json.loads(call("--flop", "1e19", "--law", path, "--json").stdout)
    assert found["law"] == str(path)
    low, high = found["loss_interval"]
    assert low < found["loss_nats"] < high
    assert [row["law"] for row in found["laws"]] == [str(path)]
    assert found["warnings"][0] == "5 runs for 5 numbers: too few"
