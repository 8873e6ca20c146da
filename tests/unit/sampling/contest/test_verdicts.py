"""`bedstone strategies` on models whose answers are known in distribution."""

import json
import math
import shutil
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from tests.support.endpoints import Toy, serving, toy_answer
from tests.support.models import (
    UNIGRAM,
    bytes_of,
    changed,
    write_model,
    write_problems,
    write_unigram,
)

import bedstone
from bedstone.errors import ArtifactError, ConfigError, DataError
from bedstone.generation import writer
from bedstone.sampling.choosing.pace import Pace
from bedstone.sampling.contest import contest, verdicts
from bedstone.sampling.endpoints import client
from bedstone.store.artifact import Artifact
from bedstone.tasks.catalogue import named as named_task
from bedstone.tasks.stored import rows_of

pytestmark = pytest.mark.torch

CHAINS = ["temperature=0.5", "temperature=1"]
OPTIONS = {
    "chain": CHAINS,
    "problems": 60,
    "samples": 8,
    "max_tokens": 1,
    "plain": True,
    "paraphrases": 2,
}
COMPLETIONS = 60 * (2 + 2 * 8)


def strategies(folder, **options):
    given = {"data": folder / "sevens.jsonl", "store": folder / "store", **OPTIONS}
    return bedstone.strategies(folder / "model", **given | options)


@pytest.fixture
def world(tmp_path, tokenizer):
    """A model, problems to all of which the answer is 7, and no answers yet."""
    write_unigram(tmp_path / "model", tokenizer, UNIGRAM)
    write_problems(tmp_path / "sevens.jsonl")
    return tmp_path


MADE = []


@pytest.fixture
def drawn(tokenizer, tmp_path_factory):
    """The same with the answers; nobody changes it."""
    if not MADE:
        folder = tmp_path_factory.mktemp("drawn")
        write_unigram(folder / "model", tokenizer, UNIGRAM)
        write_problems(folder / "sevens.jsonl")
        MADE.extend((folder, strategies(folder)))
    return MADE[0]


@pytest.fixture
def found(drawn):
    """What the answers say."""
    return MADE[1]


@pytest.fixture
def nothing_drawn(monkeypatch):
    def complete(*_):
        raise AssertionError("an answer is drawn")

    monkeypatch.setattr(writer.Writer, "complete", complete)


def named(task):
    return {each["strategy"]: each for each in task["strategies"]}


def test_the_answer_has_the_keys_that_others_rely_on(found):
    assert set(found) == {"model", "budget_unit", "unavailable", "probe", "tasks"}
    (task,) = found["tasks"]
    assert set(task) == {"task", "problems", "strategies", "measures", "recommendation"}
    assert task["task"] == "sevens"
    greedy, *others = task["strategies"]
    assert greedy["strategy"] == "greedy"
    for each in others:
        assert each["family"] == "temperature"
        assert each["chain"] in CHAINS
        assert each["accuracy_share_low"] <= each["accuracy_share"] <= each["accuracy_share_high"]
    numbers = {(each["selector"], each["samples"], each["stop"]) for each in others}
    by_all = ("majority", "weighted", "likeliest", "mbr", "checked")
    settled = {("majority", 8, "settled"), ("checked", 8, "settled")}
    assert numbers == {("first", 1, "all")} | settled | {
        (selector, number, "all") for selector in by_all for number in (2, 4, 8)
    }
    assert set(task["recommendation"]) == {"strategy", "sentence", "alike", "cheapest"}
    json.dumps(found)


def test_accuracies_are_those_of_the_distribution(found):
    measures = found["tasks"][0]["measures"]
    chains = measures["chains"]
    assert list(chains) == ["greedy", *CHAINS]
    assert chains["greedy"]["accuracy"] == 0
    assert chains["greedy"]["format_validity"]["value"] == 0
    own, cold = chains["temperature=1"], chains["temperature=0.5"]
    error = 4 * math.sqrt(0.3 * 0.7 / 480)
    assert own["accuracy"] == pytest.approx(0.3, abs=error)
    assert cold["accuracy"] == pytest.approx(0.09 / 0.34, abs=error)
    assert own["format_validity"]["value"] == pytest.approx(0.6, abs=error)
    for number in (1, 2, 4, 8):
        expected = 1 - 0.7**number
        error = 4 * math.sqrt(expected * (1 - expected) / 60)
        assert own["pass_at"][str(number)] == pytest.approx(expected, abs=error)
    # Two that are equally likely share the votes.
    assert own["majority_at"]["8"] == pytest.approx(0.5, abs=4 * math.sqrt(0.25 / 60))
    assert own["completion_tokens"] == 1
    # 60 texts of each chain are looked at, whatever the number of samples.
    assert own["distinct_1"] == pytest.approx(3 / 60)
    assert chains["greedy"]["distinct_1"] == pytest.approx(1 / 60)
    # The likelihood of a 7 and of an 8 is the same: it tells an answer from none.
    assert own["logprob"]["auroc"] == pytest.approx(0.5 * 0.3 / 0.7, abs=0.1)
    assert measures["paraphrases"] == 2
    assert measures["paraphrase_agreement"]["value"] == 0
    assert measures["paraphrase_accuracy"] == [0, 0]


def test_tokens_are_prompt_and_completions(found):
    rows = named(found["tasks"][0])
    prompt = np.mean([1 + len(f"{number}?") for number in range(60)])
    first, eight = (
        rows["temperature=1"],
        next(each for each in rows.values() if (each["selector"], each["samples"]) == ("mbr", 8)),
    )
    assert first["tokens"] == pytest.approx(prompt + 1)
    assert eight["tokens"] == pytest.approx(prompt + 8)
    assert eight["tokens_unshared"] == pytest.approx(8 * (prompt + 1))
    assert first["seconds"] > 0


def test_samples_beat_greedy_and_a_checker_beats_votes(drawn, found, nothing_drawn):
    best = named(found["tasks"][0])[found["tasks"][0]["recommendation"]["strategy"]]
    assert best["selector"] != "checked"
    assert best["gain_share_low"] > 0
    assert "above greedy" in found["tasks"][0]["recommendation"]["sentence"]
    (task,) = strategies(drawn, checker=True)["tasks"]
    best = named(task)[task["recommendation"]["strategy"]]
    assert (best["selector"], best["samples"]) == ("checked", 8)
    assert best["accuracy_share"] > 0.8


@pytest.mark.parametrize("unit", ["tokens", "seconds", "usd"])
def test_a_budget_is_kept(drawn, found, nothing_drawn, unit):
    prices = {"prompt_price": 1, "completion_price": 5}
    (task,) = strategies(drawn, checker=True, **prices)["tasks"]
    free = named(task)[task["recommendation"]["strategy"]]
    costs = sorted({each[unit] for each in task["strategies"]})
    assert free[unit] > costs[1] or unit == "seconds"
    limit = costs[1]
    (task,) = strategies(drawn, checker=True, **prices, **{f"budget_{unit}": limit})["tasks"]
    best = named(task)[task["recommendation"]["strategy"]]
    assert best[unit] <= limit
    for name in task["recommendation"]["alike"]:
        assert named(task)[name][unit] <= limit


def test_prices_are_those_of_a_million_tokens(drawn, nothing_drawn):
    (task,) = strategies(drawn, prompt_price=1, completion_price=5)["tasks"]
    row = named(task)["temperature=1"]
    assert row["usd"] == pytest.approx((row["tokens"] - 1 + 5 * 1) / 1e6)


def test_fewer_samples_problems_and_chains_draw_nothing(drawn, found, nothing_drawn):
    (task,) = strategies(drawn, samples=4, problems=40, chain=CHAINS[:1], paraphrases=1)["tasks"]
    assert {each["samples"] for each in task["strategies"]} == {1, 2, 4}
    assert {each["chain"] for each in task["strategies"]} == {"greedy", CHAINS[0]}
    assert task["problems"] < found["tasks"][0]["problems"]


def test_more_samples_draw_only_those(drawn, found, monkeypatch):
    counted = []

    def complete(self, ids, drawing):
        counted.append(len(ids) * drawing.samples)
        return real(self, ids, drawing)

    real = writer.Writer.complete
    monkeypatch.setattr(writer.Writer, "complete", complete)
    options = {"samples": 10, "chain": CHAINS[1:]}
    assert strategies(drawn, **options, dry_run=True)["completions_to_draw"] == 60 * 2
    (task,) = strategies(drawn, **options)["tasks"]
    assert sum(counted) == 60 * 2
    assert max(each["samples"] for each in task["strategies"]) == 10
    before = named(found["tasks"][0])["temperature=1"]["accuracy_share"]
    assert named(task)["temperature=1"]["accuracy_share"] != before


def stored_rows(folder):
    """Problem, sample and text of each stored answer that was not drawn greedily."""
    for path in folder.glob("store/sampling.answers*"):
        artifact = Artifact(path)
        if artifact.manifest.config["chain"] != "greedy":
            for row in rows_of(artifact).to_pylist():
                yield row["problem"], row["sample"], row["text"]


@pytest.mark.parametrize("numbers", [(2, 3, 16, 5, 2), (10, 16), (7, 8, 9)])
def test_as_many_are_drawn_as_asked_and_none_twice(world, numbers):
    options = {"chain": CHAINS[1:], "paraphrases": 1, "problems": 20}
    strategies(world, **options, samples=max(numbers))
    whole = sorted(stored_rows(world))
    shutil.rmtree(world / "store")
    greedy, most = 20, 0
    for number in numbers:
        told = strategies(world, **options, samples=number, dry_run=True)
        assert told["completions_to_draw"] == greedy + 20 * max(number - most, 0)
        (task,) = strategies(world, **options, samples=number)["tasks"]
        assert max(row["samples"] for row in task["strategies"]) == number
        greedy, most = 0, max(most, number)
        assert sorted(stored_rows(world)) == [row for row in whole if row[1] < most]


def test_answers_that_were_changed_are_not_judged(world):
    found = strategies(world)
    part = next((world / "store").glob("sampling.answers*/parts/*.parquet"))
    whole = part.read_bytes()
    part.write_bytes(whole[:-1] + b"?")
    assert strategies(world)["tasks"] == found["tasks"]
    assert part.read_bytes() == whole
    (broken,) = (world / "store" / ".broken").iterdir()
    assert (broken / part.relative_to(part.parents[1])).read_bytes() == whole[:-1] + b"?"


def test_a_dry_run_draws_no_answer_and_counts(world, nothing_drawn, monkeypatch):
    told = strategies(world, dry_run=True, completion_price=2)
    assert told["completions_stored"] == 0
    assert told["completions_to_draw"] == COMPLETIONS
    assert told["completion_tokens_at_most"] == COMPLETIONS
    assert told["usd_at_most"] == pytest.approx(2 * COMPLETIONS / 1e6)
    assert told["seconds_about"] > 0
    assert strategies(world, dry_run=True)["seconds_about"] == told["seconds_about"]
    assert not list((world / "store").glob("sampling.answers*"))
    monkeypatch.undo()
    strategies(world)
    told = strategies(world, dry_run=True)
    assert told["completions_stored"] == COMPLETIONS
    assert told["completions_to_draw"] == told["usd_at_most"] == told["seconds_about"] == 0
    stored = (world / "store").glob("sampling.answers*/manifest.json")
    counts = [json.loads(path.read_text())["metrics"]["completions"] for path in stored]
    assert sum(counts) == COMPLETIONS


def test_workers_share_the_blocks_and_draw_the_same(world):
    (one,) = strategies(world)["tasks"]
    stored = {path.name for path in (world / "store").glob("sampling.answers*")}
    (two,) = strategies(world, store=world / "other", workers=2)["tasks"]
    assert {path.name for path in (world / "other").glob("sampling.answers*")} == stored
    assert one["measures"]["paraphrases"] == two["measures"]["paraphrases"]
    assert [row["accuracy_share"] for row in one["strategies"]] == [
        row["accuracy_share"] for row in two["strategies"]
    ]


@pytest.mark.parametrize(("workers", "at_once"), [(1, 1), (2, 2), (9, 4)])
def test_the_time_of_a_dry_run_is_that_of_all_batches(world, monkeypatch, workers, at_once):
    monkeypatch.setattr(verdicts, "core_count", lambda: 4)
    monkeypatch.setattr(
        contest.Contest, "pace", lambda _, samples: Pace(100, 1, {20: 0.5, 80: 2}[samples])
    )
    told = strategies(world, dry_run=True, workers=workers, max_tokens=10)
    wordings = [[f"{n}?" for n in range(60)], [f"What is {n}?" for n in range(60)]]
    prompts = [sum(1 + len(prompt) for prompt in each) for each in wordings]
    greedy = 3 * 2 * (100 + 0.5 * 10) + sum(prompts)
    sampled = 2 * (6 * (100 + 2 * 10) + prompts[0])
    assert told["seconds_about"] == pytest.approx((greedy + sampled) / at_once)


def test_what_greedy_answers_nothing_beats(tmp_path, tokenizer):
    write_unigram(tmp_path / "model", tokenizer, {"7": 0.6, "8": 0.4})
    write_problems(tmp_path / "sevens.jsonl")
    (task,) = strategies(tmp_path, write=True)["tasks"]
    assert task["strategies"][0]["accuracy_share"] == 1
    assert task["recommendation"]["strategy"] is None
    assert task["recommendation"]["sentence"] == "no strategy beats greedy here"
    settings = json.loads((tmp_path / "model" / "generation_config.json").read_text())
    assert settings == {"bos_token_id": 0, "eos_token_id": 0, "do_sample": False}


def test_nothing_helps_a_model_that_has_learnt_nothing(tmp_path, tokenizer):
    write_model(tmp_path / "model", tokenizer)
    tasks = ["reversing:letters=2-3", "sums"]
    options = {"chain": CHAINS[1], "problems": 20, "samples": 2, "max_tokens": 6, "paraphrases": 1}
    found = bedstone.strategies(tmp_path / "model", task=tasks, store=tmp_path / "store", **options)
    assert [each["task"] for each in found["tasks"]] == [*tasks, "all tasks"]
    for each in found["tasks"]:
        assert each["recommendation"]["sentence"] == "no strategy beats greedy here"
    one, two, both = (each["problems"] for each in found["tasks"])
    assert one + two == both


def test_writing_changes_the_settings_and_nothing_else(world, monkeypatch):
    path = world / "model" / "generation_config.json"
    changed(path, eos_token_id=[0, 1], top_p=0.3, max_length=40)
    files = {each: each.read_bytes() for each in (world / "model").iterdir() if each != path}
    found = strategies(world, write=True)
    assert found["written"] == str(path)
    (task,) = found["tasks"]
    best = named(task)[task["recommendation"]["strategy"]]
    assert json.loads(path.read_text()) == {
        "bos_token_id": 0,
        "eos_token_id": [0, 1],
        "max_length": 40,
        "do_sample": True,
        "temperature": float(best["chain"].removeprefix("temperature=")),
        "top_k": 0,
    }
    assert {each: each.read_bytes() for each in files} == files
    with monkeypatch.context() as patch:
        patch.setattr(writer.Writer, "complete", None)
        again = strategies(world, write=True)
    assert again == found


def test_without_being_asked_nothing_is_written(drawn, found):
    settings = json.loads((drawn / "model" / "generation_config.json").read_text())
    assert settings == {"bos_token_id": 0, "eos_token_id": 0}
    assert "written" not in found


def test_ends_are_those_of_the_folder(world):
    changed(world / "model" / "generation_config.json", eos_token_id=bytes_of("x"))
    strategies(world)
    (stored, *_) = sorted((world / "store").glob("sampling.answers*/manifest.json"))
    assert json.loads(stored.read_text())["config"]["ends"] == bytes_of("x")


@pytest.mark.parametrize("kind", ["artifact", "gguf", "folder of a gguf", "url"])
def test_nothing_is_written_where_there_is_no_folder_of_settings(world, kind):
    model = {
        "artifact": world / "store" / "model",
        "gguf": world / "a.gguf",
        "folder of a gguf": world / "ggufs",
        "url": "http://127.0.0.1:9/v1",
    }[kind]
    (world / "a.gguf").write_text("nothing")
    (world / "ggufs").mkdir()
    (world / "ggufs" / "a.gguf").write_text("nothing")
    if kind == "artifact":
        model = bedstone.adopt(world / "model", store=world / "store")["artifact"]
    with pytest.raises(ConfigError, match="write: there is no folder"):
        bedstone.strategies(model, write=True, number_format="fp32", store=world / "store")


def test_a_chart_is_drawn(drawn, found, nothing_drawn, tmp_path):
    strategies(drawn, chart=tmp_path / "chart.svg")
    assert ET.parse(tmp_path / "chart.svg").getroot().tag == "{http://www.w3.org/2000/svg}svg"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 1}, "samples 1: 2 is the least"),
        ({"problems": 19}, "problems 19: 20 is the least"),
        ({"paraphrases": 0}, "paraphrases 0"),
        ({"max_tokens": 0}, "max_tokens 0"),
        ({"seed": -1}, "seed -1"),
        ({"samples": 10**18}, f"samples {10**18}: 4,096 is the most"),
        ({"problems": 10**18}, f"problems {10**18}: 1,000,000 is the most"),
        ({"problems": 10**6, "samples": 16}, "more than 2,000,000 completions of a chain"),
        ({"paraphrases": 10**18}, f"paraphrases {10**18}"),
        ({"max_tokens": 10**18}, f"max_tokens {10**18}"),
        ({"seed": 10**30}, f"seed {10**30}"),
        ({"workers": 10**5}, "workers 100000: 1,024 is the most"),
        ({"budget_tokens": 0}, "a budget of 0 tokens buys nothing"),
        ({"budget_tokens": 9, "budget_usd": 9}, "2 budgets are given"),
        ({"budget_usd": 1}, "budget_usd needs the prices"),
        ({"number_format": "fp8"}, "number_format 'fp8': there are bf16, fp32"),
        ({"chain": "heat=1"}, "chain heat=1: no sampler 'heat'"),
        ({"completion_price": math.nan}, "completion_price are USD, 0 or more"),
        ({"prompt_price": -1}, "prompt_price and completion_price are USD, 0 or more"),
        ({"chart": "a.png"}, "chart a.png: the file"),
        ({"task": ["sums", "sums:digits=1-2"]}, "two tasks are called sums"),
        ({"task": "sums:terms=2,terms=3"}, "terms is given twice"),
        ({"chain": "greedy"}, "no chain is given to compare greedy with"),
        ({"chain": [*CHAINS, "top_p=0.9"]}, "temperature has 2 chains to choose from, top_p only"),
        ({"task": "sum"}, "no task 'sum'"),
        ({"max_tokens": 600}, "the model has seen texts of 512"),
        ({"endpoint_model": "toy"}, "endpoint_model toy: the model is none of an endpoint"),
        ({"constrain": True}, "constrain: none of the tasks has a JSON schema"),
    ],
)
def test_what_cannot_be_compared_is_refused(drawn, nothing_drawn, options, message):
    with pytest.raises(ConfigError, match=message):
        strategies(drawn, **options)


def test_a_file_of_few_problems_is_refused_before_anything_is_drawn(world, nothing_drawn):
    lines = (world / "sevens.jsonl").read_text().splitlines(keepends=True)
    (world / "few.jsonl").write_text("".join(lines[:19]))
    with pytest.raises(DataError, match=r"few.jsonl holds 19 problems; 20 are the least"):
        strategies(world, data=[world / "sevens.jsonl", world / "few.jsonl"])


def test_a_small_task_is_asked_all_that_it_has(drawn):
    task = named_task("factoring:first=2-9,second=2-30")
    there = len(task.problems(200, 0, "test"))
    assert 20 < there < 60
    options = OPTIONS | {"task": task.name, "data": (), "problems": 200, "chain": CHAINS[:1]}
    told = strategies(drawn, **options, dry_run=True)
    assert told["completions_to_draw"] == there * (2 + 8)
    (found,) = strategies(drawn, **options)["tasks"]
    assert 0 < found["problems"] < there


def test_few_problems_are_not_drawn_by_many(world):
    told = strategies(world, problems=25, samples=2, dry_run=True)
    assert told["completions_to_draw"] == 40 * (2 + 2 * 2)


def test_a_wording_that_no_problem_has_is_not_asked(world, drawn, nothing_drawn):
    again = strategies(drawn, paraphrases=5, dry_run=True)
    assert again["completions_to_draw"] == 0
    assert strategies(drawn, paraphrases=5)["tasks"][0]["measures"]["paraphrases"] == 2


def test_more_samples_take_more_seconds(drawn, found):
    rows = found["tasks"][0]["strategies"]
    seconds = {each["samples"]: each["seconds"] for each in rows if each["selector"] == "mbr"}
    paces = {
        artifact.manifest.config["samples"]: Pace.read(artifact)
        for path in (drawn / "store").glob("sampling.latency*")
        if (artifact := Artifact(path)).manifest.config["samples"] in (1, 2, 4, 8)
    }
    prompt = np.mean([1 + len(f"{number}?") for number in range(60)])
    slowest = paces[1]
    for samples in (2, 4, 8):
        slowest = paces[samples].no_faster_than(slowest)
        assert seconds[samples] == pytest.approx(slowest.seconds(prompt, 1))


def test_a_long_prompt_is_refused_before_anything_is_stored(world, nothing_drawn):
    with (world / "sevens.jsonl").open("a") as lines:
        lines.write(json.dumps({"prompt": "long " * 200, "answer": "7"}) + "\n")
    with pytest.raises(ConfigError, match=r"sevens/0061: the prompt's .* seen texts of 512"):
        strategies(world, problems=61)
    assert not list((world / "store").glob("sampling.*"))


def test_a_judge_that_was_not_aligned_from_the_model_is_refused(world, tokenizer, nothing_drawn):
    with pytest.raises(ConfigError, match="is the model itself: it finds all answers equal"):
        strategies(world, reward=world / "model")
    judge = write_unigram(world / "judge", tokenizer, {"x": 1})
    path = judge / "tokenizer.json"
    values = json.loads(path.read_text())
    vocabulary = values["model"]["vocab"]
    vocabulary["a"], vocabulary["b"] = vocabulary["b"], vocabulary["a"]
    path.write_text(json.dumps(values))
    with pytest.raises(ConfigError, match=r"judge has another tokeniser than .*model"):
        strategies(world, reward=judge)


def test_models_are_read_once(world, tokenizer, monkeypatch):
    read, load = [], writer.Writer.load
    monkeypatch.setattr(writer.Writer, "load", lambda *given: read.append(given) or load(*given))
    strategies(world, dry_run=True)
    strategies(world, problems=20)
    assert len(read) == 1
    judge = write_unigram(world / "judge", tokenizer, {"x": 0.2, "7": 0.5, "8": 0.3})
    found = strategies(world, problems=20, reward=judge)
    assert "rewarded" in {each["selector"] for each in found["tasks"][0]["strategies"]}
    assert len(read) == 2


def test_an_endpoint_is_no_model_to_sample_from():
    with pytest.raises(ConfigError, match=r"HTTP://there/v1 is an endpoint"):
        bedstone.sample("HTTP://there/v1", prompt="a")


def test_what_is_no_model_is_refused(world):
    with pytest.raises(ArtifactError, match="does not exist"):
        bedstone.strategies(world / "nowhere", store=world / "store")


def test_an_artifact_of_a_model_is_asked(drawn, nothing_drawn, monkeypatch):
    adopted = bedstone.adopt(drawn / "model", store=drawn / "store")["artifact"]
    told = bedstone.strategies(
        adopted, data=drawn / "sevens.jsonl", store=drawn / "store", **OPTIONS, dry_run=True
    )
    assert told["completions_to_draw"] == COMPLETIONS


SEVENS = {"task": "sums", "problems": 20, "samples": 8, "max_tokens": 4, "paraphrases": 1}


@pytest.fixture
def _short_waits(monkeypatch):
    monkeypatch.setattr(client, "WAITS_SECONDS", (0.01,))


def asked_of(url, store, **options):
    given = {"endpoint_model": "toy", "store": store, **SEVENS, **options}
    return bedstone.strategies(url, **given)


def test_an_honest_endpoint_is_compared_and_probed_once(store):
    toy = Toy()
    with serving(toy_answer(toy)) as url:
        found = asked_of(url, store, chain=["temperature=1", "top_n_sigma=1"])
        asked = len(toy.bodies)
        again = asked_of(url, store, chain=["temperature=1"], samples=4)
        assert len(toy.bodies) == asked
    assert {each["verdict"] for each in found["probe"]["features"].values()} == {"honoured"}
    assert again["probe"] == found["probe"]
    assert set(found["unavailable"]) == {"top_n_sigma=1"}
    (task,) = found["tasks"]
    assert {each["chain"] for each in task["strategies"]} == {"greedy", "temperature=1"}
    assert task["recommendation"]["sentence"] == "no strategy beats greedy here"
    assert "logprob" in task["measures"]["chains"]["temperature=1"]
    assert len(list(store.glob("sampling.probe*/manifest.json"))) == 1


def test_an_endpoint_is_asked_for_no_sample_twice(store):
    toy, drawn = Toy(), []
    with serving(toy_answer(toy)) as url:
        asked_of(url, store, chain="temperature=1", dry_run=True)  # is probed
        for samples, new in ((2, 2), (7, 5), (16, 9), (4, 0)):
            toy.bodies.clear()
            asked_of(url, store, chain="temperature=1", samples=samples)
            warm = [body for body in toy.bodies if body["temperature"] == 1]
            assert sum(body.get("n", 1) for body in warm) == 20 * new
            drawn += warm
    asked = {(body["messages"][0]["content"], body["seed"]) for body in drawn}
    assert len(asked) == len(drawn)


def test_a_family_is_left_out_with_its_chain(store):
    chains = ["top_p=0.9", "top_p=0.8", "temperature=1,min_p=0.1", "temperature=0.5,min_p=0.1"]
    with serving(toy_answer(Toy(["no min_p"]))) as url:
        found = asked_of(url, store, chain=chains)
    assert set(found["unavailable"]) == set(chains[2:])
    assert {each["family"] for each in found["tasks"][0]["strategies"]} == {"greedy", "top_p"}


def test_what_an_endpoint_ignores_is_told(store):
    with serving(toy_answer(Toy(["no seed", "one choice"]))) as url:
        found = asked_of(url, store, chain="temperature=1")
    ignored = [
        name for name, each in found["probe"]["features"].items() if each["verdict"] != "honoured"
    ]
    assert sorted(ignored) == ["n", "seed"]
    assert found["tasks"][0]["strategies"]


def test_log_probabilities_that_are_lies_choose_nothing(store):
    with serving(toy_answer(Toy(["constant"]))) as url:
        found = asked_of(url, store, chain="temperature=1")
    selectors = {each["selector"] for each in found["tasks"][0]["strategies"]}
    assert selectors == {"first", "majority", "mbr", "checked"}
    assert "logprob" not in found["tasks"][0]["measures"]["chains"]["temperature=1"]


@pytest.mark.parametrize(("lies", "samples_of_request"), [([], 4), (["one choice"], 1)])
def test_a_prompt_is_paid_for_each_request(store, lies, samples_of_request):
    with serving(toy_answer(Toy(lies))) as url:
        found = asked_of(url, store, chain="temperature=1", prompt_price=1e6)
    greedy, *others = found["tasks"][0]["strategies"]
    usd = {each["samples"]: each["usd"] for each in others if each["selector"] == "mbr"}
    for samples in (2, 4, 8):
        requests = math.ceil(samples / samples_of_request)
        assert usd[samples] == pytest.approx(requests * greedy["usd"])


@pytest.mark.parametrize(
    ("lies", "options", "message"),
    [
        (["no temperature"], {}, "cannot be compared: temperature is not honoured"),
        (["no top_p"], {"chain": "top_p=0.9"}, "can apply none of the chains: top_p=0.9: top_p"),
        ([], {"endpoint_model": None}, "an endpoint has models by name"),
        ([], {"constrain": True}, "constrain holds a model of this machine"),
        ([], {"reward": __file__}, "reward judges what a model of this machine answers"),
    ],
)
def test_an_endpoint_that_cannot_be_compared_is_refused(store, lies, options, message):
    with (
        serving(toy_answer(Toy(lies))) as url,
        pytest.raises(ConfigError, match=message),
    ):
        asked_of(url, store, **{"chain": "temperature=1"} | options)
