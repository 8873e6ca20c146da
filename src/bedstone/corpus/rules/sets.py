r"""Quality rules: a number measured on a text, and the range it must lie in.

A set of rules is named with its variant, for the sources disagree on what they count. Of every set
``datatrove`` is the default: a set named without a variant is that one. Every rule of a set is
measured on every text, also after one has failed: only so can one say what a single rule costs,
and what it adds to the others.

``gopher-quality``
    What a word is: for ``datatrove`` what ``text.words`` finds, or the words given to
    ``measure``. Symbols are no words, but the shares of hashes, ellipses and alphabetic words are
    of words and symbols together. For ``paper`` and ``dolma`` it is what stands between white
    space; the paper does not say.
    How long words are: the mean; for ``dolma`` the median.
    Symbols: hashes, and ellipses (``...`` or ``…``), each a word, in ``paper`` and ``datatrove``;
    for ``dolma`` the share of words that have a hash or a ``…`` in them.
    Lines: ``paper`` and ``datatrove`` end them at all of Unicode's line ends and look past the
    white space around them; bullets are ``•`` and ``-``. ``dolma`` ends them at ``\n``, looks at
    their very first and last character, and knows ``*`` and ``-``, and of ellipses ``…``.
    Stop words: different ones; for ``dolma`` each occurrence counts.
``gopher-repetition``
    Duplicates: for ``datatrove`` the second copy and those after it; for ``paper`` and ``dolma``
    every copy of what occurs more than once. So we read the paper: it counts the characters in all
    duplicate n-grams, overlaps once, which marks every place of an n-gram that recurs; and what
    it calls duplicate lines and paragraphs we take alike.
    Lines: of ``datatrove`` what stands between runs of ``\n``; of ``dolma`` between any two, so
    that empty lines are copies of each other; of ``paper`` lines with something visible.
    ``dolma`` has no paragraphs, allows a larger share of characters in duplicate lines, and takes
    that share of the characters of the words, so that it can exceed 1.
    Top n-grams: ``datatrove`` joins words by a space, counts copies that overlap, and has a top
    n-gram also where none recurs, which fails short texts. So does ``dolma``, without the
    spaces. For ``paper`` an overlap counts once, and what does not recur is no repetition.
    Duplicate n-grams: ``datatrove`` compares words joined by nothing, and goes on behind a copy
    that it has found. ``dolma`` counts all copies, overlaps twice, and takes their share of the
    characters of all n-grams. The whole is otherwise the text (``datatrove``) or its words
    (``paper``).
    ``datatrove`` also fails the empty text; here that is the rule ``line_count``.
``c4``
    See ``corpus.rules.c4``. ``fineweb`` is ``datatrove`` without the rule on the marks that
    lines end in.
``fineweb``
    One variant. A text without a visible line fails: the rule ``nonblank_line_count``.

Source: Rae et al. 2021 (Gopher), arXiv:2112.11446, appendix A.1.1 and table A1; Raffel et al. 2020
(C4); Penedo et al. 2024 (FineWeb), arXiv:2406.17557; datatrove 0.10, GopherQualityFilter,
GopherRepetitionFilter, C4QualityFilter, FineWebQualityFilter; dolma 1.2, gopher_v1, with the limits
of Dolma 1.5's mixing configuration; tensorflow_datasets, c4_utils.
Differs: datatrove splits words by a model for each language, here one set of rules splits all
languages. In scripts without spaces between words a letter counts as a share of a word; where such
letters prevail, the length of words has no value, nor have n-grams of what stands between white
space. A rule without a value does not apply: that on stop words where a language has no list. A
text without words has 0 for every share.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import AfterValidator

from bedstone.errors import nearest
from bedstone.languages import MIXED, UNKNOWN, known, split

Bools = NDArray[np.bool_]
Ranges = Mapping[str, Mapping[str, tuple[float, float]]]
"""Limits that a language has of its own: language, rule, closed range."""

YARDSTICK = "yardstick"
"""The reason that is in no set: what languages are compared on is never trained on."""
LANGUAGE = "language"
"""Another such reason: the document is in none of the languages wanted."""
SHARE = "share"
"""A third: it was not drawn."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A statistic by its name, and the closed range it lies in for a text worth keeping."""

    name: str
    low: float = -math.inf
    high: float = math.inf


def _table_a1(prefix: str, top_unit: str) -> tuple[Rule, ...]:
    tops = {2: 0.20, 3: 0.18, 4: 0.16}
    duplicates = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}
    return (
        *(
            Rule(f"{prefix}top_{size}_gram_character_{top_unit}", high=high)
            for size, high in tops.items()
        ),
        *(
            Rule(f"{prefix}duplicate_{size}_gram_character_share", high=high)
            for size, high in duplicates.items()
        ),
    )


RULES = {
    "gopher-quality:datatrove": (
        Rule("word_count", low=50, high=100_000),
        Rule("mean_word_length", low=3, high=10),
        Rule("hash_per_word", high=0.1),
        Rule("ellipsis_per_word", high=0.1),
        Rule("bullet_line_share", high=0.9),
        Rule("ellipsis_line_share", high=0.3),
        Rule("alphabetic_word_share", low=0.8),
        Rule("stop_word_count", low=2),
    ),
    "gopher-quality:paper": (
        Rule("spaced_word_count", low=50, high=100_000),
        Rule("mean_spaced_word_length", low=3, high=10),
        Rule("hash_per_spaced_word", high=0.1),
        Rule("ellipsis_per_spaced_word", high=0.1),
        Rule("bullet_line_share", high=0.9),
        Rule("ellipsis_line_share", high=0.3),
        Rule("alphabetic_spaced_word_share", low=0.8),
        Rule("spaced_stop_word_count", low=2),
    ),
    "gopher-quality:dolma": (
        Rule("spaced_word_count", low=50, high=100_000),
        Rule("median_spaced_word_length", low=3, high=10),
        Rule("symbol_spaced_word_share", high=0.1),
        Rule("dolma_bullet_line_share", high=0.9),
        Rule("dolma_ellipsis_line_share", high=0.3),
        Rule("alphabetic_spaced_word_share", low=0.8),
        Rule("spaced_stop_word_occurrences", low=2),
    ),
    "gopher-repetition:datatrove": (
        Rule("line_count", low=1),
        Rule("duplicate_paragraph_share", high=0.30),
        Rule("duplicate_paragraph_character_share", high=0.20),
        Rule("duplicate_line_share", high=0.30),
        Rule("duplicate_line_character_share", high=0.20),
        *_table_a1("", "ratio"),
    ),
    "gopher-repetition:paper": (
        Rule("paper_duplicate_paragraph_share", high=0.30),
        Rule("paper_duplicate_paragraph_character_share", high=0.20),
        Rule("paper_duplicate_line_share", high=0.30),
        Rule("paper_duplicate_line_character_share", high=0.20),
        *_table_a1("paper_", "share"),
    ),
    "gopher-repetition:dolma": (
        Rule("dolma_duplicate_line_share", high=0.30),
        Rule("dolma_duplicate_line_character_ratio", high=0.30),
        *_table_a1("dolma_", "ratio"),
    ),
    "c4:tfds": (
        Rule("text_characters", high=190_000),
        Rule("c4_tfds_sentences", low=3),
        Rule("c4_tfds_lorem_lines", high=0),
        Rule("c4_tfds_curly_lines", high=0),
    ),
    "c4:datatrove": (
        Rule("c4_datatrove_sentences", low=5),
        Rule("c4_datatrove_lorem_lines", high=0),
        Rule("c4_datatrove_curly_lines", high=0),
    ),
    "c4:fineweb": (
        Rule("c4_fineweb_sentences", low=5),
        Rule("c4_fineweb_lorem_lines", high=0),
        Rule("c4_fineweb_curly_lines", high=0),
    ),
    "fineweb:datatrove": (
        Rule("nonblank_line_count", low=1),
        Rule("terminal_line_share", low=0.12),
        Rule("short_line_share", high=0.67),
        Rule("repeated_line_character_share", high=0.01),
        Rule("newlines_per_word", high=0.3),
    ),
}
"""The rule sets by name and variant. A rule that is in several has the same limits in all."""


def _known(name: str) -> str:
    if name not in RULES:
        raise ValueError(f"no rules {name!r}; {nearest(name, RULES)}")
    return name


def _known_language(key: str) -> str:
    if split(key)[0] not in {*known(), UNKNOWN, MIXED}:
        raise ValueError(f"no language {key!r}: a key is as in nob_Latn, by ISO 639-3 and 15924")
    return key


RuleSet = Annotated[str, AfterValidator(_known)]
"""The name of a set, in a config."""
LanguageKey = Annotated[str, AfterValidator(_known_language)]
"""A language and its script, in a config: ``nob_Latn``."""

DEFAULT_VARIANT = "datatrove"
DEFAULT_RULES = f"gopher-quality:{DEFAULT_VARIANT}"


def chosen(names: str) -> tuple[Rule, ...]:
    """The rules of the sets called ``names``, which commas separate; each rule once.

    Raises:
        ValueError: there is no such set.
    """
    rules: dict[str, Rule] = {}
    for part in names.split(","):
        name = part.strip()
        full = name if ":" in name else f"{name}:{DEFAULT_VARIANT}"
        if full not in RULES:
            raise ValueError(f"no rules {name!r}; {nearest(name, RULES)}")
        rules |= {rule.name: rule for rule in RULES[full]}
    return tuple(rules.values())


def judge(
    statistics: pa.Table,
    rules: str | Sequence[Rule] = DEFAULT_RULES,
    languages: Sequence[str] | None = None,
    ranges: Ranges | None = None,
) -> pa.Table:
    """Which rows pass: ``keep``, and ``failed``, the names of the rules that they fail.

    Args:
        statistics: as ``measure`` returns them.
        rules: the name of a set, several with commas between them, or rules; ``failed`` has
            their order.
        languages: of each row, such as ``nob_Latn``.
        ranges: the limits of single languages, by language and rule, where they differ.

    Raises:
        ValueError: there is no such set; a rule's statistic was not measured; there are ranges but
            no languages, or not one for each row.
    """
    if ranges and languages is None:
        raise ValueError("ranges by language, but no languages")
    if languages is not None and len(languages) != statistics.num_rows:
        raise ValueError(f"{len(languages)} languages for {statistics.num_rows} rows")
    in_force = chosen(rules) if isinstance(rules, str) else tuple(rules)
    if missing := [rule.name for rule in in_force if rule.name not in statistics.column_names]:
        raise ValueError(f"not measured: {', '.join(missing)}")
    failures = fails(statistics, in_force, () if languages is None else languages, ranges or {})
    failed = named(failures, [rule.name for rule in in_force])
    return pa.table({"keep": pa.array(~failures.any(axis=1)), "failed": failed})


def fails(
    statistics: pa.Table, rules: Sequence[Rule], languages: Sequence[str], ranges: Ranges
) -> Bools:
    """Of each row, in columns, whether it fails each rule; one without a value does not apply.

    Args:
        statistics: as ``measure`` returns them.
        rules: with the limits of all languages that are not in ``ranges``.
        languages: of each row; may be empty if ``ranges`` are.
        ranges: the limits of single languages.
    """
    rows = {language: np.asarray(languages, np.str_) == language for language in ranges}
    failures = np.zeros((statistics.num_rows, len(rules)), np.bool_)
    for number, rule in enumerate(rules):
        values = statistics[rule.name].to_numpy().astype(np.float64)  # null is nan
        low = np.full(len(values), rule.low)
        high = np.full(len(values), rule.high)
        for language, own in ranges.items():
            if rule.name in own:
                low[rows[language]], high[rows[language]] = own[rule.name]
        failures[:, number] = (values < low) | (values > high)
    return failures


def named(failures: Bools, names: Sequence[str]) -> pa.ListArray:
    """Of each row the names of the columns that hold, in the columns' order."""
    numbers = np.nonzero(failures)[1]
    offsets = np.concatenate(([0], np.cumsum(failures.sum(axis=1))))
    failed = pa.array(names, pa.string()).take(pa.array(numbers))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), failed)
