"""A bucket of S3 with large files that do not change: it gives of one what a server does.

The library that speaks to it makes each request once. Keys are read from the environment by that
library, and stand in nothing that is said.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from bedstone.corpus.fetching.server import (
    ANSWER_SECONDS,
    BEYOND,
    PASSING,
    SILENCE_SECONDS,
    STRONG,
    BeyondError,
    Coming,
    PassingError,
    absent,
)
from bedstone.errors import BedstoneError
from bedstone.store.place import (
    HTTP,
    KEYS,
    NO_BUCKET,
    NO_REQUEST,
    STATUS,
    cause,
    library,
    objects,
)

NO_KEYS = re.compile(r"http://169\.254\.|/latest/api/token")
"""They were looked for where Amazon's machines have them."""


@dataclass(frozen=True)
class Bucket:
    """Files in a bucket, or below a prefix of it."""

    at: str
    agent: str
    """How the client names itself."""

    def location(self, key: str) -> str:
        """The address of the file ``key``."""
        return f"{self.at.rstrip('/')}/{key}"

    @contextmanager
    def coming(self, key: str, start: int, stop: int | None, etag: str = "") -> Iterator[Coming]:
        """The file ``key`` from ``start`` to ``stop``: it is for the caller to see what comes.

        With an ``etag``, of another version than that all comes, by a second request.

        Raises:
            PassingError: none, or no whole one; another try may help.
            BeyondError: the file ends before ``start``.
            DataError: there is no such file.
            BedstoneError: the bucket refuses, or obstore is not installed.
        """
        found = self._get(key, start, stop, etag if start else "") or self._get(key, 0, stop)
        begin, end = found.range
        version = found.meta["e_tag"] or ""
        version = version if STRONG.fullmatch(version) else ""
        read = _reader(found.stream(min_chunk_size=1))
        try:
            yield Coming(begin, end, found.meta["size"], version, read)
        except self._library.exceptions.BaseError as error:
            raise PassingError(cause(error)) from None

    @cached_property
    def _library(self) -> Any:
        return library(f"a crawl at {self.at}")

    @cached_property
    def _objects(self) -> Any:
        return objects(
            self._library,
            self.at.rstrip("/"),
            retries=0,
            timeout=timedelta(seconds=ANSWER_SECONDS),
            read_timeout=timedelta(seconds=SILENCE_SECONDS),
            user_agent=self.agent,
        )

    def _get(self, key: str, start: int, stop: int | None, etag: str = "") -> Any:
        """What comes; None of another version."""
        options: dict[str, Any] = {"if_match": etag} if etag else {}
        if start or stop is not None:
            options["range"] = {"offset": start} if stop is None else (start, stop)
        errors = self._library.exceptions
        try:
            return self._library.get(self._objects, key, options=options)
        except (errors.BaseError, FileNotFoundError, ValueError) as error:
            if etag and isinstance(error, errors.PreconditionError):
                return None
            raise self._trouble(key, error) from None

    def _trouble(self, key: str, error: Exception) -> Exception:
        text, url = str(error), self.location(key)
        if NO_BUCKET.search(text):
            return BedstoneError(f"{self.at}: there is no such bucket", hint="check its name")
        if isinstance(error, FileNotFoundError):
            return absent(self.at, key)
        if NO_REQUEST in text:
            return BedstoneError(f"{url}: refused: {cause(error)}", hint=HTTP)
        found = STATUS.search(text)
        status = int(found[1].split()[0]) if found else 0
        if status == BEYOND:
            return BeyondError(f"{url} ends before the bytes that are asked for")
        is_broken = not status and "HTTP error" in text and not NO_KEYS.search(text)
        if status in PASSING or is_broken:
            return PassingError(cause(error))
        return BedstoneError(
            f"{url}: refused: {cause(error)}",
            hint=f"keys come from the environment: {KEYS['s3']}; Common Crawl's bucket answers "
            "nobody without, and is in us-east-1 (AWS_REGION)",
        )


def _reader(stream: Iterator[bytes]) -> Callable[[int], bytes]:
    rest = b""

    def read(most_bytes: int) -> bytes:
        nonlocal rest
        data = rest or next(stream, b"")
        data, rest = data[:most_bytes], data[most_bytes:]
        return data

    return read
