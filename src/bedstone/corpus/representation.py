"""Who is represented in a corpus: languages by their share of it and of the world's speakers.

Source: Lai et al. 2023, arXiv:2304.05613, for the ratio and the categories.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from bedstone.evaluation.intervals import wilson
from bedstone.languages import MIXED, UNKNOWN, WORLD_POPULATION, name, speakers, split

CATEGORIES = (("H", 1e-2), ("M", 1e-3), ("L", 1e-4), ("X", 0.0))
"""High, medium, low, extremely low resource: the share of the corpus that each is above."""


@dataclass(frozen=True, slots=True)
class Count:
    """Documents and bytes of a language key."""

    key: str
    documents: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Share:
    """A language in one script, against its speakers. The fields are the keys of ``audit``."""

    language: str
    script: str
    name: str
    documents: int
    bytes: int
    share: float
    """Of documents, those of unknown language included."""
    share_low: float
    share_high: float
    """95 % by Wilson: how far a sample of this size may be off by chance."""
    bytes_share: float
    speakers: int | None
    """Of the language in any script; None where the source does not say."""
    speakers_share: float | None
    """Of the world's population; languages learned second count, so all add up to more than 1."""
    world_to_corpus_ratio: float | None
    """``speakers_share`` over the share of the language's documents in all scripts: above 1 the
    language has fewer documents than speakers."""
    category: str
    too_small_to_tell: bool
    """The share may be nothing but misread documents of other languages."""


def shares(counts: Iterable[Count], noise_share: float) -> list[Share]:
    """The languages, those with most documents first; without unknown and mixed ones.

    Args:
        counts: of each key once; together, the corpus.
        noise_share: what an identifier's errors alone may give to a language. One whose interval
            reaches down to it is too small to tell.
    """
    all_counts = list(counts)
    documents = sum(count.documents for count in all_counts)
    size = sum(count.bytes for count in all_counts)
    known = [count for count in all_counts if count.key not in (UNKNOWN, MIXED)]
    in_language: dict[str, int] = {}
    for count in known:
        code = split(count.key)[0]
        in_language[code] = in_language.get(code, 0) + count.documents
    ordered = sorted(known, key=lambda count: (-count.documents, count.key))
    return [
        _share(count, in_language[split(count.key)[0]], documents, size, noise_share)
        for count in ordered
    ]


def category(share: float) -> str:
    """The category of a language with this share of a corpus."""
    return next((letter for letter, above in CATEGORIES if share > above), CATEGORIES[-1][0])


def _share(count: Count, in_language: int, documents: int, size: int, noise: float) -> Share:
    code, script = split(count.key)
    share = wilson(count.documents / documents, documents)
    people = speakers(code)
    people_share = None if people is None else people / WORLD_POPULATION
    return Share(
        language=code,
        script=script,
        name=name(code),
        documents=count.documents,
        bytes=count.bytes,
        share=share.value,
        share_low=share.low,
        share_high=share.high,
        bytes_share=count.bytes / max(size, 1),
        speakers=people,
        speakers_share=people_share,
        world_to_corpus_ratio=(
            None if people_share is None else people_share * documents / in_language
        ),
        category=category(share.value),
        too_small_to_tell=share.low < noise,
    )
