"""Mallard, the XML of GNOME's help pages, as HTML.

Headings, paragraphs, lists, tables and listings keep their structure; inside them only the text
is kept. Pictures, credits and the links that a browser of help pages fills in are left out.

Source: Mallard 1.0, http://projectmallard.org/1.0/. Differs: of the variants that a condition
chooses between, the first one is taken.
"""

from collections.abc import Iterable, Iterator
from html import escape
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

LEFT_OUT = frozenset({"comment", "include", "info", "links", "media", "rules", "thumb"})
LISTS = {"list": "ul", "steps": "ol", "table": "table", "terms": "ul"}
"""Their titles go before them: HTML has no place for one inside."""
PARTS = {"item": "li", "td": "td", "tr": "tr"}
JOINED_BY = {"guiseq": " ▸ ", "keyseq": "+"}
"""Sequences whose parts have no text between them."""


def html(xml: bytes, language: str) -> str:
    """The page ``xml`` as an HTML document; ``language`` is its BCP 47 tag.

    Raises:
        xml.etree.ElementTree.ParseError: it is no well-formed XML.
    """
    page = ElementTree.fromstring(xml)
    title = page.find("{*}title")
    name = "" if title is None else escape(_text(title))
    return (
        f'<!DOCTYPE html>\n<html lang="{escape(language)}">\n'
        f'<head><meta charset="utf-8"><title>{name}</title></head>\n'
        f"<body><main>\n{_blocks(page, level=1)}\n</main></body>\n</html>\n"
    )


def _blocks(elements: Iterable[Element], level: int = 0) -> str:
    """``elements`` as HTML; ``level`` is that of a heading here, 0 where titles are none."""
    return "\n".join(block for element in elements for block in _block(element, level))


def _block(element: Element, level: int) -> Iterator[str]:
    kind = _kind(element)
    if kind in LEFT_OUT:
        return
    if kind == "title":
        yield _tagged(f"h{min(level, 6)}" if level else "p", escape(_text(element)))
    elif kind in ("p", "subtitle", "desc"):
        yield _tagged("p", escape(_text(element)))
    elif kind in ("code", "screen"):
        yield _tagged("pre", escape("".join(element.itertext()).strip("\n")))
    elif kind == "section":
        yield _blocks(element, level + 1)
    elif kind == "choose":
        yield from _block(element[0], level)
    elif kind in ("if", "when"):
        yield _blocks(element, level)
    elif kind in LISTS:
        titles = element.findall("{*}title")
        yield _blocks(titles)
        rest = (child for child in element if child not in titles)
        yield _tagged(LISTS[kind], f"\n{_blocks(rest)}\n")
    else:
        yield _tagged(PARTS.get(kind, "div"), f"\n{_blocks(element)}\n")


def _text(element: Element) -> str:
    return " ".join(_inline(element).split())


def _inline(element: Element) -> str:
    if joint := JOINED_BY.get(_kind(element)):
        return joint.join(_text(child) for child in element)
    parts = (f"{_inline(child)}{child.tail or ''}" for child in element)
    return f"{element.text or ''}{''.join(parts)}"


def _kind(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _tagged(tag: str, content: str) -> str:
    return f"<{tag}>{content}</{tag}>"
