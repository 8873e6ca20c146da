import numpy as np
import pytest

from bedstone.corpus.duplicates import clusters
from bedstone.corpus.duplicates.clusters import Documents, agreement, join
from bedstone.corpus.duplicates.signatures import drawn_functions, least_values

BANDS, ROWS = 14, 8


def band(*parts):
    """A band of several shards, each given as rows of numbers; None for none."""
    width = max(len(row) for part in parts for row in part if row is not None)

    def read():
        for part in parts:
            numbers = [[0] * width if row is None else row for row in part]
            present = np.array([row is not None for row in part], np.bool_)
            yield np.array(numbers, np.uint64).reshape(-1, width), present

    return read


def bands_of(signatures, width):
    """The bands of signatures in one shard."""
    return [
        band([row and row[first : first + width] for row in signatures])
        for first in range(0, 4, width)
    ]


def about(count, enter=None, scopes=None, ranks=None):
    return Documents(
        np.ones(count, np.bool_) if enter is None else np.array(enter),
        np.array(scopes or [0] * count, np.uint64),
        np.array(ranks if ranks is not None else range(count), np.int64),
    )


def joined(signatures, digests=None, width=2, similarity=None, **given):
    count = len(signatures)
    exact = band([[digest, 0] for digest in digests or range(count)])
    return join(exact, bands_of(signatures, width), about(count, **given), similarity)


def test_one_equal_band_joins():
    found = joined([[1, 2, 3, 4], [9, 9, 3, 4], [1, 9, 9, 4], [3, 4, 1, 2]])
    assert found.roots.tolist() == [0, 0, 2, 3]
    assert found.candidate_pairs == 1


def test_candidates_may_have_to_be_similar_enough():
    rows = [[1, 2, 3, 4], [1, 2, 3, 9], [1, 2, 9, 9]]
    assert joined(rows).roots.tolist() == [0, 0, 0]
    assert joined(rows, similarity=0.75).roots.tolist() == [0, 0, 2]
    assert joined(rows, similarity=0.5).roots.tolist() == [0, 0, 0]


def test_what_is_joined_to_one_is_joined_to_all():
    found = joined([[1, 1, 2, 2], [5, 5, 6, 6], [7, 7, 2, 2], [5, 5, 2, 2]])
    assert found.roots.tolist() == [0, 0, 0, 0]


def test_equal_texts_are_joined_without_a_signature():
    found = joined([None, None, [1, 2, 3, 4], None], digests=[1, 2, 3, 1])
    assert found.roots.tolist() == [0, 1, 2, 0]
    assert found.candidate_pairs == 0


def test_equal_texts_are_paired_with_others_once_in_a_band():
    found = joined([[1, 2, 3, 4]] * 4, digests=[1, 1, 2, 2])
    assert (found.roots.tolist(), found.candidate_pairs) == ([0, 0, 0, 0], 2)


def test_the_one_that_ranks_first_stands_for_a_cluster():
    found = joined([[1, 2, 3, 4]] * 3, ranks=[2, 1, 0])
    assert found.roots.tolist() == [2, 2, 2]


def test_only_documents_of_one_scope_that_enter_are_joined():
    same = [[1, 2, 3, 4]] * 4
    assert joined(same, scopes=[5, 6, 5, 6]).roots.tolist() == [0, 1, 0, 1]
    assert joined(same, digests=[7] * 4, scopes=[5, 6, 5, 6]).roots.tolist() == [0, 1, 0, 1]
    enter = [True, False, True, True]
    assert joined(same, enter=enter).roots.tolist() == [0, 1, 0, 0]
    assert joined(same, digests=[7] * 4, enter=enter).roots.tolist() == [0, 1, 0, 0]


def test_no_documents():
    empty = band([[1, 2]], [])
    found = join(lambda: iter([next(empty())] * 0), [], about(0))
    assert found.roots.tolist() == []


@pytest.mark.parametrize("similarity", [None, 0.5])
def test_neither_slices_nor_shards_make_a_difference(monkeypatch, similarity):
    dice = np.random.default_rng(2)
    rows = dice.integers(0, 40, (500, 4)).tolist()
    digests = [[digest, 0] for digest in dice.integers(0, 400, 500).tolist()]
    whole = joined(rows, [digest for digest, _ in digests], similarity=similarity)
    monkeypatch.setattr(clusters, "DOCUMENTS_AT_ONCE", 30)
    monkeypatch.setattr(clusters, "PAIRS_AT_ONCE", 7)
    cuts = (slice(0, 1), slice(1, 1), slice(1, 300), slice(300, None))
    exact = band(*(digests[cut] for cut in cuts))
    bands = [
        band(*([row[first : first + 2] for row in rows[cut]] for cut in cuts)) for first in (0, 2)
    ]
    again = join(exact, bands, about(500), similarity)
    assert 1 < len(set(whole.roots.tolist())) < 400
    assert again.roots.tolist() == whole.roots.tolist()
    assert again.candidate_pairs == whole.candidate_pairs


@pytest.mark.parametrize("similarity", [None, 0.75])
def test_the_order_of_documents_makes_no_difference(similarity):
    dice = np.random.default_rng(3)
    rows = np.repeat(dice.integers(0, 99, (100, 4)), 3, axis=0)
    rows[np.arange(300), dice.integers(0, 4, 300)] = dice.integers(0, 99, 300)
    digests = dice.integers(0, 250, 300).tolist()
    rows = [rows[digest].tolist() for digest in digests]  # equal texts have equal signatures
    first = joined(rows, digests, similarity=similarity)
    order = dice.permutation(300)
    moved = joined(
        [rows[each] for each in order],
        [digests[each] for each in order],
        similarity=similarity,
        ranks=order,
    )
    assert 1 < len(set(first.roots.tolist())) < len(set(digests))
    assert order[moved.roots].tolist() == first.roots[order].tolist()
    assert moved.candidate_pairs == first.candidate_pairs


def test_agreement_is_the_share_of_equal_numbers(monkeypatch):
    bands = bands_of([[1, 2, 3, 4], None, [1, 2, 3, 9], [1, 9, 9, 9], None], 2)
    pairs = np.array([[0, 2], [3, 0], [2, 2], [1, 4], [3, 2]])
    expected = [0.75, 0.25, 1, 1, 0.5]
    assert agreement(bands, pairs).tolist() == expected
    monkeypatch.setattr(clusters, "PAIRS_AT_ONCE", 2)
    assert agreement(bands, pairs).tolist() == expected
    assert agreement(bands, pairs[:0]).tolist() == []


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
    exact = np.arange(4 * pairs, dtype=np.uint64).reshape(-1, 2)
    bands = [
        lambda first=first: iter([(signatures[:, first : first + ROWS], present)])
        for first in range(0, BANDS * ROWS, ROWS)
    ]
    roots = join(lambda: iter([(exact, present)]), bands, about(2 * pairs)).roots
    found = (roots[::2] == roots[1::2]).mean()
    assert abs(found - (1 - (1 - jaccard**ROWS) ** BANDS)) < 0.03
    assert (roots // 2 == np.arange(2 * pairs) // 2).all()
