"""Clusters of duplicates, from exact digests and MinHash signatures.

Two signatures are candidates when they agree in all positions of one band at least. Of bands of r
positions, b of them, texts of Jaccard similarity J become candidates with probability
1 - (1 - J^r)^b, which is half at about (1 / b)^(1 / r).

In each group of candidates the first is compared with the others; pairs whose signatures agree
enough are joined, and so are exact duplicates, and all that is joined to one of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bedstone.corpus.signatures import agreement
from bedstone.corpus.words import BASE, Hashes, mixed

Indices = NDArray[np.int64]
PAIRS_AT_ONCE = 1 << 14
"""Bounds the memory for comparing signatures."""


@dataclass(frozen=True, slots=True)
class Joined:
    """What was found."""

    roots: Indices
    """Of each document, the first one in its cluster."""
    candidate_pairs: int
    joined_pairs: int
    """Of the candidates, those that are similar enough."""


def join(
    exact: NDArray[np.void],
    signatures: Hashes,
    signed: NDArray[np.bool_],
    bands: int,
    min_similarity: float,
) -> Joined:
    """The clusters of documents.

    Args:
        exact: of each document, bytes that are equal for equal texts.
        signatures: of each document a row, of as many positions as ``bands`` divide evenly.
        signed: which rows are signatures; the others are never near-duplicates.
        bands: that a signature is cut into.
        min_similarity: share of the positions that must agree for a pair to be joined.
    """
    roots = _firsts(exact)
    # One of each group of equal texts stands for it.
    rows = np.flatnonzero(signed & (roots == np.arange(len(roots))))
    pairs = _candidates(signatures, rows, bands)
    similar = [
        chunk[agreement(signatures[chunk[:, 0]], signatures[chunk[:, 1]]) >= min_similarity]
        for chunk in _chunks(pairs)
    ]
    joined = np.concatenate(similar) if similar else pairs
    near = _united(len(roots), joined)
    return Joined(near[roots], len(pairs), len(joined))


def _firsts(values: NDArray[np.void]) -> Indices:
    """Of each value, where it stands first."""
    _, first, which = np.unique(values, return_index=True, return_inverse=True)
    return np.asarray(first[which], np.int64)


def _candidates(signatures: Hashes, rows: Indices, bands: int) -> Indices:
    """Pairs of rows with an equal band, each once, the smaller row first."""
    width = signatures.shape[1] // bands
    found = [np.empty((0, 2), np.int64)]
    for band in range(bands):
        keys = _keys(signatures[rows, band * width : (band + 1) * width])
        order = np.argsort(keys, kind="stable")
        new = np.concatenate(([True], keys[order][1:] != keys[order][:-1]))[: len(order)]
        group = np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))
        others = np.flatnonzero(~new)
        found.append(np.stack([rows[order[group[others]]], rows[order[others]]], axis=1))
    return np.unique(np.concatenate(found), axis=0)


def _keys(values: Hashes) -> Hashes:
    """One number for each row of a band."""
    keys = np.zeros(len(values), np.uint64)
    for column in range(values.shape[1]):
        keys = mixed(keys * np.uint64(BASE) + values[:, column])
    return keys


def _chunks(pairs: Indices) -> Iterator[Indices]:
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        yield pairs[start : start + PAIRS_AT_ONCE]


def _united(count: int, pairs: Indices) -> Indices:
    """Of each of ``count`` things, the first one that ``pairs`` join it to."""
    parents = list(range(count))

    def root(thing: int) -> int:
        while parents[thing] != thing:
            parents[thing] = parents[parents[thing]]
            thing = parents[thing]
        return thing

    for left, right in pairs.tolist():
        first, second = sorted((root(left), root(right)))
        parents[second] = first
    return np.array([root(thing) for thing in range(count)], np.int64)
