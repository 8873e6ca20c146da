"""The beginnings of documents, which are what is measured of them."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from bedstone.lots import lot

KEPT, DROPPED = "kept", "dropped"
"""What decisions do with a document."""
REQUIRED, NULLABLE = ("id", "language", "bytes", "text"), ("site", "group")
"""Columns of the table of texts."""
Row = dict[str, Any]


def beginning(text: str, max_bytes: int) -> str:
    """As much of ``text`` as ``max_bytes`` of UTF-8 hold, in whole characters."""
    return text[:max_bytes].encode()[:max_bytes].decode(errors="ignore")


def site(url: str | None) -> str | None:
    """The host of a document's URL, without ``www.``; None where it has none."""
    try:
        host = urlsplit(url or "").hostname
    except ValueError:
        return None
    return host.removeprefix("www.") if host else None


def first(documents: Iterable[Row], max_bytes: int) -> list[Row]:
    """Documents by lot until they have ``max_bytes``; the one that goes beyond is the last."""
    chosen, total = list[Row](), 0
    for document in sorted(documents, key=lambda it: lot(it["id"], "evaluation.texts")):
        if total >= max_bytes:
            break
        chosen.append(document)
        total += document["bytes"]
    return chosen
