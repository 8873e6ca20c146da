"""The command `bedstone strategies`: on models that write known characters, and on a real one."""

import json
import math
import re

import pyarrow.parquet as pq
import pytest
from tests.support.models import (
    SMOLLM2,
    UNIGRAM,
    needs_smollm2,
    write_model,
    write_problems,
    write_unigram,
)
from tests.unit.conftest import tokenizer  # noqa: F401 (a fixture)

from bedstone.generation import writer
from bedstone.sampling import rewards

pytestmark = pytest.mark.torch

TASK = "reversing:letters=2-3"


def test_a_folder_is_compared_and_its_settings_are_written(cli, tmp_path, store, tokenizer):  # noqa: F811
    model = write_model(tmp_path / "model", tokenizer)
    words = ["strategies", model, "--task", TASK, "--chain", "temperature=1", "--problems", 20]
    words += ["--samples", 2, "--max-tokens", 6, "--paraphrases", 1, "--store", store]
    status, told, _ = cli(*words, "--dry-run")
    assert status == 0
    *counted, duration = told.splitlines()
    assert counted == ["0 completions are stored", "60 would be drawn, of 360 tokens at most"]
    assert re.fullmatch(r"about 0:\d\d minutes to draw them, at the pace measured here", duration)
    status, told, _ = cli(*words, "--json")
    found = json.loads(told)
    assert status == 0
    assert found["tasks"][0]["recommendation"]["sentence"] == "no strategy beats greedy here"
    status, told, _ = cli(*words, "--write", "--chart", tmp_path / "chart.svg")
    assert status == 0
    assert told.splitlines()[0] == (
        f"{TASK}, {found['tasks'][0]['problems']} problems to report on"
    )
    assert "recommended: no strategy beats greedy here" in told
    assert told.splitlines()[-1] == f"written: {model / 'generation_config.json'}"
    assert json.loads((model / "generation_config.json").read_text())["do_sample"] is False
    assert (tmp_path / "chart.svg").exists()
    status, told, _ = cli(*words, "--dry-run")
    assert told.splitlines()[0] == "60 completions are stored"


def test_a_table_is_no_wider_than_a_page_and_its_costs_are_in_the_budgets_unit(
    cli,
    tmp_path,
    store,
    tokenizer,  # noqa: F811
):
    model = write_unigram(tmp_path / "model", tokenizer, UNIGRAM)
    problems = write_problems(tmp_path / "sevens.jsonl")
    chain = (
        "repetition=1.001,frequency=0.001,presence=0.001,temperature=0.999,min_p=0.001,top_p=0.999"
    )
    words = ["strategies", model, "--data", problems, "--chain", chain, "--plain"]
    words += ["--problems", 60, "--samples", 2, "--max-tokens", 1, "--paraphrases", 1]
    words += ["--checker", "--store", store]
    status, told, _ = cli(*words, "--budget-seconds", 99)
    assert status == 0
    _, header, *rows = told.splitlines()
    assert header.split()[-1] == "seconds"
    assert max(map(len, told.splitlines())) <= 100
    assert f"\n  {chain}" in told
    costs = [float(row.split()[-1]) for row in rows if re.search(r"[+-]0\.\d{3}", row)]
    assert costs == sorted(costs)
    assert len(costs) > 1


def test_what_cannot_be_compared_is_an_error_and_a_hint(cli, tmp_path, store, tokenizer):  # noqa: F811
    model = write_model(tmp_path / "model", tokenizer)
    words = ["strategies", model, "--store", store]
    chains = ["--chain", "temperature=1", "--chain", "temperature=2", "--chain", "top_p=0.9"]
    status, told, complaint = cli(*words, *chains)
    assert (status, told) == (2, "")
    assert "error: temperature has 2 chains to choose from, top_p only 1" in complaint
    assert "hint: give every family" in complaint


@pytest.fixture
def sevens(cli, tmp_path, store, tokenizer):  # noqa: F811
    """Ask a model that writes an x, a 7 or an 8 for 7s: the task of the answer, and its best."""
    model = write_unigram(tmp_path / "model", tokenizer, UNIGRAM)
    problems = write_problems(tmp_path / "sevens.jsonl")
    words = ["strategies", model, "--data", problems, "--chain", "temperature=1", "--plain"]
    words += ["--problems", 60, "--samples", 8, "--max-tokens", 1, "--paraphrases", 1]

    def asked(*options):
        status, told, complaint = cli(*words, *options, "--store", store, "--json")
        assert status == 0, complaint
        (task,) = json.loads(told)["tasks"]
        best = task["recommendation"]["strategy"]
        return task, next((row for row in task["strategies"] if row["strategy"] == best), None)

    return asked


def stored(store, stage, name):
    """The rows of a stage's artifacts, but for those that greedy answers gave."""
    for path in store.glob(f"{stage}-*/manifest.json"):
        if json.loads(path.read_text())["config"].get("chain") != "greedy":
            for file in path.parent.rglob(name):
                yield from pq.read_table(file).to_pylist()


def refuse(*_):
    raise AssertionError("something is drawn or judged")


def test_an_aligned_model_chooses_and_is_asked_once(
    sevens,
    tmp_path,
    store,
    tokenizer,  # noqa: F811
    monkeypatch,
):
    aligned = {"x": 0.2, "7": 0.7, "8": 0.1}
    judge = write_unigram(tmp_path / "judge", tokenizer, aligned)
    task, best = sevens("--reward", judge)
    by_selector = {(row["selector"], row["samples"]): row for row in task["strategies"]}
    assert (best["selector"], best["samples"]) == ("rewarded", 8)
    for number in (2, 4, 8):  # the 7 has the highest reward, and is right
        rewarded, checked = (by_selector[name, number] for name in ("rewarded", "checked"))
        assert rewarded["accuracy_share"] == pytest.approx(checked["accuracy_share"])
    texts = {
        (row["problem"], row["sample"]): row["text"]
        for row in stored(store, "sampling.answers", "*.parquet")
    }
    judged = list(stored(store, "sampling.rewards", rewards.FILE))
    assert len(judged) == len(texts) == 60 * 8
    for row in judged:
        text = texts[row["problem"], row["sample"]]
        likelier = math.log(aligned[text] / UNIGRAM[text])
        assert row["reward"] == pytest.approx(likelier, abs=1e-3)
    monkeypatch.setattr(writer.Writer, "complete", refuse)
    monkeypatch.setattr("bedstone.posttrain.scoring.completion_sums", refuse)
    assert sevens("--reward", judge) == (task, best)
    task, best = sevens()
    assert "rewarded" not in {row["selector"] for row in task["strategies"]}


def test_a_budget_is_in_usd_or_in_seconds(sevens, monkeypatch):
    prices = ["--checker", "--prompt-price", 1, "--completion-price", 5]
    task, best = sevens(*prices)
    assert (best["selector"], best["samples"]) == ("checked", 8)
    monkeypatch.setattr(writer.Writer, "complete", refuse)
    of_two = next(row["usd"] for row in task["strategies"] if row["samples"] == 2)
    _, best = sevens(*prices, "--budget-usd", of_two)
    assert (best["selector"], best["samples"]) == ("checked", 2)
    dearest = max(row["seconds"] for row in task["strategies"])
    _, best = sevens("--checker", "--budget-seconds", dearest)
    assert (best["selector"], best["samples"]) == ("checked", 8)
    _, best = sevens("--checker", "--budget-seconds", 1e-9)
    assert best is None


def test_answers_are_held_to_a_task_s_schema(cli, tmp_path, store, tokenizer):  # noqa: F811
    # Strings and lists are soon closed; a brace stands where it must.
    shares = {'"': 0.8, "]": 0.15, ",": 0.04, "1": 0.01}
    model = write_unigram(tmp_path / "model", tokenizer, shares)
    words = ["strategies", model, "--task", "json", "--task", "reversing:letters=2-3", "--plain"]
    words += ["--chain", "temperature=1", "--problems", 20, "--samples", 2, "--max-tokens", 64]
    words += ["--paraphrases", 1, "--store", store, "--json"]

    def validity():
        of_json = json.loads(told)["tasks"][0]["measures"]["chains"]
        return {chain: each["format_validity"]["value"] for chain, each in of_json.items()}

    status, told, _ = cli(*words)
    assert status == 0
    assert validity() == {"greedy": 0, "temperature=1": 0}
    status, told, _ = cli(*words, "--constrain")
    assert status == 0
    assert validity() == {"greedy": 1, "temperature=1": 1}
    manifests = [
        json.loads(path.read_text()) for path in store.glob("sampling.answers-*/manifest.json")
    ]
    held = {each["config"]["task"] for each in manifests if each["config"]["constrained"]}
    assert held == {"json"}


@pytest.mark.slow
@needs_smollm2
def test_a_real_model_is_compared(cli, store):
    words = [
        "strategies",
        SMOLLM2,
        "--task",
        "sums:terms=2,digits=1-2",
        "--chain",
        "temperature=0.7",
    ]
    words += ["--problems", 20, "--samples", 4, "--max-tokens", 16, "--paraphrases", 1]
    words += ["--number-format", "bf16", "--store", store, "--json"]
    status, told, _ = cli(*words)
    assert status == 0
    (task,) = json.loads(told)["tasks"]
    greedy, *others = task["strategies"]
    assert greedy["accuracy_share"] > 0.2
    checked = {each["samples"]: each for each in others if each["selector"] == "checked"}
    assert checked[4]["accuracy_share"] >= checked[2]["accuracy_share"] > 0
