"""Student's t distribution, of any degrees of freedom from 1 on, to some ten digits.

With t = sqrt(df) sinh(u) the density is proportional to cosh(u) ** -df: smooth, and of one scale
however large df, so a quadrature with few nodes holds from Cauchy's distribution to the normal one.
"""

import math
from functools import cache, lru_cache

import numpy as np

from bedstone.uncertainty.paired import Floats

NODES = 100
DECAY = 40.0
"""The integral ends where the density is exp(-40) of that at its start."""
SPREAD = 9.0
"""An estimated deviation lies within so many of its own standard errors."""


def tail(t: float, df: float) -> float:
    """The probability of a value above ``t``, which is 0 or more."""
    at = math.asinh(t / math.sqrt(df))
    return math.exp(_log_density(at, df)) * _ahead(at, df) / (2 * _ahead(0.0, df))


@lru_cache(2**12)
def quantile(probability: float, df: float) -> float:
    """Above which so much of the distribution lies, a half at most.

    By Newton's steps: the logarithm of the tail is concave in u, so from 0 the first step goes too
    far and each other one comes back, until rounding stops it.
    """
    wanted = math.log(2 * probability * _ahead(0.0, df))

    def nearer(at: float) -> float:
        ahead = _ahead(at, df)
        return at + (_log_density(at, df) + math.log(ahead) - wanted) * ahead

    at = nearer(0.0)
    while (next_at := nearer(at)) < at:
        at = next_at
    return math.sqrt(df) * math.sinh(at)


def share_found(ratio: float, df: float, level: float) -> float:
    """How often an effect that is so many times its error is found, on its own side.

    A quadrature over the deviation that the error is estimated with.
    """
    node, weight = _rule()
    low, high = max(0.0, 1 - SPREAD / math.sqrt(df)), 1 + SPREAD / math.sqrt(df)
    deviation = low + (high - low) * node
    log_density = (df - 1) * np.log(deviation) - df * deviation**2 / 2
    weight = weight * np.exp(log_density - log_density.max())
    beyond = (quantile(level / 2, df) * deviation - ratio) / math.sqrt(2)
    found = [math.erfc(it) / 2 for it in beyond.tolist()]
    return float(weight @ found / weight.sum())


def _log_density(at: float, df: float) -> float:
    """Of u, up to a constant."""
    return -df * math.log1p(math.sinh(at) ** 2) / 2


def _ahead(at: float, df: float) -> float:
    """The integral from u on, over the density there."""
    node, weight = _rule()
    far = math.acosh(math.exp(DECAY / df) * math.cosh(at))
    density = -df * np.log1p(np.sinh(at + (far - at) * node) ** 2) / 2
    return float((far - at) * (weight @ np.exp(density - _log_density(at, df))))


@cache
def _rule() -> tuple[Floats, Floats]:
    """Gauss and Legendre's nodes and weights from 0 to 1."""
    node, weight = np.polynomial.legendre.leggauss(NODES)
    return (node + 1) / 2, weight / 2
