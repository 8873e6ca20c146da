import math

import pytest
import torch

from bedstone.counting.shape import ModelConfig
from bedstone.evaluation.likelihoods import windows
from bedstone.evaluation.likelihoods.windows import cut, text_bits
from bedstone.model.transformer import Transformer

pytestmark = pytest.mark.torch

SHAPE = ModelConfig(
    vocab_size=16, n_layers=1, d_model=8, n_heads=2, n_kv_heads=1, d_ff=8, seq_len=8
)
TEXTS = [[3, 4, 5, 0], list(range(1, 16)) * 2, [0], [7] * 6]


@pytest.fixture
def model():
    return Transformer(SHAPE)


def ignore(tokens):
    pass


def test_each_token_but_the_first_is_counted_once():
    for length in range(1, 40):
        tokens = list(range(length))
        counted = [
            token for window in cut(0, tokens, 8) for token in window.tokens[window.context + 1 :]
        ]
        assert counted == tokens[1:]


def test_a_token_is_predicted_from_all_before_it_or_from_a_quarter_window():
    for window in cut(0, list(range(40)), 8):
        assert window.context == (2 if window.tokens[0] else 0)
        assert len(window.tokens) <= 9


def test_a_uniform_model_takes_the_logarithm_of_its_vocabulary(model):
    with torch.no_grad():
        model.embedding.zero_()
    # 4 tokens of 4 bits each; an empty text is its end alone; one that was cut off has no end.
    texts = [[3, 4, 5, 0], [0], [3, 4, 5]]
    assert text_bits(model, texts, end=0, advance=ignore) == pytest.approx([16.0, 4.0, 12.0])


def test_bits_are_those_of_each_window_by_itself(model, monkeypatch):
    def alone(text):
        total = 0.0
        for window in cut(0, [0, *text], 8):
            logprobs = model(torch.tensor([window.tokens])).log_softmax(-1)[0]
            for place in range(window.context, len(window.tokens) - 1):
                total -= logprobs[place, window.tokens[place + 1]].item()
        return total / math.log(2)

    monkeypatch.setattr(windows, "BATCH_TOKENS", 20)
    read = []
    found = text_bits(model, TEXTS, end=0, advance=read.append)
    assert found == pytest.approx([alone(text) for text in TEXTS], rel=1e-5)
    assert sum(read) == sum(map(len, TEXTS))
