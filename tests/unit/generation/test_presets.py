"""Presets stand for the chains that other engines apply."""

from types import SimpleNamespace

import pytest
import torch

from bedstone.generation.chain import parse
from bedstone.generation.distribution import logprobs
from bedstone.generation.samplers import History

pytestmark = pytest.mark.torch

LOGITS = torch.randn(3, 500, generator=torch.Generator().manual_seed(2)) * 2
TEXT = History(torch.tensor([[2, 1, 1, 5, 1]] * 3), prompt_width=2)


@pytest.mark.parametrize(
    ("preset", "explicit"),
    [
        ("hf:", "temperature=1,top_k=50"),
        ("hf: top_p=0.95, temperature=0.8", "temperature=0.8,top_k=50,top_p=0.95"),
        ("hf:top_k=0,min_p=0.1,typical_p=1,epsilon_cutoff=0", "temperature=1,min_p=0.1"),
        (
            "hf:eta_cutoff=0.1,bad_words_ids=4+2;1,sequence_bias=3:1,no_repeat_ngram_size=3",
            "logit_bias=3:1,no_repeat_ngram=3,bad_words=4+2;1,temperature=1,top_k=50,eta=0.1",
        ),
        ("vllm:", "temperature=1"),
        (
            "vllm:top_p=0.9,top_k=20,min_p=0.1,repetition_penalty=1.1,temperature=0.5",
            "repetition=1.1,temperature=0.5,min_p=0.1,top_k=20,top_p=0.9",
        ),
        ("vllm:top_k=-1,temperature=0", "greedy"),
        ("vllm:temperature=0.00000999", "temperature=0.01"),
        ("vllm:temperature=0.00999", "temperature=0.01"),
        ("vllm:temperature=0.011", "temperature=0.011"),
        ("openai:temperature=0.005", "temperature=0.005"),
        ("llama.cpp:", "top_k=40,top_p=0.95,min_p=0.05,temperature=0.8"),
        (
            "llama.cpp:temperature=1,top_n_sigma=1,typical_p=0.9,min_p=0,logit_bias=5:-1",
            "logit_bias=5:-1,top_n_sigma=1,top_k=40,typical=0.9,top_p=0.95,temperature=1",
        ),
        ("llama.cpp:temperature=0,top_k=0,top_p=1,top_n_sigma=-1", "min_p=0.05,greedy"),
        ("openai:", "temperature=1"),
        (
            "openai:presence_penalty=0.5,frequency_penalty=0,temperature=0.2,top_p=0.1",
            "presence=0.5,temperature=0.2,top_p=0.1",
        ),
        ("openai:temperature=0", "greedy"),
    ],
)
def test_a_preset_is_the_engines_explicit_chain(preset, explicit):
    assert str(parse(preset)) == explicit
    assert parse(preset) == parse(explicit)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"temperature": 0.8, "top_p": 0.95},
        {"temperature": 1.5, "top_k": 30, "min_p": 0.02, "typical_p": 0.9, "eta_cutoff": 0.003},
        {"top_k": 0, "epsilon_cutoff": 0.004, "repetition_penalty": 1.4, "no_repeat_ngram_size": 2},
    ],
)
def test_the_hf_preset_is_what_transformers_makes_of_the_same_settings(given):
    transformers = pytest.importorskip("transformers")
    settings = transformers.GenerationConfig._get_default_generation_params() | given
    config = transformers.GenerationConfig(**settings | {"do_sample": True})

    class Model(transformers.GenerationMixin):
        config = SimpleNamespace(is_encoder_decoder=False)

    processors = Model()._get_logits_processor(config, input_ids_seq_length=2)
    expected = processors(TEXT.tokens, LOGITS).log_softmax(1)
    chain = parse("hf:" + ",".join(f"{name}={value}" for name, value in given.items()))
    found = logprobs(chain, LOGITS, TEXT)
    assert torch.equal(found.isinf(), expected.isinf())
    torch.testing.assert_close(found.exp(), expected.exp(), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hg:top_p=1", "no engine 'hg'; "),
        ("hf:temperature=0", "for 0 write greedy"),
        ("hf:top_k=few", "top_k takes a number, as in top_k=1, got 'top_k=few'"),
        ("hf:top_k=1,top_k=2", "hf is given 'top_k' twice"),
        ("openai:top_k=5", "openai takes no 'top_k' here; it takes logit_bias, frequency_penalty"),
        ("llama.cpp:repeat_penalty=1.1", "llama.cpp takes no 'repeat_penalty' here"),
        ("vllm:greedy", "vllm takes no 'greedy' here"),
        ("vllm:temperature=-1", "temperature takes a number above 0"),
    ],
)
def test_presets_that_cannot_be_read(text, message):
    with pytest.raises(ValueError, match=message):
        parse(text)
