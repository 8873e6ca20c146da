"""Kernels against twins that follow the rules' wording with strings and counters."""

from collections import Counter

import numpy as np
import pytest

from bedstone.corpus.rules.ngrams import (
    DUPLICATE_SIZES,
    TOP_SIZES,
    spaced_repetition,
    word_repetition,
)
from bedstone.text.codes import texts_of
from bedstone.text.words import given_words, spaced_words_of, words_of


def word_twin(words, characters):
    found = {}
    for size in TOP_SIZES:
        grams = [" ".join(words[at : at + size]) for at in range(len(words) - size + 1)]
        gram, count = Counter(grams).most_common(1)[0] if grams else ("", 0)
        found[f"top_{size}_gram_character_ratio"] = len(gram) * count / characters
    for size in DUPLICATE_SIZES:
        seen, again, at = set(), 0, 0
        while at + size <= len(words):
            gram = "".join(words[at : at + size])
            again += len(gram) if gram in seen else 0
            at += size if gram in seen else 1
            seen.add(gram)
        found[f"duplicate_{size}_gram_character_share"] = again / characters
    return found


def covered(words, size, wanted):
    marked = set()
    for at in range(len(words) - size + 1):
        if tuple(words[at : at + size]) in wanted:
            marked |= set(range(at, at + size))
    return sum(len(words[at]) for at in marked)


def spaced_twin(words):
    found, characters = {}, max(sum(map(len, words)), 1)
    for size in (*TOP_SIZES, *DUPLICATE_SIZES):
        grams = Counter(tuple(words[at : at + size]) for at in range(len(words) - size + 1))
        length = {gram: sum(map(len, gram)) for gram in grams}
        recurring = {gram for gram, count in grams.items() if count > 1}
        if size in TOP_SIZES:
            gram, count = grams.most_common(1)[0] if grams else ((), 0)
            name = f"top_{size}_gram_character"
            found[f"dolma_{name}_ratio"] = length.get(gram, 0) * count / characters
            found[f"paper_{name}_share"] = covered(words, size, {gram} & recurring) / characters
        else:
            name = f"duplicate_{size}_gram_character_share"
            part = sum(grams[gram] * length[gram] for gram in recurring)
            whole = sum(grams[gram] * length[gram] for gram in grams)
            found[f"dolma_{name}"] = part / max(whole, 1)
            found[f"paper_{name}"] = covered(words, size, recurring) / characters
    return found


def only(columns):
    return {name: values[0] for name, values in columns.items()}


def some_words(seed):
    random = np.random.default_rng(seed)
    stock = ["a", "b", "ab", "ba", "the", "of", "repetition", "!", "x" * 30, "ü"]
    words = random.choice(stock, size=random.integers(0, 120)).tolist()
    for _ in range(random.integers(0, 4)):
        words += words[-int(random.integers(1, 25)) :]
    return words


@pytest.mark.parametrize("seed", range(40))
def test_n_grams_of_words(seed):
    words = some_words(seed)
    place, found = given_words([words])
    characters = max(len(" ".join(words)), 1)
    ours = only(word_repetition(place, found, np.array([float(characters)])))
    assert ours == word_twin(words, characters)


@pytest.mark.parametrize("seed", range(40))
def test_n_grams_between_white_space(seed):
    words = some_words(seed)
    assert only(spaced_repetition(spaced_words_of(texts_of([" ".join(words)])))) == spaced_twin(
        words
    )


def test_joined_words_are_equal_whatever_their_bounds():
    words = [*"abcde", "ab", "c", "d", "e", "", "."]
    place, found = given_words([words])
    ours = only(word_repetition(place, found, np.ones(1)))
    assert ours["duplicate_5_gram_character_share"] == 5
    assert ours["top_2_gram_character_ratio"] == 2 * len("c d")


def test_the_first_seen_of_equally_frequent_n_grams_is_on_top():
    words = ["aaa", "bbb", "-", "aaa", "bbb", "+", "c", "d", "*", "c", "d"]
    place, found = given_words([words])
    assert only(word_repetition(place, found, np.ones(1)))["top_2_gram_character_ratio"] == 14
    words = ["c", "d", "*", "c", "d", "-", "aaa", "bbb", "+", "aaa", "bbb"]
    place, found = given_words([words])
    assert only(word_repetition(place, found, np.ones(1)))["top_2_gram_character_ratio"] == 6


def test_texts_do_not_touch_each_other():
    texts = ["a b c d e f " * 3, "", "a b c d e f", "g\ng\n\ng"]
    together = texts_of(texts)
    characters = np.array([18.0, 1.0, 12.0, 5.0])
    columns = {
        **word_repetition(together, words_of(together), characters),
        **spaced_repetition(spaced_words_of(together)),
    }
    for number, text in enumerate(texts):
        one = texts_of([text])
        alone = {
            **word_repetition(one, words_of(one), characters[number : number + 1]),
            **spaced_repetition(spaced_words_of(one)),
        }
        assert {name: values[number] for name, values in columns.items()} == only(alone)


def test_letters_without_spaces_make_n_grams_of_several():
    sentence = "นักเรียนทุกคนเรียนประวัติศาสตร์"
    text = texts_of([sentence * 2, sentence])
    lengths = np.diff(text.starts).astype(float)
    ours = word_repetition(text, words_of(text), lengths)
    assert ours["duplicate_5_gram_character_share"][0] > 0.3
    assert ours["duplicate_5_gram_character_share"][1] == 0
    assert ours["top_2_gram_character_ratio"][1] < 0.5


def test_one_long_line():
    text = texts_of(["word " * 200_000])
    ours = only(word_repetition(text, words_of(text), np.array([1e6])))
    assert ours["duplicate_10_gram_character_share"] == pytest.approx(0.8, abs=1e-3)
