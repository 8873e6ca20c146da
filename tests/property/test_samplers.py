import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bedstone.generation.chain import parse
from bedstone.generation.distribution import candidates, logprobs
from bedstone.generation.generate import BLOCK_TOKENS, draw
from bedstone.generation.samplers import History, min_p, top_k, top_n_sigma, top_p, typical

pytestmark = pytest.mark.torch

ROWS = st.lists(st.floats(-20, 20, width=32), min_size=1, max_size=20)
SHARES = st.floats(0.01, 1)
KEEPING = st.one_of(
    st.floats(0.1, 3).map("temperature={}".format),
    st.integers(1, 30).map("top_k={}".format),
    st.floats(0.01, 1).map("top_p={}".format),
    st.floats(0, 1).map("min_p={}".format),
    st.floats(0, 1).map("epsilon={}".format),
    st.floats(0, 1).map("eta={}".format),
    st.floats(0, 5).map("top_n_sigma={}".format),
    st.just("greedy"),
)
"""Samplers that leave the likeliest token the likeliest."""
OTHERS = st.one_of(
    st.floats(0.01, 1).map("typical={}".format),
    st.floats(0.5, 2).map("repetition={}".format),
    st.floats(-2, 2).map("frequency={}".format),
    st.floats(-2, 2).map("presence={}".format),
    st.floats(-5, 5).map("logit_bias=0:{}".format),
)


def chains(steps):
    return st.lists(steps, min_size=1, max_size=4).map(",".join)


def kept(logits_BV):
    return set((~logits_BV[0].isinf()).nonzero()[:, 0].tolist())


def by_likelihood(row):
    """A full sort: the tokens, likeliest first, of equal ones the lower id; and probabilities."""
    probabilities = torch.tensor(row).softmax(0).tolist()
    return sorted(range(len(row)), key=lambda token: (-row[token], token)), probabilities


@given(ROWS, chains(KEEPING))
def test_the_likeliest_token_survives_every_chain_made_to_keep_it(row, chain):
    logprobs_BV = logprobs(parse(chain), torch.tensor([row]))
    assert logprobs_BV[0, torch.tensor(row).argmax()] == logprobs_BV.max()
    assert logprobs_BV.exp().sum().item() == pytest.approx(1, abs=1e-5)


@given(ROWS, st.lists(st.integers(0, 19), max_size=8), chains(KEEPING | OTHERS))
def test_every_chain_gives_a_distribution_and_alters_nothing(row, said, chain):
    logits_BV = torch.tensor([row])
    tokens_BT = torch.tensor([[token % len(row) for token in said]], dtype=torch.int64)
    history = History(tokens_BT.clone(), prompt_width=len(said) // 2)
    logprobs_BV = logprobs(parse(chain), logits_BV, history)
    assert logprobs_BV.exp().sum().item() == pytest.approx(1, abs=1e-5)
    assert torch.equal(logits_BV, torch.tensor([row]))
    assert torch.equal(history.tokens, tokens_BT)


@given(chains(KEEPING | OTHERS))
def test_a_chain_reads_what_it_prints(text):
    chain = parse(text)
    assert parse(str(chain)) == chain


@given(
    st.lists(st.floats(-9, 9, width=16), min_size=30, max_size=30),
    st.integers(1, 4),
    chains(KEEPING),
)
def test_candidates_are_all_that_the_chain_keeps(values, k, after):
    logits_BV = torch.tensor(values * 13).view(1, -1)[:, : 6 * BLOCK_TOKENS - 1]
    logits_BV = logits_BV + torch.arange(logits_BV.shape[1]).remainder(7) / 2  # some ties stay
    chain = parse(f"top_k={k},{after}")
    found, expected = candidates(chain, logits_BV), logprobs(chain, logits_BV)
    places = (~found.logprobs[0].isinf()).nonzero()[:, 0]
    ids = [found.tokens(place[None]).item() for place in places]
    assert set(ids) == kept(expected)
    torch.testing.assert_close(found.logprobs[0, places], expected[0, ids], atol=1e-6, rtol=0)


@given(ROWS, SHARES)
def test_typical_keeps_the_nearest_tokens_that_reach_the_mass(row, mass):
    own = torch.tensor([row]).log_softmax(1)[0].double()
    entropy = -(own.exp() * own).sum()
    distance = (own + entropy).abs().tolist()
    found = kept(typical(torch.tensor([row]), mass))
    assert sum(own[token].exp().item() for token in found) >= mass - 1e-5
    furthest = max(distance[token] for token in found)
    assert all(distance[token] >= furthest - 1e-4 for token in set(range(len(row))) - found)


@given(ROWS, st.floats(0, 5), st.floats(0.1, 3))
def test_top_n_sigma_keeps_the_same_tokens_at_any_temperature(row, n, value):
    logits = torch.tensor([row], dtype=torch.float64)
    bound = (logits.max() - n * logits.std(unbiased=False)).item()
    clear = [token for token, logit in enumerate(row) if abs(logit - bound) > 1e-3]
    for each in (torch.tensor([row]), torch.tensor([row]) / value):
        found = kept(top_n_sigma(each, n))
        assert [token in found for token in clear] == [row[token] > bound for token in clear]


@given(ROWS, SHARES)
def test_top_p_keeps_the_fewest_tokens_that_reach_p(row, p):
    order, probabilities = by_likelihood(row)
    found = kept(top_p(torch.tensor([row]), p))
    assert found == set(order[: len(found)])
    reached = sum(probabilities[token] for token in order[: len(found)])
    before = sum(probabilities[token] for token in order[: len(found) - 1])
    assert reached >= p - 1e-5
    assert before < p + 1e-5


@given(ROWS, st.integers(1, 30))
def test_top_k_keeps_the_k_likeliest_and_their_ties(row, k):
    order, _ = by_likelihood(row)
    last = row[order[min(k, len(row)) - 1]]
    assert kept(top_k(torch.tensor([row]), k)) == {
        t for t, logit in enumerate(row) if logit >= last
    }


@given(ROWS, st.floats(0, 1))
def test_min_p_keeps_what_is_likely_enough(row, p):
    _, probabilities = by_likelihood(row)
    found = kept(min_p(torch.tensor([row]), p))
    bound = p * max(probabilities)
    assert {t for t, each in enumerate(probabilities) if each > bound * (1 + 1e-4)} <= found
    assert all(probabilities[token] >= bound * (1 - 1e-4) for token in found)


@given(
    st.lists(st.floats(-20, 20, width=32), min_size=1, max_size=200),
    st.floats(0, 1, exclude_max=True),
)
def test_a_token_is_drawn_where_the_sum_passes_the_number(row, number):
    logprobs_BV = torch.tensor([row]).log_softmax(1)
    token = draw(logprobs_BV, torch.tensor([number], dtype=torch.float64)).places.item()
    sums = logprobs_BV[0].exp().double().cumsum(0).tolist()
    assert sums[token] >= number * sums[-1] - 1e-5
    assert token == 0 or sums[token - 1] <= number * sums[-1] + 1e-5


@given(ROWS, st.integers(1, 5), st.floats(0, 1, exclude_max=True))
def test_a_token_that_is_ruled_out_is_never_drawn(row, k, number):
    kept_BV = top_k(torch.tensor([row]), k)
    uniforms_B = torch.tensor([number], dtype=torch.float64)
    assert draw(kept_BV.log_softmax(1), uniforms_B).places.item() in kept(kept_BV)
