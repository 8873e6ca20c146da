from bedstone.corpus.rules import measure
from bedstone.corpus.statistics import STAGE


def test_a_column_for_each_statistic(table_shard, run, rows):
    texts = ["a text of words", "我们"]
    documents = table_shard("documents", {"id": ["x", "y"], "text": texts})
    result, made = run(STAGE, documents=documents)
    expected = [
        {"id": name} | row for name, row in zip("xy", measure(texts).to_pylist(), strict=True)
    ]
    assert rows(made, "statistics.parquet") == expected
    assert result.metrics == {"input_documents": 2}
