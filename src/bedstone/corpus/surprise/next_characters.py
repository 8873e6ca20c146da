"""A model of a language: how likely each character is behind the ones before it.

An n-gram is a run of up to ``ORDER`` characters; white space of any kind is one character, and so
are all digits. The chance of a character is what has followed the longest n-gram before it, blended
with what has followed the next shorter one, and so on, down to all code points alike.

All n-grams of a language are in one table of fixed size, by hash. One for which there is no room is
not learnt, nor a longer one that ends in it or begins with it: so chances always add up to 1, and
a full table knows the rare less well, not the frequent.

Source: Witten and Bell 1991, "The zero-frequency problem", method C, interpolated as in Chen and
Goodman 1998, "An empirical study of smoothing techniques for language modeling", section 2.5.
Differs: characters in place of words, so that it works in every script without its words.
"""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from bedstone.text.characters import IS_DIGIT, IS_SPACE, flag_table
from bedstone.text.codes import Codes, Indices, Texts
from bedstone.text.hashing import Values
from bedstone.text.kernel import inner, kernel

Counts = NDArray[np.uint32]
"""A row for each n-gram: ``KEY``, ``SEEN``, ``FOLLOWED``, ``FOLLOWERS``; the last row is of the
empty one."""

ORDER = 6
KEY, SEEN, FOLLOWED, FOLLOWERS = range(4)
"""A hash, 0 where the row is free; how often it was seen; how often a known n-gram goes on from
it; how many different ones do."""
COLUMNS = 4
PROBES = 16
"""Rows that are looked at for an n-gram."""
EACH_CODE = 1 / 0x110000
NOWHERE = np.int64(-1)
SEED, FACTOR = np.uint64(0x243F6A8885A308D3), np.uint64(0x9E3779B97F4A7C15)
HALF = np.uint64(32)


def rows_for(characters: int, most_bits: int) -> int:
    """The rows of a table for texts of so many characters: 2^n and one."""
    return (1 << min((2 * characters).bit_length(), most_bits)) + 1


def learn(texts: Texts, counts: Counts) -> None:
    """Count what follows what in ``texts``."""
    _learn(texts.codes, texts.starts, _symbols(), np.empty(ORDER, np.int64), counts)


def bits_of(texts: Texts, counts: Counts) -> Values:
    """The bits that each of ``texts`` takes: the sum over its characters of -log2 of the chance."""
    bits = np.zeros(len(texts))
    _read(texts.codes, texts.starts, _symbols(), np.empty(ORDER, np.int64), counts, bits)
    return bits


@cache
def _symbols() -> Codes:
    """What each code point counts as."""
    symbols, flags = np.arange(0x110000, dtype=np.uint32), flag_table()
    symbols[(flags & IS_SPACE) > 0] = ord(" ")
    symbols[(flags & IS_DIGIT) > 0] = ord("0")
    return symbols


@inner
def _row(value: np.uint64, counts: Counts, parent: np.int64) -> np.int64:
    """Where the n-gram is, or a free row, which bears its key then; ``NOWHERE`` without room."""
    value = (value ^ (value >> np.uint64(29))) * FACTOR
    key = np.uint32(value >> HALF) | np.uint32(1)
    mask = len(counts) - 2
    first = np.int64(value ^ (value >> HALF)) & mask
    for step in range(PROBES):
        row = (first + step) & mask
        held = counts[row, KEY]
        if held == key:
            return row
        if held == 0:
            if parent == NOWHERE:
                return NOWHERE
            counts[row, KEY] = key
            counts[parent, FOLLOWERS] += np.uint32(1)
            return row
    return NOWHERE


@kernel
def _learn(codes: Codes, starts: Indices, symbols: Codes, before: Indices, counts: Counts) -> None:
    """``before`` are the rows of the n-grams that end at the last character, shortest first."""
    for text in range(len(starts) - 1):
        before[:] = NOWHERE
        for at in range(starts[text], starts[text + 1]):
            value, parent = SEED, np.int64(len(counts) - 1)
            for length in range(len(before)):
                row = NOWHERE
                if parent != NOWHERE:
                    value = (value ^ np.uint64(symbols[codes[at - length]])) * FACTOR
                    row = _row(value, counts, parent)
                if row == NOWHERE:
                    before[length:] = NOWHERE
                    break
                counts[row, SEEN] += np.uint32(1)
                counts[parent, FOLLOWED] += np.uint32(1)
                before[length], parent = row, before[length]


@kernel
def _read(
    codes: Codes,
    starts: Indices,
    symbols: Codes,
    before: Indices,
    counts: Counts,
    bits: Values,
) -> None:
    for text in range(len(starts) - 1):
        before[:] = NOWHERE
        for at in range(starts[text], starts[text + 1]):
            value, parent, row = SEED, np.int64(len(counts) - 1), np.int64(0)
            chance = EACH_CODE
            for length in range(len(before)):
                if parent == NOWHERE:
                    before[length:] = NOWHERE
                    break
                seen = 0.0
                if row != NOWHERE:
                    value = (value ^ np.uint64(symbols[codes[at - length]])) * FACTOR
                    row = _row(value, counts, NOWHERE)
                    if row != NOWHERE:
                        seen = float(counts[row, SEEN])
                followers = float(counts[parent, FOLLOWERS])
                if followers > 0:
                    followed = float(counts[parent, FOLLOWED])
                    chance = (seen + followers * chance) / (followed + followers)
                before[length], parent = row, before[length]
            bits[text] -= math.log2(chance)
