"""How alike texts are, for minimum Bayes risk and for the variety of samples.

Source: Popović 2015, "chrF: character n-gram F-score for automatic MT evaluation"; Li et al.
2016, arXiv:1510.03055 (distinct-n). Differs: precision and recall weigh the same, so that chrF is
the same in both directions.
"""

import itertools
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

ORDERS = 6
"""Of the longest n-grams of characters."""


def similarities(texts: Sequence[str]) -> NDArray[np.float64]:
    """Each text's chrF with each (N, N), 0 to 1; of equal texts 1.

    White space is left out. An order that neither text is long enough for does not count.
    """
    letters = ["".join(text.split()) for text in texts]
    precision_NN, orders_NN = (np.zeros((len(texts), len(texts))) for _ in range(2))
    for order in range(1, ORDERS + 1):
        counts_NG = _counts([_ngrams(text, order) for text in letters])
        shared_NN = np.array([np.minimum(row_G, counts_NG).sum(axis=1) for row_G in counts_NG])
        size_N = counts_NG.sum(axis=1)
        precision_NN += shared_NN / np.maximum(size_N, 1)[:, None]
        orders_NN += (size_N[:, None] > 0) | (size_N > 0)
    precision_NN /= np.maximum(orders_NN, 1)
    both_NN = precision_NN + precision_NN.T  # one's precision is the other's recall
    score_NN = 2 * precision_NN * precision_NN.T / np.where(both_NN > 0, both_NN, 1)
    equal_NN = np.array([[one == other for other in letters] for one in letters])
    return np.where(equal_NN, 1.0, score_NN)


def distinct_share(texts: Sequence[str], order: int) -> float:
    """Of the n-grams of words of all texts the share that is different; 0 where there are none."""
    seen = Counter(ngram for text in texts for ngram in _ngrams(text.split(), order))
    return len(seen) / max(seen.total(), 1)


def _ngrams(parts: Sequence[str], order: int) -> list[tuple[str, ...]]:
    return [tuple(parts[at : at + order]) for at in range(len(parts) - order + 1)]


def _counts(ngrams: Sequence[Sequence[tuple[str, ...]]]) -> NDArray[np.float64]:
    """How often each text (N) holds each n-gram (G)."""
    different = dict.fromkeys(itertools.chain.from_iterable(ngrams))
    places = {ngram: at for at, ngram in enumerate(different)}
    counts_NG = np.zeros((len(ngrams), len(places)))
    for row, held in enumerate(ngrams):
        for ngram, count in Counter(held).items():
            counts_NG[row, places[ngram]] = count
    return counts_NG
