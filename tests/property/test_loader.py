import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.support.streams import circle, stream

from bedstone.pretrain.loader import Order, Windows

SIZES = st.dictionaries(st.text(max_size=3), st.integers(1, 9), min_size=1, max_size=6)
WEIGHTS = st.dictionaries(st.text(), st.floats(0.01, 1), min_size=1, max_size=5)


@given(SIZES, st.integers(1, 60))
def test_reading_goes_round(sizes, length):
    tokens, starts = circle(sizes)
    for number, start in enumerate(starts.values()):
        expected = np.resize(np.roll(tokens[: len(tokens) // 2], -start), length)
        assert np.array_equal(stream(sizes).read(number, 0, length), expected)


@given(SIZES, st.integers(1, 8), st.integers(0, 2**32))
def test_an_epoch_reads_each_window(sizes, length, seed):
    windows = Windows(stream(sizes), length, seed)
    tokens, starts = circle(sizes)
    expected = [
        tokens[(start + part) % sum(sizes.values())]
        for name, start in starts.items()
        for part in range(0, sizes[name], length)
    ]
    epoch = [windows.read(turn) for turn in range(len(windows))]
    assert sorted(window[0] for window in epoch) == sorted(expected)
    assert {token for window in epoch for token in window[:-1]} == set(range(sum(sizes.values())))


@given(WEIGHTS, st.integers(0, 99))
def test_a_longer_order_begins_the_same(weights, seed):
    short, long = (Order.draw(weights, count, seed) for count in (20, 50))
    assert [short.turn(n) for n in range(20)] == [long.turn(n) for n in range(20)]


@given(WEIGHTS, st.integers(0, 99), st.integers(1, 60))
def test_each_language_gets_its_weight(weights, seed, sequences):
    order = Order.draw(weights, sequences, seed)
    total = sum(weights.values())
    assert len(order.numbers) == sequences
    for name, count in order.sequences.items():
        share = weights[name] / total
        assert abs(count - sequences * share) < 1 + share * len(weights)
