"""The lines of pages, and what C4's rules ask of each: the compiled part of ``corpus.rules.c4``.

A phrase is looked for where two letters stand that are rarely together, in capitals or not.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bedstone.text.characters import IS_DIGIT, IS_SPACE, bounds, flag_table
from bedstone.text.codes import Codes, Indices
from bedstone.text.kernel import inner, kernel

MAX_WORD_CHARACTERS = 1000
POLICY_PHRASES = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)
HAS_LOREM, HAS_JAVASCRIPT, HAS_CURLY, HAS_POLICY, HAS_SQUARE = (1 << bit for bit in range(5))
HAS_LONG_WORD, PLAIN_END, APOSTROPHE_END, IS_CITED = (1 << bit for bit in range(5, 9))
"""The bits of a line.

It has a phrase, a bracket, a word that is too long; it ends in a mark of all variants, in an
apostrophe; citations were taken out of it. All but ``HAS_LONG_WORD`` are of what is left then.
"""

LINE_BREAKS = "000A-000D 001C-001E 0085 2028-2029"
"""Those of ``str.splitlines``."""
SPACE, BREAK, DIGIT, BRACKET = (1 << bit for bit in range(4))
FIRST, SECOND, PAIR_BITS = 4, 9, (1 << 5) - 1
"""From these bits on: of the pairs of letters, those whose first or second the character is."""
LINE_FEED, RETURN = 0x0A, 0x0D
SMALL_K, DOT, QUESTION, EXCLAMATION, QUOTE, APOSTROPHE = map(ord, "k.?!\"'")
SQUARE, CLOSING_SQUARE, CURLY = map(ord, "[]{")
KELVIN = 0x212A
"""The only character above ASCII whose lower case is a letter of ASCII, and that alone."""

Classes = NDArray[np.uint16]
Bits = tuple[np.uint8, np.uint8, np.uint8]
"""Flags of ``Words``: the end of a sentence, punctuation, more than a space before it."""


class Lines(NamedTuple):
    """Lines of several texts, in their order."""

    firsts: Indices
    """One more than there are texts: text ``i`` has the lines ``firsts[i]:firsts[i + 1]``."""
    numbers: Indices
    """Of each, which line of its text it stands on, from 0, with texts split at line feeds."""
    starts: Indices
    """Positions in ``Texts.codes``, stripped."""
    ends: Indices
    words: NDArray[np.int32]
    """What stands between white space."""
    clean_words: NDArray[np.int32]
    """The same without citations."""
    bits: NDArray[np.uint16]
    cited: Codes
    """What is left of the lines that citations were taken out of, one after another."""
    cited_starts: Indices
    """One more than there are such lines."""


_PHRASES = (
    ("javascript", "ja", HAS_JAVASCRIPT),
    ("lorem ipsum", "ps", HAS_LOREM),
    ("privacy policy", "cy", HAS_POLICY),
    ("terms of use", "ms", HAS_POLICY),
    *((phrase, "ki", HAS_POLICY) for phrase in POLICY_PHRASES if "cookie" in phrase),
)
_PAIRS = list(dict.fromkeys(pair for _, pair, _ in _PHRASES))
_GROUPS = np.array([[p for _, p, _ in _PHRASES].index(each) for each in _PAIRS] + [len(_PHRASES)])
_CODES = np.array([ord(letter) for phrase, _, _ in _PHRASES for letter in phrase], np.uint32)
_STARTS = np.cumsum([0, *(len(phrase) for phrase, _, _ in _PHRASES)]).astype(np.int64)
_PLACES = np.array([phrase.index(pair) + 1 for phrase, pair, _ in _PHRASES], np.int64)
_FOUND = np.array([bit for _, _, bit in _PHRASES], np.int64)
_BRACKETED = np.array([ord(letter) for letter in "[edit][citation needed]"], np.uint32)
_BRACKETED_STARTS = np.array([0, len("[edit]"), len("[edit][citation needed]")], np.int64)


@cache
def class_table(*, citations: bool = True) -> NDArray[np.uint16]:
    """Of each code point, what of it ends a line, parts words, or may be part of a phrase.

    Without ``citations`` no line has a bracket that one could begin with.
    """
    table = np.zeros(0x110000, np.uint16)
    flags = flag_table()
    table[flags & IS_SPACE > 0] = SPACE
    table[flags & IS_DIGIT > 0] = DIGIT
    for first, last in bounds(LINE_BREAKS):
        table[first:last] |= BREAK
    for number, pair in enumerate(_PAIRS):
        for letter, bit in zip(pair, (FIRST, SECOND), strict=True):
            table[[ord(letter), ord(letter.upper())]] |= np.uint16(1 << bit + number)
    table[KELVIN] |= table[SMALL_K]
    table[CURLY] = BRACKET
    table[SQUARE] = BRACKET if citations else 0
    return table


@inner
def _lower(code: np.uint32) -> np.uint32:
    """The lower case of a letter that a phrase may have."""
    if 65 <= code <= 90:
        return np.uint32(code + np.uint32(32))
    if code == KELVIN:
        return np.uint32(SMALL_K)
    return np.uint32(code)


@inner
def _phrases_at(codes: Codes, first: int, last: int, position: int, pair: int) -> int:
    """Bits of those phrases in ``first:last`` whose ``pair`` of letters ends at ``position``."""
    found = 0
    for number in range(_GROUPS[pair], _GROUPS[pair + 1]):
        begin = position - _PLACES[number]
        phrase = _STARTS[number]
        size = _STARTS[number + 1] - phrase
        if begin < first or begin + size > last:
            continue
        same = 0
        while same < size and _lower(codes[begin + same]) == _CODES[phrase + same]:
            same += 1
        if same == size:
            found |= _FOUND[number]
    return found


@inner
def _line(codes: Codes, first: int, last: int, classes: Classes) -> tuple[int, int, int, int, int]:
    """The line that begins at ``first``, of a text up to ``last``.

    Returns:
        Where the next line begins; where this one does, and ends, stripped; its words; bits
        of the phrases in it.
    """
    words, found, before, position = 0, 0, SPACE, last
    for place in range(np.uint64(first), np.uint64(last)):  # unsigned: never counted from the end
        kind = int(classes[codes[place]])
        words += before & ~kind & SPACE
        pairs = (before >> FIRST) & (kind >> SECOND) & PAIR_BITS
        before = kind
        if kind & (BREAK | BRACKET) or pairs:
            here = int(np.int64(place))  # int alone leaves it unsigned
            if kind & BREAK:
                position = here
                break
            if kind & BRACKET:
                found |= HAS_CURLY if codes[place] == CURLY else HAS_SQUARE
            for pair in range(len(_GROUPS) - 1):
                if pairs >> pair & 1:
                    found |= _phrases_at(codes, first, last, here, pair)
    begin, stop = first, position
    while begin < stop and classes[codes[begin]] & SPACE:
        begin += 1
    while stop > begin and classes[codes[stop - 1]] & SPACE:
        stop -= 1
    following = position
    if position < last:
        following += 1
        if codes[position] == RETURN and following < last and codes[following] == LINE_FEED:
            following += 1
    return following, begin, stop, words, found


@inner
def _has_long_word(codes: Codes, begin: int, stop: int, classes: Classes) -> bool:
    if stop - begin <= MAX_WORD_CHARACTERS:
        return False
    length = 0
    for position in range(begin, stop):
        length = 0 if classes[codes[position]] & SPACE else length + 1
        if length > MAX_WORD_CHARACTERS:
            return True
    return False


@inner
def _citation(codes: Codes, position: int, last: int, classes: Classes) -> int:
    """The length of the citation whose bracket stands at ``position``; 0 if it is none."""
    behind = position + 1
    while behind < last and classes[codes[behind]] & DIGIT:
        behind += 1
    if behind < last and codes[behind] == CLOSING_SQUARE:
        return behind + 1 - position
    for number in range(len(_BRACKETED_STARTS) - 1):
        start = _BRACKETED_STARTS[number]
        size = int(_BRACKETED_STARTS[number + 1] - start)
        same = 0
        while (
            same < size
            and position + same < last
            and codes[position + same] == _BRACKETED[start + same]
        ):
            same += 1
        if same == size:
            return size
    return 0


@inner
def _copy_without_citations(
    codes: Codes, begin: int, stop: int, classes: Classes, made: Codes, end: int
) -> int:
    """Put ``codes[begin:stop]`` into ``made`` at ``end``; where it ends there."""
    position = begin
    while position < stop:
        size = 0
        if codes[position] == SQUARE:
            size = _citation(codes, position, stop, classes)
        if size:
            position += size
        else:
            made[end] = codes[position]
            end += 1
            position += 1
    return end


@inner
def _end_mark(codes: Codes, begin: int, stop: int) -> int:
    """The bit of the mark that ``codes[begin:stop]`` ends in."""
    if stop == begin:
        return 0
    last = codes[stop - 1]
    if last == DOT:
        dots = stop - begin >= 3 and codes[stop - 2] == last and codes[stop - 3] == last
        return 0 if dots else PLAIN_END
    if last in (QUESTION, EXCLAMATION, QUOTE):
        return PLAIN_END
    return APOSTROPHE_END if last == APOSTROPHE else 0


@kernel
def read_lines(codes: Codes, text_starts: Indices, classes: Classes, min_words: int) -> Lines:
    """The lines of ``min_words`` at least."""
    # A word takes a character, and one behind it.
    room = len(codes) // max(2 * min_words, 1) + len(text_starts)
    firsts = np.zeros(len(text_starts), np.int64)
    numbers = np.empty(room, np.int64)
    starts = np.empty(room, np.int64)
    ends = np.empty(room, np.int64)
    words = np.empty(room, np.int32)
    clean_words = np.empty(room, np.int32)
    bits = np.empty(room, np.uint16)
    cited = np.empty(len(codes), np.uint32)
    cited_starts = np.zeros(len(codes) // 2 + 2, np.int64)
    lines, cleaned = 0, 0
    for text in range(len(text_starts) - 1):
        position, last = text_starts[text], text_starts[text + 1]
        number, following = 0, 0
        while position < last:
            number += following
            position, begin, stop, count, found = _line(codes, position, last, classes)
            following = 1 if codes[position - 1] == LINE_FEED else 0
            if count < min_words:
                continue
            numbers[lines], starts[lines], ends[lines] = number, begin, stop
            words[lines], clean_words[lines] = count, count
            is_long = _has_long_word(codes, begin, stop, classes)
            source, is_cited = codes, False  # one variable: what takes it is compiled once
            if found & HAS_SQUARE:
                first = cited_starts[cleaned]
                end = _copy_without_citations(codes, begin, stop, classes, cited, first)
                if end - first < stop - begin:
                    cleaned += 1
                    cited_starts[cleaned] = end
                    source, begin, stop, is_cited = cited, first, end, True
            if is_cited:
                _, _, _, count, found = _line(source, begin, stop, classes)
                clean_words[lines] = count
                found |= IS_CITED
            mark = _end_mark(source, begin, stop)
            bits[lines] = found | mark | (HAS_LONG_WORD if is_long else 0)
            lines += 1
        firsts[text + 1] = lines
    return Lines(
        firsts,
        numbers[:lines],
        starts[:lines],
        ends[:lines],
        words[:lines],
        clean_words[:lines],
        bits[:lines],
        cited[: cited_starts[cleaned]].copy(),  # it is kept: what is behind it is not
        cited_starts[: cleaned + 1].copy(),
    )


@kernel
def count_sentences(
    lines: Indices, stops: Indices, starts: Indices, flags: NDArray[np.uint8], bits: Bits
) -> Indices:
    """The sentences of the words between ``lines`` and ``stops``, which are in order.

    As spaCy: behind an end mark, a word that is no punctuation begins a new sentence, and so does
    any that more than a space stands before.
    """
    end_mark, punctuation, after_break = bits
    counts = np.zeros(len(lines), np.int64)
    word = 0
    for line in range(len(lines)):
        while word < len(starts) and starts[word] < lines[line]:
            word += 1
        begins, ended = True, False
        while word < len(starts) and starts[word] < stops[line]:
            flag = flags[word]
            if begins or (ended and flag & after_break):
                counts[line] += 1
                begins, ended = False, False
            if flag & end_mark:
                ended = True
            elif ended and not flag & punctuation:
                counts[line] += 1
                ended = False
            word += 1
    return counts


@kernel
def utf8_bytes(codes: Codes, starts: Indices, ends: Indices) -> int:
    """The size of those stretches of a text in UTF-8."""
    size = 0
    for line in range(len(starts)):
        for position in range(np.uint64(starts[line]), np.uint64(ends[line])):
            code = codes[position]
            size += 1 + (code > 0x7F) + (code > 0x7FF) + (code > 0xFFFF)
    return size


@kernel
def join_lines(
    codes: Codes, lines: Lines, kept: NDArray[np.bool_], classes: Classes
) -> tuple[Codes, Indices, Indices, Indices]:
    """The ``kept`` lines of each text without citations, parted by line feeds and stripped.

    Returns:
        Code points, where each text begins, which lines are each text's, and their numbers.
    """
    made = np.empty(len(codes), np.uint32)
    starts = np.zeros(len(lines.firsts), np.int64)
    firsts = np.zeros(len(lines.firsts), np.int64)
    numbers = np.empty(len(kept), np.int64)
    end, count, cleaned = 0, 0, 0
    for text in range(len(starts) - 1):
        for line in range(lines.firsts[text], lines.firsts[text + 1]):
            source, begin, stop = codes, lines.starts[line], lines.ends[line]
            if lines.bits[line] & IS_CITED:
                source = lines.cited
                begin, stop = lines.cited_starts[cleaned], lines.cited_starts[cleaned + 1]
                cleaned += 1
            if not kept[line]:
                continue
            if end > starts[text]:
                made[end] = LINE_FEED
                end += 1
            else:
                while begin < stop and classes[source[begin]] & SPACE:
                    begin += 1
                if begin == stop:
                    continue
            target = np.uint64(end)
            for position in range(np.uint64(begin), np.uint64(stop)):
                made[target] = source[position]
                target += np.uint64(1)
            end += stop - begin
            numbers[count] = lines.numbers[line]
            count += 1
        while end > starts[text] and classes[made[end - 1]] & SPACE:
            end -= 1
            count -= made[end] == LINE_FEED
        starts[text + 1], firsts[text + 1] = end, count
    return made[:end], starts, firsts, numbers[:count].copy()
