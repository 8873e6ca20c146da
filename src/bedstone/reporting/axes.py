"""Axes of charts: which values they span, where a value stands on them, where the ticks are."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bedstone.reporting.wording import short


class Axis(NamedTuple):
    """What an axis shows."""

    title: str
    """With the unit."""
    words: Callable[[float], str] = short
    """What stands at a tick."""
    log: bool = False
    low: float | None = None
    """Where it begins; absent, at a round number below the data."""
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis with values on it."""

    axis: Axis
    low: float
    high: float
    ticks: Sequence[float]
    start: float
    """Where ``low`` stands, in pixels."""
    end: float

    def __call__(self, value: float) -> float:
        """Where a value stands, in pixels; at the nearer end, if it lies beyond."""
        place = math.log if self.axis.log else float
        low, high = place(self.low), place(self.high)
        share = (place(min(max(value, self.low), self.high)) - low) / (high - low)
        return self.start + share * (self.end - self.start)

    @property
    def title(self) -> str:
        """What the axis shows, and how."""
        return f"{self.axis.title}, log scale" if self.axis.log else self.axis.title


def scaled(axis: Axis, values: Sequence[float], start: float, end: float, apart: float) -> Scale:
    """The axis over ``values``, from ``start`` to ``end``, its ticks so many pixels ``apart``."""
    shown = [value for value in values if value > 0 or not axis.log] or [1.0]
    low = min(shown) if axis.low is None else axis.low
    high = max(shown) if axis.high is None else axis.high
    if math.isclose(low, high):  # one value has an axis too
        room = abs(high) / 2 or 1.0
        low, high = (low / 2, high * 2) if axis.log else (low - room, high + room)
    most = max(2, int(abs(end - start) / apart))
    round_numbers = _round_in_decades(low, high) if axis.log else _round_steps(low, high, most)
    low = round_numbers[0] if axis.low is None else low
    high = round_numbers[-1] if axis.high is None else high
    ticks = _few(low, high, most) if axis.log else round_numbers
    return Scale(axis, low, high, [it for it in ticks if low <= it <= high], start, end)


def _round_steps(low: float, high: float, most: int) -> list[float]:
    """Multiples of a round step that enclose the values, ``most`` of them or one more."""
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(it * power for it in (1, 2, 5, 10, 20) if it * power * most >= high - low)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{number * step:.12g}") for number in range(first, last + 1)]


def _round_in_decades(low: float, high: float, digits: Sequence[int] = (1, 2, 5)) -> list[float]:
    """Powers of ten times ``digits`` that enclose the values."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [float(f"{digit}e{decade}") for decade in decades for digit in digits]
    first = max(it for it in found if it <= low * (1 + 1e-9))
    last = min(it for it in found if it >= high * (1 - 1e-9))
    return [it for it in found if first <= it <= last]


def _few(low: float, high: float, most: int) -> list[float]:
    """Ticks of a log axis: as many as fit of those that are round."""
    choices = [_round_in_decades(low, high, digits) for digits in ((1, 2, 5), (1, 3), (1,))]
    inside = [[it for it in ticks if low <= it <= high] for ticks in choices]
    if len(inside[0]) < 2:
        return _round_steps(low, high, most)
    fits = next((ticks for ticks in inside if len(ticks) <= most), inside[-1])
    every = math.ceil(len(fits) / most)
    return fits[::every]
