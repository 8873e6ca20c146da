"""Stop words, by language, as tables that kernels look up."""

from collections.abc import Mapping, Sequence

import numpy as np

from bedstone.text.codes import Indices
from bedstone.text.hashing import Hashes
from bedstone.text.words import given_words


class StopWords:
    """Lists of words, each for a language, to be looked up by hash."""

    def __init__(self, lists: Mapping[str, Sequence[str]]) -> None:
        """Of each language, a table twice the size of its list or more."""
        self.numbers = {language: number for number, language in enumerate(lists)}
        tables = [_table(words) for words in lists.values()]
        self.bounds = np.cumsum([0, *map(len, tables)])
        self.slots = np.concatenate([np.empty(0, np.uint64), *tables])

    def numbers_of(self, languages: Sequence[str]) -> Indices:
        """The number of each one's list; -1 where there is none."""
        return np.array([self.numbers.get(each, -1) for each in languages], np.int64)


def _table(words: Sequence[str]) -> Hashes:
    """Slots with the words' hashes; where none is, 0."""
    hashes = given_words([sorted(set(words))])[1].hashes
    slots = np.zeros(1 << (2 * len(hashes)).bit_length(), np.uint64)
    for each in hashes:
        slot = int(each) % len(slots)
        while slots[slot]:
            slot = (slot + 1) % len(slots)
        slots[slot] = each
    return slots
