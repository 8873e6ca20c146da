"""The same numbers as lm-evaluation-harness, of the same model and the same test."""

import json
import math
import random
import subprocess
import sys
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from tests.support.exports import TEXTS, made, write_model

import bedstone
from bedstone.evaluation.scores import STAGE, ScoresConfig
from bedstone.evaluation.suites.harness import harness_items
from bedstone.evaluation.verdicts.outcomes import outcomes, text_costs
from bedstone.sampling import answers
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.stage import Result, Stage
from bedstone.tasks.items import write_items
from bedstone.tasks.stored import ANSWERS, rows_of

pytestmark = [pytest.mark.torch, pytest.mark.slow]

ROOT = Path(__file__).parents[3]
ITEMS = 200
BASE = """
dataset_path: json
dataset_kwargs: {data_files: {test: test.jsonl, dev: dev.jsonl}}
test_split: test
metadata: {version: 1, language: eng_Latn}
"""
CHOICES = """
include: base.yaml
task: choices
fewshot_split: dev
num_fewshot: 2
output_type: multiple_choice
description: "About {{topic}}.\\n\\n"
doc_to_text: "{% for word in words %}{{word|upper}} {% endfor %}\\nAnswer:"
doc_to_choice: options
doc_to_target: label
metric_list:
- {metric: acc, aggregation: mean, higher_is_better: true}
- {metric: acc_norm, aggregation: mean, higher_is_better: true}
- {metric: acc_bytes, aggregation: mean, higher_is_better: true}
- {metric: acc_mutual_info, aggregation: mean, higher_is_better: true}
"""
TEXT = """
include: base.yaml
task: text
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: text
metric_list: [{metric: bits_per_byte, aggregation: bits_per_byte, higher_is_better: false}]
"""
ANSWERED = """
include: base.yaml
task: answered
output_type: generate_until
doc_to_text: "{{text[:11]}}"
doc_to_target: "{{text[11:].split(' ')[0]}}"
generation_kwargs: {until: [" "], do_sample: false, max_gen_toks: 8}
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
"""
METRICS = {"acc": "acc", "acc_norm": "acc_chars", "acc_bytes": "acc_bytes"}
METRICS |= {"acc_mutual_info": "acc_pmi"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A test's folder: three descriptions, and documents of words of several scripts."""
    top, dice = tmp_path_factory.mktemp("harness"), random.Random(4)
    # The harness sums in fp32, which of hundreds of nats leaves no fourth decimal.
    words = [word for text in TEXTS[:-1] for word in text.split() if len(word) < 9]

    def document():
        options = []
        while len(set(options)) < 4:
            options = [" ".join(dice.choices(words, k=dice.randint(1, 2))) for _ in range(4)]
        text = dice.choice(TEXTS[:4])
        about = {"topic": dice.choice(words), "words": dice.choices(words, k=dice.randint(2, 6))}
        return about | {"options": options, "label": dice.randrange(4), "text": text}

    for name, count in (("test", ITEMS), ("dev", 9)):
        lines = (json.dumps(document(), ensure_ascii=False) + "\n" for _ in range(count))
        (top / f"{name}.jsonl").write_text("".join(lines), "utf-8")
    for name, text in (
        ("base", BASE),
        ("choices", CHOICES),
        ("text", TEXT),
        ("answered", ANSWERED),
    ):
        (top / f"{name}.yaml").write_text(text)
    return top


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """An artifact of a model that knows some texts by heart."""
    learnt = partial(write_model, steps=40, shape='{"seq_len": 512}')
    return made(tmp_path_factory.mktemp("store"), "pretrain.train", learnt)


@pytest.fixture(scope="module")
def theirs(folder, model, tmp_path_factory):
    """What the harness says of a task, its samples in their order."""
    top = tmp_path_factory.mktemp("theirs")
    exported = bedstone.export(model.path, to="huggingface", out=top / "model")["export"]

    def told(task, *arguments):
        out = top / f"{task}.json"
        command = (sys.executable, "-m", "tests.support.harness", exported, folder, task, out)
        done = subprocess.run(
            [*map(str, command), *arguments],
            cwd=folder,
            env={"PATH": "", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        read = json.loads(out.read_text())
        read["samples"].sort(key=lambda sample: sample["doc_id"])
        assert len(read["samples"]) == ITEMS
        return read

    return told


@pytest.fixture
def ours(folder, model, store):
    """The items of a task, and an artifact of a stage that is asked them."""

    def asked(task, stage, config):
        items = harness_items(folder / f"{task}.yaml").items
        writing = Stage(
            "evaluation.suite",
            version=1,
            config=ScoresConfig,
            inputs=(),
            run=lambda config, job: write_items(job, items) or Result({}),
        )
        role = "items" if stage is STAGE else "questions"
        inputs = {role: build(writing, ScoresConfig(), {}, store, Local())}
        inputs["model"] = model
        return items, build(stage, config, inputs, store, Local())

    return asked


def test_the_same_of_choices(theirs, ours):
    told = theirs("choices")
    items, made = ours("choices", STAGE, ScoresConfig(threads=1))
    table = rows_of(made)
    assert made.manifest.metrics["split_items"] == made.manifest.metrics["cut_items"] == 0
    logprobs = iter(table["logprob"].to_pylist())
    alone = iter(table["alone_logprob"].to_pylist())
    for item, sample in zip(items, told["samples"], strict=True):
        asked = [tuple(each) for each in sample["arguments"]]
        with_prompt = [(item.prompt, item.delimiter + choice) for choice in item.choices]
        assert asked == with_prompt + [("", ending) for _, ending in with_prompt]
        theirs_of = [float(each[0][0]) for each in sample["resps"]]
        assert [next(logprobs) for _ in range(4)] == pytest.approx(theirs_of[:4], abs=1e-4)
        assert [next(alone) for _ in range(4)] == pytest.approx(theirs_of[4:], abs=1e-4)
    for name, metric in METRICS.items():
        right = [each.right for each in outcomes(items, table, metric)]
        assert right == [sample[name] for sample in told["samples"]], name
        assert 0 < sum(right) < ITEMS
        assert told["results"][f"{name},none"] == pytest.approx(sum(right) / ITEMS)


def test_the_same_of_texts(theirs, ours):
    # With it the harness would count the beginning of each text as a token of the text.
    told = theirs("text", "add_bos_token=False")
    items, made = ours("text", STAGE, ScoresConfig(threads=1))
    found = text_costs(items, rows_of(made))
    for each, sample in zip(found, told["samples"], strict=True):
        loglikelihood, size = sample["bits_per_byte"]
        assert size == each.whole
        assert each.part / size == pytest.approx(-loglikelihood / size / math.log(2), abs=1e-6)
    bits_per_byte = sum(each.part for each in found) / sum(each.whole for each in found)
    assert told["results"]["bits_per_byte,none"] == pytest.approx(bits_per_byte, abs=1e-6)


def test_the_same_of_answers(theirs, ours):
    told = theirs("answered")
    config = answers.AnswersConfig(
        chain="greedy", problems=ITEMS, samples=1, max_tokens=8, chat=False, threads=1
    )
    items, made = ours("answered", answers.STAGE, config)
    rows = {row["problem"]: row for row in rows_of(made).to_pylist()}
    for item, sample in zip(items, told["samples"], strict=True):
        assert sample["arguments"][0][0] == item.prompt
        rows[item.id]["text"] = rows[item.id]["text"].split(" ")[0]  # as the test has it
        assert sample["resps"][0][0] == rows[item.id]["text"]
    table = pa.Table.from_pylist(list(rows.values()), ANSWERS)
    right = [each.right for each in outcomes(items, table)]
    assert right == [sample["exact_match"] for sample in told["samples"]]
    assert sum(right) > 0
