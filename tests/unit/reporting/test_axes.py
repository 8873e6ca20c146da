import pytest

from bedstone.reporting.axes import Axis, scaled
from bedstone.reporting.wording import percent


def on(axis, *values, pixels=600.0):
    return scaled(axis, values, 0.0, pixels, 100.0)


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ((0, 10), [0, 2, 4, 6, 8, 10]),
        ((2.13, 2.71), [2.1, 2.2, 2.3, 2.4, 2.5, 2.6, 2.7, 2.8]),
        ((-3, 7), [-4, -2, 0, 2, 4, 6, 8]),
        ((5,), [2, 3, 4, 5, 6, 7, 8]),
        ((0,), [-1, -0.5, 0, 0.5, 1]),
        ((), [0.4, 0.6, 0.8, 1, 1.2, 1.4, 1.6]),
    ],
)
def test_ticks_are_round_and_enclose_the_values(values, ticks):
    assert on(Axis("x"), *values).ticks == ticks


@pytest.mark.parametrize(
    ("values", "ends", "ticks"),
    [
        ((20, 300), (20, 500), [20, 50, 100, 200, 500]),
        ((0.007, 4), (0.005, 5), [0.01, 0.03, 0.1, 0.3, 1, 3]),
        ((7e3, 3e8), (5e3, 5e8), [1e4, 1e5, 1e6, 1e7, 1e8]),
        ((1, 1e14), (1, 1e14), [1, 1e3, 1e6, 1e9, 1e12]),
        ((30,), (10, 100), [10, 20, 50, 100]),
        ((0, 30), (10, 100), [10, 20, 50, 100]),
    ],
)
def test_ticks_of_a_log_scale_are_round_in_every_decade(values, ends, ticks):
    found = on(Axis("x", log=True), *values)
    assert ((found.low, found.high), found.ticks) == (ends, ticks)


def test_a_short_stretch_of_a_log_scale_has_ticks_too():
    axis = Axis("x", log=True, low=21, high=44)
    assert on(axis, 22, 40).ticks == [25, 30, 35, 40]


def test_an_axis_begins_and_ends_where_it_is_told_to():
    found = on(Axis("x", low=0, high=10.8), 3, 10)
    assert (found.low, found.high) == (0, 10.8)
    assert found.ticks == [0, 2, 4, 6, 8, 10]
    assert on(Axis("x", low=0), 0.3, 0.9).ticks[0] == 0


def test_a_value_stands_where_its_share_of_the_axis_is():
    scale = on(Axis("x"), 0, 10)
    assert [scale(value) for value in (0, 5, 10, 11, -1)] == [0, 300, 600, 600, 0]
    scale = on(Axis("x", log=True), 1, 100)
    assert [scale(value) for value in (1, 10, 100, 0)] == pytest.approx([0, 300, 600, 0])


def test_an_axis_says_its_unit_and_its_scale():
    assert on(Axis("nats"), 1, 2).title == "nats"
    assert on(Axis("share", percent, log=True), 0.1, 1).title == "share, log scale"
