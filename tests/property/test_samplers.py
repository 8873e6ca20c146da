import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="torch is not installed: pip install bedstone[train]")

from bedstone.sampling.generate import draw_tokens  # noqa: E402 (needs torch)
from bedstone.sampling.samplers import min_p, parse, top_k, top_p  # noqa: E402 (needs torch)

ROWS = st.lists(st.floats(-20, 20, width=32), min_size=1, max_size=20)
SHARES = st.floats(0.01, 1)
CHAINS = st.lists(
    st.one_of(
        st.floats(0.1, 3).map("temperature={}".format),
        st.integers(1, 30).map("top_k={}".format),
        st.floats(0.01, 1).map("top_p={}".format),
        st.floats(0, 1).map("min_p={}".format),
        st.just("greedy"),
    ),
    min_size=1,
    max_size=4,
).map(",".join)


def kept(logits_BV):
    return set((~logits_BV[0].isinf()).nonzero()[:, 0].tolist())


def by_likelihood(row):
    """A full sort: the tokens, likeliest first, of equal ones the lower id; and probabilities."""
    probabilities = torch.tensor(row).softmax(0).tolist()
    return sorted(range(len(row)), key=lambda token: (-row[token], token)), probabilities


@given(ROWS, CHAINS)
def test_the_likeliest_token_survives_every_chain(row, chain):
    logprobs_BV = parse(chain)(torch.tensor([row]))
    assert logprobs_BV[0, torch.tensor(row).argmax()] == logprobs_BV.max()
    assert logprobs_BV.exp().sum().item() == pytest.approx(1, abs=1e-5)


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
    token = draw_tokens(logprobs_BV, torch.tensor([number], dtype=torch.float64)).item()
    sums = logprobs_BV[0].exp().double().cumsum(0).tolist()
    assert sums[token] >= number * sums[-1] - 1e-5
    assert token == 0 or sums[token - 1] <= number * sums[-1] + 1e-5


@given(ROWS, st.integers(1, 5), st.floats(0, 1, exclude_max=True))
def test_a_token_that_is_ruled_out_is_never_drawn(row, k, number):
    kept_BV = top_k(torch.tensor([row]), k)
    uniforms_B = torch.tensor([number], dtype=torch.float64)
    assert draw_tokens(kept_BV.log_softmax(1), uniforms_B).item() in kept(kept_BV)
