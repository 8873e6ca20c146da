"""Counts against published models, and against slow counting."""

from dataclasses import replace

import pytest
from tests.support.shapes import shape

from bedstone.counting.architecture import (
    Architecture,
    Attention,
    Experts,
    FeedForward,
    LatentAttention,
    Layer,
)
from bedstone.counting.count import (
    forward_flop_per_token,
    keys_seen,
    layer_matrices,
    matmul_parameters,
    parameters,
    train_flop_per_token,
)
from bedstone.counting.shape import ModelConfig

SMALL = shape(97, 3, 24, 6, 2, 40, 5)
PUBLISHED = [  # of Hugging Face's classes, instantiated without weights
    ("llama-2-7b", shape(32000, 32, 4096, 32, 32, 11008, 2048, tied=False), 6_738_415_616),
    ("llama-3-70b", shape(128256, 80, 8192, 64, 8, 28672, 2048, tied=False), 70_553_706_496),
    ("llama-3.2-1b", shape(128256, 16, 2048, 32, 8, 8192, 2048), 1_235_814_400),
    ("smollm2-135m", shape(49152, 30, 576, 9, 3, 1536, 2048), 134_515_008),
]
SPARSE = Architecture(
    vocab_size=97,
    d_model=12,
    layers=(
        (Layer(LatentAttention(12, 2, 5, 7, 3, 4, 6), FeedForward(12, 9)), 1),
        (
            Layer(
                Attention(12, 4, 2, 8, norms=16),
                Experts(FeedForward(12, 5, bias=True), 6, 2, FeedForward(12, 11), buffers=6),
                window=3,
            ),
            2,
        ),
    ),
    is_tied=False,
    d_embedding=12,
)


@pytest.mark.parametrize(("name", "shape", "wanted"), PUBLISHED)
def test_parameters_are_the_published_ones(name, shape, wanted):
    assert parameters(shape.architecture).total == wanted


def test_components_add_up_and_the_tables_are_the_embedding():
    for architecture in (SMALL.architecture, SPARSE):
        counted = parameters(architecture)
        assert sum(counted.components.values()) == counted.total
        assert counted.embedding + counted.non_embedding == counted.total
        assert 0 not in counted.components.values()
    assert parameters(SMALL.architecture).embedding == 97 * 24
    assert parameters(SPARSE).embedding == 2 * 97 * 12


def test_experts_that_a_token_does_not_pass_are_not_active():
    counted = parameters(SPARSE)
    one = 3 * 12 * 5 + 2 * 5 + 12
    assert counted.components["experts"] == 2 * 6 * one
    assert counted.components["shared_experts"] == 2 * 3 * 12 * 11
    assert counted.components["router"] == 2 * 6 * 12
    assert counted.total - counted.active == 2 * 4 * one
    assert counted.buffers == 2 * 6
    assert layer_matrices(SPARSE, active=False) - layer_matrices(SPARSE, active=True) == (
        2 * 4 * 3 * 12 * 5
    )


def counted_forward_flop(shape: ModelConfig) -> int:
    """Of one sequence, product by product."""
    d_head = shape.d_model // shape.n_heads
    flop = 0
    for position in range(shape.seq_len):
        flop += 2 * shape.d_model * shape.vocab_size
        for _ in range(shape.n_layers):
            flop += 2 * shape.d_model * (shape.n_heads + 2 * shape.n_kv_heads) * d_head
            flop += 2 * shape.n_heads * d_head * shape.d_model
            flop += 3 * 2 * shape.d_model * shape.d_ff
            for _ in range(position + 1):  # a score, and its value's part of the sum
                flop += shape.n_heads * 2 * 2 * d_head
    return flop


def test_flop_are_those_of_every_product():
    architecture, length = SMALL.architecture, SMALL.seq_len
    assert forward_flop_per_token(architecture, length) * length == counted_forward_flop(SMALL)
    assert train_flop_per_token(architecture, length) == counted_forward_flop(SMALL) / length * 3


def test_flop_of_latent_attention_and_of_experts():
    """At one token, which sees itself: all products by hand."""
    queries = 12 * 5 + 5 * 2 * (3 + 4)
    keys_and_values = 12 * (7 + 4) + 7 * 2 * (3 + 6)
    latent = queries + keys_and_values + 2 * 6 * 12 + 3 * 12 * 9
    sparse = 2 * 12 * (4 + 2) * 8 + 2 * 3 * 12 * 5 + 3 * 12 * 11 + 12 * 6
    assert matmul_parameters(SPARSE) == latent + 2 * sparse + 97 * 12
    seen = 2 * 2 * (3 + 4 + 6) + 2 * (2 * 4 * (8 + 8))
    assert forward_flop_per_token(SPARSE, 1) == 2 * matmul_parameters(SPARSE) + seen


@pytest.mark.parametrize(("q_rank", "queries"), [(None, 12 * 14), (5, 12 * 5 + 5 * 14)])
def test_queries_of_latent_attention_may_have_no_latent(q_rank, queries):
    attention = LatentAttention(12, 2, q_rank, 7, 3, 4, 6, bias=True)
    rest = LatentAttention(12, 2, 1, 7, 3, 4, 6).matrices - (12 + 14)
    assert attention.matrices == rest + queries
    assert attention.vectors == (q_rank or 0) + (7 + 4) + 12
    assert attention.norms == (q_rank or 0) + 7
    assert attention.cached == 7 + 4


def test_the_causal_half_of_attention_in_llama_3_405b():
    """Attention over all positions is 12 L D T / 6 N = 8.3 % at 8,192; a position sees half."""
    architecture = shape(128256, 126, 16384, 128, 8, 53248, 8192, tied=False).architecture
    total = parameters(architecture).total
    assert total == 405_853_388_800
    attention = train_flop_per_token(architecture, 8192) - 6 * matmul_parameters(architecture)
    assert attention / (6 * total) == pytest.approx(0.0833 / 2, rel=2e-3)


def test_a_tied_table_is_stored_once_and_multiplied_all_the_same():
    untied, tied = SMALL.model_copy(update={"tied": False}).architecture, SMALL.architecture
    assert parameters(untied).total - parameters(tied).total == 97 * 24
    assert forward_flop_per_token(untied, 5) == forward_flop_per_token(tied, 5)


def test_a_table_of_another_width_needs_a_matrix_on_both_sides():
    plain = SMALL.architecture
    narrow = replace(plain, d_embedding=10)
    assert parameters(narrow).components["embedding_projections"] == 2 * 10 * 24
    assert parameters(narrow).embedding == 97 * 10
    assert matmul_parameters(plain) - matmul_parameters(narrow) == 97 * (24 - 10) - 2 * 10 * 24


@pytest.mark.parametrize("length", [1, 2, 3, 4, 7, 8, 9, 20])
@pytest.mark.parametrize("limit", [1, 3, 4, 8, 50])
def test_keys_seen_are_those_counted_one_by_one(length, limit):
    layer = Layer(Attention(4, 2, 1, 2), FeedForward(4, 8))
    pairs = [(query, key) for query in range(length) for key in range(query + 1)]
    assert keys_seen(layer, length) == len(pairs)
    near = [pair for pair in pairs if pair[1] > pair[0] - limit]
    assert keys_seen(replace(layer, window=limit), length) == len(near)
    together = [pair for pair in pairs if pair[0] // limit == pair[1] // limit]
    assert keys_seen(replace(layer, chunk=limit), length) == len(together)


def test_an_empty_sequence_is_refused():
    with pytest.raises(ValueError, match="0 tokens"):
        forward_flop_per_token(SMALL.architecture, 0)
