"""Where the labels of a plane stand: beside what they name, over nothing that others need."""

import math
import textwrap
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup

from bedstone.reporting.svg import LETTER_PIXELS, QUIET, TEXT, on_rim, path, text

LINE_PIXELS = 15
LETTERS = 24
"""Of a line of a label; a longer one has several lines."""
NEAR_PIXELS = 12
DISTANCES = (8, 24, 42, 62, 86, 114)
"""From the point, in pixels: where a label is tried, the nearest first."""
SIDES = ((1, 0), (-1, 0), (1, -1), (-1, -1), (1, 1), (-1, 1), (0, -1), (0, 1))
DENSE_PIXELS = 10
"""Of a line, one place in so many stands for it."""
HIDING, CROSSING, UNREADABLE = 40.0, 10.0, 1e6
"""What a label costs that would hide a mark or be struck out, whose way would cross a mark, that
would lie over another or outside."""
Place = tuple[float, float]


class Label(NamedTuple):
    """What is to be written beside a point."""

    words: str
    x: float
    y: float
    colour: str = TEXT


class Box(NamedTuple):
    """A rectangle in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def holds(self, place: Place) -> bool:
        """Whether a point lies within."""
        return self.left <= place[0] <= self.right and self.top <= place[1] <= self.bottom

    def touches(self, other: "Box") -> bool:
        """Whether two have a point in common."""
        apart = self.right < other.left or other.right < self.left
        return not (apart or self.bottom < other.top or other.bottom < self.top)

    def nearest(self, place: Place) -> Place:
        """Its point that is nearest to another."""
        x, y = place
        return min(max(x, self.left), self.right), min(max(y, self.top), self.bottom)


def labels(wanted: Sequence[Label], marks: Sequence[Place], frame: Box) -> Iterator[Markup]:
    """The labels within ``frame``, each with a line to its point where it stands farther away.

    One after the other takes the place that hides least and is nearest.

    Args:
        wanted: the first ones choose first.
        marks: what is drawn, as places ``along`` it.
        frame: what may be written in.
    """
    marks = list(marks)
    taken: list[Box] = []
    for label in wanted:
        lines = textwrap.wrap(label.words, LETTERS)
        box = min(_around(label, lines), key=partial(_cost, label, marks, taken, frame))
        leader = _leader(label, box)
        if math.dist(leader[0], leader[-1]) > NEAR_PIXELS:
            yield path((leader[0], leader[-1]), stroke=QUIET)
        marks += leader
        taken.append(box)
        yield _written(label, lines, box)


def along(course: Sequence[Place]) -> list[Place]:
    """Places on a line from point to point, so dense that no label falls between."""
    found = [course[0]]
    for (x1, y1), (x2, y2) in pairwise(course):
        steps = max(1, round(math.dist((x1, y1), (x2, y2)) / DENSE_PIXELS))
        parts = [step / steps for step in range(1, steps + 1)]
        found += [(x1 + (x2 - x1) * part, y1 + (y2 - y1) * part) for part in parts]
    return found


def _cost(
    label: Label, marks: Sequence[Place], taken: Sequence[Box], frame: Box, box: Box
) -> float:
    """Of a label in this place, in pixels farther away."""
    leader = _leader(label, box)
    hidden = sum(map(box.holds, marks))
    hidden += sum(other.holds(place) for other in taken for place in leader)
    crossed = sum(math.dist(at, place) < DENSE_PIXELS / 2 for at in marks for place in leader[1:])
    outside = not (frame.holds(box[:2]) and frame.holds(box[2:]))
    return (
        math.dist(leader[0], leader[-1])
        + HIDING * hidden
        + CROSSING * crossed
        + UNREADABLE * (outside + sum(map(box.touches, taken)))
    )


def _around(label: Label, lines: Sequence[str]) -> Iterator[Box]:
    """Places around the label's point, for so many lines."""
    width, height = LETTER_PIXELS * max(map(len, lines)), LINE_PIXELS * len(lines)
    for distance in DISTANCES:
        for across, down in SIDES:
            left = label.x + across * distance + (across - 1) * width / 2
            top = label.y + down * distance + (down - 1) * height / 2
            yield Box(left, top, left + width, top + height)


def _leader(label: Label, box: Box) -> list[Place]:
    """The way from what is named to its label."""
    named = label.x, label.y
    return along([named, box.nearest(named)])


def _written(label: Label, lines: Sequence[str], box: Box) -> Markup:
    """The words, on a rim of the page's colour; beside the point they lean towards it."""
    anchor, x = "middle", (box.left + box.right) / 2
    if box.left >= label.x:
        anchor, x = "start", box.left
    elif box.right <= label.x:
        anchor, x = "end", box.right
    shown = [
        text(line, x, box.top + (number + 0.5) * LINE_PIXELS, anchor, label.colour)
        for number, line in enumerate(lines)
    ]
    return on_rim(shown)
