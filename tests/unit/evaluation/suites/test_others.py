"""Samples of lm-evaluation-harness, as its versions write them."""

import json

import pytest

from bedstone.errors import DataError
from bedstone.evaluation.suites.others import samples_of
from bedstone.tasks.stored import ANSWERS, SCORES

NAME = "samples_belebele_tel_Telu_2026-01-02T03-04-05.678901.jsonl"


def choices_of(doc, logprobs, target, **fields):
    arguments = {
        f"gen_args_{at}": {"arg_0": f"P: నది\nQ: {doc}?\nA:", "arg_1": f" {'అఆఇఈ'[at]}"}
        for at in range(len(logprobs))
    }
    return {
        "doc_id": doc,
        "doc": {"question": str(doc)},
        "target": target,
        "arguments": arguments,
        "resps": [[[str(value), "False"]] for value in logprobs],
        "filtered_resps": [[str(value), "False"] for value in logprobs],
        "filter": "none",
        "metrics": ["acc"],
        "doc_hash": "h",
        "acc": 1.0,
    } | fields


def write(folder, *lines, name=NAME):
    path = folder / name
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def test_choices_with_their_log_likelihoods(tmp_path):
    older = [["P: నది\nQ: 1?\nA:", f" {sign}"] for sign in "అఆఇఈ"]
    path = write(
        tmp_path,
        choices_of(0, [-3.5, -1.25, -9, -8], "1"),
        choices_of(1, [-1.0, -2.0, -3.0, -4.0], 3, acc=0.0, arguments=older),
    )
    run = samples_of(path)
    assert [item.id for item in run.items] == ["belebele/tel_Telu/0", "belebele/tel_Telu/1"]
    item = run.items[0]
    assert (item.language, item.suite, item.metric) == ("tel_Telu", "belebele", "acc")
    assert (item.prompt, item.delimiter) == ("P: నది\nQ: 0?\nA:", " ")
    assert (item.choices, item.gold) == (tuple("అఆఇఈ"), 1)
    assert run.table.schema.equals(SCORES)
    assert run.table["logprob"].to_pylist() == [-3.5, -1.25, -9, -8, -1, -2, -3, -4]
    assert run.table["alone_logprob"].null_count == run.table["tokens"].null_count == 8
    assert run.right == {run.items[0].id: 1.0, run.items[1].id: 0.0}


def test_what_the_choices_are_after_nothing_is_told_apart(tmp_path):
    sample = choices_of(0, [-3.0, -1.0, -5.0, -6.0], 1)
    pairs = [[pair["arg_0"], pair["arg_1"]] for pair in sample["arguments"].values()]
    both = [*pairs[:2], *(["", choice] for _, choice in pairs[:2])]
    run = samples_of(write(tmp_path, sample | {"arguments": both}))
    assert run.items[0].choices == ("అ", "ఆ")
    assert run.table["logprob"].to_pylist() == [-3.0, -1.0]
    assert run.table["alone_logprob"].to_pylist() == [-5.0, -6.0]


def test_written_answers_count_once_whatever_the_filters(tmp_path):
    lines = [
        {"doc_id": doc, "target": "42", "arguments": [["Q: ?\nA:", {"until": ["\n"]}]]}
        | {"resps": [[f"సమాధానం {answer}"]], "filtered_resps": ["42"], "filter": filter_}
        | {"exact_match": right}
        for filter_, right in (("strict-match", 0.0), ("flexible-extract", 1.0))
        for doc, answer in ((0, "౪౨"), (1, "7"))
    ]
    run = samples_of(write(tmp_path, *lines, name="samples_mgsm_direct_te.jsonl"))
    assert run.table.schema.equals(ANSWERS)
    assert run.table["text"].to_pylist() == ["సమాధానం ౪౨", "సమాధానం 7"]
    assert [(it.language, it.answers, it.metric) for it in run.items] == [
        ("tel_Telu", ("42",), "exact_match")
    ] * 2
    assert set(run.right.values()) == {0.0}


@pytest.mark.parametrize(("acc", "gold"), [(1.0, 0), (0.0, 1)])
def test_a_target_that_is_a_number_and_a_choice(tmp_path, acc, gold):
    """It is the first choice's text and the second's number; the first is held for best."""
    sample = choices_of(0, [-1.0, -2.0], "1", acc=acc)
    for at, pair in enumerate(sample["arguments"].values()):
        pair["arg_1"] = f" {at + 1}"
    assert samples_of(write(tmp_path, sample)).items[0].gold == gold


def test_a_language_can_be_named(tmp_path):
    path = write(tmp_path, choices_of(0, [-1.0, -2.0], 0), name="samples_piqa.jsonl")
    assert samples_of(path, "eng").items[0].id == "piqa/eng_Latn/0"
    with pytest.raises(DataError, match="its language is not told"):
        samples_of(path)


GOOD = choices_of(0, [-1.0, -2.0], 0)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (GOOD, "a document stands there twice"),
        (GOOD | {"doc_id": None}, "there is no 'doc_id'"),
        (GOOD | {"doc_id": "x"}, "'doc_id' is no whole number"),
        ({"doc_id": 1, "filter": "none"}, "are no list"),
        (GOOD | {"doc_id": 1, "arguments": [["a", "b"]] * 10_000}, "are no list, or too long"),
        (GOOD | {"doc_id": 1, "arguments": ["ab", "cd"]}, "are no pairs"),
        (GOOD | {"doc_id": 1, "arguments": {"x": 1, "y": 2}}, "are no pairs"),
        (GOOD | {"doc_id": 1, "filtered_resps": [["-1"]]}, "not a log-likelihood for each choice"),
        (GOOD | {"doc_id": 1, "filtered_resps": [["nan"], ["-1"]]}, "no number up to 0"),
        (GOOD | {"doc_id": 1, "filtered_resps": [[{}], ["-1"]]}, "is no number"),
        (GOOD | {"doc_id": 1, "target": 2}, "'target' is none of the choices"),
        (GOOD | {"doc_id": 1, "target": [0]}, "'target' is no text"),
        (GOOD | {"doc_id": 1, "acc": "x\x1b"}, "neither 'acc' nor 'exact_match'"),
        (GOOD | {"doc_id": 1, "arguments": [["a", "b"], ["c", "d"]]}, "several choices after one"),
    ],
)
def test_what_is_no_sample_is_told_with_its_line(tmp_path, line, told):
    with pytest.raises(DataError, match=rf"jsonl:2: .*{told}"):
        samples_of(write(tmp_path, GOOD, line))


def test_a_file_of_no_samples_or_of_two_kinds(tmp_path):
    written = {"doc_id": 9, "target": "x", "arguments": [["Q", {}]], "resps": [["x"]]}
    written |= {"filtered_resps": ["x"], "filter": "none", "exact_match": 1}
    for lines in ((), (GOOD, written)):
        with pytest.raises(DataError, match="no samples, or of two kinds"):
            samples_of(write(tmp_path, *lines))
