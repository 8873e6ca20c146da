"""WARC files of pages that come from no web server: the same pages give the same bytes.

A warcinfo record and then a response record for each page, every one a gzip member of its own.
Record ids are derived from the URL; the date and the members' time stamps are fixed.

Source: WARC 1.1, ISO 28500:2017.
"""

import base64
import gzip
import hashlib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

DATE = "2024-01-01T00:00:00Z"
"""Of every record: a time of fetching would differ each time."""
LEVEL = 6
"""Of gzip."""


@dataclass(frozen=True, slots=True)
class Page:
    """A web page as a server would send it."""

    url: str
    html: bytes
    charset: str | None = None
    """What the HTTP header says; ``None`` leaves it to the page, or to the reader's guess."""


def write(path: Path, pages: Iterable[Page], about: Mapping[str, str]) -> None:
    """Write ``pages`` in their order; ``about`` are the warcinfo record's own fields."""
    info = _record_id(f"warcinfo:{sorted(about.items())}")
    with path.open("wb") as stream:
        stream.write(_member(_warcinfo(info, about)))
        for page in pages:
            stream.write(_member(_response(page, info)))


def _warcinfo(record_id: str, about: Mapping[str, str]) -> bytes:
    block = _fields(about)
    return _record(
        {
            "WARC-Type": "warcinfo",
            "WARC-Date": DATE,
            "WARC-Record-ID": record_id,
            "Content-Type": "application/warc-fields",
            "WARC-Block-Digest": _digest(block),
        },
        block,
    )


def _response(page: Page, info: str) -> bytes:
    charset = f"; charset={page.charset}" if page.charset else ""
    http = _fields(
        {"Content-Type": f"text/html{charset}", "Content-Length": str(len(page.html))},
    )
    block = b"HTTP/1.1 200 OK\r\n" + http + b"\r\n" + page.html
    return _record(
        {
            "WARC-Type": "response",
            "WARC-Target-URI": page.url,
            "WARC-Date": DATE,
            "WARC-Record-ID": _record_id(page.url),
            "WARC-Warcinfo-ID": info,
            "Content-Type": "application/http; msgtype=response",
            "WARC-Payload-Digest": _digest(page.html),
            "WARC-Block-Digest": _digest(block),
        },
        block,
    )


def _record(header: Mapping[str, str], block: bytes) -> bytes:
    length = {"Content-Length": str(len(block))}
    return b"WARC/1.1\r\n" + _fields({**header, **length}) + b"\r\n" + block + b"\r\n\r\n"


def _fields(values: Mapping[str, str]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in values.items()).encode()


def _record_id(name: str) -> str:
    return f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, name)}>"


def _digest(content: bytes) -> str:
    sha1 = hashlib.sha1(content, usedforsecurity=False).digest()
    return f"sha1:{base64.b32encode(sha1).decode()}"


def _member(record: bytes) -> bytes:
    return gzip.compress(record, LEVEL, mtime=0)
