import pytest

from bedstone.corpus.representation import Count, category, shares
from bedstone.evaluation.intervals import wilson


def test_shares_against_speakers():
    found = shares(
        [
            Count("eng_Latn", 50, 5_000),
            Count("pan_Guru", 30, 900),
            Count("pan_Arab", 10, 100),
            Count("und", 8, 0),
            Count("mul", 2, 0),
        ],
        noise_share=1e-4,
    )
    assert [(row.language, row.script, row.share) for row in found] == [
        ("eng", "Latn", 0.5),
        ("pan", "Guru", 0.3),
        ("pan", "Arab", 0.1),
    ]
    english, gurmukhi, shahmukhi = found
    assert english.bytes_share == 5 / 6
    interval = wilson(0.5, 100)
    assert (english.share_low, english.share_high) == (interval.low, interval.high)
    assert english.speakers_share == pytest.approx(english.speakers / 8e9)
    assert english.world_to_corpus_ratio == pytest.approx(english.speakers_share / 0.5)
    # Speakers are known by language: both scripts are set against them together.
    assert gurmukhi.world_to_corpus_ratio == shahmukhi.world_to_corpus_ratio
    assert gurmukhi.world_to_corpus_ratio == pytest.approx(gurmukhi.speakers_share / 0.4)


def test_languages_without_known_speakers_have_no_ratio():
    (gothic,) = shares([Count("got_Goth", 5, 5)], noise_share=0)
    assert (gothic.speakers, gothic.speakers_share, gothic.world_to_corpus_ratio) == (None,) * 3


def test_a_share_that_errors_alone_may_make_is_too_small_to_tell():
    def told(documents, noise):
        rows = shares([Count("eng_Latn", 10_000, 1), Count("zul_Latn", documents, 1)], noise)
        return not rows[1].too_small_to_tell

    assert [told(count, 1e-4) for count in (1, 2, 3, 4, 5, 50)] == [False] * 2 + [True] * 4
    assert not told(50, 1e-2)


def test_published_categories():
    # Lai et al. 2023, table 1: English, Hungarian, Urdu, Punjabi.
    assert [category(share / 100) for share in (45.8786, 0.6093, 0.0274, 0.0061)] == list("HMLX")
    assert category(0.01) == "M"
