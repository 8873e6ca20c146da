import numpy as np
import pytest

from bedstone.text.characters import LETTERS_PER_WORD
from bedstone.text.codes import strings_of, texts_of
from bedstone.text.words import (
    AFTER_BREAK,
    ALPHABETIC,
    IS_PUNCTUATION,
    SENTENCE_END,
    SYMBOL,
    UNSPACED,
    given_words,
    spaced_words_of,
    word_hash,
    words_of,
)


def found(text, made):
    return [text[a:b] for a, b in zip(made.starts.tolist(), made.ends.tolist(), strict=True)]


ENGLISH = {
    "It's Peter’s co-op.": "It 's Peter ’s co - op .",
    "I can't, we'll!": "I ca n't , we 'll !",
    "3.14, 1,000 and v2.": "3.14 , 1,000 and v2 .",
    "Mr. X., e.g. at 10am (GMT).": "Mr. X. , e.g. at 10 am ( GMT ) .",
    "so... (see below): ''#1": "so ... ( see below ): '' # 1",
    "id. vitamin-a. :-) x:)": "i d. vitamin - a. :-) x :)",
    "well--or a—b 1-2 3*4": "well -- or a — b 1 - 2 3 * 4",
    "$5 5€ 20% 3km US$9 10+": "$ 5 5 € 20 % 3 km US$ 9 10 +",
    "at http://a.org/b-c?d=e, or me@b.co.uk.": "at http://a.org/b-c?d=e , or me@b.co.uk .",
    "8.8.8.8:53 127.0.0.1:80/x ab.B a.B": "8.8.8.8:53 127.0.0.1:80 / x ab . B a. B",
    "key=value a/b and/or A.B.C.": "key = value a / b and/or A.B.C.",
    "|-@ \\n +5 +x ~": "|-@ \\n +5 + x ~",
    "“Quoted…” ❤ok": "“ Quoted … ” ❤ ok",
}
"""As spaCy 3.8 has them, spacy.blank("en")."""


@pytest.mark.parametrize("text", ENGLISH)
def test_words_of_english(text):
    assert found(text, words_of(texts_of([text]))) == ENGLISH[text].split(" ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("हिन्दी में लिखा।", "हिन्दी में लिखा ।"),
        ("می‌خواهم، بله؟", "می‌خواهم ، بله ؟"),
        ("我们x世界。」", "我 们 x 世 界 。 」"),
        ("ไม่เว้น", "ไ ม่ เ ว้ น"),
        ("ཀ་ཁ་ག", "ཀ་ ཁ་ ག"),
        ("ሰላም፡ለዓለም።", "ሰላም፡ ለዓለም ።"),
        ("e\u0301t\u0301-b", "e\u0301t\u0301 - b"),
    ],
)
def test_words_of_many_scripts(text, expected):
    assert found(text, words_of(texts_of([text]))) == expected.split()


def test_texts_are_apart():
    made = words_of(texts_of(["a b", "", "of."]))
    assert made.firsts.tolist() == [0, 2, 2, 4]
    assert made.starts.tolist() == [0, 2, 3, 5]
    assert len(words_of(texts_of([])).starts) == 0


def test_letters_without_spaces_count_as_parts_of_words():
    made = words_of(texts_of(["我们 two 。"]))
    assert made.weights.tolist() == [1 / LETTERS_PER_WORD["Hani"]] * 2 + [1, 1]
    assert ((made.flags & UNSPACED) > 0).tolist() == [True, True, False, False]


def test_flags():
    made = words_of(texts_of(["a1 12 . \n\n, $ ） हि  x \t"]))
    expected = [
        ALPHABETIC,
        0,
        SYMBOL | IS_PUNCTUATION | SENTENCE_END,
        SYMBOL | IS_PUNCTUATION | AFTER_BREAK,
        SYMBOL,
        SYMBOL | IS_PUNCTUATION,
        ALPHABETIC,
        ALPHABETIC | AFTER_BREAK,
    ]
    assert made.flags.tolist() == expected


def test_two_marks_end_no_sentence_as_one():
    made = words_of(texts_of(["a..."]))
    assert made.flags.tolist() == [ALPHABETIC, SYMBOL | IS_PUNCTUATION]


def test_what_stands_between_spaces():
    text = "co-op, 12 \u3000世界!"
    made = spaced_words_of(texts_of([text]))
    assert found(text, made) == ["co-op,", "12", "世界!"]
    assert made.weights.tolist() == pytest.approx([1, 1, 2 / LETTERS_PER_WORD["Hani"]])
    assert made.flags.tolist() == [ALPHABETIC, 0, ALPHABETIC | UNSPACED | AFTER_BREAK]


def test_given_words():
    texts, made = given_words([["New York", "世界"], [], ["."]])
    assert strings_of(texts).to_pylist() == ["New York世界", "", "."]
    assert made.firsts.tolist() == [0, 2, 2, 3]
    assert made.ends.tolist() == [8, 10, 11]
    assert made.weights.tolist() == [1, 1, 1]
    assert made.flags.tolist() == [
        ALPHABETIC,
        ALPHABETIC,
        SYMBOL | IS_PUNCTUATION | SENTENCE_END,
    ]


def test_equal_words_have_equal_hashes():
    made = words_of(texts_of(["river boat river Boat", "ab ba river."]))
    river, boat, again, other, ab, ba, last, _ = made.hashes.tolist()
    assert river == again == last == word_hash("river")
    assert len({river, boat, other, ab, ba}) == 5


def test_hashes_of_short_words_differ():
    words = [chr(a) + chr(b) for a in range(0x61, 0x7B) for b in range(0x61, 0x7B)]
    hashes = words_of(texts_of([" ".join(words)])).hashes
    distinct = set(words) - {"id", "im"}  # these two are of two words
    assert len(np.unique(hashes)) == len(distinct) + len({"i", "d", "m"})


def test_a_lone_surrogate_is_a_replacement_character():
    assert word_hash("\ud800") == word_hash("\ufffd")
