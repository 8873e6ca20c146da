"""Who is represented in a corpus: languages by their share of it and of the world's speakers.

Source: Lai et al. 2023, arXiv:2304.05613, for the ratio and the categories.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bedstone.corpus.identification import purity
from bedstone.corpus.identification.purity import Confusion, Counted, Limits
from bedstone.languages import (
    MIXED,
    UNKNOWN,
    WORLD_POPULATION,
    Source,
    is_divided,
    join,
    known,
    name,
    speakers,
    split,
)
from bedstone.uncertainty.intervals import MIN_DOCUMENTS, Estimate, wilson

CATEGORIES = (("H", 1e-2), ("M", 1e-3), ("L", 1e-4), ("X", 0.0))
"""High, medium, low, extremely low resource: the share of the corpus that each is above."""
REMOVED_RATIO = 0.5
"""A language is removed if of its documents less than so many times as large a share is kept as of
all, by the ends of both intervals. Our choice."""


@dataclass(frozen=True, slots=True)
class Count:
    """What there is with one label; None where it was not counted."""

    documents: int
    bytes: int | None = None
    tokens: int | None = None
    confirmed: int | None = None
    """Documents that are like most of their language: see ``purity``."""
    erased: int | None = None
    """Documents that a second identifier calls something else."""


@dataclass(frozen=True, slots=True)
class Share:
    """A language in one script, against its speakers. The fields are the keys of ``audit``."""

    language: str
    script: str
    name: str
    documents: int
    bytes: int | None
    tokens: int | None
    share: float
    """Of documents, those of unknown language included."""
    share_low: float
    share_high: float
    """95 % by Wilson: how far a sample of this size may be off by chance."""
    bytes_share: float | None
    tokens_share: float | None
    speakers: int | None
    """Of the language, in this script where the script depends on the country, else in any; None
    where the source does not say."""
    speakers_share: float | None
    """Of the world's population; languages learned second count, so all add up to more than 1."""
    world_to_corpus_ratio: float | None
    """``speakers_share`` over the share of the documents that these speakers can read: above 1 the
    language has fewer documents than speakers."""
    weight: float | None
    """How many times each of its documents would have to count, all others once, to bring the ratio
    to 1; None where no weight does."""
    category: str
    purity: float | None
    """The expected share of its documents that are in it; None where nothing was measured."""
    purity_low: float | None
    purity_high: float | None
    purity_kinds: int | None
    """The kinds of text that this was learnt from; of one alone, words that are missing prove
    nothing. None where nothing was learnt of the language."""
    possible_noise: bool | None
    """Its count may be nothing but misread documents of other languages, and little else is
    expected."""
    cannot_tell: bool | None
    """It may be nothing but those, though more is expected: the interval is too wide."""
    erased_share: float | None
    """Of its documents, those that a second identifier calls something else."""


@dataclass(frozen=True, slots=True)
class Removed:
    """A language of which much less was kept than of the others."""

    language: str
    script: str
    name: str
    input_documents: int
    documents: int
    kept_share: float
    kept_share_low: float
    kept_share_high: float


def shares(
    counts: Mapping[str, Count], source: Source = "cldr", confusion: Confusion | None = None
) -> list[Share]:
    """The languages, the least represented first; at the end those without a ratio.

    Args:
        counts: by language key, ``und`` and ``mul`` among them; together, the corpus.
        source: of the speakers.
        confusion: what the identifier is known to misread.
    """
    totals = Count(
        sum(count.documents for count in counts.values()),
        sum(count.bytes or 0 for count in counts.values()),
        sum(count.tokens or 0 for count in counts.values()),
    )
    readable = Counter[str]()
    for key, count in counts.items():
        readable[_readers(key)] += count.documents
    counted = {_usual(key): Counted(it.documents, it.confirmed) for key, it in counts.items()}
    rows = [
        _share(key, count, totals, readable[_readers(key)], source)
        | _purity(_usual(key), counted, confusion)
        for key, count in counts.items()
        if key not in (UNKNOWN, MIXED) and count.documents
    ]
    return sorted((Share(**row) for row in rows), key=_order)


def category(share: float) -> str:
    """The category of a language with this share of a corpus."""
    return next((letter for letter, above in CATEGORIES if share > above), CATEGORIES[-1][0])


def removed(before: Mapping[str, int], after: Mapping[str, int]) -> list[Removed]:
    """The languages that lost far more than the others, the one with most documents first.

    Args:
        before: documents of each language key.
        after: those of them that were kept.
    """
    total = sum(before.values())
    if not total:
        return []
    overall = wilson(sum(after.values()) / total, total)
    found = []
    for key, number in before.items():
        kept = wilson(after.get(key, 0) / number, number) if number else None
        if kept is None or number < MIN_DOCUMENTS or key in (UNKNOWN, MIXED):
            continue
        if kept.high < REMOVED_RATIO * overall.low:
            code, script = split(key)
            numbers = number, after.get(key, 0), kept.value, kept.low, kept.high
            found.append(Removed(code, script, name(code), *numbers))
    return sorted(found, key=lambda it: (-it.input_documents, it.language))


def _readers(key: str) -> str:
    """What documents are for the same readers: the language, in its script if that divides them."""
    code = split(key)[0]
    return key if is_divided(code) else code


def _usual(key: str) -> str:
    """The key with the language's usual script, where it has none."""
    code, script = split(key)
    return join(code, script or known()[code].scripts[0]) if code in known() else key


def _share(key: str, count: Count, totals: Count, readable: int, source: Source) -> dict[str, Any]:
    code, script = split(key)
    share = wilson(count.documents / totals.documents, totals.documents)
    people = speakers(code, script, source)
    people_share = None if people is None else people / WORLD_POPULATION
    readable_share = readable / totals.documents
    return {
        "language": code,
        "script": script,
        "name": name(code),
        "documents": count.documents,
        "bytes": count.bytes,
        "tokens": count.tokens,
        "share": share.value,
        "share_low": share.low,
        "share_high": share.high,
        "bytes_share": _part(count.bytes, totals.bytes),
        "tokens_share": _part(count.tokens, totals.tokens),
        "speakers": people,
        "speakers_share": people_share,
        "world_to_corpus_ratio": None if people_share is None else people_share / readable_share,
        "weight": _weight(people_share, readable_share),
        "category": category(share.value),
        "erased_share": _part(count.erased, count.documents),
    }


def _part(number: int | None, whole: int | None) -> float | None:
    return None if number is None else number / max(whole or 0, 1)


def _weight(wanted: float | None, share: float) -> float | None:
    """The factor w with ``w * share / (w * share + 1 - share) = wanted``."""
    if wanted is None or not 0 < wanted < 1 or share >= 1:
        return None
    return wanted * (1 - share) / (share * (1 - wanted))


def _purity(
    key: str, counted: Mapping[str, Counted], confusion: Confusion | None
) -> dict[str, Any]:
    found: Estimate | None = None
    limits: Limits | None = None
    if confusion is not None:
        found = purity.purity(key, counted, confusion)
        limits = confusion.limits.get(key)
    return {
        "purity": found and found.value,
        "purity_low": found and found.low,
        "purity_high": found and found.high,
        "purity_kinds": limits and limits.kinds,
        "possible_noise": None if found is None else purity.is_possible_noise(found),
        "cannot_tell": None if found is None else purity.cannot_tell(found),
    }


def _order(row: Share) -> tuple[bool, float, int, str, str]:
    ratio = row.world_to_corpus_ratio
    return ratio is None, -(ratio or 0.0), -row.documents, row.language, row.script
