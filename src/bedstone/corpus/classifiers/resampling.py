"""Drawing documents in proportion to weights, instead of taking those with the largest ones.

The weights of dsir are tempered, for those of whole texts differ so much that a draw by them takes
hardly any but the largest: log weights are multiplied by the number that leaves as many documents
worth counting as was asked, sum(w)^2 / sum(w^2) of them.

Source: Xie et al. 2023, arXiv:2302.03169, where Gumbel noise on log weights draws without
replacement; Kish 1965, "Survey sampling", for the effective size.
"""

from collections.abc import Sequence
from itertools import compress

import numpy as np

from bedstone.corpus.classifiers.features import Values
from bedstone.corpus.classifiers.quality import rounded
from bedstone.corpus.classifiers.trained import lots_of, quantiles_of

HALVINGS = 60
MOST_TEMPER = 1e6


def draw_of(
    share: float, scores: Values, ids: Sequence[str], seed: int
) -> tuple[float, Values, dict[str, float]]:
    """The draw whose effective size is ``share`` of the sample with these log weights.

    Returns:
        What log weights are multiplied by; the quantiles of the lots; what is told of it.
    """
    is_told = ~np.isnan(scores)
    scores, ids = scores[is_told], list(compress(ids, is_told))
    low, high = 0.0, MOST_TEMPER
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        is_wide = effective_size(middle * scores) > share * len(scores)
        low, high = (middle, high) if is_wide else (low, middle)
    lots = lots_of(scores, ids, low, seed)
    count = max(round(share * len(scores)), 1)
    drawn, best = (np.argsort(-it, kind="stable")[:count] for it in (lots, scores))
    told = {
        "temper": low,
        "drawn_documents": count,
        "effective_documents": effective_size(low * scores),
        "untempered_effective_documents": effective_size(scores),
        "overlap_with_best_share": len(np.intersect1d(drawn, best)) / count,
    }
    return low, quantiles_of(lots), {name: rounded(it) for name, it in told.items()}


def effective_size(log_weights: Values) -> float:
    """How many documents of equal weight would vary as little."""
    weights = np.exp(log_weights - log_weights.max())
    return float(weights.sum() ** 2 / (weights**2).sum())
