"""Counts against published models, and against slow counting."""

import pytest

from bedstone.scaling.count import (
    Shape,
    forward_flop_per_token,
    parameters_embedding,
    parameters_non_embedding,
    parameters_total,
    train_flop_per_token,
)

SMALL = Shape(97, 3, 24, 6, 2, 40, 5)
PUBLISHED = [  # of Hugging Face's classes, instantiated without weights
    ("llama-2-7b", Shape(32000, 32, 4096, 32, 32, 11008, 2048, tied=False), 6_738_415_616),
    ("llama-2-13b", Shape(32000, 40, 5120, 40, 40, 13824, 2048, tied=False), 13_015_864_320),
    ("llama-2-70b", Shape(32000, 80, 8192, 64, 8, 28672, 2048, tied=False), 68_976_648_192),
    ("llama-3-8b", Shape(128256, 32, 4096, 32, 8, 14336, 2048, tied=False), 8_030_261_248),
    ("llama-3-70b", Shape(128256, 80, 8192, 64, 8, 28672, 2048, tied=False), 70_553_706_496),
    ("llama-3.2-1b", Shape(128256, 16, 2048, 32, 8, 8192, 2048), 1_235_814_400),
    ("llama-3.2-3b", Shape(128256, 28, 3072, 24, 8, 8192, 2048), 3_212_749_824),
    ("tinyllama-1.1b", Shape(32000, 22, 2048, 32, 4, 5632, 2048, tied=False), 1_100_048_384),
    ("smollm2-135m", Shape(49152, 30, 576, 9, 3, 1536, 2048), 134_515_008),
    ("mistral-7b-v0.1", Shape(32000, 32, 4096, 32, 8, 14336, 2048, tied=False), 7_241_732_096),
]


@pytest.mark.parametrize(("name", "shape", "parameters"), PUBLISHED)
def test_parameters_are_the_published_ones(name, shape, parameters):
    assert parameters_total(shape) == parameters
    assert parameters_embedding(shape) + parameters_non_embedding(shape) == parameters


def counted_forward_flop(shape: Shape) -> int:
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
    assert forward_flop_per_token(SMALL) * SMALL.seq_len == counted_forward_flop(SMALL)
    assert train_flop_per_token(SMALL) == 3 * forward_flop_per_token(SMALL)


def test_the_causal_half_of_attention_in_llama_3_405b():
    """Attention over all positions is 12 L D T / 6 N = 8.3 % at 8,192; a position sees half."""
    shape = Shape(128256, 126, 16384, 128, 8, 53248, 8192, tied=False)
    assert parameters_total(shape) == 405_853_388_800
    without_table = parameters_total(shape) - shape.vocab_size * shape.d_model
    attention = train_flop_per_token(shape) - 6 * without_table
    assert attention / (6 * parameters_total(shape)) == pytest.approx(0.0833 / 2, rel=2e-3)


def test_a_tied_table_is_stored_once_and_multiplied_all_the_same():
    untied = Shape(97, 3, 24, 6, 2, 40, 5, tied=False)
    assert parameters_total(untied) - parameters_total(SMALL) == 97 * 24
    assert forward_flop_per_token(untied) == forward_flop_per_token(SMALL)
