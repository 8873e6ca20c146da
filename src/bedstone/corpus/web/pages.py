"""From an archived record to a page: which records are pages, and whether they are as archived.

A record whose digest is another than its own is rejected. What a digest is of is told by the
standard but not done alike: the payload is taken as it was sent, without its chunks, or with all
codings undone (warcio#74, heritrix3#769, webarchive-discovery#234), and one that fits is enough.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from bedstone.corpus.web import http
from bedstone.corpus.web.heads import CONVERSION, RESOURCE, RESPONSE
from bedstone.corpus.web.packing import TooLarge
from bedstone.corpus.web.splitting import Found

ALGORITHMS = {each: getattr(hashlib, each) for each in ("md5", "sha1", "sha256", "sha512")}
"""Of digests, as labels have them without hyphens."""
LENGTHS = {
    name: {2 * size, -(-8 * size // 5), -(-4 * size // 3)}
    for name, size in ((name, make().digest_size) for name, make in ALGORITHMS.items())
}
"""Of a digest that is spelled in base 16, 32 or 64."""
OF_32 = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHIJKLMNOPQRSTUV", "0189"
)
"""From the digits of RFC 4648 to those of Python."""
DIGESTS = ("warc-block-digest", "warc-payload-digest")
CUT = frozenset({"warc-truncated", "warc-segment-number"})
"""Fields of a record that holds a part of its block."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a server answered; ``body`` has its transfer and content codings undone."""

    offset: int
    """Where the record, or else the member that holds it, starts in the file."""
    inner: int
    """Where the record starts in what its member unpacks to: 0 in a member of its own."""
    url: str
    date: str
    """As the record has it."""
    status: int | None
    """None of what was not fetched from a web server."""
    media_type: str
    charset: str
    """As the header has it, empty without one."""
    body: bytes
    is_cut: bool = False
    """The body ends before its end."""
    is_text: bool = False
    """Text that somebody has taken out of a page."""
    signals: tuple[str, ...] = ()
    """Those of the header, as ``corpus.web.signals`` has them."""
    location: str = ""
    """Where the header says that the answer is."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record, or a stretch of the file, that gives no page."""

    offset: int
    url: str
    reason: str
    """``damaged``, ``too_large``, ``digest`` (another than the record's own), ``http`` (no HTTP
    response, or a coding that cannot be undone) or ``url`` (there is none)."""
    bytes: int
    """Of the file that are lost, for damage; else those of the record."""


def outcome(place: tuple[int, int], found: Found, max_body_bytes: int) -> Page | Rejected | None:
    """What a record gives that starts at ``place``; None if its type is none of pages."""
    head, block = found.head, found.block
    fields = head.fields
    if head.type not in (RESPONSE, RESOURCE, CONVERSION):
        return None
    url = fields.get("warc-target-uri", "").strip("<> ")
    if reason := "too_large" if block is None else "" if url else "url":
        return Rejected(place[0], url, reason, found.size)
    assert block is not None
    is_part = not fields.keys().isdisjoint(CUT)
    is_cut = is_part
    readings: tuple[bytes, ...] = (block,)
    signals: tuple[str, ...] = ()
    location = ""
    try:
        if _is_http(found, block):
            answer = http.parse(block, max_body_bytes)
            status, media_type, charset = answer.status, answer.media_type, answer.charset
            is_cut |= answer.is_cut
            signals, location = answer.signals, answer.location
            readings += answer.readings
        else:
            status = None
            media_type, charset = http.content_type(fields.get("content-type", ""))
    except TooLarge:
        return Rejected(place[0], url, "too_large", found.size)
    except http.NoResponse:
        return Rejected(place[0], url, "http", found.size)
    if not is_part and _is_altered(fields, readings):
        return Rejected(place[0], url, "digest", found.size)
    return Page(
        *place,
        url=url,
        date=fields.get("warc-date", ""),
        status=status,
        media_type=media_type,
        charset=charset,
        body=readings[-1],
        is_cut=is_cut,
        is_text=found.head.type == CONVERSION and media_type in ("text/plain", ""),
        signals=signals,
        location=location,
    )


def _is_http(found: Found, block: bytes) -> bool:
    told = found.head.fields.get("content-type", "").lower()
    if found.head.type == RESPONSE:
        return not told or told.startswith("application/http") or http.is_response(block)
    return told.startswith("application/http")


def _is_altered(fields: Mapping[str, str], readings: tuple[bytes, ...]) -> bool:
    """Whether digests are told, and none is that of any of these bytes."""
    is_told = False
    for told in filter(None, map(fields.get, DIGESTS)):
        label, _, value = told.partition(":")
        name, value = label.strip().lower().replace("-", ""), value.strip().rstrip("=")
        if len(value) in LENGTHS.get(name, ()):
            is_told = True
            for reading in readings:
                if _is_digest(value, ALGORITHMS[name](reading, usedforsecurity=False).digest()):
                    return False
    return is_told


def _is_digest(told: str, digest: bytes) -> bool:
    """Whether ``told`` spells ``digest``, in base 16, 32 or 64."""
    if len(told) == 2 * len(digest):
        return told.lower() == digest.hex()
    if 5 * len(told) < 8 * len(digest):
        return told == base64.b64encode(digest).decode().rstrip("=")
    try:  # as a number: base64's way is slower than the digest
        number = int(told.upper().translate(OF_32), 32)
    except ValueError:
        return False
    return number >> 5 * len(told) - 8 * len(digest) == int.from_bytes(digest)
