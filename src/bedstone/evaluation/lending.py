"""What earlier comparisons lend: how much seeds differ, told by runs that are no one else's.

A run lends once, and never to a comparison that it is part of. One more seed, or other arms of the
same baseline, leave runs in common: of such a lender the other arms alone are paired, with one
another. What is lent then has no run in common with the borrower's own differences, nor with what
another lends; a seed's luck, which both arms of a pair share, is in neither.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bedstone.uncertainty.comparison import Noise, lent
from bedstone.uncertainty.paired import Floats

BASELINE = "baseline"
MOST_LENDERS = 8
"""Of more the median is hardly another."""
Row = dict[str, Any]
Unit = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Lender:
    """An earlier comparison."""

    name: str
    differences: Mapping[Unit, Sequence[Floats]]
    """By family and unit, of each arm and the one that all are paired with, by seed."""


def lenders(found: Mapping[str, Row], runs: Collection[str]) -> list[Lender]:
    """The comparisons that have something to lend, those of more seeds first, then by name.

    Args:
        found: what each of them found, by name.
        runs: the borrower's.
    """
    taken, told = set(runs), list[Lender]()
    for name in sorted(found, key=lambda it: (-found[it]["seeds"], it)):
        own, free = set[str](), list[str]()
        for arm, made in found[name]["runs"].items():
            if (taken | own).isdisjoint(made):
                own.update(made)
                free.append(arm)
        if found[name]["seeds"] > 1 and len(free) > 1 and len(told) < MOST_LENDERS:
            told.append(Lender(name, _differences(found[name], free)))
            taken |= own
    return told


def known(lenders: Sequence[Lender], unit: Unit) -> Noise | None:
    """What they know together of a unit's noise; None where none measured it."""
    return lent({it.name: it.differences[unit] for it in lenders if unit in it.differences})


def _differences(found: Row, arms: Sequence[str]) -> dict[Unit, list[Floats]]:
    by_unit: dict[Unit, dict[str, Floats]] = {}
    for row in found["effects"]:
        by_seed_K = np.array(row["by_seed"])
        of = by_unit.setdefault((row["family"], row["unit"]), {BASELINE: np.zeros(found["seeds"])})
        of[row["value"]] = by_seed_K
    told = {}
    for unit, by_arm in by_unit.items():
        if len(measured := [by_arm[arm] for arm in arms if arm in by_arm]) > 1:
            told[unit] = [each - measured[0] for each in measured[1:]]
    return told
