import math
import re

from hypothesis import given
from hypothesis import strategies as st

from bedstone.corpus import judge, measure
from bedstone.corpus.rules.sets import RULES, chosen

ANY_TEXT = (
    st.text()
    | st.text(st.characters(codec=None))
    | st.text(alphabet="aAé1.,'’-#{ \n\r\0\u2028…•我ทि\u0301\ufe0f\ud800")
    | st.lists(st.sampled_from(["a ", "b ", "ab", "\n", "\n\n", "word. ", "… "])).map("".join)
)
RULE_SETS = st.sampled_from(sorted(RULES))


@given(ANY_TEXT)
def test_every_statistic_is_finite_or_absent(text):
    (row,) = measure([text]).to_pylist()
    assert all(value is None or (math.isfinite(value) and value >= 0) for value in row.values())
    shares = [row[name] for name in row if name.endswith("_share")]
    assert all(value is None or value <= 1 for value in shares)


@given(ANY_TEXT, RULE_SETS)
def test_a_rule_judges_alone_and_one_less_never_drops(text, name):
    statistics = measure([text])
    alone = [
        failure
        for rule in RULES[name]
        for failure in judge(statistics, [rule])["failed"].to_pylist()[0]
    ]
    assert judge(statistics, name)["failed"].to_pylist() == [alone]
    assert judge(statistics, name)["keep"].to_pylist() == [not alone]


@given(st.lists(ANY_TEXT, max_size=5))
def test_texts_are_measured_and_judged_alone(texts):
    every = chosen(",".join(RULES))
    together = measure(texts)
    alone = [measure([text]).to_pylist()[0] for text in texts]
    assert together.to_pylist() == alone
    decided = judge(together, every).to_pylist()
    assert decided == [judge(measure([text]), every).to_pylist()[0] for text in texts]


@given(st.text(alphabet="ab, \n"))
def test_given_words_are_taken_as_they_are(text):
    tokens = re.findall(r"[ab]+|,", text)
    (row,) = measure([text], tokens=[tokens]).to_pylist()
    words = [token for token in tokens if token != ","]
    assert row["word_count"] == len(words)
    assert row["mean_word_length"] == (sum(map(len, words)) / len(words) if words else 0)
