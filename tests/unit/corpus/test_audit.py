import json
from itertools import count

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from bedstone.corpus.audit import STAGE
from bedstone.corpus.identification.purity import COLUMNS
from bedstone.errors import ConfigError, DataError

LANGUAGES = ["eng_Latn", "hin_Deva", "und", "hin_Deva", "mul"]


@pytest.fixture
def inputs(table_shard):
    numbers = count()

    def make(keep=None, languages=LANGUAGES, identifier="pycld2", **columns):
        ids = {"id": [f"d{number}" for number in range(len(languages))]}
        texts = ["a", "बब", "x", "ब", "y"] if languages is LANGUAGES else ["x"] * len(languages)
        found = {
            "language": languages,
            "score": [1.0] * len(languages),
            "own_words": pa.array([None] * len(languages), pa.float64()),
        }
        table = pa.table(ids | found | columns)
        if identifier:
            table = table.replace_schema_metadata({"identifier": identifier})
        made = {
            "documents": table_shard(f"documents{next(numbers)}", ids | {"text": texts}),
            "language": table_shard(f"language{next(numbers)}", table),
        }
        return made | (
            {"kept": table_shard(f"kept{next(numbers)}", ids | {"keep": keep})} if keep else {}
        )

    return make


def audit_of(made):
    return json.loads(made.file("audit.json").read_text("utf-8"))


def test_kept_documents_are_counted(inputs, run, rows):
    result, made = run(STAGE, **inputs([True, True, True, False, True]))
    audit = audit_of(made)
    assert (audit["documents"], audit["bytes"], audit["tokens"]) == (4, 9, None)
    assert (audit["unknown_share"], audit["mixed_share"]) == (0.25, 0.25)
    by_language = {row["language"]: row for row in audit["languages"]}
    assert {code: row["bytes"] for code, row in by_language.items()} == {"eng": 1, "hin": 6}
    assert set(by_language["eng"]) >= {
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
    assert audit["identifier"] == "pycld2"
    assert rows(made, "languages.parquet") == audit["languages"]
    assert result.metrics["languages"] == 2


def test_without_a_decision_all_are_counted_and_speakers_may_be_the_published(inputs, run):
    _, made = run(STAGE, {"speakers": "published"}, **inputs())
    audit = audit_of(made)
    assert audit["documents"] == 5
    assert [row["speakers"] for row in audit["languages"]] == [1_452_000_000, None]
    assert "Lai et al." in audit["speakers_source"]


def test_nothing_kept(inputs, run):
    with pytest.raises(DataError, match="no document is kept"):
        run(STAGE, **inputs([False] * 5))


def test_documents_that_are_not_like_their_language_make_it_less_pure(inputs, run):
    # Of Swahili: half without one of its words. Of English: as most English is.
    languages = ["eng_Latn"] * 400 + ["swa_Latn"] * 40
    own = pa.array([0.4] * 400 + [0.4] * 20 + [0.0] * 20, pa.float64())
    result, made = run(STAGE, **inputs(languages=languages, own_words=own))
    swahili, english = audit_of(made)["languages"]
    assert 0.3 < swahili["purity_low"] < swahili["purity"] < 0.75
    assert swahili["purity_kinds"] >= 2
    assert english["purity"] > 0.99
    assert not swahili["possible_noise"]
    none = pa.array([0.4] * 400 + [0.0] * 40, pa.float64())
    _, made = run(STAGE, **inputs(languages=languages, own_words=none))
    assert audit_of(made)["languages"][0]["possible_noise"]
    assert result.metrics["possible_noise_languages"] == 0


def test_a_language_that_is_silently_removed(inputs, run):
    languages = ["eng_Latn"] * 50 + ["tel_Telu"] * 20
    result, made = run(STAGE, **inputs([True] * 50 + [False] * 20, languages))
    (lost,) = audit_of(made)["removed"]
    assert (lost["name"], lost["input_documents"], lost["documents"]) == ("Telugu", 20, 0)
    assert result.metrics["removed_languages"] == 1


def test_what_a_second_identifier_erases(inputs, run):
    second = ["eng_Latn", "hin_Deva", "und", "eng_Latn", "und"]
    _, made = run(STAGE, **inputs(second_language=second))
    erased = {row["language"]: row["erased_share"] for row in audit_of(made)["languages"]}
    assert erased == {"eng": 0, "hin": 0.5}


def test_an_identifier_without_a_table_and_with_one_of_ones_own(inputs, run, tmp_path):
    given = inputs(identifier="fasttext")
    _, made = run(STAGE, **given)
    assert {row["possible_noise"] for row in audit_of(made)["languages"]} == {None}
    folder = tmp_path / "confusion"
    folder.mkdir()
    rows = ["\t".join(COLUMNS), "fasttext\teng_Latn\t99\teng_Latn\t99\t99\t0.5\t0\t1"]
    (folder / "own.tsv").write_text("\n".join(rows))
    own = type("Own", (), {"files": (folder / "own.tsv",), "location": folder})()
    _, made = run(STAGE, **given, confusion=own)
    assert audit_of(made)["languages"][-1]["purity"] is not None
    (folder / "other.tsv").write_text(rows[0] + "\npycld2\teng_Latn\t9\teng_Latn\t9\t9\t0.5\t0\t1")
    own.files = (folder / "other.tsv",)
    with pytest.raises(DataError, match="no rows of the identifier fasttext"):
        run(STAGE, **given, confusion=own)


def test_a_table_that_does_not_say_who_identified(inputs, run):
    with pytest.raises(DataError, match="does not say which identifier"):
        run(STAGE, **inputs(identifier=None))


def test_duplicates_are_not_removed_for_a_copy_is_kept(inputs, run, table_shard):
    languages = ["eng_Latn"] * 40 + ["fra_Latn"] * 40
    given = inputs([True] * 41 + [False] * 39, languages)
    _, made = run(STAGE, **given)
    assert [lost["name"] for lost in audit_of(made)["removed"]] == ["French"]
    kept = {
        "id": [f"d{number}" for number in range(80)],
        "keep": [True] * 41 + [False] * 39,
        "duplicate": [False] * 41 + [True] * 39,
    }
    _, made = run(STAGE, **given | {"kept": table_shard("deduplicated", kept)})
    assert audit_of(made)["removed"] == []


def test_texts_are_held_a_row_group_at_a_time(inputs, run, tmp_path):
    given = inputs(languages=["eng_Latn"] * 24)
    (path,) = given["documents"].files
    ids = pq.read_table(path, columns=["id"])
    texts = [chr(97 + row) * 100_000 for row in range(24)]
    pq.write_table(ids.append_column("text", pa.array(texts)), path, row_group_size=1)
    before, pool = pa.default_memory_pool(), pa.proxy_memory_pool(pa.default_memory_pool())
    pa.set_memory_pool(pool)
    try:
        _, made = run(STAGE, **given)
    finally:
        pa.set_memory_pool(before)
    assert audit_of(made)["bytes"] == 2_400_000
    assert pool.max_memory() < 1_200_000


def test_shares_of_a_column_s_values_before_and_after_each_decision(inputs, run, table_shard):
    ids = {"id": [f"d{number}" for number in range(5)]}
    scores = table_shard("scores", ids | {"score": pa.array([0.9, 0.5, 0.4, None, 0.1])})
    first = table_shard("first", ids | {"keep": [True, True, False, True, True]})
    given = inputs([True, True, False, True, False])
    config = {"by": "domain.score", "by_limits": [0.5]}
    _, made = run(STAGE, config, **given, **{"columns.domain": scores, "decided.rules": first})
    audit = audit_of(made)
    found = {(it["step"], it["value"]): it["documents"] for it in audit["values"]}
    assert audit["by"] == "domain.score"
    assert list(dict.fromkeys(step for step, _ in found)) == ["all", "rules", "kept"]
    assert [found["all", value] for value in ("no", "yes", "untold")] == [2, 2, 1]
    assert [found["rules", value] for value in ("no", "yes", "untold")] == [1, 2, 1]
    assert [found["kept", value] for value in ("no", "yes", "untold")] == [0, 2, 1]
    last = next(it for it in audit["values"] if (it["step"], it["value"]) == ("kept", "yes"))
    assert last["share_low"] < last["share"] == 2 / 3 < last["share_high"]


def test_a_column_to_count_by_is_given_and_no_other(inputs, run, table_shard):
    sites = table_shard("sites", {"id": [f"d{number}" for number in range(5)], "site": ["a"] * 5})
    with pytest.raises(ConfigError, match=r"the input columns.sites is missing"):
        run(STAGE, {"by": "sites.site"}, **inputs())
    with pytest.raises(ConfigError, match="given, and has no effect"):
        run(STAGE, {"by": "a.b"}, **inputs(), **{"columns.a": sites, "columns.sites": sites})
    with pytest.raises(ConfigError, match=r"by is absent, and the input .* is given"):
        run(STAGE, **inputs(), **{"columns.sites": sites})
    with pytest.raises(ConfigError, match="decisions have no effect"):
        run(STAGE, **inputs(), **{"decided.sites": sites})
    with pytest.raises(ConfigError, match=r"decided\.kept: another step has this name"):
        run(STAGE, {"by": "a.site"}, **inputs(), **{"columns.a": sites, "decided.kept": sites})
    with pytest.raises(ValidationError, match="by_limits: without a column"):
        run(STAGE, {"by_limits": [1]}, **inputs())
