import math
from unicodedata import normalize

import pytest

from bedstone.corpus.identification.prose import frequent_words, plain, prose_of, taken_for
from bedstone.languages import known, split

PROSE = "The patient scholars discussed that well-known manuscript, and l'homme said: it's old."


def test_words_are_letters_with_hardly_anything_among_them():
    shares = prose_of([PROSE, "x1y2z3 a1b2 c3d4e5", "", "12 34 56", "ا" * 40, "这所老学校" * 20])
    assert shares.word_characters.tolist() == [1, 0, 0, 0, 0, 1]


def test_code_characters_are_counted_among_those_printed():
    shares = prose_of(["ab {} cd;", "   ", "a = b"])
    assert shares.code_characters.tolist() == [pytest.approx(3 / 7), 0, pytest.approx(1 / 3)]


def test_own_words_are_those_of_the_language_in_any_case():
    prose = prose_of(["The house and the Garden", "THE", "xyzzy"])
    english = prose.own_words(["eng_Latn"] * 3)
    assert english.tolist() == [pytest.approx(3 / 5), 1, 0]
    assert math.isnan(prose.own_words(["got_Goth_", "und", "mul"])[0])


def test_accents_do_not_matter_to_words():
    yoruba = "Àwọn ọmọ náà ń lọ sí ilé ẹ̀kọ́, wọ́n sì ti kọ́ láti ka ìwé pẹ̀lú olùkọ́ wọn."
    apart = normalize("NFD", yoruba)
    toneless = normalize("NFC", apart.replace("\u0300", "").replace("\u0301", ""))
    assert len({yoruba, apart, toneless}) == 3
    first, *others = prose_of([yoruba, apart, toneless]).own_words(["yor_Latn"] * 3)
    assert first > 0.2
    assert others == [first] * 2
    assert plain(["Ẹ̀kọ́ ÇİĞ", "йод ά"]).codes.tobytes().decode("utf-32-le") == "eko cigйод ά"


def test_script_share_is_of_letters():
    prose = prose_of(["abc где 12", "日本語テキスト", "123", "abc"])
    keys = ["rus_Cyrl", "jpn_Jpan", "eng_Latn", "und"]
    assert prose.script_share(keys).tolist() == [0.5, 1, 0, 1]


def test_the_table_is_consistent():
    words = frequent_words()
    assert len(words) > 250
    assert all(len(set(each)) == len(each) >= 20 for each in words.values())
    assert {"the", "of", "and"} <= set(words["eng_Latn"])
    assert "the" not in words["swa_Latn"]
    for key, rivals in taken_for().items():
        assert key in words
        for rival in rivals:
            assert rival in words
            assert split(rival)[0] in known()
            assert split(rival)[1] == split(key)[1]
    assert "pnb_Arab" in taken_for()["urd_Arab"]
    assert "eng_Latn" not in taken_for()
