"""The command `bedstone strategies`: on a model that has learnt nothing, and on a real one."""

import json

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install bedstone[train]")

from tests.unit.conftest import tokenizer  # noqa: E402, F401 (a fixture)
from tests.unit.sampling.test_writer import SMOLLM2, needs_smollm2, write_model  # noqa: E402

TASK = "reversing:letters=2-3"


def test_a_folder_is_compared_and_its_settings_are_written(cli, tmp_path, store, tokenizer):  # noqa: F811
    model = write_model(tmp_path / "model", tokenizer)
    words = ["strategies", model, "--task", TASK, "--chain", "temperature=1", "--problems", 20]
    words += ["--samples", 2, "--max-tokens", 6, "--paraphrases", 1, "--store", store]
    status, told, _ = cli(*words, "--dry-run")
    assert status == 0
    assert told.splitlines() == [
        "0 completions are stored",
        "450 would be drawn, of 2,700 tokens at most",
    ]
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
    assert told.splitlines()[0] == "450 completions are stored"


def test_what_cannot_be_compared_is_an_error_and_a_hint(cli, tmp_path, store, tokenizer):  # noqa: F811
    model = write_model(tmp_path / "model", tokenizer)
    words = ["strategies", model, "--store", store]
    chains = ["--chain", "temperature=1", "--chain", "temperature=2", "--chain", "top_p=0.9"]
    status, told, complaint = cli(*words, *chains)
    assert (status, told) == (2, "")
    assert "error: temperature has 2 chains to choose from, top_p only 1" in complaint
    assert "hint: give every family" in complaint


@pytest.mark.slow
@needs_smollm2
def test_a_real_model_is_compared(cli, store):
    pytest.importorskip("gguf")
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
