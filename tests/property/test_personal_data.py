"""Whatever a text holds: spans lie in it, in order, apart, and redacting them ends."""

from hypothesis import given
from hypothesis import strategies as st

from bedstone.corpus.personal_data.digits import folded
from bedstone.corpus.personal_data.national_numbers import KINDS
from bedstone.corpus.personal_data.spans import found
from bedstone.corpus.personal_data.surrogates import surrogate

PARTS = st.sampled_from(
    [
        "@",
        "a",
        "b.org",
        "+",
        "(",
        ")",
        "-",
        ".",
        ":",
        "::",
        "/",
        "7",
        "41",
        "१२",
        "555",
        "NIN",
        "GB29",
        "ABCPE",
        "😀",
        "\u202e",
        "0x",
        "2341-2341-2346",
        "+254712345678",
        " ",
        "\n",
    ]
)
TEXTS = st.one_of(st.text(max_size=60), st.lists(PARTS, max_size=30).map("".join))


@given(TEXTS, st.sampled_from([None, "KE", "IN"]))
def test_spans_lie_in_the_text_in_order_and_apart(text, country):
    assert len(folded(text)) == len(text)
    behind = 0
    for span in found(text, country):
        assert behind <= span.start < span.end <= len(text)
        assert "\n" not in text[span.start : span.end]
        assert surrogate(text[span.start : span.end], span.kind, span.country, "a")
        behind = span.end


@given(TEXTS, st.sampled_from(KINDS))
def test_one_kind_alone_is_found_where_it_is_among_all(text, kind):
    assert found(text, "KE", (kind,)) == [it for it in found(text, "KE") if it.kind == kind]
