"""The weights of a mix over the course of a run: ways of weighing, within the passes allowed."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bedstone.config import Config
from bedstone.errors import ConfigError, DataError, nearest
from bedstone.laws.repeated_text import effective_tokens, pass_worth
from bedstone.tokenizer.mixing.shares import (
    ROUNDING,
    Shares,
    Sizes,
    shared_out,
    shares_of,
    speakers_floors,
    temperature_demands,
    unimax_demands,
)

SHARES_ROUNDING = 1e-3
"""How far from 1 shares that were rounded may add up to."""

GroupKey = Annotated[str, Field(pattern=r"^([a-z]{3}_[A-Z][a-z]{3}|mul|und)(/.+)?$")]
"""A language, or with a value of the column that the mix is by, a group: ``eng_Latn/yes``."""


class Weights(Config):
    """How the languages are weighed, in exactly one way."""

    temperature: float | None = Field(None, ge=1)
    """As tokens to the power of 1/temperature."""
    unimax: Literal["bytes", "tokens"] | None = None
    """As many of these of each. With equal tokens, a language that pays more tokens for the same
    text gets less of it; with equal bytes it gets more of the tokens."""
    shares: dict[GroupKey, Annotated[float, Field(gt=0, le=1)]] | None = None
    """Of the tokens trained on, together 1; the other languages get none."""
    speakers_ratio: float | None = Field(None, ge=1)
    """What a language's share of the speakers is at most over its weight. With 1 each gets its
    share of the speakers; the higher, the more they get what they have."""

    @model_validator(mode="after")
    def _is_one_way(self) -> Self:
        ways = list(type(self).model_fields)
        given = [name for name in ways if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(f"give one of {', '.join(ways)}, not {found}")
        total = math.fsum(self.shares.values()) if self.shares is not None else 1.0
        if abs(total - 1) > SHARES_ROUNDING:
            raise ValueError(f"the shares add up to {total:.4g}, not to 1")
        return self


class Change(Config):
    """Other weights from a point of the run on."""

    from_share: float = Field(gt=0, lt=1)
    """Of the run."""
    weights: Weights


@dataclass(frozen=True, slots=True)
class Text:
    """What there is to train on, by language."""

    tokens: Sizes
    """Each more than 0."""
    bytes: Sizes
    speakers: Sizes
    """Of the languages where it is known."""


@dataclass(frozen=True, slots=True)
class Course:
    """How a run weighs the languages, phase by phase."""

    weights: tuple[Weights, ...]
    starts: tuple[float, ...]
    """In shares of the run; the first is 0."""
    budget_tokens: int
    max_repetition: float

    @property
    def spans(self) -> list[float]:
        """The share of the run that each phase is."""
        return [end - start for start, end in pairwise([*self.starts, 1.0])]


def named(languages: Iterable[str], ways: Iterable[Weights]) -> list[str]:
    """The ``languages`` that get any weight: where all ways are shares, those with a share.

    Raises:
        ConfigError: shares are given to a language that is not there.
    """
    languages, ways = list(languages), list(ways)
    shares = [weights.shares for weights in ways if weights.shares is not None]
    wanted = {name for each in shares for name in each}
    if unknown := sorted(wanted - set(languages)):
        raise ConfigError(
            f"weights.shares: {unknown[0]} has no document to train on",
            hint=nearest(unknown[0], languages),
        )
    return [name for name in languages if name in wanted or len(shares) < len(ways)]


def phase_weights(text: Text, course: Course) -> list[dict[str, float]]:
    """The weights of each phase of the run, in order; in each they add up to 1.

    The passes that a language may have are given to the last phase first, which is the one that
    is chosen for what it adds; what it leaves goes to the phases before.

    Raises:
        ConfigError: speakers are asked of a language whose number is not known.
        DataError: there is too little text for the budget.
    """
    left = {
        name: course.max_repetition * count / course.budget_tokens
        for name, count in text.tokens.items()
    }
    found: list[dict[str, float]] = []
    for start, span, weights in reversed(
        list(zip(course.starts, course.spans, course.weights, strict=True))
    ):
        demands, floors = _wanted(text, weights)
        limits = {name: left[name] / span for name in demands}
        _refuse_want_of_text(math.fsum(limits.values()), start, span, course)
        shared = dict.fromkeys(text.tokens, 0.0) | shared_out(demands, limits, floors)
        left = {name: max(0.0, left[name] - span * shared[name]) for name in text.tokens}
        found.append(shared)
    return found[::-1]


def repetitions(
    text: Text, course: Course, phases: Iterable[Shares]
) -> dict[str, dict[str, float]]:
    """Each language's weight over the whole run, and how often its text is seen for what.

    ``repetition`` is for a run of as many tokens as there are, ``passes`` for that of the budget.
    """
    parts = list(zip(course.spans, phases, strict=True))
    total = sum(text.tokens.values())
    found = {}
    for name, count in text.tokens.items():
        weight = math.fsum(span * weights[name] for span, weights in parts)
        passes = weight * course.budget_tokens / count
        found[name] = {
            "weight": weight,
            "repetition": weight * total / count,
            "passes": passes,
            "next_pass_worth": pass_worth(passes + 1),
            "effective_tokens": effective_tokens(count, passes),
        }
    return found


def _wanted(text: Text, weights: Weights) -> tuple[Shares, Shares]:
    """The demands and the floors of the one way of weighing that is given."""
    if weights.temperature is not None:
        return temperature_demands(text.tokens, weights.temperature), {}
    if weights.unimax is not None:
        units = text.bytes if weights.unimax == "bytes" else text.tokens
        return unimax_demands(text.tokens, units), {}
    if weights.shares is not None:
        return weights.shares, {}
    assert weights.speakers_ratio is not None
    if unknown := sorted(set(text.tokens) - set(text.speakers)):
        raise ConfigError(
            f"weights.speakers_ratio: the speakers of {', '.join(unknown)} are not known",
            hint="list these languages in without, or choose other weights",
        )
    floors = speakers_floors(shares_of(text.speakers), weights.speakers_ratio)
    return text.tokens, floors


def _refuse_want_of_text(room: float, start: float, span: float, course: Course) -> None:
    if room < 1 - ROUNDING:
        wanted = span * course.budget_tokens
        where = f" from {start:g} of the run on" if len(course.starts) > 1 else ""
        raise DataError(
            f"{wanted:,.0f} tokens are to be trained on{where}, and {room * wanted:,.0f} are left "
            f"of {course.max_repetition:g} passes over the text that the weights name",
            hint="lower budget_tokens, raise max_repetition, or name more languages",
        )
