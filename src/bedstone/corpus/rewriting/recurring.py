"""Lines and sentences of texts, numbered by what they say, and texts without some of them.

A unit is a line that is not blank (lines are parted by line feeds) without the white space around
it, or a sentence on one. Units that differ in case only have the same number.

Source: tensorflow_datasets c4 3.0.1, ``remove_duplicate_text``, for what makes lines equal.
Differs: blank lines are no units, so that paragraphs stay apart; numbers have 64 bits, and lower
case is that of single characters.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from bedstone.text.characters import IS_SPACE, flag_table, lower_table
from bedstone.text.codes import Codes, Indices, Rewritten, Texts
from bedstone.text.kernel import inner, kernel
from bedstone.text.words import AFTER_BREAK, IS_PUNCTUATION, SENTENCE_END, words_of

Hashes = NDArray[np.uint64]
Flags = NDArray[np.uint8]
Bits = tuple[np.uint8, np.uint8, np.uint8]

LINE_FEED = 0x0A
SEED = np.uint64(0x243F6A8885A308D3)
FACTOR = np.uint64(0x9E3779B97F4A7C15)
_BITS = (np.uint8(SENTENCE_END), np.uint8(IS_PUNCTUATION), np.uint8(AFTER_BREAK))


@dataclass(frozen=True, slots=True)
class Units:
    """The lines or sentences of several texts, in their order."""

    firsts: Indices
    """One more than there are texts: text ``i`` has the units ``firsts[i]:firsts[i + 1]``."""
    starts: Indices
    """Positions in ``Texts.codes``."""
    ends: Indices
    """Behind the last character."""
    numbers: Hashes
    """Equal for equal units."""


def lines_of(texts: Texts) -> Units:
    """The lines of each text that are not blank."""
    found = _find_lines(texts.codes, texts.starts, _space_table())
    return _numbered(texts, *found)


def sentences_of(texts: Texts) -> Units:
    """The sentences of each text: behind an end mark the next one begins, and so does each line.

    A line without words has none.
    """
    words = words_of(texts)
    found = _find_sentences(texts.codes, words.firsts, words.starts, words.ends, words.flags, _BITS)
    return _numbered(texts, *found)


def span_numbers(units: Units, size: int) -> tuple[Hashes, Indices]:
    """A number for each span of ``size`` units of one text, and where each text's spans begin.

    A span has the place of its first unit among those of its text; equal spans have equal numbers.
    """
    counts = np.maximum(np.diff(units.firsts) - size + 1, 0)
    firsts = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
    return _spans(units.numbers, units.firsts, firsts, size), firsts


def repeated(
    numbers: Hashes,
    ranks: Hashes,
    documents: Indices,
    places: Indices,
    size: int,
) -> tuple[Indices, Indices]:
    """The units to leave out so that no number occurs twice: their documents and places.

    Spans overlap: where a copy stays, another span may take some of its units, so that it occurs
    nowhere. Each unit still occurs somewhere.

    Args:
        numbers: of each line or span.
        ranks: of its document; in the one with the least rank it stays.
        documents: in which it stands.
        places: of its first unit in there.
        size: the units of a span; those that the copy that stays has too stay with it.
    """
    order = np.argsort(numbers)
    is_same = numbers[order][1:] == numbers[order][:-1]
    order = order[np.append(is_same, [False]) | np.append([False], is_same)[: len(order)]]
    order = order[np.lexsort((places[order], documents[order], ranks[order], numbers[order]))]
    numbers, documents, places = numbers[order], documents[order], places[order]
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = numbers[1:] != numbers[:-1]
    stays = np.flatnonzero(is_first)[np.cumsum(is_first) - 1]
    again = np.flatnonzero(~is_first)
    found_documents, found_places = [], []
    for unit in range(size):
        place = places[again] + unit
        is_own = (documents[again] == documents[stays[again]]) & (
            place < places[stays[again]] + size
        )
        found_documents.append(documents[again][~is_own])
        found_places.append(place[~is_own])
    return np.concatenate(found_documents), np.concatenate(found_places)


def without(texts: Texts, units: Units, left_out: NDArray[np.bool_]) -> Rewritten:
    """``texts`` without the units that are ``left_out``, and without the lines that they empty.

    A text that loses none stays as it is. Blank lines around a line that is gone become one.
    """
    codes, starts, firsts, lines = _without(
        texts.codes, texts.starts, units.firsts, units.starts, left_out, _space_table()
    )
    return Rewritten(Texts(codes, starts), firsts, lines, {})


def _numbered(texts: Texts, firsts: Indices, starts: Indices, ends: Indices) -> Units:
    return Units(firsts, starts, ends, _number(texts.codes, starts, ends, lower_table()))


@cache
def _space_table() -> NDArray[np.bool_]:
    return flag_table() & IS_SPACE > 0


@inner
def _spread(number: np.uint64) -> np.uint64:
    number = (number ^ (number >> np.uint64(32))) * FACTOR
    number = (number ^ (number >> np.uint64(29))) * SEED
    return number ^ (number >> np.uint64(32))


@kernel
def _number(codes: Codes, starts: Indices, ends: Indices, lower: Codes) -> Hashes:
    """A number for each stretch, the same for those that are equal in lower case."""
    numbers = np.empty(len(starts), np.uint64)
    for unit in range(len(starts)):
        number = SEED
        for position in range(starts[unit], ends[unit]):
            number = (number ^ np.uint64(lower[codes[position]])) * FACTOR
            number ^= number >> np.uint64(32)
        numbers[unit] = _spread(number)
    return numbers


@kernel
def _spans(numbers: Hashes, unit_firsts: Indices, span_firsts: Indices, size: int) -> Hashes:
    spans = np.empty(span_firsts[-1], np.uint64)
    for text in range(len(unit_firsts) - 1):
        for place in range(span_firsts[text + 1] - span_firsts[text]):
            number = SEED
            for unit in range(size):
                number = _spread(number * FACTOR + numbers[unit_firsts[text] + place + unit])
            spans[span_firsts[text] + place] = number
    return spans


@kernel
def _find_lines(
    codes: Codes, text_starts: Indices, spaces: NDArray[np.bool_]
) -> tuple[Indices, Indices, Indices]:
    """The lines that are not blank: which are each text's, and where each begins and ends."""
    firsts = np.zeros(len(text_starts), np.int64)
    starts = np.empty(len(codes), np.int64)
    ends = np.empty(len(codes), np.int64)
    count = 0
    for text in range(len(text_starts) - 1):
        start = -1
        for position in range(text_starts[text], text_starts[text + 1]):
            code = codes[position]
            if not spaces[code]:
                if start < 0:
                    start = position
                    starts[count] = start
                ends[count] = position + 1
            elif code == LINE_FEED and start >= 0:
                count += 1
                start = -1
        count += start >= 0
        firsts[text + 1] = count
    return firsts, starts[:count].copy(), ends[:count].copy()


@kernel
def _find_sentences(
    codes: Codes, firsts: Indices, starts: Indices, ends: Indices, flags: Flags, bits: Bits
) -> tuple[Indices, Indices, Indices]:
    """The sentences of each text, from their words: as ``_find_lines`` gives lines."""
    end_mark, punctuation, after_break = bits
    sentence_firsts = np.zeros(len(firsts), np.int64)
    sentence_starts = np.empty(len(starts), np.int64)
    sentence_ends = np.empty(len(starts), np.int64)
    count = 0
    for text in range(len(firsts) - 1):
        ended = False
        for word in range(firsts[text], firsts[text + 1]):
            flag = flags[word]
            begins = word == firsts[text]
            if not begins and flag & after_break:
                begins = ended
                for position in range(ends[word - 1], starts[word]):
                    begins |= codes[position] == LINE_FEED
            if ended and not flag & (end_mark | punctuation):
                begins = True
            if begins:
                sentence_starts[count] = starts[word]
                count += 1
                ended = False
            if flag & end_mark:
                ended = True
            sentence_ends[count - 1] = ends[word]
        sentence_firsts[text + 1] = count
    return sentence_firsts, sentence_starts[:count].copy(), sentence_ends[:count].copy()


@kernel
def _without(
    codes: Codes,
    text_starts: Indices,
    firsts: Indices,
    unit_starts: Indices,
    left_out: NDArray[np.bool_],
    spaces: NDArray[np.bool_],
) -> tuple[Codes, Indices, Indices, Indices]:
    """The texts left, where each begins, which lines are each text's, and what lines they were."""
    made = np.empty(len(codes), np.uint32)
    starts = np.zeros(len(text_starts), np.int64)
    line_firsts = np.zeros(len(text_starts), np.int64)
    numbers = np.empty(len(codes) + len(text_starts), np.int64)
    end, lines = 0, 0
    for text in range(len(text_starts) - 1):
        unit, last_unit = firsts[text], firsts[text + 1]
        position, last = text_starts[text], text_starts[text + 1]
        number, lost, after_blank = 0, False, True
        while True:
            stop = position
            while stop < last and codes[stop] != LINE_FEED:
                stop += 1
            first_unit = unit
            gone = 0
            while unit < last_unit and unit_starts[unit] < stop:
                gone += left_out[unit]
                unit += 1
            is_blank = unit == first_unit
            if gone and gone == unit - first_unit:
                lost = True
            elif not (is_blank and lost and after_blank):
                if lines > line_firsts[text]:
                    made[end] = LINE_FEED
                    end += 1
                for each in range(first_unit, unit):
                    if left_out[each]:
                        end = _copy(codes, position, unit_starts[each], made, end)
                        position = unit_starts[each + 1] if each + 1 < unit else stop
                end = _copy(codes, position, stop, made, end)
                while gone and spaces[made[end - 1]]:
                    end -= 1
                numbers[lines] = number
                lines += 1
                after_blank = is_blank
                lost = lost and is_blank
            number += 1
            position = stop + 1
            if stop == last:
                break
        while lost and end > starts[text] and spaces[made[end - 1]]:
            end -= 1
            lines -= made[end] == LINE_FEED
        starts[text + 1], line_firsts[text + 1] = end, lines
    return made[:end], starts, line_firsts, numbers[:lines].copy()


@inner
def _copy(codes: Codes, begin: int, stop: int, made: Codes, end: int) -> int:
    """Put ``codes[begin:stop]`` into ``made`` at ``end``; where it ends there."""
    for position in range(begin, stop):
        made[end] = codes[position]
        end += 1
    return end
