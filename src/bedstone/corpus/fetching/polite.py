"""Fetching as guests do: slowly, few at once, giving way when asked to, and never the same twice.

A whole file is asked for at most every ``WHOLE_SECONDS``, a part of one every ``PART_SECONDS``,
whatever the number of connections. Where the server is overloaded (503, 429, 509) or fails, all
wait: as long as it says, or else a random part of a time that doubles. When too many of the last
requests failed, it is left alone.

Source: Common Crawl asks for no more than one retry of a whole file a second, and for less where
parts are read (status.commoncrawl.org). The intervals are those of its cdx_toolkit; the waits are
"full jitter" of Brooker, Exponential Backoff and Jitter, AWS Architecture Blog, 2015.
"""

import json
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from bedstone.corpus.fetching.bucket import Bucket
from bedstone.corpus.fetching.server import BeyondError, Coming, PassingError, Server
from bedstone.errors import BedstoneError, DataError
from bedstone.store import work

log = logging.getLogger("bedstone")

WHOLE_SECONDS, PART_SECONDS = 0.55, 1.0
"""Between two requests, whoever makes them."""
TRIES = 8
"""Of an object."""
LONGEST_PAUSE_SECONDS = 60.0
"""Of those that we choose."""
LONGEST_WAIT_SECONDS = 600.0
"""That the server may ask for; if it is longer, the user may come back."""
TOLD_SECONDS = 10.0
"""A wait that is longer is told."""
RECENT, FEWEST, ERROR_SHARE = 50, 10, 0.2
"""Requests that are judged by, how many at least, and the share of them that may fail."""
FILE_BYTES = 8 << 30
"""Of a file."""
READ_BYTES = 1 << 20
KEPT = "what is complete is kept, and the next run goes on: let some time pass before"

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Version(NamedTuple):
    """Which version of a file was begun."""

    etag: str = ""
    total_bytes: int = 0

    @classmethod
    def of(cls, path: Path) -> "Version":
        """That of which a part lies at ``path``."""
        try:
            return cls(**json.loads(_beside(path).read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return cls()


class Pace:
    """When the next request may be made, by anybody."""

    def __init__(
        self, sleep: Callable[[float], object], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._sleep, self._now = sleep, now
        self._free, self._lock = now(), threading.Lock()

    def wait(self, interval_seconds: float) -> None:
        """Return when a request may be made; the next one may so much later."""
        while True:
            with self._lock:
                wait_seconds = self._free - self._now()
                if wait_seconds <= 0:
                    self._free = self._now() + interval_seconds
                    return
            self._sleep(wait_seconds)

    def hold(self, seconds: float) -> None:
        """Let nobody make one before so much time has passed."""
        with self._lock:
            self._free = max(self._free, self._now() + seconds)


class Fetcher:
    """What asks a server. After an error it asks nothing more."""

    def __init__(self, server: Server | Bucket, connections: int, pace: Pace | None = None) -> None:
        self.server, self._connections = server, connections
        self._over = threading.Event()
        self._pace = pace or Pace(self._sleep)
        self._failed, self._lock = deque[bool](maxlen=RECENT), threading.Lock()

    def each(self, make: Callable[[Item], Answer], items: Iterable[Item]) -> Iterator[Answer]:
        """``make(item)`` of each, as they are done; the first error stops the others."""

        def guarded(item: Item) -> Answer:
            try:
                return make(item)
            except BaseException:
                self._over.set()
                raise

        with ThreadPoolExecutor(self._connections) as pool:
            try:
                for each in as_completed([pool.submit(guarded, item) for item in items]):
                    if not isinstance(each.exception(), CancelledError):
                        yield each.result()
            except BaseException:
                self._over.set()
                raise

    def file(self, key: str, path: Path, first_bytes: int | None = None) -> Version:
        """Have the file ``key``, or its first bytes, at ``path``; go on with what is there.

        Raises:
            DataError: there is no such file, or it is too large.
            BedstoneError: the server refuses, or fails too often.
        """

        def wanted(version: Version) -> int:
            return min(version.total_bytes, first_bytes or version.total_bytes)

        def attempt() -> Version:
            begun = Version.of(path)
            have = path.stat().st_size if begun.etag and path.exists() else 0
            with self.server.coming(key, have, first_bytes, begun.etag) as coming:
                version = Version(coming.etag, coming.total_bytes)
                if coming.start not in (0, have) or (coming.start and version != begun):
                    _beside(path).unlink(missing_ok=True)
                    raise PassingError("what comes is not the rest of what was begun")
                if coming.total_bytes > FILE_BYTES:
                    raise DataError(f"{self.server.location(key)} has over {FILE_BYTES:,} bytes")
                if coming.start == 0:
                    path.unlink(missing_ok=True)
                    with work.written(_beside(path)) as made:
                        made.write_text(json.dumps(version._asdict()), "utf-8")
                self._save(coming, path, wanted(version))
            return version

        begun = Version.of(path)
        if begun.total_bytes and path.exists() and path.stat().st_size == wanted(begun):
            return begun
        return self._asked(key, WHOLE_SECONDS, attempt)

    def part(self, key: str, start: int, stop: int) -> bytes:
        """The bytes of the file ``key`` from ``start`` to ``stop``.

        Raises:
            BeyondError: it does not have them all.
            DataError: there is no such file, or the server gives no parts.
            BedstoneError: the server refuses, or fails too often.
        """
        return self._part(key, start, stop)[0]

    def size(self, key: str) -> int:
        """How many bytes the file ``key`` has. Raises as ``part``."""
        return self._part(key, 0, 1)[1]

    def _part(self, key: str, start: int, stop: int) -> tuple[bytes, int]:
        def attempt() -> tuple[bytes, int]:
            with self.server.coming(key, start, stop) as coming:
                if coming.total_bytes < stop:
                    raise BeyondError(f"{self.server.location(key)} ends before byte {stop:,}")
                if coming.start == 0 < start:
                    raise DataError(f"{self.server.at} gives no parts of files")
                if (coming.start, coming.stop) != (start, stop):
                    raise PassingError("other bytes come than were asked for")
                found = b"".join(iter(partial(coming.read, READ_BYTES), b""))
            if len(found) < stop - start:
                raise PassingError(f"{len(found):,} of {stop - start:,} bytes came")
            return found, coming.total_bytes

        return self._asked(key, PART_SECONDS, attempt)

    def _sleep(self, seconds: float) -> None:
        if self._over.wait(seconds):
            raise CancelledError

    def _save(self, coming: Coming, path: Path, until: int) -> None:
        have = coming.start
        with path.open("ab", buffering=0) as stream:
            while have < until:
                if self._over.is_set():
                    raise CancelledError
                data = coming.read(min(READ_BYTES, until - have))
                if not data:
                    raise PassingError(f"it ends after {have:,} of {until:,} bytes")
                have += len(data)
                with work.named(path):
                    while data:
                        data = data[stream.write(data) :]

    def _asked(self, key: str, interval_seconds: float, attempt: Callable[[], Answer]) -> Answer:
        for number in range(TRIES):
            self._pace.wait(interval_seconds)
            if self._over.is_set():
                raise CancelledError
            try:
                found = attempt()
            except PassingError as error:
                trouble = f"{self.server.location(key)}: {error}"
                self._judge(trouble, has_failed=True)
                if error.wait_seconds > LONGEST_WAIT_SECONDS:
                    asked = f"the server asks to wait for {error.wait_seconds:,.0f} s"
                    raise BedstoneError(f"{trouble}: {asked}", hint=KEPT) from error
                most_seconds = min(LONGEST_PAUSE_SECONDS, 2 * interval_seconds * 2**number)
                pause_seconds = error.wait_seconds or random.uniform(0, most_seconds)
                if pause_seconds > TOLD_SECONDS:
                    log.warning("%s: nothing is asked for %.0f s", trouble, pause_seconds)
                self._pace.hold(pause_seconds)
            else:
                self._judge("", has_failed=False)
                return found
        raise BedstoneError(f"{trouble}; it was tried {TRIES} times", hint=KEPT)

    def _judge(self, trouble: str, *, has_failed: bool) -> None:
        with self._lock:
            self._failed.append(has_failed)
            count, failed = len(self._failed), sum(self._failed)
        if has_failed and count >= FEWEST and failed > ERROR_SHARE * count:
            told = f"{failed} of the last {count} requests failed, so no more are made"
            raise BedstoneError(f"{told}; the last: {trouble}", hint=KEPT)


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")
