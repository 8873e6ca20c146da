"""The two sides under common names: our rule sets, and where datatrove's numbers for them stand."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from bedstone.corpus.rules.c4 import rewrite
from bedstone.corpus.rules.sets import RULES
from bedstone.text.codes import strings_of, texts_of


@dataclass(frozen=True)
class Filter:
    """One of datatrove's filters: our rules, and its prefix in expected.parquet."""

    rules: str
    expected: str
    tokens: str = "tokens"
    sentences: str | None = None
    """Where sentences stand; for C4's filters, which also rewrite the text."""

    @property
    def title(self) -> str:
        """For a table."""
        return f"`{self.rules}`" + (" on the text rewritten" if self is REWRITTEN else "")


FILTERS = (
    Filter("gopher-repetition:datatrove", "gopher_repetition"),
    Filter("gopher-quality:datatrove", "gopher_quality"),
    Filter("c4:datatrove", "c4", sentences="c4.sentences"),
    Filter("c4:fineweb", "c4_fineweb", sentences="c4_fineweb.sentences"),
    Filter("fineweb:datatrove", "fineweb"),
)
REWRITTEN = Filter("fineweb:datatrove", "rewritten.fineweb", tokens="rewritten.tokens")
"""What C4's rules leave, when a line's end is free."""
BEFORE_REWRITING = FILTERS[0], FILTERS[1], FILTERS[3]
"""FineWeb's order; ``REWRITTEN`` comes after."""
JOINTLY = (*BEFORE_REWRITING, FILTERS[4])

C4_COUNTS = {
    "sentences": "sentences",
    "lorem_lines": "lorem_ipsum_lines",
    "curly_lines": "curly_bracket_lines",
}
NAMES = {
    **{f"top_{n}_gram_character_ratio": f"top_{n}_gram_character_share" for n in (2, 3, 4)},
    "repeated_line_character_share": "duplicate_character_share",
    "newlines_per_word": "newline_per_word",
    **{f"c4_datatrove_{ours}": theirs for ours, theirs in C4_COUNTS.items()},
    **{f"c4_fineweb_{ours}": theirs for ours, theirs in C4_COUNTS.items()},
}
"""Our statistics that datatrove_side.py names otherwise."""
GUARDS = ("line_count", "nonblank_line_count")
"""What datatrove asks before it measures anything: is there a text."""


def numbers_of(each: Filter, expected: pa.Table) -> pa.Table:
    """The expected numbers that the rules of ``each`` look at, under our names."""
    names = [rule.name for rule in RULES[each.rules] if rule.name not in GUARDS]
    return pa.table({name: expected[f"{each.expected}.{NAMES.get(name, name)}"] for name in names})


def judgeable(each: Filter, expected: pa.Table) -> pa.Table:
    """The same of texts that are not empty, so that our rules can judge them."""
    numbers = numbers_of(each, expected)
    for name in GUARDS:
        numbers = numbers.append_column(name, pa.array(np.ones(numbers.num_rows)))
    return numbers


def keeps(each: Filter, expected: pa.Table) -> np.ndarray:
    """The decisions of datatrove's own filter."""
    return expected[f"{each.expected}.keep"].to_numpy()


def differing(ours: pa.Table, theirs: pa.Table) -> dict[str, np.ndarray]:
    """For each number of ``theirs``, in which documents it is not ours, to the last bit.

    Where datatrove has no number (the length of words where none is), nothing differs.
    """
    found = {}
    for name in theirs.column_names:
        mine, yours = values_of(ours, name), values_of(theirs, name)
        found[name] = (mine != yours) & ~np.isnan(yours)
    return found


def values_of(numbers: pa.Table, name: str) -> np.ndarray:
    """As floats; null is nan."""
    return numbers[name].to_numpy().astype(np.float64)


def rewritten_by_us(texts: list[str], rules: str) -> list[str]:
    """What C4's rules leave of each."""
    return strings_of(rewrite(texts_of(texts), rules.partition(":")[2]).texts).to_pylist()
