import math

from hypothesis import given
from hypothesis import strategies as st

from bedstone.counting.shape import ModelConfig
from bedstone.laws.shapes import Budget, choose, counted, shapes, train_flop

FLOP = st.floats(1e9, 1e19)
TOKENS = st.one_of(st.just(math.inf), st.floats(1, 1e12))
CANDIDATES = list(shapes(4096, 256))


@given(FLOP, TOKENS, st.floats(1, 1000))
def test_no_budget_is_overdrawn(flop, tokens, ratio):
    choice = choose(CANDIDATES, Budget(flop, tokens, ratio))
    assert train_flop(choice.shape, choice.train_tokens) <= flop * (1 + 1e-9)
    assert 0 < choice.train_tokens <= tokens
    assert choice.train_tokens <= ratio * counted(choice.shape).total


@given(FLOP, FLOP, TOKENS)
def test_more_time_never_makes_a_smaller_model(one, other, tokens):
    small, large = (choose(CANDIDATES, Budget(flop, tokens, 20)) for flop in sorted([one, other]))
    assert counted(small.shape).total <= counted(large.shape).total


@given(
    st.builds(
        ModelConfig,
        vocab_size=st.integers(1, 10**6),
        n_layers=st.integers(1, 100),
        d_model=st.just(64),
        n_heads=st.sampled_from([2, 4, 8]),
        n_kv_heads=st.sampled_from([1, 2]),
        d_ff=st.integers(1, 1000),
        seq_len=st.integers(1, 10**6),
    )
)
def test_training_costs_six_flop_a_parameter_and_what_attention_adds(shape):
    norms = (2 * shape.n_layers + 1) * shape.d_model
    attention = 6 * shape.n_layers * shape.d_model * (shape.seq_len + 1)
    assert train_flop(shape, 1) == 6 * (counted(shape).total - norms) + attention
