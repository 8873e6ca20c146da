"""Search: which of the texts of an index are in documents, how much of them, and where.

What counts is one place of a document, so that a long one holds no more by chance than a short
one: n-grams of a text that are further apart than a gap in it would explain belong to two places.
Of each document the best place is told.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from bedstone.corpus.overlap.index import (
    MOST_GRAMS,
    N_SPACELESS,
    ONE,
    RING,
    Index,
    N,
    key_of,
    marks_of,
    parts_of,
)
from bedstone.corpus.overlap.letters import SEVERAL, SPACELESS, Folding, folding
from bedstone.text.codes import Codes, Indices, Texts
from bedstone.text.hashing import Hashes, Slots
from bedstone.text.kernel import inner, kernel

GAP_LETTERS = 200
"""Between n-grams of one place, and beyond it some steps from one n-gram that is taken to the
next."""
GAP_STEPS = 4
LEAST_ROOM = 1 << 12


class Place(NamedTuple):
    """A text in a document."""

    text: int
    row: int
    """Of the document."""
    share: float
    """Of the text's n-grams."""
    met: int
    """Which of them."""
    begin: int
    """In characters of the document."""
    end: int


class State(NamedTuple):
    """What is known of each text in the document at hand."""

    document: Indices
    """When it was met last."""
    last: Indices
    begin: Indices
    end: Indices
    best_begin: Indices
    best_end: Indices
    met: Hashes
    best: Hashes
    touched: Slots
    gaps: Indices


class Rows(NamedTuple):
    """What is found."""

    text: Slots
    row: Slots
    met: Hashes
    begin: Indices
    end: Indices


class Search:
    """A walk over documents."""

    def __init__(self, index: Index, least: float) -> None:
        """``least`` is the least share that is told."""
        count = len(index.valid)
        taken = np.minimum(index.windows, MOST_GRAMS)
        steps = index.windows / np.maximum(taken, 1)
        self.index, self._least, self._scanned = index, least, np.zeros(1, np.int64)
        kinds = [np.int64] * 6 + [np.uint64] * 2 + [np.int32]
        gaps = GAP_LETTERS + (GAP_STEPS * steps).astype(np.int64)
        self.state = State._make([*(np.zeros(count, kind) for kind in kinds), gaps])
        room = max(count, LEAST_ROOM)
        kinds = [np.int32] * 2 + [np.uint64] + [np.int64] * 2
        self._rows = Rows._make(np.zeros(room, kind) for kind in kinds)

    def places(self, texts: Texts) -> Iterator[Place]:
        """What is in each of the documents, in their order."""
        first, known = 0, (folding(), self.index, self.state, self._rows, self._scanned)
        while first < len(texts):
            first, count = _search(texts.codes, texts.starts, first, self._least, *known)
            columns = (column[:count].tolist() for column in self._rows)
            for text, row, met, begin, end in zip(*columns, strict=True):
                yield Place(text, row, self.index.share(text, met), met, begin, end)


@inner
def _ones(bits: np.uint64) -> int:
    count = 0
    while bits:
        bits &= bits - ONE
        count += 1
    return count


@inner
def _close(state: State, text: int) -> None:
    """Keep the place at hand if it is the best so far."""
    if _ones(state.met[text]) > _ones(state.best[text]):
        state.best[text] = state.met[text]
        state.best_begin[text], state.best_end[text] = state.begin[text], state.end[text]
    state.met[text] = 0


@inner
def _met(
    index: Index, state: State, gram: int, letters: int, begin: int, end: int, now: int
) -> int:
    """Note an n-gram of a text; the text if it is met in this document for the first time."""
    text, bit = gram // MOST_GRAMS, ONE << np.uint64(gram % MOST_GRAMS)
    is_new = state.document[text] != now
    if is_new:
        state.document[text] = now
        state.met[text] = state.best[text] = 0
    elif state.best[text] == index.valid[text]:
        return -1
    elif letters - state.last[text] > state.gaps[text]:
        _close(state, text)
    if not state.met[text]:
        state.begin[text] = begin
    state.met[text] |= bit
    state.last[text], state.end[text] = letters, end
    if state.met[text] == index.valid[text]:
        _close(state, text)
    return text if is_new else -1


@kernel
def _search(
    codes: Codes,
    starts: Indices,
    first: int,
    least: float,
    folding: Folding,
    index: Index,
    state: State,
    rows: Rows,
    scanned: Indices,
) -> tuple[int, int]:
    """The first document that is left, and how many rows are filled."""
    sums, offsets, found = np.zeros(RING, np.uint64), np.zeros(RING, np.int64), 0
    for row in range(first, len(starts) - 1):
        scanned[0] += 1
        letters, touched = 0, 0
        sums[0] = 0
        for place in range(starts[row], starts[row + 1]):
            entry = folding.table[codes[place]]
            begin, behind = parts_of(entry)
            for part in range(begin, behind):
                letter = folding.parts[part] if entry & SEVERAL else entry
                letters += 1
                offsets[letters & (RING - 1)] = place - starts[row]
                key = key_of(letter, letters, sums)
                if not key:
                    continue
                bucket = np.int64(key >> index.shift)
                marks = marks_of(key)
                if index.sieve[bucket] & marks != marks:
                    continue
                back = (N_SPACELESS if letter & SPACELESS else N) - 1
                low = offsets[(letters - back) & (RING - 1)]
                for slot in range(index.firsts[bucket], index.firsts[bucket + 1]):
                    if not index.keys[slot]:
                        break
                    if index.keys[slot] == key:
                        high = place - starts[row] + 1
                        text = _met(index, state, index.grams[slot], letters, low, high, scanned[0])
                        if text >= 0:
                            state.touched[touched] = text
                            touched += 1
        if found + touched > len(rows.text):
            return row, found
        for number in range(touched):
            text = state.touched[number]
            _close(state, text)
            ones, of = _ones(state.best[text]), _ones(index.valid[text])
            if ones >= least * of:
                rows.text[found], rows.row[found] = text, row
                rows.met[found] = state.best[text]
                rows.begin[found], rows.end[found] = state.best_begin[text], state.best_end[text]
                found += 1
    return len(starts) - 1, found
