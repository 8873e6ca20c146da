"""HTML to text: the page's lines, and of them those that are its own.

The parser is resiliparse's. What is content is decided on its tree, by ``corpus.content``.
"""

import re
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from resiliparse.parse.html import HTMLParserException, HTMLTree

from bedstone.corpus.content.blocks import Page, page_of
from bedstone.corpus.content.judge import NOT_LEFT_OUT, REASONS, reasons_of
from bedstone.corpus.content.names import Bytes
from bedstone.corpus.content.tags import Tags, tags_of
from bedstone.corpus.content.written import written
from bedstone.corpus.web import charsets, signals
from bedstone.text.composition import legible

WITHOUT_SCRIPT = re.compile(r"<(/?)noscript(?=[\s/>])", re.IGNORECASE)
"""Where scripts run, nothing in it is markup. The parser takes it for such, and what is not closed
there would hold the rest of the page; in ``noframes`` it does not.
"""
HTML, TEXT = "html", "text"
"""Kinds of pages."""
MAX_EXAMPLE_BYTES = 300


class LeftOut(NamedTuple):
    """What of a page is not its content, for one reason."""

    bytes: int
    example: str
    """The beginning of the longest block."""


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a page."""

    text: str
    headings: list[int]
    """Numbers of the lines of ``text``, from 0, that are headings; split it at line feeds."""
    left_out: dict[str, LeftOut]
    """By reason, those of ``corpus.content.judge``."""
    signals: list[str]
    """Of the markup, as ``corpus.web.signals`` has them."""


class Read(NamedTuple):
    """A page that was read."""

    charset: str
    replaced: int
    """As ``charsets.Decoded`` has them."""
    text: Text


def read_page(declared: str, body: bytes, kind: str, *, main_content: bool) -> Read:
    """The characters of ``body``, whatever it is, and its text as ``legible`` has it.

    Args:
        declared: the encoding that the HTTP header has.
        body: of a page.
        kind: ``HTML``, or ``TEXT``: the text as somebody has taken it out, UTF-8 if nothing tells.
        main_content: as in ``text_of``.

    Raises:
        MemoryError: the parser had not enough.
    """
    if kind == TEXT:
        read = charsets.decode(body, declared or "utf-8")
        text = Text(read.text, [], {}, [])
    else:
        read = charsets.decode(body, declared)
        try:
            text = text_of(read.text, main_content=main_content)
        except HTMLParserException as error:  # it takes any page; it fails without memory only
            raise MemoryError from error
    return Read(read.charset, read.replaced, replace(text, text=legible(text.text)))


def page(html: str) -> Page:
    """``html`` in blocks; what is no HTML is taken as its text."""
    source, tags = _parsed(html)
    return page_of(np.frombuffer(source, np.uint8), tags)


def text_of(html: str, *, main_content: bool) -> Text:
    """The text of ``html``, and where its headings are.

    Args:
        html: anything: what is no HTML is taken as its text.
        main_content: leave out navigation, comments, footers and the like.
    """
    source, tags = _parsed(html)
    found, told = page_of(np.frombuffer(source, np.uint8), tags), signals.of_markup(source, tags)
    if not main_content:
        return Text(*written(found, np.ones(len(found.blocks.starts), np.bool_)), {}, told)
    reasons = reasons_of(found)
    return Text(*written(found, reasons == NOT_LEFT_OUT), _left_out(found, reasons), told)


def _parsed(html: str) -> tuple[bytes, Tags]:
    """The tree as the parser writes it, and its tags."""
    tree = str(HTMLTree.parse(WITHOUT_SCRIPT.sub(r"<\1noframes", html))).encode("utf-8", "replace")
    return tree, tags_of(np.frombuffer(tree, np.uint8))


def _left_out(page: Page, reasons: Bytes) -> dict[str, LeftOut]:
    blocks, found = page.blocks, dict[str, LeftOut]()
    sizes = np.where(reasons == NOT_LEFT_OUT, 0, blocks.ends - blocks.starts)
    totals = np.bincount(reasons, sizes, NOT_LEFT_OUT + 1)
    for number in np.flatnonzero(totals).tolist():
        longest = np.where(reasons == number, sizes, 0).argmax()
        start = blocks.starts[longest]
        end = min(blocks.ends[longest], start + MAX_EXAMPLE_BYTES)
        example = legible(page.text[start:end].tobytes().decode("utf-8", "ignore"))
        found[REASONS[number]] = LeftOut(int(totals[number]), example)
    return found
