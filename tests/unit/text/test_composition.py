import unicodedata

import pytest

from bedstone.text.composition import JOINER, MAX_MARKS, composed

ACUTE, BELOW = "\u0301", "\u0323"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("cafe\u0301", "café"),
        ("Tie\u0302\u0301ng Vie\u0323\u0302t", "Tiếng Việt"),
        ("O\u0323mo\u0323 e\u0300ni\u0300ya\u0300n", "Ọmọ ènìyàn"),
        ("\u1112\u1161\u11ab", "한"),
        ("\u2126", "Ω"),
    ],
)
def test_one_spelling(text, expected):
    assert composed(text) == expected


@pytest.mark.parametrize("text", ["می\u200cخواهم", "क्\u200dष", "ﬁ", "ﾊ", "ｗ", "x²", "①", "\ufffd"])
def test_what_readers_tell_apart_stays(text):
    assert composed(text) == text


def test_marks_in_a_row_are_kept_but_for_endless_rows():
    language = "a" + BELOW * MAX_MARKS
    assert composed(language) == unicodedata.normalize("NFC", language)
    # In order, these would take minutes.
    endless = "a" + (ACUTE + BELOW) * 100_000
    made = composed(endless)
    assert unicodedata.is_normalized("NFC", made)
    assert len(made.replace(JOINER, "")) == len(endless) - 1
    assert max(map(len, made.split(JOINER))) <= MAX_MARKS
