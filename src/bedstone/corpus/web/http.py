"""HTTP responses as crawlers have kept them: codings that are undone already, or cut, or misnamed.

Source: RFC 9110 (8.3 media types, 8.4 content codings), RFC 9112 (2.2 line ends, 7.1 chunks), the
WHATWG Fetch standard ("extract a MIME type"). What a browser would show is taken, so a header that
does not fit its body is passed over.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from bedstone.corpus.web import packing, signals
from bedstone.corpus.web.heads import MAX_BYTES, named_values
from bedstone.corpus.web.packing import GZIP, ZSTD, Make

STATUS_LINE = re.compile(rb"\s*HTTP/\d+(?:\.\d+)?[ \t]+(\d{3})(?!\d)[^\n]*(?:\n|\Z)")
"""HTTP/2 has no reason; nor have some servers."""
HEADER_END = re.compile(rb"\n\r?(?:\n|\Z)")
CHUNK = re.compile(rb"\s{0,2}([0-9a-fA-F]{1,8})[ \t]*(?:;[^\n]*)?\r?\n")
"""The size of a chunk, and extensions, which mean nothing to us."""
VALUE = re.compile(r'(?:[^,"]|"(?:\\.|[^"\\])*"?)+')
"""One of those that commas divide; a quoted comma does not."""
MEDIA_TYPE = re.compile(r"\s*([\w!#$%&'*+.^`|~-]+/[\w!#$%&'*+.^`|~-]+)(?=[;\s]|\Z)")
CHARSET = re.compile(r"[;\s]charset\s*=\s*[\"']?([^\"';,\s]+)", re.IGNORECASE)
CODINGS: Mapping[str, tuple[Make, ...]] = {
    "gzip": (packing.gzip,),
    "deflate": (packing.zlib, packing.deflate),
    "br": (packing.brotli_stream,),
    "zstd": (lambda: packing.zstd_frame(window_log=23),),
}
"""By name, what may be meant; of zstd no larger window (RFC 9659)."""
MAGIC = {"gzip": GZIP, "zstd": ZSTD}
"""What begins with these has the coding, if nothing else can be said of it."""
CHUNKED = "chunked"
MAX_CODINGS = 8
"""That are undone of a body: some bytes unpack to themselves."""


class NoResponse(Exception):  # noqa: N818, what it is
    """It is no HTTP response, or has a coding that cannot be undone."""


class Response(NamedTuple):
    """A response; ``body`` has its codings undone."""

    status: int
    media_type: str
    """In lower case; empty if none is told."""
    charset: str
    """As told, empty if none is."""
    body: bytes
    is_cut: bool
    """The body ends before its end."""
    readings: tuple[bytes, ...]
    """The body as it was sent, and after each coding that was undone."""
    signals: tuple[str, ...]
    """As ``signals.of_headers`` has them."""
    location: str
    """Where it says that the answer is; empty if it does not."""


def is_response(block: bytes) -> bool:
    """Whether it begins as one."""
    return STATUS_LINE.match(block, 0, 1 << 10) is not None


def parse(block: bytes, max_body_bytes: int) -> Response:
    """The response in a record's block.

    Raises:
        NoResponse: there is none.
        packing.TooLarge: its body is larger than ``max_body_bytes`` at some point of undoing.
    """
    status = STATUS_LINE.match(block)
    if status is None:
        raise NoResponse
    end = HEADER_END.search(block, status.end() - 1, MAX_BYTES)
    header = block[status.end() : end.start() if end else MAX_BYTES]
    body = block[end.end() :] if end else b""
    fields: dict[str, list[str]] = {}
    for name, value in named_values(header.decode("latin-1")):
        fields.setdefault(name, []).append(value)
    media_type, charset = content_type(",".join(fields.get("content-type", ())))
    readings, is_cut = _undone(body, _codings(fields), max_body_bytes)
    if len(readings[-1]) > max_body_bytes:
        raise packing.TooLarge
    return Response(
        status=int(status[1]),
        media_type=media_type,
        charset=charset,
        body=readings[-1],
        is_cut=is_cut or _is_short(body, fields, was_coded=len(readings) > 1),
        readings=readings,
        signals=signals.of_headers(fields),
        location=fields.get("location", [""])[-1],
    )


@lru_cache(1 << 7)
def content_type(told: str) -> tuple[str, str]:
    """The media type, in lower case, and the charset that ``Content-Type`` tells: the last.

    A charset holds for a later value of the same type that has none.
    """
    found, charset = "", ""
    for value in VALUE.findall(told):
        media_type = MEDIA_TYPE.match(value)
        if not media_type or media_type[1] == "*/*":
            continue
        named = CHARSET.search(value, media_type.end())
        if found != media_type[1].lower():
            found, charset = media_type[1].lower(), ""
        charset = named[1] if named else charset
    return found, charset


def _codings(fields: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The names of those that were applied and can be undone, the outermost first."""
    for field in ("transfer-encoding", "content-encoding"):
        names = ",".join(fields.get(field, ())).split(",") if field in fields else []
        for name in (each.partition(";")[0].strip().lower() for each in reversed(names)):
            if (known := name.removeprefix("x-")) in CODINGS or known == CHUNKED:
                yield known


def _undone(body: bytes, codings: Iterator[str], max_bytes: int) -> tuple[tuple[bytes, ...], bool]:
    """The body after each coding, and whether it is cut within one."""
    readings, is_cut = [body], False
    for coding in islice(codings, MAX_CODINGS):
        made, was_cut = _undo(coding, readings[-1], max_bytes)
        is_cut |= was_cut
        if made is not readings[-1]:
            readings.append(made)
    if readings[-1].startswith(GZIP):
        made, was_cut = _undo("gzip", readings[-1], max_bytes)
        return (*readings, made), is_cut or was_cut
    return tuple(readings), is_cut


def _undo(coding: str, body: bytes, max_bytes: int) -> tuple[bytes, bool]:
    """What ``body`` was before, and whether it is cut; itself where it does not have the coding."""
    if coding == CHUNKED:
        return _joined(body)
    for make in CODINGS[coding]:
        found = packing.unpacked(body, make, max_bytes)
        if found.is_whole:
            return found.content, False
        if found.content and not body.lstrip().startswith(b"<"):
            return found.content, True
    if coding in MAGIC and body.startswith(MAGIC[coding]):
        raise NoResponse
    return body, False


def _joined(body: bytes) -> tuple[bytes, bool]:
    """What the chunks hold, and whether any are missing; ``body`` if it has no chunks."""
    found, position = bytearray(), 0
    while chunk := CHUNK.match(body, position):
        size, start = int(chunk[1], 16), chunk.end()
        found += body[start : start + size]
        position = start + size
        if not size or position > len(body):
            return bytes(found), bool(size)
    return (bytes(found), True) if found else (body, False)


def _is_short(body: bytes, fields: Mapping[str, Sequence[str]], *, was_coded: bool) -> bool:
    """Whether there is less than its header tells.

    A crawler that has undone a coding kept the length of what it undid, so that tells nothing.
    """
    length = fields.get("content-length", [""])[-1]
    if not length.isdecimal() or "transfer-encoding" in fields:
        return False
    return (was_coded or "content-encoding" not in fields) and int(length[:18]) > len(body)
