import pytest

from bedstone.corpus.extract import is_taken
from bedstone.lots import is_held_out, lot

NAMES = [f"document {number}" for number in range(2000)]


def test_a_lot_is_the_documents_own():
    lots = [lot(name, "held out") for name in NAMES]
    assert lots[:3] == [lot(name, "held out") for name in NAMES[:3]]
    assert sum(value < 0.25 for value in lots) / 2000 == pytest.approx(0.25, abs=0.04)
    other = [lot(name, "tokenizer.train") for name in NAMES]
    both = sum(a < 0.5 and b < 0.5 for a, b in zip(lots, other, strict=True))
    assert both / 2000 == pytest.approx(0.25, abs=0.04)


def test_about_the_share_is_held_out_and_a_smaller_one_is_a_part_of_it():
    held_out = {name for name in NAMES if is_held_out(name, 0.05)}
    assert 60 < len(held_out) < 140
    assert {name for name in NAMES if is_held_out(name, 0.02)} < held_out
    assert not any(is_held_out(name, 0) for name in NAMES)


def test_for_another_purpose_others_are_held_out():
    held_out = [name for name in NAMES if is_held_out(name, 0.2)]
    again = [name for name in held_out if is_held_out(name, 0.2, "preferences")]
    assert len(again) / len(held_out) == pytest.approx(0.2, abs=0.08)


def test_of_a_part_of_the_crawl_the_same_share_is_held_out():
    taken = [name for name in NAMES if is_taken(name, 0.2)]
    held_out = [name for name in taken if is_held_out(name, 0.2)]
    assert len(held_out) / len(taken) == pytest.approx(0.2, abs=0.08)
