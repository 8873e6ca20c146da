import numpy as np

from bedstone.corpus.clusters import join


def exact(*values):
    return np.array([value.encode().ljust(16) for value in values], "V16")


def joined(rows, digests=None, signed=None, bands=2, similarity=0.0):
    signatures = np.array(rows, np.uint64)
    count = len(rows)
    return join(
        exact(*(digests or map(str, range(count)))),
        signatures,
        np.ones(count, bool) if signed is None else np.array(signed),
        bands,
        similarity,
    )


def test_one_equal_band_makes_a_candidate():
    found = joined([[1, 2, 3, 4], [9, 9, 3, 4], [1, 9, 9, 4], [3, 4, 1, 2]])
    assert found.roots.tolist() == [0, 0, 2, 3]
    assert (found.candidate_pairs, found.joined_pairs) == (1, 1)


def test_candidates_must_be_similar_enough():
    rows = [[1, 2, 3, 4], [1, 2, 3, 9], [1, 2, 9, 9]]
    assert joined(rows, similarity=0.75).roots.tolist() == [0, 0, 2]
    assert joined(rows, similarity=0.5).roots.tolist() == [0, 0, 0]


def test_what_is_joined_to_one_is_joined_to_all():
    found = joined([[1, 1, 2, 2], [5, 5, 6, 6], [7, 7, 2, 2], [5, 5, 2, 2]])
    assert found.roots.tolist() == [0, 0, 0, 0]


def test_equal_texts_are_joined_without_a_signature():
    found = joined([[1, 2, 3, 4]] * 3, digests=["a", "b", "a"], signed=[False] * 3)
    assert found.roots.tolist() == [0, 1, 0]
    assert found.candidate_pairs == 0


def test_equal_texts_are_compared_with_others_once():
    found = joined([[1, 2, 3, 4]] * 4, digests=["a", "a", "b", "b"])
    assert (found.roots.tolist(), found.candidate_pairs) == ([0, 0, 0, 0], 1)


def test_no_documents():
    found = join(exact(), np.empty((0, 4), np.uint64), np.empty(0, bool), 2, 0.5)
    assert found.roots.tolist() == []
