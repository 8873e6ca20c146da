"""The fields of a record, read as what they have to be: whatever else they are is told by name."""

import json
from decimal import Decimal
from typing import Any

from bedstone.languages import ENGLISH, split
from bedstone.tasks.problems import NUMBER, number
from bedstone.tasks.reading import LETTERS, signs_of

MOST_CHOICES = len(LETTERS)
MOST_ANSWERS = 100
MOST_CHARACTERS = 1 << 17
"""Of a text."""


class Fields:
    """Of one record. Every method raises ``ValueError`` where a field is not as it has to be.

    Numbers are given as the language writes them; absent, as English does.
    """

    def __init__(self, values: dict[str, Any], language: str = ENGLISH) -> None:
        self.values, self._decimal = values, signs_of(split(language)[0]).decimal

    def has(self, name: str) -> bool:
        """Whether it says anything."""
        return self.values.get(name) not in (None, "")

    def text(self, name: str) -> str:
        """Some text: blanks around it are none of it."""
        return self._spelt(name, self.values.get(name))

    def maybe(self, name: str) -> str | None:
        """Text, or None where there is none."""
        return self.text(name) if self.has(name) else None

    def whole(self, name: str) -> int:
        """A whole number."""
        value = self.values.get(name)
        found = value if isinstance(value, str) else _written(name, value)
        if not (found.isascii() and found.removesuffix(".0").isdecimal() and len(found) < 10):
            raise ValueError(f"{name!r} is no whole number")
        return int(found.removesuffix(".0"))

    def figure(self, name: str) -> str:
        """A number that is written as in English, in one spelling."""
        value = self.values.get(name)
        found = value.strip() if isinstance(value, str) else _written(name, value)
        if not NUMBER.fullmatch(found):
            raise ValueError(f"{name!r} is no number")
        return number(found).replace(".", self._decimal)

    def texts(self, name: str, most: int) -> tuple[str, ...]:
        """A list of texts; in a cell, as JSON."""
        value = self.values.get(name)
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                value = None
        if not isinstance(value, list):
            raise ValueError(f"{name!r} is no list")
        if len(value) > most:
            raise ValueError(f"{name!r} has {len(value):,} entries; {most} are the most")
        return tuple(self._spelt(name, each) for each in value)

    def _spelt(self, name: str, value: Any) -> str:
        if not isinstance(value, str):
            return _written(name, value).replace(".", self._decimal)
        if len(value) > MOST_CHARACTERS:
            most = f"{MOST_CHARACTERS:,} are the most"
            raise ValueError(f"{name!r} has {len(value):,} characters; {most}")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"{name!r} has half a character, a lone surrogate") from error
        if not (found := value.strip()):
            raise ValueError(f"{name!r} is empty")
        return found


def _written(name: str, value: Any) -> str:
    if value is None:
        raise ValueError(f"there is no {name!r}")
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # Beyond that an exponent would be written out, and nobody asks for such a number.
    if not is_number or not abs(value) < 2**63:
        raise ValueError(f"{name!r} is no text")
    return format(Decimal(repr(value)), "f")
