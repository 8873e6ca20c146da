import math
import random
from collections import Counter

import numpy as np
import pytest

from bedstone.corpus.surprise.next_characters import (
    COLUMNS,
    KEY,
    ORDER,
    SEEN,
    bits_of,
    learn,
    rows_for,
)
from bedstone.text.codes import texts_of

TEXTS = {
    "English": "The old harbour lies where the river meets the sea, and the boats go out early. ",
    "Russian": "Старый учитель каждый день рассказывал детям о звёздах и далёких странах. ",
    "Hindi": "यह एक पुराना विद्यालय है और इस गाँव के सब बच्चे यहाँ हर दिन पढ़ते हैं। ",
    "Thai": "นักเรียนทุกคนในหมู่บ้านนี้เรียนประวัติศาสตร์และวรรณคดีทุกวันที่โรงเรียนเก่า ",
    "Chinese": "这所老学校里每天都有很多孩子学习历史和文学，他们说中国话。",
    "Arabic": "يقرأ الأطفال في هذه القرية القديمة كتب التاريخ والأدب كل يوم في المدرسة. ",
}


def learnt(*strings, rows=None):
    counts = np.zeros((rows or rows_for(10_000, 22), COLUMNS), np.uint32)
    learn(texts_of(strings), counts)
    return counts


def bits(counts, *strings):
    return bits_of(texts_of(strings), counts).tolist()


def slow_bits(learnt_from, text):
    """The same, from the definition."""
    seen, followers = Counter(), Counter()
    for each in learnt_from:
        for at in range(len(each)):
            for length in range(1, min(ORDER, at + 1) + 1):
                ngram = each[at + 1 - length : at + 1]
                followers[ngram[:-1]] += seen[ngram] == 0
                seen[ngram] += 1
    followed = Counter()
    for ngram, count in seen.items():
        followed[ngram[:-1]] += count
    total = 0.0
    for at in range(len(text)):
        chance = 1 / 0x110000
        for length in range(1, min(ORDER, at + 1) + 1):
            before = text[at + 1 - length : at]
            if followed[before]:
                parts = seen[text[at + 1 - length : at + 1]] + followers[before] * chance
                chance = parts / (followed[before] + followers[before])
        total -= math.log2(chance)
    return total


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_the_bits_are_those_of_the_definition(text):
    dice = random.Random(1)
    good = ["".join(dice.choices(text, k=300)), text, "", text[:20]]
    wanted = [text[10:40], "".join(dice.choices(text, k=50)), "", "zz" + text[:9], text[:1]]
    found = bits(learnt(*good), *wanted)
    assert found == pytest.approx([slow_bits(good, each) for each in wanted])


def test_a_text_does_not_know_the_one_before_it():
    counts = learnt("abcabcabc", "abc")
    assert bits(counts, "abc", "abc", "c") == [*bits(counts, "abc") * 2, *bits(counts, "c")]
    parts = np.zeros_like(counts)
    learn(texts_of(["abcabcabc"]), parts)
    learn(texts_of(["abc"]), parts)
    assert (parts == counts).all()


@pytest.mark.parametrize("rows", [9, 17, 65, None])
def test_chances_add_up_to_one_also_where_there_is_no_room(rows):
    text = "the cat sat on the mat and the hat sat on the cat".replace(" ", "_")
    counts = learnt(text, rows=rows)
    if rows == 9:
        assert (counts[:-1, KEY] > 0).all()
    for before in ("", "th", "the_c", "zz", "sat_on_the_"):
        start = bits(counts, before)[0]
        after = bits(counts, *(before + each for each in [*sorted(set(text)), "é"]))
        chances = [2 ** (start - each) for each in after]
        unseen = 0x110000 - len(set(text))
        assert sum(chances[:-1]) + unseen * chances[-1] == pytest.approx(1)


def test_a_full_table_still_counts_what_it_knows():
    counts = learnt("ab" * 500, "cdefghijklmnop" * 100, rows=9)
    again = learnt("ab" * 500, rows=9)
    assert counts[:-1, SEEN].sum() >= again[:-1, SEEN].sum()
    assert bits(counts, "abab")[0] < bits(counts, "pppp")[0]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_what_is_shuffled_surprises_more(text):
    counts = learnt(text * 3)
    dice = random.Random(1)
    words = text.split() if " " in text.strip() else list(text)
    joined = " ".join(words) if " " in text.strip() else "".join(words)
    dice.shuffle(words)
    shuffled = (" " if " " in text.strip() else "").join(words)
    letters = "".join(dice.sample(joined, len(joined)))
    real, by_word, by_letter = bits(counts, joined, shuffled, letters)
    assert real < by_word <= by_letter or real < by_letter <= by_word
    assert real < by_letter / 3


def test_spaces_are_one_character_and_so_are_digits():
    counts = learnt("in 1987 or 12\n")
    assert bits(counts, "in\u00a02 or") == bits(counts, "in\t٣\nor")


def test_rows_follow_the_text_up_to_a_limit():
    assert rows_for(1_000, 22) == (1 << 11) + 1
    assert rows_for(10**9, 22) == (1 << 22) + 1
