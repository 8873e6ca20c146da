import json
import re
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from bedstone.corpus.duplicates import signatures
from bedstone.corpus.duplicates.signatures import (
    MERSENNE,
    composed,
    drawn_functions,
    least_values,
    signed,
)
from bedstone.text.characters import (
    LETTER,
    LETTERS_PER_WORD,
    MARK,
    NUMBER,
    kind_table,
    script_table,
    scripts,
)
from bedstone.text.codes import Texts, strings_of, texts_of

TEXT = "one two three four five six seven eight nine ten eleven twelve"
DATATROVE = Path(__file__).parents[3] / "data" / "corpus" / "datatrove_signatures.json"
WRAP = (1 << 64) - 1
BASE, SHINGLE_BASE, START = 0x9E3779B97F4A7C15, 0xD1342543DE82EF95, 0x632BE59BD9B4E019


def sign(*strings, functions=64, shingle_words=5):
    return signed(composed(texts_of(strings)), functions, 1, shingle_words)


def signature(text, functions=64, shingle_words=5):
    """None without a shingle."""
    made = sign(text, functions=functions, shingle_words=shingle_words)
    return made.least[0].tolist() if made.is_signed[0] else None


def exact(text):
    return tuple(sign(text).exact[0].tolist())


def slow_words(text):
    """Each word as the code points that count, with its share of a word; by a regex."""
    named = {LETTER: "L", MARK: "M", NUMBER: "N"}
    unspaced = {scripts().index(name): letters for name, letters in LETTERS_PER_WORD.items()}
    classes = ""
    for character in text:
        kind = "P" if character in ".," else named.get(kind_table()[ord(character)], " ")
        alone = kind == "L" and script_table()[ord(character)] in unspaced
        classes += "A" if alone else kind
    for found in re.finditer("AM*|(?:L|N(?:P?N|M)*)(?:L|M|N(?:P?N|M)*)*", classes):
        codes, in_number = [], False
        for place in range(*found.span()):
            if classes[place] in "LMA":
                folded = text[place].lower()[0].replace("ς", "σ") if classes[place] != "M" else ""
                codes.append(ord(folded or text[place]))
            elif classes[place] == "N" and not in_number:
                codes.append(ord("0"))
            in_number = classes[place] in "NP" or (in_number and classes[place] == "M")
        share = 1 << 32
        if found[0][0] == "A":
            share = -int(-share // unspaced[script_table()[ord(text[found.start()])]])
        yield codes, share


def slow_mixed(number):
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 & WRAP
    number = (number ^ number >> 27) * 0x94D049BB133111EB & WRAP
    return number ^ number >> 31


def slow_signature(text, functions, shingle_words):
    """The same a word at a time, in Python's numbers."""
    words = []
    for codes, share in slow_words(text):
        number = START
        for code in codes:
            number = (number + code) * BASE & WRAP
        words.append((slow_mixed(number), share))
    shingles = set()
    for first in range(len(words)):
        number = worth = 0
        for word, share in words[first:]:
            number = (number + word) * SHINGLE_BASE & WRAP
            worth += share
            if worth >= shingle_words << 32:
                shingles.add(slow_mixed(number))
                break
    drawn = zip(*drawn_functions(functions, 1), strict=True)
    if shingles:
        return [min((int(a) * x + int(b)) % 2**64 % MERSENNE for x in shingles) for a, b in drawn]
    return None


MANY = {
    "english": "It's 3.14 or 1,000,000: COVID-19's 2nd wave, e.g. v1.2; dots... 5. Then 7,and x1y.",
    "digits with marks": "a b 1\u20e32 c d\u0301 \u0301e 4.\u03015 f 6,,7 g",
    "greek": "Ο ΟΔΥΣΣΕΥΣ και ο Οδυσσεύς είδαν τους δρόμους της Ιθάκης",
    "thai": "นักเรียนทุกคนในหมู่บ้านนี้เรียน 12.5 ประวัติศาสตร์และวรรณคดี in English ทุกวัน",
    "chinese": "这所老学校里每天都有很多孩子学习历史和文学，他们说中国话。",
    "japanese": "私はカタカナとひらがなを書きます。ABC123を読む",
    "hindi": "यह एक पुराना विद्यालय है और इस गाँव के सब बच्चे १२ पढ़ते हैं",
    "odd": "İstanbul \x00 \u2028 \ufffd 😀 ǅ Ⅷ ½ ² ᾳ \u200dx \U000e0100 end. a b c d e f",
}


@pytest.mark.parametrize("name", MANY)
@pytest.mark.parametrize("shingle_words", [1, 3, 5])
def test_a_signature_is_that_of_the_slow_way(name, shingle_words):
    text = unicodedata.normalize("NFC", MANY[name])
    slow = slow_signature(text, 16, shingle_words)
    assert slow is not None
    assert signature(text, 16, shingle_words) == slow


@pytest.mark.parametrize("at_once", [1, 2, 7])
def test_a_text_is_worked_on_in_pieces(monkeypatch, at_once):
    text = " ".join(MANY.values())
    whole = signature(text)
    monkeypatch.setattr(signatures, "CHARACTERS_AT_ONCE", at_once)
    assert signature(text) == whole


def test_a_long_text_is_worked_on_in_pieces():
    words = [f"{a}{b}" for a in "abcdefghijklmnopqrst" for b in "abcdefghijklmnopqrstuvwxyz"]
    text = " ".join(f"{a}x{b}" for a in words[:50] for b in words[:100])
    assert signature(text, 8) == slow_signature(text, 8, 5)


def test_each_text_has_its_own():
    made = sign(TEXT, "", "too short", TEXT + " thirteen", TEXT)
    assert made.is_signed.tolist() == [True, False, False, True, True]
    assert [made.least[row].tolist() for row in (0, 3)] == [
        signature(TEXT),
        signature(TEXT + " thirteen"),
    ]
    assert made.least[0].tolist() == made.least[4].tolist()
    assert made.exact[0].tolist() == made.exact[4].tolist()


def test_what_makes_no_difference():
    same = "One, two - three four FIVE\n\nsix; seven eight: nine ten (eleven) twelve!"
    assert signature(TEXT) == signature(same)
    assert signature("a b c d 17 e") == signature("a b c d 4,234.2 e")
    assert signature("a b c d ΟΔΟΣ") == signature("a b c d οδος")
    assert signature("a b c d e\u0301") == signature("a b c d é")


def test_what_makes_a_difference():
    assert signature(TEXT) != signature(TEXT.replace("five", "fives"))
    assert signature(TEXT) != signature(TEXT.replace("one", "óne"))


def test_order_of_words_counts_and_repeats_do_not():
    assert signature(f"{TEXT} {TEXT} {TEXT}") == signature(f"{TEXT} {TEXT}")
    backwards = signature(" ".join(reversed(TEXT.split())))
    assert not set(signature(TEXT)) & set(backwards)


def test_too_few_words_have_no_signature():
    assert signature("one two three four") is None
    assert signature("") is None
    assert signature("one two three four five") is not None


def test_in_scripts_without_spaces_a_shingle_is_five_words_worth():
    # Five words are seven letters of Chinese, and twenty of Thai.
    assert signature("这所老学校里") is None
    assert signature("这所老学校里每") is not None
    assert signature("ก" * 19) is None
    assert signature("ก" * 20) is not None


def test_lone_surrogates_and_what_is_read_only_change_nothing():
    assert signature(TEXT + " \ud800") == signature(TEXT)
    made = texts_of([TEXT])
    again = signed(Texts(made.codes.copy(), made.starts), 64, 1, 5)
    assert again.least[0].tolist() == signature(TEXT)


def test_least_values_are_those_of_the_formula():
    dice = np.random.default_rng(1)
    shingles = dice.integers(0, 1 << 64, 1_003, np.uint64)
    factors, terms = dice.integers(1, MERSENNE, (2, 3), np.uint64)
    expected = [
        min((int(a) * int(x) + int(b)) % (1 << 64) % MERSENNE for x in shingles)
        for a, b in zip(factors, terms, strict=True)
    ]
    assert least_values(shingles, factors, terms).tolist() == expected
    assert least_values(shingles[:0], factors, terms).tolist() == [MERSENNE] * 3


@pytest.mark.parametrize("case", json.loads(DATATROVE.read_text())["cases"])
def test_least_values_of_datatroves_shingles_are_its_signature(case):
    shingles = np.array([int(each) for each in case["shingles"]], np.uint64)
    drawn = drawn_functions(case["bands"] * case["rows"], case["seed"])
    expected = [int(number) for band in case["signature"] for number in band]
    assert least_values(shingles, *drawn).tolist() == expected


def test_exact_numbers_are_those_of_the_text_but_for_white_space():
    assert exact(" a  b\nc\u0301\u2028") == exact("a b ć")
    different = ["a b", "A b", "ab", "a b.", "a", "", "b a", "\x00a b", "a \x00b", "a b\x00"]
    assert len({exact(text) for text in different}) == len(different)
    long = "ab " * 2000
    assert exact(long) == exact(long.replace(" ", "\n\n"))
    assert exact(long) != exact(long.replace("b a", "ba", 1))


@pytest.mark.parametrize(("changed", "low", "high"), [(0, 1, 1), (40, 0.5, 0.8), (200, 0, 0.05)])
def test_agreement_estimates_the_jaccard_similarity(changed, low, high):
    words = [f"w{chr(97 + a)}{chr(97 + b)}" for a in range(20) for b in range(10)]
    other = [*("other" + word for word in words[:changed]), *words[changed:]]
    one, two = sign(" ".join(words), " ".join(other), functions=512).least
    assert low <= (one == two).mean() <= high


def test_every_character_is_composed_as_unicode_has_it():
    alone = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    behind = [f"a{character}" for character in alone]
    for strings in (alone, behind, ["e\u0301", "\u1100\u1161\u11a8", "\uac00\u11a8", "क\u093c"]):
        texts = composed(texts_of(strings))
        expected = [unicodedata.normalize("NFC", text) for text in strings]
        assert strings_of(texts).to_pylist() == expected
