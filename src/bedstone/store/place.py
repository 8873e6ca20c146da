"""Places: stores on object storage, each of which has a mirror on this machine.

The mirror is an ordinary store below the user's cache. Its name is the place's address, quoted, so
that any process, on any machine, knows from a path of the mirror what it is one of. An object is
called as the file is below the store. What is fetched is kept by its sha256 beside the mirrors and
linked into them: what two artifacts or two places have in common is fetched once.

Keys are read from the environment by the library that speaks to the servers, and are nowhere else:
neither in an address nor in what is said when a server refuses.
"""

import fnmatch
import hashlib
import os
import random
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote

from bedstone.errors import UNPRINTABLE, ArtifactError, BedstoneError, ConfigError
from bedstone.progress import Task
from bedstone.store import work

SCHEMES = ("s3", "gs", "az", "file")
ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(//?)")
"""How one begins; of its slashes a path has one."""
BUCKET = re.compile(r"[\w.-]+")
UNUSABLE = re.compile(f"[?#]|{UNPRINTABLE.pattern}")
MIRROR = re.compile(f"({'|'.join(SCHEMES)})%3A%2F%2F.+")
MOST_NAME_BYTES = 255
"""Of a folder, on the usual file systems."""
PIECE_BYTES = 16 << 20
"""Fetched by one request, or sent: within the time it may take, on 2 Mbit/s."""
PIECES = 4
"""Sent side by side, so held in memory."""
MOST_READ_BYTES = 256 << 20
"""Of an object that is read whole. A manifest of a million shards has 150 MB."""
MOST_PIECES = 9_000
"""Of an object. S3 takes 10,000."""
CONNECT_SECONDS, REQUEST_SECONDS, RETRY_SECONDS, RETRIES = 10, 120, 60, 6
"""A request that fails is made again with growing, random pauses until one of the last two."""
STATUS = re.compile(r"status code: (\d+[^:\n]*)")
CODE = re.compile(r"<Code>(\w+)</Code>")
FAILURE = re.compile(
    r'HTTP error: ([a-z ]+)|message: "([\w ]+)"|(incorrectly configured region|Missing \w+Key\w*)'
)
"""Of a connection, of the system, or of what the environment says."""
CUT = re.compile("body error|NoSuchUpload")
"""Of an answer that broke off. The library does not ask again, or what it asks for is done."""
TRIES = 6
NO_BUCKET = re.compile("NoSuchBucket|ContainerNotFound|bucket does not exist|UnableToCanonicalize")
NO_REQUEST = "builder error"
"""Nothing was asked: the library takes no such address."""
HTTP = "check AWS_ENDPOINT_URL: an http:// endpoint takes AWS_ALLOW_HTTP=true"
KEYS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
    "file": "who may write the folder",
}


Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Place:
    """A store on object storage."""

    url: str
    kept: Path
    """The folder of this machine that keeps what was fetched, by sha256."""

    def read(self, name: str) -> tuple[bytes, str] | None:
        """A whole small object and its version; None if there is none."""

        def read() -> tuple[bytes, str]:
            found = self._library.get(self._objects, name)
            if found.meta["size"] > MOST_READ_BYTES:
                raise self._lie(name, f"it has {found.meta['size']:,} bytes")
            return bytes(found.bytes()), found.meta["e_tag"] or ""

        return self._ask(f"reading {name}", read, FileNotFoundError)

    def create(self, name: str, text: bytes) -> bool:
        """Put an object where there is none; whether it is there now, and not another's."""
        create = partial(self._put, name, text, "create")
        if (
            self._ask(f"writing {name}", create, self._library.exceptions.AlreadyExistsError)
            is not None
        ):
            return True
        found = self.read(name)  # if an answer was lost, it was asked again, and is the first's
        return found is not None and found[0] == text

    def replace(self, name: str, text: bytes, version: str) -> bool:
        """Put an object in the place of a version of it; no if it is another by now.

        Of a folder, which has no versions to name, in the place of any.
        """
        mode = "overwrite" if self.url.startswith("file:") else {"e_tag": version}
        replace = partial(self._put, name, text, mode)
        return (
            self._ask(f"writing {name}", replace, self._library.exceptions.PreconditionError)
            is not None
        )

    def delete(self, name: str) -> None:
        """Remove an object, if it is there."""
        delete = partial(self._library.delete, self._objects, name)
        self._ask(f"removing {name}", delete, FileNotFoundError)

    def upload(self, name: str, path: Path, sha256: str, task: Task) -> str:
        """Put the file of that digest, whatever is there; its version.

        Raises:
            ArtifactError: the file has another digest, and was not put.
        """
        size = path.stat().st_size
        piece_bytes = max(PIECE_BYTES, -(-size // MOST_PIECES))

        def upload() -> Any:
            read = _pieces(path, sha256, piece_bytes, task)
            if size <= piece_bytes:
                return self._put(name, b"".join(read), "overwrite")
            return self._library.put(
                self._objects, name, read, chunk_size=piece_bytes, max_concurrency=PIECES
            )

        put = self._ask(f"writing {name}", upload)
        return (put and put["e_tag"]) or ""

    def mirror(self, name: str, path: Path, sha256: str, size: int, *, is_link: bool) -> None:
        """Let ``path`` be a file with the bytes of an object, which have that digest.

        Args:
            name: the object's.
            path: the mirror's; what is there is kept if it has the digest and is no link.
            sha256: of the bytes.
            size: of the bytes.
            is_link: it is to be a link; else a file, which is hard-linked where that is possible.

        Raises:
            ArtifactError: there is no such object, or its bytes are others.
        """
        kept = self._kept(sha256)
        if (there := _stamp(path)) is not None and there == _stamp(kept) and there[0] == size:
            return
        with work.held(work.lock_of(kept)):
            if not kept.exists() or kept.stat().st_size != size:
                with work.appearing(kept) as unfinished:
                    if not path.is_symlink() and _has(path, sha256, size):
                        link(path, unfinished)
                    else:
                        self._download(name, unfinished, sha256, size)
                    unfinished.chmod(0o444)  # what is written to it, all who link it would have
            with work.written(path) as unfinished:
                if is_link:
                    unfinished.symlink_to(kept)
                else:
                    link(kept, unfinished)

    def drop(self, path: Path, sha256: str) -> None:
        """Remove a mirror's file that has other bytes by now, and what is kept for it."""
        kept = self._kept(sha256)
        with work.held(work.lock_of(kept)):
            for each in (path, kept):
                each.unlink(missing_ok=True)

    def anew(self, folder: str) -> str:
        """How to have a whole artifact where it, here or there, is not: for a hint."""
        return f"run again: it is fetched anew, or built if {self.url}/{folder} was removed there"

    def versions(self, below: str) -> dict[str, str]:
        """The objects below a name -> their versions."""
        found = self._ask(
            f"listing {below}", lambda: self._library.list(self._objects, below).collect()
        )
        return {each["path"]: each["e_tag"] or "" for each in found or ()}

    def folders(self, pattern: str) -> list[str]:
        """The names of what has objects below it; listed anew on a miss."""
        if not fnmatch.filter(self._listed, pattern):
            self.__dict__.pop("_listed", None)
        return fnmatch.filter(self._listed, pattern)

    @cached_property
    def _listed(self) -> Sequence[str]:
        found = self._ask("listing it", lambda: self._library.list_with_delimiter(self._objects))
        return found["common_prefixes"] if found else ()

    @cached_property
    def _library(self) -> Any:
        return library(f"a store at {self.url}")

    @cached_property
    def _objects(self) -> Any:
        return objects(self._library, self.url)

    def _kept(self, sha256: str) -> Path:
        return self.kept / sha256[:2] / sha256

    def _put(self, name: str, text: bytes, mode: Any) -> Any:
        return self._library.put(self._objects, name, text, mode=mode, use_multipart=False)

    def _download(self, name: str, path: Path, sha256: str, size: int) -> None:
        def piece() -> tuple[int, bytes]:
            found = self._library.get(
                self._objects, name, options={"range": (got, got + PIECE_BYTES)}
            )
            return found.meta["size"], bytes(found.bytes())

        hashed, got = hashlib.sha256(), 0
        with path.open("wb") as file:
            while got < size:
                found = self._ask(f"reading {name}", piece, FileNotFoundError)
                if found is None or found[0] != size:
                    has = "it is not there" if found is None else f"it has {found[0]:,} bytes"
                    raise self._lie(name, has)
                hashed.update(found[1])
                file.write(found[1])
                got += len(found[1])
        if hashed.hexdigest() != sha256:
            raise self._lie(name, f"its sha256 is {hashed.hexdigest()}")

    def _lie(self, name: str, how: str) -> ArtifactError:
        return ArtifactError(
            f"{self.url}/{name} is not what its manifest says: {how}",
            hint=self.anew(name.partition("/")[0]),
        )

    def _ask(
        self, doing: str, ask: Callable[[], Answer], none: type[Exception] | tuple[()] = ()
    ) -> Answer | None:
        """The answer to a request; None if it is that error.

        Errors of the library say more than a user can use, and may hold a key in an address.
        """
        for tried in range(TRIES):
            try:
                return ask()
            except (self._library.exceptions.BaseError, FileNotFoundError, ValueError) as error:
                text = str(error)
                if isinstance(error, none) and not NO_BUCKET.search(text):
                    break
                if tried + 1 < TRIES and CUT.search(text):
                    time.sleep(random.uniform(0, 0.1 * 2**tried))
                    continue
                told = f"{self.url}: {doing} failed: {cause(error)}"
                raise BedstoneError(told, hint=self._hint(text)) from None
        return None

    def _hint(self, text: str) -> str:
        scheme = self.url.partition(":")[0]
        if NO_BUCKET.search(text):
            return "make the bucket (or the folder) first, or check its name"
        if NO_REQUEST in text:
            return HTTP
        if re.search("status code: 40[13]|169.254|[Aa]ccount|[Cc]redential", text):
            return f"keys come from the environment: {KEYS[scheme]}; may they list, read and write?"
        return "check the address, its server and the network; the next run goes on from here"


def library(needed_by: str) -> Any:
    """What speaks to the servers.

    Raises:
        BedstoneError: it is not installed.
    """
    try:
        import obstore.exceptions
        import obstore.store
    except ImportError as error:
        from bedstone.store.stages import not_installed

        raise not_installed(needed_by, "obstore") from error
    return obstore


def objects(library: Any, url: str, retries: int = RETRIES, **client_options: Any) -> Any:
    """What the library asks for the objects at an address.

    Args:
        library: as above.
        url: the address, unquoted.
        retries: of a request that fails, by the library itself.
        client_options: of the library, beside or in place of those that stand here.
    """
    address = quote(url, safe=":/")
    if url.startswith("file:"):
        return library.store.from_url(address)
    bounds = {
        "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
        "timeout": timedelta(seconds=REQUEST_SECONDS),
        # What the environment says of this would else be lost with the others given.
        "allow_http": os.environ.get("AWS_ALLOW_HTTP", "").lower() in ("true", "1"),
    }
    return library.store.from_url(
        address,
        client_options=bounds | client_options,
        retry_config={
            "max_retries": retries,
            "retry_timeout": timedelta(seconds=RETRY_SECONDS),
        },
    )


def cause(error: Exception) -> str:
    """What an error of the library says, without what may hold a key."""
    text = str(error)
    told = [found[1] for each in (STATUS, CODE) if (found := each.search(text))]
    failed = FAILURE.search(text)
    told += [failed[failed.lastindex or 0]] if failed and not told else []
    return ", ".join(told).strip() or type(error).__name__


@lru_cache(1_024)
def place_of(store: Path) -> Place | None:
    """The place that a store is the mirror of; None of an ordinary store."""
    if not MIRROR.fullmatch(store.name):
        return None
    return Place(unquote(store.name), store.parent.with_name("files"))


def is_address(text: str) -> bool:
    """Whether a place is meant, and no folder."""
    return ADDRESS.match(text) is not None


def mirror_of(address: str) -> Path:
    """The mirror of a place.

    Raises:
        ConfigError: it is no address of one.
    """
    begin = ADDRESS.match(address)
    scheme = begin[1].lower() if begin else ""
    if begin is None or scheme not in SCHEMES:
        raise ConfigError(
            f"a store at {scheme}://... is not possible",
            hint=f"it is a folder, or at {', '.join(f'{it}://' for it in SCHEMES)}",
        )
    rest = address[begin.end() :].rstrip("/")
    told = f"{scheme}:{begin[2]}{rest.partition('?')[0]}"  # a key may follow
    bucket, _, prefix = rest.partition("/")
    if scheme == "file":
        if bucket and begin[2] == "//":
            raise ConfigError(f"{told}: a folder of this machine has three slashes")
        bucket, prefix = "", rest.removeprefix("/")
    if "@" in bucket:
        raise ConfigError(
            f"{scheme}://...: an address holds no name and no password",
            hint=f"keys come from the environment: {KEYS[scheme]}",
        )
    if not (BUCKET.fullmatch(bucket) or (scheme == "file" and prefix)):
        raise ConfigError(f"{told} names no bucket", hint=f"write {scheme}://BUCKET/PREFIX")
    parts = unquote(prefix).split("/") if prefix else []
    if any(part in ("", ".", "..") for part in parts) or UNUSABLE.search(prefix):
        raise ConfigError(
            f"{told}: what follows the bucket are names between slashes, and nothing else",
            hint=f"write {scheme}://BUCKET/PREFIX",
        )
    name = quote(f"{scheme}://{'/'.join((bucket, *parts))}", safe="")
    if len(name) > MOST_NAME_BYTES:
        raise ConfigError(f"{told} is too long: {len(name)} bytes, {MOST_NAME_BYTES} at most")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return (cache / "bedstone" / "stores").resolve() / name


def shown(path: Path) -> str:
    """Where a store or what is in it is for its user: of a mirror, the address there."""
    for above in (path, *path.parents):
        if (place := place_of(above)) is not None:
            return "/".join((place.url, *path.relative_to(above).parts))
    return str(path)


def link(path: Path, other: Path) -> None:
    """Let ``other`` be the same file, or where links are impossible a copy."""
    other.unlink(missing_ok=True)
    try:
        os.link(path.resolve(), other)  # a link to a link would be another
    except OSError:
        shutil.copy2(path, other)


def _stamp(path: Path) -> tuple[int, int] | None:
    """Of a file that was linked or copied, that of the other."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _has(path: Path, sha256: str, size: int) -> bool:
    if not path.is_file() or path.stat().st_size != size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def _pieces(path: Path, sha256: str, piece_bytes: int, task: Task) -> Iterator[bytes]:
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(piece_bytes):
            hashed.update(piece)
            yield piece
            task.advance(len(piece))
    if hashed.hexdigest() != sha256:
        raise ArtifactError(
            f"{path} was altered: its sha256 is no longer that of its manifest",
            hint="verify it; nothing of it was sent",
        )
