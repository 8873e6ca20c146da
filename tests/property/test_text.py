import re
import unicodedata
from encodings.aliases import aliases

from hypothesis import example, given
from hypothesis import strategies as st

from bedstone.corpus.identification.identifiers import identifier
from bedstone.corpus.identification.identify import identify
from bedstone.corpus.web import charsets, html
from bedstone.text.composition import JOINER, composed

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
    text = html.text_of(charsets.decode(body, declared).text, main_content=True)
    text.text.encode()
    assert all(number < len(text.text.split("\n")) for number in text.headings)


NAMES = sorted({*charsets.LABELS.values(), *charsets.READ_ANYWAY.values(), ""})
PIECES = st.sampled_from(
    [b"\xef\xbf\xbd", b"\x841\xa47", b"\xfd\xff", b"\xff\xfe", b"\x1b$B", b"\x0e", b"~{", b"\0"]
)


@given(st.sampled_from(NAMES), st.lists(PIECES | st.binary(max_size=8)).map(b"".join))
def test_any_bytes_are_characters(declared, body):
    read = charsets.decode(body, declared)
    read.text.encode()
    assert 0 <= read.replaced <= read.text.count("\ufffd")
    assert read.charset in NAMES
    for name in NAMES[1:]:
        charsets.decode(b"".join((body, b"<", body)), name).text.encode()


@given(st.text(), st.sampled_from(["", "utf-8"]))
@example("\ufffd", "")
def test_utf_8_is_read_as_it_was_written(text, declared):
    body = text.encode("utf-8", "ignore")
    if not body.startswith(tuple(charsets.BEGINNINGS)) and charsets.DOUBLE_BYTES not in body:
        assert charsets.decode(body, declared) == (body.decode(), "utf-8", 0, 0)


LETTERS = [*"ae\u0301\u0323\u0338\u0f71\u0f72\u1100\u1161\u09c7\u09be\u200d\u200cΩ"]


@given(st.text() | st.lists(st.sampled_from(LETTERS), max_size=99).map("".join))
def test_composed_text_is_nfc_of_the_same_text(text):
    made = composed(text)
    assert unicodedata.is_normalized("NFC", made)
    assert composed(made) == made
    parts = unicodedata.normalize("NFC", text.replace(JOINER, ""))
    if not re.search(r"[^\w\s]{31}", unicodedata.normalize("NFD", text)):
        assert made.replace(JOINER, "") == parts


@given(st.lists(st.sampled_from(["<h1>a b</h1>", "<p>c d e</p>", "<h2>", "</div>", "<li>", "x"])))
def test_headings_are_lines(parts):
    found = html.text_of("".join(parts), main_content=False)
    assert all(found.text.split("\n")[number] for number in found.headings)
