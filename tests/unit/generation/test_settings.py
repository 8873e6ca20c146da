"""A chain as transformers' settings, held against what transformers makes of them."""

import json

import pytest
import torch
import transformers

from bedstone.errors import ConfigError
from bedstone.generation.chain import parse
from bedstone.generation.distribution import logprobs
from bedstone.generation.samplers import History
from bedstone.generation.settings import generation_settings, write_settings

pytestmark = pytest.mark.torch

VOCAB_SIZE = 300
PROMPT = [7, 9, 7, 8, 7]
CHAINS = [
    "temperature=0.7",
    "temperature=1",
    "top_k=20",
    "top_p=0.8",
    "min_p=0.05",
    "typical=0.7",
    "epsilon=0.004",
    "eta=0.004",
    "repetition=1.3",
    "no_repeat_ngram=2",
    "repetition=1.2,no_repeat_ngram=2,temperature=0.8,top_k=40,top_p=0.9,min_p=0.02",
    "hf:temperature=0.8,top_p=0.95",
    "top_p=0.9,typical=0.9,epsilon=0.0003,eta=0.0003",
    "temperature=1.5,top_k=20,top_p=0.8,min_p=0.2,typical=0.9,epsilon=0.02,eta=0.05",
]


def theirs(settings):
    """The processors that transformers applies by these settings, in its order."""
    shape = transformers.LlamaConfig(
        vocab_size=VOCAB_SIZE,
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
    )
    model = transformers.LlamaForCausalLM(shape)
    config, _ = model._prepare_generation_config(transformers.GenerationConfig(**settings))
    return model._get_logits_processor(
        config, input_ids_seq_length=len(PROMPT), logits_processor=[], device="cpu"
    )


@pytest.mark.parametrize("text", CHAINS)
def test_transformers_draws_from_the_same_distribution(text):
    chain = parse(text)
    dice = torch.Generator().manual_seed(0)
    logits_BV = torch.randn(32, VOCAB_SIZE, generator=dice) * 3
    prompt_BT = torch.tensor([PROMPT] * 32)
    ours_BV = logprobs(chain, logits_BV, History(prompt_BT, prompt_width=len(PROMPT))).exp()
    processors = theirs(generation_settings(chain))
    theirs_BV = processors(prompt_BT, logits_BV).softmax(dim=-1)
    torch.testing.assert_close(ours_BV, theirs_BV, atol=1e-6, rtol=1e-5)
    assert torch.equal(ours_BV > 0, theirs_BV > 0)


def test_what_transformers_does_unasked_is_switched_off():
    settings = generation_settings(parse("top_p=0.9"))
    assert settings == {
        "do_sample": True,
        "temperature": 1,
        "top_k": 0,
        "top_p": 0.9,
    }
    assert generation_settings(parse("greedy")) == {"do_sample": False}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("top_p=0.9,temperature=0.7", "applies the samplers of top_p=0.9,temperature=0.7 in ano"),
        ("temperature=0.7,top_k=5,top_k=4", "in another order"),
        ("temperature=0.7,greedy", "greedy is no setting"),
        ("top_n_sigma=1", "top_n_sigma is no setting"),
        ("frequency=1,temperature=1", "frequency is no setting"),
        ("logit_bias=7:1", "logit_bias is no setting"),
        ("bad_words=7+9", "bad_words is no setting"),
    ],
)
def test_a_chain_that_cannot_be_written_is_refused(text, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        write_settings(tmp_path, parse(text))
    assert not list(tmp_path.iterdir())


def test_other_keys_stay_and_old_settings_of_sampling_go(tmp_path):
    path = tmp_path / "generation_config.json"
    old = {"eos_token_id": [2, 5], "min_p": 0.1, "max_length": 99, "num_return_sequences": 4}
    path.write_text(json.dumps(old))
    assert write_settings(tmp_path, parse("temperature=0.7,top_k=5")) == path
    assert json.loads(path.read_text()) == {
        "eos_token_id": [2, 5],
        "max_length": 99,
        "do_sample": True,
        "temperature": 0.7,
        "top_k": 5,
    }
    write_settings(tmp_path, parse("greedy"))
    stored = {"eos_token_id": [2, 5], "max_length": 99, "do_sample": False}
    assert json.loads(path.read_text()) == stored


def test_a_file_is_begun_where_there_is_none_and_left_where_it_is_no_json(tmp_path):
    path = write_settings(tmp_path, parse("temperature=0.7"))
    assert transformers.GenerationConfig.from_pretrained(tmp_path).temperature == 0.7
    path.write_text("{")
    with pytest.raises(ConfigError, match="is no JSON"):
        write_settings(tmp_path, parse("temperature=0.7"))
    assert path.read_text() == "{"
