from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from bedstone.tokenizer.learning.bpe import PLAIN, Choice, Words, learn, spelt, taken

A, B, C, D, E = range(5)
FIRST = 5


def words(*rows):
    """Of (symbols, language, count, development)."""
    symbols, languages, counts, development = zip(*rows, strict=True)
    return Words(
        np.concatenate([np.array(each, np.int32) for each in symbols]),
        np.cumsum([0, *map(len, symbols)]),
        np.array(languages, np.int32),
        np.array(counts, np.int64),
        np.array(development, np.int64),
    )


def plain(*rows):
    return words(*((symbols, 0, count, 0) for symbols, count in rows))


def cut(found):
    """The words of a result, as lists."""
    starts = found.starts.tolist()
    return [found.symbols[low:high].tolist() for low, high in pairwise(starts)]


def test_the_most_frequent_pair_is_merged_everywhere():
    found = learn(plain(([A, B, C], 3), ([A, B], 1), ([B, C], 2)), FIRST, merges=1)
    assert found.pairs.tolist() == [[B, C]]  # 5 against 4
    assert cut(found.words) == [[A, FIRST], [A, B], [FIRST]]


def test_of_equal_pairs_the_smaller_numbers_come_first():
    found = learn(plain(([B, C], 2), ([A, D], 2), ([A, C], 2)), FIRST, merges=3)
    assert found.pairs.tolist() == [[A, C], [A, D], [B, C]]


def test_what_a_merge_makes_is_merged_on():
    found = learn(plain(([A, B, C, D], 2)), FIRST, merges=9)
    assert found.pairs.tolist() == [[A, B], [C, D], [FIRST, FIRST + 1]]
    assert spelt(found.pairs, "abcde")[FIRST:] == ["ab", "cd", "abcd"]


@pytest.mark.parametrize(
    ("length", "left"), [(2, [FIRST]), (3, [FIRST, A]), (4, [FIRST, FIRST]), (5, [FIRST] * 2 + [A])]
)
def test_of_equal_symbols_the_first_two_go_together(length, left):
    assert cut(learn(plain(([A] * length, 2)), FIRST, merges=1).words) == [left]


def test_a_pair_that_a_merge_made_rare_waits_its_turn():
    # b c is counted 6 times at first; a b takes 4 of them, and then d e goes before it.
    rows = plain(([A, B, C], 4), ([A, B], 3), ([B, C], 2), ([D, E], 3))
    assert learn(rows, FIRST, 4).pairs.tolist() == [[A, B], [FIRST, C], [D, E], [B, C]]


def test_pairs_below_the_least_frequency_stay_apart():
    rows = plain(([A, B], 3), ([C, D], 2))
    assert len(learn(rows, FIRST, 9, min_frequency=3).pairs) == 1
    assert len(learn(rows, FIRST, 9, min_frequency=2).pairs) == 2
    assert len(learn(plain(([A, B], 0)), FIRST, 9, min_frequency=1).pairs) == 0


def test_learning_goes_on_where_it_ended_and_changes_nothing_given():
    rows = plain(([A, B, C, A, B], 3), ([B, C, D], 2), ([D, A, B], 2))
    before = rows.symbols.copy()
    whole = learn(rows, FIRST, 4)
    first = learn(rows, FIRST, 2)
    second = learn(first.words, FIRST + 2, 2)
    assert (rows.symbols == before).all()
    assert [*first.pairs.tolist(), *second.pairs.tolist()] == whole.pairs.tolist()
    assert cut(second.words) == cut(whole.words)


def test_the_language_with_the_most_tokens_for_its_content_chooses():
    rows = words(
        ([A, B], 0, 9, 10),  # 20 tokens
        ([C, D], 1, 2, 12),  # 24 tokens
        ([A, B], 1, 1, 0),
    )
    found = learn(rows, FIRST, 9, 2, Choice(np.array([1.0, 1.0])))
    assert found.pairs.tolist() == [[C, D], [A, B]]
    assert found.chosen.tolist() == [1, 0]
    assert cut(found.words) == [[FIRST + 1], [FIRST], [FIRST + 1]]
    dearer = learn(rows, FIRST, 9, 2, Choice(np.array([1.0, 1.5])))
    assert dearer.chosen.tolist() == [0, 1]


def test_text_that_is_only_measured_chooses_no_pair_but_counts_for_its_language():
    rows = words(([A, B], 0, 2, 0), ([C, D, C, D], 0, 0, 5), ([C, D], 1, 2, 9), ([A, E], 1, 3, 0))
    found = learn(rows, FIRST, 9, 2, Choice(np.array([1.0, 1.0])))
    # 20 tokens against 18: the first language has one pair; then the second goes on alone.
    assert found.pairs.tolist() == [[A, B], [A, E], [C, D]]
    assert cut(found.words)[1] == [FIRST + 2, FIRST + 2]


def test_a_language_chosen_too_often_of_late_is_passed_over():
    rows = words(
        *(([A, symbol], 0, 9, 100) for symbol in (B, C, D, E)),
        *(([B, symbol], 1, 9, 1) for symbol in (C, D, E)),
    )
    content = np.array([1.0, 1.0])
    assert learn(rows, FIRST, 5, 2, Choice(content)).chosen.tolist() == [0, 0, 0, 0, 1]
    found = learn(rows, FIRST, 5, 2, Choice(content, window=3, most=1.0))
    assert found.chosen.tolist() == [0, 0, 1, 1, 0]
    # All are passed over: the worst one chooses all the same.
    assert learn(rows, FIRST, 2, 2, Choice(content, window=9, most=-1.0)).chosen.tolist() == [0, 0]


def test_more_pairs_than_the_table_holds_at_first():
    dice = np.random.default_rng(0)
    rows = [(dice.integers(0, 60, 40).tolist(), int(dice.integers(1, 9))) for _ in range(100)]
    counts = Counter()
    for symbols, count in rows:
        for pair in pairwise(symbols):
            counts[pair] += count
    best = min(counts, key=lambda pair: (-counts[pair], pair))
    assert tuple(learn(plain(*rows), 60, 1).pairs[0].tolist()) == best


def test_words_by_their_numbers():
    symbols, starts = taken(plain(([A, B], 1), ([C], 1), ([D, E, A], 1)), np.array([2, 0, 2]))
    assert symbols.tolist() == [D, E, A, A, B, D, E, A]
    assert starts.tolist() == [0, 3, 5, 8]


def test_there_may_be_nothing_to_learn():
    assert len(learn(plain(([A], 9)), FIRST, 3).pairs) == 0
    assert len(learn(plain(([A, B], 9)), FIRST, 0, 2, PLAIN).pairs) == 0
