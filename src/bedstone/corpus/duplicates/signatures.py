"""Signatures of texts: equal for equal texts, similar for similar ones.

A MinHash signature holds, for each of many hash functions, the least value over the text's
shingles (runs of words). Two texts agree in a position with the probability of their Jaccard
similarity: shingles in common over shingles of either.

A word is a run of letters and digits with the marks that belong to them; all else divides words.
Capital and small letters are the same, and any number is the same word, with its decimal marks.
In scripts without spaces between words each letter stands for itself, and counts as the share of
a word that ``characters.LETTERS_PER_WORD`` says: a shingle is so many words' worth.

Source: Broder 1997, "On the resemblance and containment of documents"; the family of functions
(``(a x + b) mod 2^64 mod (2^61 - 1)``), how they are drawn from the seed and the runs of five
words as in datatrove 0.10.
Differs: diacritics are kept, for dropping them would unite different words in many scripts. Words
and shingles have our own boundaries and hash; ``least_values`` gives datatrove's signature of
datatrove's shingles.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from bedstone.text.characters import (
    IS_SPACE,
    LETTER,
    LETTERS_PER_WORD,
    MARK,
    NUMBER,
    flag_table,
    kind_table,
    lower_table,
    script_table,
    scripts,
)
from bedstone.text.codes import Codes, Indices, Texts
from bedstone.text.kernel import inner, kernel

Hashes = NDArray[np.uint64]

BAND = "band_"
"""How the columns of a signature's bands are called, before their numbers."""
MERSENNE = (1 << 61) - 1
WORD = 1 << 32
"""What a word counts; a letter's share is rounded up, so that sums are exact at any place."""
BASE, SHINGLE_BASE = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1342543DE82EF95)
WORD_START = np.uint64(0x632BE59BD9B4E019)
"""Odd numbers without a pattern: of polynomials modulo 2^64, and to begin with."""
CHARACTERS_AT_ONCE = 2048
"""Of a text: what is known of its words stays near the processor, however long it is."""

CODE_MASK = np.uint64((1 << 21) - 1)
CLASS_SHIFT, CLASS_MASK, WHITE_SHIFT, SHARE_SHIFT = (np.uint64(n) for n in (21, 7, 24, 25))
"""Where in a character's entry its class is, whether it is white space, and which share it has."""
DIVIDES, JOINS, BEARS, COUNTED, STANDS_ALONE, POINT = range(6)
"""Classes: a letter joins others, a mark is borne by what it stands on, digits are counted."""
OUTSIDE, IN_WORD, IN_NUMBER, BEHIND_POINT, IN_LETTER = range(5)
"""What is before a character."""
CLOSES, BEGINS, COUNTS, WITHIN = (np.uint64(n) for n in (1, 2, 4, 0x38))
"""What a character does: closes a word, begins one, counts in it; and where the next one is."""


@dataclass(frozen=True, slots=True)
class Signed:
    """Texts' signatures, a row each."""

    exact: Hashes
    """Two numbers that are equal for texts that differ in white space only."""
    least: Hashes
    """The MinHash; of a text shorter than a shingle no more than a place holder."""
    is_signed: NDArray[np.bool_]
    """Whether the text is as long as a shingle."""


def signed(texts: Texts, functions: int, seed: int, shingle_words: int) -> Signed:
    """The signatures of ``texts``, which are to be in Unicode's form NFC.

    Args:
        texts: any.
        functions: positions of a signature; more estimate the similarity better.
        seed: of the functions.
        shingle_words: how many words' worth a shingle is.
    """
    characters, shares = character_entries()
    factors, terms = drawn_functions(functions, seed)
    needed = shingle_words * WORD
    least = np.full((len(texts), functions), np.uint64(MERSENNE))
    exact, is_signed = np.empty((len(texts), 2), np.uint64), np.empty(len(texts), np.bool_)
    _signed(
        texts.codes,
        texts.starts,
        characters,
        _steps(),
        shares,
        needed,
        # Besides the words of the characters at once, those of a shingle that is not complete.
        needed // int(shares.min()) + 2 + CHARACTERS_AT_ONCE,
        factors,
        terms,
        CHARACTERS_AT_ONCE,
        exact,
        least,
        is_signed,
    )
    return Signed(exact, least, is_signed)


def least_values(shingles: Hashes, factors: Hashes, terms: Hashes) -> Hashes:
    """Of each function, the least value over the shingles; 2^61 - 1 without one."""
    least = np.full(len(factors), np.uint64(MERSENNE))
    _lower(shingles, factors, terms, least)
    return least


@cache
def drawn_functions(count: int, seed: int) -> tuple[Hashes, Hashes]:
    """The factors and the terms of ``count`` functions."""
    generator = np.random.RandomState(seed)
    factors = generator.randint(1, MERSENNE, dtype=np.uint64, size=count)
    return factors, generator.randint(0, MERSENNE, dtype=np.uint64, size=count)


@cache
def character_entries() -> tuple[Codes, Indices]:
    """An entry for each code point, and the shares of a word that letters count as."""
    kinds = kind_table()
    classes = np.full(0x110000, DIVIDES, np.uint32)
    for kind, its_class in ((LETTER, JOINS), (MARK, BEARS), (NUMBER, COUNTED)):
        classes[kinds == kind] = its_class
    classes[[ord("."), ord(",")]] = POINT
    which, shares = np.zeros(0x110000, np.uint32), [WORD]
    for script, letters in LETTERS_PER_WORD.items():
        is_its_letter = (kinds == LETTER) & (script_table() == scripts().index(script))
        classes[is_its_letter] = STANDS_ALONE
        which[is_its_letter] = len(shares)
        shares.append(math.ceil(WORD / letters))
    lowered = lower_table().copy()
    lowered[ord("ς")] = ord("σ")  # which is written so at the end of a word only
    lowered[kinds == NUMBER] = ord("0")
    white = (flag_table() & IS_SPACE > 0).astype(np.uint32)
    entries = lowered | classes << CLASS_SHIFT | white << WHITE_SHIFT | which << SHARE_SHIFT
    return entries.astype(np.uint32), np.array(shares, np.int64)


@cache
def _steps() -> Hashes:
    """Of each class a number: at the bits of what stands before, what a character does there."""
    return np.array(
        [
            sum(_step(each, before) << (8 * before) for before in range(IN_LETTER + 1))
            for each in range(POINT + 1)
        ],
        np.uint64,
    )


def _step(of_class: int, before: int) -> int:
    """What a character does, and in the bits ``WITHIN`` where the next one is."""
    closes = 0 if before == OUTSIDE else int(CLOSES)
    begins = closes | int(BEGINS) | int(COUNTS)
    if of_class == JOINS:
        goes_on = before in (IN_WORD, IN_NUMBER)
        return IN_WORD << 3 | (int(COUNTS) if goes_on else begins)
    if of_class == STANDS_ALONE:
        return IN_LETTER << 3 | begins
    if of_class == COUNTED:
        if before in (IN_NUMBER, BEHIND_POINT):
            return IN_NUMBER << 3
        return IN_NUMBER << 3 | (int(COUNTS) if before == IN_WORD else begins)
    if of_class == BEARS and before in (IN_WORD, IN_NUMBER, IN_LETTER):
        return before << 3 | int(COUNTS)
    if of_class == POINT and before == IN_NUMBER:
        return BEHIND_POINT << 3
    return OUTSIDE << 3 | closes


@inner
def _mixed(number: np.uint64) -> np.uint64:
    """The number with its bits spread over all 64 (splitmix64's finaliser)."""
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return number ^ (number >> np.uint64(31))


@inner
def _value(shingle: np.uint64, factor: np.uint64, term: np.uint64) -> np.uint64:
    value = factor * shingle + term
    # Modulo 2^61 - 1 without a division: the upper three bits are added to the lower 61. What is
    # still too large wraps around to less when the modulus is taken off, all else to more.
    value = (value & np.uint64(MERSENNE)) + (value >> np.uint64(61))
    return min(value, value - np.uint64(MERSENNE))


@kernel
def _lower(shingles: Hashes, factors: Hashes, terms: Hashes, least: Hashes) -> None:
    """Lower ``least`` to each function's values of the shingles: the innermost loop of all."""
    whole = len(shingles) // 4 * 4
    for place in range(0, whole, 4):
        first, second = shingles[place], shingles[place + 1]
        third, fourth = shingles[place + 2], shingles[place + 3]
        for function in range(len(factors)):
            factor, term = factors[function], terms[function]
            one = min(_value(first, factor, term), _value(second, factor, term))
            other = min(_value(third, factor, term), _value(fourth, factor, term))
            least[function] = min(least[function], min(one, other))
    for place in range(whole, len(shingles)):
        for function in range(len(factors)):
            value = _value(shingles[place], factors[function], terms[function])
            least[function] = min(least[function], value)


@kernel
def _signed(
    codes: Codes,
    starts: Indices,
    characters: Codes,
    steps: Hashes,
    shares_of: Indices,
    needed: int,
    room: int,
    factors: Hashes,
    terms: Hashes,
    at_once: int,
    exact: Hashes,
    least: Hashes,
    is_signed: NDArray[np.bool_],
) -> None:
    """Of each text fill in the exact numbers, and whether it has a shingle; lower ``least``."""
    words, begun = np.empty(room, np.uint64), np.empty(room, np.uint64)
    shingles = np.empty(room, np.uint64)
    # Between pieces of a text: three numbers of _read, four of _take_up.
    state = np.empty(7, np.uint64)
    for text in range(len(is_signed)):
        state[:] = np.uint64(0)
        state[3], state[4] = WORD_START, SHINGLE_BASE
        held = known = worth = np.int64(0)
        is_signed[text] = False
        for low in range(starts[text], starts[text + 1], at_once):
            high = min(low + at_once, starts[text + 1])
            _take_up(codes[low:high], characters, state)
            held = np.int64(
                _read(codes[low:high], characters, steps, state, words, begun, np.uint64(held))
            )
            if high == starts[text + 1] and state[0] != np.uint64(0):
                words[held], begun[held] = state[1], state[2]
                held += 1
            first = found = np.int64(0)
            for last in range(known, held):
                words[last] = _mixed(words[last])
                worth += shares_of[begun[last] >> SHARE_SHIFT]
                while worth >= needed:
                    shingle = np.uint64(0)
                    for each in range(first, last + 1):
                        shingle = (shingle + words[each]) * SHINGLE_BASE
                    shingles[found] = _mixed(shingle)
                    found += 1
                    worth -= shares_of[begun[first] >> SHARE_SHIFT]
                    first += 1
            _lower(shingles[:found], factors, terms, least[text])
            is_signed[text] |= found > 0
            known = held - first
            for each in range(known):
                words[each], begun[each] = words[first + each], begun[first + each]
            held = known
        exact[text, 0] = _mixed(state[3] ^ state[5])
        exact[text, 1] = _mixed(state[4] + state[5])


@inner
def _read(
    codes: Codes,
    characters: Codes,
    steps: Hashes,
    state: Hashes,
    words: Hashes,
    begun: Hashes,
    held: np.uint64,
) -> np.uint64:
    """Append the words that end in ``codes``, with the entries of their first characters.

    Nothing branches on what a character is, which no processor can foretell: what it does is
    looked up by its class, and by where it stands.
    """
    within, word, began = state[0], state[1], state[2]
    for place in range(len(codes)):
        entry = np.uint64(characters[codes[place]])
        step = steps[(entry >> CLASS_SHIFT) & CLASS_MASK] >> within
        within = step & WITHIN
        words[held], begun[held] = word, began
        held += step & CLOSES
        begins = (step & BEGINS) != np.uint64(0)
        word = WORD_START if begins else word
        began = entry if begins else began
        word = (word + (entry & CODE_MASK)) * BASE if (step & COUNTS) != np.uint64(0) else word
    state[0], state[1], state[2] = within, word, began
    return held


@inner
def _take_up(codes: Codes, characters: Codes, state: Hashes) -> None:
    """Take ``codes`` up in the exact numbers, without a branch as well."""
    one, other, units, gap = state[3], state[4], state[5], state[6]
    for place in range(len(codes)):
        code = codes[place]
        # White space is no unit, but known to the next one; that at the start is not.
        white = (np.uint64(characters[code]) >> WHITE_SHIFT) & np.uint64(1)
        unit = np.uint64(code) << np.uint64(1) | gap
        next_one, next_other = (one ^ unit) * BASE, (other ^ unit) * SHINGLE_BASE
        is_unit = white == np.uint64(0)
        one = next_one ^ (next_one >> np.uint64(32)) if is_unit else one
        other = next_other ^ (next_other >> np.uint64(29)) if is_unit else other
        units += np.uint64(1) - white
        gap = white & np.uint64(units > np.uint64(0))
    state[3], state[4], state[5], state[6] = one, other, units, gap
