"""Words and symbols of a text, found for the whole text at once.

A word is a run of letters and digits with the marks that belong to them (most vowels of most
Indic scripts are marks, so ``str.isalnum`` would cut their words to pieces). A clitic (``'s``)
is a word of its own, ``3.14`` is one, a hyphen divides. Any other character that is no space is
a symbol; dots in a row are one.

In scripts without spaces between words each letter stands for itself, and counts as the share of
a word that ``characters.LETTERS_PER_WORD`` says.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from bedstone.corpus.characters import (
    LETTER,
    MARK,
    NUMBER,
    SPACE,
    SYMBOL,
    Codes,
    kind_table,
    script_table,
    words_per_letter,
)

Bools = NDArray[np.bool_]
Indices = NDArray[np.int64]
Hashes = NDArray[np.uint64]

APOSTROPHE, QUOTE = 0x27, 0x2019
DOT, COMMA = 0x2E, 0x2C
POWERS_AT_ONCE = 1 << 16
BASE = 0x9E3779B97F4A7C15
"""Of the polynomial that hashes words: odd, so that it has an inverse modulo 2^64."""


@dataclass(frozen=True, slots=True)
class Characters:
    """A text, with every character looked up."""

    codes: Codes
    kinds: NDArray[np.uint8]
    """A mark has the kind of what it stands on; at the start of a text, that of a symbol."""
    marks: Bools
    weights: NDArray[np.float64]
    """What a letter of a script without spaces counts as in words; 0 for all others."""
    alone: Bools
    """Whether it is such a letter, or a mark on one."""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a text, in its order, as positions of its code points."""

    starts: Indices
    ends: Indices
    """Behind the last."""
    weights: NDArray[np.float64]
    """What each counts as in words: 1, or a letter's share in a script without spaces."""
    unspaced: Bools
    """Whether it is a letter of such a script."""
    alphabetic: Bools
    """Whether it has a letter."""
    symbols: int
    """Symbols between the words, dots in a row counted once."""

    @property
    def count(self) -> float:
        """Words; no whole number where letters stand for parts of words."""
        return float(self.weights.sum())


def look_up(codes: Codes) -> Characters:
    """The characters of a text."""
    kinds, weights = kind_table()[codes], words_per_letter()[script_table()[codes]]
    marks = kinds == MARK
    weights[kinds != LETTER] = 0
    alone = weights > 0
    if marks.any():
        bearers = np.maximum.accumulate(np.where(marks, 0, np.arange(len(codes))))
        kinds, alone = kinds[bearers], alone[bearers]
        kinds[kinds == MARK] = SYMBOL
    return Characters(codes, kinds, marks, weights, alone)


def words_of(looked: Characters) -> Words:
    """The words of a text."""
    codes = looked.codes
    letter, number = looked.kinds == LETTER, looked.kinds == NUMBER
    clitic = ((codes == APOSTROPHE) | (codes == QUOTE)) & _after(letter) & _before(letter)
    decimal = ((codes == DOT) | (codes == COMMA)) & _after(number) & _before(number)
    inside = letter | number | clitic | decimal
    # A letter of a script without spaces is a word, with the marks that it bears.
    begins = clitic | (looked.alone & ~looked.marks) | (_after(looked.alone) & ~looked.alone)
    starts = inside & (begins | ~_after(inside))
    ends = _after(inside) & (starts | ~inside)
    symbol = (looked.kinds == SYMBOL) & ~inside & ~looked.marks
    symbol &= ~((codes == DOT) & _after(codes == DOT))
    first = np.flatnonzero(starts)
    last = np.flatnonzero(np.append(ends, inside[-1:]))
    letters = np.concatenate(([0], np.cumsum(letter)))
    alone = looked.alone[first]
    return Words(
        starts=first,
        ends=last,
        weights=np.where(alone, looked.weights[first], 1.0),
        unspaced=alone,
        alphabetic=letters[last] > letters[first],
        symbols=int(symbol.sum()),
    )


def spaced_pieces(looked: Characters) -> Words:
    """The same for words as what stands between spaces, symbols included.

    A piece with letters of a script without spaces gives way to those letters.
    """
    inside = looked.kinds != SPACE
    first = np.flatnonzero(inside & ~_after(inside))
    last = np.flatnonzero(np.append(_after(inside) & ~inside, inside[-1:]))
    letters = np.concatenate(([0], np.cumsum(looked.kinds == LETTER)))
    weights = np.concatenate(([0.0], np.cumsum(looked.weights)))
    inner = weights[last] - weights[first]
    return Words(
        starts=first,
        ends=last,
        weights=np.where(inner > 0, inner, 1.0),
        unspaced=inner > 0,
        alphabetic=letters[last] > letters[first],
        symbols=0,
    )


def hashes(codes: Codes, starts: Indices, ends: Indices) -> Hashes:
    """A 64-bit number for each stretch of code points; equal stretches have equal ones.

    The stretch is a polynomial modulo 2^64 in its mixed code points, and mixed again.
    """
    powers, inverses = _powers(-(-(len(codes) + 1) // POWERS_AT_ONCE) * POWERS_AT_ONCE)
    terms = mixed(codes.astype(np.uint64)) * powers[: len(codes)]
    sums = np.concatenate((np.zeros(1, np.uint64), np.cumsum(terms)))
    return mixed((sums[ends] - sums[starts]) * inverses[starts])


def mixed(numbers: Hashes) -> Hashes:
    """Each number with its bits spread over all 64; different ones stay different.

    Source: the finaliser of splitmix64, Steele, Lea, Flood 2014.
    """
    numbers = numbers + np.uint64(BASE)
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def _after(holds: Bools) -> Bools:
    """Where the position before holds."""
    shifted = np.zeros_like(holds)
    shifted[1:] = holds[:-1]
    return shifted


def _before(holds: Bools) -> Bools:
    """Where the next position holds."""
    shifted = np.zeros_like(holds)
    shifted[:-1] = holds[1:]
    return shifted


@cache
def _powers(count: int) -> tuple[Hashes, Hashes]:
    def powers_of(base: int) -> Hashes:
        factors = np.full(count, np.uint64(base))
        factors[0] = 1
        return np.cumprod(factors)

    return powers_of(BASE), powers_of(pow(BASE, -1, 1 << 64))
