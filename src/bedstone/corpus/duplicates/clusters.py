"""Clusters of duplicates, from exact digests and bands of MinHash signatures.

Two documents are candidates when they agree in all numbers of one band at least: texts of Jaccard
similarity J do with probability 1 - (1 - J^r)^b, with b bands of r numbers. In each group of
candidates the one that ranks first is paired with the others; the pairs are joined, and all that
is joined to one of them. Nothing depends on the order of the documents.

One band is read at a time, and no more of its documents are held than fit.

Differs: a band's numbers are compared by a hash of 64 bits. Of a thousand million documents less
than one pair is expected to agree in it by chance.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bedstone.corpus.duplicates.signatures import Hashes
from bedstone.text.codes import Indices
from bedstone.text.kernel import inner, kernel

Bools = NDArray[np.bool_]
Band = Callable[[], Iterator[tuple[Hashes, Bools]]]
"""Reads a band: of each shard in turn a row of numbers for each document, and which have any."""

DOCUMENTS_AT_ONCE = 1 << 24
"""Of a band. With more documents it is read several times, each time for a range of hashes."""
PAIRS_AT_ONCE = 1 << 22
"""Whose numbers of a band are held to be compared."""
BASE = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Documents:
    """What decides about clusters besides the text."""

    enter: Bools
    """Whether it can be a duplicate at all."""
    scopes: Hashes
    """Only documents with the same number are duplicates."""
    ranks: Indices
    """Of two documents the same one ranks before the other wherever they stand."""


@dataclass(frozen=True, slots=True)
class Joined:
    """What was found."""

    roots: Indices
    """Of each document, the one that ranks first in its cluster."""
    candidate_pairs: int
    """Near-duplicates that were paired, again in each band."""


def join(
    exact: Band, bands: Sequence[Band], documents: Documents, min_similarity: float | None = None
) -> Joined:
    """The clusters of documents.

    Args:
        exact: numbers that are equal for equal texts.
        bands: of the signatures.
        documents: in the bands' order.
        min_similarity: the share of all numbers that must agree for a pair to be joined; without
            it every pair of candidates is.
    """
    parents = np.arange(len(documents.ranks))
    for pairs in _pairs(exact, documents, documents.enter):
        _unite(parents, documents.ranks, pairs)
    # One of each group of equal texts stands for it.
    stands = documents.enter & (_roots(parents) == np.arange(len(parents)))
    candidates, waiting = 0, np.empty((0, 2), np.int64)
    for band in bands:
        for pairs in _pairs(band, documents, stands):
            candidates += len(pairs)
            if min_similarity is None:
                _unite(parents, documents.ranks, pairs)
                continue
            waiting = np.unique(np.concatenate((waiting, pairs)), axis=0)
            if len(waiting) >= PAIRS_AT_ONCE:
                _unite(parents, documents.ranks, _similar(bands, waiting, min_similarity))
                waiting = waiting[:0]
    if min_similarity is not None:
        _unite(parents, documents.ranks, _similar(bands, waiting, min_similarity))
    return Joined(_roots(parents), candidates)


def agreement(bands: Sequence[Band], pairs: Indices) -> NDArray[np.float64]:
    """Of each pair of documents, the share of numbers that agree, or estimated similarity.

    Its standard error is sqrt(J (1 - J) / numbers). Documents without numbers agree in all.
    """
    shares = np.empty(len(pairs), np.float64)
    for low in range(0, len(pairs), PAIRS_AT_ONCE):
        some = pairs[low : low + PAIRS_AT_ONCE]
        rows = np.unique(some)
        places = np.searchsorted(rows, some)
        equal, numbers = np.zeros(len(some), np.int64), 0
        for band in bands:
            values = _values(band, rows)
            _count_equal(values, places, equal)
            numbers += values.shape[1]
        shares[low : low + PAIRS_AT_ONCE] = equal / numbers
    return shares


def having(roots: Indices, some: Bools) -> Bools:
    """Of each document, whether its cluster has one of ``some``."""
    has = np.zeros(len(roots), np.bool_)
    has[roots[some]] = True
    return has[roots]


def _similar(bands: Sequence[Band], pairs: Indices, min_similarity: float) -> Indices:
    return pairs[agreement(bands, pairs) >= min_similarity]


def _values(band: Band, rows: Indices) -> Hashes:
    """The numbers of some documents, which are given in order."""
    start, found = 0, []
    for numbers, _ in band():
        low, high = np.searchsorted(rows, (start, start + len(numbers)))
        found.append(numbers[rows[low:high] - start])
        start += len(numbers)
    return np.concatenate(found)


def _pairs(band: Band, documents: Documents, among: Bools) -> Iterator[Indices]:
    """Of each group that agrees in a band, the document that ranks first with each other one."""
    bits = max(int(among.sum() - 1) // DOCUMENTS_AT_ONCE, 0).bit_length()
    for part in range(1 << bits):
        keys, rows = _keyed(band, documents.scopes, among, bits, part)
        order = np.argsort(keys)
        yield _stars(keys[order], rows[order], documents.ranks)


def _keyed(
    band: Band, scopes: Hashes, among: Bools, bits: int, part: int
) -> tuple[Hashes, Indices]:
    """The hashes whose upper ``bits`` are ``part``, and whose they are."""
    keys, rows, start = [np.empty(0, np.uint64)], [np.empty(0, np.int64)], 0
    for numbers, present in band():
        end = start + len(numbers)
        hashes = _hashes(numbers, scopes[start:end])
        is_wanted = present & among[start:end]
        if bits:
            is_wanted &= hashes >> np.uint64(64 - bits) == part
        wanted = np.flatnonzero(is_wanted)
        keys.append(hashes[wanted])
        rows.append(wanted + start)
        start = end
    return np.concatenate(keys), np.concatenate(rows)


@kernel
def _hashes(numbers: Hashes, scopes: Hashes) -> Hashes:
    """One number for each row and scope."""
    hashes = np.empty(len(numbers), np.uint64)
    for row in range(len(numbers)):
        number = scopes[row] * BASE
        number ^= number >> np.uint64(32)
        for column in range(numbers.shape[1]):
            number = (number + numbers[row, column]) * BASE
            number ^= number >> np.uint64(32)
        number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        hashes[row] = number ^ (number >> np.uint64(31))
    return hashes


@kernel
def _stars(keys: Hashes, rows: Indices, ranks: Indices) -> Indices:
    """Of each run of equal keys, the row that ranks first with each other one."""
    pairs = np.empty((len(keys), 2), np.int64)
    found = start = 0
    while start < len(keys):
        end, centre = start + 1, rows[start]
        while end < len(keys) and keys[end] == keys[start]:
            if ranks[rows[end]] < ranks[centre]:
                centre = rows[end]
            end += 1
        for each in range(start, end):
            if rows[each] != centre:
                pairs[found, 0], pairs[found, 1] = centre, rows[each]
                found += 1
        start = end
    return pairs[:found]


@inner
def _root(parents: Indices, row: int) -> int:
    while parents[row] != row:
        parents[row] = parents[parents[row]]
        row = parents[row]
    return row


@kernel
def _unite(parents: Indices, ranks: Indices, pairs: Indices) -> None:
    """Join the trees of each pair: the root that ranks first becomes that of both."""
    for pair in range(len(pairs)):
        first, second = _root(parents, pairs[pair, 0]), _root(parents, pairs[pair, 1])
        if ranks[second] < ranks[first]:
            first, second = second, first
        parents[second] = first


@kernel
def _roots(parents: Indices) -> Indices:
    roots = np.empty(len(parents), np.int64)
    for row in range(len(parents)):
        roots[row] = _root(parents, row)
    return roots


@kernel
def _count_equal(values: Hashes, places: Indices, equal: Indices) -> None:
    """Add to ``equal`` in how many numbers each pair of rows agrees."""
    for pair in range(len(places)):
        for column in range(values.shape[1]):
            if values[places[pair, 0], column] == values[places[pair, 1], column]:
                equal[pair] += 1
