import random
from collections import Counter, defaultdict

import numpy as np
import pytest

from bedstone.corpus.links import keyed
from bedstone.corpus.links.keyed import Collector, Keyed, keyed_by, ordered


@pytest.mark.parametrize("combine", ["sum", "max"])
def test_runs_on_disk_give_what_a_dictionary_gives(combine, tmp_path, monkeypatch):
    monkeypatch.setattr(keyed, "RUN_ENTRIES", 80)
    monkeypatch.setattr(keyed, "SLICE_ENTRIES", 50)
    dice, collector, expected = random.Random(1), Collector(tmp_path, combine), defaultdict(list)
    for _ in range(40):
        batch = [(str(dice.randrange(500)).encode(), dice.randrange(-5, 9)) for _ in range(20)]
        collector.add(keyed_by([key for key, _ in batch], [number for _, number in batch]))
        for key, number in batch:
            expected[key].append(number)
    found = Keyed.at(collector.close())
    assert len(list(tmp_path.glob("run-*"))) > 5
    assert len(found.hashes) == len(found.others) == len(expected)
    assert (np.diff(found.hashes.astype(object)) > 0).all()
    keys = [*expected, b"absent"]
    numbers = {keys[at]: found.numbers[row] for at, row in found.matches(keys)}
    of_all = {"sum": sum, "max": max}[combine]
    assert numbers == {key: of_all(all_) for key, all_ in expected.items()}


def test_a_run_holds_no_more_than_it_may(tmp_path, monkeypatch):
    monkeypatch.setattr(keyed, "RUN_ENTRIES", 50)
    collector = Collector(tmp_path, "sum")
    for number in range(500):
        collector.add(keyed_by([b"%032d" % number], [1.0]))
        assert len(collector._pending) < 50


def test_ordered_equal_keys_stay():
    found = ordered([keyed_by([b"a", b"b", b"a"], [1, 2, 3])])
    rows = [(at, found.numbers[row]) for at, row in found.matches([b"x", b"a"])]
    assert Counter(rows) == {(1, 1.0): 1, (1, 3.0): 1}


def test_nothing(tmp_path):
    assert list(ordered([keyed_by([], [])]).matches([b"a"])) == []
    found = Keyed.at(Collector(tmp_path, "sum").close())
    assert len(found.hashes) == 0
    assert list(found.matches([b"a"])) == list(found.matches([])) == []
