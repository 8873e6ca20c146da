"""The share of documents that are of a kind, from labels drawn in strata.

Where labels are drawn more densely among the documents that a classifier takes for the kind, a
rare kind is measured with far fewer of them than by a plain draw, and whatever the classifier gets
wrong is measured with it: a bad one makes the interval wider, never false.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bedstone.uncertainty.intervals import Estimate, percentile_interval

DRAWS = 2_000
"""Of each stratum's share: the ends of the interval are then right to a few hundredths of its
width."""
PRIOR = 1 / 3
"""Of a label, of either kind, that each stratum is taken to have more. What is added to several
strata adds up: a half, Jeffreys's prior, holds the truth less often where they are three."""
UNKNOWN = 0.5
"""What is said of a stratum without labels."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """Documents among which labels were drawn with equal chances."""

    documents: int
    labels: int
    """Drawn and given; at most as many as documents."""
    positives: int
    """Labels that say yes."""


def stratified_share(strata: Sequence[Stratum], seed: int = 0) -> Estimate:
    """The share of the documents of all ``strata`` that are of the kind; n are the labels.

    In each stratum draws of its share, Beta(positives + 1/3, labels - positives + 1/3), and of the
    documents that have no label as many positives as that gives; added up, between their 2.5 and
    97.5 percentiles. Of a stratum without labels nearly anything is within the interval.

    Raises:
        ValueError: there is no document.

    Source: Kerman 2011, Electronic Journal of Statistics 5, 1450-1470, for the prior of one share.
    Differs: labelled documents are known, so where all are labelled there is no width.
    """
    documents = sum(stratum.documents for stratum in strata)
    if not documents:
        raise ValueError("the share of no documents has no interval")
    random = np.random.default_rng(seed)
    value, drawn = 0.0, np.zeros(DRAWS)
    for it in strata:
        share = random.beta(it.positives + PRIOR, it.labels - it.positives + PRIOR, DRAWS)
        drawn += it.positives + random.binomial(it.documents - it.labels, share)
        value += it.documents * (it.positives / it.labels if it.labels else UNKNOWN)
    labels = sum(stratum.labels for stratum in strata)
    found = percentile_interval(value / documents, drawn / documents, labels)
    low, high = min(found.low, found.value), max(found.high, found.value)
    return Estimate(found.value, low, high, labels)
