"""Quality rules: a number measured on a text, and the range it must lie in.

Every rule is measured on every text, also after one has failed: only so can one say what a
single rule costs, and what it adds to the others.

``gopher-quality`` has two variants, for the paper leaves open what a word is:

* ``gopher-quality:datatrove``: words as ``bedstone.corpus.words`` finds them. Symbols are no
  words, but the shares of hashes, ellipses and alphabetic words are of words and symbols together.
* ``gopher-quality:paper``: words are what stands between spaces.

Source: Rae et al. 2021 (Gopher), arXiv:2112.11446, appendix A1.1; datatrove 0.10,
GopherQualityFilter, for what it counts.
Differs: datatrove splits words by a model for each language, here one set of rules splits all
languages, so that token counts differ by some per cent. In scripts without spaces between words a
letter counts as a share of a word, and where such letters prevail the mean word length has no
value; a rule without a value does not apply. A rule that needs a list of words applies only to
languages that have one; English has. A text without words has 0 for every share.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from bedstone.config import nearest
from bedstone.corpus.characters import codes_of
from bedstone.corpus.words import Hashes, Words, hashes, look_up, spaced_pieces, words_of
from bedstone.languages import ENGLISH

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
"""English, lower case only; the paper's."""
BULLETS = ("•", "-")
ELLIPSES = ("...", "…")
YARDSTICK = "yardstick"
"""The reason that is in no set: what languages are compared on is never trained on."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A statistic by its name, and the closed range it lies in for a text worth keeping."""

    name: str
    low: float = -math.inf
    high: float = math.inf
    languages: tuple[str, ...] | None = None
    """The only ones that the rule applies to: those with a list of words."""


BULLET_LINE_SHARE = Rule("bullet_line_share", high=0.9)
ELLIPSIS_LINE_SHARE = Rule("ellipsis_line_share", high=0.3)
STOP_WORD_COUNT = Rule("stop_word_count", low=2, languages=(ENGLISH,))

RULES = {
    "gopher-quality:datatrove": (
        Rule("word_count", low=50, high=100_000),
        Rule("mean_word_length", low=3, high=10),
        Rule("hash_per_word", high=0.1),
        Rule("ellipsis_per_word", high=0.1),
        BULLET_LINE_SHARE,
        ELLIPSIS_LINE_SHARE,
        Rule("alphabetic_word_share", low=0.8),
        STOP_WORD_COUNT,
    ),
    "gopher-quality:paper": (
        Rule("spaced_word_count", low=50, high=100_000),
        Rule("mean_spaced_word_length", low=3, high=10),
        Rule("hash_per_spaced_word", high=0.1),
        Rule("ellipsis_per_spaced_word", high=0.1),
        BULLET_LINE_SHARE,
        ELLIPSIS_LINE_SHARE,
        Rule("alphabetic_spaced_word_share", low=0.8),
        STOP_WORD_COUNT,
    ),
}
"""The rule sets by name and variant."""


def measure(texts: Iterable[str]) -> pa.Table:
    """A row for each text, a column for each rule of all sets, and ``text_bytes``.

    A statistic that has no meaning for a text is null there.
    """
    rows = [statistics_of(text) for text in texts]
    return pa.table(
        {name: pa.array([row[name] for row in rows], pa.float64()) for name in statistics_of("")}
    )


def judge(
    statistics: pa.Table,
    rules: str | Sequence[Rule] = "gopher-quality:datatrove",
    languages: Sequence[str] | None = None,
) -> pa.Table:
    """Which rows pass: ``keep``, and ``failed``, the names of the rules that they fail.

    Args:
        statistics: as ``measure`` returns them.
        rules: the name of a set, or rules; ``failed`` has their order.
        languages: of each row, such as ``nob_Latn``. Without, all rows are taken for English.

    Raises:
        ValueError: there is no such set.
    """
    if isinstance(rules, str) and rules not in RULES:
        raise ValueError(f"no rules {rules!r}; {nearest(rules, RULES)}")
    chosen = RULES[rules] if isinstance(rules, str) else tuple(rules)
    fails = np.zeros((statistics.num_rows, len(chosen)), np.bool_)
    for number, rule in enumerate(chosen):
        values = statistics[rule.name].to_numpy().astype(np.float64)  # null is nan
        fails[:, number] = (values < rule.low) | (values > rule.high)
        if rule.languages and languages is not None:
            fails[:, number] &= np.isin(np.asarray(languages, np.str_), rule.languages)
    numbers = np.nonzero(fails)[1]
    offsets = np.concatenate(([0], np.cumsum(fails.sum(axis=1))))
    names = pa.array([rule.name for rule in chosen], pa.string()).take(pa.array(numbers))
    failed = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), names)
    return pa.table({"keep": pa.array(~fails.any(axis=1)), "failed": failed})


def statistics_of(text: str) -> dict[str, float | None]:
    """Every rule's value for ``text``, by name, and its size."""
    codes = codes_of(text)
    looked = look_up(codes)
    found, spaced = words_of(looked), spaced_pieces(looked)
    hash_count = text.count("#")
    ellipsis_count = sum(text.count(mark) for mark in ELLIPSES)
    lines = text.splitlines()
    named = hashes(codes, found.starts, found.ends)
    tokens = found.count + found.symbols
    return {
        "text_bytes": float(len(text.encode(errors="replace"))),
        "word_count": found.count,
        "mean_word_length": _mean_length(found),
        "hash_per_word": _share(hash_count, tokens),
        "ellipsis_per_word": _share(ellipsis_count, tokens),
        "alphabetic_word_share": _share(_alphabetic(found), tokens),
        "spaced_word_count": spaced.count,
        "mean_spaced_word_length": _mean_length(spaced),
        "hash_per_spaced_word": _share(hash_count, spaced.count),
        "ellipsis_per_spaced_word": _share(ellipsis_count, spaced.count),
        "alphabetic_spaced_word_share": _share(_alphabetic(spaced), spaced.count),
        "bullet_line_share": _share(
            sum(line.lstrip().startswith(BULLETS) for line in lines), len(lines)
        ),
        "ellipsis_line_share": _share(
            sum(line.rstrip().endswith(ELLIPSES) for line in lines), len(lines)
        ),
        "stop_word_count": float((named[:, None] == STOP_WORD_HASHES).any(axis=0).sum()),
    }


def _mean_length(found: Words) -> float | None:
    """Characters a word, of those that are written with spaces; None where others prevail."""
    spaced = ~found.unspaced
    count = int(spaced.sum())
    if found.count > 2 * count:
        return None
    return float((found.ends - found.starts)[spaced].sum() / max(count, 1))


def _alphabetic(found: Words) -> float:
    return float(found.weights[found.alphabetic].sum())


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _hash_of(word: str) -> Hashes:
    return hashes(codes_of(word), np.array([0]), np.array([len(word)]))


STOP_WORD_HASHES = np.concatenate([_hash_of(word) for word in STOP_WORDS])
