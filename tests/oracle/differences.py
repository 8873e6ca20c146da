"""Where bedstone and datatrove differ: in which rule, and in which words."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from bedstone.text.codes import texts_of
from bedstone.text.words import UNSPACED, Words, words_of

Span = tuple[int, int]

UNSPACED_SCRIPT = "script without spaces"
KINDS = (
    ("address of the net", ("://", "www.", "@")),
    ("apostrophe", ("'", "’", "‘", "`")),
    ("bracket", tuple("()[]{}<>")),
    ("other punctuation", tuple('"“”«».,:;…/\\-–—_=+*&%#$^~|!?·•')),
)
"""The first whose mark is in the differing place names it."""
OTHER = "letters and digits only"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A rule that one side fails and the other passes, in a document that is decided otherwise."""

    document: int
    rules: str
    rule: str
    only_ours: bool


@dataclass(slots=True)
class Kinds:
    """The places of a text where word boundaries differ, by kind."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)
    tokens: int = 0
    equal_tokens: int = 0


def of_rules(judged: Iterable[tuple[str, pa.Table, pa.Table]]) -> list[Disagreement]:
    """Of each set of rules: which rules differ in the documents whose decision does."""
    found = []
    for rules, ours, theirs in judged:
        differ = np.flatnonzero(ours["keep"].to_numpy() != theirs["keep"].to_numpy())
        for document in map(int, differ):
            mine = set(ours["failed"][document].as_py())
            yours = set(theirs["failed"][document].as_py())
            found += [
                Disagreement(document, rules, rule, rule in mine) for rule in sorted(mine ^ yours)
            ]
    return found


def kinds_of_documents(texts: list[str], tokens: list[list[str]]) -> list[Kinds]:
    """For each text, where our words are not ``tokens``."""
    return [kinds_of(text, words) for text, words in zip(texts, tokens, strict=True)]


def kinds_of(text: str, tokens: list[str]) -> Kinds:
    words = words_of(texts_of([text]))
    ours = list(zip(words.starts.tolist(), words.ends.tolist(), strict=True))
    theirs = list(spans_of(text, tokens))
    found = Kinds(tokens=len(theirs), equal_tokens=len(set(ours) & set(theirs)))
    for low, high in regions(ours, theirs):
        kind = UNSPACED_SCRIPT if has_unspaced(words, low, high) else kind_of(text[low:high])
        found.counts[kind] += 1
        example = pieces(ours, text, low, high), pieces(theirs, text, low, high)
        found.examples.setdefault(kind, Counter())[example] += 1
    return found


def spans_of(text: str, tokens: list[str]) -> Iterator[Span]:
    """Where each token stands."""
    position = 0
    for token in tokens:
        start = text.index(token, position)
        position = start + len(token)
        yield start, position


def regions(ours: list[Span], theirs: list[Span]) -> Iterator[Span]:
    """The stretches in which words differ: as short as no word crosses their ends."""
    equal = set(ours) & set(theirs)
    low = high = -1
    for start, end in sorted((set(ours) | set(theirs)) - equal):
        if start >= high:
            if high >= 0:
                yield low, high
            low, high = start, end
        high = max(high, end)
    if high >= 0:
        yield low, high


def kind_of(place: str) -> str:
    """What kind of text the boundaries differ in."""
    for kind, marks in KINDS:
        if any(mark in place for mark in marks):
            return kind
    return OTHER


def has_unspaced(words: Words, low: int, high: int) -> bool:
    """Whether there is a letter of a script without spaces between words."""
    first, last = np.searchsorted(words.starts, (low, high))
    return bool((words.flags[first:last] & UNSPACED).any())


def pieces(spans: list[Span], text: str, low: int, high: int) -> str:
    """The words of ``spans`` in a place, apart."""
    inside = spans[bisect_left(spans, (low, 0)) : bisect_left(spans, (high, 0))]
    return " ".join(text[start:end] for start, end in inside)


def summed(kinds: Iterable[Kinds]) -> Kinds:
    total = Kinds()
    for each in kinds:
        total.counts += each.counts
        total.tokens += each.tokens
        total.equal_tokens += each.equal_tokens
        for kind, examples in each.examples.items():
            total.examples.setdefault(kind, Counter()).update(examples)
    return total


def leading_kinds(kinds: Iterable[Kinds]) -> dict[str | None, int]:
    """In how many of the texts each kind is the most frequent; None: no word differs."""
    leading = [max(each.counts, key=each.counts.__getitem__, default=None) for each in kinds]
    return dict(Counter(leading))
