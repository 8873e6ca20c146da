from bedstone.corpus.language import STAGE, total

ENGLISH = "The patient scholars discussed that curious manuscript with the visitors of the town."
RUSSIAN = "Старый учитель каждый день рассказывал детям о звёздах и далёких странах."


def test_a_row_for_each_document(table_shard, run, rows):
    texts = [ENGLISH, "short", f"{ENGLISH} {RUSSIAN}", RUSSIAN]
    documents = table_shard("documents", {"id": list("abcd"), "text": texts})
    result, made = run(STAGE, documents=documents)
    found = rows(made, "language.parquet")
    assert [row["id"] for row in found] == list("abcd")
    assert [row["language"] for row in found] == ["eng_Latn", "und", "mul", "rus_Cyrl"]
    assert total(result.metrics)["unknown_share"] == total(result.metrics)["mixed_share"] == 0.25
