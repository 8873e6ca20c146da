from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from bedstone.errors import DataError
from bedstone.pretrain.loader import Loader, Order, Phase, Stream, read_phases, read_streams

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


def test_an_order_counts_what_each_language_has():
    order = Order.draw({"a": 1.0, "b": 3.0, "c": 0.0}, sequences=40, seed=0)
    drawn = Counter(order.languages[number] for number in order.language_of)
    assert order.sequences == {"a": drawn["a"], "b": drawn["b"], "c": 0}
    assert sum(order.sequences.values()) == 40


def test_weights_change_at_their_share_of_the_run():
    late = Phase(0.5, {"a": 0.0, "b": 1.0})
    order = Order.draw({"a": 1.0, "b": 0.0}, 7, 0, [late])
    assert [order.languages[number] for number in order.language_of] == [*"aaaa", *"bbb"]
    assert order.turn_of.tolist() == [0, 1, 2, 3, 0, 1, 2]


def test_before_a_change_all_is_as_without_it():
    weights = {"a": 0.25, "b": 0.75}
    plain = Order.draw(weights, 60, 0)
    changed = Order.draw(weights, 60, 0, [Phase(0.8, {"a": 0.9, "b": 0.1})])
    same = Order.draw(weights, 60, 0, [Phase(0.8, weights)])
    assert np.array_equal(plain.language_of[:48], changed.language_of[:48])
    assert not np.array_equal(plain.language_of, changed.language_of)
    assert np.array_equal(plain.language_of, same.language_of)


def test_a_pass_goes_on_through_a_change():
    windows = {"a": 3, "b": 7}
    order = Order.draw({"a": 0.5, "b": 0.5}, 60, 0, [Phase(0.3, {"a": 0.9, "b": 0.1})])
    drawn = [order.window(number, windows) for number in range(60)]
    of_a = [window for name, window in drawn if name == "a"]
    assert all(sorted(of_a[start : start + 3]) == [0, 1, 2] for start in range(0, 30, 3))


def test_sequences_overlap_by_the_token_to_predict():
    batch = Loader({"a": stream(8)}, Order.draw({"a": 1.0}, 2, 0), 2, LENGTH).batch(0)
    assert sorted(batch.tolist()) == [[0, 1, 2, 3, 4], [4, 5, 6, 7, 0]]


def test_held_out_documents_are_in_no_window(two_shards):
    tokens, mix = two_shards
    assert read_phases(mix) == [Phase(0.0, {"x": 1.0})]
    train = read_streams(tokens, mix)
    assert train["x"].read(0, len(train["x"])).tolist() == [1, 2, 0, 4, 5, 6, 0, 7, 0]


def test_a_mix_of_other_tokens(two_shards):
    tokens, mix = two_shards
    with pytest.raises(DataError, match="a shard 1"):
        read_streams(replace(tokens, shards=tokens.shards[:1]), mix)
    with pytest.raises(DataError, match="more documents of x"):
        read_streams(replace(tokens, shards=tokens.shards[::-1]), mix)
