"""What the charts' SVG says; how they look is for eyes."""

import itertools
import re

import pytest

from bedstone.reporting.charts import COLOURS, Axis, Bar, Dot, Point, Step, bars, curve, dots, plane
from bedstone.reporting.sections.model import CURVE_POINTS, smoothed


def words(svg):
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def heights(svg, label):
    """Where the texts ``label`` stand, from above."""
    return [float(y) for y in re.findall(rf'translate\([\d.]+,([\d.]+)\)"[^>]*>{label}<', svg)]


def test_bars_say_their_labels_and_values_in_the_order_given():
    chart = bars([Bar("pages", 10, "10 · 100 %"), Bar("kept", 6, "6 · 60 %")], "two bars")
    for svg in (chart.wide, chart.narrow):
        assert words(svg)[:2] == ["pages", "kept"]
        assert words(svg)[2:] == ["10 · 100 %", "6 · 60 %"]
    assert chart.description == "two bars"


def test_a_narrow_chart_fits_a_narrow_page():
    chart = bars([Bar("a rule of a long name", 10_000, "10,000 · 9,999 alone")], "")
    assert 'width="680"' in chart.wide
    assert 'width="328"' in chart.narrow


def test_labels_are_text_whatever_they_contain():
    svg = bars([Bar("<script>\u2028'\"", 1, "<b>")], "").wide
    assert "<script" not in svg
    assert "<b>" not in svg


def test_colours_are_those_of_the_page():
    svg = dots(
        [Dot("English", "made", 0.1, 0.05, 0.2), Dot("English", "known", 0.2)], Axis("x"), ""
    )
    assert COLOURS["made"] in svg.wide
    assert COLOURS["known"] in svg.wide
    assert not re.search(r'(fill|stroke)="(?!var|none|transparent)', svg.wide)


def test_a_log_scale_is_said():
    svg = dots([Dot("English", "made", 0.1), Dot("Hindi", "made", 10)], Axis("share", log=True), "")
    assert "share, log scale" in words(svg.wide)


def test_a_curve_says_where_it_ends():
    rows = [Step(100 * i, 8 - i, 7.77 - i) for i in range(5)]
    assert "3.77" in words(curve(rows, Axis("tokens"), Axis("nats"), "").wide)


def test_labels_of_near_points_are_pushed_apart():
    rows = [Point(i / 100, 0.5 + i / 1000, 0.2, 0.9, "made", "same") for i in range(3)]
    rows += [Point(1, 0.5, 0.2, 0.9, "made", "far")]
    svg = plane(rows, Axis("x"), Axis("y"), "").wide
    found = sorted(heights(svg, "same"))
    assert len(found) == 3
    assert min(b - a for a, b in itertools.pairwise(found)) > 10
    assert heights(svg, "far") == pytest.approx(found[-1:])  # the lowest, where its point is


def test_labels_stand_inwards():
    rows = [Point(x, 0.5, 0.1, 0.9, "made", label) for x, label in ((0, "first"), (1, "last"))]
    svg = plane(rows, Axis("x"), Axis("y"), "").wide
    assert re.search(r'text-anchor="start"[^>]*>first<', svg)
    assert re.search(r'text-anchor="end"[^>]*>last<', svg)


def test_points_without_a_label_push_nothing():
    rows = [Point(1, 0.5, 0.2, 0.9, "made"), Point(2, 0.5, 0.2, 0.9, "before", "there")]
    svg = plane(rows, Axis("x"), Axis("y", low=0, high=1), "").wide
    assert heights(svg, "there")


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
