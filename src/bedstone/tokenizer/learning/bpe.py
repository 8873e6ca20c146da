"""Byte pair encoding learnt from counted pieces of text: which pairs are merged, in which order.

At each step a language is chosen, and in it the most frequent pair of neighbouring symbols, which
becomes a symbol of its own in the text of every language. Of equally frequent pairs the one with
the smaller numbers is taken, the left one's first. With one language this is plain BPE.

Counts are kept by pair and language and change only where a merge happens. A pair's count never
grows once the merge that made its younger symbol is over, so a language's candidates stand in a
heap by a count that may be too high, and are put right when they come to its top.

Source: Sennrich et al. 2016, arXiv:1508.07909; ties as in Hugging Face tokenizers 0.23,
``BpeTrainer``. The choice of the language: Foroutan et al. 2025, arXiv:2508.04796, and their
``parity_aware_learn_bpe.py``. Differs: a language without a pair to merge is left out from there
on, where theirs stops; if the window passes over every language, the worst is chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from bedstone.text.kernel import inner, kernel

Symbols = NDArray[np.int32]
Numbers = NDArray[np.int64]
Spelling = TypeVar("Spelling", str, bytes)

SYMBOL_BITS = 21
LANGUAGE_BITS = 16
KEY, COUNT, FIRST, WIDTH = 0, 1, 2, 4
"""A row of the table of pairs: its key plus one, or 0 in a free row; how often it occurs; the
first of the words with it in the list of occurrences, or -1. A row is half a cache line."""
LISTED, MADE, KEYS = 0, 1, 2
FACTOR = 0x9E3779B97F4A7C15
SMALLEST_TABLE_BITS = 10


class Words(NamedTuple):
    """Pieces of text, cut into symbols; no merge goes beyond a piece."""

    symbols: Symbols
    """Of one word after the other."""
    starts: Numbers
    """One more than words."""
    languages: Symbols
    """Of each word; a piece of several languages is several words."""
    counts: Numbers
    """Occurrences to learn from."""
    development: Numbers
    """Occurrences that the language's compression is measured on."""

    @property
    def lengths(self) -> Symbols:
        """Of each word, in symbols."""
        return np.diff(self.starts).astype(np.int32)


class Lists(NamedTuple):
    """In which words each pair occurs, and the pairs that were just made."""

    words: Symbols
    nexts: Symbols
    """The next occurrence of the same pair, or -1."""
    made: Numbers
    """Keys."""
    used: Numbers
    """How much: ``LISTED`` of the first two, ``MADE`` of the third, ``KEYS`` of the table."""


class Heaps(NamedTuple):
    """Of each language, its pairs: the most frequent first, of equals the one with the least key.

    Each has its own part of the arrays.
    """

    counts: Numbers
    """As they were: never too low."""
    keys: Numbers
    bases: Numbers
    sizes: Numbers


@dataclass(frozen=True, slots=True)
class Choice:
    """How the language is chosen: the one with the most tokens for its content."""

    content: NDArray[np.float64]
    """Of the development text, by language; more than 0."""
    window: int = 0
    """The last merges that are looked back on; 0 is none."""
    most: float = 0.0
    """A language that was chosen more often among those is passed over."""


PLAIN = Choice(np.ones(1))


@dataclass(frozen=True, slots=True)
class Learnt:
    """Merges in their order, and what the words are after them."""

    pairs: Symbols
    """Left and right symbol of each merge."""
    chosen: Symbols
    """By merge, the language that chose it."""
    words: Words


def learn(
    words: Words, first: int, merges: int, min_frequency: int = 2, choice: Choice = PLAIN
) -> Learnt:
    """The next ``merges`` merges, fewer if no pair occurs ``min_frequency`` times in a language.

    Args:
        words: as they are after earlier merges; not changed.
        first: the number of the symbol that the first of these merges makes.
        merges: how many.
        min_frequency: at least 1.
        choice: of as many languages as the words have.
    """
    assert first + merges < 1 << SYMBOL_BITS
    assert len(choice.content) < 1 << LANGUAGE_BITS
    symbols, lengths = words.symbols.copy(), words.lengths
    pairs, chosen = _learn(
        words._replace(symbols=symbols),
        lengths,
        choice.content,
        (first, merges, min_frequency, choice.window),
        choice.most,
    )
    left = _compact(symbols, words.starts[:-1], lengths)
    return Learnt(pairs, chosen, words._replace(symbols=left, starts=_starts(lengths)))


def taken(words: Words, numbers: Numbers) -> tuple[Symbols, Numbers]:
    """Symbols and starts of the words with these ``numbers``, in that order."""
    lengths = words.lengths[numbers]
    return _compact(words.symbols, words.starts[numbers], lengths), _starts(lengths)


def spelt(pairs: Symbols, alphabet: Sequence[Spelling]) -> list[Spelling]:
    """What each symbol stands for: those of the ``alphabet`` first, then those of the merges."""
    texts = list(alphabet)
    for left, right in pairs.tolist():
        texts.append(texts[left] + texts[right])
    return texts


def _starts(lengths: Symbols) -> Numbers:
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)))


def _compact(symbols: Symbols, starts: Numbers, lengths: Symbols) -> Symbols:
    ends = np.cumsum(lengths, dtype=np.int64)
    places = np.repeat(starts - ends + lengths, lengths) + np.arange(lengths.sum(dtype=np.int64))
    left: Symbols = symbols[places]
    return left


@kernel
def _learn(
    words: Words,
    lengths: Symbols,
    content: NDArray[np.float64],
    limits: tuple[int, int, int, int],
    most: float,
) -> tuple[Symbols, Symbols]:
    """Merge in place: the words' symbols keep their starts, ``lengths`` shrink."""
    first, merges, min_frequency, window = limits
    n_languages = len(content)
    tokens = np.zeros(n_languages, np.int64)
    # A merge takes one neighbourhood away and makes two at most, so that lists never grow.
    room = np.zeros(n_languages + 1, np.int64)
    for word in range(len(lengths)):
        room[words.languages[word] + 1] += 3 * max(lengths[word] - 1, 0)
        tokens[words.languages[word]] += words.development[word] * lengths[word]
    bases = np.cumsum(room)
    total = bases[-1]
    heaps = Heaps(
        np.empty(total, np.int64), np.empty(total, np.int64), bases, np.zeros(n_languages, np.int64)
    )
    lists = Lists(
        np.empty(total, np.int32),
        np.empty(total, np.int32),
        np.empty(total, np.int64),
        np.zeros(3, np.int64),
    )
    table = np.zeros((1 << SMALLEST_TABLE_BITS, WIDTH), np.int64)
    for word in range(len(lengths)):
        table = _with_room(table, lists.used[KEYS] + lengths[word])
        _add_word(table, lists, words, word, lengths[word])
    _push(table, lists, heaps, min_frequency)

    pairs, chosen = np.empty((merges, 2), np.int32), np.empty(merges, np.int32)
    is_open = np.ones(n_languages, np.bool_)
    recent = np.zeros(n_languages, np.int64)
    done = 0
    while done < merges:
        language = _worst(tokens, content, is_open, recent, most if window else np.inf)
        if language < 0:
            break
        key = _best(table, heaps, language, min_frequency)
        if key < 0:
            is_open[language] = False
            continue
        left, right = _symbols_of(key)
        pairs[done, 0], pairs[done, 1], chosen[done] = left, right, language
        if window:
            recent[language] += 1
            if done >= window:
                recent[chosen[done - window]] -= 1
        lists.used[MADE] = 0
        for each in range(n_languages):
            at = _taken_off(table, _key(left, right, each))
            while at >= 0:
                word, at = lists.words[at], lists.nexts[at]
                length = lengths[word]
                table = _with_room(table, lists.used[KEYS] + 2 * length)
                lengths[word] = _merge(
                    table, lists, words, word, length, (left, right, first + done)
                )
                tokens[each] -= words.development[word] * (length - lengths[word])
        _push(table, lists, heaps, min_frequency)
        done += 1
    return pairs[:done], chosen[:done]


@inner
def _add_word(table: Numbers, lists: Lists, words: Words, word: int, length: int) -> None:
    start = words.starts[word]
    for place in range(start, start + length - 1):
        key = _key(words.symbols[place], words.symbols[place + 1], words.languages[word])
        _add(table, lists, key, words.counts[word], word)


@inner
def _merge(
    table: Numbers,
    lists: Lists,
    words: Words,
    word: int,
    length: int,
    merge: tuple[int, int, int],
) -> int:
    """Merge the pair in ``word``, and count its neighbours anew; the length that is left."""
    left, right, made = merge
    symbols, count, language = words.symbols, words.counts[word], words.languages[word]
    start = words.starts[word]
    read, written, end = start, start, start + length
    while read < end:
        if read + 1 == end or symbols[read] != left or symbols[read + 1] != right:
            symbols[written] = symbols[read]
            read, written = read + 1, written + 1
            continue
        if written > start:
            before = symbols[written - 1]
            _take(table, _key(before, left, language), count)
            _add(table, lists, _key(before, made, language), count, word)
        if read + 2 < end:
            after = symbols[read + 2]
            _take(table, _key(right, after, language), count)
            _add(table, lists, _key(made, after, language), count, word)
        symbols[written] = made
        read, written = read + 2, written + 1
    return int(written - start)


@inner
def _key(left: int, right: int, language: int) -> int:
    """Of two pairs of a language, the one with the smaller symbols has the smaller key."""
    pair = (np.int64(left) << SYMBOL_BITS) | np.int64(right)
    return int((pair << LANGUAGE_BITS) | np.int64(language))


@inner
def _symbols_of(key: int) -> tuple[int, int]:
    pair = key >> LANGUAGE_BITS
    return pair >> SYMBOL_BITS, pair & ((1 << SYMBOL_BITS) - 1)


@inner
def _row(table: Numbers, key: int) -> int:
    """The row of ``key``, or the free one where it belongs."""
    mask = len(table) - 1
    row = int(np.int64((np.uint64(key) * np.uint64(FACTOR)) >> np.uint64(32))) & mask
    while table[row, KEY] not in (0, key + 1):
        row = (row + 1) & mask
    return row


@inner
def _add(table: Numbers, lists: Lists, key: int, count: int, word: int) -> None:
    """Count an occurrence in ``word``, which is listed once."""
    row = _row(table, key)
    if table[row, KEY] == 0:
        table[row, KEY], table[row, FIRST] = key + 1, -1
        lists.made[lists.used[MADE]] = key
        lists.used[MADE] += 1
        lists.used[KEYS] += 1
    table[row, COUNT] += count
    at = table[row, FIRST]
    if at < 0 or lists.words[at] != word:
        place = lists.used[LISTED]
        lists.words[place], lists.nexts[place] = word, at
        table[row, FIRST] = place
        lists.used[LISTED] += 1


@inner
def _take(table: Numbers, key: int, count: int) -> None:
    if count:
        table[_row(table, key), COUNT] -= count


@inner
def _taken_off(table: Numbers, key: int) -> int:
    """Forget a pair that is merged: the first of the occurrences it had, or -1."""
    row = _row(table, key)
    if table[row, KEY] == 0:
        return -1
    at: int = table[row, FIRST]
    table[row, FIRST], table[row, COUNT] = -1, 0
    return at


@kernel
def _with_room(table: Numbers, n_keys: int) -> Numbers:
    """The table, or if ``n_keys`` would fill more than half of it, a larger one."""
    if 2 * n_keys <= len(table):
        return table
    return _grown(table, n_keys)


@kernel
def _grown(table: Numbers, n_keys: int) -> Numbers:
    """The same rows in a table that is at most a quarter full."""
    size = len(table)
    while size < 4 * n_keys:
        size *= 2
    grown = np.zeros((size, WIDTH), np.int64)
    for row in range(len(table)):
        if table[row, KEY]:
            grown[_row(grown, table[row, KEY] - 1)] = table[row]
    return grown


@inner
def _worst(
    tokens: Numbers,
    content: NDArray[np.float64],
    is_open: NDArray[np.bool_],
    recent: Numbers,
    most: float,
) -> int:
    """The open language with the most tokens for its content, or -1; of equals, the first."""
    worst, worst_any = -1, -1
    rate, rate_any = -1.0, -1.0
    for language in range(len(tokens)):
        if is_open[language]:
            own = tokens[language] / content[language]
            if own > rate_any:
                worst_any, rate_any = language, own
            if own > rate and recent[language] <= most:
                worst, rate = language, own
    return worst if worst >= 0 else worst_any


@inner
def _best(table: Numbers, heaps: Heaps, language: int, min_frequency: int) -> int:
    """Take the language's most frequent pair off its heap; -1 if there is none."""
    base = heaps.bases[language]
    while heaps.sizes[language]:
        count: int = heaps.counts[base]
        key: int = heaps.keys[base]
        now = table[_row(table, key), COUNT]
        if now == count or now < min_frequency:
            heaps.sizes[language] -= 1
            last = base + heaps.sizes[language]
            _sink(heaps, language, heaps.counts[last], heaps.keys[last])
            if now == count:
                return key
        else:
            _sink(heaps, language, now, key)
    return -1


@inner
def _sink(heaps: Heaps, language: int, count: int, key: int) -> None:
    """Put a pair where the heap's first was, and down to its place."""
    base, size = heaps.bases[language], heaps.sizes[language]
    at = 0
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and _is_before(heaps, base + child + 1, base + child):
            child += 1
        below = base + child
        if not _precedes(heaps.counts[below], heaps.keys[below], count, key):
            break
        heaps.counts[base + at], heaps.keys[base + at] = heaps.counts[below], heaps.keys[below]
        at = child
    if size:
        heaps.counts[base + at], heaps.keys[base + at] = count, key


@inner
def _push(table: Numbers, lists: Lists, heaps: Heaps, min_frequency: int) -> None:
    """Put the pairs just made that occur often enough on their languages' heaps."""
    for key in lists.made[: lists.used[MADE]]:
        count = table[_row(table, key), COUNT]
        if count < min_frequency:
            continue
        language = key & ((1 << LANGUAGE_BITS) - 1)
        base, at = heaps.bases[language], heaps.sizes[language]
        heaps.sizes[language] += 1
        while at:
            above = base + (at - 1) // 2
            if not _precedes(count, key, heaps.counts[above], heaps.keys[above]):
                break
            heaps.counts[base + at], heaps.keys[base + at] = heaps.counts[above], heaps.keys[above]
            at = above - base
        heaps.counts[base + at], heaps.keys[base + at] = count, key


@inner
def _is_before(heaps: Heaps, one: int, other: int) -> bool:
    return _precedes(heaps.counts[one], heaps.keys[one], heaps.counts[other], heaps.keys[other])


@inner
def _precedes(count: int, key: int, other_count: int, other_key: int) -> bool:
    return bool(count > other_count or (count == other_count and key < other_key))
