"""Charts of the report: Vega-Lite, drawn when the page is written, as SVG that needs no script.

A chart is drawn twice, for a wide and for a narrow page: in one that is scaled down nobody can
read the letters. Colours are names of the page's style, so that charts follow the reader's light
or dark setting, and one thing has one colour everywhere.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import altair as alt
import vl_convert
from markupsafe import Markup

WIDE_PIXELS, NARROW_PIXELS = 680, 328
ROW_PIXELS, PLANE_PIXELS = 21, 340
CROWD = 30
"""So many points are drawn smaller."""
LETTER_PIXELS = 7
"""Of a label, about: its width is not left to a font that the reader may not have."""
PALETTE = {
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
TEXT, QUIET, LINE = "var(--text)", "var(--quiet)", "var(--line)"
COLOURS = {
    "made": "var(--blue)",  # what the report is about
    "before": "var(--orange)",  # the model before alignment
    "base": "var(--purple)",
    "best of N": "var(--green)",
    "dropped": "var(--vermilion)",
    "shared": "var(--pale)",  # dropped by several rules
    "known": "var(--quiet)",  # what it is compared with
    "law": "var(--sky)",  # what a law says
}
"""Okabe and Ito's palette, by the kind of what is drawn."""
Layers = Sequence[alt.Chart]


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart in both widths."""

    description: str
    """In words, for those who do not see it."""
    wide: Markup
    narrow: Markup


def standalone(chart: Chart) -> str:
    """The wide chart as an SVG file of its own, for a light page."""
    return re.sub(r"var\(--(\w+)\)", lambda found: PALETTE[found[1]], chart.wide)


class Axis(NamedTuple):
    """What an axis shows."""

    title: str
    """With the unit."""
    format: str = "~s"
    log: bool = False
    low: float | None = None
    """Where it begins; absent, where the data do."""
    high: float | None = None


class Bar(NamedTuple):
    """A bar; those of one label lie over one another, later ones in front."""

    label: str
    value: float
    text: str
    """Beside the bar."""
    kind: str = "made"


class Dot(NamedTuple):
    """A dot in the row of its label, with its interval where it has one."""

    label: str
    kind: str
    value: float
    low: float | None = None
    high: float | None = None


class Step(NamedTuple):
    """A point of a course: what was measured, and the same without the noise."""

    x: float
    y: float
    mean: float


class Point(NamedTuple):
    """A point of a plane, with the interval of its height."""

    x: float
    y: float
    low: float
    high: float
    kind: str
    label: str = ""


class Line(NamedTuple):
    """A line through a plane, with the band that it may lie in where one is told."""

    x: Sequence[float]
    y: Sequence[float]
    kind: str
    label: str = ""
    """At its start."""
    low: Sequence[float] = ()
    high: Sequence[float] = ()


def bars(rows: Sequence[Bar], description: str) -> Chart:
    """Bars from above, each with its text."""
    top = max((row.value for row in rows), default=0) or 1
    text_pixels = LETTER_PIXELS * max((len(row.text) for row in rows), default=0) + 10

    def layers(width: int) -> Layers:
        share = max(0.2, 1 - text_pixels / (width - _label_pixels(rows, width)))
        x = alt.X("value:Q", scale=alt.Scale(domain=[0, top / share], nice=False), axis=None)
        base = _chart(rows).encode(y=_labels(rows, width))
        bar = base.mark_bar(height=13, cornerRadiusEnd=2)
        text = base.mark_text(align="left", dx=5, color=TEXT)
        return bar.encode(x=x.stack(None), color=_colour(rows)), text.encode(x=x, text="text:N")

    return _drawn(layers, alt.Step(ROW_PIXELS), description)


def dots(rows: Sequence[Dot], axis: Axis, description: str) -> Chart:
    """Rows of dots, compared along one axis."""

    def layers(width: int) -> Layers:
        base = _chart(rows).encode(y=_labels(rows, width, grid=True), color=_colour(rows))
        return (
            base.mark_rule(strokeWidth=2, opacity=0.6).encode(x=_x("low", axis), x2="high:Q"),
            base.mark_point(filled=True, opacity=1).encode(x=_x("value", axis), size=_size(rows)),
        )

    return _drawn(layers, alt.Step(ROW_PIXELS - 2), description)


def curve(rows: Sequence[Step], x: Axis, y: Axis, description: str) -> Chart:
    """The course of a run, its last value beside it."""
    line = _chart(rows).encode(x=_x("x", x))
    end = _chart(rows[-1:]).mark_text(align="left", dx=6, color=TEXT, fontWeight="bold")
    layers = (
        line.mark_line(color=COLOURS["made"], strokeWidth=1, opacity=0.35).encode(y=_y("y", y)),
        line.mark_line(color=COLOURS["made"], strokeWidth=2).encode(y=_y("mean", y)),
        end.encode(x=_x("x", x), y=_y("mean", y), text=alt.Text("mean:Q", format=".2f")),
    )
    return _drawn(lambda width: layers, PLANE_PIXELS - 60, description)


def plane(rows: Sequence[Point], x: Axis, y: Axis, description: str) -> Chart:
    """Labelled points, with intervals upwards and downwards."""
    return lines([], rows, x, y, description)


def lines(
    drawn: Sequence[Line], rows: Sequence[Point], x: Axis, y: Axis, description: str
) -> Chart:
    """Lines with their bands, and labelled points with intervals over them."""
    colour = _colour([*drawn, *rows])
    extent = _extent(drawn, rows)

    def layers(width: int) -> Layers:
        under = [layer for line in drawn for layer in _line(line, x, y, colour)]
        return (*under, *(_points(_labelled(rows, x, width, extent), x, y, colour) if rows else ()))

    return _drawn(layers, PLANE_PIXELS, description)


def _line(line: Line, x: Axis, y: Axis, colour: alt.Color) -> Layers:
    columns = {
        "x": line.x,
        "y": line.y,
        **({"low": line.low, "high": line.high} if line.low else {}),
    }
    values = [
        {**dict(zip(columns, row, strict=True)), "kind": line.kind, "label": line.label}
        for row in zip(*columns.values(), strict=True)
    ]
    base = alt.Chart({"values": values}).encode(x=_x("x", x), color=colour)
    band = base.mark_area(opacity=0.18).encode(y=_y("low", y), y2="high:Q")
    start = alt.Chart({"values": values[:1]}).encode(x=_x("x", x), y=_y("y", y), text="label:N")
    return (
        *((band,) if line.low else ()),
        base.mark_line(strokeWidth=2).encode(y=_y("y", y)),
        start.mark_text(align="left", dx=6, dy=-5, color=QUIET),
    )


def _points(values: list[dict[str, Any]], x: Axis, y: Axis, colour: alt.Color) -> Layers:
    at = alt.Chart({"values": values}).encode(x=_x("x", x))
    dot = at.encode(color=colour)
    label = at.encode(y=_y("label_y", y), text="label:N")
    right, left = (label.transform_filter(f"datum.side == {side}") for side in (1, -1))
    return (
        dot.mark_rule(strokeWidth=2, opacity=0.45).encode(y=_y("low", y), y2="high:Q"),
        dot.mark_point(filled=True, size=70 if len(values) < CROWD else 22, opacity=1).encode(
            y=_y("y", y)
        ),
        right.mark_text(align="left", dx=8, dy=-7, color=TEXT),
        left.mark_text(align="right", dx=-8, dy=-7, color=TEXT),
    )


class Extent(NamedTuple):
    """What a plane shows."""

    left: float
    right: float
    height: float


def _extent(drawn: Sequence[Line], rows: Sequence[Point]) -> Extent:
    across = [*(row.x for row in rows), *(x for line in drawn for x in line.x)]
    up = [*(end for row in rows for end in (row.low, row.high)), *(y for it in drawn for y in it.y)]
    return Extent(min(across), max(across), max(up) - min(up))


def _labelled(
    rows: Sequence[Point], axis: Axis, width: int, extent: Extent
) -> list[dict[str, Any]]:
    """The rows with ``side`` and ``label_y``, so that no label lies over a label.

    A label stands inwards of its point: right of it (``side`` 1), or left (-1). From below, each
    is pushed up as far as those that it would touch ask for.
    """
    place = math.log if axis.log else float
    low = place(axis.low or extent.left)
    span = place(axis.high or extent.right) - low or 1.0
    placed: list[tuple[float, float, float]] = []
    labelled = []
    for row in sorted(rows, key=lambda row: row.y):
        side = 1 if place(row.x) <= low + span / 2 else -1
        start = (place(row.x) - low) / span
        end = start + side * (LETTER_PIXELS * len(row.label) + 12) / (0.9 * width)
        start, end = sorted((start, end))
        touching = [top for left, right, top in placed if left < end and start < right]
        label_y = max([row.y, *(top + 0.05 * extent.height for top in touching)])
        placed += [(start, end, label_y)] if row.label else []
        labelled.append({**row._asdict(), "side": side, "label_y": label_y})
    return labelled


def _chart(rows: Sequence[Any]) -> alt.Chart:
    return alt.Chart({"values": [row._asdict() for row in rows]})


def _label_pixels(rows: Sequence[Any], width: int) -> int:
    longest = max((len(row.label) for row in rows), default=0)
    return min(width * 2 // 5, LETTER_PIXELS * longest) + 8


def _labels(rows: Sequence[Any], width: int, *, grid: bool = False) -> alt.Y:
    room = _label_pixels(rows, width)
    axis = alt.Axis(grid=grid, domain=False, ticks=False, labelLimit=room - 8, minExtent=room)
    return alt.Y("label:N", title=None, sort=None, axis=axis)


def _colour(rows: Sequence[Any]) -> alt.Color:
    kinds = list(dict.fromkeys(row.kind for row in rows))
    scale = alt.Scale(domain=kinds, range=[COLOURS[kind] for kind in kinds])
    return alt.Color("kind:N", scale=scale, legend=None)


def _size(rows: Sequence[Any]) -> alt.Size:
    """Smaller for the kinds in front, so that one behind is seen."""
    kinds = list(dict.fromkeys(row.kind for row in rows))
    sizes = [80 // (number + 1) for number in range(len(kinds))]
    return alt.Size("kind:N", scale=alt.Scale(domain=kinds, range=sizes), legend=None)


def _x(field: str, axis: Axis) -> alt.X:
    ticks = 3 if axis.log else 6
    return alt.X(f"{field}:Q", title=_title(axis), scale=_scale(axis)).axis(
        format=axis.format, tickCount=ticks, labelFlush=False
    )


def _y(field: str, axis: Axis) -> alt.Y:
    return alt.Y(f"{field}:Q", title=_title(axis), scale=_scale(axis)).axis(
        format=axis.format, tickCount=6, titleAngle=0, titleAlign="left", titleX=-30, titleY=-12
    )


def _title(axis: Axis) -> str:
    return f"{axis.title}, log scale" if axis.log else axis.title


def _scale(axis: Axis) -> alt.Scale:
    low = alt.Undefined if axis.low is None else axis.low
    high = alt.Undefined if axis.high is None else axis.high
    kind: Literal["log", "linear"] = "log" if axis.log else "linear"
    nice = axis.high is None
    return alt.Scale(type=kind, zero=False, nice=nice, domainMin=low, domainMax=high)


def _drawn(layers: Callable[[int], Layers], height: int | alt.Step, description: str) -> Chart:
    wide, narrow = (_svg(layers(it), it, height) for it in (WIDE_PIXELS, NARROW_PIXELS))
    return Chart(description, wide, narrow)


def _svg(layers: Layers, width: int, height: int | alt.Step) -> Markup:
    sizes = {"labelFontSize": 12, "titleFontSize": 12}
    colours = {"labelColor": TEXT, "titleColor": QUIET, "titleFontWeight": "normal"}
    lines = dict.fromkeys(("gridColor", "domainColor", "tickColor"), LINE)
    chart = (
        alt.layer(*layers)
        .properties(width=width, height=height, background="transparent", padding=8)
        .properties(autosize=alt.AutoSizeParams(type="fit-x", contains="padding"))
        .configure(font="system-ui, sans-serif", aria=False, axis={**sizes, **colours, **lines})
        .configure_view(stroke=None)
        .configure_text(fontSize=12)
    )
    return Markup(vl_convert.vegalite_to_svg(chart.to_dict()))
