"""Drawing documents in proportion to weights, instead of taking those with the largest ones.

The weights of dsir are tempered, for those of whole texts differ so much that a draw by them takes
hardly any but the largest: log weights are multiplied by the number that leaves as many documents
worth counting as was asked, sum(w)^2 / sum(w^2) of them.

Source: Xie et al. 2023, arXiv:2302.03169, where Gumbel noise on log weights draws without
replacement; Kish 1965, "Survey sampling", for the effective size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np

from bedstone.corpus.classifiers.examples import Example
from bedstone.corpus.classifiers.features import Values
from bedstone.corpus.classifiers.quality import rounded
from bedstone.corpus.classifiers.trained import lots_of, quantiles_of

HALVINGS = 60
MOST_TEMPER = 1e6


@dataclass(frozen=True, slots=True)
class Draw:
    """How documents are drawn, and what that does."""

    temper: float
    quantiles: Values
    told: dict[str, float]


def draw_of(share: float, scores: Values, sample: Sequence[Example], seed: int) -> Draw:
    """The draw whose effective size is ``share`` of the sample with these log weights."""
    told_of = ~np.isnan(scores)
    scores, sample = scores[told_of], list(compress(sample, told_of))
    low, high = 0.0, MOST_TEMPER
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        is_wide = effective_size(middle * scores) > share * len(scores)
        low, high = (middle, high) if is_wide else (low, middle)
    lots = lots_of(scores, [example.id for example in sample], low, seed)
    count = max(round(share * len(scores)), 1)
    drawn, best = (np.argsort(-it, kind="stable")[:count] for it in (lots, scores))
    lengths = np.array([len(example.text) for example in sample], np.float64)
    told = {
        "temper": low,
        "drawn_documents": count,
        "effective_documents": effective_size(low * scores),
        "untempered_effective_documents": effective_size(scores),
        "overlap_with_best_share": len(np.intersect1d(drawn, best)) / count,
        "mean_characters_drawn_over_all": lengths[drawn].mean() / max(lengths.mean(), 1),
    }
    return Draw(low, quantiles_of(lots), {name: rounded(it) for name, it in told.items()})


def effective_size(log_weights: Values) -> float:
    """How many documents of equal weight would vary as little."""
    weights = np.exp(log_weights - log_weights.max())
    return float(weights.sum() ** 2 / (weights**2).sum())
