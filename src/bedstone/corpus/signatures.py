"""Signatures of texts: equal for equal texts, similar for similar ones.

A MinHash signature holds, for each of many hash functions, the least value over the text's
shingles (runs of words). Two texts agree in a position with the probability of their Jaccard
similarity: shingles in common over shingles of either.

Source: Broder 1997, "On the resemblance and containment of documents"; the family of functions,
its seed and the runs of five words as in datatrove 0.10 (``(a x + b) mod 2^64 mod (2^61 - 1)``).
Differs: diacritics are kept, for dropping them would unite different words in many scripts, and
shingles have our own hash, so signatures are not datatrove's.
"""

import hashlib
import unicodedata
from functools import cache

import numpy as np

from bedstone.corpus.characters import NUMBER, codes_of, kind_table
from bedstone.corpus.words import Hashes, hashes, look_up, mixed, words_of

MERSENNE = (1 << 61) - 1
SHINGLE_BASE = 0xD1342543DE82EF95
SHINGLES_AT_ONCE = 2048
"""Bounds the memory for a long text, and keeps its products in the processor's cache."""


def exact_digest(text: str) -> bytes:
    """16 bytes that are equal for texts that differ in white space and Unicode form only."""
    plain = " ".join(unicodedata.normalize("NFC", text).split())
    return hashlib.sha256(plain.encode(errors="replace")).digest()[:16]


def signature_of(text: str, functions: int, seed: int, shingle_words: int) -> Hashes | None:
    """The signature of ``text``: ``functions`` numbers below 2^61; None for too few words.

    Case, punctuation, and which digit a digit is make no difference.
    """
    characters = codes_of(unicodedata.normalize("NFC", text.lower())).copy()
    characters[kind_table()[characters] == NUMBER] = ord("0")
    found = words_of(look_up(characters))
    runs = len(found.starts) - shingle_words + 1
    if runs < 1:
        return None
    named = hashes(characters, found.starts, found.ends)
    shingles = np.zeros(runs, np.uint64)
    for place in range(shingle_words):
        shingles = shingles * np.uint64(SHINGLE_BASE) + named[place : place + runs]
    return least_values(np.unique(mixed(shingles)), *_functions(functions, seed))


def agreement(first: Hashes, second: Hashes) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Row by row, the share of positions that agree: an estimate of the Jaccard similarity.

    Its standard error is sqrt(J (1 - J) / positions).
    """
    return np.asarray((first == second).mean(axis=1))


def least_values(shingles: Hashes, factors: Hashes, terms: Hashes) -> Hashes:
    """Of each function, the least value over the shingles."""
    least = np.full(len(factors), np.uint64(MERSENNE))
    for start in range(0, len(shingles), SHINGLES_AT_ONCE):
        values = factors[:, None] * shingles[None, start : start + SHINGLES_AT_ONCE]
        values += terms[:, None]
        # Modulo 2^61 - 1 without a division: the upper three bits are added to the lower 61.
        upper = values >> np.uint64(61)
        values &= np.uint64(MERSENNE)
        values += upper
        values[values >= MERSENNE] -= np.uint64(MERSENNE)
        np.minimum(least, values.min(axis=1), out=least)
    return least


@cache
def _functions(count: int, seed: int) -> tuple[Hashes, Hashes]:
    generator = np.random.RandomState(seed)
    drawn = [
        (
            generator.randint(1, MERSENNE, dtype=np.uint64),
            generator.randint(0, MERSENNE, dtype=np.uint64),
        )
        for _ in range(count)
    ]
    factors, terms = np.array(drawn, np.uint64).T
    return np.ascontiguousarray(factors), np.ascontiguousarray(terms)
