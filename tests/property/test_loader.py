import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bedstone.pretrain.loader import Loader, Order, Stream

SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=6)


def stream(sizes):
    ends = np.cumsum(sizes)
    spans = zip(sizes, ends, strict=True)
    return Stream([np.arange(end - size, end, dtype=np.uint16) for size, end in spans])


@given(SIZES, st.integers(0, 100), st.integers(1, 60))
def test_reading_goes_round(sizes, start, length):
    whole = np.arange(sum(sizes))
    assert np.array_equal(
        stream(sizes).read(start, length), np.resize(np.roll(whole, -start), length)
    )


@given(SIZES, st.integers(1, 8), st.integers(0, 2**32))
def test_a_pass_predicts_each_token(sizes, length, seed):
    total = sum(sizes)
    windows = -(-total // length)
    order = Order.draw({"x": 1.0}, windows, seed)
    batch = Loader({"x": stream(sizes)}, order, windows, length).batch(0)
    assert sorted(set(batch[:, 1:].flatten())) == list(range(total))
    assert len({tuple(row) for row in batch}) == windows or windows * length > total
    assert np.array_equal(batch[:, 1:-1], (batch[:, :-2] + 1) % total)


@given(st.dictionaries(st.text(), st.floats(0.01, 1), min_size=1, max_size=5), st.integers(0, 99))
def test_a_longer_order_begins_the_same(weights, seed):
    short, long = (Order.draw(weights, count, seed) for count in (20, 50))
    assert np.array_equal(short.language_of, long.language_of[:20])
    assert np.array_equal(short.turn_of, long.turn_of[:20])
