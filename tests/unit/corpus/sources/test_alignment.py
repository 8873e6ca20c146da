from unicodedata import normalize

import pytest

from bedstone.corpus.sources.alignment import Unit, key_of, units

ENGLISH = {"a": "All people are born free.", "b": "They have rights.", "c": "OK", "d": "1 2 3"}


def keys(versions):
    return {unit.language for unit in units({"en": ENGLISH, **versions})}


def of(language, versions):
    found = units({"en": ENGLISH, **versions})
    return {unit.unit: unit.text for unit in found if unit.language == language}


def test_each_piece_stands_beside_its_english():
    found = list(units({"en": ENGLISH, "sw": {"b": "Wana haki."}}))
    assert Unit("swa_Latn", "b", "Wana haki.", "They have rights.") in found
    assert [unit.unit for unit in found if unit.language == "eng_Latn"] == ["a", "b", "c"]


def test_texts_are_composed_however_their_source_writes_accents():
    vietnamese = "Tất cả mọi người"
    apart = normalize("NFD", vietnamese)
    assert apart != vietnamese
    assert of("vie_Latn", {"vi": {"a": apart}}) == {"a": vietnamese}
    found = units({"en": {"a": normalize("NFD", "A café.")}, "vi": {"a": apart}})
    assert {unit.english for unit in found} == {"A café."}


def test_what_is_not_translated_is_left_out():
    sw = {"a": "All people are born free.", "b": "Wana haki.", "c": "", "d": "4 5", "z": "Bila."}
    assert of("swa_Latn", {"sw": sw}) == {"b": "Wana haki."}


def test_the_script_is_that_of_the_translated_pieces():
    assert keys({"zh_CN": {**ENGLISH, "b": "他们有权利。"}}) == {"eng_Latn", "zho_Hans"}


@pytest.mark.parametrize(
    ("name", "text", "key"),
    [
        ("te", "హక్కులు", "tel_Telu"),
        ("swh", "Wana haki.", "swa_Latn"),
        ("pt_BR", "Eles têm direitos.", "por_Latn"),
        ("sr@latin", "Imaju prava.", "srp_Latn"),
        ("sr-ec", "Имају права.", "srp_Cyrl"),
        ("zh_TW", "他們有權利。", "zho_Hant"),
        ("cmn-hans-beijing", "他们有权利。", "zho_Hans"),
        ("zh-hant", "他們有權利。", "zho_Hant"),
        ("tel_Telu", "హక్కులు", "tel_Telu"),
        ("fit", "Heilä oon oikeuet.", "fit_Latn"),
        ("xx", "Two letters that are in no table", None),
        ("roa-tara", "A group of languages", None),
        ("und-013", "No language", None),
    ],
)
def test_keys_of_the_names_that_sources_have(name, text, key):
    assert key_of(name, text) == key


@pytest.mark.parametrize(
    ("key", "taken", "other"),
    [
        ("swa_Latn", "swh", "swa-062"),
        ("deu_Latn", "deu-1996", "deu-1901"),
        ("nya_Latn", "nya-chechewa", "nya-zambia"),
        ("hau_Latn", "hau-NG", "hau-053"),
        ("swa_Latn", "sw", "swa-old"),
        ("fas_Latn", "pes-1", "pes-x-2"),
    ],
)
def test_of_several_versions_the_plainest_is_taken(key, taken, other):
    found = of(key, {other: {"b": "Ya pili"}, taken: {"b": "Ya kwanza"}})
    assert found == {"b": "Ya kwanza"}


def test_of_equally_plain_versions_the_longer_is_taken():
    one, two = {"a": "Wote"}, {"a": "Watu wote", "b": "Wana haki"}
    assert of("swa_Latn", {"sw-a": one, "sw-b": two}) == two


def test_another_english_is_no_language_to_compare():
    assert of("eng_Latn", {"en-GB": {"a": "All folk are born free."}})["a"] == ENGLISH["a"]
