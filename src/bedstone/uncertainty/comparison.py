"""Two decisions compared by models of both: the one statistic over seeds and documents, paired.

Each seed trains a model of either decision, and each is measured on the same documents. Luck comes
from both: another seed and other documents would give another difference. An interval over the
documents alone takes one seed's luck for the decision's effect.

Few long documents may decide the mean: each one's part of the variance is divided by what is left
of the bytes without it, since it draws the mean towards itself, and the degrees of freedom come
from the parts' squares, as if they were of normal values.

Shape letters: K seeds, H documents.

Sources: Satterthwaite 1946, Biometrics Bulletin 2, 110-114, for degrees of freedom; MacKinnon and
White 1985, Journal of Econometrics 29, 305-325, HC2, for the documents' variance; Smyth 2004,
"Linear models and empirical Bayes methods", section 4, for borrowed noise; Holm 1979 for verdicts
on many units. Differs: Smyth estimates what is borrowed and its degrees of freedom; here it is a
median with fixed ones, and earlier comparisons lend the less of them the more their noise differs.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from statistics import NormalDist
from typing import Literal

import numpy as np

from bedstone.uncertainty.intervals import MIN_DOCUMENTS
from bedstone.uncertainty.paired import LEVEL, Floats, holm
from bedstone.uncertainty.student import quantile, share_found, tail

BORROWED_DF = 6
"""Degrees of freedom of noise borrowed from other units. Languages of one model are lucky together,
so that the median of 8 is worth less than 8: benchmarks/ablation.py, docs/lab/LOG.md."""
LENT_DF = 2
"""Degrees of freedom that earlier comparisons lend at most. Their arms have another noise: with so
many, no ratio of the two makes more than 8 of 100 effects false: benchmarks/comparisons.py,
docs/lab/LOG.md."""
EARLIER = "earlier comparisons"
POWER = 0.8
"""What would settle a question does so this often, if the effect is as seen."""
MOST = 1_000_000
"""Seeds or documents: what so many do not settle, they alone never will."""
LOOKS = {3: 0.005, 5: 0.015, 8: 0.03}
"""Seeds after which one may look and stop, and the level of each look: of all three together the
level is ``LEVEL``."""
Verdict = Literal["better", "worse", "same", "cannot tell"]
_Parts = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Paired:
    """What was measured of one unit of a report: the whole, a language, a domain."""

    difference_KH: Floats
    """Bits of the arm less those of the baseline, both of the same seed. Documents that are alike
    (a site's) are one, their sum."""
    bytes_H: Floats
    """Of each document."""


@dataclass(frozen=True, slots=True)
class Noise:
    """What is known elsewhere about the deviation over seeds."""

    deviation: float
    """Of one seed's difference, bits per byte."""
    df: float
    """The degrees of freedom that it counts for."""
    source: str
    """Where it is known from, in words."""


@dataclass(frozen=True, slots=True)
class Effect:
    """A difference in bits per byte, below 0 where the arm is better, and how sure it is."""

    difference: float
    low: float | None
    """None, where no interval can be told: of one seed, of few documents."""
    high: float | None
    seeds: int
    documents: int
    by_seed: tuple[float, ...]
    seed_deviation: float | None
    """Of the seeds' differences, nothing borrowed."""
    document_error: float | None
    """The documents' part of the standard error."""
    df: float | None
    p: float | None
    """Of this unit alone; below the level exactly if an interval of this unit alone leaves out
    0."""
    p_adjusted: float | None
    """Of this unit among its family."""
    seed_error: float | None = None
    """The seeds' part of the standard error, with what is borrowed."""
    borrowed_df: float = 0.0
    lent_df: float = 0.0
    """Of these, what earlier comparisons lend."""
    document_df: float = math.inf
    """Degrees of freedom of the documents' part: fewer than documents, where few decide."""
    family: int = 1
    """Units that were tested together: the interval is one of so many that hold together."""


def borrowed(family: Mapping[str, Paired]) -> Noise | None:
    """What the units of a family know together of their seeds' deviation: the median variance.

    A variance of few seeds is more often too small than too large, so its median lies below the
    true one, by a factor that is known. None without a second seed, and of one unit, which would
    be its own witness.

    Source: Wilson and Hilferty 1931, PNAS 17, 684-688, for the median of chi-squared.
    """
    by_seed = [_by_seed(unit) for unit in family.values()]
    if len(by_seed) < 2 or len(by_seed[0]) < 2:
        return None
    source = f"the median of the {len(by_seed)} units compared"
    return Noise(_median_deviation(by_seed), BORROWED_DF, source)


def lent(lenders: Sequence[Sequence[Floats]]) -> Noise:
    """What earlier comparisons know of one unit's noise: the median variance, as ``borrowed``.

    Args:
        lenders: of each, the differences of its arms from one that all are paired with, by seed
            (K): they count as one arm's do.
    """
    df = sum(len(by_arm[0]) - 1 for by_arm in lenders)
    deviation = _median_deviation([by_seed_K for by_arm in lenders for by_seed_K in by_arm])
    return Noise(deviation, min(df, LENT_DF), EARLIER)


def _median_deviation(by_seed: Sequence[Floats]) -> float:
    typical = [it.var(ddof=1) / (1 - 2 / (9 * (len(it) - 1))) ** 3 for it in by_seed]
    return math.sqrt(float(np.median(typical)))


def effects(
    family: Mapping[str, Paired],
    level: float = LEVEL,
    noise: Noise | None = None,
    known: Mapping[str, Noise | None] | None = None,
) -> dict[str, Effect]:
    """The effect on each unit of one family; its verdicts hold together, and so do its intervals.

    An interval is D +- t sqrt(s**2 + d**2) of the errors s over seeds and d over documents, and
    never narrower than that of the seeds alone. Holm adjusts the p-values and Bonferroni the
    intervals, over the units that have one. None has a unit of one seed or of few documents, nor
    one whose seeds all found the same: they are one run.

    Args:
        family: by unit.
        level: of all tests together.
        noise: what the units lend one another.
        known: by unit, what earlier comparisons lend it.
    """
    found = {name: _measured(unit, noise, (known or {}).get(name)) for name, unit in family.items()}
    tested = {
        name: it for name, it in found.items() if None not in (it.seed_error, it.document_error)
    }
    p = [_p(effect) for effect in tested.values()]
    for (name, effect), own, adjusted in zip(tested.items(), p, holm(p), strict=True):
        half, df = _half(effect, level / len(tested))
        low, high = effect.difference - half, effect.difference + half
        found[name] = replace(
            effect, low=low, high=high, df=df, p=own, p_adjusted=adjusted, family=len(tested)
        )
    return found


def verdict(effect: Effect, margin: float, level: float = LEVEL) -> Verdict:
    """What the effect is; where no side is sure, the same if it lies within +- ``margin``.

    A difference that is sure is told as one however small it is: ``is_within`` says whether it
    counts. ``level`` is the one that ``effects`` was given.
    """
    if effect.p_adjusted is None:
        return "cannot tell"
    if effect.p_adjusted < level:
        return "better" if effect.difference < 0 else "worse"
    return "same" if is_within(effect, margin) else "cannot tell"


def is_within(effect: Effect, margin: float) -> bool:
    """Whether the interval lies within +- ``margin`` bits per byte."""
    if effect.low is None or effect.high is None:
        return False
    return -margin <= effect.low and effect.high <= margin


def limited_by(effect: Effect) -> Literal["seeds", "documents"]:
    """Of which there are too few, where a verdict cannot be told: what adds more to the error."""
    if effect.document_error is None:
        return "documents"
    if effect.seed_error is None or effect.seed_error >= effect.document_error:
        return "seeds"
    return "documents"


def more_seeds(effect: Effect, margin: float, level: float = LEVEL) -> int | None:
    """How many seeds in all would settle it, as far as can be foretold from what is seen.

    None where no number would, or where nothing is known of the errors.
    """
    return _more(effect.seeds, lambda it: _settled(effect, it, effect.documents, margin, level))


def more_documents(effect: Effect, margin: float, level: float = LEVEL) -> int | None:
    """How many documents in all would settle it; as ``more_seeds``."""
    return _more(effect.documents, lambda it: _settled(effect, effect.seeds, it, margin, level))


def seeds_needed(
    ratio: float, noise_df: float = 0.0, level: float = LEVEL, power: float = POWER
) -> int:
    """How many seeds find an effect that is ``ratio`` times the deviation of a seed's difference.

    Documents are as many as it takes.

    Args:
        ratio: above 0.
        noise_df: of the borrowed noise.
        level: of the test.
        power: how often it is to be found.
    """
    normal = NormalDist()
    few = ((normal.inv_cdf(1 - level / 2) + normal.inv_cdf(power)) / ratio) ** 2
    tried = count(max(2, int(few)))
    return next(
        it for it in tried if share_found(ratio * it**0.5, noise_df + it - 1, level) >= power
    )


def worth(difference: float, slope: float) -> float:
    """The share of tokens that changes the bits as much: .05, if as good as 5 % more tokens.

    Args:
        difference: in bits per byte.
        slope: bits per byte that a unit of the tokens' natural logarithm takes off, above 0.
    """
    return math.exp(-difference / slope) - 1


def _by_seed(unit: Paired) -> Floats:
    """Each seed's difference (K), in bits per byte."""
    by_seed_K: Floats = unit.difference_KH.sum(axis=1) / unit.bytes_H.sum()
    return by_seed_K


def _measured(unit: Paired, noise: Noise | None, known: Noise | None) -> Effect:
    """The difference and the parts of its error."""
    by_seed_K = _by_seed(unit)
    difference = float(by_seed_K.mean())
    seeds, documents = unit.difference_KH.shape
    deviation = seed_error = document_error = None
    borrowed_df, lent_df = noise.df if noise else 0.0, 0.0
    document_df = documents - 1.0
    if seeds > 1:
        one_run = not np.ptp(by_seed_K)
        deviation = 0.0 if one_run else float(by_seed_K.std(ddof=1))
        if not (one_run and unit.difference_KH.any()):
            shrunk, df = _shrunk(deviation, seeds - 1, noise), borrowed_df + seeds - 1
            similar = known and _discounted(known, shrunk)
            seed_error = _shrunk(shrunk, df, similar) / math.sqrt(seeds)
            lent_df = similar.df if similar else 0.0
    if documents >= MIN_DOCUMENTS:
        share_H = unit.bytes_H / unit.bytes_H.sum()
        own_H = unit.difference_KH.mean(axis=0) / unit.bytes_H.sum() - difference * share_H
        variance_H = own_H**2 / (1 - share_H)
        document_error = math.sqrt(variance_H.sum())
        if document_error:
            alike = 3 * variance_H.sum() ** 2 / (variance_H @ variance_H)
            document_df = min(document_df, float(alike))
    return Effect(
        difference=difference,
        low=None,
        high=None,
        seeds=seeds,
        documents=documents,
        by_seed=tuple(by_seed_K.tolist()),
        seed_deviation=deviation,
        document_error=document_error,
        df=None,
        p=None,
        p_adjusted=None,
        seed_error=seed_error,
        borrowed_df=borrowed_df + lent_df,
        lent_df=lent_df,
        document_df=document_df,
    )


def _discounted(known: Noise, deviation: float) -> Noise:
    """What counts for less the less alike both are: by the squared ratio of the variances.

    The noise of another arm may be another, so that what is far off shall lend nothing.
    """
    low, high = sorted((known.deviation, deviation))
    return replace(known, df=known.df * (low / high) ** 4 if high else 0.0)


def _shrunk(deviation: float, df: float, noise: Noise | None) -> float:
    """The seeds' deviation, drawn towards what is known elsewhere."""
    if noise is None:
        return deviation
    squares = noise.df * noise.deviation**2 + df * deviation**2
    return math.sqrt(squares / (noise.df + df))


def _parts(effect: Effect, seeds: int | None = None, documents: int | None = None) -> _Parts:
    """Error and degrees of freedom of seeds and documents together, and of the seeds alone.

    So many seeds and documents; absent, as many as there are. Empty, where nothing differs and
    where the errors are not known.
    """
    if effect.seed_error is None or effect.document_error is None:
        return []
    seeds, documents = seeds or effect.seeds, documents or effect.documents
    of_seeds = effect.seed_error * math.sqrt(effect.seeds / seeds)
    of_documents = effect.document_error * math.sqrt(effect.documents / documents)
    both = math.hypot(of_seeds, of_documents)
    if not both:
        return []
    seeds_df = effect.borrowed_df + seeds - 1
    documents_df = effect.document_df * documents / effect.documents
    share = (of_seeds / both) ** 2
    df = 1 / (share**2 / seeds_df + (1 - share) ** 2 / documents_df)
    return [(error, df) for error, df in ((both, df), (of_seeds, seeds_df)) if error]


def _half(effect: Effect, level: float) -> tuple[float, float | None]:
    """Half the interval's width, and its degrees of freedom: of the wider one."""
    halves = ((error * quantile(level / 2, df), df) for error, df in _parts(effect))
    return max(halves, default=(0.0, None))


def _p(effect: Effect) -> float:
    """Of no effect, two-sided: of the wider interval."""
    size = abs(effect.difference)
    return max((2 * tail(size / error, df) for error, df in _parts(effect)), default=1.0)


def _settled(effect: Effect, seeds: int, documents: int, margin: float, level: float) -> bool:
    """Whether a verdict would come often enough, if the effect is as seen."""
    parts = _parts(effect, seeds, documents)
    level /= effect.family

    def clear(of: float) -> float:
        """How often the interval ends before what is so far from the effect."""
        found = (share_found(of / error, df, level) for error, df in parts)
        return min(found, default=0.0)

    seen = abs(effect.difference)
    within = clear(margin - seen) + clear(margin + seen) - 1 if seen < margin else 0.0
    return max(clear(seen), within) >= POWER


def _more(now: int, settled: Callable[[int], bool]) -> int | None:
    """The first number above ``now`` that settles it: a larger one does too."""
    tried = range(now + 1, MOST + 1)
    return tried[bisect_left(tried, True, key=settled)] if settled(MOST) else None
