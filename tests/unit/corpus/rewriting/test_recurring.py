from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedstone.corpus.rewriting.recurring import (
    lines_of,
    repeated,
    sentences_of,
    span_numbers,
    without,
)
from bedstone.text.codes import strings_of, texts_of

PIECES = ["a", "B", "b.", " ", "  ", "\t", "\n", "\n\n", "\r\n", "\u2028", "Σ", "σ", "!", "é", ")"]
texts = st.lists(st.sampled_from(PIECES), max_size=20).map("".join)


def by_text(units, made):
    """What each unit says, by text."""
    whole = made.codes.tobytes().decode("utf-32-le")
    said = [whole[a:b] for a, b in zip(units.starts, units.ends, strict=True)]
    return [said[a:b] for a, b in pairwise(units.firsts)]


def left(strings, units_of, gone):
    made = texts_of(strings)
    units = units_of(made)
    left_out = np.zeros(len(units.starts), np.bool_)
    left_out[list(gone)] = True
    found = without(made, units, left_out)
    bounds = found.firsts.tolist()
    lines = [found.lines[a:b].tolist() for a, b in pairwise(bounds)]
    return strings_of(found.texts).to_pylist(), lines


@given(st.lists(texts, max_size=4))
def test_lines_are_those_between_line_feeds_that_are_not_blank(strings):
    made = texts_of(strings)
    units = lines_of(made)
    expected = [[line.strip() for line in text.split("\n") if line.strip()] for text in strings]
    assert by_text(units, made) == expected
    said = [line.lower().replace("ς", "σ") for lines in expected for line in lines]
    pairs = {(line, number) for line, number in zip(said, units.numbers.tolist(), strict=True)}
    assert len(pairs) == len(set(said)) == len(set(units.numbers.tolist()))


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", []),
        (" \n ", []),
        ("One. Two! Three", ["One.", "Two!", "Three"]),
        ("One (two.) Three", ["One (two.)", "Three"]),
        ("One\ntwo. Three\n\n four", ["One", "two.", "Three", "four"]),
        ("One\r\n)two", ["One", ")two"]),
        ("One.  ) Two", ["One.", ") Two"]),
        ("One  two. . Three", ["One  two. .", "Three"]),
    ],
)
def test_sentences(text, sentences):
    made = texts_of(["x", text, "Yes. No"])
    assert by_text(sentences_of(made), made) == [["x"], sentences, ["Yes.", "No"]]


def test_spans_are_runs_of_units_in_one_text():
    units = lines_of(texts_of(["a\nb\nc\na\nb", "a\nb", "", "B\nC"]))
    numbers, firsts = span_numbers(units, 2)
    assert firsts.tolist() == [0, 4, 5, 5, 6]
    ab, bc, ca, *others = numbers.tolist()
    assert others == [ab, ab, bc]
    assert len({ab, bc, ca}) == 3
    alone, _ = span_numbers(units, 1)
    assert len(set(alone.tolist())) == 3


@pytest.mark.parametrize(
    ("text", "gone", "made", "lines"),
    [
        ("a\nb\nc", [], "a\nb\nc", [0, 1, 2]),
        ("a\nb\nc", [1], "a\nc", [0, 2]),
        ("a\nb\nc", [0, 1, 2], "", []),
        ("a\n\nb\n\nc", [1], "a\n\nc", [0, 1, 4]),
        ("a\n\nb\n\nc", [0], "b\n\nc", [2, 3, 4]),
        ("a\n\nb\n\nc", [2], "a\n\nb", [0, 1, 2]),
        ("a\n\n\n\nb\nc", [2], "a\n\n\n\nb", [0, 1, 2, 3, 4]),
        ("\n\na \n b\n\n", [1], "\n\na", [0, 1, 2]),
        ("\n\na \n b\n\n", [], "\n\na \n b\n\n", [0, 1, 2, 3, 4, 5]),
        ("a\r\nb\r\nc\r", [1], "a\r\nc\r", [0, 2]),
    ],
)
def test_lines_left_out(text, gone, made, lines):
    assert left([text], lines_of, gone) == ([made], [lines])


@pytest.mark.parametrize(
    ("text", "gone", "made", "lines"),
    [
        ("A one. B two. C three.", [1], "A one. C three.", [0]),
        ("A one. B two. C three.", [0], "B two. C three.", [0]),
        ("A one. B two. C three.", [2], "A one. B two.", [0]),
        ("A one. B two.\nC three.\n\nD four.", [2], "A one. B two.\n\nD four.", [0, 2, 3]),
        ("A one. B two.\n  C three. D", [1, 2], "A one.\n  D", [0, 1]),
    ],
)
def test_sentences_left_out(text, gone, made, lines):
    assert left([text], sentences_of, gone) == ([made], [lines])


def test_texts_that_lose_nothing_stay():
    strings = ["  a\n\n\n b ", "", "c\nd", "\n"]
    found, lines = left(strings, lines_of, [2])
    assert found == ["  a\n\n\n b ", "", "d", "\n"]
    assert lines == [[0, 1, 2, 3], [0], [1], [0, 1]]


@given(st.lists(texts, min_size=1, max_size=4), st.data())
def test_what_is_left_is_in_the_original(strings, data):
    count = len(lines_of(texts_of(strings)).starts)
    gone = data.draw(st.sets(st.integers(0, count - 1))) if count else set()
    found, numbers = left(strings, lines_of, gone)
    unit = 0
    for text, new, lines in zip(strings, found, numbers, strict=True):
        kept, old = [], text.split("\n")
        for line in old:
            if line.strip():
                if unit not in gone:
                    kept.append(line.strip())
                unit += 1
        assert [line.strip() for line in new.split("\n") if line.strip()] == kept
        assert [old[number].strip() for number in lines] == [s.strip() for s in new.split("\n")][
            : len(lines)
        ]


def slowly(entries, size):
    """The same as ``repeated`` for (number, rank, document, place)."""
    stays, gone = {}, set()
    for number, _, document, place in sorted(entries, key=lambda each: (each[1], each[3])):
        if number not in stays:
            stays[number] = {(document, place + unit) for unit in range(size)}
        else:
            gone |= {(document, place + unit) for unit in range(size)} - stays[number]
    return gone


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 4), st.integers(0, 6)), st.integers(0, 5), max_size=30
    ),
    st.permutations(range(5)),
    st.integers(1, 3),
    st.randoms(use_true_random=False),
)
def test_one_copy_of_each_stays(standing, ranks, size, random):
    entries = [(number, ranks[d], d, place) for (d, place), number in standing.items()]
    random.shuffle(entries)
    numbers, rank, documents, places = np.array(entries, np.int64).reshape(-1, 4).T
    found = repeated(numbers.astype(np.uint64), rank.astype(np.uint64), documents, places, size)
    pairs = {(int(d), int(p)) for d, p in zip(*found, strict=True)}
    assert pairs == slowly(entries, size)


@pytest.mark.parametrize("text", ["\n" * 10**6, "x" * 10**6, "a\n" * 10**6, ". a" * 10**6])
def test_long_texts(text):
    made = texts_of([text])
    for units_of in (lines_of, sentences_of):
        units = units_of(made)
        found = without(made, units, np.ones(len(units.starts), np.bool_))
        assert len(found.texts.codes) <= len(text)
