import random
import re
from itertools import pairwise

import numpy as np
import pytest

from bedstone.corpus.classifiers.features import features_of, features_of_all
from bedstone.corpus.classifiers.linear import BUCKETS, said, values_of
from bedstone.corpus.classifiers.logistic import Linear
from bedstone.text.codes import texts_of

BUCKET_COUNT = BUCKETS["logistic"]


def ngrams(*strings):
    """Of each text its n-grams as they stand there, each once, with its count."""
    texts = texts_of(strings)
    found = features_of(texts, BUCKET_COUNT)
    whole = "".join(strings)
    return [
        {
            named(whole, int(found.begins[at]), int(found.ends[at])): int(found.counts[at])
            for at in range(found.firsts[row], found.firsts[row + 1])
        }
        for row in range(len(strings))
    ]


def named(whole, begin, end):
    return whole[begin : abs(end)] + ("…" if end < 0 else "")


def test_words_and_pairs_of_words():
    assert ngrams("One two, ONE two") == [{"One": 2, "two": 2, "One two": 2, "two, ONE": 1}]


def test_all_digits_are_alike_and_marks_belong_to_letters():
    assert ngrams("1984 2024 7") == [{"1984": 2, "7": 1, "1984 2024": 1, "2024 7": 1}]
    assert list(ngrams("हिन्दी")[0]) == ["हिन्दी", "हिन्…"]


def test_longer_words_have_their_beginning_in_common():
    assert ngrams("Wireless wire") == [
        {"Wireless": 1, "Wire…": 1, "wire": 1, "Wireless wire": 1},
    ]
    one, other = (features_of(texts_of([each]), BUCKET_COUNT) for each in ("printer", "printing"))
    assert len(set(one.buckets) & set(other.buckets)) == 1


def test_where_no_spaces_are_written_runs_of_up_to_three_letters():
    assert list(ngrams("網頁設")[0]) == ["網", "頁", "網頁", "設", "頁設", "網頁設"]
    assert list(ngrams("a網b")[0]) == ["a", "網", "a網", "b", "網b"]


def test_a_text_without_a_word():
    assert ngrams("", " -- ", "a") == [{}, {}, {"a": 1}]


def test_against_words_found_by_a_pattern():
    dice = random.Random(0)
    letters = "ab éß \t,.-Ж"
    for _ in range(50):
        text = "".join(dice.choices(letters, k=60))
        words = re.findall(r"[^\W_]+", text.lower())
        stems = {f"{word[:4]}…" for word in words if len(word) > 4}
        expected = {*words, *pairwise(words), *stems}
        assert len(ngrams(text)[0]) == len(expected), text


def test_texts_in_several_batches(monkeypatch):
    monkeypatch.setattr("bedstone.text.codes.CHARACTERS_AT_ONCE", 100)
    texts = [f"text number {'a' * number} of all" for number in range(40)]
    whole, held = features_of_all(texts, BUCKET_COUNT)
    assert sum(map(len, held)) == len(whole) == 40
    assert len(held) > 1
    each = [features_of_all([text], BUCKET_COUNT)[0] for text in texts]
    for name in ("buckets", "counts"):
        expected = np.concatenate([getattr(some, name) for some in each])
        assert getattr(whole, name).tolist() == expected.tolist()


@pytest.mark.parametrize("method", ["logistic", "dsir"])
def test_a_text_twice_as_long_says_the_same_by_dsir_and_has_length_1_by_logistic(method):
    once, twice = "red green blue. ", "red green blue. red green blue. "
    features, _ = features_of_all([once, twice, ""], BUCKETS[method])
    values = values_of(features, method)
    sums = np.bincount(features.rows, values if method == "dsir" else values**2, 3)
    assert sums.tolist() == pytest.approx([1, 1, 0])
    flat = Linear(np.ones(BUCKETS[method], np.float32), 0.5)
    if method == "dsir":
        assert said(flat, features, values).tolist() == pytest.approx([1.5, 1.5, 0.5])
