r"""Counts of a text's characters, lines and words, that the quality rules are made of.

Lines are of two kinds: those that ``str.splitlines`` finds, by all of Unicode's line ends, and
those that ``\n`` alone ends. A share is 0 for a text that has nothing to take a share of; the
length of the words has no value where letters of scripts without spaces prevail.

Source: Rae et al. 2021 (Gopher), arXiv:2112.11446, appendix A.1.1; Penedo et al. 2024 (FineWeb),
arXiv:2406.17557, section 3.6; datatrove 0.10 and dolma 1.2 for what exactly is counted.
"""

import numpy as np
from numpy.typing import NDArray

from bedstone.corpus.rules.stop_words import StopWords
from bedstone.text.characters import IS_SPACE, IS_TERMINAL, flag_table
from bedstone.text.codes import Codes, Indices, Texts
from bedstone.text.hashing import Bools, Hashes, Values, share
from bedstone.text.kernel import ZERO, inner, kernel
from bedstone.text.words import ALPHABETIC, SYMBOL, UNSPACED, Words

SHORT_LINE_CHARACTERS = 30
"""FineWeb's: a line of so many or fewer is short."""

NEWLINE, RETURN = 0x0A, 0x0D
HASH, DOT, ELLIPSIS = 0x23, 0x2E, 0x2026
BULLET, HYPHEN, STAR = 0x2022, 0x2D, 0x2A
LINE_ENDS = (0x0A, 0x0B, 0x0C, 0x0D, 0x1C, 0x1D, 0x1E, 0x85, 0x2028, 0x2029)
"""Source: ``str.splitlines`` of Python."""
NOWHERE = ZERO - 1
CODES_LOOKED_AT = max(LINE_ENDS) + 1

LINES = (
    "text_bytes",
    "hashes",
    "ellipses",
    "line_count",
    "bullet_lines",
    "ellipsis_lines",
    "newline_lines",
    "dolma_bullet_lines",
    "dolma_ellipsis_lines",
    "nonblank_line_count",
    "terminal_lines",
    "short_lines",
    "symbol_words",
)
WORDS = (
    "tokens",
    "words",
    "measured",
    "characters",
    "alphabetic",
    "stop_words",
    "stop_word_occurrences",
    "median_length",
)

Flags = NDArray[np.uint16]
Counts = dict[str, Values]


def line_counts(texts: Texts) -> Counts:
    """Of each text, by the names ``LINES``.

    ``symbol_words``: between white space, with a hash or an ellipsis of one character.
    """
    found = np.zeros((len(texts), len(LINES)), np.float64)
    is_looked_at = np.zeros(CODES_LOOKED_AT, np.bool_)
    is_looked_at[[*LINE_ENDS, HASH, DOT, ELLIPSIS]] = True
    _lines(texts.codes, texts.starts, flag_table(), is_looked_at, found)
    return dict(zip(LINES, found.T, strict=True))


def word_counts(
    words: Words, lists: StopWords, list_numbers: Indices, *, symbols_are_words: bool
) -> Counts:
    """Of each text, by the names ``WORDS``.

    ``words`` and ``tokens`` differ by the symbols, unless ``symbols_are_words``; ``measured`` are
    the words written with spaces, and ``characters`` and ``median_length`` are theirs.
    """
    found = np.zeros((len(list_numbers), len(WORDS)), np.float64)
    seen_in = np.full(len(lists.slots), NOWHERE)
    _words(
        words.firsts,
        words.starts,
        words.ends,
        words.hashes,
        words.weights,
        words.flags,
        symbols_are_words,
        list_numbers,
        lists.bounds,
        lists.slots,
        seen_in,
        found,
    )
    return dict(zip(WORDS, found.T, strict=True))


def mean_length(counts: Counts) -> Values:
    """Characters a word; not a number where words without spaces prevail."""
    return unless_unspaced(counts, share(counts["characters"], counts["measured"]))


def median_length(counts: Counts) -> Values:
    """As ``mean_length``, the median of the words' lengths."""
    return unless_unspaced(counts, counts["median_length"])


def unless_unspaced(counts: Counts, values: Values) -> Values:
    """``values``; not a number where words without spaces prevail."""
    return np.where(counts["words"] > 2 * counts["measured"], np.nan, values)


@inner
def _byte_count(codes: Codes) -> int:
    """Of the text in UTF-8."""
    count = len(codes)
    for code in codes:
        count += (code >= 0x80) + (code >= 0x800) + (code >= 0x10000)
    return count


@inner
def _is_alone(codes: Codes, last: int, position: int, flags: Flags) -> bool:
    """Whether white space stands between the symbols at ``last``, if any, and at ``position``."""
    if last == NOWHERE:
        return True
    between = last + 1
    while between < position and not flags[codes[between]] & IS_SPACE:
        between += 1
    return between < position


@inner
def _first_visible(codes: Codes, low: int, high: int, flags: Flags) -> int:
    """Where the white space at the front of a line ends."""
    while low < high and flags[codes[low]] & IS_SPACE:
        low += 1
    return low


@inner
def _ends_in_ellipsis(codes: Codes, low: int, high: int, flags: Flags) -> bool:
    """Whether a line does, whatever white space stands behind."""
    while low < high and flags[codes[high - 1]] & IS_SPACE:
        high -= 1
    dots = 0
    while low < high - dots and codes[high - 1 - dots] == DOT and dots < 3:
        dots += 1
    return dots == 3 or (low < high and bool(codes[high - 1] == ELLIPSIS))


@kernel
def _lines(
    all_codes: Codes, starts: Indices, flags: Flags, is_looked_at: Bools, found: Values
) -> None:
    for text in range(len(found)):
        codes = all_codes[starts[text] : starts[text + 1]]
        hashes, ellipses, dots, last_dot = 0, 0, 0, -2
        symbol_words, last_symbol = 0, NOWHERE
        lines, bullets, ends_in_ellipsis, line = 0, 0, 0, ZERO
        newline_lines, stars, dolma_ends, row = 0, 0, 0, ZERO
        visible_rows, terminal, short = 0, 0, 0
        for position in range(len(codes) + 1):
            # 1. Symbols. The end of the text ends a line of either kind.
            code = np.uint32(NEWLINE)
            if position < len(codes):
                code = codes[position]
                if code >= CODES_LOOKED_AT or not is_looked_at[code]:
                    continue
                if code == DOT:
                    dots = dots + 1 if last_dot == position - 1 else 1
                    last_dot = position
                    if dots == 3:
                        ellipses += 1
                        dots = 0
                    continue
                if code in (HASH, ELLIPSIS):
                    hashes += code == HASH
                    ellipses += code == ELLIPSIS
                    symbol_words += _is_alone(codes, last_symbol, position, flags)
                    last_symbol = position
                    continue

            # 2. A line of str.splitlines; it has none behind the last line end.
            is_pair = code == NEWLINE and position and codes[position - 1] == RETURN
            if line < len(codes) and not (is_pair and position == line):
                first = _first_visible(codes, line, position, flags)
                lines += 1
                bullets += first < position and (codes[first] == BULLET or codes[first] == HYPHEN)
                ends_in_ellipsis += _ends_in_ellipsis(codes, first, position, flags)
            line = position + 1

            # 3. A line of str.split("\n"), white space and all.
            if code != NEWLINE:
                continue
            newline_lines += 1
            if row < position:
                stars += codes[row] == STAR or codes[row] == HYPHEN
                dolma_ends += codes[position - 1] == ELLIPSIS
                if _first_visible(codes, row, position, flags) < position:
                    visible_rows += 1
                    terminal += (flags[codes[position - 1]] & IS_TERMINAL) != 0
                    short += position - row <= SHORT_LINE_CHARACTERS
            row = position + 1
        values = found[text]
        values[0], values[1], values[2] = _byte_count(codes), hashes, ellipses
        values[3], values[4], values[5] = lines, bullets, ends_in_ellipsis
        values[6], values[7], values[8] = newline_lines, stars, dolma_ends
        values[9], values[10], values[11] = visible_rows, terminal, short
        values[12] = symbol_words


@inner
def _not_longer(starts: Indices, ends: Indices, flags: NDArray[np.uint8], length: int) -> int:
    """How many of the words written with spaces have ``length`` characters or fewer."""
    count = 0
    for word in range(len(starts)):
        is_short = ends[word] - starts[word] <= length
        count += is_short & ((flags[word] & UNSPACED) == 0)
    return count


@inner
def _median(
    starts: Indices, ends: Indices, flags: NDArray[np.uint8], count: int, longest: int
) -> float:
    """The middle length of ``count`` words written with spaces, found by halving its range."""
    low, high = 0, longest
    while low < high:
        middle = (low + high) // 2
        if 2 * _not_longer(starts, ends, flags, middle) >= count:
            high = middle
        else:
            low = middle + 1
    if 2 * _not_longer(starts, ends, flags, low) > count:
        return np.float64(low)
    following = longest
    for word in range(len(starts)):
        length = ends[word] - starts[word]
        if length > low and not flags[word] & UNSPACED:
            following = min(following, length)
    return (low + following) / 2


@kernel
def _words(
    word_firsts: Indices,
    word_starts: Indices,
    word_ends: Indices,
    hashes: Hashes,
    weights: Values,
    flags: NDArray[np.uint8],
    symbols_are_words: bool,  # noqa: FBT001 - a kernel has no keywords
    list_numbers: Indices,
    bounds: Indices,
    slots: Hashes,
    seen_in: Indices,
    found: Values,
) -> None:
    for text in range(len(found)):
        first, last = word_firsts[text], word_firsts[text + 1]
        tokens, words, alphabetic = 0.0, 0.0, 0.0
        measured, characters, longest = ZERO, 0, ZERO
        for word in range(first, last):
            flag, weight = flags[word], weights[word]
            tokens += weight
            alphabetic += weight * np.float64((flag & ALPHABETIC) != 0)
            is_word = int(symbols_are_words or (flag & SYMBOL) == 0)
            words += weight * is_word
            is_measured = is_word & int((flag & UNSPACED) == 0)
            length = int(word_ends[word] - word_starts[word]) * is_measured
            measured += is_measured
            characters += length
            longest = max(longest, length)

        stop_words, occurrences = 0, 0
        if list_numbers[text] >= 0:
            base = bounds[list_numbers[text]]
            mask = bounds[list_numbers[text] + 1] - base - 1
            for word in range(first, last):
                slot = np.int64(hashes[word] & np.uint64(mask))
                while slots[base + slot] and slots[base + slot] != hashes[word]:
                    slot = (slot + 1) & mask
                if slots[base + slot]:
                    occurrences += 1
                    stop_words += seen_in[base + slot] != text
                    seen_in[base + slot] = text

        median = 0.0
        if symbols_are_words and measured:
            median = _median(
                word_starts[first:last],
                word_ends[first:last],
                flags[first:last],
                measured,
                longest,
            )
        values = found[text]
        values[0], values[1], values[2], values[3] = tokens, words, measured, characters
        values[4], values[5], values[6] = alphabetic, stop_words, occurrences
        values[7] = median
