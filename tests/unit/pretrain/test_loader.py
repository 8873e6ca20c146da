from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from bedstone.errors import DataError
from bedstone.pretrain.loader import Loader, Order, Stream, read_streams, read_weights

LENGTH = 4


def stream(*sizes):
    ends = np.cumsum(sizes)
    pieces = [
        np.arange(end - size, end, dtype=np.uint16) for size, end in zip(sizes, ends, strict=True)
    ]
    return Stream(pieces)


def loader(seed=0, sequences=60, rows=3):
    streams = {"a": stream(7, 3), "b": stream(21)}
    return Loader(streams, Order.draw({"a": 0.25, "b": 0.75}, sequences, seed), rows, LENGTH)


@pytest.fixture
def two_shards(stored):
    """Documents of language x in two shards; one is held out."""
    first = {"x": [("a", [1, 2], 2), ("b", [3], 1), ("c", [4, 5, 6], 3)]}
    return stored([first, {"x": [("d", [7], 1)]}], {"x": 1.0}, held_out={"b"})


def test_a_stream_is_a_circle():
    whole = stream(3, 1, 4)
    assert len(whole) == 8
    for start in range(10):
        expected = [(start + step) % 8 for step in range(19)]
        assert whole.read(start, 19).tolist() == expected


def test_a_batch_is_a_function_of_seed_and_step():
    first = [loader().batch(step) for step in range(20)]
    backwards = loader()
    again = [backwards.batch(step) for step in reversed(range(20))][::-1]
    assert np.array_equal(first, again)
    assert not np.array_equal(first, [loader(seed=1).batch(step) for step in range(20)])


def test_a_longer_run_begins_with_the_same_batches():
    longer = loader(sequences=90)
    assert all(np.array_equal(loader().batch(step), longer.batch(step)) for step in range(20))


def test_each_window_comes_once_a_pass():
    windows = {"a": 3, "b": 7}
    order = Order.draw({"a": 0.5, "b": 0.5}, sequences=100, seed=0)
    drawn = {name: [] for name in windows}
    for sequence in range(100):
        name, window = order.window(sequence, windows)
        drawn[name].append(window)
    for name, count in windows.items():
        passes = [drawn[name][start : start + count] for start in range(0, 28, count)]
        assert all(sorted(each) == list(range(count)) for each in passes[:-1])
        assert len({tuple(each) for each in passes[:-1]}) > 1


def test_languages_come_by_weight():
    order = Order.draw({"a": 1.0, "b": 3.0}, sequences=4000, seed=0)
    shares = Counter(order.languages[number] for number in order.language_of)
    assert shares["b"] / 4000 == pytest.approx(0.75, abs=0.03)


def test_sequences_overlap_by_the_token_to_predict():
    batch = Loader({"a": stream(8)}, Order.draw({"a": 1.0}, 2, 0), 2, LENGTH).batch(0)
    assert sorted(batch.tolist()) == [[0, 1, 2, 3, 4], [4, 5, 6, 7, 0]]


def test_held_out_documents_are_in_no_window(two_shards):
    tokens, mix = two_shards
    assert read_weights(mix) == {"x": 1.0}
    train = read_streams(tokens, mix)
    assert train["x"].read(0, len(train["x"])).tolist() == [1, 2, 0, 4, 5, 6, 0, 7, 0]


def test_a_mix_of_other_tokens(two_shards):
    tokens, mix = two_shards
    with pytest.raises(DataError, match="a shard 1"):
        read_streams(replace(tokens, shards=tokens.shards[:1]), mix)
    with pytest.raises(DataError, match="more documents of x"):
        read_streams(replace(tokens, shards=tokens.shards[::-1]), mix)
