"""A classifier that adds up weights of n-grams: how it is made, by two methods, and what it says.

``logistic``: weights that part the examples best; a text's n-grams count by the logarithm of how
often they are there, and a text's squares sum to 1.

``dsir``: the weight of a bucket is the logarithm of its share of all n-grams of the positives over
that of the others, each count one more than it is; a text gets the mean over its n-grams.
Source: Xie et al. 2023, "Data selection for language models via importance resampling",
arXiv:2302.03169. Differs: the mean and not the sum, which follows a text's length; one more of
each count, where the source adds 1e-8 to a share.
"""

from typing import Literal

import numpy as np

from bedstone.corpus.classifiers import logistic
from bedstone.corpus.classifiers.features import Features, Values
from bedstone.corpus.classifiers.logistic import Bools, Linear
from bedstone.text.codes import Indices

Method = Literal["logistic", "dsir"]

BUCKETS: dict[Method, int] = {"logistic": 1 << 18, "dsir": 10_000}
"""Of dsir as in the source."""


def values_of(features: Features, method: Method) -> Values:
    """What each feature counts as."""
    counts, sizes = features.counts.astype(np.float64), np.diff(features.firsts)
    is_dsir = method == "dsir"
    values = counts if is_dsir else 1.0 + np.log(counts)
    whole = _summed(features, values) if is_dsir else np.sqrt(_summed(features, values**2))
    found: Values = values / np.repeat(whole, sizes)
    return found


def learnt(
    features: Features,
    values: Values,
    is_positive: Bools,
    rows: Indices,
    method: Method,
    seed: int,
) -> Linear:
    """The classifier of the texts in ``rows``, of which some are positive and some are not."""
    if method == "logistic":
        buckets = BUCKETS[method]
        return logistic.fitted(features, values, is_positive, rows, buckets, seed)
    is_read = np.isin(np.arange(len(features)), rows)
    wanted, others = (_log_shares(features, is_read & it) for it in (is_positive, ~is_positive))
    return Linear((wanted - others).astype(np.float32), 0.0)


def said(model: Linear, features: Features, values: Values) -> Values:
    """The sum of the weights of each text, and the bias."""
    return _summed(features, model.weights[features.buckets] * values) + model.bias


def _summed(features: Features, values: Values) -> Values:
    """Of each text the sum over its features."""
    return np.bincount(features.rows, values, len(features)).astype(np.float64)


def _log_shares(features: Features, is_read: Bools) -> Values:
    times = features.counts * is_read[features.rows]
    counts = np.bincount(features.buckets, times, BUCKETS["dsir"]) + 1.0
    found: Values = np.log(counts / counts.sum())
    return found
