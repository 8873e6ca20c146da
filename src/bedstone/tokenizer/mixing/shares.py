"""How much of each language: demands that differ by method, and one way to meet them.

A method says how the languages stand to one another (its demands) and, where it has any, what each
is to get at least (its floors). How often a text may be seen sets the limits. ``shared_out`` finds
the weights.
"""

import math
from bisect import bisect_left
from collections.abc import Mapping

FILE = "mix.json"
"""Where ``tokenizer.mix`` writes the weights."""
ROUNDING = 1e-9
"""What limits that add up to 1 may lack of it."""

GROUP = "/"
"""Between a language and a value, in the name of a group of documents: ``eng_Latn/yes``."""

Sizes = Mapping[str, int]
Shares = Mapping[str, float]


def language_of(group: str) -> str:
    """The language of a group's documents; of a language itself, that."""
    return group.partition(GROUP)[0]


def shares_of(sizes: Sizes) -> dict[str, float]:
    """The share of each; they add up to 1."""
    total = sum(sizes.values())
    return {name: size / total for name, size in sizes.items()}


def even_budgets(sizes: Sizes, budget: int) -> dict[str, int]:
    """``budget`` shared out as evenly as the sizes allow; none gets more than it has.

    In ascending size each gets the lesser of what it has and an even share of what is left.
    Source: UniMax (Chung et al. 2023, arXiv:2304.09151) with one pass.
    """
    budgets = {}
    for position, (name, size) in enumerate(sorted(sizes.items(), key=lambda item: item[::-1])):
        budgets[name] = min(size, budget // (len(sizes) - position))
        budget -= budgets[name]
    return budgets


def temperature_demands(tokens: Sizes, temperature: float) -> dict[str, float]:
    """As tokens^(1/temperature): 1 asks for what there is, infinity for the same of each.

    Source: mT5 (Xue et al. 2021, arXiv:2010.11934), section 3.1, whose alpha is 1/temperature.
    Differs: tokens in the place of examples.
    """
    return {name: count ** (1 / temperature) for name, count in tokens.items()}


def unimax_demands(tokens: Sizes, units: Sizes) -> dict[str, float]:
    """The tokens of a language that come to one unit: as many units are asked for of each.

    Met up to limits of N passes, they give the shares of UniMax with a budget of as many units as
    the run's tokens come to.

    Args:
        tokens: of each language.
        units: the same text in the budget's unit; the tokens themselves, or bytes. Text without
            bytes counts as one.

    Source: UniMax (Chung et al. 2023, arXiv:2304.09151), algorithm 1. Differs: its unit is
    characters; bytes are at hand, and the scripts of India take three a character.
    """
    return {name: count / max(units[name], 1) for name, count in tokens.items()}


def speakers_floors(speakers: Shares, ratio: float) -> dict[str, float]:
    """What keeps each language's share of the speakers at ``ratio`` times its weight, or below.

    Args:
        speakers: the share of each, together at most 1.
        ratio: at least 1; with 1 each gets its share.
    """
    return {name: share / ratio for name, share in speakers.items()}


def shared_out(demands: Shares, limits: Shares, floors: Shares | None = None) -> dict[str, float]:
    """The weights, which add up to 1: as the demands stand to one another, within bounds.

    Each is ``level * demand``, but at least its floor and at most its limit, at the level where
    the sum is 1. A floor above the limit gives way to it.

    Args:
        demands: each more than 0.
        limits: of the same names.
        floors: of some of them; together at most 1.

    Raises:
        ValueError: the limits add up to less than 1.
    """
    floors = floors or {}
    if math.fsum(limits[name] for name in demands) < 1 - ROUNDING:
        raise ValueError("limits that add up to less than 1")

    def weights(level: float) -> dict[str, float]:
        return {
            name: min(limits[name], max(floors.get(name, 0.0), level * demand))
            for name, demand in demands.items()
        }

    def total(level: float) -> float:
        return math.fsum(weights(level).values())

    bounds = [*floors.items(), *((name, limits[name]) for name in demands)]
    levels = sorted({0.0, *(bound / demands[name] for name, bound in bounds)})
    above = bisect_left(levels, 1.0, key=total)
    if above in (0, len(levels)):
        return weights(levels[min(above, len(levels) - 1)])
    low, high = levels[above - 1], levels[above]
    # Between two neighbouring levels no weight meets or leaves a bound, so the sum is a line.
    return weights(low + (high - low) * (1 - total(low)) / (total(high) - total(low)))
