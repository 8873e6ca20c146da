import numpy as np
import pyarrow as pa
import pytest

from bedstone.corpus.duplicates.clusters import (
    agreement,
    having,
    joined,
    recentred,
    representatives,
    stars,
    string_hashes,
)
from bedstone.corpus.duplicates.signatures import drawn_functions, least_values

BANDS, ROWS = 14, 8


def test_keys_in_common_join():
    everyone = np.ones(4, np.bool_)
    one = np.array([[1, 1], [2, 2], [1, 1], [2, 1]], np.uint64)
    other = np.array([[5], [7], [6], [7]], np.uint64)
    assert joined([(one, everyone), (other, everyone)], 4).tolist() == [0, 1, 0, 1]
    assert joined([(one, everyone), (one[::-1], ~everyone)], 4).tolist() == [0, 1, 0, 3]
    assert joined([], 3).tolist() == [0, 1, 2]


def test_a_run_is_paired_with_its_least_row_or_the_one_that_ranks_first():
    keys = np.array([3, 3, 3, 5, 8, 8], np.uint64)
    pairs = stars(keys, np.array([4, 1, 5, 0, 3, 2]))
    assert pairs.tolist() == [[1, 4], [1, 5], [2, 3]]
    ranks = np.array([9, 5, 5, 7, 1, 3], np.uint64)
    assert recentred(pairs, ranks).tolist() == [[4, 1], [4, 5], [2, 3]]
    assert recentred(pairs[:0], ranks).tolist() == []


def test_the_first_by_the_keys_represents_and_the_last_key_decides_first():
    roots = np.array([0, 0, 2, 0, 2, 5])
    by_length = representatives(roots, np.array([1, 2, 3, 0, 5, 6]), -np.array([4, 9, 2, 9, 2, 1]))
    assert by_length.tolist() == [3, 3, 2, 3, 2, 5]
    assert representatives(roots, np.array([2, 1, 8, 5, 7, 3])).tolist() == [1, 1, 4, 1, 4, 5]
    assert representatives(roots[:0], roots[:0]).tolist() == []


def test_a_cluster_has_what_one_of_it_is():
    roots = np.array([0, 0, 2, 2, 4])
    some = np.array([False, True, False, False, True])
    assert having(roots, some).tolist() == [True, True, False, False, True]


def test_a_string_has_one_number_wherever_it_stands():
    strings = ["a", "b", "", "ab", "ba", "é"]
    one = string_hashes(pa.chunked_array([strings]))
    other = string_hashes(pa.chunked_array([strings[:2], [], strings[2:]], pa.large_string()))
    assert one.tolist() == other.tolist()
    assert len(set(one.tolist())) == len(strings)
    assert string_hashes(pa.chunked_array([], pa.string())).tolist() == []


@pytest.mark.parametrize("jaccard", [0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
def test_planted_pairs_are_found_at_the_rate_of_the_formula(jaccard):
    """Each pair is of sets of shingles with exactly this similarity, and like no other pair."""
    pairs, union = 4000, 200
    shared, own = round(union * jaccard), round(union * (1 - jaccard) / 2)
    dice = np.random.default_rng(round(100 * jaccard))
    shingles = dice.integers(0, 1 << 64, (pairs, union), np.uint64)
    drawn = drawn_functions(BANDS * ROWS, 1)
    signatures = np.array(
        [
            least_values(np.ascontiguousarray(each), *drawn)
            for row in shingles
            for each in (row[: shared + own], np.delete(row, slice(shared, shared + own)))
        ]
    )
    present = np.ones(2 * pairs, np.bool_)
    bands = [
        (signatures[:, first : first + ROWS], present) for first in range(0, BANDS * ROWS, ROWS)
    ]
    roots = joined(bands, 2 * pairs)
    found = (roots[::2] == roots[1::2]).mean()
    assert abs(found - (1 - (1 - jaccard**ROWS) ** BANDS)) < 0.03
    assert (roots // 2 == np.arange(2 * pairs) // 2).all()
    shares = agreement(signatures, np.arange(2 * pairs).reshape(-1, 2))
    assert abs(shares.mean() - jaccard) < 0.01
