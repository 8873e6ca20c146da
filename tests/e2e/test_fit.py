"""`bedstone fit`: runs in, a law with its certainty out, and a file that `bedstone plan` reads."""

import json

import numpy as np
import pytest

import bedstone
from bedstone.errors import ConfigError, DataError
from bedstone.laws.law import Law

LAW = Law(E=1.7, A=400.0, B=1200.0, alpha=0.34, beta=0.3)


@pytest.fixture
def runs(tmp_path):
    """36 runs on a grid, with noise, under names of their own."""
    parameters, tokens = (
        grid.ravel() for grid in np.meshgrid(np.geomspace(1e7, 1e9, 6), np.geomspace(1e9, 1e11, 6))
    )
    noise = np.exp(0.002 * np.random.default_rng(0).normal(size=36))
    loss = LAW.loss(parameters, tokens) * noise
    rows = zip(parameters, 6 * parameters * tokens, loss, strict=True)
    path = tmp_path / "runs.csv"
    lines = ["params,flop,val_loss", *(f"{size},{flop},{nats}" for size, flop, nats in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


NAMES = "parameters=params,loss_nats=val_loss"


def test_runs_in_a_law_out(runs, store, tmp_path, cli):
    law = tmp_path / "law.json"
    words = ("fit", runs, "--columns", NAMES, "--hold-out", 3, "--bootstrap", 100)
    status, shown, said = cli(*words, "--out", law, "--store", store)
    assert status == 0
    lines = shown.splitlines()
    assert lines[0].startswith("L(N, D) = 1.7")
    assert lines[1].startswith("runs: 33 fitted, 0 dropped, 3 held out; 6.00e+16 to")
    assert lines[2].startswith("converged: huber (delta 0.001) ")
    assert "of restarts agree" in lines[2]
    for head in ("95 % low", "by other choices", "held out, with the interval of a new run"):
        assert head in shown
    assert max(map(len, lines)) <= 100
    assert "33 runs to fit, 100 resamples" in said
    written = json.loads(law.read_text())
    assert len(written["draws"]) == written["resamples"]
    assert len(written["draws"][0]) == 5
    status, shown, _ = cli(*words, "--store", store, "--json")
    answered = json.loads(shown)
    assert {**answered, **written} == {**answered, "draws": written["draws"]}
    for name, value in (("alpha", 0.34), ("beta", 0.3), ("E", 1.7)):
        low, high = answered["intervals"][name]
        assert low < value < high


def test_plan_reads_the_law(runs, store, tmp_path):
    law = tmp_path / "law.json"
    columns = {"parameters": "params", "loss_nats": "val_loss"}
    found = bedstone.fit(runs, columns=columns, bootstrap=50, out=law, store=store)
    planned = bedstone.plan(flop=1e20, law=str(law))
    best = Law(*(found[name] for name in ("E", "A", "B", "alpha", "beta"))).optimum(1e20)
    assert planned["parameters"] == pytest.approx(best.parameters)


def test_one_number_of_tokens_a_parameter(store, tmp_path, cli):
    path = tmp_path / "runs.csv"
    rows = [
        (size, 20 * size, 1.8 + 2e3 * (120 * size**2) ** -0.17)
        for size in np.geomspace(1e7, 1e9, 9)
    ]
    path.write_text(
        "parameters,train_tokens,loss_nats\n" + "".join(f"{a},{b},{c}\n" for a, b, c in rows)
    )
    status, shown, _ = cli("fit", path, "--hold-out", 2, "--store", store)
    assert status == 0
    assert shown.startswith("L(C) = 1.8000 + 2000 / C^0.1700\n")
    assert "cannot tell A from B" in " ".join(shown.split())


TOKENS = np.geomspace(1e9, 1e11, 9)


def table(path, sizes, tokens, losses):
    rows = zip(sizes, tokens, losses, strict=True)
    text = "".join(f"{size},{seen},{nats}\n" for size, seen, nats in rows)
    path.write_text(f"parameters,train_tokens,loss_nats\n{text}")
    return path


def finite(text):
    return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


def test_one_size(store, tmp_path, cli):
    sizes = np.full(9, 1e8)
    path = table(tmp_path / "runs.csv", sizes, TOKENS, LAW.loss(sizes, TOKENS))
    chart, page = tmp_path / "chart.svg", tmp_path / "report.html"
    words = ("fit", path, "--hold-out", 2, "--store", store)
    status, shown, _ = cli(*words, "--chart", chart)
    assert status == 0
    assert shown.startswith("L(D) = 2.4622 + 1200 / D^0.3000\n")
    assert "of one size in parameters, 1e+08" in shown
    assert "measured, nats a token" in chart.read_text()  # without an interval
    found = finite(cli(*words, "--json")[1])
    bedstone.report(found["artifact"], out=page, store=store)
    assert "Loss by tokens alone: the runs are of one size" in page.read_text()
    status, _, said = cli(*words, "--predict", "1e8,1e12")
    assert status == 4
    assert "these runs tell no L(N, D)" in said


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        (np.full(36, 3.0), "no L(N, D): the losses are all the same"),
        (np.geomspace(2, 3, 36), "no L(N, D): the losses rise with tokens"),
    ],
)
def test_losses_that_do_not_fall(store, tmp_path, cli, losses, said):
    sizes, tokens = np.tile(np.geomspace(1e7, 1e9, 6), 6), np.repeat(np.geomspace(1e9, 1e11, 6), 6)
    path = table(tmp_path / "runs.csv", sizes, tokens, losses)
    law, page = tmp_path / "law.json", tmp_path / "report.html"
    status, shown, _ = cli("fit", path, "--hold-out", 3, "--out", law, "--store", store)
    assert status == 0
    assert shown.startswith(said)
    assert max(map(len, shown.splitlines())) <= 100
    assert "NOT converged" in shown
    assert "fitted  95 %" not in shown
    found = finite(cli("fit", path, "--hold-out", 3, "--store", store, "--json")[1])
    bedstone.report(found["artifact"], out=page, store=store)
    assert "None: the losses do not fall" in page.read_text()
    assert finite(law.read_text())["draws"] == []
    with pytest.raises(DataError, match=r"tell no L\(N, D\)"):
        bedstone.plan(flop=1e20, law=str(law))


def test_five_runs_have_no_interval_nor_has_what_they_predict(store, tmp_path, cli):
    sizes, tokens = np.array([1e7, 3e7, 1e8, 3e8, 1e9]), np.array([1e9, 2e10, 3e9, 1e11, 5e10])
    path = table(tmp_path / "runs.csv", sizes, tokens, LAW.loss(sizes, tokens).round(3))
    words = ("fit", path, "--predict", "2e9,1e11", "--store", store)
    status, shown, _ = cli(*words)
    assert status == 0
    lines = [line.split() for line in shown.splitlines() if line.startswith(("alpha", "beta"))]
    assert [line[2:] for line in lines] == [["-", "-"]] * 2
    assert "there is no interval: 5 runs" in " ".join(shown.split())
    found = finite(cli(*words, "--json")[1])
    assert found["intervals"] == {}
    assert found["predictions"][0]["loss_interval"] is None


def test_every_bad_row_is_said(runs, store, cli):
    lines = runs.read_text().splitlines()
    lines[3], lines[7] = "1e8,x,3.2", "1e8,1e18,-1"
    runs.write_text("\n".join(lines))
    status, shown, said = cli("fit", runs, "--columns", NAMES, "--store", store)
    assert (status, shown) == (4, "")
    assert f"{runs}:4: flop is 'x', not a number above 0\n  {runs}:8: val_loss is '-1'" in said


def test_what_cannot_be_used_is_said(runs, store, cli):
    status, _, said = cli("fit", runs, "--store", store)
    assert status == 4
    assert "for parameters, did you mean 'params'?" in said
    status, _, said = cli("fit", runs, "--columns", "parameters", "--store", store)
    assert status == 2
    assert "write --columns parameters=NAME" in said
    status, _, said = cli("fit", runs, "--objective", "lad", "--delta", "0.1", "--store", store)
    assert status == 2
    assert "delta is huber's" in said
    for wrong in ({"objective": "mean"}, {"delta": 0.0}, {"hold_out": -1}, {"columns": {"N": "n"}}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            bedstone.fit(runs, store=store, **wrong)
    columns = {"parameters": "params", "loss_nats": "val_loss"}
    with pytest.raises(DataError, match="no run is left of 36"):
        bedstone.fit(runs, columns=columns, drop_highest=36, store=store)


def test_a_prediction_is_registered_with_the_interval_of_a_new_run(runs, store, cli):
    words = ("fit", runs, "--columns", NAMES, "--bootstrap", 100, "--store", store)
    status, shown, _ = cli(*words, "--predict", "2e9,1e11", "--json")
    assert status == 0
    (made,) = json.loads(shown)["predictions"]
    low, high = made["loss_interval"]
    assert low < LAW.loss(2e9, 1e11) < high
    assert made["interval_of"] == "run"
    assert high - low > 2 * 1.96 * 0.002  # no narrower than the noise of a run
    registered = bedstone.show(made["artifact"], store=store)
    assert registered["stage"] == "scaling.predict"
    assert set(registered["parents"]) == {"fit"}
    assert registered["metrics"]["loss_nats_low"] == low
    assert "registered as" in cli(*words, "--predict", "2e9,1e11")[1]


@pytest.mark.parametrize("word", ["2e9", "2e9,0", "a,b", "1,2,3", "1e300,1e10", "1e9,1e-300"])
def test_a_run_to_predict_is_two_numbers(runs, store, cli, word):
    status, shown, said = cli("fit", runs, "--predict", word, "--store", store)
    assert status == 2
    assert not shown
    assert "is no run" in said


def test_the_chart_and_the_report_show_runs_and_law(runs, store, tmp_path, cli):
    chart, page = tmp_path / "chart.svg", tmp_path / "report.html"
    words = ("fit", runs, "--columns", NAMES, "--bootstrap", 100, "--store", store)
    assert cli(*words, "--chart", chart)[0] == 0
    assert "best size" in chart.read_text()
    _, shown, _ = cli(*words, "--hold-out", 3, "--chart", chart, "--json")
    assert "measured, nats a token" in chart.read_text()
    bedstone.report(json.loads(shown)["artifact"], out=page, store=store)
    text = page.read_text()
    assert "Which law do the runs follow?" in text
    assert "Predicted against measured</" in text
    assert "Loss over compute</" in text
    assert "Loss over size, budget by budget</" in text
    assert "The same runs by other choices" in text
