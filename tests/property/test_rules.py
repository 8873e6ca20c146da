import math
import re

from hypothesis import given
from hypothesis import strategies as st

from bedstone.corpus import judge, measure
from bedstone.corpus.characters import codes_of
from bedstone.corpus.rules import RULES
from bedstone.corpus.words import look_up, words_of

ANY_TEXT = st.text() | st.text(alphabet="aAé1.,'’-# \n…•我ทि\u0301\ufe0f")
RULE_SETS = st.sampled_from(sorted(RULES))


@given(ANY_TEXT)
def test_every_statistic_is_finite_or_absent(text):
    (row,) = measure([text]).to_pylist()
    assert all(value is None or (math.isfinite(value) and value >= 0) for value in row.values())
    assert all(row[name] <= 1 for name in row if name.endswith("_share"))


@given(ANY_TEXT, RULE_SETS)
def test_a_rule_judges_alone(text, name):
    statistics = measure([text])
    alone = [
        failure
        for rule in RULES[name]
        for failure in judge(statistics, [rule])["failed"].to_pylist()[0]
    ]
    assert judge(statistics, name)["failed"].to_pylist() == [alone]


@given(st.lists(ANY_TEXT, max_size=5), RULE_SETS)
def test_texts_are_measured_and_judged_alone(texts, name):
    together = judge(measure(texts), name).to_pylist()
    assert together == [judge(measure([text]), name).to_pylist()[0] for text in texts]


@given(st.text(alphabet="abcXYZ 0123,.!?\n\t"))
def test_words_of_plain_english_are_those_of_a_regular_expression(text):
    words = words_of(look_up(codes_of(text)))
    found = [text[start:end] for start, end in zip(words.starts, words.ends, strict=True)]
    assert found == re.findall(r"[a-zA-Z0-9]+(?:(?<=\d)[.,](?=\d)[a-zA-Z0-9]+)*", text)


@given(st.text(alphabet="ab 我ทि\u0301.'1"))
def test_words_do_not_overlap(text):
    words = words_of(look_up(codes_of(text)))
    assert (words.starts < words.ends).all()
    assert (words.ends[:-1] <= words.starts[1:]).all()
