"""C4's rules compiled, against the same rules as Python's own methods have them."""

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bedstone.corpus.rules.c4 import LINE_RULES, VARIANTS, c4_statistics, rewrite
from bedstone.corpus.rules.c4_kernels import POLICY_PHRASES
from bedstone.text.codes import strings_of, texts_of
from bedstone.text.words import AFTER_BREAK, IS_PUNCTUATION, SENTENCE_END, words_of

CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")
PIECES = [
    "one two three four five.",
    "And so it goes ",
    "lorem ipsum",
    "Lorem Ipsum",
    "java",
    "JavaScript",
    "{",
    "[",
    "]",
    "[12]",
    "[१२]",
    "[edit]",
    "[Edit]",
    "[citation needed]",
    "Privacy policy",
    "use coo\u212aies",
    "use cookİes",
    "terms of use",
    "cookie",
    " policy",
    "x" * 999,
    "yy",
    ".",
    "...",
    "…",
    "?",
    "!",
    '"',
    "'",
    ") ",
    " ",
    "  ",
    "\t",
    "\xa0",
    "\0",
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    "\v",
    "\x1c",
    "\x85",
    "\u2028",
    "\ud800",
    "नमस्ते।",
    "你好。",
    "Σ",
]
texts = st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.text()
many_texts = st.lists(texts, max_size=4)


def lines_of(text, name, without=()):
    """What becomes of each line: its number, what is left of it, the rule that drops it, marks."""
    ends = {"tfds": tuple('.?!"'), "datatrove": tuple(".?!\"'"), "fineweb": ()}[name]
    least = 5 if name == "tfds" else 3
    number = 0
    for whole in text.replace("\ud800", "\ufffd").splitlines(keepends=True):
        line, here = whole.strip(), number
        number += whole.endswith("\n")
        clean = line if "citations" in without else CITATION.sub("", line)
        lower = clean.lower()
        words = len((clean if name == "tfds" else line).split())
        drops = {
            "long_word": any(len(word) > 1000 for word in line.split()),
            "end_mark": ends and (not clean.endswith(ends) or clean.endswith("...")),
            "few_words": words < least,
            "lorem": "lorem ipsum" in lower,
            "javascript": "javascript" in lower,
            "curly": "{" in clean,
            "policy": any(phrase in lower for phrase in POLICY_PHRASES),
        }
        marks = set()
        dropped = None
        for rule, applies in drops.items():
            if applies and rule in ("lorem", "curly"):
                marks.add(rule)
            elif applies and rule not in without:
                dropped = rule
                break
        yield here, line, clean, dropped, marks


def rewritten(text, name, without=()):
    """The text left, and the numbers of its lines."""
    kept = [
        (clean, number)
        for number, _, clean, dropped, _ in lines_of(text, name, without)
        if not dropped
    ]
    while kept and not kept[0][0].strip():
        kept.pop(0)
    while kept and not kept[-1][0].strip():
        kept.pop()
    return "\n".join(clean for clean, _ in kept).strip(), [number for _, number in kept]


def sentence_count(line):
    words = words_of(texts_of([line]))
    count, ended = min(len(words.starts), 1), False
    for flag in words.flags.tolist():
        if ended and flag & AFTER_BREAK:
            count, ended = count + 1, False
        if flag & SENTENCE_END:
            ended = True
        elif ended and not flag & IS_PUNCTUATION:
            count, ended = count + 1, False
    return count


def statistics(text, name):
    lines = list(lines_of(text, name))
    return [
        sum(sentence_count(clean) for _, _, clean, dropped, _ in lines if not dropped),
        sum("lorem" in marks for *_, marks in lines),
        sum("curly" in marks for *_, marks in lines),
    ]


@pytest.mark.parametrize("name", VARIANTS)
@given(strings=many_texts, without=st.sets(st.sampled_from(LINE_RULES)))
def test_texts_are_rewritten_as_python_does(name, strings, without):
    made = rewrite(texts_of(strings), name, tuple(without))
    expected = [rewritten(text, name, without) for text in strings]
    assert strings_of(made.texts).to_pylist() == [text for text, _ in expected]
    bounds = made.firsts.tolist()
    lines = [made.lines[low:high].tolist() for low, high in pairwise(bounds)]
    assert lines == [numbers for _, numbers in expected]


@pytest.mark.parametrize("name", VARIANTS)
@given(strings=many_texts)
def test_what_is_dropped_is_counted(name, strings):
    counts = rewrite(texts_of(strings), name).counts
    lines = [each for text in strings for each in lines_of(text, name) if each[1]]
    for rule in LINE_RULES[1:]:
        dropped = [line for _, line, _, by, _ in lines if by == rule]
        assert counts[f"dropped.{rule}_lines"] == len(dropped)
        assert counts[f"dropped.{rule}_bytes"] == len("".join(dropped).encode())
    cited = [(line, clean) for _, line, clean, by, _ in lines if not by and clean != line]
    assert counts["dropped.citations_lines"] == len(cited)
    lost = sum(len(line.encode()) - len(clean.encode()) for line, clean in cited)
    assert counts["dropped.citations_bytes"] == lost


@example(["One [1] two three four five. [2] Six.\r\nOne two three four five. Six."])
@given(many_texts)
def test_pages_are_measured_as_python_does(strings):
    made = texts_of(strings)
    found = c4_statistics(made, words_of(made))
    assert found["text_characters"].tolist() == [len(text) for text in strings]
    for name in VARIANTS:
        names = [f"c4_{name}_{each}" for each in ("sentences", "lorem_lines", "curly_lines")]
        ours = np.stack([found[each] for each in names], axis=1)
        assert ours.tolist() == [statistics(text, name) for text in strings]
