import unicodedata

import pytest

from bedstone.text.composition import JOINER, MAX_MARKS, composed, legible

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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\0b\x07c\x1b[31m\x7f\x9b2J", "abc[31m2J"),
        ("one\x0btwo\x0cthree\x1fsix\x85nine\ttab\nline", "one two three six nine\ttab\nline"),
        ("a\r\nb\rc\r", "a\nb\nc\n"),
        ("\u202egnp.exe\u202c a\u202db", "gnp.exe\u202c ab"),
        ("a\ufdd0\ufffe\uffff\U0001fffe\U0010ffffb\ufeffc\u206ad", "abcd"),
        ("e\x01\u0301", "é"),
    ],
)
def test_what_is_no_character_of_a_text_is_taken_out(text, expected):
    assert legible(text) == expected


@pytest.mark.parametrize(
    "text",
    ["\u2067שלום\u2069", "\u202bسلام\u202c", "a\u200f!", "می\u200cخواهم", "👩\u200d🌾", "\ue000"],
)
def test_marks_that_texts_need_stay(text):
    assert legible(text) == text


def test_marks_in_a_row_are_kept_but_for_endless_rows():
    language = "a" + BELOW * MAX_MARKS
    assert composed(language) == unicodedata.normalize("NFC", language)
    # In order, these would take minutes.
    endless = "a" + (ACUTE + BELOW) * 100_000
    made = composed(endless)
    assert unicodedata.is_normalized("NFC", made)
    assert len(made.replace(JOINER, "")) == len(endless) - 1
    assert max(map(len, made.split(JOINER))) <= MAX_MARKS
