import pytest

from bedstone.corpus.identification.purity import Confusion, Limits
from bedstone.corpus.representation.shares import Count, category, removed, shares
from bedstone.uncertainty.intervals import wilson


def by_key(rows):
    return {f"{row.language}_{row.script}": row for row in rows}


def test_shares_against_speakers():
    found = by_key(
        shares(
            {
                "eng_Latn": Count(50, 5_000, 500),
                "swa_Latn": Count(40, 1_000, 1_500),
                "und": Count(8, 0),
                "mul": Count(2, 0),
            }
        )
    )
    english, swahili = found["eng_Latn"], found["swa_Latn"]
    assert len(found) == 2
    assert (english.share, swahili.share) == (0.5, 0.4)
    assert (english.bytes_share, english.tokens_share) == (5 / 6, 0.25)
    interval = wilson(0.5, 100)
    assert (english.share_low, english.share_high) == (interval.low, interval.high)
    assert english.speakers_share == pytest.approx(english.speakers / 8e9)
    assert english.world_to_corpus_ratio == pytest.approx(english.speakers_share / 0.5)


def test_the_least_represented_come_first_and_those_without_a_ratio_last():
    counts = {"got_Goth": 9, "vol_Latn": 10, "eng_Latn": 900, "swa_Latn": 10, "ban_Latn": 1}
    rows = shares({key: Count(number) for key, number in counts.items()})
    assert [row.language for row in rows] == ["swa", "ban", "eng", "vol", "got"]
    ratios = [row.world_to_corpus_ratio for row in rows]
    assert ratios[0] > ratios[1] > ratios[2] > 0 == len(list(filter(None, ratios[3:])))


def test_speakers_are_matched_by_script_where_it_divides_them():
    counts = {"pan_Guru": Count(30), "pnb_Arab": Count(10), "srp_Cyrl": Count(30)}
    found = by_key(shares(counts | {"srp_Latn": Count(30)}))
    gurmukhi, shahmukhi = found["pan_Guru"], found["pnb_Arab"]
    assert gurmukhi.speakers < 50e6 < 150e6 < shahmukhi.speakers
    assert gurmukhi.world_to_corpus_ratio == pytest.approx(gurmukhi.speakers_share / 0.3)
    assert shahmukhi.world_to_corpus_ratio == pytest.approx(shahmukhi.speakers_share / 0.1)
    # Both scripts of Serbian have the same readers.
    cyrillic, latin = found["srp_Cyrl"], found["srp_Latn"]
    assert cyrillic.world_to_corpus_ratio == latin.world_to_corpus_ratio
    assert cyrillic.world_to_corpus_ratio == pytest.approx(cyrillic.speakers_share / 0.6)


def test_the_weight_brings_the_ratio_to_one():
    counts = {"eng_Latn": 900.0, "swa_Latn": 10.0, "und": 90.0}
    weight = by_key(shares({key: Count(int(it)) for key, it in counts.items()}))["swa_Latn"].weight
    weighed = counts | {"swa_Latn": counts["swa_Latn"] * weight}
    share = weighed["swa_Latn"] / sum(weighed.values())
    assert 194_102_079 / 8e9 / share == pytest.approx(1)


def test_published_speakers_are_few():
    rows = shares({"swa_Latn": Count(1), "fra_Latn": Count(1)}, "published")
    assert [(row.language, row.speakers) for row in rows] == [("swa", 71_000_000), ("fra", None)]


def test_languages_without_known_speakers_have_no_ratio():
    (gothic,) = shares({"got_Goth": Count(5)})
    assert (gothic.speakers, gothic.speakers_share, gothic.world_to_corpus_ratio) == (None,) * 3
    assert (gothic.weight, gothic.bytes_share, gothic.erased_share) == (None,) * 3
    assert (gothic.purity, gothic.possible_noise, gothic.cannot_tell) == (None, None, None)


def test_purity_needs_what_the_identifier_misreads():
    confusion = Confusion(
        {"eng_Latn": 100, "swa_Latn": 100},
        {("eng_Latn", "eng_Latn"): 100, ("swa_Latn", "swa_Latn"): 100},
        {("eng_Latn", "eng_Latn"): 100, ("swa_Latn", "swa_Latn"): 100},
        {"swa_Latn": Limits(0.9, 0.1, 2)},
    )
    counts = {"eng_Latn": Count(10_000, confirmed=10_000), "swa_Latn": Count(20, confirmed=20)}
    found = by_key(shares(counts, confusion=confusion))["swa_Latn"]
    assert (found.purity, found.purity_low) == (1, 0)
    assert (found.possible_noise, found.cannot_tell) == (False, True)
    few = by_key(shares(counts | {"eng_Latn": Count(10)}, confusion=confusion))["swa_Latn"]
    assert (few.purity_low > 0.8, few.possible_noise, few.cannot_tell) == (True, False, False)


def test_the_usual_script_stands_for_none():
    confusion = Confusion({"zho_Hans": 9}, {("zho_Hans", "zho_Hans"): 9}, {}, {})
    (chinese,) = shares({"zho": Count(9)}, confusion=confusion)
    assert (chinese.script, chinese.purity) == ("", 1)
    assert chinese.speakers > 1e9


def test_what_a_second_identifier_erases():
    (swahili,) = shares({"swa_Latn": Count(10, erased=4)})
    assert swahili.erased_share == 0.4


def test_a_language_that_is_removed_is_told():
    before = {"eng_Latn": 1_000, "tel_Telu": 50, "swa_Latn": 50, "zul_Latn": 5, "und": 100}
    after = {"eng_Latn": 800, "tel_Telu": 0, "swa_Latn": 35, "zul_Latn": 0, "und": 0}
    (lost,) = removed(before, after)
    assert (lost.language, lost.script, lost.name) == ("tel", "Telu", "Telugu")
    assert (lost.input_documents, lost.documents, lost.kept_share) == (50, 0, 0)
    assert removed(before, before) == removed({}, {}) == []
    # All that are left of a corpus of which little is kept are no more lost than it.
    assert removed(before, {key: count // 10 for key, count in before.items()}) == []


def test_published_categories():
    # Lai et al. 2023, table 1: English, Hungarian, Urdu, Punjabi.
    assert [category(share / 100) for share in (45.8786, 0.6093, 0.0274, 0.0061)] == list("HMLX")
    assert category(0.01) == "M"
