import json
import random
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError
from tests.support.parts import Killed, killed

from bedstone.corpus import thresholds
from bedstone.corpus.rules import transfer
from bedstone.corpus.thresholds import ADAPTED, LIMITS, STAGE, Tally, ThresholdsConfig, tallied
from bedstone.errors import ArtifactError, DataError
from bedstone.progress import Progress
from bedstone.store.engine import Local
from bedstone.store.stage import Job

ENGLISH = ["the", "be", "to", "of", "and", "that", "have", "with"]
DUTCH = ["de", "het", "een", "van", "en", "dat", "hebben", "met"]
CONFIG = {"min_documents": 4, "rules": ["mean_word_length", "alphabetic_word_share"]}


def text(number: int, frequent: list[str], nouns: list[str]) -> str:
    dice = random.Random(number)
    sentences = [" ".join(dice.sample(frequent, 5) + dice.choices(nouns, k=4)) for _ in range(6)]
    return "\n".join(f"{sentence}." for sentence in sentences)


def nouns(length: int) -> list[str]:
    dice = random.Random(length)
    letters = "bcdfghjklmnp"
    return ["".join(dice.choices(letters, k=length + dice.randrange(3))) for _ in range(300)]


def documents() -> list[tuple[str, str]]:
    rows = [("eng_Latn", text(number, ENGLISH, nouns(4))) for number in range(8)]
    rows += [("nld_Latn", text(number, DUTCH, nouns(8))) for number in range(6)]
    rows += [("fra_Latn", "Trop peu.")] * 3 + [("und", "?"), ("mul", "both and beide")] * 5
    return rows


@pytest.fixture
def inputs(table_shard):
    def made(rows, name="given"):
        ids = [str(number) for number in range(len(rows))]
        languages, texts = zip(*rows, strict=True)
        return {
            "documents": table_shard(f"{name}_documents", {"id": ids, "text": texts}),
            "language": table_shard(f"{name}_language", {"id": ids, "language": languages}),
        }

    return made


def read(made) -> dict:
    return json.loads(made.file(transfer.NAME).read_text("utf-8"))


def test_a_language_of_longer_words_may_have_longer_ones(inputs, run):
    _, made = run(STAGE, CONFIG | {"method": "median-ratio"}, **inputs(documents()))
    (entry,) = read(made).values()
    english = LIMITS["mean_word_length"]
    assert entry["ranges"]["mean_word_length"]["high"] > english.high + 2
    assert set(entry["ranges"]) == {*CONFIG["rules"], "stop_word_count"}
    assert entry["documents"] == 6


def test_stop_words_are_those_of_the_language(inputs, run):
    _, made = run(STAGE, CONFIG, **inputs(documents()))
    assert set(DUTCH) <= set(read(made)["nld_Latn"]["stop_words"])


def test_a_word_as_frequent_in_english_is_no_stop_word(inputs, run):
    rows = [(language, each.replace("hebben", "have")) for language, each in documents()]
    _, made = run(STAGE, CONFIG, **inputs(rows))
    words = read(made)["nld_Latn"]["stop_words"]
    assert "met" in words
    assert "have" not in words


def test_languages_with_few_documents_are_told_and_have_no_entry(inputs, run, caplog):
    result, made = run(STAGE, CONFIG, **inputs(documents()))
    assert list(read(made)) == ["nld_Latn"]
    assert result.metrics == {
        "languages": 1,
        "languages_with_too_few": 1,
        "documents.eng_Latn": 8,
        "documents.nld_Latn": 6,
        "too_few_documents.fra_Latn": 3,
    }
    assert caplog.messages == ["too few documents for limits of their own, so English's: fra_Latn"]


def test_without_english_there_is_nothing_to_compare_with(inputs, run):
    rows = [row for row in documents() if row[0] != "eng_Latn"]
    with pytest.raises(DataError, match="0 documents in English, fewer than 4"):
        run(STAGE, CONFIG, **inputs(rows))


def test_a_script_without_spaces_has_no_stop_words(inputs, run):
    chinese = "这所老学校里每天都有很多孩子学习历史和文学，他们说中国话。" * 4
    rows = [*documents()[:8], *[("zho_Hans", chinese)] * 5]
    _, made = run(STAGE, CONFIG, **inputs(rows))
    entry = read(made)["zho_Hans"]
    assert entry["stop_words"] == []
    assert "mean_word_length" not in entry["ranges"]  # it has no value in any of the documents


def test_the_order_of_documents_changes_no_byte(inputs, run):
    rows = documents()
    first = read_bytes(run(STAGE, CONFIG, **inputs(rows)))
    random.Random(5).shuffle(rows)
    assert read_bytes(run(STAGE, CONFIG, **inputs(rows, "shuffled"))) == first


def sharded(inputs, *parts):
    """The inputs of several shards."""
    made = [inputs(rows, f"part{number}") for number, rows in enumerate(parts)]
    return {
        role: SimpleNamespace(content=role, shards=tuple(each[role] for each in made))
        for role in ("documents", "language")
    }


def test_shards_change_no_byte(inputs, run):
    rows = documents()
    first = read_bytes(run(STAGE, CONFIG, **inputs(rows)))
    parts = sharded(inputs, rows[:3], rows[3:11], rows[11:])
    assert read_bytes(run(STAGE, CONFIG, **parts)) == first


def test_a_killed_build_goes_on_from_its_parts(inputs, run, tmp_path, monkeypatch):
    rows = documents()
    first = read_bytes(run(STAGE, CONFIG, **inputs(rows)))
    parts = sharded(inputs, rows[:3], rows[3:11], rows[11:])
    job = Job(parts, tmp_path / "killed", Local(), Progress())
    job.folder.mkdir()
    config = ThresholdsConfig(**CONFIG)
    killed(monkeypatch, thresholds, "_write_tallies", after=2)
    with pytest.raises(Killed):
        STAGE.run(config, job)
    done = killed(monkeypatch, thresholds, "_write_tallies")
    STAGE.run(config, job)
    assert (job.folder / transfer.NAME).read_bytes() == first
    assert len(done) == 1


def test_inputs_of_unlike_shards(inputs, run):
    parts = sharded(inputs, documents(), documents())
    parts["language"].shards = parts["language"].shards[:1]
    with pytest.raises(ArtifactError, match=r"shards"):
        run(STAGE, CONFIG, **parts)


def test_words_that_occur_again_take_no_more_room():
    one = tallied("nld_Latn", pa.array([text(1, DUTCH, nouns(8))]), CONFIG["rules"])
    three = Tally()
    for _ in range(3):
        three.add(one)
    assert three.documents == 3
    for part in ("words", "lengths", "letters"):
        before, after = getattr(one.frequencies, part), getattr(three.frequencies, part)
        assert np.array_equal(after.keys, before.keys)
        assert np.array_equal(after.counts, 3 * before.counts)


def read_bytes(ran) -> bytes:
    return ran[1].file(transfer.NAME).read_bytes()


def test_every_adapted_rule_is_one_of_the_sets():
    assert set(ADAPTED) <= set(LIMITS)
    with pytest.raises(ValidationError, match="did you mean 'mean_word_length'"):
        ThresholdsConfig(rules=("mean_word_lenght",))
