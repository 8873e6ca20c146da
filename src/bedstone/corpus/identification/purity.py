"""How many of the documents that are labelled with a language are in it: its purity.

Rare languages die of poor precision: an identifier that misreads one English document in 10,000
gives a language that has 6 in 100,000 more wrong documents than half as many as it has right ones.
What an identifier misreads was measured on labelled text (``confusion.tsv``). At the language's own
prevalence in a corpus, and at that of the languages that are misread for it, follows how many of
its documents are expected to be another's.

Two kinds of wrong documents are told apart.

1. Those in languages of the same script that have the same look, and code. From each language that
   the identifier knows, its number of documents times the measured rate of error flows to the
   language in question; its documents are those with its label, without what is misread for that
   one in turn. For languages that it does not know, the interval reckons with the errors that were
   measured and one more, each language as frequent as a known one usually is. The most frequent
   language may have been misread though it never was, by ``UNSEEN`` of a text: so where English is
   a million times as frequent, no test is large enough, and the interval says so. Code is among the
   documents of unknown language, of kinds that nobody has counted: the interval reaches to the
   worst of them.
2. Those in languages that it does not know, of another look. They are seen in the corpus itself: a
   document is *confirmed* if its score and the share of the language's own frequent words are not
   below the language's limits. Nearly all right documents are; of those in unknown languages at
   most a share that was measured too. From the share that is confirmed follows the share that is
   right.

The documents of a corpus are of another kind than the text that was labelled: news, not the
messages of a program. So limits are far below what is usual in the least usual kind of labelled
text; of right documents no more than ``OTHER_KIND_SHARE`` may be confirmed; where the limits come
from one kind of text alone, words that are missing prove nothing; and a measured rate of error
deviates in another kind of text by ``RATE_DEVIATIONS``. These were chosen on half of the languages,
each kind of text left out in turn; how often the intervals hold on the other half, and on kinds of
text that decided nothing, is told in ``benchmarks/identification.md``.

Source: Fay and Feuer 1997, Statistics in Medicine 16, 791-801, for the interval of a sum of
weighted Poisson counts, with Wilson and Hilferty's quantile of chi-square; Rogan and Gladen 1978,
American Journal of Epidemiology 107, 71-76, for a share seen through an imperfect test; Chapman
1951, University of California Publications in Statistics 1, 131-160, for a number that is told by
the share of it that is found; Penedo et al. 2025 (FineWeb2), arXiv:2506.20920, for the clamped
limits of scores and the asking for words; Caswell et al. 2020, arXiv:2010.14571, for the problem.
Differs: FineWeb2 drops what fails the limits, here it is counted.
The interval adds the unfavourable ends of both kinds.
"""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from statistics import median

from bedstone.errors import DataError
from bedstone.languages import UNKNOWN, split
from bedstone.languages import Identifier as Name
from bedstone.uncertainty.intervals import Z_95, Estimate, wilson

COLUMNS = (
    "identifier",
    "language",
    "texts",
    "label",
    "labelled",
    "confirmed",
    "min_score",
    "min_own_words",
    "kinds",
)
"""Of the table: of ``texts`` in a language so many were ``labelled`` with a label, and of these so
many confirmed; the limits of a label, and the number of kinds of text that they were learnt from,
stand where language and label are one."""
NO_LANGUAGE = "zxx"
"""In the table, what the language of code and base64 begins with; its kind follows."""
CODE_SCRIPT = "Latn"
"""What code and base64 are written in."""
OTHER = "other"
"""In the table, ``other_Latn``: languages in that script that the identifier does not know."""
MIN_DIFFERENCE = 0.5
"""Between all and the share of wrong documents that are confirmed. Languages that look more
alike (Asturian for Spanish) are not seen by their words, but by what was measured of them."""
OTHER_KIND_SHARE = 0.25
"""Of right documents of a kind of text that was not learnt from, the share that is confirmed at
least, in a language that two kinds of text were learnt from."""
RATE_DEVIATIONS = 1.0, 0.5
"""Of a rate of error in another kind of text than it was measured on, the standard deviations below
and above, over the rate: a kind of text without the error is more frequent than one full of it."""
UNSEEN = 1 / 3
"""Texts that the most frequent language of a script may have been taken for another in, though none
ever was. Few languages are confused at all: of 15,000 pairs in one script 78 were ever seen to
be."""
MIN_OTHERS = 20
"""Texts in unknown languages with a label, of which the share that is confirmed is told."""
NOISE = 0.1
"""Where none of the documents is certain to be right, and fewer are expected to be than this share,
there may be none. Our choice: of such groups, by texts of a kind that was left out, none was right
in seven of ten, of the others in two of ten."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a document of a language usually has at least."""

    score: float
    own_words: float
    kinds: int
    """Of text that they were learnt from."""


@dataclass(frozen=True, slots=True)
class Counted:
    """How many documents have a label, and how many of them are confirmed."""

    documents: int
    confirmed: int | None = None
    """None where it was not looked at."""


@dataclass(slots=True)
class Confusion:
    """What an identifier made of labelled text."""

    texts: dict[str, int] = field(default_factory=dict)
    """By language, or ``zxx-py``, or ``other_Latn``."""
    labelled: dict[tuple[str, str], int] = field(default_factory=dict)
    """By language and label."""
    confirmed: dict[tuple[str, str], int] = field(default_factory=dict)
    limits: dict[str, Limits] = field(default_factory=dict)
    """By label."""


def is_confirmed(score: float, own_words: float | None, limits: Limits) -> bool:
    """Whether a document with this score and share of own words is like most of its language."""
    has_words = own_words is None or math.isnan(own_words) or own_words >= limits.own_words
    return score >= limits.score and has_words


@cache
def confusion_of(name: Name, path: Path | None = None) -> Confusion | None:
    """What the identifier ``name`` made of labelled text; None if that was not measured.

    Args:
        name: the identifier.
        path: a table of one's own; absent, the package's.

    Raises:
        DataError: the file is no such table.
    """
    table = path or resources.files("bedstone.corpus.identification").joinpath("confusion.tsv")
    made = Confusion()
    try:
        for row in csv.DictReader(table.read_text("utf-8").splitlines(), delimiter="\t"):
            if row["identifier"] == name:
                _add(made, row)
    except (KeyError, ValueError, TypeError, UnicodeDecodeError) as error:
        raise DataError(
            f"{table} is no table of confusions: {error!r}",
            hint=f"its columns, parted by tabs, are {', '.join(COLUMNS)}",
        ) from error
    return made if made.texts else None


def _add(made: Confusion, row: Mapping[str, str]) -> None:
    pair = row["language"], row["label"]
    made.texts[row["language"]] = int(row["texts"])
    made.labelled[pair] = int(row["labelled"])
    made.confirmed[pair] = int(row["confirmed"])
    if row["min_score"]:
        limits = float(row["min_score"]), float(row["min_own_words"]), int(row["kinds"])
        made.limits[row["label"]] = Limits(*limits)


def purity(key: str, corpus: Mapping[str, Counted], confusion: Confusion) -> Estimate:
    """The share of the documents with the label ``key`` that are right, with its interval.

    Args:
        key: a label of the corpus, with documents.
        corpus: every label's, ``und`` among them.
        confusion: the identifier's.
    """
    counted = corpus[key]
    right = _right_by_words(key, counted, confusion)
    wrong = _wrong_by_confusion(key, corpus, confusion)
    return Estimate(
        max(0.0, right.value - wrong.value / counted.documents),
        max(0.0, right.low - wrong.high / counted.documents),
        max(0.0, right.high - wrong.low / counted.documents),
        counted.documents,
    )


def is_possible_noise(estimate: Estimate) -> bool:
    """Whether what was counted may be nothing but errors, and is expected to be little else."""
    return not _is_any_certain(estimate) and estimate.value < NOISE


def cannot_tell(estimate: Estimate) -> bool:
    """Whether it may be nothing but errors, though more is expected: the interval is too wide."""
    return not _is_any_certain(estimate) and estimate.value >= NOISE


def _is_any_certain(estimate: Estimate) -> bool:
    """Whether one document at least is right at the lower end."""
    return estimate.low * estimate.n >= 1


def _right_by_words(key: str, counted: Counted, confusion: Confusion) -> Estimate:
    """The share that is in the language or in a known one, by the share that is confirmed.

    The lower end takes the wrong ones for those that look most alike, the others for such as are
    never confirmed.
    """
    n = counted.documents
    if counted.confirmed is None:
        return Estimate(1.0, 1.0, 1.0, n)
    tested = confusion.labelled.get((key, key), 0)
    if not tested or not confusion.confirmed[key, key]:
        return Estimate(0.0, 0.0, 1.0, n)
    seen = wilson(counted.confirmed / n, n)
    of_right = wilson(confusion.confirmed[key, key] / tested, tested)
    limits = confusion.limits.get(key)
    is_of_one_kind = limits is None or limits.kinds < 2
    return Estimate(
        min(1.0, seen.value / of_right.value),
        _share_through_test(seen.low, _confirmed_of_others(key, confusion)),
        1.0 if is_of_one_kind else min(1.0, seen.high / min(OTHER_KIND_SHARE, of_right.low)),
        n,
    )


def _share_through_test(seen: float, of_wrong: float) -> float:
    """The share of right ones, all confirmed, if so many are seen of all and of the wrong ones."""
    if 1 - of_wrong < MIN_DIFFERENCE:
        of_wrong = 0.0
    return max(0.0, (seen - of_wrong) / (1 - of_wrong))


def _confirmed_of_others(key: str, confusion: Confusion) -> float:
    """Of texts in unknown languages that got the label ``key``, the share confirmed; 0 of few."""
    pair = f"{OTHER}_{split(key)[1]}", key
    labelled = confusion.labelled.get(pair, 0)
    return confusion.confirmed[pair] / labelled if labelled >= MIN_OTHERS else 0.0


def _wrong_by_confusion(key: str, corpus: Mapping[str, Counted], confusion: Confusion) -> Estimate:
    """How many documents are expected to be in other languages or in none.

    The upper end takes all documents with another label for right ones, and unknown languages for
    as frequent as the known.
    """
    errors = confusion.labelled if corpus[key].confirmed is None else confusion.confirmed
    script = split(key)[1]
    value = most = variance = most_variance = largest = 0.0
    weights = []
    for language, told in _told(corpus, confusion).items():
        if language == key:
            continue
        # By the texts that were told, not by all: so it is by documents that the corpus has.
        weights.append(corpus[language].documents / told)
        if split(language)[1] != script:
            continue
        largest = max(largest, weights[-1])
        if count := errors.get((language, key), 0):
            weight = _right_documents(language, corpus, confusion) / told
            value += weight * count
            variance += weight**2 * _variance(count, RATE_DEVIATIONS[0])
            most += weights[-1] * count
            most_variance += weights[-1] ** 2 * _variance(count, RATE_DEVIATIONS[1])
    # Without the most frequent: beside English alone, nobody knows what is usual.
    usual = median(sorted(weights)[:-1] or [0.0])
    unknown = errors.get((f"{OTHER}_{script}", key), 0)
    most += usual * (unknown + 1)
    most_variance += usual**2 * (_variance(unknown, RATE_DEVIATIONS[1]) + 1)
    low = _gamma_quantile(value, variance, -Z_95)
    high = _gamma_quantile(most, most_variance, Z_95) + UNSEEN * largest
    code = _code_share(key, errors, confusion)
    present = corpus[UNKNOWN].documents if UNKNOWN in corpus else 0
    return Estimate(
        value + present * code.value,
        low + present * code.low,
        high + present * code.high,
        corpus[key].documents,
    )


def _told(corpus: Mapping[str, Counted], confusion: Confusion) -> dict[str, int]:
    """Languages of the corpus that the identifier knows -> their texts that it told rightly.

    And one more, as Chapman has it: what follows of the number of a language's documents from those
    that were told is too high in the mean without, and far too high where few texts were told.
    """
    told = {it: confusion.labelled.get((it, it), 0) for it in confusion.texts if it in corpus}
    return {language: count + 1 for language, count in told.items() if count}


def _right_documents(key: str, corpus: Mapping[str, Counted], confusion: Confusion) -> float:
    """How many of a label's documents are left without those that are misread for it."""
    wrong = sum(
        corpus[language].documents / told * confusion.labelled.get((language, key), 0)
        for language, told in _told(corpus, confusion).items()
        if language != key and split(language)[1] == split(key)[1]
    )
    return max(0.0, corpus[key].documents - wrong)


def _variance(count: int, deviation: float) -> float:
    """Of a count of errors, if their rate deviates so far in another kind of text."""
    return count + (deviation * count) ** 2


def _code_share(key: str, errors: Mapping[tuple[str, str], int], confusion: Confusion) -> Estimate:
    """The share of code and base64 that gets the label.

    Of which kinds there is how much, nobody knows: the interval reaches from the kind that is
    misread least to that which is misread most.
    """
    kinds = [kind for kind in confusion.texts if kind.startswith(NO_LANGUAGE)]
    if split(key)[1] != CODE_SCRIPT or not kinds:
        return Estimate(0.0, 0.0, 0.0, 0)
    counts = {kind: errors.get((kind, key), 0) for kind in kinds}
    texts = sum(confusion.texts[kind] for kind in kinds)
    pooled = wilson(sum(counts.values()) / texts, texts)
    each = [
        wilson(count / confusion.texts[kind], confusion.texts[kind])
        for kind, count in counts.items()
    ]
    high = max([pooled.high, *(it.high for it in each if it.value)])
    return Estimate(pooled.value, min(it.low for it in each), high, texts)


def _gamma_quantile(mean: float, variance: float, z: float) -> float:
    """The quantile at ``z`` standard deviations of a gamma distribution; 0 if it has no mean."""
    if not mean:
        return 0.0
    degrees = 2 * mean**2 / variance
    spread = 2 / (9 * degrees)
    return mean * max(0.0, 1 - spread + z * math.sqrt(spread)) ** 3
