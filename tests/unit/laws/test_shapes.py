import math
from itertools import pairwise

import pytest

from bedstone.counting.shape import ModelConfig
from bedstone.laws.shapes import (
    ASPECTS,
    Budget,
    batch_tokens,
    choose,
    counted,
    nearest,
    shapes,
    train_flop,
)

SHAPES = list(shapes(4096, 256))


def parameters_total(shape: ModelConfig) -> int:
    return counted(shape).total


def cost(shape: ModelConfig, ratio: float = 20.0) -> float:
    return train_flop(shape, ratio * parameters_total(shape))


def test_every_shape_can_be_built():
    for shape in SHAPES:
        assert shape.d_model // shape.n_heads in (32, 64)
        assert shape.d_model % shape.n_heads == shape.n_heads % shape.n_kv_heads == 0
        assert shape.n_kv_heads < shape.n_heads
        assert abs(shape.d_ff / shape.d_model - 8 / 3) < 0.25
        assert ASPECTS[0] <= shape.d_model / shape.n_layers <= ASPECTS[1]
    assert parameters_total(SHAPES[0]) == min(map(parameters_total, SHAPES)) == 348_480


def test_the_nearest_shape_to_a_given_size():
    shape = nearest(28_000, 512, 256)
    assert parameters_total(shape) == 29_792
    assert (shape.n_heads, shape.n_kv_heads) == (1, 1)
    for shape in SHAPES[::500]:
        total = parameters_total(shape)
        assert parameters_total(nearest(total + 1, 4096, 256)) == total
    one, other = sorted(map(parameters_total, SHAPES))[:2]
    assert (one + other) % 2 == 0
    assert parameters_total(nearest((one + other) // 2, 4096, 256)) == one


def test_even_shapes_grow_in_width_and_depth_alike():
    sizes = [round(2**n * 1e5) for n in range(12)]
    even = [nearest(size, 1024, 256, even=True) for size in sizes]
    assert {shape.d_model / shape.n_layers for shape in even} == {32}
    assert all(a.n_layers <= b.n_layers for a, b in pairwise(even))
    for size, shape in zip(sizes[3:], even[3:], strict=True):
        assert abs(parameters_total(shape) / size - 1) < 0.25


def test_small_sizes_lie_close_together():
    """So that little of the time is left over."""
    sizes = sorted(map(parameters_total, SHAPES))
    small = [size for size in sizes if size < 5e6]
    assert max(b / a for a, b in pairwise(small)) < 1.4


@pytest.mark.parametrize("flop", [2e13, 1e14, 3e15, 1e18])
def test_the_largest_that_the_time_allows(flop):
    choice = choose(SHAPES, Budget(flop, math.inf, 20))
    assert choice.limit == "time"
    assert choice.train_tokens == 20 * parameters_total(choice.shape)
    assert cost(choice.shape) <= flop
    size = parameters_total(choice.shape)
    assert all(cost(shape) > flop for shape in SHAPES if parameters_total(shape) > size)


def test_text_limits_what_time_would_allow():
    choice = choose(SHAPES, Budget(1e18, 20e6, 20))
    assert choice.limit == "text"
    assert parameters_total(choice.shape) <= 1e6
    assert choice.train_tokens == 20 * parameters_total(choice.shape)


def test_text_that_is_enough_is_no_limit():
    assert choose(SHAPES, Budget(1e14, 1e9, 20)) == choose(SHAPES, Budget(1e14, math.inf, 20))


def test_too_little_time_for_any_shape_trains_the_smallest_for_the_time():
    choice = choose(SHAPES, Budget(1e12, math.inf, 20))
    assert (choice.shape, choice.limit) == (SHAPES[0], "time")
    assert choice.train_tokens == 1e12 / train_flop(SHAPES[0], 1)


def test_too_little_text_for_any_shape_trains_the_smallest_on_the_text():
    choice = choose(SHAPES, Budget(1e14, 5000, 20))
    assert (choice.shape, choice.train_tokens, choice.limit) == (SHAPES[0], 5000, "text")


def test_more_tokens_a_parameter_make_a_smaller_model():
    lavish, frugal = (choose(SHAPES, Budget(1e15, math.inf, ratio)) for ratio in (100, 20))
    assert parameters_total(lavish.shape) < parameters_total(frugal.shape)
    assert lavish.train_tokens > frugal.train_tokens


def test_the_batch_is_that_of_the_published_law():
    """1.83 million tokens at 1e9 parameters and 1e11 tokens of them."""
    assert batch_tokens(6e20, 4096) == pytest.approx(1.83e6, rel=0.01)


def test_a_batch_is_whole_sequences_and_at_least_one():
    assert batch_tokens(1e13, 256) % 256 == 0
    assert batch_tokens(1.0, 256) == 256
