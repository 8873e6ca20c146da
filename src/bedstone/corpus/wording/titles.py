"""Titles: what can be counted in one, for those who look for bait. Words are English."""

import re
from typing import NamedTuple

MAX_CHARACTERS = 300
"""Of a line that is looked at."""
SECOND_PERSON = re.compile(r"\b(?:you|your|yours|yourself|you['’](?:re|ve|ll|d))\b", re.IGNORECASE)
NUMBER = re.compile(r"\W*\d")


class Title(NamedTuple):
    """What was counted; all None where there is no title."""

    words: int | None = None
    capitals_share: float | None = None
    """Of its letters that have a case; 0 without one."""
    marks: int | None = None
    """Of question and exclamation."""
    is_number_first: bool | None = None
    is_second_person: bool | None = None


def title_of(text: str, headings: list[int]) -> str:
    """The first heading, or else the first line; empty if that is."""
    number = headings[0] if headings else 0
    lines = text.split("\n", number + 1)
    return lines[number][:MAX_CHARACTERS].strip() if number < len(lines) else ""


def title_statistics(title: str) -> Title:
    """What can be counted in ``title``."""
    if not title:
        return Title()
    capitals = sum(character.isupper() for character in title)
    cased = capitals + sum(character.islower() for character in title)
    return Title(
        words=len(title.split()),
        capitals_share=capitals / max(cased, 1),
        marks=title.count("?") + title.count("!"),
        is_number_first=NUMBER.match(title) is not None,
        is_second_person=SECOND_PERSON.search(title) is not None,
    )
