"""HTML to text: which characters the bytes are, and which of the text is the page's own.

The parser and the rules for what is main content are resiliparse's.
"""

import re
from dataclasses import dataclass

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding, map_encoding_to_html5
from resiliparse.parse.html import HTMLParserException

MARK = "\x01\x02\x03\x04\x05\x06"
"""Put into the headings before the text is taken out, so that they are found in it again. Controls
have no use in text; pages that have just these lose them. As many, since resiliparse drops shorter
pieces of text from main content (and with a mark no heading); of one byte each, so that Python
holds an English text in as few.
"""
HEADING = re.compile(
    r"(<[hH][1-6](?=[\s>])[^<>]*>)"
    r"(?!(?:\s|<(?!/?[hH][1-6])[^<>]*>)*</[hH][1-6])"
)
"""The tag that begins a heading, unless nothing but tags is in it. One in a comment or a script is
marked too, but no text is taken from there. An attribute's value with such a tag in it, or with a
``>`` in a heading's own tag, misleads it: a heading too many, or too few."""


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a page."""

    text: str
    headings: list[int]
    """Numbers of the lines of ``text``, from 0, that are headings; split it at line feeds."""


def charset(declared: str, body: bytes) -> str:
    """The encoding of ``body``: as the HTTP header has it, the page itself, or by its look.

    A declared name that no browser takes for an encoding is passed over. Python knows more names,
    but some of them are of no text (``hex``), and some decode to lone surrogates (``utf-7``).

    Source: the WHATWG encoding standard, 4.2, for the names, as resiliparse has them.
    """
    known = map_encoding_to_html5(declared, fallback_utf8=False) if declared.isascii() else None
    return str(known or detect_encoding(body, from_html_meta=True))


def decode(body: bytes, encoding: str) -> str:
    """The characters of ``body``; those that cannot be are U+FFFD. Lone surrogates are not in it.

    Args:
        body: any bytes.
        encoding: as ``charset`` names it.

    Where ``encoding`` does not fit, UTF-8 and windows-1252 are tried before that.
    """
    return str(bytes_to_str(body, encoding, errors="replace"))


def text_of(html: str, *, main_content: bool) -> Text:
    """The text of ``html``, and where its headings are.

    Args:
        html: anything: what is no HTML is taken as its text.
        main_content: leave out navigation, footers and the like.
    """
    if MARK[0] in html:
        html = html.replace(MARK, "")
    # Text, tag, text, tag ...: faster than to substitute, which calls Python for each tag.
    parts = HEADING.split(html)
    parts[1::2] = [tag + MARK for tag in parts[1::2]]
    marked = extract_plain_text("".join(parts), main_content=main_content)
    lines = list(map(str.rstrip, marked.strip().split("\n")))
    headings = [number for number, line in enumerate(lines) if MARK in line and line.strip(MARK)]
    text = "\n".join(lines).replace(f"{MARK} ", "").replace(MARK, "")
    return Text(text, headings)


def read_page(declared: str, body: bytes, *, main_content: bool) -> tuple[str, Text]:
    """The encoding of ``body``, whatever it is, and its text.

    Args:
        declared: the encoding that the HTTP header has.
        body: of a page.
        main_content: as in ``text_of``.

    Raises:
        MemoryError: the parser had not enough.
    """
    encoding = charset(declared, body)
    try:
        return encoding, text_of(decode(body, encoding), main_content=main_content)
    except HTMLParserException as error:  # it takes any page; it fails without memory only
        raise MemoryError from error
