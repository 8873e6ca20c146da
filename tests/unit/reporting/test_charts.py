"""What the charts' SVG says and where; how they look is for eyes."""

import itertools
import re
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

from bedstone import plan
from bedstone.laws.known import published
from bedstone.reporting.axes import Axis
from bedstone.reporting.charts import (
    Bar,
    Dot,
    Effect,
    ForestGroup,
    Line,
    Point,
    Step,
    bars,
    curve,
    dots,
    forest,
    lines,
    plane,
    standalone,
)
from bedstone.reporting.sections.model import CURVE_POINTS, smoothed
from bedstone.reporting.sections.scaling import isoflop_chart
from bedstone.reporting.svg import COLOURS, PALETTE, QUIET

NAMESPACE = "{http://www.w3.org/2000/svg}"
LETTER_PIXELS = 6
"""Of a common font, on the average."""


class Text(NamedTuple):
    words: str
    left: float
    right: float
    y: float

    def touches(self, other):
        apart = self.right < other.left or other.right < self.left
        return not apart and abs(self.y - other.y) < 12


def elements(svg, name):
    return list(ElementTree.fromstring(svg).iter(NAMESPACE + name))


def words(svg):
    return [it.text for it in elements(svg, "text")]


def told(svg):
    """What the pointer is told of each mark."""
    return [it.text for it in elements(svg, "title")]


def texts(svg):
    """The texts, with the room that they take."""
    found = []
    for it in elements(svg, "text"):
        x, length = float(it.get("x")), LETTER_PIXELS * len(it.text)
        left = x - {"start": 0, "middle": 0.5, "end": 1}[it.get("text-anchor")] * length
        found.append(Text(it.text, left, left + length, float(it.get("y"))))
    return found


def is_readable(svg):
    """Whether no text lies over another or outside."""
    left, top, width, height = map(float, ElementTree.fromstring(svg).get("viewBox").split())
    found = texts(svg)
    inside = all(left <= it.left and it.right <= left + width for it in found)
    inside &= all(top <= it.y <= top + height for it in found)
    return inside and not any(a.touches(b) for a, b in itertools.combinations(found, 2))


def test_bars_say_their_labels_and_values_in_the_order_given():
    chart = bars([Bar("pages", 10, "10 · 100 %"), Bar("kept", 6, "6 · 60 %")], "two bars")
    for svg in (chart.wide, chart.narrow):
        assert words(svg) == ["pages", "kept", "10 · 100 %", "6 · 60 %"]
        pages, kept = (float(it.get("width")) for it in elements(svg, "rect"))
        assert kept == pytest.approx(0.6 * pages, abs=0.1)
        assert is_readable(svg)
    assert chart.description == "two bars"


def test_bars_of_nothing_have_no_length():
    (bar,) = elements(bars([Bar("a", 0, "0")], "").wide, "rect")
    assert float(bar.get("width")) == 0


def test_a_narrow_chart_fits_a_narrow_page_with_its_letters_as_large():
    rows = [Bar("a rule of an uncommonly long name", 10_000, "10,000 · 9,999 alone")]
    chart = bars(rows, "", [("made", "of this meaning"), ("known", "and of this longer one")])
    for svg, width in ((chart.wide, "680"), (chart.narrow, "328")):
        root = ElementTree.fromstring(svg)
        assert root.get("width") == root.get("viewBox").split()[2] == width
        assert is_readable(svg)
    assert rows[0].label in words(chart.wide)
    assert "a rule of an unc…" in words(chart.narrow)
    assert told(chart.narrow) == [f"{rows[0].label}: {rows[0].text}"]


def test_labels_are_text_whatever_they_contain():
    svg = bars([Bar("<script>\u2028'\"", 1, "<b>\x00\x1b[2J\ud800")], "&\x1b").wide
    assert words(svg) == ["<script>\u2028'\"", "<b>\ufffd\ufffd[2J\ufffd"]
    assert ElementTree.fromstring(svg).get("aria-label") == "&\ufffd"
    assert "<script" not in svg


def test_colours_are_those_of_the_page_and_the_key_says_what_they_mean():
    rows = [Dot("English", "made", 0.1, 0.05, 0.2), Dot("English", "known", 0.2)]
    svg = dots(rows, Axis("x"), "", [("made", "this"), ("known", "that")]).wide
    assert not re.search(r'(fill|stroke)="(?!var|none)', svg)
    assert words(svg)[:2] == ["this", "that"]
    key, drawn = (
        [it.get("fill") for it in elements(svg, "circle")][each] for each in (slice(2), slice(2, 4))
    )
    assert key == drawn == [COLOURS["made"], COLOURS["known"]]


def test_dots_stand_in_their_rows_with_their_intervals():
    rows = [Dot("a", "made", 2.0, 1.0, 4.0), Dot("b", "made", 3.0), Dot("b", "known", 4.0)]
    svg = dots(rows, Axis("bits"), "").wide
    (x2, y2), (x3, y3), (x4, y4) = (
        (float(it.get("cx")), float(it.get("cy"))) for it in elements(svg, "circle")
    )
    assert y2 < y3 == y4
    assert x3 - x2 == pytest.approx(x4 - x3, abs=0.2)
    (interval,) = (it for it in elements(svg, "line") if it.get("stroke-width") == "2")
    ends = [float(interval.get(name)) for name in ("x1", "y1", "x2", "y2")]
    assert ends == pytest.approx([2 * x2 - x3, y2, x4, y2], abs=0.2)
    assert told(svg) == ["a: 2 (1 to 4)", "b: 3", "b: 4"]


EFFECTS = [
    ForestGroup("no dedup", [Effect("all", 0.2, 0.1, 0.3, (0.15, 0.25), "worse", "worse")]),
    ForestGroup(
        "no filter",
        [
            Effect("German", -0.1, -0.3, 0.1, (-0.2, 0.0), "cannot tell", "cannot tell"),
            Effect("Swahili", -0.2, None, None, (-0.2,), "cannot tell", "too few documents"),
        ],
    ),
]


def test_a_forest_has_a_row_for_each_effect_below_its_heading():
    chart = forest(EFFECTS, Axis("bits a byte, above 0 is worse"), 0.05, "three effects")
    for svg in (chart.wide, chart.narrow):
        height = {it.words: it.y for it in texts(svg)}
        rows = ["no dedup", "all", "no filter", "German", "Swahili"]
        assert sorted(rows, key=height.get) == rows
        assert height["all"] == height["worse"]
        assert height["Swahili"] == height["too few documents"]
        assert is_readable(svg)
        assert told(svg) == [
            "all: 0.2 (0.1 to 0.3), worse",
            "German: -0.1 (-0.3 to 0.1), cannot tell",
            "Swahili: -0.2, too few documents",
        ]


def test_a_forest_shows_each_seed_and_the_interval_where_there_is_one():
    svg = forest(EFFECTS, Axis("bits"), 0.05, "").wide
    circles = elements(svg, "circle")
    seeds = [it for it in circles if it.get("fill") == "none"]
    effects = [it for it in circles if it.get("fill") != "none"]
    worse, unknown = COLOURS["worse"], COLOURS["cannot tell"]
    assert [it.get("stroke") for it in seeds] == [worse, worse, unknown, unknown, unknown]
    assert [it.get("fill") for it in effects] == [worse, unknown, unknown]
    places = [float(it.get("cx")) for it in (*seeds[:2], effects[0])]
    assert sum(places[:2]) / 2 == pytest.approx(places[2], abs=0.1)
    intervals = [it for it in elements(svg, "line") if it.get("stroke-width") == "2"]
    assert len(intervals) == 2
    middle = (float(intervals[0].get("x1")) + float(intervals[0].get("x2"))) / 2
    assert middle == pytest.approx(places[2], abs=0.1)


def test_a_forests_band_lies_around_0():
    svg = forest(EFFECTS, Axis("bits", low=-0.4, high=0.4), 0.1, "").wide
    (band,) = elements(svg, "rect")
    thin = [it for it in elements(svg, "line") if it.get("stroke-width") is None]
    (zero,) = (it for it in thin if it.get("stroke") == QUIET)
    left, width = float(band.get("x")), float(band.get("width"))
    assert left + width / 2 == pytest.approx(float(zero.get("x1")), abs=0.1)
    low, high = float(thin[0].get("x1")), float(thin[-2].get("x1"))
    assert width == pytest.approx((high - low) / 4, abs=0.2)
    assert any("±0.1" in it for it in words(svg))
    bare = forest(EFFECTS, Axis("bits"), None, "").wide
    assert not any("band" in it for it in words(bare))
    assert float(elements(bare, "rect")[0].get("width")) == 0


def test_a_log_scale_is_said_and_has_no_place_for_nothing():
    rows = [Dot("English", "made", 0.1), Dot("Hindi", "made", 10), Dot("Thai", "made", 0)]
    svg = dots(rows, Axis("share", log=True), "").wide
    assert "share, log scale" in words(svg)
    assert told(svg) == ["English: 0.1", "Hindi: 10"]


def test_a_long_title_has_several_lines():
    title = "a title of an axis with so many words that a narrow page has no room for it"
    chart = dots([Dot("a", "made", 1.0)], Axis(title), "")
    assert title in words(chart.wide)
    assert title.startswith(words(chart.narrow)[-2])
    assert is_readable(chart.narrow)


def test_a_curve_says_where_it_ends():
    rows = [Step(100 * i, 8 - i, 7.77 - i) for i in range(5)]
    svg = curve(rows, Axis("tokens"), Axis("nats"), "").wide
    assert "3.77" in words(svg)
    measured, mean = elements(svg, "path")
    assert measured.get("d").count(",") == mean.get("d").count(",") == 5


def test_labels_of_near_points_are_apart_and_none_is_outside():
    rows = [Point(i / 100, 0.5 + i / 100, 0.2, 0.9, "made", f"label {i}") for i in range(6)]
    rows += [Point(1, 0.5, 0.2, 0.9, "made", "of the last point")]
    chart = plane(rows, Axis("x"), Axis("y"), "")
    for svg in (chart.wide, chart.narrow):
        assert {row.label for row in rows} <= set(words(svg))
        assert is_readable(svg)


def test_a_label_far_from_its_point_is_tied_to_it():
    alone = [Point(0.5, 0.5, 0.5, 0.5, "made", "the one"), Point(0, 0, 0, 0, "known")]
    heights = (0.46, 0.48, 0.5, 0.52, 0.54)
    crowd = [Point(0.4 + i / 50, it, it, it, "known") for i in range(11) for it in heights]

    def ties(rows):
        return elements(plane(rows, Axis("x"), Axis("y", low=0, high=1), "").wide, "path")

    assert len(ties(alone)) == 0
    assert len(ties([*crowd, *alone])) == 1


def test_a_line_has_its_band_and_its_name():
    law = Line([1, 10, 100], [3, 2, 1], "made", "best size", [2.9, 1.9, 0.9], [3.1, 2.1, 1.1])
    svg = lines([law], [], Axis("FLOP", log=True), Axis("nats"), "").wide
    band, line = elements(svg, "path")
    assert band.get("d").count(",") == 6
    assert (line.get("fill"), line.get("stroke")) == ("none", COLOURS["made"])
    assert "best size" in words(svg)


@pytest.mark.parametrize("flop", [5e12, 1e17, 1e21, 1e25])
def test_the_labels_of_the_laws_can_be_read(flop):
    rows = plan(flop=flop)["laws"]
    chosen = [("this model", "made", 1.3 * rows[0]["parameters"], rows[0]["train_tokens"])]
    chosen += [(it["law"], "law", it["parameters"], it["train_tokens"]) for it in rows]
    chart = isoflop_chart(published("epoch"), flop, chosen)
    for svg in (chart.wide, chart.narrow):
        names = re.findall(r"[\w-]+", " ".join(words(svg)))
        assert {it["law"] for it in rows} <= set(names)
        assert is_readable(svg)


def test_a_file_of_its_own_stands_on_a_light_page():
    text = standalone(bars([Bar("a", 1, "1")], "one bar", [("made", "what it is")]))
    assert "var(" not in text
    sheet, *_ = elements(text, "rect")
    assert (sheet.get("fill"), sheet.get("width")) == (PALETTE["page"], "100%")
    assert "what it is" in words(text)
    assert ElementTree.fromstring(text).get("aria-label") == "one bar"


@pytest.mark.parametrize("length", [1, 2, 30, 5000])
def test_a_smoothed_run_keeps_its_ends_and_averages_over_neighbours(length):
    import numpy as np

    loss = np.arange(length, 0, -1) + np.tile([0.5, -0.5], length)[:length]
    rows = smoothed(np.arange(length) * 10, loss)
    assert len(rows) == min(length, CURVE_POINTS)
    assert (rows[0].x, rows[-1].x) == (0, 10 * (length - 1))
    middle = rows[len(rows) // 2]
    if length == 5000:
        assert middle.mean == pytest.approx(length - middle.x / 10, abs=0.05)
        assert abs(middle.y - middle.mean) > 0.4
