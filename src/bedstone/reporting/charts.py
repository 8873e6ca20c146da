"""Charts of the report, drawn when the page is written, as SVG that needs no script.

A chart is drawn twice, for a wide and for a narrow page: in one that is scaled down nobody can
read the letters. Colours are names of the page's style, so that charts follow the reader's light
or dark setting, and one thing has one colour everywhere.
"""

import math
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

from bedstone.reporting.axes import Axis, Scale, scaled
from bedstone.reporting.labels import LINE_PIXELS, Box, Label, Place, along, labels
from bedstone.reporting.svg import (
    COLOURS,
    LETTER_PIXELS,
    LINE,
    MARGIN_PIXELS,
    QUIET,
    drawing,
    element,
    on_light,
    on_rim,
    path,
    text,
)
from bedstone.reporting.wording import short

WIDE_PIXELS, NARROW_PIXELS = 680, 328
ROW_PIXELS, BAR_PIXELS, PLANE_PIXELS, CURVE_PIXELS = 20, 13, 340, 280
ACROSS_PIXELS, UP_PIXELS = 60, 45
"""From one tick of an axis to the next, at least."""
EDGE_PIXELS = 20
"""Right of an axis: half of its last tick's words stand there."""
GAP_PIXELS = 6
"""Between words and what they belong to."""
CROWD = 30
"""So many points are drawn smaller."""
FOREST_AREA, HEADING_PIXELS = 60, 26
Key = Sequence[tuple[str, str]]
"""Kind and meaning, of a chart with several kinds; those that are not drawn are not shown."""
Drawn = tuple[float, list[Markup]]
"""Where it ends below, and its elements."""


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart in both widths."""

    description: str
    """In words, for those who do not see it."""
    wide: Markup
    narrow: Markup


def standalone(chart: Chart) -> str:
    """The wide chart as an SVG file of its own, for a light page."""
    return on_light(chart.wide)


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


class Effect(NamedTuple):
    """A row of a forest: a difference, its interval where one is told, what each seed found."""

    label: str
    value: float
    low: float | None
    high: float | None
    by_seed: Sequence[float]
    kind: str
    """The verdict."""
    note: str
    """Beside it: the verdict, in words."""


class ForestGroup(NamedTuple):
    """Rows below a heading: of one arm, of the languages."""

    heading: str
    rows: Sequence[Effect]


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


def bars(rows: Sequence[Bar], description: str, key: Key = ()) -> Chart:
    """Bars from above, each with its text."""
    most = max((row.value for row in rows), default=0) or 1
    text_pixels = GAP_PIXELS + _widest(row.text for row in rows)

    def paint(width: int, top: float) -> Drawn:
        places, left, marks = _rows(rows, width, top)
        length = max(0.2 * (width - left), width - left - text_pixels) / most
        for row in rows:
            y, right = places[row.label], left + length * row.value
            bar = {"x": left, "y": y - BAR_PIXELS / 2, "width": right - left, "height": BAR_PIXELS}
            told = element("title", f"{row.label}: {row.text or row.value}")
            marks.append(element("rect", told, **bar, rx=1, fill=COLOURS[row.kind]))
            marks += [text(row.text, right + GAP_PIXELS, y)] if row.text else []
        return top + ROW_PIXELS * len(places), marks

    return _drawn(paint, description, key)


def dots(rows: Sequence[Dot], axis: Axis, description: str, key: Key = ()) -> Chart:
    """Rows of dots, compared along one axis."""
    shown = [row for row in rows if row.value > 0 or not axis.log]
    values = [it for row in shown for it in (row.value, row.low, row.high) if it is not None]
    kinds = list(dict.fromkeys(row.kind for row in shown))

    def paint(width: int, top: float) -> Drawn:
        places, left, marks = _rows(rows, width, top)
        x = scaled(axis, values, left, width - EDGE_PIXELS, ACROSS_PIXELS)
        marks += [_grid(x.start, y, x.end, y) for y in places.values()]
        bottom, under = _across(x, top, top + ROW_PIXELS * len(places), width)
        marks += under
        for row in shown:
            y = places[row.label]
            if row.low is not None and row.high is not None:
                marks.append(_interval(x(row.low), y, x(row.high), y, row.kind))
        for row in shown:
            area = 80 / (1 + kinds.index(row.kind))  # of those in front less: one behind is seen
            told = f"{row.label}: {_told(axis, row.value, row.low, row.high)}"
            marks.append(_dot(x(row.value), places[row.label], area, row.kind, told))
        return bottom, marks

    return _drawn(paint, description, key)


def forest(
    groups: Sequence[ForestGroup], axis: Axis, margin: float | None, description: str
) -> Chart:
    """Groups of differences with their intervals; within +- ``margin`` of 0 none matters.

    Where the words of a row leave it too little room, they stand above it.
    """
    rows = [row for group in groups for row in group.rows]
    values = [it for row in rows for it in (row.value, row.low, row.high, *row.by_seed)]
    shown = [it for it in (*values, 0.0, margin, -margin if margin else None) if it is not None]
    label_pixels = _widest(row.label for row in rows) + GAP_PIXELS
    note_pixels = _widest(row.note for row in rows) + GAP_PIXELS
    legend = "A small circle is one seed, the dot all of them with their interval."
    if margin:
        legend += f" Within the band, ±{short(margin)}, it does not matter."

    def paint(width: int, top: float) -> Drawn:
        above = label_pixels + note_pixels > width / 2
        height = ROW_PIXELS * (2 if above else 1)
        left, right = (EDGE_PIXELS, 0.0) if above else (label_pixels, note_pixels)
        x = scaled(axis, shown, left, width - right - EDGE_PIXELS, ACROSS_PIXELS)
        y, marks = top, []
        for line in textwrap.wrap(legend, int(width / LETTER_PIXELS)):
            marks.append(text(line, 0, y + LINE_PIXELS / 2, colour=QUIET))
            y += LINE_PIXELS
        first = y + GAP_PIXELS
        bottom = first + HEADING_PIXELS * len(groups) + height * len(rows)
        below, under = _across(x, first, bottom, width)
        marks += [*under, *_around_0(x, margin or 0.0, first, bottom)]
        y, words = first, []
        for group in groups:
            y += HEADING_PIXELS
            heading = text(group.heading, 0, y - ROW_PIXELS / 2)
            words.append(element("g", heading, font_weight="bold"))
            for row in group.rows:
                label = _cut(row.label, width - note_pixels) if above else row.label
                words.append(text(label, 0, y + ROW_PIXELS / 2))
                words.append(text(row.note, width, y + ROW_PIXELS / 2, "end", COLOURS[row.kind]))
                y += height
                marks += _effect(x, row, y - ROW_PIXELS / 2)
        return below, [*marks, on_rim(words)]

    return _drawn(paint, description)


def _around_0(x: Scale, margin: float, top: float, bottom: float) -> list[Markup]:
    """The band in which nothing matters, and the line in its middle."""
    low, high = x(-margin), x(margin)
    size = {"width": high - low, "height": bottom - top}
    band = element("rect", x=low, y=top, **size, fill=QUIET, fill_opacity="0.15")
    return [band, element("line", x1=x(0), y1=top, x2=x(0), y2=bottom, stroke=QUIET)]


def _effect(x: Scale, row: Effect, y: float) -> Iterator[Markup]:
    """The interval and its dot, and below them the seeds, hollow."""
    if row.low is not None and row.high is not None:
        yield _interval(x(row.low), y, x(row.high), y, row.kind)
    told = _told(x.axis, row.value, row.low, row.high)
    yield _dot(x(row.value), y, FOREST_AREA, row.kind, f"{row.label}: {told}, {row.note}")
    ring = {"fill": "none", "stroke": COLOURS[row.kind]}
    yield from (element("circle", cx=x(it), cy=y + 7, r=2, **ring) for it in row.by_seed)


def curve(rows: Sequence[Step], x: Axis, y: Axis, description: str) -> Chart:
    """The course of a run, its last value beside it."""
    last = rows[-1]

    def paint(width: int, top: float) -> Drawn:
        across, up = [row.x for row in rows], [row.y for row in rows]
        plane = _plane(x, y, across, up, (width, top, CURVE_PIXELS))
        style = {"fill": "none", "stroke": COLOURS["made"]}
        measured, mean = plane.course(across, up), plane.course(across, [row.mean for row in rows])
        marks = [
            path(measured, **style, stroke_opacity="0.4"),
            path(mean, **style, stroke_width=2),
            text(f"{last.mean:.2f}", plane.x(last.x) + GAP_PIXELS, plane.y(last.mean)),
        ]
        return plane.bottom, plane.marks + marks

    return _drawn(paint, description)


def plane(rows: Sequence[Point], x: Axis, y: Axis, description: str, key: Key = ()) -> Chart:
    """Labelled points, with intervals upwards and downwards."""
    return lines([], rows, x, y, description, key)


def lines(
    drawn: Sequence[Line],
    rows: Sequence[Point],
    x: Axis,
    y: Axis,
    description: str,
    key: Key = (),
) -> Chart:
    """Lines with their bands, and labelled points with intervals over them."""
    across = [*(row.x for row in rows), *(it for line in drawn for it in line.x)]
    up = [end for row in rows for end in (row.y, row.low, row.high)]
    up += [it for line in drawn for it in (*line.y, *line.low, *line.high)]
    area = 70 if len(rows) < CROWD else 22
    kinds = {line.kind for line in drawn} | {row.kind for row in rows}
    key = [it for it in key if it[0] in kinds]

    def paint(width: int, top: float) -> Drawn:
        plane = _plane(x, y, across, up, (width, top, PLANE_PIXELS))
        marks = plane.marks
        for line in drawn:
            marks += _line(plane, line)
        for row in rows:
            left = plane.x(row.x)
            marks.append(_interval(left, plane.y(row.low), left, plane.y(row.high), row.kind))
        for row in rows:
            told = f"{_told(y, row.y, row.low, row.high)} at {x.words(row.x)} {x.title}"
            told = f"{row.label}: {told}" if row.label else told
            marks.append(_dot(plane.x(row.x), plane.y(row.y), area, row.kind, told))
        marks += _named(plane, drawn, rows)
        return plane.bottom, marks

    return _drawn(paint, description, key)


class _Plane(NamedTuple):
    x: Scale
    y: Scale
    frame: Box
    bottom: float
    marks: list[Markup]

    def course(self, x: Iterable[float], y: Iterable[float]) -> list[Place]:
        return [(self.x(across), self.y(up)) for across, up in zip(x, y, strict=True)]


def _plane(
    x: Axis,
    y: Axis,
    across: Sequence[float],
    up: Sequence[float],
    size: tuple[int, float, float],
) -> _Plane:
    """Both axes, the title of the upright one above it; ``size``: width, where from, height."""
    width, top, height = size
    first = top + LINE_PIXELS + GAP_PIXELS
    upright = scaled(y, up, first + height, first, UP_PIXELS)
    words = {tick: y.words(tick) for tick in upright.ticks}
    left = 2 * GAP_PIXELS + _widest(words.values())
    x_scale = scaled(x, across, left, width - EDGE_PIXELS, ACROSS_PIXELS)
    bottom, marks = _across(x_scale, first, first + height, width)
    for tick in upright.ticks:
        marks.append(_grid(left, upright(tick), x_scale.end, upright(tick)))
        marks.append(text(words[tick], left - GAP_PIXELS, upright(tick), "end"))
    marks.append(text(upright.title, 0, top + LINE_PIXELS / 2 - GAP_PIXELS / 2, colour=QUIET))
    return _Plane(x_scale, upright, Box(left, first, width, first + height), bottom, marks)


def _across(scale: Scale, top: float, bottom: float, width: int) -> Drawn:
    """The axis below: its grid, its ticks, its title in as many lines as it needs."""
    marks = [_grid(scale(tick), top, scale(tick), bottom) for tick in scale.ticks]
    y = bottom + LINE_PIXELS
    marks += [text(scale.axis.words(it), scale(it), y, "middle") for it in scale.ticks]
    middle = (scale.start + scale.end) / 2
    room = 2 * min(middle, width - middle)
    for line in textwrap.wrap(scale.title, int(room / LETTER_PIXELS)):
        y += LINE_PIXELS + 1
        marks.append(text(line, middle, y, "middle", QUIET))
    return y + LINE_PIXELS, marks


def _rows(
    rows: Sequence[Bar] | Sequence[Dot], width: int, top: float
) -> tuple[dict[str, float], float, list[Markup]]:
    """The height of each label's row, where the labels end, and the labels."""
    names = list(dict.fromkeys(row.label for row in rows))
    places = {name: top + (place + 0.5) * ROW_PIXELS for place, name in enumerate(names)}
    room = min(width * 2 // 5, _widest(names))
    marks = [text(_cut(name, room), room, y, "end") for name, y in places.items()]
    return places, room + GAP_PIXELS, marks


def _cut(words: str, room: float) -> str:
    letters = int(room / LETTER_PIXELS)
    return words if len(words) <= letters else f"{words[: letters - 1]}…"


def _widest(words: Iterable[str]) -> float:
    return LETTER_PIXELS * max((len(it) for it in words), default=0)


def _grid(x1: float, y1: float, x2: float, y2: float) -> Markup:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=LINE)


def _interval(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    ends = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    return element("line", **ends, stroke=COLOURS[kind], stroke_width=2, stroke_opacity="0.6")


def _dot(x: float, y: float, area: float, kind: str, told: str) -> Markup:
    radius = math.sqrt(area / math.pi)
    return element("circle", element("title", told), cx=x, cy=y, r=radius, fill=COLOURS[kind])


def _told(axis: Axis, value: float, low: float | None, high: float | None) -> str:
    if low is None or high is None or low == high:
        return axis.words(value)
    return f"{axis.words(value)} ({axis.words(low)} to {axis.words(high)})"


def _line(plane: _Plane, line: Line) -> list[Markup]:
    colour = COLOURS[line.kind]
    marks = [path(plane.course(line.x, line.y), fill="none", stroke=colour, stroke_width=2)]
    if line.low:
        around = plane.course(line.x, line.low) + plane.course(line.x, line.high)[::-1]
        marks.insert(0, path(around, fill=colour, fill_opacity="0.2"))
    return marks


def _named(plane: _Plane, drawn: Sequence[Line], rows: Sequence[Point]) -> Iterator[Markup]:
    """The labels of points and lines, clear of both."""
    courses = [plane.course(line.x, line.y) for line in drawn]
    courses += [plane.course([row.x] * 3, (row.low, row.y, row.high)) for row in rows]
    wanted = [Label(it.label, plane.x(it.x), plane.y(it.y)) for it in rows]
    wanted += [Label(it.label, plane.x(it.x[0]), plane.y(it.y[0]), QUIET) for it in drawn]
    marks = [place for course in courses for place in along(course)]
    return labels([it for it in wanted if it.words.strip()], marks, plane.frame)


def _drawn(paint: Callable[[int, float], Drawn], description: str, key: Key = ()) -> Chart:
    """The chart that ``paint`` draws from a width and where it begins, below its key."""

    def svg(width: int) -> Markup:
        top, above = _keyed(key, width)
        bottom, marks = paint(width, top)
        return drawing(width, math.ceil(bottom), description, above + marks)

    wide, narrow = (svg(it - 2 * MARGIN_PIXELS) for it in (WIDE_PIXELS, NARROW_PIXELS))
    return Chart(description, wide, narrow)


def _keyed(key: Key, width: int) -> Drawn:
    """What each colour means, in as many lines as it takes."""
    x, y, marks = 0.0, ROW_PIXELS / 2, []
    for kind, meaning in key:
        needed = 2 * GAP_PIXELS + _widest([meaning])
        if x and x + needed > width:
            x, y = 0.0, y + ROW_PIXELS
        marks.append(element("circle", cx=x + GAP_PIXELS, cy=y, r=4.5, fill=COLOURS[kind]))
        marks.append(text(meaning, x + 2.5 * GAP_PIXELS, y))
        x += needed + 2 * GAP_PIXELS
    return (y + ROW_PIXELS if key else 0.0), marks
