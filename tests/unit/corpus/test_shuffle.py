"""Harm that is known."""

import pytest

from bedstone.corpus.shuffle import STAGE, shuffled

TEXT = "one two three four five six\nseven eight nine ten"


@pytest.fixture
def inputs(table_shard):
    names = [f"d{number}" for number in range(200)]
    texts = {"id": names, "url": [None] * 200, "text": [TEXT] * 200, "headings": [[1]] * 200}
    languages = ["deu_Latn", "fra_Latn"] * 100
    return {
        "documents": table_shard("documents", texts),
        "language": table_shard("language", {"id": names, "language": languages}),
    }


def test_words_stay_in_their_line_and_none_is_lost():
    made = shuffled(TEXT, "name")
    assert made != TEXT
    for line, before in zip(made.split("\n"), TEXT.split("\n"), strict=True):
        assert sorted(line.split()) == sorted(before.split())
    assert made == shuffled(TEXT, "name") != shuffled(TEXT, "another")


def test_a_share_of_the_documents_of_a_language_is_harmed(run, rows, inputs):
    config = {"share": 0.3, "languages": ["deu_Latn"]}
    result, made = run(STAGE, config, **inputs)
    changed = [row for row in rows(made, "documents.parquet") if row["text"] != TEXT]
    assert 15 < len(changed) == result.metrics["changed_documents"] < 45
    assert all(int(row["id"][1:]) % 2 == 0 for row in changed)
    assert changed[0]["headings"] == [1]
    more, _ = run(STAGE, {"share": 0.3}, **inputs)
    assert more.metrics["changed_documents"] > len(changed)
