import pyarrow as pa
import pytest

from bedstone.corpus.dedup import STAGE
from bedstone.corpus.signatures import exact_digest, signature_of
from bedstone.errors import ConfigError

WORDS = [f"{a}{b}" for a in ("ka", "lo", "mi", "nu", "pe") for b in ("fa", "go", "hi", "ru", "se")]
TEXT = " ".join(f"{one} {two}" for one in WORDS for two in WORDS[:8])
NEAR = f"{TEXT} {' '.join(f'and{word}' for word in WORDS)}"


def signed(ids, texts):
    signatures = [signature_of(text, 112, 1, 5) for text in texts]
    return {
        "id": pa.array(ids, pa.string()),
        "exact": pa.array([exact_digest(text) for text in texts], pa.binary(16)),
        "signature": pa.array(
            [None if each is None else each.tolist() for each in signatures],
            pa.list_(pa.uint64(), 112),
        ),
        "characters": pa.array([len(text) for text in texts], pa.int64()),
    }


@pytest.fixture
def inputs(table_shard):
    """Two shards of documents; ``keep`` is what the filter said of each."""

    def make(texts, keep, cut, failed=None):
        failed = failed or [[] if kept else ["word_count"] for kept in keep]
        ids = [f"id{number}" for number in range(len(texts))]
        parts = [slice(0, cut), slice(cut, None)]
        signatures = [
            table_shard(f"signatures{n}", signed(ids[part], texts[part]))
            for n, part in enumerate(parts)
        ]
        filtered = [
            table_shard(
                f"filtered{n}",
                {
                    "id": pa.array(ids[part], pa.string()),
                    "keep": pa.array(keep[part], pa.bool_()),
                    "failed": pa.array(failed[part], pa.list_(pa.string())),
                },
            )
            for n, part in enumerate(parts)
        ]
        signatures[0].shards, filtered[0].shards = signatures, filtered
        return {"signatures": signatures[0], "filtered": filtered[0]}

    return make


def test_one_of_each_cluster_is_kept(inputs, run, rows):
    texts = [TEXT, "another text, short but not the same", TEXT, NEAR, "two words", "two words"]
    result, made = run(STAGE, **inputs(texts, [True] * 6, 2))
    found = rows(made, "00000.parquet") + rows(made, "00001.parquet")
    assert len(rows(made, "00000.parquet")) == 2
    assert [row["keep"] for row in found] == [False, True, False, True, True, False]
    assert [row["cluster"] for row in found] == ["id3", None, "id3", "id3", "id4", "id4"]
    assert [row["cluster_size"] for row in found] == [3, 1, 3, 3, 2, 2]
    assert [row["duplicate"] for row in found] == ["near", None, "near", None, None, "exact"]
    expected = {
        "input_documents": 6,
        "kept_documents": 3,
        "near_duplicate_documents": 2,
        "exact_duplicate_documents": 1,
        "clusters": 2,
        "largest_cluster_documents": 3,
    }
    assert {name: result.metrics[name] for name in expected} == expected


def test_the_representative_passes_the_filter_if_any_does(inputs, run, rows):
    result, made = run(
        STAGE, **inputs([TEXT, NEAR, TEXT, "a", "a"], [True, False, True, False, False], 1)
    )
    found = rows(made, "00000.parquet") + rows(made, "00001.parquet")
    assert [row["keep"] for row in found] == [True, False, False, False, False]
    assert [row["cluster"] for row in found] == ["id0", "id0", "id0", "id3", "id3"]
    assert (result.metrics["passing_documents"], result.metrics["dropped_documents"]) == (2, 1)


def test_nothing_is_kept_of_a_cluster_with_the_yardstick(inputs, run, rows):
    failed = [["yardstick"], [], [], ["word_count"], []]
    keep = [not failures for failures in failed]
    texts = [TEXT, NEAR, TEXT, "a", "b"]
    result, made = run(STAGE, **inputs(texts, keep, 5, failed))
    assert [row["keep"] for row in rows(made, "00000.parquet")] == [False] * 4 + [True]
    assert result.metrics["yardstick_copy_documents"] == 2


def test_similarity_is_a_choice(inputs, run):
    result, _ = run(STAGE, {"min_similarity": 0.999}, **inputs([TEXT, NEAR], [True, True], 1))
    assert result.metrics["kept_documents"] == 2


def test_bands_divide_a_signature(inputs, run):
    with pytest.raises(ConfigError, match="13 bands do not divide 112"):
        run(STAGE, {"bands": 13}, **inputs([TEXT], [True], 1))
