import json
import random
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.stages import shard

from bedstone.corpus.perplexity import STAGE
from bedstone.corpus.reference import STAGE as REFERENCE
from bedstone.corpus.surprise import references
from bedstone.errors import ArtifactError, DataError
from bedstone.progress import Progress
from bedstone.store.engine import Local
from bedstone.store.stage import Job

WORDS = {
    "eng_Latn": [
        "the",
        "old",
        "harbour",
        "lies",
        "where",
        "a",
        "river",
        "meets",
        "sea",
        "boats",
        "go",
        "out",
        "with",
        "tide",
    ],
    "rus_Cyrl": [
        "старый",
        "учитель",
        "каждый",
        "день",
        "читает",
        "детям",
        "о",
        "звёздах",
        "и",
        "далёких",
        "странах",
    ],
    "und": ["x"],
}


def text(language, number, words=40):
    return " ".join(random.Random(f"{language}{number}").choices(WORDS[language], k=words))


def corpus(count=120, languages=("eng_Latn", "rus_Cyrl", "und")):
    """Every fifth text has its letters shuffled; many words or ten."""
    rows = []
    for number in range(count):
        language = languages[number % len(languages)]
        written = text(language, f"other {number}", 130 if number % 2 else 10)
        if number % 5 == 0:
            written = "".join(random.Random(number).sample(written, len(written)))
        rows.append({"id": f"d-{number:03}", "text": written, "language": language})
    return rows


@pytest.fixture
def given(table_shard):
    """Documents and their languages as inputs, of one shard or of several."""

    def made(name, *shards):
        parts = []
        for number, rows in enumerate(shards):
            columns = {key: [row[key] for row in rows] for key in ("id", "text", "language")}
            columns["text"] = pa.array(columns["text"], pa.large_string())
            language = {"id": columns["id"], "language": columns.pop("language")}
            parts.append(
                (
                    table_shard(f"{name}-documents-{number}", columns),
                    table_shard(f"{name}-language-{number}", language),
                )
            )
        return tuple(
            SimpleNamespace(shards=tuple(each), location=each[0].location)
            for each in zip(*parts, strict=True)
        )

    return made


@pytest.fixture
def good(given):
    rows = [
        {"id": f"g-{language}-{number}", "text": text(language, number), "language": language}
        for language in WORDS
        for number in range(100)
    ]
    return given("good", rows[::2], rows[1::2])


@pytest.fixture
def reference(good, run):
    documents, language = good
    _, made = run(REFERENCE, {"min_characters": 10_000}, documents=documents, language=language)
    return made


def found(made, number=0):
    return pq.read_table(made.location / f"{number:05}.parquet").to_pylist()


def lengths(made):
    return pq.read_table(made.location / "about" / "lengths.parquet").to_pylist()


def test_models_of_languages_with_enough_text(good, run, rows):
    documents, language = good
    result, made = run(
        REFERENCE, {"min_characters": 10_000}, documents=documents, language=language
    )
    told = rows(made, "about/held_out.parquet")
    assert [row["language"] for row in told] == ["eng_Latn", "rus_Cyrl"]
    for row in told:
        assert row["documents"] + row["held_out_documents"] == 100
        assert 1 <= row["held_out_documents"] <= 15
        assert 0 < row["bits_per_character"] < 2
        assert 0 < row["filled_share"] < 0.7
    assert result.metrics["known_languages"] == 2
    assert result.metrics["held_out.rus_Cyrl_bits_per_character"] == told[1]["bits_per_character"]
    again, other = run(
        REFERENCE, {"min_characters": 10_000}, documents=documents, language=language
    )
    assert again.metrics == result.metrics
    assert other.file("counts.npy").read_bytes() == made.file("counts.npy").read_bytes()


def test_more_text_than_is_learnt_is_drawn_from(good, run, rows):
    documents, language = good
    config = {"min_characters": 5_000, "max_characters": 10_000, "table_bits": 10}
    _, made = run(REFERENCE, config, documents=documents, language=language)
    for row in rows(made, "about/held_out.parquet"):
        assert 5_000 < row["characters"] + row["held_out_characters"] < 15_000
    assert np.load(made.file("counts.npy")).shape == (2 * 1_025, 4)


def test_a_language_without_a_held_out_document(given, run, rows):
    one = [{"id": "a", "text": text("eng_Latn", 1, 400), "language": "eng_Latn"}]
    documents, language = given("one", one)
    result, made = run(REFERENCE, {"min_characters": 1_000}, documents=documents, language=language)
    assert rows(made, "about/held_out.parquet")[0]["bits_per_character"] is None
    assert result.metrics == {
        "known_languages": 1,
        "learnt_documents": 1,
        "learnt_characters": len(one[0]["text"]),
    }


def test_too_little_text(good, run):
    documents, language = good
    with pytest.raises(DataError, match="no language has 100,000 characters"):
        run(REFERENCE, documents=documents, language=language)


def test_limits_that_leave_nothing():
    with pytest.raises(ValueError, match="min_characters is above max_characters"):
        REFERENCE.config(min_characters=5_000, max_characters=2_000)


def test_shuffled_letters_are_the_tail_and_terciles_are_balanced(given, reference, run):
    documents, language = given("corpus", corpus(360))
    result, made = run(STAGE, documents=documents, language=language, reference=reference)
    rows, kinds = found(made), {}
    for row, document in zip(rows, corpus(360), strict=True):
        assert row["id"] == document["id"]
        if document["language"] == "und":
            assert row["bits_per_character"] is row["tercile"] is None
            continue
        kind = (document["language"], len(document["text"]) >= 500)
        kinds.setdefault(kind, []).append(row)
        if int(row["id"][2:]) % 5 == 0:
            assert row["bits_per_character"] > 3
            assert row["tercile"] == 3
        else:
            assert row["bits_per_character"] < 3
    for (name, is_long), members in kinds.items():
        counts = np.bincount([row["tercile"] for row in members])[1:]
        assert abs(counts - len(members) / 3).max() <= 2
        bits = [row["bits_per_character"] for row in members]
        told = next(
            row
            for row in lengths(made)
            if row["language"] == name and row["length"].startswith("500" if is_long else "0")
        )
        assert told["documents"] == len(members)
        assert told["bits_per_character"] == pytest.approx(np.mean(bits), abs=0.001)
        by_id = {row["id"]: row["bits_per_character"] for row in members}
        assert [by_id[each] for each in told["fewest"]] == sorted(bits)[:3]
        assert [by_id[each] for each in told["most"]] == sorted(bits, reverse=True)[:3]
        heads = [row["bits_per_character"] for row in members if row["tercile"] == 1]
        assert max(heads) == told["head_most_bits"] <= told["middle_most_bits"]
    assert result.metrics["input_documents"] == 360
    assert result.metrics["scored_documents"] == 240
    assert sum(result.metrics[f"{name}_documents"] for name in ("head", "middle", "tail")) == 240


def test_shards_change_nothing(given, reference, run):
    rows = corpus(200)
    _, whole = run(STAGE, **roles(given("whole", rows), reference))
    _, parted = run(
        STAGE, **roles(given("parted", rows[:7], [], rows[7:120], rows[120:]), reference)
    )
    assert [row for number in range(4) for row in found(parted, number)] == found(whole)
    assert lengths(parted) == lengths(whole)


def roles(pair, reference):
    return dict(zip(("documents", "language"), pair, strict=True)) | {"reference": reference}


def test_few_documents_have_no_tercile_and_no_text_no_bits(given, reference, run):
    rows = [*corpus(60, ("eng_Latn",))[1::2], *corpus(30, ("rus_Cyrl",))[1::2]]
    rows = [row | {"id": f"{n}"} for n, row in enumerate(rows)]
    rows.append({"id": "empty", "text": "", "language": "eng_Latn"})
    _, made = run(STAGE, **roles(given("few", rows), reference))
    told = found(made)
    assert [row["tercile"] is None for row in told] == [False] * 30 + [True] * 16
    assert [row["bits_per_character"] is None for row in told] == [False] * 45 + [True]
    assert [row["head_most_bits"] is None for row in lengths(made)] == [False, True]
    _, made = run(STAGE, {"min_documents": 15}, **roles(given("again", rows), reference))
    assert [row["tercile"] is None for row in found(made)] == [False] * 45 + [True]


def test_equal_documents_are_in_one_tercile(given, reference, run):
    rows = [{"id": str(n), "text": "the old river", "language": "eng_Latn"} for n in range(40)]
    _, made = run(STAGE, **roles(given("equal", rows), reference))
    assert {row["tercile"] for row in found(made)} == {1}


def test_no_document_at_all(given, reference, run):
    result, made = run(STAGE, **roles(given("none", []), reference))
    assert result.metrics["input_documents"] == 0
    assert found(made) == lengths(made) == []


@pytest.mark.parametrize("spoil", ["order", "rows", "counts", "json"])
def test_an_altered_reference(spoil, given, reference, run):
    path = reference.location / "model.json"
    values = json.loads(path.read_text())
    if spoil == "order":
        values["order"] = 5
    if spoil == "rows":
        values["rows"] = {"eng_Latn": sum(values["rows"].values())}
    if spoil == "counts":
        np.save(reference.location / "counts.npy", np.zeros((3, 4), np.float32))
    path.write_text("[]" if spoil == "json" else json.dumps(values))
    with pytest.raises(ArtifactError, match="no models of languages"):
        references.read_counts(shard(reference.location))


def test_what_was_scored_before_a_kill_is_not_scored_again(given, reference, tmp_path, monkeypatch):
    rows = corpus(60)
    job = Job(
        roles(given("killed", rows[:30], rows[30:]), reference), tmp_path, Local(), Progress()
    )
    whole = STAGE.run(STAGE.config(), job).metrics
    monkeypatch.setattr("bedstone.corpus.perplexity._bits", None)
    assert STAGE.run(STAGE.config(), job).metrics == whole
