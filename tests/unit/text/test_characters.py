import unicodedata

import numpy as np
import pytest

from bedstone.text.characters import (
    ENDS_SENTENCE,
    IN_PUNCTUATION,
    IS_CATEGORY_P,
    IS_DIGIT,
    IS_LETTER,
    IS_LOWER,
    IS_MARK,
    IS_NUMBER,
    IS_PICTURE,
    IS_SPACE,
    IS_TERMINAL,
    IS_UPPER,
    LETTER,
    MARK,
    NUMBER,
    SPACE,
    SYMBOL,
    flag_table,
    kind_table,
    lower_table,
    script_of,
)


@pytest.mark.parametrize(
    ("character", "bits"),
    [
        ("a", IS_LETTER | IS_LOWER),
        ("É", IS_LETTER | IS_UPPER),
        ("ǅ", IS_LETTER | IS_UPPER),
        ("我", IS_LETTER),
        ("\u0301", IS_MARK),
        ("٣", IS_NUMBER | IS_DIGIT),
        ("²", IS_NUMBER),
        ("１", IS_NUMBER | IS_DIGIT | IN_PUNCTUATION),
        ("\u3000", IS_SPACE),
        ("\x1c", IS_SPACE | IN_PUNCTUATION),
        ("\x00", IN_PUNCTUATION),
        (".", IS_CATEGORY_P | IN_PUNCTUATION | IS_TERMINAL | ENDS_SENTENCE),
        ("។", IS_CATEGORY_P | IN_PUNCTUATION | IS_TERMINAL),
        ("—", IS_CATEGORY_P | IN_PUNCTUATION),
        ("•", IS_CATEGORY_P),
        ("😀", IS_PICTURE),
        ("€", 0),
        ("\u200d", 0),
        ("\ue000", 0),
    ],
)
def test_flags(character, bits):
    assert flag_table()[ord(character)] == bits


def test_the_table_is_unicodes():
    flags, lower = flag_table(), lower_table()
    for code in range(0x3000):
        character, category = chr(code), unicodedata.category(chr(code))
        if category == "Cn":
            continue
        assert bool(flags[code] & IS_SPACE) == character.isspace()
        assert bool(flags[code] & IS_LETTER) == character.isalpha()
        assert bool(flags[code] & IS_CATEGORY_P) == (category[0] == "P")
        if len(character.lower()) == 1:
            assert chr(lower[code]) == character.lower()


def test_the_simple_lower_case_is_one_character():
    assert chr(lower_table()[ord("İ")]) == "i"
    assert lower_table().dtype == np.uint32


@pytest.mark.parametrize(
    ("characters", "kind"),
    [
        ("aÉ我ª", LETTER),
        ("\u0301\u200d\xadि", MARK),
        ("1²", NUMBER),
        (" \x00\u2028", SPACE),
        (".€+\ue000", SYMBOL),
    ],
)
def test_kinds(characters, kind):
    assert [int(kind_table()[ord(each)]) for each in characters] == [kind] * len(characters)


@pytest.mark.parametrize(
    ("text", "among", "script"),
    [
        ("Привет world друзья", (), "Cyrl"),
        ("漢字かな交じり文", ("Jpan",), "Jpan"),
        ("world 한국어", ("Kore",), "Kore"),
        ("ਸਤਿ ਸ੍ਰੀ ਅਕਾਲ and more of this", ("Guru", "Arab"), "Guru"),
        ("Latin only", ("Deva",), "Latn"),
        ("12 !", (), "Zyyy"),
    ],
)
def test_script(text, among, script):
    assert script_of(text, among) == script
