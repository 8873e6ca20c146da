import json

import pyarrow as pa
import pytest
from tests.support.stages import shard

from bedstone.corpus.rules.measures import measure
from bedstone.corpus.rules.transfer import NAME
from bedstone.corpus.statistics import STAGE, StatisticsConfig, resolve
from bedstone.errors import ConfigError, DataError

TEXTS = ["a text of the words", "我们", ""]


@pytest.fixture
def documents(table_shard):
    columns = {
        "id": ["x", "y", "z"],
        "url": ["u"] * 3,
        "text": TEXTS,
        "headings": pa.array([[]] * 3, pa.list_(pa.int32())),
    }
    return table_shard("documents", columns)


def expected(**options):
    rows = measure(TEXTS, **options).to_pylist()
    return [{"id": name} | row for name, row in zip("xyz", rows, strict=True)]


def test_a_column_for_each_statistic(documents, run, rows):
    result, made = run(STAGE, documents=documents)
    assert rows(made, "statistics.parquet") == expected()
    assert result.metrics == {"input_documents": 3}


def test_a_row_group_at_a_time(documents, run, rows, monkeypatch):
    monkeypatch.setattr("bedstone.store.tables.ROW_GROUP_ROWS", 2)
    _, made = run(STAGE, documents=documents)
    assert rows(made, "statistics.parquet") == expected()


@pytest.mark.parametrize("keep", [[True, False, True], [False] * 3])
def test_what_was_dropped_before_is_not_measured(documents, table_shard, run, rows, keep):
    before = table_shard("before", {"id": ["x", "y", "z"], "keep": keep})
    languages = ["nob_Latn", "nob_Latn", "eng_Latn"]
    language = table_shard("language", {"id": ["x", "y", "z"], "language": languages})
    result, made = run(STAGE, documents=documents, language=language, before=before)
    assert result.metrics == {"input_documents": sum(keep)}
    known = ("id", "text_bytes")
    assert rows(made, "statistics.parquet") == [
        row if kept else {name: row[name] if name in known else None for name in row}
        for row, kept in zip(expected(languages=languages), keep, strict=True)
    ]


def test_languages_have_stop_words_of_their_own(documents, run, rows, table_shard):
    languages = ["nob_Latn", "zho_Hans", "eng_Latn"]
    language = table_shard("language", {"id": ["x", "y", "z"], "language": languages})
    lists = {"nob_Latn": ("text",)}
    _, made = run(STAGE, {"stop_words": lists}, documents=documents, language=language)
    found = rows(made, "statistics.parquet")
    assert found == expected(languages=languages, stop_words=lists)
    assert [row["stop_word_count"] for row in found] == [1, None, None]


def test_thresholds_bring_stop_words(tmp_path):
    (tmp_path / NAME).write_text(json.dumps({"nob_Latn": {"stop_words": ["og"], "ranges": {}}}))
    inputs = {"thresholds": shard(tmp_path)}
    plain, given = StatisticsConfig(), StatisticsConfig(stop_words={"nob_Latn": ("i",)})
    assert resolve(plain, inputs).stop_words == plain.stop_words | {"nob_Latn": ("og",)}
    assert resolve(plain, {}) == plain
    with pytest.raises(ConfigError, match="stop_words of nob_Latn are in the config"):
        resolve(given, inputs)


def test_no_documents(table_shard, run):
    with pytest.raises(DataError, match="has no column"):
        run(STAGE, documents=table_shard("documents", {"id": ["x"]}))
