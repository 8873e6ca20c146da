"""Any text at all is measured, rewritten and signed: no crash, no infinity, no quadratic time."""

import math
from time import process_time

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bedstone.corpus import measure
from bedstone.corpus.duplicates.signatures import MERSENNE, composed, signed
from bedstone.corpus.rules.c4 import VARIANTS, rewrite
from bedstone.text.codes import REPLACEMENT, strings_of, texts_of

FUNCTIONS, SEED, SHINGLE_WORDS = 112, 1, 5
PIECES = [
    "One two three four five.",
    "Four words are here ",
    "JavaScript",
    "lorem ipsum",
    "use cookies",
    "{",
    "[",
    "]",
    "[12]",
    "[edit]",
    "- ",
    "...",
    "…",
    "1.5",
    "#",
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    "\x85",
    "\u2028",
    "\x1c",
    "\0",
    " ",
    "\xa0",
    "我们",
    "ทิ",
    "e\u0301",
    "\u200d",
    "😀",
    "\ud800",
    "\udfff",
]
ANY_TEXT = (
    st.text()
    | st.text(st.characters(codec=None))  # lone surrogates, too
    | st.lists(st.sampled_from(PIECES)).map("".join)
)
EXAMPLES = {
    "empty": "",
    "one character": "a",
    "one that is no character": "\ud800",
    "surrogates in the wrong order": "One two \udc00\ud800 three four.\n\udfff",
    "CRLF": "One two three four five.\r\nSix seven eight nine ten.\r\n",
    "line separator": "One two three four five.\u2028Six seven eight nine ten.\u2028",
    "next line": "One two three four five.\x85Six seven eight nine ten.\x85",
    "NUL": "One two\0three four five six.\0",
    "only NULs": "\0" * 3000,
    "only newlines": "\n" * 3000,
    "only spaces": " " * 3000,
}
BYTES = 50_000_000
KINDS = {
    "letter": "a",
    "words": "and so they went on and on ",
    "dots": "long.word.",
    "NULs": "\0",
    "newlines": "\n",
}
"""What is said again and again on 50 MB."""


def examples(test):
    for text in EXAMPLES.values():
        test = example(text)(test)
    return test


def rows(strings):
    """Their statistics, each of which is a finite number or null."""
    found = measure(strings).to_pylist()
    for row in found:
        assert row
        assert all(value is None or math.isfinite(value) for value in row.values())
    return found


def signatures(strings):
    return signed(composed(texts_of(strings)), FUNCTIONS, SEED, SHINGLE_WORDS)


def rewritten(text, variant, without=()):
    made = rewrite(texts_of([text]), variant, without)
    assert all(count >= 0 for count in made.counts.values())
    (left,) = strings_of(made.texts).to_pylist()
    return left


def replaced(text):
    """With U+FFFD in the place of each lone surrogate."""
    return "".join(chr(REPLACEMENT) if "\ud800" <= c <= "\udfff" else c for c in text)


@examples
@given(ANY_TEXT)
def test_statistics_are_finite_or_null(text):
    rows([text])


@pytest.mark.parametrize("variant", VARIANTS)
@examples
@given(ANY_TEXT)
def test_what_is_left_is_a_part_of_the_text_and_can_be_measured(variant, text):
    left = rewritten(text, variant)
    assert left == left.strip()
    characters = iter("\n".join(replaced(text).splitlines()))
    assert all(character in characters for character in left)  # in the same order
    rows([left])


@pytest.mark.parametrize("variant", VARIANTS)
@examples
@given(ANY_TEXT)
def test_rewriting_twice_changes_nothing_more_if_citations_stay(variant, text):
    # A citation that is taken out may leave another one, or a line of too few words.
    once = rewritten(text, variant, ("citations",))
    assert rewritten(once, variant, ("citations",)) == once
    if "[" not in text:
        assert rewritten(text, variant) == once


@examples
@given(ANY_TEXT)
def test_signatures_have_numbers_in_range(text):
    made = signatures([text])
    assert made.least.shape == (1, FUNCTIONS)
    assert (made.least <= MERSENNE).all()
    assert made.is_signed.tolist() == [bool((made.least < MERSENNE).any())]


@examples
@given(ANY_TEXT)
def test_a_lone_surrogate_counts_as_u_fffd(text):
    other = replaced(text)
    assert rows([text]) == rows([other])
    for variant in VARIANTS:
        assert rewritten(text, variant) == rewritten(other, variant)
    one, two = signatures([text]), signatures([other])
    assert (one.exact == two.exact).all()
    assert (one.least == two.least).all()


def test_a_surrogate_is_no_encoding_of_another_character():
    assert rows(["a\ud83d\ude00"]) == rows(["a\ufffd\ufffd"]) != rows(["a😀"])


def test_extreme_texts_together_are_as_each_alone():
    texts = list(EXAMPLES.values())
    assert rows(texts) == [row for text in texts for row in rows([text])]
    together = signatures(texts)
    alone = [signatures([text]) for text in texts]
    assert np.array_equal(together.exact, np.concatenate([each.exact for each in alone]))
    assert np.array_equal(together.least, np.concatenate([each.least for each in alone]))


def grows_less_than_quadratically(work, text):
    """Whether four times the text takes far less than sixteen times as long."""

    def seconds(size):
        begin = process_time()
        work(text[:size])
        return process_time() - begin

    # Once more if the system had much to do for the memory: a quarter is soon said.
    return any(seconds(len(text)) < 12 * seconds(len(text) // 4) for _ in range(3))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_text_of_50_megabytes_takes_no_quadratic_time(kind):
    piece = KINDS[kind]
    text = piece * (BYTES // len(piece))
    works = [
        lambda text: rows([text]),
        lambda text: rewrite(texts_of([text]), "fineweb"),
        lambda text: signatures([text]),
    ]
    for work in works:
        work(piece)  # compiled before it is timed
        assert grows_less_than_quadratically(work, text)
