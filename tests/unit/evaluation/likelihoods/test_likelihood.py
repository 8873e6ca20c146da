"""Against the plain formula: each text read by itself, and a softmax over all tokens."""

import random

import numpy as np
import pytest
import torch

from bedstone.counting.shape import ExpertsConfig, ModelConfig
from bedstone.evaluation.likelihoods import likelihood
from bedstone.evaluation.likelihoods.likelihood import Continued, logprobs
from bedstone.model import functions
from bedstone.model.cache import Branches, branched_blocks, branched_view
from bedstone.model.transformer import Transformer

pytestmark = pytest.mark.torch

SIZES = {"vocab_size": 40, "n_layers": 2, "d_model": 16, "n_heads": 4, "d_ff": 24, "seq_len": 64}
SHAPES = {
    "grouped queries": {"n_kv_heads": 2},
    "a window": {"n_kv_heads": 4, "window_tokens": 5},
    "a window of one layer": {"n_kv_heads": 1, "window_tokens": 5, "full_layers": (0,)},
    "biases and norms": {"n_kv_heads": 2, "qkv_bias": True, "qk_norm": True, "tied": False},
    "experts": {"n_kv_heads": 2, "experts": ExpertsConfig(n_experts=3, n_active_experts=2)},
}


def model(**changes):
    torch.manual_seed(0)
    made = Transformer(ModelConfig(**SIZES | {"n_kv_heads": 2} | changes))
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(torch.randn_like(weight) * 0.3)
    return made


def texts():
    """Prompts that begin alike, one after another and within one another, and their choices."""
    dice = random.Random(1)

    def some(least, most):
        return [dice.randrange(40) for _ in range(dice.randint(least, most))]

    found = []
    passage = [0, *some(12, 12)]
    for question in (some(3, 9) for _ in range(3)):
        prompt = passage + question
        found += [Continued((*prompt, *some(1, 7)), len(prompt)) for _ in range(4)]
    found += [Continued((0, *some(1, 6)), 1) for _ in range(8)]
    found += [Continued((*(own := some(20, 40)), *some(1, 5)), len(own)) for _ in range(4)]
    # The end of one is the beginning of another, one is there twice, one goes on from another.
    found += [found[0], Continued(found[0].ids, 1), Continued((*found[0].ids, 5, 6), 13)]
    dice.shuffle(found)
    return found


def alone(made, text):
    ids = torch.tensor([text.ids])
    with torch.no_grad():
        told = made(ids)[0].log_softmax(-1)[text.start - 1 : -1]
    return float(told.gather(1, ids[0, text.start :, None]).double().sum())


@pytest.mark.parametrize("shape", SHAPES)
def test_equal_to_each_text_by_itself(shape):
    made = model(**SHAPES[shape])
    assert logprobs(made, texts()) == pytest.approx([alone(made, it) for it in texts()], abs=1e-4)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("BATCH_TOKENS", 8), ("ROW_TOKENS", 20), ("PAIR_COST", 0), ("PAIR_COST", 99), ("LOGITS", 41)],
)
def test_equal_whatever_is_read_together(setting, value, monkeypatch):
    made = model()
    expected = logprobs(made, texts())
    monkeypatch.setattr(likelihood, setting, value)
    assert logprobs(made, texts()) == pytest.approx(expected, abs=1e-4)
    assert logprobs(made, texts()[::-1]) == pytest.approx(expected[::-1], abs=1e-4)


def test_a_beginning_is_read_once(monkeypatch):
    read, plain = [], Transformer.hidden
    monkeypatch.setattr(
        Transformer, "hidden", lambda self, it, **how: read.append(it) or plain(self, it, **how)
    )
    prompt = tuple(range(30))
    logprobs(model(), [Continued((*prompt, 30 + n, n), 30) for n in range(4)])
    assert [tokens.shape for tokens in read] == [(1, 30 + 4)]  # the last of each predicts nothing


def test_logits_of_what_is_asked_for(monkeypatch):
    rows, plain = [], likelihood._logprobs_at
    monkeypatch.setattr(
        likelihood, "_logprobs_at", lambda *given: rows.append(given[2].unique()) or plain(*given)
    )
    prompt = tuple(range(30))
    logprobs(model(), [Continued((*prompt, n), 30) for n in range(4)])
    assert [len(each) for each in rows] == [1]


def test_bf16_is_near(monkeypatch):
    made = model()
    expected = logprobs(made, texts())
    tokens = [len(each.ids) - each.start for each in texts()]
    apart = np.abs(np.subtract(logprobs(made.bfloat16(), texts()), expected)) / tokens
    assert 0 < apart.max() < 0.1


@pytest.mark.parametrize("window", [None, 3])
@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_the_kernels_of_gpus_attend_as_the_formula_does(window):
    shape = ModelConfig(**SIZES | {"n_kv_heads": 2})
    torch.manual_seed(0)
    qkv = torch.randn(2, 6, 8 * 4, dtype=torch.double)
    # A prompt of two tokens and two choices of two; a text of four, and padding.
    paths = [[[0, 1, 2, 3], [0, 1, 4, 5]], [[0, 1, 2, 3]]]
    seen = torch.eye(6, dtype=torch.bool).repeat(2, 1, 1)
    for row, own in enumerate(paths):
        for path in own:
            for place, slot in enumerate(path):
                seen[row, slot, path[: place + 1]] = True
    branches = Branches(torch.tensor([[0, 1, 2, 3, 2, 3], [0, 1, 2, 3, 0, 0]]), seen)
    view = branched_view(shape, qkv, window, branches)
    ago = branches.positions_BT[:, :, None] - branches.positions_BT[:, None]
    blocks = branched_blocks(seen & (ago < (window or 9)))
    expected = functions.attention(qkv, view, shape)
    found = functions.fused_attention(qkv, view._replace(mask=None, blocks=blocks), shape)
    torch.testing.assert_close(found, expected)
