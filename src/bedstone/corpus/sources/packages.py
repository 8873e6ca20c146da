"""Packages as archives: fetched by the clients that the machine has, read, never installed.

The clients keep everything in a folder they are given (lists, cache, what they fetched), so
they need no root, no list that is there already, and leave nothing behind.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote

from bedstone.errors import DataError
from bedstone.progress import Progress
from bedstone.store.artifact import Source

TIMEOUT_SECONDS = 900
"""Of one call of a client."""

APT_CONF = """\
Dir::State "{home}/state";
Dir::State::Lists "{home}/lists";
Dir::State::status "{home}/status";
Dir::Cache "{home}/cache";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
APT::Sandbox::User "root";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
"""
"""Sources, keys and proxies stay the machine's. The empty status makes the version fetched
independent of what is installed; the sandbox's user could not write into our folder; the hooks
work on the machine's own cache."""

NPM_OPTIONS = ("--update-notifier=false", "--fetch-retries=2", "--fetch-retry-maxtimeout=10000")
TELLING = re.compile(r"failed|not found|no matching|unable", re.IGNORECASE)
"""Of a failed client's many lines, the first of these says why."""


class FetchError(Exception):
    """Why a package could not be fetched, in half a sentence."""


class Client(Protocol):
    """A package client of this machine."""

    def prepare(self) -> None:
        """Do what is needed once. Raises FetchError."""
        ...

    def fetch(self, package: str, folder: Path) -> None:
        """Put the archive of ``package`` into ``folder``. Raises FetchError."""
        ...


@dataclass(frozen=True, slots=True)
class AptGet:
    """Debian's and Ubuntu's client, with lists of its own below ``home``."""

    home: Path

    def prepare(self) -> None:
        """Fetch the lists of the machine's sources; one that cannot be reached is left out."""
        for name in ("state", "lists/partial", "cache/archives/partial"):
            (self.home / name).mkdir(parents=True, exist_ok=True)
        (self.home / "status").touch()
        self._conf.write_text(APT_CONF.format(home=self.home.resolve()))
        said = _run(["apt-get", "-c", str(self._conf), "-q", "update"], self.home)
        if not any((self.home / "lists").glob("*Release")):
            raise FetchError(f"apt-get: {_reason(said)}")

    def fetch(self, package: str, folder: Path) -> None:
        """Download the newest version that the lists have."""
        _run(["apt-get", "-c", str(self._conf), "-q", "download", package], folder)

    @property
    def _conf(self) -> Path:
        return self.home.resolve() / "apt.conf"


@dataclass(frozen=True, slots=True)
class Npm:
    """Node's client, with a cache of its own at ``home``."""

    home: Path

    def prepare(self) -> None:
        """Nothing: npm has no lists."""

    def fetch(self, package: str, folder: Path) -> None:
        """Download the newest version in the range that ``package`` names."""
        _run(["npm", "pack", package, "--cache", str(self.home.resolve()), *NPM_OPTIONS], folder)


CLIENTS: dict[str, Callable[[Path], Client]] = {"apt-get": AptGet, "npm": Npm}


@dataclass(frozen=True, slots=True)
class Package:
    """A package to fetch: its name, the client, and what the client is asked for."""

    name: str
    client: str
    spec: str


@dataclass(frozen=True, slots=True)
class Archive:
    """A fetched package; name and version are in the file's name."""

    package: Package
    path: Path

    @property
    def version(self) -> str:
        """As the client names it: ``1:1.39-2``, ``6.0.0``."""
        stem = unquote(self.path.name).removesuffix(".tgz").removesuffix(".deb")
        return stem.split("_")[1] if self.path.suffix == ".deb" else stem.rpartition("-")[2]

    @property
    def sha256(self) -> str:
        """Of the archive as it was fetched."""
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    @property
    def command(self) -> str:
        """The command that fetches the same archive again."""
        if self.path.suffix == ".deb":
            return f"apt-get download {self.package.name}={self.version}"
        return f"npm pack {self.package.name}@{self.version}"

    @property
    def source(self) -> Source:
        """What a manifest says of it."""
        return Source(
            name=self.package.name,
            version=self.version,
            sha256=self.sha256,
            location=self.command,
        )


@dataclass(slots=True)
class Fetched:
    """What came, and of what did not come why, by package name."""

    archives: list[Archive] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)


def fetch(packages: Sequence[Package], folder: Path, progress: Progress | None = None) -> Fetched:
    """Fetch ``packages`` into ``folder``, those not there already."""
    folder.mkdir(parents=True, exist_ok=True)
    progress = progress or Progress()
    fetched = Fetched()
    clients: dict[str, Client | FetchError] = {}
    with progress.task("packages", len(packages)) as task:
        for package in packages:
            home = folder / package.name
            try:
                if not home.exists():
                    progress.say(f"fetching {package.name} by {package.client}")
                    _fetch(package, home, _client(package.client, folder, clients))
                (path,) = home.iterdir()
                fetched.archives.append(Archive(package, path))
            except FetchError as error:
                fetched.missing[package.name] = str(error)
            task.advance()
    return fetched


def read(archive: Path, wanted: re.Pattern[str]) -> dict[str, bytes]:
    """The files of a ``.deb`` or ``.tgz`` whose whole name is ``wanted``, by name, sorted.

    Names have no leading ``./``. Links are not followed.

    Raises:
        DataError: the archive cannot be read to its end.
    """
    try:
        if archive.suffix != ".deb":
            with tarfile.open(archive, "r:gz") as tar:
                return _files(tar, wanted)
        command = ["dpkg-deb", "--fsys-tarfile", str(archive)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            assert process.stdout
            with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
                files = _files(tar, wanted)
            process.stdout.read()  # padding: dpkg-deb fails if nobody takes it
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{archive}: cannot be read as a package: {error}") from error
    if process.returncode:
        raise DataError(f"{archive}: dpkg-deb ends with status {process.returncode}")
    return files


def _client(name: str, folder: Path, known: dict[str, Client | FetchError]) -> Client:
    if name not in known:
        client = CLIENTS[name](folder / name)
        try:
            client.prepare()
            known[name] = client
        except FetchError as error:
            known[name] = error
    found = known[name]
    if isinstance(found, FetchError):
        raise found
    return found


def _fetch(package: Package, home: Path, client: Client) -> None:
    # Elsewhere first: a killed client leaves half an archive under the archive's own name.
    with tempfile.TemporaryDirectory(prefix=f"{package.name}-", dir=home.parent) as folder:
        attempt = Path(folder) / package.name
        attempt.mkdir()
        client.fetch(package.spec, attempt)
        for path in attempt.iterdir():
            if path.suffix not in (".deb", ".tgz"):
                path.unlink()
        if (count := len(list(attempt.iterdir()))) != 1:
            raise FetchError(f"{package.client}: {count} archives came where one was expected")
        attempt.rename(home)


def _files(tar: tarfile.TarFile, wanted: re.Pattern[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for member in tar:
        name = member.name.removeprefix("./")
        if member.isfile() and wanted.fullmatch(name):
            content = tar.extractfile(member)
            assert content
            found[name] = content.read()
    return dict(sorted(found.items()))


def _run(command: list[str], folder: Path) -> str:
    """Run ``command`` in ``folder``, and return what it said on stderr."""
    if not shutil.which(command[0]):
        raise FetchError(f"{command[0]} is not installed")
    with tempfile.TemporaryFile("w+", errors="replace") as said:  # a pipe waits for grandchildren
        try:
            status = subprocess.run(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                env={**os.environ, "LC_ALL": "C.UTF-8"},
                timeout=TIMEOUT_SECONDS,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired as error:
            raise FetchError(f"{command[0]} took over {TIMEOUT_SECONDS} s") from error
        said.seek(0)
        text = said.read()
    if status:
        raise FetchError(f"{command[0]}: {_reason(text)}")
    return text


def _reason(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = lines[-1] if lines else "it failed and said nothing"
    return next(filter(TELLING.search, lines), last)
