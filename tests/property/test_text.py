from encodings.aliases import aliases

from hypothesis import example, given
from hypothesis import strategies as st

from bedstone.corpus.identification.identifiers import identifier
from bedstone.corpus.identification.identify import identify
from bedstone.corpus.web import html

CHARSETS = sorted(
    {*aliases, *aliases.values(), "", "undefined", "utf-7", "unicode_escape", "a\0b", "\udc80", "é"}
)


@given(st.text())
def test_every_text_has_a_language_key(text):
    for name in ("pycld2", "py3langid"):
        (found,) = identify([text], identifier(name), min_bytes=0, min_share=0.5)
        assert found.language in ("und", "mul") or len(found.language) == 8
        assert 0 <= found.score <= 1 + 1e-9
        assert found.own_words is None or 0 <= found.own_words <= 1


@given(
    st.sampled_from(CHARSETS) | st.text(max_size=20),
    st.sampled_from(CHARSETS),
    st.binary(max_size=200),
)
@example("utf-7", "utf-7", b"<p>+2AA-</p>")
@example("unicode_escape", "unicode_escape", b"<p>\\ud800</p>")
def test_any_bytes_are_a_page_whatever_they_are_said_to_be(declared, meta, body):
    body = f"<meta charset={meta}>".encode(errors="replace") + body
    encoding = html.charset(declared, body)
    encoding.encode()
    text = html.text_of(html.decode(body, encoding), main_content=True)
    text.text.encode()
    assert all(number < len(text.text.split("\n")) for number in text.headings)


@given(st.lists(st.sampled_from(["<h1>a b</h1>", "<p>c d e</p>", "<h2>", "</div>", "<li>", "x"])))
def test_headings_are_lines(parts):
    found = html.text_of("".join(parts), main_content=False)
    assert all(found.text.split("\n")[number] for number in found.headings)
