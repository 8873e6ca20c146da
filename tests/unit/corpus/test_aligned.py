"""What all languages have, laid out as documents: the same content, pages whole."""

from itertools import pairwise

import pytest

from bedstone.config import checked
from bedstone.corpus.aligned import FILE, STAGE, is_translated, split
from bedstone.corpus.sources.relettered import letter_bytes
from bedstone.errors import ConfigError, DataError

ENGLISH, GERMAN, TAMIL = "eng_Latn", "deu_Latn", "tam_Taml"
LANGUAGES = [ENGLISH, GERMAN, TAMIL]
PAGES, PARTS = 40, 3


@pytest.fixture
def parallel(table_shard):
    """Pages of a few pieces in three languages; German lacks some, Tamil leaves some in English."""

    def english(page, part):
        return f"Turn on the number {page} and {part}"

    rows = []
    for page in range(PAGES):
        for part in range(PARTS):
            texts = {ENGLISH: english(page, part), TAMIL: f"எண் {page} மற்றும் {part} ஐ இயக்கு"}
            if page % 7 == 3 and part == 1:
                texts[TAMIL] = f"{english(page, part)} இயக்கு"
            if page % 5 != 4 or part:
                texts[GERMAN] = f"Schalte {page} sowie {part} ein"
            rows += [
                {
                    "source": "help",
                    "language": language,
                    "unit": f"book/page{page}#{part}",
                    "text": text,
                    "english": english(page, part),
                }
                for language, text in texts.items()
            ]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return table_shard("parallel", columns)


@pytest.fixture
def aligned(run, rows, parallel):
    """The rows of one language and the stage's metrics."""

    def go(language, languages=LANGUAGES, **config):
        result, made = run(
            STAGE, {"language": language, "languages": languages, **config}, parallel=parallel
        )
        return rows(made, FILE), result.metrics

    return go


def test_each_language_has_the_same_content_split_alike(aligned):
    found = {name: aligned(name)[0] for name in LANGUAGES}
    english, *others = ([(it["id"], it["split"]) for it in found[name]] for name in LANGUAGES)
    assert all(other == english for other in others)
    lacking = {f"help/book/page{page}#0" for page in range(PAGES) if page % 5 == 4}
    half = {f"help/book/page{page}#1" for page in range(PAGES) if page % 7 == 3}
    assert len(english) == PAGES * PARTS - len(lacking | half)
    assert not {each for each, _ in english} & (lacking | half)
    assert {it["language"] for it in found[TAMIL]} == {TAMIL}
    assert found[TAMIL][0]["text"].startswith("எண்")


def test_pages_are_held_out_whole_and_follow_one_another(aligned):
    found, metrics = aligned(GERMAN)
    pages = [it["id"].partition("#")[0] for it in found]
    splits = {
        page: {it["split"] for it in found if it["id"].startswith(f"{page}#")} for page in pages
    }
    assert all(len(each) == 1 for each in splits.values())
    assert sum(a != b for a, b in pairwise(pages)) == len(splits) - 1
    assert pages != sorted(pages)
    held_out = [page for page, each in splits.items() if each == {"held_out"}]
    assert metrics["held_out_pages"] == len(held_out)
    assert 4 <= len(held_out) <= 16
    assert metrics["pages"] == len(splits)


def test_less_text_is_a_part_of_more_with_the_same_pages_held_out(aligned):
    whole, all_metrics = aligned(GERMAN)
    half_bytes = int(all_metrics["train_bytes"] / 2)
    half, metrics = aligned(GERMAN, max_bytes=half_bytes)
    assert half_bytes - 40 < metrics["train_bytes"] <= half_bytes
    left = [it["split"] for it in half]
    assert [it["split"] for it in whole] == ["train" if it == "left_out" else it for it in left]
    trained = [it for it in left if it != "held_out"]
    assert trained == sorted(trained, reverse=True)  # train, then left_out
    assert metrics["held_out_pages"] == all_metrics["held_out_pages"]


def test_english_in_other_letters_is_the_english_text_letter_by_letter(aligned):
    english, metrics = aligned(ENGLISH)
    for control, size in (("eng_Cyrl", 2), ("eng_Ethi", 3)):
        found, own = aligned(control, languages=[*LANGUAGES, control])
        assert [it["id"] for it in found] == [it["id"] for it in english]
        for theirs, ours in zip(found, english, strict=True):
            letters = {
                a: b for a, b in zip(ours["text"], theirs["text"], strict=True) if a.isalpha()
            }
            assert all(b.isalpha() and len(b.encode()) == size for b in letters.values())
            assert len(set(letters.values())) == len(letters)
        assert own["letter_bytes"] == size
    assert metrics["letter_bytes"] == 1
    assert aligned(TAMIL)[1]["letter_bytes"] == 3
    assert letter_bytes("12 .") == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Turn on bounce keys", False),
        ("Turn on பவுன்ஸ் keys", False),
        ("TURN ON bounce", False),
        ("பவுன்ஸ் விசைகளை இயக்கு", True),
        ("Bounce விசைகளை இயக்கு", True),
        ("", False),
    ],
)
def test_what_keeps_half_of_the_english_words_is_not_translated(text, expected):
    assert is_translated(TAMIL, text, "Turn on bounce keys") == expected
    assert is_translated(ENGLISH, text, "Turn on bounce keys")


def test_lots_depend_on_the_page_alone():
    config = STAGE.config(language=ENGLISH, languages=LANGUAGES)
    sizes = {f"help/book/page{page}#{part}": 1 for page in range(60) for part in range(2)}
    found = split(config, sizes)
    assert all(found[f"{name}#0"] == found[f"{name}#1"] for name in {it[:-2] for it in sizes})
    assert set(found.values()) == {"train", "held_out"}


def test_languages_that_share_nothing_are_named_with_what_they_have(aligned):
    with pytest.raises(DataError, match=r"into all of the languages: eng_Latn 120, fra_Latn 0"):
        aligned(ENGLISH, languages=[ENGLISH, "fra_Latn"])


def test_a_language_must_be_compared():

    with pytest.raises(ConfigError, match="languages: deu_Latn is not among them"):
        checked(STAGE.config, {"language": GERMAN, "languages": [ENGLISH, TAMIL]})
