"""The kernel against a twin that follows the rules' wording with strings and counters."""

import re
from collections import Counter

import pytest

from bedstone.corpus.rules.repeated_lines import line_repetition
from bedstone.text.codes import texts_of


def copies_after_the_first(pieces):
    counts = Counter(pieces)
    return (
        sum(count - 1 for count in counts.values()),
        sum((count - 1) * len(piece) for piece, count in counts.items()),
    )


def all_copies(pieces):
    counts = Counter(pieces)
    return (
        sum(count for count in counts.values() if count > 1),
        sum(count * len(piece) for piece, count in counts.items() if count > 1),
    )


def line_twin(text):
    whole = max(len(text), 1)
    paragraphs = re.split(r"\n{2,}", text.strip())
    lines = re.split(r"\n+", text) if text else []
    rows = text.split("\n")
    visible = [row for row in rows if row.strip()]
    return {
        "duplicate_paragraph_share": copies_after_the_first(paragraphs)[0] / len(paragraphs),
        "duplicate_paragraph_character_share": copies_after_the_first(paragraphs)[1] / whole,
        "duplicate_line_share": copies_after_the_first(lines)[0] / max(len(lines), 1),
        "duplicate_line_character_share": copies_after_the_first(lines)[1] / whole,
        "paper_duplicate_paragraph_share": all_copies(paragraphs)[0] / len(paragraphs),
        "paper_duplicate_paragraph_character_share": all_copies(paragraphs)[1] / whole,
        "paper_duplicate_line_share": all_copies(visible)[0] / max(len(visible), 1),
        "paper_duplicate_line_character_share": all_copies(visible)[1] / whole,
        "dolma_duplicate_line_share": all_copies(rows)[0] / len(rows),
        "dolma_duplicate_line_characters": all_copies(rows)[1],
        "repeated_line_character_share": copies_after_the_first(visible)[1]
        / max(len(text.replace("\n", "")), 1),
    }


def only(columns):
    return {name: values[0] for name, values in columns.items()}


LINES = (
    "",
    "\n",
    "\n\n\n",
    "  \n \t\n  \n",
    "a\nb\na",
    "\na\n\na\n",
    "a\n\nb\n\na\n\na",
    " a b\nc\n\n a b\nc ",
    "\n\n x\n\nx\n\n\nx \n",
    "same\nsame\n\nsame\n\n \n \nother\r\nother\r\n",
    "one line of more than four\n\none line of more than four\n\none line of more than fouR",
    "long\u2028line\n" * 7,
)


@pytest.mark.parametrize("text", LINES)
def test_lines_and_paragraphs(text):
    assert only(line_repetition(texts_of([text]))) == line_twin(text)


def test_texts_do_not_touch_each_other():
    together = line_repetition(texts_of(LINES))
    for number, text in enumerate(LINES):
        assert {name: values[number] for name, values in together.items()} == line_twin(text)


def test_one_long_line():
    assert only(line_repetition(texts_of(["word " * 200_000])))["duplicate_line_share"] == 0
