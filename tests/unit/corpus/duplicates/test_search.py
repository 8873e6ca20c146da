import numpy as np
import pyarrow as pa
import pytest
from tests.support.signed import columns_of, write_input

from bedstone.corpus.duplicates import search as module
from bedstone.corpus.duplicates.search import agreement, keep_ids, search
from bedstone.errors import DataError
from bedstone.progress import Progress
from bedstone.store.engine import Local
from bedstone.store.stage import Job


@pytest.fixture
def job(tmp_path):
    """A job about signatures, and what else is told of the documents."""

    def make(rows, digests=None, width=2, cuts=(), workers=1, ids=None, **beside):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        columns = columns_of(rows, digests or range(len(rows)), width, ids)
        inputs = {"signatures": write_input(folder / "signatures", columns, cuts)}
        for role, (name, values) in beside.items():
            table = {"id": columns["id"], name: values}
            inputs[role] = write_input(folder / role, table, cuts)
        made = Job(inputs, folder / "artifact", Local(workers), Progress())
        made.folder.mkdir()
        return made

    return make


@pytest.fixture
def small(monkeypatch):
    """So little at once that there are many slices, and many tasks compare."""
    monkeypatch.setattr(module, "DOCUMENTS_AT_ONCE", 30)
    monkeypatch.setattr(module, "PAIRS_AT_ONCE", 7)


def clusters(job, *arguments, **options):
    """Of each document the first one of its cluster; and the pairs of candidates."""
    found = search(job, *arguments, **options)
    roots = np.arange(found.keyed.saved("starts")[-1])
    firsts = np.full(len(found.rows), len(roots))
    np.minimum.at(firsts, found.roots, found.rows)
    roots[found.rows] = firsts[found.roots]
    return roots.tolist(), found.candidate_pairs


def test_one_equal_band_joins(job):
    rows = [[1, 2, 3, 4], [9, 9, 3, 4], [1, 9, 9, 4], [3, 4, 1, 2]]
    assert clusters(job(rows)) == ([0, 0, 2, 3], 1)


def test_candidates_may_have_to_be_similar_enough(job):
    rows = [[1, 2, 3, 4], [1, 2, 3, 9], [1, 2, 9, 9]]
    assert clusters(job(rows))[0] == [0, 0, 0]
    assert clusters(job(rows[:2]), min_similarity=0.75)[0] == [0, 0]
    assert clusters(job(rows[::2]), min_similarity=0.75)[0] == [0, 1]
    assert clusters(job(rows), min_similarity=0.5)[0] == [0, 0, 0]


def test_what_is_joined_to_one_is_joined_to_all(job):
    rows = [[1, 1, 2, 2], [5, 5, 6, 6], [7, 7, 2, 2], [5, 5, 2, 2]]
    assert clusters(job(rows, cuts=(1, 2)))[0] == [0, 0, 0, 0]


def test_equal_texts_are_joined_without_a_signature(job):
    found = clusters(job([None, None, [1, 2, 3, 4], None], digests=[1, 2, 3, 1]))
    assert found == ([0, 1, 2, 0], 0)


def test_equal_texts_are_paired_with_others_once_in_a_band(job):
    assert clusters(job([[1, 2, 3, 4]] * 4, digests=[1, 1, 2, 2])) == ([0, 0, 0, 0], 2)


def test_only_documents_of_one_scope_that_enter_are_joined(job):
    same = [[1, 2, 3, 4]] * 4
    language = ("language", ["a", "b", "a", "b"])
    for digests in (None, [7] * 4):
        assert clusters(job(same, digests, language=language), "language")[0] == [0, 1, 0, 1]
        ids = [f"{file * 16}-{number}" for number, file in enumerate("abba")]
        assert clusters(job(same, digests, cuts=(2,), ids=ids), "source")[0] == [0, 1, 1, 0]
        before = ("keep", [True, False, True, True])
        assert clusters(job(same, digests, before=before))[0] == [0, 1, 0, 0]


@pytest.mark.parametrize("rows", [[], [[1, 2, 3, 4]], [None]], ids=["none", "one", "unsigned"])
def test_nothing_to_compare(job, rows):
    made = job(rows)
    found = search(made, min_similarity=0.5)
    assert found.rows.tolist() == []
    keep_ids(made, found.keyed, found.rows)
    assert found.keyed.ids(pa.array([None], pa.int64())).to_pylist() == [None]


@pytest.mark.parametrize("similarity", [None, 0.5])
@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_neither_slices_nor_shards_nor_workers_make_a_difference(
    job, similarity, workers, monkeypatch
):
    dice = np.random.default_rng(2)
    texts = dice.integers(0, 40, (400, 4)).tolist()
    digests = dice.integers(0, 400, 500).tolist()
    rows = [texts[digest] for digest in digests]
    whole = clusters(job(rows, digests), min_similarity=similarity)
    monkeypatch.setattr(module, "DOCUMENTS_AT_ONCE", 30)
    monkeypatch.setattr(module, "PAIRS_AT_ONCE", 50)
    cut = job(rows, digests, cuts=(1, 1, 300), workers=workers)
    assert clusters(cut, min_similarity=similarity) == whole
    assert 1 < len(set(whole[0])) < 400
    assert len(list((cut.scratch / "near").iterdir())) == 2 * 32


def test_agreement_is_the_share_of_equal_numbers(job, small):
    rows = [[1, 2, 3, 4], [1, 2, 3, 9], [1, 2, 9, 9], [5, 5, 3, 4], [6, 6, 9, 9], [0, 0, 0, 0]]
    made = job(rows, cuts=(2, 4))
    found = search(made)
    assert found.rows.tolist() == [0, 1, 2, 3, 4]
    pairs = np.array([[0, 1], [1, 0], [0, 2], [0, 3], [4, 2], [3, 4], [1, 1], [2, 3]])
    expected = [0.75, 0.75, 0.5, 0.5, 0.5, 0, 1, 0]
    assert agreement(made, found, "shares", pairs).tolist() == expected
    assert len(list((made.scratch / "shares").iterdir())) == 2


def test_ids_of_some_documents_are_told(job):
    made = job([[1, 2]] * 5, digests=[1] * 5, cuts=(2, 2))
    found = search(made)
    keep_ids(made, found.keyed, np.array([1, 2, 4]))
    assert found.keyed.ids(pa.array([2, 0, None])).to_pylist() == ["id4", "id1", None]


def test_facts_are_of_the_documents_asked_for(job):
    made = job([None] * 5, language=("language", ["a", "b", "a", "c", "a"]), cuts=(3,))
    keyed = search(made).keyed
    facts = keyed.facts_of(np.array([0, 2, 4]))
    assert len(set(facts["language"].tolist())) == 1
    assert len(set(facts["rank"].tolist())) == 3
    assert [len(keyed.facts(number)) for number in range(2)] == [3, 2]


def test_what_is_beside_is_about_the_same_documents(job):
    made = job([[1, 2], [3, 4]], before=("keep", [True, True]))
    made.inputs["before"] = made.inputs["signatures"]
    with pytest.raises(DataError, match="no column keep"):
        search(made)
