import math

import pytest
import torch
from scipy.stats import chisquare

from bedstone.generation.chain import parse
from bedstone.generation.distribution import Candidates, candidates, logprobs
from bedstone.generation.generate import BLOCK_TOKENS, draw
from bedstone.generation.samplers import History

pytestmark = pytest.mark.torch

LOGITS = torch.tensor([[0.15, 0.5, 0.05, 0.3]]).log()
BLOCKS = 8
WIDE = torch.randn(3, BLOCKS * BLOCK_TOKENS - 5, generator=torch.Generator().manual_seed(2)) * 2
SAID = History(torch.tensor([[2, 1, 1, 5, 1]] * 3), prompt_width=2)
CHAINS = (
    "temperature=0.7",
    "greedy",
    "top_k=5",
    "top_p=0.8",
    "min_p=0.1",
    "typical=0.7",
    "epsilon=0.003",
    "eta=0.003",
    "top_n_sigma=2",
    "repetition=1.5,top_p=0.9",
    "frequency=0.5,presence=-1,temperature=1.5,top_k=6",
    "logit_bias=7:4;9:-inf,bad_words=3;5+1+8,no_repeat_ngram=2",
    "temperature=0.8,top_k=5,top_p=0.9",
    "top_k=6,typical=0.9,top_p=0.95,min_p=0.05,temperature=0.8",
)
NARROW = ("greedy", "top_k=5", "frequency=0.5,presence=-1,temperature=1.5,top_k=6", *CHAINS[-2:])
"""Those that are computed of a few tokens of the vocabulary."""


def kept(logits_BV):
    return (~logits_BV[0].isinf()).nonzero()[:, 0].tolist()


def whole(candidates, like):
    """Log-probabilities of all the vocabulary."""
    rows, places = candidates.logprobs.shape
    tokens = [candidates.tokens(torch.full((rows,), place)) for place in range(places)]
    out = torch.full((rows, len(like[0]) + BLOCK_TOKENS), -math.inf)
    out.scatter_(1, torch.stack(tokens, dim=1), candidates.logprobs)
    assert out[:, len(like[0]) :].isinf().all()
    return out[:, : len(like[0])]


def test_a_chain_applies_in_the_order_written():
    # At 0.5 the second token alone has 0.5**2 / 0.365 = 0.68; before it, two are needed for 0.6.
    first, last = parse("temperature=0.5,top_p=0.6"), parse("top_p=0.6, temperature=0.5")
    assert kept(logprobs(first, LOGITS)) == [1]
    assert kept(logprobs(last, LOGITS)) == [1, 3]
    assert logprobs(last, LOGITS).exp().sum().item() == pytest.approx(1)


def test_a_chain_prints_what_it_is_read_from():
    for text in CHAINS:
        assert str(parse(text)) == text
    assert str(parse(" temperature = 1.50, top_k=50.0 ,logit_bias=1:2.0;3:-0.25")) == (
        "temperature=1.5,top_k=50,logit_bias=1:2;3:-0.25"
    )


@pytest.mark.parametrize("text", CHAINS)
def test_candidates_have_the_probabilities_of_the_chain(text):
    chain = parse(text)
    some, expected = candidates(chain, WIDE, SAID), logprobs(chain, WIDE, SAID)
    assert (some.ids is not None) == (text in NARROW)
    found = whole(some, WIDE)
    assert torch.equal(found.isinf(), expected.isinf())
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_ties_with_the_last_candidate_stay_as_they_do_in_the_chain():
    chain = parse("temperature=0.5,top_k=2,top_p=0.99")
    logits_BV = torch.zeros(1, BLOCKS * BLOCK_TOKENS)
    logits_BV[0, [3, 200, 300, 301]] = torch.tensor([9.0, 8.0, 8.0, 8.0])
    expected = [3, 200, 300, 301]
    assert kept(logprobs(chain, logits_BV)) == expected
    assert kept(whole(candidates(chain, logits_BV), logits_BV)) == expected
    logits_BV[0, 200] = 8.5
    assert kept(whole(candidates(chain, logits_BV), logits_BV)) == [3, 200]


def test_rows_with_fewer_tokens_left_than_k_are_no_tie():
    logits_BV = torch.full((1, BLOCKS * BLOCK_TOKENS), -math.inf)
    logits_BV[0, [70, 400]] = torch.tensor([1.0, 2.0])
    found = candidates(parse("top_k=4"), logits_BV)
    assert found.ids is not None
    assert kept(whole(found, logits_BV)) == [70, 400]


@pytest.mark.parametrize("text", CHAINS)
def test_tokens_are_drawn_as_often_as_the_chain_says(text):
    chain, count = parse(text), 20_000
    one_row = History(SAID.tokens[:1], SAID.prompt_width)
    found = candidates(chain, WIDE[:1], one_row)
    ids = None if found.ids is None else found.ids.expand(count, -1)
    many = Candidates(found.logprobs.expand(count, -1), ids, found.doubt)
    numbers = torch.rand(count, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    counts = torch.bincount(
        many.tokens(draw(many.logprobs, numbers).places), minlength=WIDE.shape[1]
    )
    expected = logprobs(chain, WIDE[:1], one_row)[0].double().exp() * count
    assert counts[expected == 0].sum() == 0
    pooled = expected < 5  # the test's condition for a cell of its own
    cells = [*zip(counts[~pooled].tolist(), expected[~pooled].tolist(), strict=True)]
    if pooled.any():
        cells.append((counts[pooled].sum().item(), expected[pooled].sum().item()))
    seen, awaited = zip(*[cell for cell in cells if cell[1] > 0], strict=True)
    scale = count / sum(awaited)
    assert len(seen) == 1 or chisquare(seen, [each * scale for each in awaited]).pvalue > 1e-3


def test_a_sampler_that_reads_the_text_is_given_one():
    with pytest.raises(ValueError, match="presence reads the text so far, and is given none"):
        logprobs(parse("presence=1"), LOGITS)


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
        ("no_repeat_ngram=0", "no_repeat_ngram takes a whole number"),
        ("logit_bias=7", "takes tokens with their biases, as in logit_bias=7:-1.5;9:2, got"),
        ("logit_bias=7:1;7:2", "takes tokens with their biases"),
        ("logit_bias=7:inf", "takes tokens with their biases"),
        ("logit_bias=7:nan", "takes tokens with their biases"),
        ("bad_words=-1", "takes words of tokens, as in bad_words=7\\+9;4, got 'bad_words=-1'"),
        ("bad_words=1;", "takes words of tokens"),
    ],
)
def test_chains_that_cannot_be_read(text, message):
    with pytest.raises(ValueError, match=message):
        parse(text)
