"""Clusters of duplicates, from exact digests and bands of MinHash signatures.

Two documents are candidates when they agree in all numbers of one band at least: texts of Jaccard
similarity J do with probability 1 - (1 - J^r)^b, with b bands of r numbers. In each group of
candidates one is paired with the others; the pairs are joined, and all that is joined to one of
them.

Differs: a band's numbers are compared by a hash of 64 bits. Of a thousand million documents less
than one pair is expected to agree in it by chance.
"""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bedstone.corpus.duplicates.signatures import Hashes
from bedstone.text.codes import Codes, Indices, batches
from bedstone.text.kernel import inner, kernel

Bools = NDArray[np.bool_]

BASE = np.uint64(0x9E3779B97F4A7C15)


def joined(keys: Iterable[tuple[Hashes, Bools]], count: int) -> Indices:
    """Of each of ``count`` rows, the least one that it is joined to by keys in common.

    Args:
        keys: of each kind, a row of numbers for each row, and which rows have any.
        count: how many rows there are.
    """
    parents = np.arange(count)
    for numbers, present in keys:
        rows = np.flatnonzero(present)
        hashes = hashes_of(numbers[rows], np.zeros(len(rows), np.uint64))
        order = np.argsort(hashes)
        unite(parents, stars(hashes[order], rows[order]))
    return roots_of(parents)


def having(roots: Indices, some: Bools) -> Bools:
    """Of each document, whether its cluster has one of ``some``."""
    has = np.zeros(len(roots), np.bool_)
    has[roots[some]] = True
    return has[roots]


def representatives(roots: Indices, *keys: NDArray[np.generic]) -> Indices:
    """Of each document, the one of its cluster that sorts first by ``keys``, the last one first.

    Args:
        roots: of each document, one that is the same for all of its cluster, and is in it.
        keys: of each document; of two with the same ones, the first.
    """
    order = np.lexsort((*keys, roots))
    is_first = np.diff(roots[order], prepend=-1) != 0
    best = np.empty(len(roots), np.int64)
    best[roots[order[is_first]]] = order[is_first]
    return best[roots]


def recentred(pairs: Indices, ranks: Hashes) -> Indices:
    """Of the groups that ``stars`` paired, what ranks first with each other one."""
    firsts, others = pairs.T
    starts = np.flatnonzero(np.diff(firsts, prepend=-1))
    group = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(pairs)))
    least = others[np.lexsort((ranks[others], group))[starts]]
    centres = np.where(ranks[least] < ranks[firsts[starts]], least, firsts[starts])[group]
    return np.stack([centres, np.where(others == centres, firsts, others)], axis=1)


def string_hashes(strings: pa.ChunkedArray) -> Hashes:
    """A number of each string, evenly drawn: their order is none of theirs."""
    found = [_string_hashes(each.codes, each.starts) for each in batches(strings)]
    return np.concatenate([np.empty(0, np.uint64), *found])


@inner
def _mixed(number: np.uint64) -> np.uint64:
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return number ^ (number >> np.uint64(31))


@kernel
def _string_hashes(codes: Codes, starts: Indices) -> Hashes:
    hashes = np.empty(len(starts) - 1, np.uint64)
    for row in range(len(hashes)):
        number = BASE
        for place in range(starts[row], starts[row + 1]):
            number = (number + np.uint64(codes[place])) * BASE
            number ^= number >> np.uint64(32)
        hashes[row] = _mixed(number)
    return hashes


@kernel
def hashes_of(numbers: Hashes, scopes: Hashes) -> Hashes:
    """One number for each row and scope."""
    hashes = np.empty(len(numbers), np.uint64)
    for row in range(len(numbers)):
        number = scopes[row] * BASE
        number ^= number >> np.uint64(32)
        for column in range(numbers.shape[1]):
            number = (number + numbers[row, column]) * BASE
            number ^= number >> np.uint64(32)
        hashes[row] = _mixed(number)
    return hashes


@kernel
def stars(keys: Hashes, rows: Indices) -> Indices:
    """Of each run of equal keys, the least row with each other one: pairs, run after run."""
    pairs = np.empty((len(keys), 2), np.int64)
    found = start = 0
    while start < len(keys):
        end, centre = start + 1, rows[start]
        while end < len(keys) and keys[end] == keys[start]:
            centre = min(centre, rows[end])
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
def unite(parents: Indices, pairs: Indices) -> None:
    """Join the trees of each pair: the lesser root becomes that of both."""
    for pair in range(len(pairs)):
        first, second = _root(parents, pairs[pair, 0]), _root(parents, pairs[pair, 1])
        parents[max(first, second)] = min(first, second)


@kernel
def roots_of(parents: Indices) -> Indices:
    """The root of each tree."""
    roots = np.empty(len(parents), np.int64)
    for row in range(len(parents)):
        roots[row] = _root(parents, row)
    return roots


@kernel
def agreement(values: Hashes, pairs: Indices) -> NDArray[np.float64]:
    """Of each pair of rows, the share of numbers that agree, or estimated similarity.

    Its standard error is sqrt(J (1 - J) / numbers).
    """
    shares = np.empty(len(pairs), np.float64)
    for pair in range(len(pairs)):
        equal = 0
        for column in range(values.shape[1]):
            equal += values[pairs[pair, 0], column] == values[pairs[pair, 1], column]
        shares[pair] = equal / values.shape[1]
    return shares
