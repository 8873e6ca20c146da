import pytest

from bedstone.languages import WORLD_POPULATION, speakers
from bedstone.tokenizer.mixing.balance import balances, speakers_by_key

TOKENS = {"eng_Latn": 600, "hin_Deva": 100, "und": 300}


def test_ratios_are_speakers_over_text_and_over_mix():
    people = {"eng_Latn": 3_000_000, "hin_Deva": 1_000_000}
    weights = {"eng_Latn": 0.5, "hin_Deva": 0.25, "und": 0.25}
    hindi, english, unknown = balances(TOKENS, weights, people)
    assert (hindi.language, english.language, unknown.language) == ("hin_Deva", "eng_Latn", "und")
    assert hindi.share_before == 0.1
    assert hindi.speakers_share == 0.25
    assert hindi.speakers_ratio_before == pytest.approx(2.5)
    assert hindi.speakers_ratio_after == pytest.approx(1)
    assert english.world_to_corpus_ratio_before == pytest.approx(3e6 / WORLD_POPULATION / 0.6)
    assert english.world_to_corpus_ratio_after == pytest.approx(3e6 / WORLD_POPULATION / 0.5)
    assert unknown.speakers_ratio_after is None
    assert unknown.share_after == 0.25


def test_speakers_of_a_language_in_two_scripts_are_parted_by_its_text():
    people = speakers_by_key({"srp_Cyrl": 30, "srp_Latn": 10, "und": 5}, "cldr")
    assert set(people) == {"srp_Cyrl", "srp_Latn"}
    assert sum(people.values()) == pytest.approx(speakers("srp"), abs=1)
    assert people["srp_Cyrl"] == pytest.approx(3 * people["srp_Latn"], abs=2)


def test_speakers_who_are_counted_by_script_are_those_of_the_script():
    people = speakers_by_key({"pan_Guru": 30, "pan_Arab": 10}, "cldr")
    assert people == {"pan_Guru": speakers("pan", "Guru"), "pan_Arab": speakers("pan", "Arab")}
