"""MediaWiki's translated messages as text that reads like a page.

A message is kept line by line, without markup. A line with a parameter (``$1``) or with a
template whose value only a running wiki knows is left out: it is no sentence that anyone reads.
So are labels: lines too short to be a sentence. But a label whose key begins the next message's
key (``nosuchaction``, ``nosuchactiontext``) is that message's heading.

Source: https://www.mediawiki.org/wiki/Help:System_message
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape, unescape
from itertools import pairwise

MIN_LINE_BYTES = 24
"""UTF-8 bytes of the shortest line kept: some four Latin words, or eight characters of the
scripts that say as much in a third of the characters."""
PAGE_LINES = 60
"""Lines after which a long list of messages goes on on another page."""

OWN_TEXT = (
    ("{", re.compile(r"\{\{\s*plural\s*:[^{}]*\|([^{}|]*)\}\}", re.IGNORECASE), r"\1"),
    ("{", re.compile(r"\{\{\s*gender\s*:[^{}|]*\|([^{}|]*)[^{}]*\}\}", re.IGNORECASE), r"\1"),
    ("{", re.compile(r"\{\{\s*sitename\s*\}\}", re.IGNORECASE), "MediaWiki"),
    ("{", re.compile(r"\{\{\s*grammar\s*:[^{}|]*\|([^{}|]*)\}\}", re.IGNORECASE), r"\1"),
    ("[", re.compile(r"\[\[(?:[^\[\]|]*\|)?([^\[\]|]*)\]\]"), r"\1"),
    ("[", re.compile(r"\[(?:https?:)?//\S+ ([^\[\]]*)\]"), r"\1"),
    ("<", re.compile(r"</?[a-zA-Z][^<>]*>"), ""),
)
"""Templates, links and tags that have a text of their own: how each begins, the whole of it, and
its text. In the order of undoing."""
MARKS = re.compile(r"'{2,}|^[*#:;=\s]+|=+\s*$|__[A-Z]+__")
MARKUP = re.compile(r"[\[\]{}<>&$*#=_]|''|^[:;]|https?:")
"""What a line without any markup has none of."""
UNREADABLE = re.compile(r"\$\d|[{}|\[\]<>]|https?://")
"""What is left of everything else."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page, in plain text."""

    text: str
    heading: bool = False


def lines(content: bytes) -> list[Line]:
    """The lines worth reading in a file of messages, in its order."""
    messages = [
        (key, [plain(line) for line in message.splitlines()])
        for key, message in json.loads(content).items()
        if key[0] != "@"
    ]
    found: list[Line] = []
    for (key, texts), (after, below) in pairwise([*messages, ("", [])]):
        if after.startswith(key) and len(texts) == 1 and texts[0] and any(map(_is_long, below[:1])):
            found.append(Line(texts[0], heading=True))
        else:
            found += [Line(text) for text in texts if _is_long(text)]
    return _without_bare_headings(found)


def plain(line: str) -> str:
    """``line`` without wiki markup and tags; empty if it cannot be read without a running wiki.

    Of the forms for one and for many the last is taken, of those by gender the first.
    """
    if MARKUP.search(line):
        for beginning, whole, text in OWN_TEXT:
            if beginning in line:
                line = whole.sub(text, line)
        line = "" if UNREADABLE.search(line) else unescape(MARKS.sub("", line))
    return " ".join(line.split())


def paged(found: Sequence[Line]) -> list[Sequence[Line]]:
    """``found`` in pieces of equal length, give or take one, that fit on a page."""
    pages = -(-len(found) // PAGE_LINES)
    starts = [len(found) * page // pages for page in range(pages)] + [len(found)]
    return [found[low:high] for low, high in pairwise(starts)]


def html(found: Iterable[Line], language: str, title: str) -> str:
    """An HTML document of the lines ``found``; ``language`` is its BCP 47 tag."""
    body = "\n".join(
        f"<h2>{escape(line.text)}</h2>" if line.heading else f"<p>{escape(line.text)}</p>"
        for line in found
    )
    return (
        f'<!DOCTYPE html>\n<html lang="{escape(language)}">\n'
        f'<head><meta charset="utf-8"><title>{escape(title)}</title></head>\n'
        f"<body><main>\n{body}\n</main></body>\n</html>\n"
    )


def _is_long(text: str) -> bool:
    return len(text.encode()) >= MIN_LINE_BYTES


def _without_bare_headings(found: list[Line]) -> list[Line]:
    below = pairwise([*found, Line("", heading=True)])
    return [line for line, after in below if not (line.heading and after.heading)]
