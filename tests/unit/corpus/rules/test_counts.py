"""Kernels against twins that ask Python's strings."""

from statistics import median

import numpy as np
import pytest

from bedstone.corpus.rules.counts import LINES, line_counts, mean_length, median_length, word_counts
from bedstone.corpus.rules.stop_words import StopWords
from bedstone.text.characters import IN_PUNCTUATION, IS_TERMINAL, flag_table
from bedstone.text.codes import texts_of
from bedstone.text.words import given_words, spaced_words_of, words_of

TEXTS = (
    "",
    "\n",
    "a",
    "• one\r\n- two\r- three\n\n* four",
    "wait...\nwait…  \nwait ..\u2028wait...\x0b\x0c\x85end....",
    "..... ...... . . .\n...",
    "# a#b #…# …\t#c\u3000d…",
    "no end\nan end.\nfull stop。\n   \n" + "x" * 30 + "\n" + "x" * 31 + "\n",
    "\r\n\r\n\r",
    " \u2003• spaced \n\u2003\n-",
    "ü€𝄞\x00",
    "a\x1cb\x1db\x1ec\x1fd",
)


def line_twin(text):
    lines, rows = text.splitlines(), text.split("\n")
    visible = [row for row in rows if row.strip()]
    values = (
        len(text.encode()),
        text.count("#"),
        text.count("...") + text.count("…"),
        len(lines),
        sum(line.lstrip().startswith(("•", "-")) for line in lines),
        sum(line.rstrip().endswith(("...", "…")) for line in lines),
        len(rows),
        sum(row.startswith(("*", "-")) for row in rows),
        sum(row.endswith("…") for row in rows),
        len(visible),
        sum(bool(flag_table()[ord(row[-1])] & IS_TERMINAL) for row in visible),
        sum(len(row) <= 30 for row in visible),
        sum("#" in word or "…" in word for word in text.split()),
    )
    return dict(zip(LINES, values, strict=True))


@pytest.mark.parametrize("text", TEXTS)
def test_lines(text):
    counts = line_counts(texts_of(["before…", text, "#"]))
    assert {name: values[1] for name, values in counts.items()} == line_twin(text)


ENGLISH = StopWords({"eng_Latn": ("the", "of"), "xxx_Latn": ("o",)})
WORDS = ("the", "of", "the", "Manuscript", ",", "...", "2021", "a1", "—", "o", "x" * 90)


def counted(words, *, symbols_are_words=False, number=0):
    counts = word_counts(words, ENGLISH, np.array([number]), symbols_are_words=symbols_are_words)
    return {name: values[0] for name, values in counts.items()}


def test_words_and_symbols():
    counts = counted(given_words([WORDS])[1])
    symbols = [word for word in WORDS if all(is_symbol(letter) for letter in word)]
    assert symbols == [",", "...", "—"]
    assert counts["tokens"] == len(WORDS)
    assert counts["words"] == counts["measured"] == len(WORDS) - len(symbols)
    assert counts["characters"] == sum(map(len, set(WORDS) - set(symbols))) + len("the")
    assert counts["alphabetic"] == sum(any(map(str.isalpha, word)) for word in WORDS)


def is_symbol(letter):
    return bool(flag_table()[ord(letter)] & IN_PUNCTUATION)


@pytest.mark.parametrize(("number", "different", "occurrences"), [(0, 2, 3), (1, 1, 1), (-1, 0, 0)])
def test_stop_words_of_the_language(number, different, occurrences):
    counts = counted(given_words([WORDS])[1], number=number)
    assert counts["stop_words"] == different
    assert counts["stop_word_occurrences"] == occurrences


def test_stop_words_are_counted_for_each_text():
    words = given_words([["the"], ["the", "of"], []])[1]
    counts = word_counts(words, ENGLISH, np.zeros(3, np.int64), symbols_are_words=False)
    assert counts["stop_words"].tolist() == [1, 2, 0]


@pytest.mark.parametrize("lengths", [(3,), (1, 2), (1, 1, 9), (4, 1, 1, 4), (2, 900), (5,) * 6])
def test_the_middle_length(lengths):
    words = spaced_words_of(texts_of([" ".join("x" * length for length in lengths)]))
    counts = counted(words, symbols_are_words=True)
    assert counts["median_length"] == median(lengths)


def test_a_symbol_between_white_space_is_a_word_there():
    counts = counted(spaced_words_of(texts_of(["a - b"])), symbols_are_words=True)
    assert counts["words"] == counts["characters"] == 3


def test_lengths_have_no_value_where_words_without_spaces_prevail():
    texts = texts_of(["我们在这里学习中文", "学习 Chinese words with spaces", ""])
    numbers = np.zeros(3, np.int64)
    counts = word_counts(words_of(texts), ENGLISH, numbers, symbols_are_words=False)
    assert np.isnan(mean_length(counts)).tolist() == [True, False, False]
    counts = word_counts(spaced_words_of(texts), ENGLISH, numbers, symbols_are_words=True)
    assert np.isnan(median_length(counts)).tolist() == [True, False, False]
    assert mean_length(counts)[1] == pytest.approx(22 / 4)
