"""Elements of an SVG drawing, in the colours of the page."""

import re
from collections.abc import Iterable

from markupsafe import Markup, escape

PALETTE = {
    "page": "#ffffff",
    "text": "#1c1e21",
    "quiet": "#5d6470",
    "line": "#dfe2e7",
    "blue": "#0072b2",
    "sky": "#56b4e9",
    "orange": "#e69f00",
    "green": "#009e73",
    "vermilion": "#d55e00",
    "purple": "#cc79a7",
    "pale": "#f0c4a8",
}
"""What the colours are on a light page; the page gives a dark one others."""
PAGE, TEXT, QUIET, LINE = "var(--page)", "var(--text)", "var(--quiet)", "var(--line)"
COLOURS = {
    "made": "var(--blue)",  # what the report is about
    "before": "var(--orange)",  # the model before alignment
    "base": "var(--purple)",
    "best of N": "var(--green)",
    "dropped": "var(--vermilion)",
    "shared": "var(--pale)",  # dropped by several rules
    "known": "var(--quiet)",  # what it is compared with
    "law": "var(--sky)",  # what a law says
    "better": "var(--green)",  # verdicts on a decision
    "worse": "var(--vermilion)",
    "same": "var(--blue)",
    "cannot tell": "var(--quiet)",
}
"""Okabe and Ito's palette, by the kind of what is drawn."""
LETTER_PIXELS = 7
"""Of a text, about: its width is not left to a font that the reader may not have."""
TEXT_PIXELS, MARGIN_PIXELS = 12, 8
NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML file may hold."""


def element(name: str, *inside: str, **attributes: float | str) -> Markup:
    """One element; ``stroke_width`` is written ``stroke-width``, a number with one decimal."""
    written = "".join(
        f' {key.replace("_", "-")}="{_shown(value)}"' for key, value in attributes.items()
    )
    content = Markup().join(_clean(it) for it in inside)
    return Markup("<{0}{1}>{2}</{0}>").format(name, Markup(written), content)


def text(words: str, x: float, y: float, anchor: str = "start", colour: str = TEXT) -> Markup:
    """One line of text with its middle at the height ``y``."""
    return element("text", words, x=x, y=y + 0.36 * TEXT_PIXELS, text_anchor=anchor, fill=colour)


def on_rim(words: Iterable[Markup]) -> Markup:
    """Texts on a rim of the page's colour: they can be read over what is drawn."""
    return element("g", *words, stroke=PAGE, stroke_width=3, paint_order="stroke")


def path(points: Iterable[tuple[float, float]], **attributes: float | str) -> Markup:
    """A line from point to point."""
    steps = "L".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return element("path", d=f"M{steps}", **attributes)


def drawing(width: int, height: float, described: str, marks: Iterable[Markup]) -> Markup:
    """The whole, told in words for those who do not see it; around its marks is some room."""
    width, height = width + 2 * MARGIN_PIXELS, height + 2 * MARGIN_PIXELS
    return element(
        "svg",
        *marks,
        xmlns="http://www.w3.org/2000/svg",
        width=width,
        height=height,
        viewBox=f"{-MARGIN_PIXELS} {-MARGIN_PIXELS} {width} {height:.0f}",
        font_family="system-ui, sans-serif",
        font_size=TEXT_PIXELS,
        role="img",
        aria_label=described,
    )


def on_light(svg: Markup) -> str:
    """The drawing as a file of its own, on a light page."""
    start = svg.index(">") + 1
    sheet = element(
        "rect", x=-MARGIN_PIXELS, y=-MARGIN_PIXELS, width="100%", height="100%", fill=PAGE
    )
    whole = svg[:start] + sheet + svg[start:]
    return re.sub(r'(fill|stroke)="var\(--(\w+)\)', lambda it: f'{it[1]}="{PALETTE[it[2]]}', whole)


def _shown(value: float | str) -> str:
    return _clean(value) if isinstance(value, str) else f"{round(value, 1):g}"


def _clean(words: str) -> Markup:
    return escape(words if isinstance(words, Markup) else NO_XML.sub("\ufffd", words))
