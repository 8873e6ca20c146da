"""An index of the n-grams of many short texts, to look documents up in.

An n-gram is so many letters in a row: 12, or 8 where it ends in a letter of a script that puts no
space between words. So what counts as one depends on these letters alone, in the text as in the
document. Of a text up to ``MOST_GRAMS`` are taken, evenly over it: one machine word says which of
them were met. What more than ``MOST_TEXTS`` texts share (``which of the following is``) tells
nothing of any, and is no n-gram of theirs.

N-grams are compared by hashes of 63 bits. Of a corpus of 10^12 letters and an index of 6.4 * 10^7
n-grams some 7 letters match one by chance, each a single n-gram of one text.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bedstone.corpus.overlap.letters import LENGTH_BITS, SEVERAL, SPACELESS, Folding, folding
from bedstone.errors import DataError
from bedstone.text.codes import Codes, Indices, batches
from bedstone.text.hashing import SPREAD, Hashes, Slots
from bedstone.text.kernel import ZERO, inner, kernel

N, N_SPACELESS = 12, 8
"""Letters of an n-gram. Measured in docs/concepts/selection.md."""
MOST_GRAMS = 64
MOST_TEXTS = 64
RING = 16
"""More than the letters of an n-gram, and a power of two."""
BUCKET_GRAMS = 4

BASE = np.uint64(0x9E3779B97F4A7C15)
SALT = np.uint64(0x2545F4914F6CDD1D)
HALF, NEAR_HALF, ONE = np.uint64(32), np.uint64(29), np.uint64(1)
LEAVING = np.uint64(pow(int(BASE), N, 1 << 64))
LEAVING_SPACELESS = np.uint64(pow(int(BASE), N_SPACELESS, 1 << 64))
CODE = np.uint32(0x1FFFFF)
BIT_MASK, SEVENTH = np.uint64(63), np.uint64(7)
MOST_PARTS = 1 << LENGTH_BITS


class Index(NamedTuple):
    """The n-grams of texts, by buckets of their hashes' upper bits."""

    shift: np.uint64
    """What is left of a hash shifted by so much is its bucket."""
    sieve: Hashes
    """Of each bucket, two bits for each n-gram: most letters of a document go no further."""
    firsts: Slots
    """Of each bucket and behind the last, where its n-grams begin."""
    keys: Hashes
    """Their hashes; 0 behind the last of a bucket that is not full."""
    grams: Slots
    """Which they are: the text's number times ``MOST_GRAMS``, and the place among its own."""
    valid: Hashes
    """Of each text, which of its places hold an n-gram."""
    windows: Slots
    """Of each text, how many n-grams it has, those that are not taken among them."""
    letters: Slots
    widths: Slots
    """Of each text, how many letters most of its n-grams have."""

    def share(self, text: int, met: int) -> float:
        """Of the n-grams of a text, those among the bits of ``met``; 0 if it has none."""
        return (met & int(self.valid[text])).bit_count() / max(int(self.valid[text]).bit_count(), 1)

    def longest(self, text: int, met: int) -> int:
        """The most letters in a row all of whose n-grams are in ``met``."""
        best = run = 0
        for place in range(MOST_GRAMS):
            run = run + 1 if met >> place & 1 else 0
            best = max(best, run)
        taken = min(int(self.windows[text]), MOST_GRAMS)
        step = (int(self.windows[text]) - 1) / max(taken - 1, 1)
        return round((best - 1) * step) + int(self.widths[text]) if best else 0


def indexed(texts: pa.ChunkedArray) -> Index:
    """The index of ``texts``, which are read twice.

    Raises:
        DataError: they are more than an index holds.
    """
    count = len(texts)
    if count * MOST_GRAMS >= 1 << 31:
        raise DataError(f"{count:,} items are more than an index holds", hint="ask in parts")
    sizes = np.minimum(pc.utf8_length(texts).to_numpy(), MOST_GRAMS)
    bits = max(int(sizes.sum()) // BUCKET_GRAMS, 1).bit_length()
    index = Index(
        np.uint64(64 - bits),
        np.zeros(1 << bits, np.uint64),
        np.zeros((1 << bits) + 1, np.int32),
        np.zeros(0, np.uint64),
        np.zeros(0, np.int32),
        np.zeros(count, np.uint64),
        *(np.zeros(count, np.int32) for _ in range(3)),
    )
    _take(texts, index, index.firsts[1:])
    np.cumsum(index.firsts, out=index.firsts)
    total = int(index.firsts[-1])
    index = index._replace(keys=np.zeros(total, np.uint64), grams=np.zeros(total, np.int32))
    _take(texts, index, index.firsts[:-1].copy())
    _drop_common(index)
    return index


def _take(texts: pa.ChunkedArray, index: Index, places: Slots) -> None:
    first = ZERO
    for batch in batches(texts):
        _grams(batch.codes, batch.starts, first, folding(), index, places)
        first += len(batch)


def _drop_common(index: Index) -> None:
    """Leave out the n-grams that too many texts share; the others of a bucket come first."""
    sizes = np.diff(index.firsts)
    for bucket in np.flatnonzero(sizes > MOST_TEXTS).tolist():
        here = slice(int(index.firsts[bucket]), int(index.firsts[bucket + 1]))
        keys, grams = index.keys[here], index.grams[here]
        _, groups, copies = np.unique(keys, return_inverse=True, return_counts=True)
        common = copies[groups] > MOST_TEXTS
        texts, places = np.divmod(grams[common], MOST_GRAMS)
        np.bitwise_and.at(index.valid, texts, ~(np.uint64(1) << places.astype(np.uint64)))
        left = np.flatnonzero(~common)
        keys[: len(left)], grams[: len(left)] = keys[left], grams[left]
        keys[len(left) :] = 0


@inner
def parts_of(entry: int) -> tuple[np.int64, np.int64]:
    """Where the letters of an entry of the table begin and end among the parts, if it has any."""
    if entry & SEVERAL:
        begin = np.int64((entry ^ SEVERAL) >> LENGTH_BITS)
        return begin, begin + np.int64(entry & (MOST_PARTS - 1))
    return np.int64(0), np.int64(entry != 0)


@inner
def key_of(entry: int, count: int, sums: Hashes) -> np.uint64:
    """The hash of the n-gram that ends in a text's ``count``-th letter; 0 if there is none yet.

    Args:
        entry: the letter, from the table.
        count: from 1.
        sums: running sums over the text's last letters; the first is 0.
    """
    value = (np.uint64(entry & CODE) + ONE) * SALT
    value ^= value >> HALF
    total = sums[(count - 1) & (RING - 1)] * BASE + value
    sums[count & (RING - 1)] = total
    size, leaving = N, LEAVING
    if entry & SPACELESS:
        size, leaving = N_SPACELESS, LEAVING_SPACELESS
    if count < size:
        return np.uint64(0)
    key = total - sums[(count - size) & (RING - 1)] * leaving
    key = (key ^ (key >> HALF)) * SPREAD
    found: np.uint64 = (key ^ (key >> NEAR_HALF)) | ONE
    return found


@inner
def marks_of(key: np.uint64) -> np.uint64:
    """Its two bits in the sieve."""
    return (ONE << ((key >> ONE) & BIT_MASK)) | (ONE << ((key >> SEVENTH) & BIT_MASK))


@kernel
def _grams(
    codes: Codes, starts: Indices, first: int, folding: Folding, index: Index, places: Slots
) -> None:
    """Count the n-grams of each bucket in ``places``, or put them there once there is room."""
    longest = 0
    for row in range(len(starts) - 1):
        longest = max(longest, starts[row + 1] - starts[row])
    keys = np.empty(longest * MOST_PARTS, np.uint64)
    sums = np.zeros(RING, np.uint64)
    for row in range(len(starts) - 1):
        text, letters, spaceless, windows = first + row, 0, 0, 0
        sums[0] = 0
        for place in range(starts[row], starts[row + 1]):
            entry = folding.table[codes[place]]
            begin, behind = parts_of(entry)
            for part in range(begin, behind):
                letter = folding.parts[part] if entry & SEVERAL else entry
                letters += 1
                spaceless += (letter & SPACELESS) != 0
                key = key_of(letter, letters, sums)
                if key:
                    keys[windows] = key
                    windows += 1
        index.letters[text], index.windows[text] = letters, windows
        index.widths[text] = N_SPACELESS if 2 * spaceless > letters else N
        taken = min(windows, MOST_GRAMS)
        for gram in range(taken):
            key = keys[gram * (windows - 1) // max(taken - 1, 1)]
            bucket = np.int64(key >> index.shift)
            if len(index.keys):
                index.keys[places[bucket]] = key
                index.grams[places[bucket]] = text * MOST_GRAMS + gram
                index.sieve[bucket] |= marks_of(key)
                index.valid[text] |= ONE << np.uint64(gram)
            places[bucket] += 1
