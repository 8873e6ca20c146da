"""What a page, or the server that sent it, says of its use: raw, for a later decision.

A signal is ``name: value`` with the value as it was sent, but for controls. Headers have their own
names, ``meta`` elements ``meta`` and theirs, licences ``license`` and where they are linked from:
``x-robots-tag: noai``, ``meta robots: noai``, ``license link: https://...``.

Source: the field names of RFC 9309's neighbours: Google's "robots meta tag" page (which names
agents in the place of ``robots``), W3C TDMRep, draft-ietf-aipref-attach, Cloudflare's Content
Signals; the HTML standard, "Link type license".
"""

import html
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from urllib.parse import urljoin

import can_ada
import numpy as np

from bedstone.corpus.content.tags import NAMES, Tags
from bedstone.text.composition import legible

HEADERS = ("x-robots-tag", "tdm-reservation", "tdm-policy", "content-usage", "content-signal")
LINK = "link"
LICENSE_HEADER = re.compile(r"<([^>]*)>[^,<]*;\s*rel\s*=\s*\"?[^\",;]*\blicense\b", re.IGNORECASE)
META_NAME = re.compile(
    r"robots|[\w-]{0,40}bot[\w-]{0,40}|[\w-]{1,40}-(?:extended|crawler|externalagent)|anthropic-ai"
    r"|cohere-ai|bytespider|omgili|slurp|x-robots-tag|tdm-\w{1,20}|content-(?:usage|signal)"
)
"""Of a ``meta`` element: a field as above, or an agent; most agents' names have ``bot`` in them."""
NAMED = (b"name", b"http-equiv")
META = NAMES.index("meta")
ATTRIBUTE = re.compile(rb' ([^\s="<>]+)="([^"]*)"')
REL = re.compile(rb' rel="[^"]*(?i:license)')
LINKS = ("link", "a", "area")
LICENSE = "license "
MAX_SIGNALS = 32
"""Of a page; and of its markup as many are looked at as could be signals of a sane page."""
MAX_CHARACTERS = 500
"""Of a value; the rest is cut off."""
MAX_TAGS = 1_000
MAX_LINK_CHARACTERS = 2_000
"""Of a header: to look through it takes their square."""


def of_headers(fields: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The signals of a response's headers, whose names are in lower case."""
    found = [_signal(name, value) for name in HEADERS for value in fields.get(name, ())]
    if LINK in fields:
        linked = LICENSE_HEADER.findall(",".join(fields[LINK])[:MAX_LINK_CHARACTERS])
        found += [_signal(f"{LICENSE}header", target) for target in linked]
    return tuple(found[:MAX_SIGNALS])


def of_markup(tree: bytes, tags: Tags) -> list[str]:
    """The signals of a page.

    Args:
        tree: as the parser writes it, in UTF-8.
        tags: of ``tree``.
    """
    found = []
    for tag in np.flatnonzero(tags.names == META)[:MAX_TAGS].tolist():
        values = dict(ATTRIBUTE.findall(tree[tags.starts[tag] : tags.ends[tag]]))
        names = (_text(values[each]).strip().lower() for each in NAMED if each in values)
        field = next((name for name in names if META_NAME.fullmatch(name)), None)
        if field and b"content" in values:
            found.append(_signal(f"meta {field}", _text(values[b"content"])))
    for place in islice(REL.finditer(tree), MAX_TAGS):
        name, values = _element(tree, tags, place.start())
        is_license = b"license" in values.get(b"rel", b"").lower().split()
        if is_license and name in LINKS and b"href" in values:
            found.append(_signal(f"{LICENSE}{name}", _text(values[b"href"])))
    return found[:MAX_SIGNALS]


def license_of(signals: Sequence[str], url: str) -> str | None:
    """The address of the page's licence; None if it names none, or it cannot be told which.

    A header, or a ``link`` of the page, goes before links in its text: these may be about parts of
    it. Of several different ones in the text none is the page's.
    """
    links = [each.removeprefix(LICENSE) for each in signals if each.startswith(LICENSE)]
    named = [each.partition(": ") for each in links]
    own = [target for kind, _, target in named if kind in ("header", "link")][:1]
    addresses = {_address(each, url) for each in own or [target for *_, target in named]}
    return addresses.pop() if len(addresses) == 1 else None


def _address(target: str, url: str) -> str | None:
    if len(target) >= MAX_CHARACTERS:  # it may be cut
        return None
    try:
        found = can_ada.parse(urljoin(url, target))
    except ValueError:
        return None
    return str(found.href) if found.protocol in ("http:", "https:") else None


def _element(tree: bytes, tags: Tags, position: int) -> tuple[str, dict[bytes, bytes]]:
    """The name and the attributes of the element whose tag is there; none within a text."""
    tag = int(np.searchsorted(tags.starts, position, "right")) - 1
    if tag < 0 or position >= tags.ends[tag]:
        return "", {}
    values = dict(ATTRIBUTE.findall(tree[tags.starts[tag] : tags.ends[tag]]))
    return NAMES[int(tags.names[tag])], values


def _text(value: bytes) -> str:
    return html.unescape(value[: MAX_CHARACTERS * 8].decode("utf-8", "replace"))


def _signal(name: str, value: str) -> str:
    return f"{name}: {' '.join(legible(value[: MAX_CHARACTERS * 2]).split())[:MAX_CHARACTERS]}"
