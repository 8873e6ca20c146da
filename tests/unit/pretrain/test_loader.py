from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from tests.support.streams import circle, stream

from bedstone.errors import DataError
from bedstone.pretrain.loader import Loader, Order, Phase, Windows, read_phases, read_streams

LENGTH = 4
WEIGHTS = {"a": 0.25, "b": 0.75}
SIZES = {
    name: {f"{name}{number}": 1 + 7 * number % 23 for number in range(400)} for name in WEIGHTS
}
FIRSTS = {"a": 0, "b": 10_000}


def loader(seed=0, sequences=60, rows=3, without=()):
    streams = {name: stream(SIZES[name], FIRSTS[name], without) for name in WEIGHTS}
    return Loader(streams, Order.draw(WEIGHTS, sequences, seed), rows, LENGTH)


def drawn(order, sequences):
    return [order.turn(number) for number in range(sequences)]


def names(order, sequences):
    return [name for name, _ in drawn(order, sequences)]


@pytest.fixture
def two_shards(stored):
    """Documents of language x in two shards; one is held out."""
    first = {"x": [("a", [1, 2], 2), ("b", [3], 1), ("c", [4, 5, 6], 3)]}
    return stored([first, {"x": [("d", [7], 1)]}], {"x": 1.0}, held_out={"b"})


def test_a_batch_is_a_function_of_seed_and_step():
    first = [loader().batch(step) for step in range(20)]
    backwards = loader()
    again = [backwards.batch(step) for step in reversed(range(20))][::-1]
    assert np.array_equal(first, again)
    assert not np.array_equal(first, [loader(seed=1).batch(step) for step in range(20)])


def test_a_longer_run_begins_with_the_same_batches():
    longer = loader(sequences=90)
    assert all(np.array_equal(loader().batch(step), longer.batch(step)) for step in range(20))


def test_each_window_comes_once_an_epoch():
    sizes = {"a": 9, "b": 1, "c": 4}
    windows = Windows(stream(sizes), LENGTH, seed=0)
    tokens, starts = circle(sizes)
    places = [start + part for name, start in starts.items() for part in range(0, sizes[name], 4)]
    expected = sorted(tokens[place : place + LENGTH + 1] for place in places)
    assert len(windows) == len(places) == 5
    epochs = [[windows.read(5 * epoch + turn).tolist() for turn in range(5)] for epoch in range(9)]
    assert all(sorted(epoch) == expected for epoch in epochs)
    assert len({str(epoch) for epoch in epochs}) > 5


def test_first_places_are_even():
    firsts = Counter(
        Windows(stream({"a": 9, "b": 1, "c": 4}), LENGTH, seed).read(0)[0] for seed in range(1000)
    )
    assert len(firsts) == 5
    assert all(150 < count < 250 for count in firsts.values())


def test_without_a_document_its_language_shares_what_came_before_and_others_share_all():
    whole, less = (loader(sequences=1200, rows=1, without=out) for out in ((), ("b77",)))
    ends = dict(zip(SIZES["b"], np.cumsum([*SIZES["b"].values()]), strict=True))
    own = np.arange(ends["b77"] - SIZES["b"]["b77"], ends["b77"]) + FIRSTS["b"]
    rows = [(whole.batch(step)[0], less.batch(step)[0]) for step in range(1200)]
    equal = [np.array_equal(*pair) for pair in rows]
    begins_inside = [pair[0][0] in own for pair in rows]
    first = begins_inside.index(True)
    assert first > 20
    assert sum(equal[:first]) >= first - 1
    of_a = [pair[0][0] < FIRSTS["b"] for pair in rows]
    assert 280 < sum(of_a) < 320
    assert all(same for same, is_a in zip(equal, of_a, strict=True) if is_a)
    # Then the others of its language come as they would, each some turns before.
    of_b = [[pair[side][0] for pair in rows if pair[0][0] >= FIRSTS["b"]] for side in (0, 1)]
    left = [token for token in of_b[0] if token not in own]
    assert of_b[1][: len(left)] == left


@pytest.mark.parametrize("seed", range(5))
def test_languages_are_spread_evenly(seed):
    weights = {"a": 0.07, "b": 0.6, "c": 0.33}
    found = np.array(names(Order.draw(weights, 1000, seed), 1000))
    for name, weight in weights.items():
        come = np.cumsum([0, *(found == name)])
        for stretch in (1, 10, 100, 700):
            counts = come[stretch:] - come[:-stretch]
            assert abs(counts - stretch * weight).max() < 2


def test_where_a_language_begins_hangs_on_the_seed_and_its_name():
    firsts = {names(Order.draw({"a": 1, "b": 9}, 10, seed), 10).index("a") for seed in range(60)}
    assert len(firsts) == 10


def test_weights_that_do_not_add_up_to_one():
    twice = Order.draw({"a": 0.5, "b": 1.5}, 60, 0)
    assert names(twice, 60) == names(Order.draw(WEIGHTS, 60, 0), 60)


def test_an_order_counts_what_each_language_has():
    order = Order.draw({"a": 1.0, "b": 3.0, "c": 0.0}, sequences=40, seed=0)
    counted = Counter(names(order, 40))
    assert order.sequences == {"a": counted["a"], "b": counted["b"], "c": 0}
    assert sum(order.sequences.values()) == 40
    assert abs(counted["a"] - 10) < 2


@pytest.mark.parametrize("seed", range(5))
def test_weights_change_at_their_share_of_the_run(seed):
    changes = [Phase(0.5, {"a": 0.0, "b": 1.0}), Phase(0.75, {"a": 0.5, "b": 0.5})]
    found = "".join(names(Order.draw({"a": 1.0, "b": 0.0}, 400, seed, changes), 400))
    assert found[:199] == "a" * 199
    assert found[201:299] == "b" * 98
    assert abs(found[300:].count("a") - 50) < 2
    turns = drawn(Order.draw({"a": 1.0, "b": 0.0}, 400, seed, changes), 400)
    for name in "ab":
        assert [turn for each, turn in turns if each == name] == list(range(found.count(name)))


def test_before_a_change_all_is_as_without_it():
    plain = Order.draw(WEIGHTS, 60, 0)
    changed = Order.draw(WEIGHTS, 60, 0, [Phase(0.8, {"a": 0.9, "b": 0.1})])
    same = Order.draw(WEIGHTS, 60, 0, [Phase(0.8, WEIGHTS)])
    assert drawn(plain, 46) == drawn(changed, 46)
    assert drawn(plain, 60) != drawn(changed, 60)
    assert drawn(plain, 60) == drawn(same, 60)


def test_sequences_overlap_by_the_token_to_predict():
    batch = Loader({"a": stream({"x": 8})}, Order.draw({"a": 1.0}, 2, 0), 2, LENGTH).batch(0)
    assert sorted(batch.tolist()) == [[0, 1, 2, 3, 4], [4, 5, 6, 7, 0]]


def test_held_out_documents_are_in_no_window(two_shards):
    tokens, mix = two_shards
    assert read_phases(mix) == [Phase(0.0, {"x": 1.0})]
    train = read_streams(tokens, mix)["x"]
    documents = [train.read(number, 0, size).tolist() for number, size in enumerate(train.sizes)]
    assert sorted(documents) == [[1, 2, 0], [4, 5, 6, 0], [7, 0]]


def test_a_mix_of_other_tokens(two_shards):
    tokens, mix = two_shards
    with pytest.raises(DataError, match="a shard 1"):
        read_streams(replace(tokens, shards=tokens.shards[:1]), mix)
    with pytest.raises(DataError, match="other documents of x"):
        read_streams(replace(tokens, shards=tokens.shards[::-1]), mix)
