"""What is compared: each value of a decision is an arm, which differs from the baseline in it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bedstone.errors import ConfigError

OPENING, CLOSING, QUOTES = "[{(", "]})", "\"'"


@dataclass(frozen=True, slots=True)
class Arm:
    """One value of one decision, the others being the baseline's."""

    key: str
    """What is decided: ``NODE``, ``NODE.KEY`` or ``NODE.ROLE``."""
    value: str
    """As it is typed."""

    @property
    def label(self) -> str:
        """As ``--set`` takes it."""
        return f"{self.key}={self.value}"

    @property
    def node(self) -> str:
        """The node that is changed."""
        return self.key.partition(".")[0]


def arms(varied: Iterable[str]) -> tuple[Arm, ...]:
    """The arms of all ``KEY=VALUE,VALUE`` words, in order: there is no grid.

    Raises:
        ConfigError: there is none, a word has no value, or two arms are the same.
    """
    found: list[Arm] = []
    for word in varied:
        key, equals, values = word.partition("=")
        if not key or not equals or not values.strip():
            raise ConfigError(
                f"--vary {word!r} names no value",
                hint="write --vary NODE.KEY=V1,V2 or --vary NODE=off or --vary NODE.ROLE=SOURCE",
            )
        found += [Arm(key.strip(), value) for value in _values(values)]
    if not found:
        raise ConfigError("nothing is varied", hint="give --vary NODE=off, for example")
    if len(set(found)) < len(found):
        twice = next(arm.label for arm in found if found.count(arm) > 1)
        raise ConfigError(f"--vary {twice} is given twice")
    return tuple(found)


def _values(text: str) -> Iterator[str]:
    """The values that commas part, but for commas within brackets and quotes."""
    depth, quote, start = 0, "", 0
    for place, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in QUOTES:
            quote = character
        elif character in OPENING + CLOSING:
            depth += 1 if character in OPENING else -1
        elif character == "," and depth == 0:
            yield text[start:place].strip()
            start = place + 1
    yield text[start:].strip()


def decision(arms: Iterable[Arm]) -> str:
    """What all of them decide, in words."""
    return ", ".join(dict.fromkeys(arm.key for arm in arms))
