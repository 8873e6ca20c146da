import numpy as np
import pytest

from bedstone.corpus.characters import LETTERS_PER_WORD, codes_of, script_of
from bedstone.corpus.words import hashes, look_up, spaced_pieces, words_of


def found(text):
    words = words_of(look_up(codes_of(text)))
    cuts = zip(words.starts, words.ends, strict=True)
    return [text[start:end] for start, end in cuts], words


@pytest.mark.parametrize(
    ("text", "expected", "symbols"),
    [
        ("", [], 0),
        ("It's Peter’s co-op.", ["It", "'s", "Peter", "’s", "co", "op"], 2),
        ("3.14, 1,000 and v2.", ["3.14", "1,000", "and", "v2"], 2),
        ("so... '' #1", ["so", "1"], 4),
        ("हिन्दी में लिखा", ["हिन्दी", "में", "लिखा"], 0),
        ("می‌خواهم", ["می‌خواهم"], 0),
        ("❤️ok \u0301", ["ok"], 1),
        ("我们x世界", ["我", "们", "x", "世", "界"], 0),
        ("ไม่เว้น", ["ไ", "ม่", "เ", "ว้", "น"], 0),
        ("ཀ་ཁ་ག", ["ཀ", "ཁ", "ག"], 2),
        ("\ud800a", ["a"], 1),
    ],
)
def test_words_of_many_scripts(text, expected, symbols):
    words, made = found(text)
    assert (words, made.symbols) == (expected, symbols)


def test_letters_without_spaces_count_as_parts_of_words():
    _, words = found("我们 two")
    assert words.count == pytest.approx(2 / LETTERS_PER_WORD["Hani"] + 1)
    assert words.unspaced.tolist() == [True, True, False]


def test_words_with_letters():
    assert found("a1 12 हि 我")[1].alphabetic.tolist() == [True, False, True, True]


def test_pieces_between_spaces():
    pieces = spaced_pieces(look_up(codes_of("co-op, 12 \u3000世界!")))
    assert (pieces.ends - pieces.starts).tolist() == [6, 2, 3]
    assert pieces.count == pytest.approx(2 + 2 / LETTERS_PER_WORD["Hani"])
    assert pieces.alphabetic.tolist() == [True, False, True]


def test_equal_stretches_have_equal_hashes():
    codes = codes_of("river boat river Boat ab ba" + "x" * 70_000 + " river")
    starts = np.array([0, 6, 11, 17, 22, 25, 70_028])
    ends = np.array([5, 10, 16, 21, 24, 27, 70_033])
    river, boat, again, other, ab, ba, last = hashes(codes, starts, ends).tolist()
    assert river == again == last
    assert len({river, boat, other, ab, ba}) == 5


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
