"""`bedstone sample` on a model that has learnt nothing."""

import json
import math
import re

import pytest
from tests.support.models import write_model

import bedstone
from bedstone.errors import ArtifactError, ConfigError

LETTERS = "logit_bias=" + ";".join(f"{3 + ord(letter)}:40" for letter in "abcdefgh")
"""Nothing else is written; a letter is a token, from 3 on."""


@pytest.fixture
def folder(inputs):
    return inputs["model"].path


def sample(folder, **options):
    return bedstone.sample(folder, **{"prompt": "Ab", "max_tokens": 8, **options})


def test_the_answer_has_the_keys_that_others_rely_on(folder):
    found = sample(folder, n=3, seed=7)
    assert set(found) >= {"completions", "chain", "model"}
    assert found["chain"] == "temperature=0.8,top_p=0.95"
    assert len(found["completions"]) == 3
    for each in found["completions"]:
        assert set(each) == {
            "text",
            "token_ids",
            "logprobs",
            "sampling_logprobs",
            "boundary_draws",
            "finish_reason",
            "seed",
        }
        assert len(each["token_ids"]) == len(each["logprobs"]) == len(each["sampling_logprobs"])
        assert each["seed"] == 7
    json.dumps(found)


def test_a_seed_gives_the_same_again_and_the_first_of_more(folder):
    def ids(n, seed):
        return [it["token_ids"] for it in sample(folder, n=n, seed=seed)["completions"]]

    assert sample(folder, n=2, seed=1) == sample(folder, n=2, seed=1)
    assert ids(2, 1) == ids(4, 1)[:2]
    assert ids(2, 1) != ids(2, 2)


def test_a_greedy_completion_is_drawn_with_certainty(folder):
    (found,) = sample(folder, chain="greedy")["completions"]
    assert found["sampling_logprobs"] == [0.0] * len(found["token_ids"])
    assert all(-math.log(259) < it < 0 for it in found["logprobs"])  # likelier than most of 259


def test_a_preset_is_spelt_out(folder):
    assert sample(folder, chain="hf:top_p=0.9")["chain"] == ("temperature=1,top_k=50,top_p=0.9")


def test_a_user_s_turn_is_other_tokens_than_a_text(folder):
    text, turn = (sample(folder, chat=chat)["prompt_tokens"] for chat in (False, True))
    assert (text, turn) == (3, 4)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"chain": "heat=1"}, "no sampler 'heat'"),
        ({"n": 0}, "n 0: 1 is the least"),
        ({"max_tokens": 0}, "max_tokens 0"),
        ({"seed": -1}, "seed -1"),
        ({"n": 10**18}, f"n {10**18}: 4,096 is the most"),
        ({"max_tokens": 10**18}, f"max_tokens {10**18}: 1,048,576 is the most"),
        ({"seed": 10**30}, f"seed {10**30}"),
        ({"max_tokens": 30}, "the model has seen texts of 32"),
        ({"number_format": "fp8"}, "number_format 'fp8'"),
        ({"stop": [""]}, "stop: the text is empty"),
        ({"regex": "a", "json_schema": "a.json"}, "json_schema and regex each say"),
        ({"json_schema": "nothing.json"}, "json_schema nothing.json cannot be read"),
        ({"regex": "("}, "the regular expression is wrong: unclosed group"),
        ({"chain": "logit_bias=259:1"}, "chain logit_bias=259:1: logit_bias names token 259"),
    ],
)
def test_what_cannot_be_asked_is_refused(folder, options, told):
    with pytest.raises(ConfigError, match=told):
        sample(folder, **options)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="holds no model"):
        sample(tmp_path)


def test_a_stop_string_of_several_tokens_ends_the_text_before_it(folder):
    (whole,) = sample(folder, chain=LETTERS, max_tokens=20, seed=3)["completions"]
    text = whole["text"]
    assert re.fullmatch("[a-h]{20}", text)
    stop = text[6:9]
    (found,) = sample(folder, chain=LETTERS, max_tokens=20, seed=3, stop=["zz", stop])[
        "completions"
    ]
    assert found["text"] == text[: text.index(stop)]
    assert found["token_ids"] == whole["token_ids"][: text.index(stop) + 3]
    assert found["finish_reason"] == "stop"


def test_a_stop_string_that_does_not_come_changes_nothing(folder):
    plain, stopped = (
        sample(folder, chain=LETTERS, stop=stop)["completions"] for stop in ((), ("z",))
    )
    assert plain == stopped
    assert plain[0]["finish_reason"] == "length"


@pytest.mark.torch
def test_a_regular_expression_holds_the_whole_text(folder):
    found = sample(folder, regex="(ab|[0-9]{3})x", n=8)["completions"]
    texts = [each["text"] for each in found]
    assert all(re.fullmatch("(ab|[0-9]{3})x", text) for text in texts)
    assert len(set(texts)) > 1
    assert {each["finish_reason"] for each in found} == {"stop"}


@pytest.mark.torch
def test_a_stop_string_ends_a_text_that_an_expression_holds(folder):
    held = {"regex": "[a-c]{8}", "n": 8}
    whole = sample(folder, **held)["completions"]
    stopped = sample(folder, **held, stop=["b"])["completions"]
    assert any("b" in each["text"] for each in whole)
    for long, short in zip(whole, stopped, strict=True):
        assert re.fullmatch("[a-c]{8}", long["text"])
        assert short["text"] == long["text"].split("b")[0]
        assert short["finish_reason"] == "stop"


def test_one_text_stands_alone_on_stdout_cut_off_or_not(folder, cli):
    options = {"chain": LETTERS, "seed": 3}
    (whole,) = sample(folder, **options, max_tokens=20)["completions"]
    text, stop = whole["text"], whole["text"][6:9]

    def printed(max_tokens):
        words = ("--prompt", "Ab", "--chain", LETTERS, "--seed", 3, "--stop", stop)
        return cli("sample", folder, *words, "--max-tokens", max_tokens)

    assert printed(20) == (0, text[: text.index(stop)] + "\n", "")
    assert printed(2) == (0, text[:2] + "\n", "cut off: after 2 tokens: --max-tokens\n")


def test_of_several_texts_each_says_whether_it_was_cut_off(folder, cli):
    options = {"chain": LETTERS, "stop": ["b", "c"], "n": 8, "max_tokens": 4}
    reasons = [each["finish_reason"] for each in sample(folder, **options)["completions"]]
    assert len(set(reasons)) == 2
    words = ("--prompt", "Ab", "--chain", LETTERS, "--stop", "b", "--stop", "c", "--max-tokens", 4)
    _, out, err = cli("sample", folder, *words, "--n", 8)
    heads = [line for line in out.splitlines() if line.startswith("[")]
    assert ["4 tokens, cut off," in head for head in heads] == [
        reason == "length" for reason in reasons
    ]
    assert err == ""


@pytest.mark.torch
def test_a_schema_holds_the_whole_text(folder, tmp_path):
    path = tmp_path / "schema.json"
    path.write_text('{"enum": [[1, 2], "ab", null]}')
    found = sample(folder, json_schema=path, n=8)["completions"]
    texts = {each["text"] for each in found}
    assert len(texts) > 1
    assert texts <= {"[1,2]", '"ab"', "null"}


def test_a_schema_that_is_no_object_is_refused(folder, tmp_path):
    (tmp_path / "schema.json").write_text("[1]")
    with pytest.raises(ConfigError, match="a schema is a JSON object"):
        sample(folder, json_schema=tmp_path / "schema.json")


def test_bf16_without_kernels_is_said(folder, no_bf16_kernels, caplog):
    sample(folder, number_format="bf16")
    (warning,) = caplog.messages
    assert "no kernels for bf16" in warning


def test_bf16_is_computed_and_told(tmp_path, tokenizer):
    model = write_model(tmp_path / "wide", tokenizer)
    one, two = (sample(model, chain="greedy", number_format=name) for name in ("fp32", "bf16"))
    assert (one["number_format"], two["number_format"]) == ("fp32", "bf16")
    pairs = zip(
        one["completions"][0]["logprobs"][:1], two["completions"][0]["logprobs"][:1], strict=True
    )
    for ours, theirs in pairs:
        assert ours == pytest.approx(theirs, abs=0.05)
        assert ours != theirs


def test_a_model_without_a_template_goes_on_from_a_text_only(tmp_path, tokenizer):
    model = write_model(tmp_path / "wide", tokenizer)
    (model / "tokenizer_config.json").write_text("{}")
    assert sample(model)["completions"]
    with pytest.raises(ConfigError, match="no chat template"):
        sample(model, chat=True)


def test_a_path_without_anything_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="nowhere"):
        sample(tmp_path / "nowhere")
