"""The loops that find words, and the bits that they look at; ``words`` says what is found.

Positions count code points. A piece is what stands between white space.

All that is looked up is in one array, ``table``, for every array more makes a call dearer: the
classes of each code point; from ``KEYS`` on a hash table of short strings, in which 0 is free and
what is not in its place is in the next ones; from ``MEANINGS`` on, for each of its places, where
the special word's parts begin in the table, or ``UNIT``; behind that the lengths of parts, with a
0 behind a word's last one.
"""

import numpy as np
from numpy.typing import NDArray

from bedstone.text.codes import Codes, Indices
from bedstone.text.kernel import ZERO, inner, kernel

Hashes = NDArray[np.uint64]
Table = NDArray[np.uint64]
Flags = NDArray[np.uint8]

(
    SPACE,
    LOWER,
    UPPER,
    DIGIT,
    OPENS,
    CLOSES,
    MAY_OPEN,
    MAY_CLOSE,
    INSIDE,
    PICTURE,
    QUOTE,
    CURRENCY,
    BEFORE_DOT,
    DOT,
    HOST,
    SCHEME,
    ALONE,
    ATTACHED,
    DIVIDER,
    HAS_LETTER,
    NO_SYMBOL,
    NO_PUNCTUATION,
    ENDS,
) = (np.uint64(1 << bit) for bit in range(23))
"""The classes of characters.

``LOWER`` and ``UPPER``: a letter or mark that may be the one or the other, both without case.
``OPENS``, ``CLOSES``: divided from a piece's start or end, whatever follows or precedes;
``MAY_OPEN``, ``MAY_CLOSE``: these, and what may begin or end what is.
``INSIDE``: may divide within a piece. ``BEFORE_DOT``: a dot behind it is divided from it.
``HOST``, ``SCHEME``: may stand in that part of a URL. ``ALONE``: a letter of a script without
spaces; ``ATTACHED``: a mark or joiner, that goes with it. ``DIVIDER``: ends a word, and is part
of it. The last four are of ``Words.flags``.
"""
SIZES = np.uint64(32)
"""From this bit on: the lengths of the special words and units that begin with the character."""
LONGEST = np.uint64(24)
"""Length that has such a bit."""
ALPHA = LOWER | UPPER
ACTIVE = OPENS | CLOSES | INSIDE | CURRENCY | DOT | QUOTE | ALONE | DIVIDER

ALPHABETIC, SYMBOL, SENTENCE_END, IS_PUNCTUATION, UNSPACED, AFTER_BREAK = (
    np.uint8(1 << bit) for bit in range(6)
)

ONE = np.uint64(1)
PLACES = np.uint64(1 << 13)
KEYS = np.uint64(0x110000)
MEANINGS = KEYS + PLACES
PARTS = MEANINGS + PLACES
SEED = np.uint64(0x243F6A8885A308D3)
FACTOR = np.uint64(0x9E3779B97F4A7C15)
SPREAD = np.uint64(0xBF58476D1CE4E5B9)
UNKNOWN, UNIT = 0, 1
LONGEST_UNIT = 5


@inner
def _spread(value: np.uint64) -> np.uint64:
    """The bits of ``value`` over all 64."""
    value = (value ^ (value >> np.uint64(32))) * SPREAD
    return value ^ (value >> np.uint64(29))


@inner
def _may_mean(codes: Codes, start: int, end: int, table: Table) -> bool:
    """Whether something with a meaning begins as the stretch does, and is as long."""
    size = np.uint64(end - start)
    return bool(size <= LONGEST and (table[codes[start]] >> (SIZES + size)) & ONE != 0)


@inner
def _meaning(codes: Codes, start: int, end: int, table: Table) -> int:
    """What a stretch that may mean something means: ``UNKNOWN``, ``UNIT`` or its parts' place."""
    value = SEED
    for at in range(start, end):
        value = (value ^ np.uint64(codes[at])) * FACTOR
    value = _spread(value)
    place = value & (PLACES - ONE)
    while table[KEYS + place] and table[KEYS + place] != value:
        place = (place + ONE) & (PLACES - ONE)
    return int(np.int64(table[MEANINGS + place]))  # of a free place: UNKNOWN


@inner
def _dots(codes: Codes, start: int, end: int) -> int:
    """Dots in a row from ``start`` on."""
    at = start
    while at < end and codes[at] == 0x2E:
        at += 1
    return at - start


@inner
def _opening(codes: Codes, start: int, end: int, table: Table) -> int:
    """The length of what is divided from the start, where that depends on what follows."""
    first, size = codes[start], 0
    second = codes[start + 1] if start + 1 < end else 0
    if first == 0x2E:
        dots = _dots(codes, start, end)
        size = dots if dots > 1 else 0
    elif first == 0x2B:
        size = 0 if table[second] & DIGIT else 1
    elif first == 0x55:
        size = 3 if second == 0x53 and start + 2 < end and codes[start + 2] == 0x24 else 0
    elif first == 0x43 or first == 0x41:
        size = 2 if second == 0x24 else 0
    return size


@inner
def _closing(codes: Codes, start: int, end: int, table: Table) -> int:
    """The length of what is divided from the end, where that depends on what is before."""
    last, size = codes[end - 1], 0
    before = codes[end - 2] if end - start > 1 else 0
    second = codes[end - 3] if end - start > 2 else 0
    if last == 0x2E and before == 0x2E:
        size = 2
        while end - size > start and codes[end - size - 1] == 0x2E:
            size += 1
    elif last == 0x2E:
        degrees = second == 0xB0 and (before == 0x43 or before == 0x46 or before == 0x4B)
        initials = table[before] & table[second] & UPPER
        size = 1 if table[before] & BEFORE_DOT or initials or degrees else 0
    elif last == 0x2026:
        size = 2 if before == last else 1
    elif last == 0x2B:
        size = 1 if table[before] & DIGIT else 0
    elif last == 0x73 or last == 0x53:
        size = 2 if before == 0x27 or before == 0x2019 else 0
    else:  # a currency
        size = 1
        if last == 0x24 and before == 0x53 and second == 0x55:
            size = 3
        elif last == 0x24 and (before == 0x43 or before == 0x41):
            size = 2
        if end - size <= start or not table[codes[end - size - 1]] & DIGIT:
            size = 0
    return size


@inner
def _unit(codes: Codes, start: int, end: int, table: Table) -> int:
    """The length of a unit at the end, with a number before it."""
    at = end - 1
    while at > start and end - at <= LONGEST_UNIT and not table[codes[at]] & DIGIT:
        at -= 1
    at += 1
    is_unit = at < end and table[codes[at - 1]] & DIGIT and _may_mean(codes, at, end, table)
    return end - at if is_unit and _meaning(codes, at, end, table) == UNIT else 0


@inner
def _inside(codes: Codes, start: int, end: int, at: int, table: Table) -> int:
    """The length of what divides the stretch at ``at``; 0 if nothing does."""
    code, kind = codes[at], table[codes[at]]
    before = table[codes[at - 1]] if at > start else np.uint64(0)
    next_code = codes[at + 1] if at + 1 < end else 0
    after = table[next_code]
    is_reckoning = before & DIGIT and (after & DIGIT or next_code == 0x2D)
    size = 0
    if code == 0x2E:
        size = _dots(codes, at, end)
        if size == 1 and not (before & (LOWER | QUOTE) and after & (UPPER | QUOTE)):
            size = 0
    elif kind & PICTURE or code == 0x2026:
        size = 1
    elif code == 0x2C:
        size = 1 if before & ALPHA and after & ALPHA else 0
    elif code == 0x2B or code == 0x2A or code == 0x5E:
        size = 1 if is_reckoning else 0
    elif (is_reckoning and code == 0x2D) or (before & (ALPHA | DIGIT) and after & ALPHA):
        size = 1
    elif (code == 0x2D or code == 0x2014) and before & (ALPHA | DIGIT):
        dashes, most = 1, 3 if code == 0x2D else 2
        while dashes < most and at + dashes < end and codes[at + dashes] == code:
            dashes += 1
        is_before_letter = at + dashes < end and table[codes[at + dashes]] & ALPHA
        size = dashes if dashes > 1 and is_before_letter else 0
    return size


@inner
def _is_url(codes: Codes, start: int, end: int, table: Table) -> bool:
    """Whether the stretch is a URL, a host's name or number, or an address of mail."""
    found = _is_host(codes, start, end, table)
    at = start
    while not found and at < end and table[codes[at]] & SCHEME:
        at += 1
    if not found and at - start > 1 and end - at > 3:
        is_scheme = codes[at] == 0x3A and codes[at + 1] == 0x2F and codes[at + 2] == 0x2F
        found = is_scheme and _is_host(codes, at + 3, end, table)
    at = start + 1
    while not found and at < end:
        found = codes[at] == 0x40 and _is_host(codes, at + 1, end, table)
        at += 1
    return found


@inner
def _is_host(codes: Codes, start: int, end: int, table: Table) -> bool:
    """Whether a host stands at the start, and a port, a path or the end behind it."""
    at = label = start
    labels = 0
    while at < end and (table[codes[at]] & (HOST | DOT) or codes[at] == 0x5F or codes[at] == 0x2D):
        if codes[at] == 0x2E:
            inner = table[codes[label]] & table[codes[at - 1]] & HOST if at > label else 0
            if not inner or at - label > 64:
                break
            labels += 1
            label = at + 1
        at += 1
    found = labels > 0
    is_name = 2 <= at - label <= 63
    for position in range(label, at):
        is_name &= (table[codes[position]] & LOWER) != 0
    if found and not is_name:
        found = labels == 3 and _is_address(codes, start, at)
    if found and at < end and codes[at] == 0x3A:
        port = at + 1
        at = port
        while at < end and table[codes[at]] & DIGIT:
            at += 1
        found = 2 <= at - port <= 5
    return found and (at == end or codes[at] == 0x2F or codes[at] == 0x3F or codes[at] == 0x23)


@inner
def _is_address(codes: Codes, start: int, end: int) -> bool:
    """Whether four numbers with dots between are a public address."""
    value, size, group, first, second = 0, 0, 0, 0, 0
    found = True
    for at in range(start, end + 1):
        code = int(np.int64(codes[at])) if at < end else 0x2E
        if code == 0x2E:
            outer = group == 0 or group == 3
            leading = size > 1 and bool(codes[at - size] == 0x30)
            found &= size <= 3 and value <= 255 and not (leading and (outer or size == 3))
            found &= not outer or 0 < value <= (223 if group == 0 else 254)
            first = value if group == 0 else first
            second = value if group == 1 else second
            value, size, group = 0, 0, group + 1
        else:
            found &= 0x30 <= code <= 0x39
            value, size = min(value * 10 + code - 0x30, 1000), size + 1
    found &= first != 10 and first != 127 and not (first == 169 and second == 254)
    return (
        found and not (first == 192 and second == 168) and not (first == 172 and 16 <= second <= 31)
    )


@inner
def _cut_parts(cuts: Indices, count: int, at: int, first: int, table: Table) -> int:
    """Adds the ends of a special word's parts; returns how many cuts there are."""
    while table[first]:
        at += int(np.int64(table[first]))
        cuts[count] = at
        count, first = count + 1, first + 1
    return count


@inner
def _cut(
    codes: Codes,
    start: int,
    end: int,
    kinds: np.uint64,
    table: Table,
    cuts: Indices,
    closings: Indices,
) -> int:
    """Fills ``cuts`` with the ends of a piece's words; returns how many they are."""
    count, closed, special = ZERO, 0, UNKNOWN
    while start < end and special <= UNIT:
        opening, closing = 0, 0
        kind = table[codes[start]]
        if kind & MAY_OPEN:
            opening = 1 if kind & OPENS else _opening(codes, start, end, table)
        low = start + opening
        if low < end:
            kind = table[codes[end - 1]]
            if kind & MAY_CLOSE:
                closing = 1 if kind & CLOSES else _closing(codes, low, end, table)
            if closing == 0 and kinds & DIGIT:
                closing = _unit(codes, low, end, table)
        # Special may be all of it, or all but what opens, or all but what closes.
        high = end - closing
        if _may_mean(codes, start, end, table):
            special = _meaning(codes, start, end, table)
            if special > UNIT:
                break
        if opening and low < end and _may_mean(codes, low, end, table):
            special = _meaning(codes, low, end, table)
            closing = 0 if special > UNIT else closing
        if special <= UNIT and closing and _may_mean(codes, start, high, table):
            special = _meaning(codes, start, high, table)
            opening = 0 if special > UNIT else opening
        if opening == 0 and closing == 0:
            break
        if opening:
            start += opening
            cuts[count] = start
            count += 1
        if closing:
            closings[closed] = end
            closed, end = closed + 1, end - closing
    if special > UNIT:
        count = _cut_parts(cuts, count, start, special, table)
    elif start < end:
        count = _cut_inside(codes, start, end, table, cuts, count)
    while closed:
        closed -= 1
        cuts[count] = closings[closed]
        count += 1
    return count


@inner
def _cut_inside(codes: Codes, start: int, end: int, table: Table, cuts: Indices, count: int) -> int:
    """Adds the ends of what is left of a piece; returns how many cuts there are."""
    begun = at = start
    kinds = np.uint64(0)
    for position in range(start, end):
        kinds |= table[codes[position]]
    if not kinds & INSIDE or (kinds & DOT and _is_url(codes, start, end, table)):
        at = end
    while at < end:
        size = 0
        if table[codes[at]] & INSIDE:
            size = _inside(codes, start, end, at, table)
        if size > 0 and at > start:
            if at > begun:
                cuts[count] = at
                count += 1
            begun = at + size
            cuts[count] = begun
            count += 1
        at += max(size, 1)
    if begun < end:
        cuts[count] = end
        count += 1
    return count


@inner
def _unite(
    codes: Codes,
    start: int,
    table: Table,
    cuts: Indices,
    count: int,
    united: Indices,
) -> int:
    """Undoes the cuts that divide a special word; returns how many cuts there are."""
    done, at = ZERO, 0
    while at < count:
        special, beyond, step = UNKNOWN, at, at + 1
        while step < count and cuts[step] - start <= np.int64(LONGEST):
            meaning = UNKNOWN
            if _may_mean(codes, start, cuts[step], table):
                meaning = _meaning(codes, start, cuts[step], table)
            step += 1
            # If it begins with this very part it is whole already.
            if meaning > UNIT and start + np.int64(table[meaning]) != cuts[at]:
                special, beyond = meaning, step
        if special > UNIT:
            done = _cut_parts(united, done, start, special, table)
            at = beyond
        else:
            united[done] = cuts[at]
            done, at = done + 1, at + 1
        start = united[done - 1]
    for at in range(done):
        cuts[at] = united[at]
    return done


@inner
def _first_part(codes: Codes, start: int, end: int, table: Table) -> int:
    """Where the first part ends of a word with letters that stand alone, or with dividers."""
    at = start + 1
    if table[codes[start]] & ALONE:
        while at < end and table[codes[at]] & ATTACHED:
            at += 1
    elif not table[codes[start]] & (OPENS | CLOSES):
        while at < end and not table[codes[at - 1]] & DIVIDER:
            if table[codes[at]] & (ALONE | OPENS | CLOSES):
                break
            at += 1
    return at


@inner
def _flags_of(kinds: np.uint64, size: int) -> np.uint8:
    """Of a word with characters of these classes."""
    flags = np.uint8(0)
    if kinds & HAS_LETTER:
        flags |= ALPHABETIC
    if not kinds & NO_SYMBOL:
        flags |= SYMBOL
    if not kinds & NO_PUNCTUATION:
        flags |= IS_PUNCTUATION
    if kinds & ENDS and size == 1:
        flags |= SENTENCE_END
    if kinds & ALONE:
        flags |= UNSPACED
    return flags


@kernel
def describe(codes: Codes, starts: Indices, ends: Indices, table: Table) -> tuple[Hashes, Flags]:
    """The hash and the flags of each word."""
    hashes, flags = np.empty(len(starts), np.uint64), np.empty(len(starts), np.uint8)
    for number in range(len(starts)):
        value, kinds = SEED, np.uint64(0)
        for at in range(starts[number], ends[number]):
            value = (value ^ np.uint64(codes[at])) * FACTOR
            kinds |= table[codes[at]]
        hashes[number] = _spread(value)
        flags[number] = _flags_of(kinds, ends[number] - starts[number])
    return hashes, flags


@kernel
def find_words(
    codes: Codes,
    bounds: Indices,
    table: Table,
    is_cut: bool,  # noqa: FBT001 - a kernel has no keywords
) -> tuple[Indices, Indices, Indices, Hashes, Flags]:
    """The words of each text: of each text the first, starts, ends, hashes and flags.

    Unless ``is_cut``, the pieces are the words.
    """
    starts, ends = np.empty(len(codes), np.int64), np.empty(len(codes), np.int64)
    hashes, flags = np.empty(len(codes), np.uint64), np.empty(len(codes), np.uint8)
    cuts, united = np.empty(len(codes) + 1, np.int64), np.empty(len(codes), np.int64)
    firsts = np.empty(len(bounds), np.int64)
    number = 0
    for text in range(len(bounds) - 1):
        firsts[text] = number
        at, stop = bounds[text], bounds[text + 1]
        while True:
            start = at
            while at < stop and table[codes[at]] & SPACE:
                at += 1
            if at == stop:
                break
            after_break = at - start > 1 or (at > start and codes[start] != 0x20)
            start, first = at, number
            value, kinds = SEED, np.uint64(0)
            while at < stop:
                kind = table[codes[at]]
                if kind & SPACE:
                    break
                value = (value ^ np.uint64(codes[at])) * FACTOR
                kinds |= kind
                at += 1
            is_plain = not kinds & ACTIVE and not (kinds & DIGIT and kinds & ALPHA)
            is_plain = is_plain and not _may_mean(codes, start, at, table)
            count = 1
            cuts[0] = at
            if is_cut and not is_plain:
                count = _cut(codes, start, at, kinds, table, cuts, united)
                if count > 1:
                    count = _unite(codes, start, table, cuts, count, united)
            has_parts = is_cut and (kinds & (ALONE | DIVIDER)) != 0
            piece = start
            for part in range(count):
                while start < cuts[part]:
                    end = cuts[part]
                    if has_parts:
                        end = _first_part(codes, start, end, table)
                    if start > piece or end < at:
                        value, kinds = SEED, np.uint64(0)
                        for position in range(start, end):
                            value = (value ^ np.uint64(codes[position])) * FACTOR
                            kinds |= table[codes[position]]
                    starts[number], ends[number] = start, end
                    hashes[number], flags[number] = _spread(value), _flags_of(kinds, end - start)
                    number += 1
                    start = end
            if after_break:
                flags[first] |= AFTER_BREAK
    firsts[len(bounds) - 1] = number
    return firsts, starts[:number], ends[:number], hashes[:number], flags[:number]
