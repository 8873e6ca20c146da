import os
import subprocess
import sys
from collections import Counter

import pytest

from bedstone.errors import DataError
from bedstone.lots import lot
from bedstone.tokenizer.learning.bpe import spelt
from bedstone.tokenizer.learning.parity import (
    ALPHABET,
    Cost,
    Row,
    Tallies,
    Unit,
    content_bytes,
    costs_of,
    gini,
    halves,
    learn_parity,
    learn_plain,
    summary,
)
from bedstone.tokenizer.learning.vocabulary import encoder_of

NUMBERS = [str(number) for number in range(20)]
EARLY, LATE = (
    next(n for n in NUMBERS if (lot(n, "parity") < 0.5) is first) for first in (True, False)
)
TALLIES = Tallies(
    train={
        "eng_Latn": Counter({b"the": 90, b"and": 60}),
        "nob_Latn": Counter({b"og": 9, b"det": 5, b"the": 1}),
        "und": Counter({b"zz": 70}),
    },
    development={
        "eng_Latn": Counter({b"the": 2, b"and": 1}),
        "nob_Latn": Counter({b"det": 2, b"og": 3, b"ny": 1}),
    },
    content={"eng_Latn": 10, "nob_Latn": 10},
)


def row(number, language="nob_Latn", text="fri", english="free", source="help"):
    return Row(source, language, number, text, english)


def merges(learnt):
    return [token.decode() for token in spelt(learnt.pairs, ALPHABET)[256:]]


def test_a_unit_is_on_the_same_side_in_every_language():
    rows = [row(n, name, f"{name} {n}", f"free {n}") for n in NUMBERS for name in ("nob", "swa")]
    development, test = halves(rows)
    assert set(development) == set(test) == {"nob", "swa", "eng_Latn"}
    for half, is_early in ((development, True), (test, False)):
        expected = [f"free {n}" for n in NUMBERS if (lot(n, "parity") < 0.5) is is_early]
        for units in half.values():
            assert [unit.english for unit in units] == expected
        assert [unit.text for unit in half["eng_Latn"]] == expected


def test_content_that_two_languages_have_is_english_once():
    other = row(EARLY, "swa_Latn", "huru")
    again = row(EARLY, "nob_Latn", "gratis", "gratis now", source="messages")
    english = halves([row(EARLY), other, again])[0]["eng_Latn"]
    assert english == [Unit("free", "free"), Unit("gratis now", "gratis now")]


def test_what_was_not_translated_is_left_out():
    rows = [row(LATE, text="free"), row(LATE, "eng_Latn", "free")]
    assert halves(rows) == ({}, {})


def test_the_yardstick_does_not_steer():
    with pytest.raises(DataError, match="'udhr' cannot steer"):
        halves([row(EARLY), row(LATE, source="udhr")])


def test_content_is_the_bytes_of_the_english():
    assert content_bytes([Unit("x", "né"), Unit("y", "no")]) == 5


def test_plain_merges_are_of_all_text():
    assert merges(learn_plain(TALLIES, 5, 2)) == ["he", "the", "zz", "an", "and"]


def test_the_first_merges_are_plain_and_the_others_steered():
    classic = learn_parity(TALLIES, 5, 2)
    # Norwegian has 14 tokens, English 9; then 11 and 9; 9 and 9, and the first is English.
    assert merges(classic) == ["og", "de", "he", "det", "the"]
    assert classic.chosen.tolist() == [1, 1, 0, 1, 0]
    hybrid = learn_parity(TALLIES, 5, 2, global_merges=3)
    assert merges(hybrid) == ["he", "the", "zz", "og", "de"]
    assert hybrid.chosen.tolist() == [-1, -1, -1, 1, 1]
    assert merges(learn_parity(TALLIES, 5, 2, global_merges=5)) == merges(
        learn_plain(TALLIES, 5, 2)
    )


def test_a_language_that_has_had_its_part_of_the_window_is_passed_over():
    found = learn_parity(TALLIES, 4, 2, window=2, alpha=1.0)
    assert found.chosen.tolist() == [1, 1, 0, 1]  # two of two are more than one


def test_without_a_pair_left_there_are_fewer_merges():
    assert merges(learn_parity(TALLIES, 99, 60)) == ["he", "the", "an", "and"]
    plain = learn_parity(TALLIES, 99, 70, global_merges=50)
    assert merges(plain) == ["he", "the", "zz"]
    assert plain.chosen.tolist() == [-1, -1, -1]


def test_each_language_is_measured_beside_the_english_of_its_own_units():
    encoder = encoder_of(learn_plain(TALLIES, 2, 2))  # "the" is a token
    units = {"nob_Latn": [Unit("det", "the"), Unit("ny", "new")], "eng_Latn": [Unit("the", "the")]}
    costs = costs_of(encoder, units)
    assert costs == {"eng_Latn": Cost(1, 3, 1), "nob_Latn": Cost(5, 6, 4)}
    assert costs["nob_Latn"].premium == 5 / 4
    assert costs["nob_Latn"].rate == pytest.approx(5000 / 6)


def test_summary():
    costs = {"eng_Latn": Cost(20, 100, 20), "nob_Latn": Cost(30, 100, 20), "swa": Cost(7, 10, 2)}
    found = summary(costs)
    assert found["worst_tokens"] == 700
    assert found["mean_tokens"] == 400
    assert found["english_tokens"] == 200
    assert found["gini"] == pytest.approx(gini([2, 3, 7]))


@pytest.mark.parametrize(
    ("values", "expected"), [([4, 4, 4], 0), ([1], 0), ([0, 0, 0, 1], 3 / 4), ([3, 1], 1 / 4)]
)
def test_gini_is_half_the_mean_difference_over_the_mean(values, expected):
    assert gini(values) == pytest.approx(expected)
    pairs = [abs(one - other) for one in values for other in values]
    mean = sum(values) / len(values)
    assert gini(values) == pytest.approx(sum(pairs) / len(pairs) / 2 / mean)


def test_gini_is_the_same_to_the_last_bit_on_another_processor():
    code = (
        "import numpy as np\nfrom bedstone.tokenizer.learning.parity import gini\n"
        "dice = np.random.default_rng(0)\n"
        "print([gini(dice.random(number)) for number in range(2, 200)])"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "OPENBLAS_CORETYPE": kind},
            capture_output=True,
            check=True,
        ).stdout
        for kind in ("Nehalem", "Haswell")
    }
    assert len(found) == 1
