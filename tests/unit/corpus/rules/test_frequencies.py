import math
from collections import Counter

import numpy as np
import pytest

from bedstone.corpus.rules.frequencies import MIN_SHARE, frequencies_of, merged
from bedstone.text.codes import texts_of

TEXTS = (
    "The cat, the dog: 42 of the cats. किताब की किताब है।",
    "of the of !! x1 " * 40 + "Ω" * 3,
    "",
    "这所老学校 the 12",
)


def twin(texts):
    """The words with a letter, split as these texts can be split by eye."""
    words = " ".join(texts).replace(",", "").replace(":", "").replace("।", "").replace(".", "")
    chinese = set("这所老学校")
    return [
        word for word in words.split() if any(map(str.isalpha, word)) and not chinese & set(word)
    ]


@pytest.fixture
def found():
    return frequencies_of(texts_of(TEXTS))


def test_words_with_a_letter_are_counted(found):
    counts = Counter(twin(TEXTS))
    assert found.words.total == counts.total()
    assert sorted(found.words.counts.tolist()) == sorted(counts.values())


def test_frequent_words_are_known_by_name(found):
    counts = Counter(twin(TEXTS))
    expected = {word: n for word, n in counts.items() if n >= MIN_SHARE * counts.total()}
    assert found.frequent() == expected


def test_chances_are_those_of_the_letters_in_any_order(found):
    lengths = Counter(map(len, twin(TEXTS)))
    letters = Counter(
        letter for letter in "".join(TEXTS) if letter.isalpha() or letter in "िाी" or letter == "ै"
    )
    for word, chance in zip(("of", "the", "है"), found.chances(("of", "the", "है")), strict=True):
        product = math.prod(letters[letter] / letters.total() for letter in word)
        assert chance == pytest.approx(product * lengths[len(word)] / lengths.total())


def test_parts_say_together_what_the_whole_says(found):
    parts = [frequencies_of(texts_of([text])) for text in TEXTS]
    for order in (parts, parts[::-1]):
        whole = merged(order)
        for part in ("words", "lengths", "letters"):
            assert np.array_equal(getattr(whole, part).keys, getattr(found, part).keys)
            assert np.array_equal(getattr(whole, part).counts, getattr(found, part).counts)
        assert whole.frequent() == found.frequent()


def test_a_text_without_words_says_nothing():
    found = frequencies_of(texts_of(["", "12 !"]))
    assert found.frequent() == {}
    assert found.chances(["the"]) == [0]
