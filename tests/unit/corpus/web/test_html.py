import pytest

from bedstone.corpus.web import html

PAGE = """<body><nav><a href=/>Gardens</a></nav><main><h1>Gardens of  the
north</h1><p>They bloom late, but they bloom long, and in autumn nobody remembers how.</p><ul><li>one thing</li></ul>
<h2><a href=x>Water</a> and light</h2><p>Both are rare. Water is brought from the lake, light comes by itself in May.</p></main></body>"""


def test_headings_are_lines_of_the_text():
    found = html.text_of(PAGE, main_content=True)
    lines = found.text.split("\n")
    assert [lines[number] for number in found.headings] == [
        "Gardens of the north",
        "Water and light",
    ]
    assert "Gardens" not in lines


def test_main_content_is_a_choice():
    assert html.text_of(PAGE, main_content=False).text.startswith("Gardens\n")


@pytest.mark.parametrize(
    ("declared", "body", "expected"),
    [
        ("windows-1251", b"", "cp1251"),
        ("UTF8", b"<meta charset=windows-1251>", "utf-8"),
        ("", b"<html><meta charset=windows-1251>", "cp1251"),
        ("no-such", b"<html><meta charset=iso-8859-2>", "iso8859-2"),
        ("iso-8859-1", b"", "cp1252"),
        ("hex", b"<html><meta charset=koi8-r>", "koi8-r"),
        ("undefined", b"<html><meta charset=utf-7>", "cp1252"),
        ("\udc80\0", b"", "utf-8"),
        ("", "привет мир, это простой текст".encode("koi8-r"), "koi8-r"),
        ("", b"", "utf-8"),
    ],
)
def test_charset_by_header_then_page_then_look(declared, body, expected):
    assert html.charset(declared, body) == expected


def test_decoding_never_fails():
    assert html.decode(b"\xef\xbb\xbfa", "utf-8") == "a"
    assert html.decode("é".encode("cp1252"), "utf-8") == "é"
    assert html.decode(bytes(range(256)), "utf-8")
