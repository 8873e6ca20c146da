import numpy as np
import pytest

from bedstone.corpus.signatures import (
    MERSENNE,
    agreement,
    exact_digest,
    least_values,
    signature_of,
)

TEXT = "one two three four five six seven eight nine ten eleven twelve"


def signature(text, functions=64):
    return signature_of(text, functions, seed=1, shingle_words=5)


def test_what_makes_no_difference():
    same = "One, two - three four FIVE\n\nsix; seven eight: nine ten (eleven) twelve!"
    assert signature(TEXT).tolist() == signature(same).tolist()
    assert signature("a b c d 17 e").tolist() == signature("a b c d 42 e").tolist()


def test_what_makes_a_difference():
    assert (signature(TEXT) != signature(TEXT.replace("five", "fives"))).any()
    assert (signature(TEXT.replace("one", "óne")) != signature(TEXT)).any()


def test_order_of_words_counts_and_repeats_do_not():
    assert signature(f"{TEXT} {TEXT} {TEXT}").tolist() == signature(f"{TEXT} {TEXT}").tolist()
    backwards = " ".join(reversed(TEXT.split()))
    assert (signature(backwards) != signature(TEXT)).all()


def test_too_few_words_have_no_signature():
    assert signature("one two three four") is None
    assert signature("") is None
    assert signature("one two three four five") is not None


def test_scripts_without_spaces_have_shingles_of_letters():
    assert signature("这所老学校里每天") is not None


def test_least_values_are_those_of_the_formula():
    dice = np.random.default_rng(1)
    shingles = dice.integers(0, 1 << 64, 5_000, np.uint64)
    factors, terms = dice.integers(1, MERSENNE, (2, 3), np.uint64)
    expected = [
        min((int(a) * int(x) + int(b)) % (1 << 64) % MERSENNE for x in shingles)
        for a, b in zip(factors, terms, strict=True)
    ]
    assert least_values(shingles, factors, terms).tolist() == expected


def test_a_long_text_is_worked_on_in_pieces():
    words = [f"{a}{b}" for a in "abcdefghijklmnopqrst" for b in "abcdefghijklmnopqrstuvwxyz"]
    text = " ".join(f"{a}x{b}" for a in words[:50] for b in words[:100])
    parts = [
        signature(" ".join(text.split()[start : start + 1004])) for start in range(0, 5000, 1000)
    ]
    assert signature(text).tolist() == np.min(parts, axis=0).tolist()


def test_exact_digest():
    assert exact_digest("a  b\nc\u0301") == exact_digest("a b ć")
    assert exact_digest("a b") != exact_digest("A b")
    assert len(exact_digest("\ud800")) == 16


@pytest.mark.parametrize(("changed", "low", "high"), [(0, 1, 1), (40, 0.5, 0.8), (200, 0, 0.05)])
def test_agreement_estimates_the_jaccard_similarity(changed, low, high):
    words = [f"w{chr(97 + a)}{chr(97 + b)}" for a in range(20) for b in range(10)]
    other = [*("other" + word for word in words[:changed]), *words[changed:]]
    one, two = (signature(" ".join(text), 512)[None] for text in (words, other))
    assert low <= agreement(one, two)[0] <= high
