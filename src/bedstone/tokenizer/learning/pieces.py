"""Pieces of text, counted: what a trainer of merges has to know of its text."""

import re
from collections import Counter
from collections.abc import Iterable

from tokenizers import Regex, pre_tokenizers

from bedstone.text.patterns import PATTERN

GAP = r"\t\v\f \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
r"""White space within a line, as ``PATTERN`` means it: Python's has U+001C to U+001F too."""
CHUNK = re.compile(rf" ?[^\r\n{GAP}]+|[\r\n]+|[{GAP}]+")
"""No piece goes beyond a chunk: words and the space before them, or white space."""


class PieceCounter:
    """Cuts texts as ``PATTERN`` does, each chunk of them once."""

    def __init__(self) -> None:
        self._split = pre_tokenizers.Split(Regex(PATTERN), "isolated")
        self._chunks = Counter[str]()

    def add(self, text: str) -> None:
        """Count what is in ``text``."""
        self._chunks.update(CHUNK.findall(text))

    def counts(self) -> Counter[bytes]:
        """How often each piece occurs in all texts."""
        found = Counter[bytes]()
        for chunk, count in self._chunks.items():
            for piece, _ in self._split.pre_tokenize_str(chunk):
                found[piece.encode()] += count
        return found


def counts_of(texts: Iterable[str]) -> Counter[bytes]:
    """How often each piece of ``texts`` occurs."""
    counter = PieceCounter()
    for text in texts:
        counter.add(text)
    return counter.counts()
