"""Limits of a language's own, carried over from English's; stop words, taken from its text.

A limit was set on English. Where it lies in another language is read off reference text that is
in both: text of which nobody doubts that it is worth keeping. The methods, by what they keep:

* ``mean-std``: the limit's distance from the mean, in standard deviations.
* ``quantile``: the share of the reference that the limit drops. One that drops nothing in English
  drops nothing in the language, and is no stricter than English's.
* ``tail``: nothing of English's limit; the reference's outer tenth is dropped.
* ``median-ratio``: the limit's ratio to the median.

Where the reference says nothing about a rule, all its texts having one value in one of the
languages, or a median being 0 (``median-ratio``), the limit stays English's.

Source: Penedo et al. 2025 (FineWeb2), arXiv:2506.20920, on adapting filters, for the methods;
its authors' earlier work on datatrove for the frequencies of stop words.
Differs: limits are not rounded to what they are for English; words as frequent in English are no
stop words of another language, so that English under another label has none. FineWeb2 asks every
language for as many stop words as English; here for more where short words, or many, make it easy
to have as many by chance.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import ceil, isfinite
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bedstone.corpus.rules.frequencies import MIN_SHARE
from bedstone.corpus.rules.sets import Rule
from bedstone.store.artifact import Shard
from bedstone.store.payload import read_json

Values = NDArray[np.float64]
Method = Literal["mean-std", "quantile", "tail", "median-ratio"]
NAME = "thresholds.json"
TAIL_SHARE = 0.1
STEP = Decimal("0.0001")
"""Between limits: finer than a sample can tell. They are rounded outwards, so that a text that a
limit was to keep is not dropped by the rounding."""
ENOUGH_WORDS = 8
"""Stop words that a language has at least, or none; as many as English has."""
RANDOM_WORDS = 100
"""Of the text of random letters."""
FREQUENCIES = (0.008, 0.003, MIN_SHARE)
"""Of all words: how frequent a stop word is; the next one where the first finds too few."""


def transferred(
    rules: Iterable[Rule],
    english: Mapping[str, Values],
    values: Mapping[str, Values],
    method: Method = "mean-std",
) -> dict[str, dict[str, float]]:
    """Each rule's limits in a language, by name, as ``low`` and ``high``.

    Args:
        rules: with English's limits; a limit that is infinite is none.
        english: what the reference has in English, by rule, texts without a value left out.
        values: what it has in the language.
        method: as above.
    """
    carry = CARRIERS[method]
    ranges = {}
    for rule in rules:
        pair = (np.sort(english[rule.name]), np.sort(values[rule.name]))  # sums in any order differ
        limits = {"low": rule.low, "high": rule.high}
        carried = {
            side: _outwards(carry(limit, side, *pair), side)
            for side, limit in limits.items()
            if isfinite(limit) and len(pair[0]) and len(pair[1])
        }
        if carried:
            ranges[rule.name] = carried
    return ranges


def frequent(counts: Mapping[str, int], total: int, barred: Iterable[str] = ()) -> list[str]:
    """The stop words among ``counts``, the most frequent ones first; ties by code point.

    None where too few are frequent: a text that has few of few words is no worse for it.

    Args:
        counts: how often each word occurs; words rarer than all ``FREQUENCIES`` may be absent.
        total: how many words there are.
        barred: words left out.
    """
    left = {word: count for word, count in counts.items() if word not in set(barred)}
    ranked = sorted(left, key=lambda word: (-left[word], word))
    for frequency in FREQUENCIES:
        found = [word for word in ranked if left[word] >= frequency * total]
        if len(found) >= ENOUGH_WORDS:
            return found
    return []


def stop_word_limit(chances: Sequence[float], english: Sequence[float], limit: float) -> float:
    """How many different stop words a text must have, where it must have ``limit`` in English.

    The least number that a text of random letters reaches no more often than one of English letters
    reaches English's limit; no fewer than that, and no more than there are.

    Args:
        chances: of each stop word of the language, how frequent it is in such a text.
        english: the same of English's stop words.
        limit: English's.
    """
    rare = _reached(limit, english)
    while limit < len(chances) and _reached(limit, chances) > rare:
        limit += 1
    return limit


def read_ranges(artifact: Shard, rules: Iterable[str]) -> dict[str, dict[str, dict[str, float]]]:
    """Of the languages that have any: the limits of those among ``rules`` that were adapted."""
    known = set(rules)
    found = {
        language: {name: each for name, each in entry["ranges"].items() if name in known}
        for language, entry in read_json(artifact, NAME).items()
    }
    return {language: ranges for language, ranges in found.items() if ranges}


def read_stop_words(artifact: Shard) -> dict[str, list[str]]:
    """Of the languages that have any: their stop words."""
    found = {language: entry["stop_words"] for language, entry in read_json(artifact, NAME).items()}
    return {language: words for language, words in found.items() if words}


def _outwards(limit: float, side: str) -> float:
    rounding = ROUND_FLOOR if side == "low" else ROUND_CEILING
    return float(Decimal(repr(float(limit))).quantize(STEP, rounding))


def _reached(count: float, chances: Iterable[float]) -> float:
    """How likely at least ``count`` of some words are in a text of random letters."""
    likely = np.ones(1)  # that so many of them are: none of none
    for chance in sorted(chances):
        present = 1 - (1 - chance) ** RANDOM_WORDS
        likely = np.convolve(likely, [1 - present, present])
    return float(likely[ceil(count) :].sum())


def _by_mean_std(limit: float, side: str, english: Values, values: Values) -> float:
    if not (spread := float(english.std())) or not (other := float(values.std())):
        return limit
    return float(values.mean()) + (limit - float(english.mean())) * other / spread


def _by_quantile(limit: float, side: str, english: Values, values: Values) -> float:
    dropped = float((english < limit).mean() if side == "low" else (english > limit).mean())
    if not dropped:
        return min(limit, float(values[0])) if side == "low" else max(limit, float(values[-1]))
    return float(np.quantile(values, dropped if side == "low" else 1 - dropped))


def _by_tail(limit: float, side: str, english: Values, values: Values) -> float:
    if values[0] == values[-1]:
        return limit
    return float(np.quantile(values, TAIL_SHARE if side == "low" else 1 - TAIL_SHARE))


def _by_median_ratio(limit: float, side: str, english: Values, values: Values) -> float:
    if not (median := float(np.median(english))) or not (other := float(np.median(values))):
        return limit
    return limit * other / median


Carrier = Callable[[float, str, Values, Values], float]
CARRIERS: Mapping[Method, Carrier] = {
    "mean-std": _by_mean_std,
    "quantile": _by_quantile,
    "tail": _by_tail,
    "median-ratio": _by_median_ratio,
}
"""Limit, side, what English has and what the language has, sorted -> the language's limit."""
