"""The headers of archived records, of WARC (0.17 to 1.1) and of ARC 1.0, as they are found.

Source: ISO 28500:2017; its drafts 0.17 and 0.18; "ARC file format" of the Internet Archive, 1996.
What an ARC's line tells is told by the names of WARC's fields.
"""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from bedstone.corpus.web.packing import Data

MAX_BYTES = 64 << 10
"""Of a header; a longer one is damage."""
BLANK_LINE = re.compile(rb"\n\r?\n")
FOLD = re.compile(r"\r?\n[ \t]+")
RESPONSE, RESOURCE, CONVERSION = "response", "resource", "conversion"
"""Types of records that hold pages."""
ABOUT = "warcinfo"


class Head(NamedTuple):
    """A record's header."""

    size: int
    """In bytes, with the blank line behind it."""
    length: int
    """Of the block that follows, as told, in bytes."""
    type: str
    """Of the record, in lower case; empty if none is told."""
    fields: dict[str, str]
    """By name in lower case; of several the last."""


@dataclass(frozen=True, slots=True)
class Format:
    """How records follow one another."""

    sign: re.Pattern[bytes]
    """The line that begins one."""
    lead: bytes
    """Before a sign or at its beginning, for a fast search."""
    is_before: bool
    """The lead is before the sign."""
    end: bytes
    """Behind a record's block."""
    parse: Callable[[bytes], Head | None]
    """The header that bytes begin with; None if there is none, or it is not whole."""

    def begins(self, data: Data | bytearray, position: int = 0) -> bool:
        """Whether a record seems to begin there."""
        return self.sign.match(data, position) is not None

    def find(self, data: Data | bytearray, position: int, stop: int = sys.maxsize) -> int:
        """Where the next record seems to begin, from ``position`` on and before ``stop``, or -1."""
        skipped = len(self.lead) if self.is_before else 0
        stop = min(stop, len(data)) + len(self.lead) - skipped - 1
        found = data.find(self.lead, max(position - skipped, 0), stop)
        while found >= 0 and not self.begins(data, found + skipped):
            found = data.find(self.lead, found + 1, stop)
        return found + skipped if found >= 0 else -1


def named_values(header: str) -> list[tuple[str, str]]:
    """The lines that name a value, with names in lower case; values may go on on the next line."""
    if "\n " in header or "\n\t" in header:
        header = FOLD.sub(" ", header)
    lines = [line.partition(":") for line in header.split("\n")]
    return [(name.rstrip().lower(), value.strip()) for name, colon, value in lines if colon]


def _warc_head(data: bytes) -> Head | None:
    end = BLANK_LINE.search(data, 0, MAX_BYTES)
    if end is None or not WARC.begins(data) or data.find(b"\0", 0, end.start()) >= 0:
        return None
    fields = dict(named_values(data[: end.start()].decode("utf-8", "replace")))
    length, kind = fields.get("content-length", ""), fields.get("warc-type", "").lower()
    return Head(end.end(), int(length), kind, fields) if _is_length(length) else None


def _arc_head(data: bytes) -> Head | None:
    line = ARC.sign.match(data, 0, MAX_BYTES)
    if line is None:
        return None
    url, date, about, length = (each.decode("utf-8", "replace") for each in line.groups(b""))
    name = url.lower().partition(":")[0]
    kind = RESPONSE if name in ("http", "https") else ABOUT if name == "filedesc" else RESOURCE
    fields = {
        "warc-target-uri": url,
        "warc-date": re.sub(r"^(....)(..)(..)(..)(..)(..)$", r"\1-\2-\3T\4:\5:\6Z", date),
        "content-type": about.partition(" ")[0],
    }
    return Head(line.end(), int(length), kind, fields) if _is_length(length) else None


def _is_length(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


WARC = Format(
    sign=re.compile(rb"WARC/[01]\.\d{1,2}[ \t]*\r?\n"),
    lead=b"WARC/",
    is_before=False,
    end=b"\r\n\r\n",
    parse=_warc_head,
)
ARC = Format(
    # An address may have spaces in it; of where it ends nothing is tried twice.
    sign=re.compile(rb"(?>([a-zA-Z][\w+.-]*:[^\n]*?) [\w.:-]+ (\d{8,14}) )([^\n]* )?(\d+)\r?\n"),
    lead=b"\n",
    is_before=True,
    end=b"\n",
    parse=_arc_head,
)
