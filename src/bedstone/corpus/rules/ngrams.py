"""Repetition within a text: recurring n-grams of words.

Everything is measured in linear time, by tables of 64-bit hashes; two stretches count as equal if
their hashes are. An n-gram is n words' worth: from a word on, the following words until their
weights add up to n. Only places whose (n-1)-gram recurs are looked at for a recurring n-gram.

The statistics' names say whose count they are: without a prefix datatrove's, else the paper's or
dolma's; how these differ is told in ``corpus.rules.sets``.

Source: Rae et al. 2021 (Gopher), arXiv:2112.11446, appendix A.1.1; datatrove 0.10,
GopherRepetitionFilter; dolma 1.2, gopher_v1.
Differs: n-grams are equal if their words are, where datatrove compares them joined by spaces, so
that tokens with a space inside could make a difference. The n-grams of scripts without spaces are
not joined by spaces.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from bedstone.text.codes import Codes, Indices, Texts
from bedstone.text.hashing import SPREAD, Bools, Hashes, Slots, Values, group, share, slot_bits
from bedstone.text.kernel import ZERO, inner, kernel
from bedstone.text.words import UNSPACED, Words

Marks = NDArray[np.uint8]

TOP_SIZES = (2, 3, 4)
DUPLICATE_SIZES = (5, 6, 7, 8, 9, 10)

WORD = 1 << 20
"""The weight of a word, in whole numbers: their sums do not depend on where one begins."""
LEAST_WORD = WORD >> 4
"""So that an n-gram has a limited number of words."""
SLACK = 64
"""What an n-gram's weight may lack for the rounding of its words' weights."""
POWERS = 512
PREFIX = 12
"""Joined n-grams of at least so many characters are compared by these first."""
SIEVE_BITS = 2
"""A sieve has so many bits more to tell its slots apart than a table."""
AT_ONCE = 8
"""Characters of a word that are copied without asking whether it has so many."""

BASE = np.uint64(0x9E3779B97F4A7C15)
SALT = np.uint64(0x2545F4914F6CDD1D)
PAIR, EVERY = ZERO + TOP_SIZES[0], ZERO - 1


def word_repetition(texts: Texts, words: Words, characters: Values) -> dict[str, Values]:
    """The shares of ``characters`` in n-grams of ``words`` that datatrove takes, of each text.

    Args:
        texts: where the words stand.
        words: of these texts.
        characters: of each text, spaces included.
    """
    found = np.zeros((len(texts), len(TOP_SIZES) + len(DUPLICATE_SIZES)), np.float64)
    _words(
        texts.codes,
        words.firsts,
        words.starts,
        words.ends,
        words.hashes,
        words.weights,
        (words.flags & UNSPACED) != 0,
        texts.starts,
        _powers(),
        found,
    )
    names = [f"top_{size}_gram_character_ratio" for size in TOP_SIZES]
    names += [f"duplicate_{size}_gram_character_share" for size in DUPLICATE_SIZES]
    return {name: share(part, characters) for name, part in zip(names, found.T, strict=True)}


def spaced_repetition(words: Words) -> dict[str, Values]:
    """The paper's and dolma's shares of the characters of ``words`` in n-grams of them."""
    count = len(words.firsts) - 1
    paper = np.zeros((count, len(TOP_SIZES) + len(DUPLICATE_SIZES)), np.float64)
    dolma = np.zeros_like(paper)
    _spaced(
        words.firsts,
        words.starts,
        words.ends,
        words.hashes,
        words.weights,
        _powers(),
        paper,
        dolma,
    )
    names = [f"top_{size}_gram_character" for size in TOP_SIZES]
    names += [f"duplicate_{size}_gram_character" for size in DUPLICATE_SIZES]
    tops = len(TOP_SIZES)
    shares = {f"paper_{name}_share": values for name, values in zip(names, paper.T, strict=True)}
    for number, name in enumerate(names):
        unit = "ratio" if number < tops else "share"
        shares[f"dolma_{name}_{unit}"] = dolma[:, number]
    return shares


@inner
def _sift(keys: Hashes, count: int, marks: Marks, sieve: Marks) -> None:
    """Mark the keys that may recur: a key without a mark shares its slot with no other.

    This spares most of the work, for it takes no turns that a processor cannot foresee.
    """
    bits = slot_bits(count) + SIEVE_BITS
    shift = np.uint64(64 - bits)
    sieve[: 1 << bits] = 0
    for index in range(count):
        slot = np.int64((keys[index] * SPREAD) >> shift)
        sieve[slot] |= 1 + (sieve[slot] & 1)
    for index in range(count):
        slot = np.int64((keys[index] * SPREAD) >> shift)
        marks[index] = sieve[slot] == 3


@inner
def _sum_up(
    starts: Indices,
    ends: Indices,
    hashes: Hashes,
    weights: Values,
    offsets: Indices,
    sums: Hashes,
    weighed: Indices,
) -> bool:
    """Running sums over a text's words: characters, hashes, weights; whether all weigh as one."""
    plain = True
    characters, hashed, weight = 0, np.uint64(0), 0
    offsets[0], sums[0], weighed[0] = characters, hashed, weight
    for word in range(len(starts)):
        characters += ends[word] - starts[word]
        hashed = hashed * BASE + hashes[word]
        if weights[word] == 1.0:
            weight += WORD
        else:
            weight += max(LEAST_WORD, int(weights[word] * WORD))
            plain = False
        offsets[word + 1], sums[word + 1], weighed[word + 1] = characters, hashed, weight
    return plain


@inner
def _reach(
    size: int,
    places: Indices,
    count: int,
    weighed: Indices,
    words: int,
    plain: bool,  # noqa: FBT001 - a kernel has no keywords
    ends: Indices,
) -> int:
    """Where the n-grams that begin at ``places`` end; how many of them the text has words for."""
    least = size * WORD - SLACK
    end = 0
    for index in range(count):
        place = places[index]
        if plain:
            end = place + size
        else:
            while end <= words and weighed[end] - weighed[place] < least:
                end += 1
        if end > words:
            return index
        ends[index] = end
    return count


@inner
def _keys_of(
    places: Indices, ends: Indices, count: int, sums: Hashes, powers: Hashes, keys: Hashes
) -> None:
    for index in range(count):
        place, end = places[index], ends[index]
        keys[index] = sums[end] - sums[place] * powers[end - place]


@inner
def _likely_pairs(
    words: int,
    weighed: Indices,
    plain: bool,  # noqa: FBT001 - a kernel has no keywords
    sums: Hashes,
    powers: Hashes,
    places: Indices,
    ends: Indices,
    keys: Hashes,
    marks: Marks,
    sieve: Marks,
) -> int:
    """The places whose n-gram of the least size may recur, and the first."""
    for place in range(words):
        places[place] = place
    count = _reach(PAIR, places, words, weighed, words, plain, ends)
    _keys_of(places, ends, count, sums, powers, keys)
    _sift(keys, count, marks, sieve)
    kept = 0
    for place in range(count):
        places[kept] = place
        kept += place == 0 or marks[place]
    return kept


@inner
def _most_frequent(count: int, copies: Indices) -> int:
    """The first n-gram of the most frequent ones, by its number."""
    best = 0
    for index in range(count):
        if copies[index] > copies[best]:
            best = index
    return best


@inner
def _recurring(places: Indices, count: int, firsts: Indices, copies: Indices) -> int:
    """Keep the places whose n-gram recurs, and the first, which is on top if none does."""
    kept = 0
    for index in range(count):
        places[kept] = places[index]
        kept += index == 0 or copies[firsts[index]] > 1
    return kept


@inner
def _power(exponent: int, powers: Hashes) -> np.uint64:
    """BASE to any power."""
    result, factor = np.uint64(1), BASE
    if exponent < len(powers):
        result, exponent = powers[exponent], 0
    while exponent:
        if exponent & 1:
            result *= factor
        factor *= factor
        exponent >>= 1
    return result


@cache
def _powers() -> Hashes:
    return np.append(np.uint64(1), np.cumprod(np.full(POWERS - 1, BASE)))


@inner
def _most(numbers: Indices) -> int:
    """The largest of the differences of neighbours, or 1."""
    most = 1
    for index in range(len(numbers) - 1):
        most = max(most, numbers[index + 1] - numbers[index])
    return most


@inner
def _join(
    codes: Codes, starts: Indices, ends: Indices, joined: Codes, prefix: Hashes, powers: Hashes
) -> None:
    """The words' characters, one after another; and the hash of all before each."""
    # Unsigned numbers spare the question whether an index counts from the end.
    count, at_once = np.uint64(0), np.uint64(AT_ONCE)
    for word in range(len(starts)):
        position = np.uint64(starts[word])
        length = np.uint64(ends[word]) - position
        copied = np.uint64(0)
        if position + at_once <= np.uint64(len(codes)):
            for index in range(at_once):
                joined[count + index] = codes[position + index]
            copied = at_once
        for index in range(copied, length):
            joined[count + index] = codes[position + index]
        count += length
    size = np.int64(count)
    here = np.uint64(0)
    prefix[0] = here
    whole = size - size % 4
    for index in range(0, whole, 4):
        one = np.uint64(joined[index]) + SALT
        two = one * BASE + (np.uint64(joined[index + 1]) + SALT)
        three = two * BASE + (np.uint64(joined[index + 2]) + SALT)
        four = three * BASE + (np.uint64(joined[index + 3]) + SALT)
        prefix[index + 1] = here * powers[1] + one
        prefix[index + 2] = here * powers[2] + two
        prefix[index + 3] = here * powers[3] + three
        here = here * powers[4] + four
        prefix[index + 4] = here
    for index in range(whole, size):
        here = here * BASE + (np.uint64(joined[index]) + SALT)
        prefix[index + 1] = here


@inner
def _likely_joined(
    words: int,
    plain: bool,  # noqa: FBT001 - a kernel has no keywords
    offsets: Indices,
    prefix: Hashes,
    powers: Hashes,
    places: Indices,
    keys: Hashes,
    marks: Marks,
    sieve: Marks,
) -> int:
    """Where the next characters stand elsewhere too, or are too few to tell."""
    count = 0
    while count < words and offsets[count] + PREFIX <= offsets[words]:
        here = offsets[count]
        keys[count] = prefix[here + PREFIX] - prefix[here] * powers[PREFIX]
        count += 1
    _sift(keys, count, marks, sieve)
    marks[count:words] = 1
    kept = 0
    for place in range(words):
        end = min(words, place + DUPLICATE_SIZES[0])
        places[kept] = place
        kept += marks[place] or not plain or offsets[end] - offsets[place] < PREFIX
    return kept


@inner
def _pack(
    marks: Marks,
    count: int,
    keys: Hashes,
    places: Indices,
    ends: Indices,
    packed_places: Indices,
    packed_ends: Indices,
) -> int:
    """Put the n-grams with a mark side by side."""
    kept = 0
    for index in range(count):
        keys[kept] = keys[index]
        packed_places[kept] = places[index]
        packed_ends[kept] = ends[index]
        kept += marks[index]
    return kept


@inner
def _again(
    keys: Hashes, count: int, places: Indices, ends: Indices, offsets: Indices, table: Slots
) -> int:
    """Characters of the n-grams that were there before; what follows one begins behind it."""
    bits = slot_bits(count)
    mask = (1 << bits) - 1
    shift = np.uint64(64 - bits)
    table[: mask + 1] = 0
    characters, begin = 0, 0
    for index in range(count):
        if places[index] < begin:
            continue
        key = keys[index]
        slot = np.int64((key * SPREAD) >> shift)
        while table[slot] and keys[table[slot] - 1] != key:
            slot = (slot + 1) & mask
        if table[slot]:
            characters += offsets[ends[index]] - offsets[places[index]]
            begin = ends[index]
        else:
            table[slot] = index + 1
    return characters


@kernel
def _words(
    codes: Codes,
    word_firsts: Indices,
    all_starts: Indices,
    all_ends: Indices,
    hashes: Hashes,
    weights: Values,
    is_unspaced: Bools,
    places_of_texts: Indices,
    powers: Hashes,
    found: Values,
) -> None:
    most, longest = _most(word_firsts), _most(places_of_texts)
    table = np.empty(1 << slot_bits(most), np.int32)
    sieve = np.empty(1 << (slot_bits(most) + SIEVE_BITS), np.uint8)
    marks = np.empty(most, np.uint8)
    keys = np.empty(most, np.uint64)
    sums = np.empty(most + 1, np.uint64)
    offsets = np.empty(most + 1, np.int64)
    weighed = np.empty(most + 1, np.int64)
    places = np.empty(most, np.int64)
    ends = np.empty(most, np.int64)
    firsts = np.empty(most, np.int64)
    copies = np.empty(most, np.int64)
    joined = np.empty(longest + AT_ONCE, np.uint32)
    prefix = np.empty(longest + 1, np.uint64)
    tops = len(TOP_SIZES)
    for text in range(len(found)):
        low, high = word_firsts[text], word_firsts[text + 1]
        starts, stops = all_starts[low:high], all_ends[low:high]
        alone = is_unspaced[low:high]
        words = high - low
        plain = _sum_up(starts, stops, hashes[low:high], weights[low:high], offsets, sums, weighed)

        # 1. The top n-grams, joined by spaces. The first seen of equally frequent ones is taken.
        count = _likely_pairs(words, weighed, plain, sums, powers, places, ends, keys, marks, sieve)
        for column in range(tops):
            count = _reach(TOP_SIZES[column], places, count, weighed, words, plain, ends)
            if not count:
                break
            _keys_of(places, ends, count, sums, powers, keys)
            group(keys, count, table, firsts, copies)
            best = _most_frequent(count, copies)
            place, end = places[best], ends[best]
            length = offsets[end] - offsets[place]
            for word in range(place, end - 1):
                length += not (alone[word] and alone[word + 1])
            found[text, column] = length * copies[best]
            count = _recurring(places, count, firsts, copies)

        # 2. The n-grams that were there before, joined by nothing.
        _join(codes, starts, stops, joined, prefix, powers)
        count = _likely_joined(words, plain, offsets, prefix, powers, places, keys, marks, sieve)
        for column in range(len(DUPLICATE_SIZES)):
            count = _reach(DUPLICATE_SIZES[column], places, count, weighed, words, plain, ends)
            for index in range(count):
                here, there = offsets[places[index]], offsets[ends[index]]
                keys[index] = prefix[there] - prefix[here] * _power(there - here, powers)
            _sift(keys, count, marks, sieve)
            kept = _pack(marks, count, keys, places, ends, firsts, copies)
            found[text, tops + column] = _again(keys, kept, firsts, copies, offsets, table)


@inner
def _covered(
    wanted: int,
    places: Indices,
    ends: Indices,
    count: int,
    firsts: Indices,
    copies: Indices,
    offsets: Indices,
) -> int:
    """Characters in recurring n-grams, overlaps once: in those like ``wanted``, or in ``EVERY``."""
    characters, end = 0, 0
    for index in range(count):
        if copies[firsts[index]] > 1 and (wanted == EVERY or firsts[index] == wanted):
            begin = max(end, places[index])
            end = ends[index]
            characters += offsets[end] - offsets[begin]
    return characters


@inner
def _share_of_all(
    size: int,
    places: Indices,
    ends: Indices,
    count: int,
    firsts: Indices,
    copies: Indices,
    offsets: Indices,
    weighed: Indices,
    words: int,
    plain: bool,  # noqa: FBT001 - a kernel has no keywords
    everywhere: Indices,
) -> float:
    """Characters of the recurring n-grams, overlaps each time, over those of all n-grams."""
    part, whole = 0, 0
    for index in range(count):
        if copies[firsts[index]] > 1:
            part += offsets[ends[index]] - offsets[places[index]]
    if not part:
        return 0.0
    count = _reach(size, everywhere, words, weighed, words, plain, ends)
    for place in range(count):
        whole += offsets[ends[place]] - offsets[place]
    return part / whole


@kernel
def _spaced(
    word_firsts: Indices,
    all_starts: Indices,
    all_ends: Indices,
    hashes: Hashes,
    weights: Values,
    powers: Hashes,
    paper: Values,
    dolma: Values,
) -> None:
    most = _most(word_firsts)
    table = np.empty(1 << slot_bits(most), np.int32)
    sieve = np.empty(1 << (slot_bits(most) + SIEVE_BITS), np.uint8)
    marks = np.empty(most, np.uint8)
    keys = np.empty(most, np.uint64)
    sums = np.empty(most + 1, np.uint64)
    offsets = np.empty(most + 1, np.int64)
    weighed = np.empty(most + 1, np.int64)
    places = np.empty(most, np.int64)
    everywhere = np.arange(most)
    ends = np.empty(most, np.int64)
    firsts = np.empty(most, np.int64)
    copies = np.empty(most, np.int64)
    tops = len(TOP_SIZES)
    for text in range(len(paper)):
        low, high = word_firsts[text], word_firsts[text + 1]
        words = high - low
        plain = _sum_up(
            all_starts[low:high],
            all_ends[low:high],
            hashes[low:high],
            weights[low:high],
            offsets,
            sums,
            weighed,
        )
        characters = max(offsets[words], 1)
        count = _likely_pairs(words, weighed, plain, sums, powers, places, ends, keys, marks, sieve)
        for column in range(tops + len(DUPLICATE_SIZES)):
            size = TOP_SIZES[0] + column
            count = _reach(size, places, count, weighed, words, plain, ends)
            if not count:
                break
            _keys_of(places, ends, count, sums, powers, keys)
            group(keys, count, table, firsts, copies)
            if column < tops:
                best = _most_frequent(count, copies)
                length = offsets[ends[best]] - offsets[places[best]]
                dolma[text, column] = length * copies[best] / characters
                top = _covered(best, places, ends, count, firsts, copies, offsets)
                paper[text, column] = top / characters
            else:
                part = _covered(EVERY, places, ends, count, firsts, copies, offsets)
                paper[text, column] = part / characters
                dolma[text, column] = _share_of_all(
                    size,
                    places,
                    ends,
                    count,
                    firsts,
                    copies,
                    offsets,
                    weighed,
                    words,
                    plain,
                    everywhere,
                )
            count = _recurring(places, count, firsts, copies)
