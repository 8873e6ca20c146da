"""How frequent words are in a language, and how frequent by chance: what stop words are chosen by.

A word is one with a letter, as it is written. Scripts that have no spaces between words have none.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bedstone.text.characters import LETTER, MARK, flag_table
from bedstone.text.codes import Texts
from bedstone.text.words import ALPHABETIC, UNSPACED, words_of

Keys = NDArray[np.uint64]

MIN_SHARE = 0.002
"""Of all words: a word's that is known by its letters too, and not by its hash alone."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each of some keys occurs; the keys in order."""

    keys: Keys
    counts: NDArray[np.int64]

    @property
    def total(self) -> int:
        """How many there are in all."""
        return int(self.counts.sum())

    def shares(self, keys: Iterable[int]) -> list[float]:
        """Of each of ``keys`` in all; 0 where there is nothing."""
        counts = (int(self.counts[self.keys == np.uint64(key)].sum()) for key in keys)
        return [count / max(self.total, 1) for count in counts]


@dataclass(frozen=True, slots=True)
class Frequencies:
    """What is known of the words of some texts."""

    words: Counts
    """By hash."""
    lengths: Counts
    """Of words, by their number of code points."""
    letters: Counts
    """And marks, by code point."""
    names: dict[int, str]
    """Words by their hashes: all of at least ``MIN_SHARE``, and maybe some others."""

    def frequent(self) -> dict[str, int]:
        """How often each word of at least ``MIN_SHARE`` occurs."""
        chosen = np.flatnonzero(self.words.counts >= max(MIN_SHARE * self.words.total, 1))
        return {
            self.names[int(self.words.keys[each])]: int(self.words.counts[each]) for each in chosen
        }

    def chances(self, words: Sequence[str]) -> list[float]:
        """How frequent each would be if words kept their lengths and letters stood anywhere."""
        lengths = self.lengths.shares(len(word) for word in words)
        letters = (math.prod(self.letters.shares(map(ord, word))) for word in words)
        return [length * chance for length, chance in zip(lengths, letters, strict=True)]


def frequencies_of(texts: Texts) -> Frequencies:
    """What ``texts`` say."""
    words = words_of(texts)
    chosen = np.flatnonzero((words.flags & (ALPHABETIC | UNSPACED)) == ALPHABETIC)
    hashes, firsts, counts = np.unique(words.hashes[chosen], return_index=True, return_counts=True)
    names = {}
    for each in np.flatnonzero(counts >= MIN_SHARE * len(chosen)):
        word = chosen[firsts[each]]
        codes = texts.codes[words.starts[word] : words.ends[word]]
        names[int(hashes[each])] = codes.tobytes().decode("utf-32-le")
    is_letter = (flag_table()[texts.codes] & (LETTER | MARK)) > 0
    return Frequencies(
        Counts(hashes, counts.astype(np.int64)),
        _counts(words.ends[chosen] - words.starts[chosen]),
        _counts(texts.codes[is_letter]),
        names,
    )


def merged(parts: Sequence[Frequencies]) -> Frequencies:
    """What several texts say together; a word frequent in them all is so in at least one."""
    return Frequencies(
        _sum([part.words for part in parts]),
        _sum([part.lengths for part in parts]),
        _sum([part.letters for part in parts]),
        {key: name for part in parts for key, name in part.names.items()},
    )


def _counts(keys: NDArray[np.int64] | NDArray[np.uint32]) -> Counts:
    found, counts = np.unique(keys.astype(np.uint64), return_counts=True)
    return Counts(found, counts.astype(np.int64))


def _sum(parts: Sequence[Counts]) -> Counts:
    keys, places = np.unique(np.concatenate([part.keys for part in parts]), return_inverse=True)
    counts = np.zeros(len(keys), np.int64)
    np.add.at(counts, places, np.concatenate([part.counts for part in parts]))
    return Counts(keys, counts)
