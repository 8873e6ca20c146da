"""How often comparisons find an effect where there is none, of 5 times in 100 that are allowed.

    python benchmarks/comparisons.py [--trials 4000]

Drawn are differences in bits per byte on documents of unequal bytes, with crossed normal luck: a
seed's, a document's, and that of one seed on one document. In families the units' seeds share half
their luck, as languages of one model do, and a unit's noise is as often above 1.35 times the usual
one as below its inverse: one in six. Earlier comparisons that lend their noise have so many times
its variance, or such a part of it. What is printed stands in docs/lab/LOG.md.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from bedstone.uncertainty.comparison import LOOKS, Noise, Paired, borrowed, effects, lent
from bedstone.uncertainty.paired import LEVEL

DOCUMENTS, UNIT_DOCUMENTS = 300, 60
REGIMES = {"seeds": (0.04, 0.1, 0.1), "documents": (0.002, 0.5, 0.1), "both": (0.02, 0.3, 0.2)}
"""Which luck dominates: deviations of a seed, a document, a seed on a document."""
SEEDS, UNITS = (3, 5, 8), (2, 8)
SHARED, UNEQUAL = 0.5, 0.3
"""Of the seeds' variance, what all units have in common; the deviation of the logarithm of a unit's
own deviation."""
LENDERS, LENDER_SEEDS = (0, 1, 5), 3
VARIANCES = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Of the lenders' differences over seeds, times the borrower's."""
EFFECT = 0.08
"""Of twice a seed's deviation, where seeds dominate."""


def families(
    trials: int,
    seeds: int,
    units: int,
    documents: int,
    deviations: Sequence[float],
    number: int = 0,
) -> Iterator[dict[str, Paired]]:
    """Units without an effect; one alone has the usual noise. Another number is other luck."""
    random = np.random.default_rng(number)
    of_seed, of_document, of_both = deviations
    for _ in range(trials):
        common_K1 = random.normal(size=(seeds, 1))
        family = {}
        for unit in range(units):
            bytes_H = random.lognormal(7, 0.8, documents)
            own_K1 = random.normal(size=(seeds, 1))
            times = np.exp(UNEQUAL * random.normal()) if units > 1 else 1.0
            luck = SHARED**0.5 * common_K1 + (1 - SHARED) ** 0.5 * own_K1
            luck = times * of_seed * luck + of_document * random.normal(size=documents)
            luck = luck + of_both * random.normal(size=(seeds, documents))
            family[str(unit)] = Paired(luck * bytes_H, bytes_H)
        yield family


def found(
    family: dict[str, Paired],
    level: float = LEVEL,
    *,
    borrow: bool = False,
    known: Mapping[str, Noise] | None = None,
) -> bool:
    """Whether any unit has an effect."""
    noise = borrowed(family) if borrow else None
    return any(it.p_adjusted < level for it in effects(family, level, noise, known).values())


def alone(trials: int, seeds: int, regime: str) -> float:
    """The share of trials with a false effect on one unit."""
    drawn = families(trials, seeds, 1, DOCUMENTS, REGIMES[regime])
    return sum(map(found, drawn)) / trials


def looked(trials: int, regime: str, looks: dict[int, float]) -> float:
    """The same where more seeds are added until there is an effect."""
    false = 0
    for family in families(trials, max(looks), 1, DOCUMENTS, REGIMES[regime]):
        (unit,) = family.values()
        seen = {seeds: Paired(unit.difference_KH[:seeds], unit.bytes_H) for seeds in looks}
        false += any(found({"0": seen[seeds]}, level) for seeds, level in looks.items())
    return false / trials


def together(trials: int, seeds: int, units: int, regime: str, *, borrow: bool) -> float:
    """The share of trials with a false effect on any unit of a family."""
    drawn = families(trials, seeds, units, UNIT_DOCUMENTS, REGIMES[regime])
    return sum(found(family, borrow=borrow) for family in drawn) / trials


def known(lenders: Sequence[dict[str, Paired]], unit: str) -> Noise:
    """What earlier comparisons lend to a unit."""
    units = (it[unit] for it in lenders)
    return lent([[it.difference_KH.sum(axis=1) / it.bytes_H.sum()] for it in units])


def lending(
    trials: int, seeds: int, units: int, regime: str, lenders: int, variance: float, effect: float
) -> float:
    """The share of trials with an effect on any unit, where earlier comparisons lend to each."""
    documents = UNIT_DOCUMENTS if units > 1 else DOCUMENTS
    scaled = np.multiply(REGIMES[regime], variance**0.5)
    drawn = families(trials, seeds, units, documents, REGIMES[regime])
    numbers = range(1, 1 + lenders)
    earlier = [families(trials, LENDER_SEEDS, units, documents, scaled, it) for it in numbers]
    told = 0
    for family, *others in zip(drawn, *earlier, strict=True):
        lent_to = {unit: known(others, unit) for unit in family} if others else None
        moved = {
            name: Paired(it.difference_KH + effect * it.bytes_H, it.bytes_H)
            for name, it in family.items()
        }
        told += found(moved, borrow=units > 1, known=lent_to)
    return told / trials


def print_lending(trials: int) -> None:
    """Of one unit and of families, what is found of nothing; of one unit, what of something."""
    cases = [(1, "seeds", 0.0), (1, "both", 0.0), (8, "seeds", 0.0), (1, "seeds", EFFECT)]
    for units, regime, effect in cases:
        print(
            f"{regime}, {units} units, effect {effect}; lenders' variance "
            + " ".join(f"{it:6}" for it in VARIANCES)
        )
        for seeds in SEEDS:
            for lenders in LENDERS:
                of = VARIANCES if lenders else VARIANCES[:1]
                shares = [lending(trials, seeds, units, regime, lenders, it, effect) for it in of]
                print(
                    f"{seeds} seeds, {lenders} lenders  " + "".join(f"{it:7.1%}" for it in shares),
                    flush=True,
                )


def main(trials: int) -> None:
    """Print each share."""
    print("one unit                  " + "".join(f"{f'{it} seeds':>10}" for it in SEEDS))
    for regime in REGIMES:
        shares = [alone(trials, seeds, regime) for seeds in SEEDS]
        print(f"{regime:26}" + "".join(f"{it:10.1%}" for it in shares))
    print("looks after 3, 5, 8 seeds     each at 5 %    as set")
    for regime in REGIMES:
        shares = [looked(trials, regime, it) for it in (dict.fromkeys(LOOKS, LEVEL), LOOKS)]
        print(f"{regime:30}{shares[0]:11.1%}{shares[1]:10.1%}")
    for borrow in (True, False):
        print("any of a family, noise " + ("borrowed" if borrow else "its own"))
        for regime in REGIMES:
            for units in UNITS:
                shares = [together(trials // 2, it, units, regime, borrow=borrow) for it in SEEDS]
                name = f"{regime}, {units} units"
                print(f"{name:26}" + "".join(f"{it:10.1%}" for it in shares), flush=True)
    print_lending(trials // 2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=4000)
    main(parser.parse_args().trials)
