from unicodedata import normalize

import pytest

from bedstone.corpus.overlap.letters import (
    LENGTH_BITS,
    SEVERAL,
    SPACELESS,
    folding,
    letters_of,
    words_of,
)


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("Straße № 5: ﬁve½", "strasseno5five12"),
        ("हिन्दी, में।", "हिन्दीमें"),
        ("ẹ̀kọ́", normalize("NFKC", "ẹ̀kọ́")),
        ("क्\u200dष", "क्ष"),
        ("ab\u00adc ❤\ufe0f", "abc"),
        ("①ＡＢ ｶ", "1abカ"),
        ("- -", ""),
    ],
)
def test_letters_marks_and_numbers_stay(text, letters):
    assert letters_of(text) == letters


def test_words():
    assert words_of("It's A  co\u00adop,\nहिन्दी!") == ["it", "s", "a", "coop", "हिन्दी"]


def folded(character: str) -> str:
    entry = int(folding().table[ord(character)])
    if not entry & SEVERAL:
        return chr(entry & ~SPACELESS) if entry else ""
    first, many = (entry ^ SEVERAL) >> LENGTH_BITS, entry & ((1 << LENGTH_BITS) - 1)
    return "".join(chr(int(code) & ~SPACELESS) for code in folding().parts[first : first + many])


def test_the_table_says_the_same_of_each_character():
    codes = [*range(0xD800), *range(0xE000, 0x12000), *range(0x1D000, 0x20000), 0x2F800, 0xE0100]
    wrong = [hex(code) for code in codes if folded(chr(code)) != letters_of(chr(code))]
    assert wrong == []


def test_scripts_without_spaces_are_known():
    known = [character for character in "中aก1ハи" if folding().table[ord(character)] & SPACELESS]
    assert known == ["中", "ก", "ハ"]
