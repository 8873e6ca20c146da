"""What an arm did to the bits of held-out documents: effects on the whole and on its parts.

Shape letters: K seeds, H documents.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bedstone.uncertainty.comparison import (
    Effect,
    Noise,
    Paired,
    borrowed,
    effects,
    is_within,
    limited_by,
    more_documents,
    more_seeds,
    verdict,
    worth,
)
from bedstone.uncertainty.intervals import MIN_DOCUMENTS
from bedstone.uncertainty.student import quantile

WHOLE, LANGUAGE, DOMAIN, GROUP = "whole", "language", "domain", "group"
GROUPS = {
    (True, True): "kept by both",
    (True, False): "kept by the baseline alone",
    (False, True): "kept by the arm alone",
    (False, False): "kept by neither",
}
"""By whether the baseline and whether the arm keeps a document."""
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Row = dict[str, Any]
Worth = tuple[float | None, float | None, float | None]
MOST_WORTH, LEAST_WORTH = 1.0, -0.5
"""Of tokens: twice as many, and half; what is worth more, or less, is told as these."""


@dataclass(frozen=True, slots=True)
class Yardstick:
    """The documents that all models are measured on, in one order."""

    table: pa.Table
    bytes_H: Floats
    sites_H: NDArray[np.int64]
    """Documents of one site have one number; one without has its own, from ``known_sites`` on."""
    known_sites: int
    measured_H: Bools
    """Whether all arms hold it out."""

    def counts_sites(self, rows: NDArray[np.int64]) -> bool:
        """Whether some documents are of so many sites that these are what is counted."""
        sites = self.sites_H[rows]
        return len(np.unique(sites[sites < self.known_sites])) >= MIN_DOCUMENTS

    def paired(self, difference_KH: Floats, rows: NDArray[np.int64]) -> Paired:
        """The differences of some documents, those of one site together where sites count."""
        if not self.counts_sites(rows):
            return Paired(difference_KH[:, rows], self.bytes_H[rows])
        _, of = np.unique(self.sites_H[rows], return_inverse=True)
        summed = [np.bincount(of, each[rows]) for each in difference_KH]
        return Paired(np.stack(summed), np.bincount(of, self.bytes_H[rows]).astype(np.float64))


@dataclass(frozen=True, slots=True)
class Scores:
    """Bits of each arm, seeds K x documents H."""

    seeds: tuple[str, ...]
    bits_KH: Mapping[int, Floats]
    """By arm; without those that are the baseline's by construction."""
    half_KH: Floats | None


def _worth(difference: float, slope: float) -> float:
    """Between half and twice: the line through two points goes no farther."""
    limit = slope * math.log(2)
    told = worth(min(max(difference, -limit), limit), slope)
    return min(max(told, LEAST_WORTH), MOST_WORTH)


class Slopes:
    """What more tokens are worth to the baseline, from its runs on all and on half of them."""

    def __init__(self, yardstick: Yardstick, scores: Scores) -> None:
        self._bytes_H = yardstick.bytes_H
        half = scores.half_KH
        self._gain_KH = None if half is None else half - scores.bits_KH[0]

    def of(self, rows: NDArray[np.int64]) -> float | None:
        """Bits a byte for each unit of the logarithm of tokens; None where none is seen."""
        if self._gain_KH is None:
            return None
        slope = self._by_seed(self._gain_KH, rows).mean()
        return float(slope) if slope > 0 else None

    def worth(self, effect: Effect, rows: NDArray[np.int64], level: float) -> Worth:
        """What an effect is worth in tokens, low and high; beyond twice or half it is not told.

        The slope is unsure too, over seeds: its relative error adds to that of the difference.
        """
        slope = self.of(rows)
        if slope is None or self._gain_KH is None:
            return None, None, None
        value, low, high = effect.difference, effect.low, effect.high
        told = _worth(value, slope)
        if low is None or high is None:
            return told, None, None
        by_seed = self._by_seed(self._gain_KH, rows)
        error = by_seed.std(ddof=1) / math.sqrt(len(by_seed))
        of_slope = quantile(level / 2, len(by_seed) - 1) * float(error) * abs(value) / slope
        half = math.hypot((high - low) / 2, of_slope)
        return told, _worth(value + half, slope), _worth(value - half, slope)

    def _by_seed(self, gain_KH: Floats, rows: NDArray[np.int64]) -> Floats:
        gain_K: Floats = gain_KH[:, rows].sum(axis=1) / self._bytes_H[rows].sum() / math.log(2)
        return gain_K


@dataclass(frozen=True, slots=True)
class ArmEffects:
    """What is told of one arm."""

    value: str
    """As ``--set`` takes it."""
    arm: int
    level: float
    """Of a family's tests together."""
    yardstick: Yardstick
    scores: Scores
    slopes: Slopes
    margin: float
    shares: Mapping[str, tuple[float, float]]
    """By language, the share of the training tokens in the baseline and here."""
    lent: Mapping[tuple[str, str], Noise]
    """By family and unit, by earlier comparisons."""

    def rows(self, units: Mapping[str, Mapping[str, NDArray[np.int64]]]) -> Iterator[Row]:
        """An effect on the whole, then those on each unit of each family."""
        everything = np.flatnonzero(self.yardstick.measured_H)
        if self.arm not in self.scores.bits_KH:
            seeds = len(self.scores.seeds)
            yield same(self.value, len(everything), seeds, self._baseline(everything))
            return
        difference_KH = self.scores.bits_KH[self.arm] - self.scores.bits_KH[0]
        yield from self._family(WHOLE, {WHOLE: everything}, difference_KH)
        for family, found in units.items():
            told = {name: rows for name, rows in found.items() if len(rows) >= MIN_DOCUMENTS}
            if told and not (family == GROUP and len(found) == 1):
                yield from self._family(family, told, difference_KH)

    def _baseline(self, rows: NDArray[np.int64]) -> float:
        """Its bits a byte, the mean over seeds."""
        bits = self.scores.bits_KH[0][:, rows].sum(axis=1).mean()
        return float(bits / self.yardstick.bytes_H[rows].sum())

    def _family(
        self, family: str, units: Mapping[str, NDArray[np.int64]], difference_KH: Floats
    ) -> Iterator[Row]:
        paired = {name: self.yardstick.paired(difference_KH, it) for name, it in units.items()}
        noise = None if family in (WHOLE, GROUP) else borrowed(paired)
        earlier = {name: self.lent.get((family, name)) for name in paired}
        for name, effect in effects(paired, self.level, noise, earlier).items():
            sources = [noise, earlier[name] if effect.lent_df else None]
            told = " and ".join(it.source for it in sources if it)
            yield self._row(family, name, units[name], effect, told or None)

    def _row(
        self,
        family: str,
        unit: str,
        rows: NDArray[np.int64],
        effect: Effect,
        borrowed_from: str | None,
    ) -> Row:
        told = verdict(effect, self.margin, self.level)
        asked = (effect, self.margin, self.level)
        is_open = told == "cannot tell"
        worths = self.slopes.worth(effect, rows, self.level)
        shares = self.shares.get(unit) if family == LANGUAGE else None
        return {
            "value": self.value,
            "family": family,
            "unit": unit,
            "documents": len(rows),
            "counted": "sites" if self.yardstick.counts_sites(rows) else "documents",
            "seeds": len(self.scores.seeds),
            "by_construction": False,
            "bits_per_byte": self._baseline(rows) + effect.difference,
            "difference": effect.difference,
            "low": effect.low,
            "high": effect.high,
            "by_seed": list(effect.by_seed),
            "seed_deviation": effect.seed_deviation,
            "document_error": effect.document_error,
            "borrowed_df": effect.borrowed_df,
            "lent_df": effect.lent_df,
            "borrowed_from": borrowed_from,
            "worth_tokens": worths[0],
            "worth_tokens_low": worths[1],
            "worth_tokens_high": worths[2],
            "p_adjusted": effect.p_adjusted,
            "verdict": told,
            "within_margin": is_within(effect, self.margin),
            "limited_by": limited_by(effect) if is_open else None,
            "more_seeds": more_seeds(*asked) if is_open else None,
            "more_documents": more_documents(*asked) if is_open else None,
            "train_share_before": shares and shares[0],
            "train_share": shares and shares[1],
        }


def same(
    value: str, documents: int | None = None, seeds: int = 0, bits_per_byte: float | None = None
) -> Row:
    """The effect of an arm that is the baseline by construction."""
    numbers = ("difference", "low", "high", "worth_tokens", "worth_tokens_low", "worth_tokens_high")
    unknown = ("borrowed_from", "p_adjusted", "limited_by", "more_seeds", "more_documents")
    return {
        "value": value,
        "family": WHOLE,
        "unit": WHOLE,
        "documents": documents,
        "counted": "documents",
        "seeds": seeds,
        "by_construction": True,
        "bits_per_byte": bits_per_byte,
        **dict.fromkeys(numbers, 0.0),
        "by_seed": [],
        "seed_deviation": 0.0,
        "document_error": 0.0,
        "borrowed_df": 0.0,
        "lent_df": 0.0,
        **dict.fromkeys(unknown),
        "verdict": "same",
        "within_margin": True,
        "train_share_before": None,
        "train_share": None,
    }


def noise(yardstick: Yardstick, scores: Scores, rows: Sequence[Row]) -> Row:
    """How much of a model's luck is shared by both of a pair; null with one seed."""
    told = [row for row in rows if row["family"] == WHOLE and not row["by_construction"]]
    paired = _root_mean_square([row["seed_deviation"] for row in told])
    total = yardstick.bytes_H[yardstick.measured_H].sum()
    runs = [bits[:, yardstick.measured_H].sum(axis=1) / total for bits in scores.bits_KH.values()]
    enough = len(scores.seeds) > 1
    single = _root_mean_square([float(each.std(ddof=1)) for each in runs] if enough else [])
    unpaired = None if single is None else math.sqrt(2) * single
    return {
        "unpaired_deviation": unpaired,
        "paired_deviation": paired,
        "variance_removed": 1 - (paired / unpaired) ** 2 if paired and unpaired else None,
        **{
            name: max((row[name] for row in rows), default=0.0)
            for name in ("borrowed_df", "lent_df")
        },
    }


def _root_mean_square(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.sqrt(sum(value**2 for value in known) / len(known)) if known else None
