"""Examples that a classifier learns from, as a user gives them: texts, or what URLs they have."""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple
from urllib.parse import urlsplit

from bedstone.corpus.identification.identifiers import identifier
from bedstone.corpus.identification.identify import identify
from bedstone.corpus.rewriting.versions import row_groups
from bedstone.errors import DataError
from bedstone.lots import lot
from bedstone.store.artifact import Shard

COLUMNS = ("url", "text")
MIN_BYTES, MIN_SHARE = 40, 0.7
"""With which the language of a given text is found: the defaults of corpus.language."""
UNTOLD = ""
"""The language where none is told."""


class Example(NamedTuple):
    """A text, and what is known of it."""

    id: str
    url: str
    text: str
    language: str = UNTOLD


class Wanted(NamedTuple):
    """Which documents of the corpus are positive, by their URLs."""

    urls: tuple[str, ...] = ()
    """How they begin."""
    hosts: tuple[str, ...] = ()
    """With all hosts below them."""

    def has(self, url: str) -> bool:
        """Whether the document at ``url`` is."""
        return url.startswith(self.urls) or self._has_host(url)

    def _has_host(self, url: str) -> bool:
        host = f".{host_of(url)}" if self.hosts else ""
        return any(host.endswith(f".{each.lower().strip('.')}") for each in self.hosts)


def host_of(url: str) -> str:
    """The host in lower case; empty where there is none."""
    try:
        return (urlsplit(url).hostname or "").strip(".")
    except ValueError:  # of brackets that are no address
        return ""


def given_examples(given: Shard, most: int, purpose: str) -> list[Example]:
    """Documents that are given; of too many some, by lot.

    Raises:
        DataError: there is none, or it is no table of documents.
    """
    drawn: list[tuple[float, Example]] = []
    rows = (group.to_pylist() for it in given.shards for group in row_groups(it, COLUMNS))
    for number, row in enumerate(chain.from_iterable(rows)):
        name = f"{given.content[:16]}-{number}"
        drawn.append((lot(name, purpose), Example(name, row["url"] or "", row["text"])))
        if len(drawn) >= 2 * most:
            drawn = sorted(drawn)[:most]
    if not drawn:
        raise DataError(f"{given.location} has no document")
    return [example for _, example in sorted(drawn)[:most]]


def in_languages(examples: Sequence[Example]) -> list[Example]:
    """The same, with their languages."""
    texts = [example.text for example in examples]
    found = identify(texts, identifier("pycld2"), MIN_BYTES, MIN_SHARE)
    pairs = zip(examples, found, strict=True)
    return [example._replace(language=it.language) for example, it in pairs]
