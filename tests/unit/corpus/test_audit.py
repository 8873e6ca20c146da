import json

import pytest

from bedstone.corpus.audit import STAGE
from bedstone.errors import DataError


@pytest.fixture
def inputs(table_shard):
    def make(keep):
        ids = {"id": list("abcde")}
        languages = ["eng_Latn", "hin_Deva", "und", "hin_Deva", "mul"]
        return {
            "documents": table_shard("documents", ids | {"text": ["a", "बब", "x", "ब", "y"]}),
            "language": table_shard("language", ids | {"language": languages}),
            "kept": table_shard("kept", ids | {"keep": keep}),
        }

    return make


def test_kept_documents_are_counted(inputs, run, rows):
    result, made = run(STAGE, **inputs([True, True, True, False, True]))
    audit = json.loads(made.file("audit.json").read_text("utf-8"))
    assert (audit["documents"], audit["bytes"]) == (4, 9)
    assert (audit["unknown_share"], audit["mixed_share"]) == (0.25, 0.25)
    assert [(row["language"], row["bytes"]) for row in audit["languages"]] == [
        ("eng", 1),
        ("hin", 6),
    ]
    assert set(audit["languages"][0]) >= {
        "language",
        "script",
        "name",
        "documents",
        "bytes",
        "share",
        "speakers",
        "speakers_share",
        "world_to_corpus_ratio",
        "category",
    }
    assert "CLDR" in audit["speakers_source"]
    assert rows(made, "languages.parquet") == audit["languages"]
    assert result.metrics["languages"] == 2


def test_nothing_kept(inputs, run):
    with pytest.raises(DataError, match="no document is kept"):
        run(STAGE, **inputs([False] * 5))
