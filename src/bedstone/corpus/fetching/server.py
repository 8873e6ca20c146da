"""A server of large files that do not change: what it gives of one, or why it gives nothing.

An answer is believed as far as its status, its length and its Content-Range go together. Redirects
are refused, and names that lead into a private network.
"""

import http.client
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote

from bedstone.errors import BedstoneError, DataError, printable
from bedstone.store.exchange import (
    HEAD_BYTES,
    Limits,
    PrivateAddressError,
    TooLargeError,
    asked_wait_seconds,
    opened,
)

PASSING = (429, 500, 502, 503, 504, 509)
"""Statuses after which it is asked again."""
FORBIDDEN, ABSENT, BEYOND = 403, 404, 416
SILENCE_SECONDS = 60.0
"""Without a byte."""
ANSWER_SECONDS = 3_600.0
"""Of an answer, whatever comes: of a large file the rest is then asked for."""
STRONG = re.compile(r'"[!#-~]{1,200}"')
"""ETag: a weak one promises no equal bytes."""
CONTENT_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})")


class PassingError(Exception):
    """What may be better at the next try, and how long the server asks to wait until then."""

    def __init__(self, said: str, wait_seconds: float = 0.0) -> None:
        super().__init__(printable(said))
        self.wait_seconds = wait_seconds


class BeyondError(DataError):
    """A file has not the bytes that are asked for."""


class Coming(NamedTuple):
    """A file's bytes from ``start`` to ``stop``, of ``total_bytes`` that it has."""

    start: int
    stop: int
    total_bytes: int
    etag: str
    """Of this version of the file; empty for one that could not be asked for again."""
    read: Callable[[int], bytes]
    """What has come of the next, at most so many; none at the end."""


@dataclass(frozen=True, slots=True)
class Server:
    """Files behind an address."""

    at: str
    agent: str
    """How the client names itself."""

    def location(self, key: str) -> str:
        """The address of the file ``key``."""
        return f"{self.at.rstrip('/')}/{quote(key)}"

    @contextmanager
    def coming(self, key: str, start: int, stop: int | None, etag: str = "") -> Iterator[Coming]:
        """The file ``key`` from ``start`` to ``stop``: it is for the caller to see what comes.

        With an ``etag``, of another version than that all comes.

        Raises:
            PassingError: none, or no whole one; another try may help.
            BeyondError: the file ends before ``start``.
            DataError: there is no such file, or what comes is no answer to this.
            BedstoneError: the server refuses.
        """
        headers = {"User-Agent": self.agent, "Accept-Encoding": "identity"}
        if start or stop is not None:
            headers["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
        if etag:
            headers["If-Range"] = etag
        url = self.location(key)
        most_bytes = HEAD_BYTES + (2**63 if stop is None else stop)
        limits = Limits(SILENCE_SECONDS, time.monotonic() + ANSWER_SECONDS, most_bytes)
        try:
            with opened(url, headers, limits) as response:
                self._judge(key, response)
                yield _coming(response)
        except TooLargeError:
            raise DataError(f"{url}: the answer does not end where it says") from None
        except PrivateAddressError as error:
            hint = "a server in a network of your own is given by its address, not its name"
            raise BedstoneError(f"{url} is not asked: {error}", hint=hint) from None
        except (OSError, http.client.HTTPException) as error:
            if getattr(error, "filename", None):  # of a file that the caller was writing
                raise
            raise PassingError(str(getattr(error, "reason", error)) or repr(error)) from error

    def _judge(self, key: str, response: http.client.HTTPResponse) -> None:
        status, url = response.status, self.location(key)
        if status in (200, 206):
            return
        if status in PASSING:
            raise PassingError(f"status {status}", asked_wait_seconds(response.headers))
        if status == ABSENT:
            raise absent(self.at, key)
        if status == BEYOND:
            raise BeyondError(f"{url} ends before the bytes that are asked for")
        if status == FORBIDDEN:
            hint = "ask no more today: see https://status.commoncrawl.org, and write to its people"
            raise BedstoneError(f"{url}: status {status}: the server has shut us out", hint=hint)
        place = response.headers.get("Location")
        to = f", pointing to {place[:300]}, which is not followed" if place else ""
        raise BedstoneError(f"{url}: status {status}{to}")


def absent(at: str, key: str) -> DataError:
    """The error of a file that is not there."""
    hint = "is the crawl's name right? https://index.commoncrawl.org lists them"
    return DataError(f"{at} has no {key}", hint=hint)


def _coming(response: http.client.HTTPResponse) -> Coming:
    length, headers = response.headers.get("Content-Length", ""), response.headers
    if not re.fullmatch(r"\d{1,15}", length) or headers.get("Transfer-Encoding"):
        raise DataError(f"{response.url}: the answer does not say how long it is")
    etag = headers.get("ETag", "")
    if not STRONG.fullmatch(etag):
        etag = ""
    if response.status == 200:
        return Coming(0, int(length), int(length), etag, response.read1)
    told = CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
    start, last, total_bytes = map(int, told.groups()) if told else (0, 0, 0)
    if last + 1 - start != int(length) or last >= total_bytes:
        raise PassingError("its Content-Range and its Content-Length contradict each other")
    return Coming(start, last + 1, total_bytes, etag, response.read1)
