import json
from types import SimpleNamespace
from typing import get_args

import numpy as np
import pytest

from bedstone.corpus.rules import transfer
from bedstone.corpus.rules.sets import Rule
from bedstone.corpus.rules.transfer import Method, frequent, stop_word_limit, transferred

ENGLISH = np.arange(1, 101) / 10
"""0.1, 0.2 ... 10: mean 5.05, median 5.05."""
LONGER = 2 * ENGLISH + 1


def carried(method, english=ENGLISH, values=LONGER, **limits):
    ranges = transferred(
        [Rule("length", **limits)], {"length": english}, {"length": values}, method
    )
    return ranges.get("length")


def dropped(values, limits):
    """The shares below and above."""
    beyond = (values < limits["low"], values > limits["high"])
    return [float(each.mean()) for each in beyond]


def test_a_limit_is_as_many_standard_deviations_from_the_mean():
    found = carried("mean-std", low=3, high=12)
    assert found == pytest.approx({"low": 7, "high": 25}, abs=2e-4)


def test_a_limit_drops_the_same_share_of_the_reference():
    found = carried("quantile", low=1.05, high=9.05)
    assert dropped(LONGER, found) == dropped(ENGLISH, {"low": 1.05, "high": 9.05}) == [0.1, 0.1]


def test_a_limit_that_drops_no_english_drops_nothing():
    assert carried("quantile", low=0.05, high=10.5) == {"low": 0.05, "high": 21}


def test_a_limit_that_drops_no_english_drops_nothing_by_its_digits_either():
    values = np.array([0.123_46, 0.5, 0.876_54])
    found = carried("quantile", ENGLISH / 10, values, low=0.0, high=1.5)
    assert found == {"low": 0.0, "high": 1.5}
    found = carried("quantile", values, values, low=0.123_46, high=0.876_54)
    assert found == {"low": 0.1234, "high": 0.8766}
    negative = carried("quantile", -values, -values, low=-0.876_54, high=-0.123_46)
    assert negative == {"low": -0.8766, "high": -0.1234}


def test_a_tenth_lies_beyond_whatever_english_has():
    found = carried("tail", low=-7, high=99)
    assert dropped(LONGER, found) == [0.1, 0.1]


def test_a_limit_has_the_same_ratio_to_the_median():
    assert carried("median-ratio", high=10.1) == {"high": 22.2}


@pytest.mark.parametrize("method", get_args(Method))
def test_a_language_that_is_as_english_has_its_limits(method):
    found = carried(method, values=ENGLISH, low=1.05, high=9.05)
    assert found["low"] == pytest.approx(1.05, abs=0.05)
    assert found["high"] == pytest.approx(9.05, abs=0.05)


@pytest.mark.parametrize("method", get_args(Method))
def test_where_the_reference_says_nothing_the_limit_stays(method):
    zeros = np.zeros(50)
    assert carried(method, english=zeros, values=zeros, high=0.3) == {"high": 0.3}


@pytest.mark.parametrize("method", get_args(Method))
def test_the_order_of_the_documents_changes_nothing(method):
    dice = np.random.default_rng(3)
    english, values = dice.lognormal(size=997), dice.lognormal(1, size=991)
    shuffled = dice.permutation(english), dice.permutation(values)
    limits = {"low": 0.1, "high": 3.0}
    assert carried(method, english, values, **limits) == carried(method, *shuffled, **limits)


def test_a_rule_without_limits_or_values_has_no_range():
    assert carried("mean-std") is None
    assert carried("mean-std", values=np.zeros(0), high=3) is None


def test_stop_words_are_the_words_of_some_frequency():
    counts = {f"word{number}": 1000 - number for number in range(9)} | {"rare": 7}
    assert frequent(counts, 100_000) == [f"word{number}" for number in range(9)]


def test_where_few_are_frequent_less_frequent_ones_are_taken():
    counts = dict.fromkeys("abcdefg", 10) | dict.fromkeys("hij", 4) | {"k": 2, "l": 1}
    assert frequent(counts, 1000) == list("abcdefghij")
    assert frequent(counts | {"h": 2, "i": 2, "j": 2}, 1000) == list("abcdefghijk")


def test_where_few_are_frequent_at_all_there_are_none():
    assert frequent(dict.fromkeys("abcdefg", 10) | {"h": 1}, 1000) == []


def reached(count, chances, words):
    """How often ``count`` of the words are in random texts, tried out."""
    dice = np.random.default_rng(1)
    present = dice.random((20_000, len(chances))) < 1 - (1 - np.array(chances)) ** words
    return float((present.sum(axis=1) >= count).mean())


def test_as_many_stop_words_are_asked_for_as_are_as_rare_by_chance_as_in_english():
    english, short = [0.0002] * 8, [0.0008] * 18
    limit = stop_word_limit(short, english, 2)
    rare = reached(2, english, transfer.RANDOM_WORDS)
    assert reached(limit, short, transfer.RANDOM_WORDS) <= rare
    assert reached(limit - 1, short, transfer.RANDOM_WORDS) > rare


def test_no_fewer_stop_words_are_asked_for_than_in_english():
    assert stop_word_limit([1e-9] * 30, [0.001] * 8, 2) == 2


def test_no_more_stop_words_are_asked_for_than_there_are():
    assert stop_word_limit([0.5] * 9, [0.0] * 8, 2) == 9


def test_words_as_frequent_in_english_are_left_out():
    counts = dict.fromkeys("abcdefghi", 10)
    assert frequent(counts, 1000, barred=["b", "z"]) == list("acdefghi")


def test_ties_are_in_the_order_of_the_words():
    counts = dict.fromkeys("hgfedcba", 10)
    assert frequent(counts, 1000) == list("abcdefgh")


@pytest.fixture
def artifact(tmp_path):
    entries = {
        "tel_Telu": {
            "documents": 60,
            "stop_words": ["మరియు"],
            "ranges": {
                "mean_word_length": {"low": 4.5, "high": 13},
                "newlines_per_word": {"high": 1},
            },
        },
        "tha_Thai": {
            "documents": 50,
            "stop_words": [],
            "ranges": {"newlines_per_word": {"high": 2}},
        },
    }
    (tmp_path / transfer.NAME).write_text(json.dumps(entries), "utf-8")
    return SimpleNamespace(file=lambda name: tmp_path / name)


def test_only_the_limits_of_rules_in_force_are_read(artifact):
    found = transfer.read_ranges(artifact, ["mean_word_length", "word_count"])
    assert found == {"tel_Telu": {"mean_word_length": {"low": 4.5, "high": 13}}}


def test_only_languages_with_stop_words_are_read(artifact):
    assert transfer.read_stop_words(artifact) == {"tel_Telu": ["మరియు"]}
