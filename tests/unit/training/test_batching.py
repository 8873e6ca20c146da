from bedstone.training.batching import Batches, in_order

LENGTHS = (3, 8, 9, 16, 17, 30, 5, 7, 100) * 5


def test_an_epoch_gives_each_sequence_once():
    batches = Batches(LENGTHS, batch_tokens=64, seed=0)
    for number in range(3):
        epoch = batches.epoch(number)
        assert len(epoch) == batches.per_epoch
        assert sorted(row for batch in epoch for row in batch) == list(range(len(LENGTHS)))


def test_a_batch_with_its_padding_is_no_larger_than_allowed():
    for batch in Batches(LENGTHS, batch_tokens=64, seed=0).epoch(0):
        longest = max(LENGTHS[row] for row in batch)
        assert longest * len(batch) <= 64 or len(batch) == 1


def test_sequences_of_a_batch_are_of_like_length():
    for batch in Batches(LENGTHS, batch_tokens=64, seed=0).epoch(0):
        lengths = [LENGTHS[row] for row in batch]
        assert max(lengths) - min(lengths) < 8


def test_seed_and_step_decide_the_order():
    one, same, other = (Batches(LENGTHS, 64, seed) for seed in (1, 1, 2))
    steps = range(2 * one.per_epoch)
    order = [one.batch(step) for step in steps]
    assert order == [same.batch(step) for step in reversed(steps)][::-1]
    assert order != [other.batch(step) for step in steps]
    assert order[: one.per_epoch] != order[one.per_epoch :]


def test_batches_for_measuring_hold_each_sequence_once():
    batches = in_order(LENGTHS, 64)
    assert sorted(row for batch in batches for row in batch) == list(range(len(LENGTHS)))
    assert all(max(LENGTHS[row] for row in b) * len(b) <= 64 for b in batches if len(b) > 1)
