"""`bedstone sample` on a model that has learnt nothing."""

import json
import math

import pytest

import bedstone
from bedstone.errors import ArtifactError, ConfigError


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
        ({"n": 0}, "--n 0"),
        ({"max_tokens": 0}, "--max-tokens 0"),
        ({"seed": -1}, "--seed -1"),
        ({"max_tokens": 30}, "the model has seen texts of 32"),
    ],
)
def test_what_cannot_be_asked_is_refused(folder, options, told):
    with pytest.raises(ConfigError, match=told):
        sample(folder, **options)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="holds no model"):
        sample(tmp_path)
