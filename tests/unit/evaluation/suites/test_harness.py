"""Tests as lm-evaluation-harness describes them; that prompts are its own, see the parity tests."""

import json

import pytest

from bedstone.errors import ConfigError, DataError
from bedstone.evaluation.suite import STAGE, SuiteConfig
from bedstone.evaluation.suites.descriptions import MOST_BYTES
from bedstone.evaluation.suites.harness import harness_items
from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.tasks.items import items_of

TEST = [
    {"ask": "One?", "options": ["a", "b"], "label": 1, "passage_id": 7, "domain": "x"}
    | {"half": "\ud800", "none": []},
    {"ask": "Two?", "options": ["ç", "d e"], "label": 0, "language": "te", "half": "", "none": []},
]
DEV = [{"ask": f"{n}!", "options": ["y", "n"], "label": n % 2} for n in range(4)]
PLAIN = """
task: quiz_hi
dataset_path: json
dataset_kwargs: {data_files: {test: data/test.jsonl, dev: data/dev.jsonl}}
test_split: test
output_type: multiple_choice
doc_to_text: "Q {{ask}}\\nA:"
doc_to_choice: options
doc_to_target: label
"""
RUN = "import os; os.system('touch ran')"


@pytest.fixture
def described(tmp_path):
    """A test's YAML with its data beside it: ``described(yaml, other_name=other_text)``."""

    def write(text, **others):
        (tmp_path / "quiz" / "data").mkdir(parents=True, exist_ok=True)
        for name, rows in (("test", TEST), ("dev", DEV)):
            lines = "".join(json.dumps(row) + "\n" for row in rows)
            (tmp_path / "quiz" / "data" / f"{name}.jsonl").write_text(lines)
        for name, other in others.items():
            (tmp_path / "quiz" / f"{name}.yaml").write_text(other)
        path = tmp_path / "quiz" / "test.yaml"
        path.write_text(text)
        return path

    return write


def test_items_of_choices(described):
    (one, two), ignored = harness_items(described(PLAIN + "filter_list: []\ntag: x\n"))
    assert (one.suite, one.id, one.language) == ("quiz", "quiz/hin_Deva/0", "hin_Deva")
    assert (one.prompt, one.delimiter) == ("Q One?\nA:", " ")
    assert (one.choices, one.gold, one.metric) == (("a", "b"), 1, "acc")
    assert (one.passage_id, one.domain, one.parallel_id) == ("7", "x", None)
    assert (two.language, two.choices, two.gold) == ("tel_Telu", ("ç", "d e"), 0)
    assert ignored == ["filter_list", "tag"]


@pytest.mark.parametrize(
    ("listed", "metric", "ignored"),
    [
        ("[{metric: acc_norm}]", "acc_chars", []),
        ("[{metric: f1}, {metric: acc_bytes}]", "acc_bytes", ["metric f1"]),
        ("[{metric: acc_mutual_info}, {metric: acc}]", "acc_pmi", []),
        ("[{metric: exact_match}]", "acc", ["metric exact_match"]),
    ],
)
def test_the_metric_is_the_first_that_is_known(described, listed, metric, ignored):
    found = harness_items(described(f"{PLAIN}metric_list: {listed}\n"))
    assert found.items[0].metric == metric
    assert found.ignored == ignored


def test_choices_and_targets_in_all_their_forms(described):
    def told(choices, target):
        text = PLAIN.replace("doc_to_choice: options", f"doc_to_choice: {choices}")
        first = harness_items(described(text.replace("target: label", f"target: {target}"))).items[
            0
        ]
        return first.choices, first.gold

    assert told("options", "'{{label}}'") == (("a", "b"), 1)
    assert told("'{{options[::-1]}}'", "'{{options[1]}}'") == (("b", "a"), 0)
    assert told("[b, c]", "b") == (("b", "c"), 0)
    assert told("{first: b, second: c}", "1") == (("b", "c"), 1)


def test_texts_and_answers(described):
    text = PLAIN.replace("multiple_choice", "loglikelihood_rolling")
    text = text.replace("doc_to_choice: options\n", "").replace("label", "ask")
    item = harness_items(described(text)).items[0]
    assert (item.choices, item.prompt, item.metric) == (("One?",), "", "bits")
    text = text.replace("loglikelihood_rolling", "generate_until").replace("ask\n", "options\n")
    item = harness_items(described(text)).items[0]
    assert (item.answers, item.choices, item.prompt) == (("a", "b"), (), "Q One?\nA:")
    assert item.metric == "exact_match"


def test_examples_stand_before_the_item(described):
    text = PLAIN + 'num_fewshot: 2\nfewshot_split: dev\ndescription: "Of {{options|length}}. "\n'
    first = text + "fewshot_config: {sampler: first_n}\n"
    expected = "Of 2. Q 0!\nA: y\n\nQ 1!\nA: n\n\nQ One?\nA:"
    assert harness_items(described(first)).items[0].prompt == expected
    drawn = [item.prompt for item in harness_items(described(text)).items]
    assert all(prompt.count("!\nA: ") == 2 for prompt in drawn)


def test_what_is_included_lies_under(described):
    path = described("include: base.yaml\ntask: other_sw\ntarget_delimiter: ''\n", base=PLAIN)
    item = harness_items(path).items[0]
    assert (item.suite, item.language, item.delimiter) == ("other", "swa_Latn", "")


OUTSIDE = "lies outside the folder of the test"
REFUSED = {
    "process_docs: !function utils.f": "!function utils.f: a program is not run",
    "process_docs: f": "process_docs cannot be done here",
    "use_prompt: x": "use_prompt cannot be done here",
    "include: ../other.yaml": OUTSIDE,
    "include: /etc/passwd": OUTSIDE,
    "include: test.yaml": "files that include one another",
    "include: absent.yaml": "absent.yaml cannot be read",
    "dataset_kwargs: {data_files: {test: ../x.jsonl}}": OUTSIDE,
    "dataset_kwargs: {data_files: {test: [data/test.jsonl, 7]}}": "7 is no file in .jsonl",
    "dataset_kwargs: {data_files: data/test.jsonl}": "data_files of 'test': None is no file",
    "dataset_path: facebook/belebele": "dataset_path 'facebook/belebele' is none of json, parquet",
    "output_type: loglikelihood": "output_type 'loglikelihood' is none of",
    "num_fewshot: 1": "the examples are of the split that is tested, 'test'",
    "num_fewshot: 1\nfewshot_split: test": "the examples are of the split that is tested, 'test'",
    "num_fewshot: 9\nfewshot_split: dev": "num_fewshot is 9, and 'dev' has 4 documents",
    "num_fewshot: yes": "num_fewshot is no int",
    "target_delimiter: 3": "target_delimiter is no str",
    "test_split: null": "neither test_split nor validation_split",
    "doc_to_text: '{{absent}}'": "given up: UndefinedError: 'absent' is undefined",
    "doc_to_text: '{{ask.__class__}}'": "given up: SecurityError",
    "task: quiz": "which language it is in is not said",
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_is_refused(described, said):
    replaced = {line.partition(":")[0] for line in said.splitlines()}
    lines = [line for line in PLAIN.splitlines() if line.partition(":")[0] not in replaced]
    with pytest.raises(ConfigError) as caught:
        harness_items(described("\n".join([*lines, said, ""])))
    assert REFUSED[said] in str(caught.value)


DAMAGED = {
    "a: [": "is no YAML",
    "a: !!python/object/apply:os.system [x]": "is no YAML",
    "- a": "describes no test",
    "[" * 4_000: "is no YAML",
    "\0": "is no YAML",
    "x" * (MOST_BYTES + 1): "more than 1,048,576 bytes",
}


@pytest.mark.parametrize("number", range(len(DAMAGED)))
def test_damaged_yaml(described, number):
    text, message = list(DAMAGED.items())[number]
    with pytest.raises(DataError, match=message):
        harness_items(described(text))


WRONG = {
    "doc_to_target: '{{ask}}'": "doc_to_target is 'One?', which is none of the choices",
    "doc_to_target: 5": "doc_to_target is 5, which is none of the choices",
    "doc_to_choice: ask": "doc_to_choice is no list",
    "doc_to_choice: '{{ask}} ['": "doc_to_choice is no list",
    "doc_to_choice: [1, 2]": "doc_to_choice is no text",
    'doc_to_text: "{{ask[:0]}}{{half}}"': "doc_to_text is no text",
    "doc_to_choice: null\noutput_type: generate_until\ndoc_to_target: none": "target is empty",
    "doc_to_text: label": "each choice has a prompt of its own",
    "doc_to_text: options": "doc_to_text is no text",
    "dataset_kwargs: {data_files: {test: data/absent.jsonl}}": "there is no data/absent.jsonl",
}


@pytest.mark.parametrize("said", WRONG)
def test_documents_that_are_not_what_is_said(described, said):
    replaced = {line.partition(":")[0] for line in said.splitlines()}
    lines = [line for line in PLAIN.splitlines() if line.partition(":")[0] not in replaced]
    with pytest.raises(DataError) as caught:
        harness_items(described("\n".join([*lines, said, ""])))
    assert WRONG[said] in str(caught.value)


def test_a_folder_is_a_suite(described, store, tmp_path):
    """The stage finds the test, its data lie beside it, and no file of Python is run."""
    path = described("include: base.yaml\ntask: other_hi\nrepeats: 1\n", base=PLAIN)
    (path.parent / "utils.py").write_text(RUN)
    files = adopt([path.parent], store)
    made = build(STAGE, SuiteConfig(), {"files": files}, store, Local())
    metrics = made.manifest.metrics
    # The one that is included names a task too.
    assert (metrics["items"], metrics["suites"], metrics["ignored_keys"]) == (4, 2, 1)
    assert not (path.parent / "ran").exists()


def test_only_what_names_itself_is_a_test(described, store):
    path = described(
        "include: base.yaml\ntask: quiz_hi\n", base=PLAIN.replace("task: quiz_hi\n", "")
    )
    files = adopt([path.parent], store)
    made = build(STAGE, SuiteConfig(languages=("hin_Deva",)), {"files": files}, store, Local())
    assert [item.id for item in items_of(made)] == ["quiz/hin_Deva/0"]
    assert made.manifest.metrics["ignored_keys"] == 0
