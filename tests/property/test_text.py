from hypothesis import given
from hypothesis import strategies as st

from bedstone.corpus import html
from bedstone.corpus.identify import language_of


@given(st.text())
def test_every_text_has_a_language_key(text):
    found = language_of(text, min_bytes=0, min_share=0.5)
    assert found.language in ("und", "mul") or len(found.language) == 8
    assert 0 <= found.score <= 1


@given(st.binary(max_size=200))
def test_any_bytes_are_a_page(body):
    text = html.text_of(html.decode(body, html.charset("", body)), main_content=True)
    text.text.encode()
    assert all(number < len(text.text.split("\n")) for number in text.headings)


@given(st.lists(st.sampled_from(["<h1>a b</h1>", "<p>c d e</p>", "<h2>", "</div>", "<li>", "x"])))
def test_headings_are_lines(parts):
    found = html.text_of("".join(parts), main_content=False)
    assert all(found.text.split("\n")[number] for number in found.headings)
