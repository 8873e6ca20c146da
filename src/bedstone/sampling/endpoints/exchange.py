"""One exchange over HTTP, which a server can make neither large nor long.

Python's client bounds each wait for a byte, not their sum, and reads all that comes. So the bounds
stand where bytes come in, below all that the client reads: status, headers, body.
"""

import http.client
import io
import socket
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from functools import partial
from typing import Any, NamedTuple

REFUSAL_BYTES = 2**16
"""Of what comes with a status of no success."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an answer may take."""

    silence_seconds: float
    """Without a byte."""
    until: float
    """By ``time.monotonic``."""
    bytes: int
    """Status and headers included."""

    def wait_seconds(self) -> float:
        """How long the next byte may take.

        Raises:
            TimeoutError: it would come too late.
        """
        left_seconds = self.until - time.monotonic()
        if left_seconds <= 0:
            raise TimeoutError("timed out")
        return min(self.silence_seconds, left_seconds)


class TooLargeError(Exception):
    """More bytes come than an answer may have."""


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Message
    content: bytes
    """As it was sent: nothing is unpacked."""
    seconds: float
    """From the request to the last byte."""

    @property
    def succeeds(self) -> bool:
        """By its status."""
        return 200 <= self.status < 300


class _Request(urllib.request.Request):
    def __init__(self, url: str, data: bytes, headers: Mapping[str, str], limits: Limits) -> None:
        super().__init__(url, data, dict(headers))
        self.limits = limits


class _Arriving(io.RawIOBase):
    """What comes in by a connection, within its limits."""

    def __init__(self, connection: socket.socket, raw: Any, limits: Limits) -> None:
        self._connection, self._raw, self._limits = connection, raw, limits
        self._bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(self._limits.wait_seconds())
        count: int = self._raw.readinto(buffer)
        self._bytes += count
        if self._bytes > self._limits.bytes:
            raise TooLargeError
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, connection: socket.socket, *, limits: Limits, **given: Any) -> None:
        super().__init__(connection, **given)
        self.fp = io.BufferedReader(_Arriving(connection, self.fp.detach(), limits))


class _Handler(urllib.request.HTTPSHandler, urllib.request.HTTPHandler):
    def do_open(self, http_class: Any, req: Any, **given: Any) -> http.client.HTTPResponse:
        def connection(*args: Any, **options: Any) -> http.client.HTTPConnection:
            made: http.client.HTTPConnection = http_class(*args, **options)
            made.response_class = partial(_Response, limits=req.limits)  # type: ignore[assignment]
            return made

        return super().do_open(connection, req, **given)


def _opener() -> urllib.request.OpenerDirector:
    # No redirect is followed: it would take the key to another host.
    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.ProxyHandler(), _Handler()):
        opener.add_handler(handler)
    return opener


OPENER = _opener()


def post(url: str, data: bytes, headers: Mapping[str, str], limits: Limits) -> Answer:
    """Send ``data``, and read what comes back, whatever its status.

    Raises:
        TooLargeError: it has more bytes than it may.
        OSError, http.client.HTTPException: it does not come, or not whole, or is no HTTP.
    """
    start = time.monotonic()
    request = _Request(url, data, headers, limits)
    try:
        with OPENER.open(request, timeout=limits.wait_seconds()) as response:
            content = _content(response, limits.bytes)
    except ValueError as error:  # a chunk of less than no bytes
        raise http.client.HTTPException(str(error)) from error
    return Answer(response.status, response.headers, content, time.monotonic() - start)


def _content(response: http.client.HTTPResponse, most_bytes: int) -> bytes:
    if not 200 <= response.status < 300:  # the status says it without the words that come with it
        try:
            return response.read(REFUSAL_BYTES)
        except (OSError, http.client.HTTPException):
            return b""
    if response.length is not None and response.length > most_bytes:
        raise TooLargeError
    content = response.read(most_bytes)
    if response.length:
        raise http.client.IncompleteRead(content, response.length)
    return content
