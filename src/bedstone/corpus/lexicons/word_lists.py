"""Lists of words and phrases by language, and where texts have them.

A list is a file with an entry on each line, named by the code of its language with or without an
ending, ``en`` or ``pt-BR.txt``; a file whose name is no code is passed over. Entries and texts are
compared in small letters and Unicode's form NFKC, word by word as ``text.words`` finds them:
``ass`` is not in ``class``. In scripts without spaces each letter is a word there, so an entry is
found wherever its letters stand in a row, in the middle of a longer word too.
"""

import logging
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bedstone.errors import DataError, number_of, printable, reason
from bedstone.languages import by_code
from bedstone.text.codes import Indices, texts_of
from bedstone.text.words import Words, words_of

Hashes = NDArray[np.uint64]

log = logging.getLogger("bedstone")

FACTOR = np.uint64(0x9E3779B97F4A7C15)
FIRST_BITS = np.uint64(48)
"""Of a hash, so many are left out where most words are told from first words of entries."""
MOST_NAMED = 5
LONGEST = 64
"""Words of an entry; one of more is none."""


@dataclass(frozen=True, slots=True)
class Hits:
    """Where entries stand, in the texts' order; of those that begin together the longest first."""

    texts: Indices
    """In which text."""
    starts: Indices
    """At which word of the batch."""
    sizes: Indices
    """In words."""
    entries: Indices


@dataclass(frozen=True, slots=True)
class WordLists:
    """All entries, as a tree of words."""

    entries: tuple[str, ...]
    """As they are compared."""
    languages: tuple[frozenset[str], ...]
    """Of each entry, the ISO 639-3 codes of the lists that have it."""
    levels: tuple[tuple[Hashes, Indices], ...]
    """Of each depth: the beginnings of entries with so many words, sorted, and the entries that
    end there, or -1."""

    @property
    def codes(self) -> frozenset[str]:
        """The languages that have a list."""
        return frozenset[str]().union(*self.languages)

    def hits(self, words: Words) -> Hits:
        """Where the entries stand; they may overlap."""
        hashes, found = words.hashes, []
        is_first = np.zeros(1 << 16, np.bool_)
        is_first[self.levels[0][0] >> FIRST_BITS] = True
        at = np.flatnonzero(is_first[hashes >> FIRST_BITS])
        texts = np.searchsorted(words.firsts, at, "right") - 1
        begun = hashes[at]
        for depth, (known, entries) in enumerate(self.levels):
            if depth:
                goes_on = at + depth < words.firsts[texts + 1]
                at, texts, begun = at[goes_on], texts[goes_on], begun[goes_on]
                begun = _joined(begun, hashes[at + depth])
            places = np.minimum(np.searchsorted(known, begun), len(known) - 1)
            is_known = known[places] == begun
            at, texts, begun = at[is_known], texts[is_known], begun[is_known]
            ended = entries[places[is_known]]
            here = ended >= 0
            sizes = np.full(int(here.sum()), depth + 1)
            found.append((texts[here], at[here], sizes, ended[here]))
        columns = [np.concatenate(each) for each in zip(*found, strict=True)]
        order = np.lexsort((-columns[2], columns[1]))
        return Hits(*(each[order] for each in columns))


def folded(text: str) -> str:
    """The text as it is compared."""
    return unicodedata.normalize("NFKC", text.casefold())


def read_word_lists(files: Sequence[Path]) -> WordLists:
    """The lists that ``files`` are.

    Raises:
        DataError: a file cannot be read, or there is no entry in any that is named by a language.
    """
    languages: dict[str, set[str]] = {}
    unknown = [path.name for path in files if by_code(path.stem) is None]
    if unknown:
        told = printable(", ".join(unknown[:MOST_NAMED]))
        log.warning(
            "%s: named by no language, passed over: %s", number_of(len(unknown), "list"), told
        )
    for path in files:
        if (language := by_code(path.stem)) is None:
            continue
        try:
            lines = path.read_text("utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(
                f"{path.resolve()}: cannot be read: {reason(error)}",
                hint="write it anew in UTF-8, an entry on each line",
            ) from error
        for line in filter(None, map(str.strip, map(folded, lines))):
            languages.setdefault(line, set()).add(language.code)
    entries = tuple(sorted(languages))
    words = words_of(texts_of(entries))
    levels = _levels(words)
    if not levels:
        raise DataError(
            f"{len(files):,} files: none is a list of words that is named by a language",
            hint="name each by the code of its language, such as en or pt-BR.txt",
        )
    return WordLists(entries, tuple(frozenset(languages[each]) for each in entries), levels)


def _levels(words: Words) -> tuple[tuple[Hashes, Indices], ...]:
    sizes = np.diff(words.firsts)
    which = np.flatnonzero((sizes > 0) & (sizes <= LONGEST))
    begun = words.hashes[words.firsts[which]]
    levels = list[tuple[Hashes, Indices]]()
    while len(which):
        depth = len(levels)
        if depth:
            begun = _joined(begun, words.hashes[words.firsts[which] + depth])
        known, places = np.unique(begun, return_inverse=True)
        ended, ends = np.full(len(known), -1), sizes[which] == depth + 1
        ended[places[ends]] = which[ends]
        levels.append((known, ended))
        which, begun = which[~ends], begun[~ends]
    return tuple(levels)


def _joined(begun: Hashes, word: Hashes) -> Hashes:
    """The hash of what has begun with one more word."""
    return np.asarray(begun * FACTOR ^ word, np.uint64)
