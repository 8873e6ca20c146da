import math

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install bedstone[train]")

from bedstone.sampling.samplers import (  # noqa: E402 (needs torch)
    greedy,
    min_p,
    parse,
    temperature,
    top_k,
    top_p,
)

LOGITS = torch.tensor([[0.15, 0.5, 0.05, 0.3]]).log()


def kept(logits_BV):
    return (~logits_BV[0].isinf()).nonzero()[:, 0].tolist()


@pytest.mark.parametrize(
    ("k", "tokens"), [(1, [1]), (2, [1, 3]), (4, [0, 1, 2, 3]), (9, [0, 1, 2, 3])]
)
def test_top_k(k, tokens):
    assert kept(top_k(LOGITS, k)) == tokens


def test_top_k_keeps_ties_with_the_last():
    assert kept(top_k(torch.tensor([[1.0, 1.0, 1.0, 0.0]]), 2)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("p", "tokens"),
    [(1e-9, [1]), (0.49, [1]), (0.51, [1, 3]), (0.81, [0, 1, 3]), (1, [0, 1, 2, 3])],
)
def test_top_p_keeps_the_token_that_crosses(p, tokens):
    assert kept(top_p(LOGITS, p)) == tokens


def test_top_p_of_equally_likely_tokens_keeps_the_first():
    assert kept(top_p(torch.zeros(1, 4), 0.5)) == [0, 1]


@pytest.mark.parametrize(
    ("p", "tokens"), [(0, [0, 1, 2, 3]), (0.29, [0, 1, 3]), (0.31, [1, 3]), (1, [1])]
)
def test_min_p_is_relative_to_the_likeliest(p, tokens):
    assert kept(min_p(LOGITS, p)) == tokens


def test_greedy_keeps_one_token_even_of_ties():
    assert kept(greedy(torch.tensor([[1.0, 2.0, 2.0]]))) == [1]


def test_temperature_divides_the_logits():
    assert torch.equal(temperature(LOGITS, 0.5), LOGITS * 2)


def test_no_sampler_alters_its_input():
    before = LOGITS.clone()
    for sampler in (temperature, top_k, top_p, min_p):
        sampler(LOGITS, 1)
    assert torch.equal(LOGITS, before)


@pytest.mark.parametrize(
    ("sampler", "value"),
    [
        (temperature, 0.0),
        (temperature, -1.0),
        (temperature, math.inf),
        (top_k, 0),
        (top_k, 1.5),
        (top_k, math.nan),
        (top_p, 0.0),
        (top_p, 1.1),
        (min_p, -0.1),
        (min_p, 1.1),
    ],
)
def test_values_out_of_range(sampler, value):
    with pytest.raises(ValueError, match=f"{sampler.__name__} takes"):
        sampler(LOGITS, value)


def test_a_chain_applies_in_the_order_written():
    # At 0.5 the second token alone has 0.5**2 / 0.365 = 0.68; before it, two are needed for 0.6.
    first, last = parse("temperature=0.5,top_p=0.6"), parse("top_p=0.6, temperature=0.5")
    assert kept(first(LOGITS)) == [1]
    assert kept(last(LOGITS)) == [1, 3]
    assert last(LOGITS).exp().sum().item() == pytest.approx(1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("top_q=0.9", "did you mean 'top_p'"),
        ("", "no sampler ''"),
        ("temperature=1,", "no sampler ''"),
        ("top_p", "takes a number, as in top_p=1, got 'top_p'"),
        ("top_k=many", "got 'top_k=many'"),
        ("greedy=1", "greedy takes no value"),
        ("temperature=0", "for 0 write greedy"),
    ],
)
def test_chains_that_cannot_be_read(text, message):
    with pytest.raises(ValueError, match=message):
        parse(text)
