"""Artifacts: the one thing every stage reads and writes.

An artifact is a folder with a ``manifest.json``, written last and all at once: a folder that
has one is complete, and nothing in it changes again. One that has none is being made, or was
when its build ended; the next build goes on in it. No folder is ever renamed, but one that is
broken, see ``whole``. Two digests identify it:

* ``request``  - stage, stage version, chosen config, versions of the libraries that shape the
  output, and the parents' contents: what was asked for. It names the folder, so asking twice
  builds once.
* ``content`` - the names and bytes of the files, or of the shards' contents: what came out.
  Children refer to it. Files below ``about/`` tell people what was done, and are not in it: a
  child cannot read them, so that it is made anew only when what it reads is another.

The code version, the machine, the paths, the workers and the time are recorded and are in
neither digest: an edit that changes no output must not fork every artifact downstream.

A stage that maps shards makes one artifact of each, and one that lists them. A shard is a file, a
piece of a large one, or many small texts.

Of a store that is the mirror of a place, an artifact is there if its manifest was fetched or the
place has it, and a file is fetched when its path is asked for. Where the place has no such file by
then, the manifest is dropped: the next who asks for the artifact asks the place.
"""

import glob
import hashlib
import json
import os
import re
import shlex
from collections.abc import Iterable, Iterator
from datetime import datetime
from errno import ENOENT
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field, ValidationError, field_validator

from bedstone.config import Config
from bedstone.errors import ArtifactError, number_of
from bedstone.store import whole, work
from bedstone.store.place import place_of, shown
from bedstone.store.provenance import Code, Machine
from bedstone.store.whole import MANIFEST as MANIFEST

ABOUT = "about"
"""The folder of what tells people; a folder that was adopted may have one of its own."""
ADOPTION = "adopt"
"""The stage of artifacts whose files were made elsewhere."""
Reproducible = Literal["bytes", "request"]
"""What building again gives: the same bytes, or (float training) another answer to the request."""
HTML_FILES = (".html", ".htm", ".xhtml")
TEXT_FILES = (".txt", ".md", *HTML_FILES)
"""Files of one text each: many make a shard, or a folder of them would be as many artifacts."""
SHARD_BYTES = 64 << 20
"""Of the text files of a shard, and one file more."""
FOLDER = re.compile(r"[\w.]+-[0-9a-f]{12}")
"""An artifact's, by its name."""


MOST_TOLD = 5
"""Faults of an artifact that one message names."""
MOST_READ = 16
"""Manifests that a process keeps, of artifacts that another one has given it."""
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
StageName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$")]
"""With the start of a request it is the name of a folder."""


class File(Config):
    """One file of the payload."""

    path: str
    bytes: int = Field(ge=0)
    sha256: Sha256
    linked: bool = Field(default=False, exclude_if=lambda linked: not linked)
    """It may lie elsewhere, where a link leads: only files that were adopted do."""

    @field_validator("path")
    @classmethod
    def _lies_inside(cls, path: str) -> str:
        if not whole.is_inside(path):
            raise ValueError(f"{path[:200]!r} is no path of a file inside an artifact")
        return path


class Parent(Config):
    """An artifact that another was made from, or lists. Only its content enters a request."""

    request: Sha256
    content: Sha256


class Source(Config):
    """Something from outside the store that an artifact was made from."""

    name: str
    version: str = ""
    sha256: str
    location: str


class Manifest(Config):
    """What an artifact is, where it came from, and what was measured while it was made."""

    schema_version: Literal[1] = 1
    stage: StageName
    stage_version: int
    request: Sha256
    content: Sha256
    reproducible: Reproducible
    parents: dict[str, Parent]
    """By role."""
    decided_by: dict[str, Parent]
    """Parents that only filled fields of the config, by role; not part of the request."""
    config: dict[str, Any]
    """Every value in force, defaults included."""
    libraries: dict[str, str]
    """Distribution -> version, of those that the stage says shape what comes out."""
    metrics: dict[str, float]
    """Name ending in its unit -> value: ``kept_share``, ``loss_nats``, ``input_tokens``."""
    files: tuple[File, ...]
    """Those below ``about/`` too, which are not in ``content``."""
    shards: tuple[Parent, ...] | None = None
    """Of a stage that maps: the artifacts of its shards, in their inputs' order."""
    sources: tuple[Source, ...] = ()
    code: Code
    machine: Machine
    paths: dict[str, str]
    """Where each parent lay, by role."""
    workers: int
    created: datetime
    seconds: float
    """Spent by the build that finished it; one that was killed before is not counted."""
    digest: str = ""
    """Of all the fields above, so that an altered config or metric is found."""

    @field_validator("files")
    @classmethod
    def _differ(cls, files: tuple[File, ...]) -> tuple[File, ...]:
        names = {file.path if file.linked else file.path.casefold() for file in files}
        if len(names) < len(files):
            raise ValueError("two files have one name")
        return files

    def sealed(self) -> "Manifest":
        """This manifest with its digest."""
        return self.model_copy(update={"digest": self._own_digest()})

    def is_sealed(self) -> bool:
        """Whether the digests are those of the other fields."""
        files = content_digest(content_files(self.stage, self.files))
        content = files if self.shards is None else digest([it.content for it in self.shards])
        return (self.digest, self.content) == (self._own_digest(), content)

    def _own_digest(self) -> str:
        return digest(self.model_dump(mode="json", exclude={"digest"}))


class Shard(Protocol):
    """What a stage that maps is given of a role: an artifact, or files of an artifact."""

    @property
    def content(self) -> str:
        """The digest that enters the request."""
        ...

    @property
    def source(self) -> str:
        """The digest of what it is a piece of, else its own content; names are made of it."""
        ...

    @property
    def span(self) -> range | None:
        """The bytes of its one file that are meant: what starts in them. None for all."""
        ...

    @property
    def location(self) -> Path:
        """Where it lies."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Of every file that is in the content."""
        ...

    @property
    def paths(self) -> tuple[Path, ...]:
        """Where the files are or, of those that only a place has, would be."""
        ...

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that is in the content, by name."""
        ...

    @property
    def shards(self) -> tuple["Shard", ...]:
        """The parts it is made of."""
        ...

    def file(self, name: str) -> Path:
        """The file ``name``."""
        ...

    def check(self) -> None:
        """Raises ArtifactError where it is not whole: see ``whole``."""
        ...

    def as_parent(self) -> Parent:
        """What a child's manifest says of it."""
        ...


class Artifact:
    """A complete artifact on disk."""

    span = None
    """It is whole."""
    _content: str
    """Where it came from another process."""

    def __init__(self, path: Path) -> None:
        try:
            self.manifest = _read(path)
        except ArtifactError:
            if place_of(path.parent) is None or not os.path.lexists(path / MANIFEST):
                raise
            whole.drop(path / MANIFEST)  # of a mirror: the place's counts, and is fetched
            self.manifest = _read(path)
        self.path = path

    @cached_property
    def manifest(self) -> Manifest:
        """What it says of itself. Another process reads it when it needs it."""
        return _manifest_of(self.path, self._content)

    def __getstate__(self) -> dict[str, object]:
        """Without the manifest: thousands of tasks may share one of thousands of files."""
        return {"path": self.path, "_content": self.content}

    @property
    def content(self) -> str:
        """The digest of what came out."""
        return self.manifest.content

    source = content

    @property
    def location(self) -> Path:
        """Its folder."""
        return self.path.resolve()

    @property
    def names(self) -> tuple[str, ...]:
        """Of what is in the content."""
        return tuple(file.path for file in self._records)

    @property
    def paths(self) -> tuple[Path, ...]:
        """As they are called; none is fetched."""
        return tuple(self.path / name for name in self.names)

    @property
    def files(self) -> tuple[Path, ...]:
        """What is in the content, by name."""
        return tuple(map(self.placed, self._records))

    @property
    def shards(self) -> tuple[Shard, ...]:
        """The shards' artifacts; of an artifact that lists none, its files, texts together."""
        if self.manifest.shards is None:
            return tuple(FilesShard(self, files) for files in _grouped(self._records))
        return tuple(Artifact(self._folder_of(shard)) for shard in self.manifest.shards)

    def file(self, name: str) -> Path:
        """The file ``name`` of the content.

        Raises:
            ArtifactError: there is no such file in the manifest.
        """
        return self._file(name, self._records)

    def about(self, name: str) -> Path:
        """The file ``name`` of what tells people: for reports; no ``Shard`` has it.

        Raises:
            ArtifactError: there is no such file in the manifest.
        """
        return self._file(f"{ABOUT}/{name}", self.manifest.files)

    def as_parent(self) -> Parent:
        """What a child's manifest says of it."""
        return Parent(request=self.manifest.request, content=self.manifest.content)

    def placed(self, file: File) -> Path:
        """Where a file of its manifest lies; if only its place has it, fetched.

        Raises:
            ArtifactError: it is missing or cut, a link leads out of the artifact, or the place has
                other bytes.
        """
        path, place = self.path / file.path, place_of(self.path.parent)
        if place is not None and not (file.linked and not whole.looked_at(self.path, file)[0]):
            name = f"{self.path.name}/{file.path}"
            try:
                place.mirror(name, path, file.sha256, file.bytes, is_link=file.linked)
            except ArtifactError:
                (self.path / MANIFEST).unlink(missing_ok=True)
                raise
        self._refuse(filter(None, whole.looked_at(self.path, file)[:1]))
        return path

    def faults(
        self,
        files: Iterable[File] | None = None,
        *,
        anew: bool = False,
        alone: bool = False,
        advance: whole.Advance = lambda count: None,
    ) -> Iterator[str]:
        """As ``whole.faults``; of its shards too unless ``alone``, and ``anew`` what was added.

        A mirror's files are looked at ``anew`` only: each that is asked for is made good.
        """
        is_mirror = place_of(self.path.parent) is not None
        if is_mirror and not is_complete(self.path):  # which fetches what a node has not seen yet
            yield f"{MANIFEST} is missing"
            return
        own = folder_name(self.manifest.stage, self.manifest.request)
        if FOLDER.fullmatch(name := self.path.absolute().name) and name != own:
            yield f"it is {own}, under another's name"
        asked, files = files, () if is_mirror else files
        yield from whole.faults(self.path, self.manifest, files, anew=anew, advance=advance)
        if is_mirror and anew:
            for file in self.manifest.files if asked is None else asked:
                yield from self._unplaced(file, advance)
        named = {file.path for file in self.manifest.files}
        added = sorted(set(whole.names_in(self.path)) - named) if anew and not is_mirror else ()
        yield from (f"{name} is not in its manifest" for name in added)
        for shard in self.manifest.shards or ():
            try:
                part = Artifact(self._folder_of(shard))
            except ArtifactError as error:
                yield str(error)
                continue
            if part.as_parent() != shard:
                yield f"{part.path.name} is another than the one it lists"
            elif part.manifest.shards is not None:
                yield f"{part.path.name} is no shard: it lists some itself"
            elif not alone:
                found = part.faults(anew=anew, advance=advance)
                yield from (f"{part.path.name}: {fault}" for fault in found)

    def check(self, files: Iterable[File] | None = None) -> None:
        """Refuse it, or these of its files, where it is not whole.

        Raises:
            ArtifactError: what is wrong.
        """
        self._refuse(self.faults(files))

    def verify(self, advance: whole.Advance = lambda count: None, *, alone: bool = False) -> None:
        """Read every file again and compare it with the manifest, and the manifest with itself.

        The shards' too, unless ``alone``. What differs in a mirror is fetched again.

        Raises:
            ArtifactError: something was altered, added or removed since the artifact was made.
        """
        self._refuse(self.faults(anew=True, advance=advance))

    def _refuse(self, faults: Iterable[str]) -> None:
        if found := list(faults):
            more = f" and {len(found) - MOST_TOLD:,} more" if len(found) > MOST_TOLD else ""
            raise ArtifactError(
                f"{shown(self.path)} was altered: {', '.join(found[:MOST_TOLD])}{more}",
                hint=_hint(self.path)
                if place_of(self.path.parent) is not None
                else "its files were made elsewhere: restore them, or give them again"
                if self.manifest.stage == ADOPTION
                else f"build it anew: bedstone repair {shlex.quote(str(self.path))}",
            )

    def _unplaced(self, file: File, advance: whole.Advance) -> Iterator[str]:
        """Why a file of a mirror cannot be had; one that was altered here is fetched again."""
        place = place_of(self.path.parent)
        assert place is not None
        try:
            path = self.placed(file)
            if whole.read_fault(self.path, file, advance):
                place.drop(path, file.sha256)
                self.placed(file)
        except ArtifactError as error:
            yield str(error)

    @property
    def _records(self) -> tuple[File, ...]:
        return content_files(self.manifest.stage, self.manifest.files)

    def _file(self, name: str, among: Iterable[File]) -> Path:
        for file in among:
            if file.path == name:
                return self.placed(file)
        raise ArtifactError(
            f"{shown(self.path)} has no {name}",
            hint=f"it was made by {self.manifest.stage}: is it the input that was meant?",
        )

    def _folder_of(self, shard: Parent) -> Path:
        return self.path.with_name(folder_name(self.manifest.stage, shard.request))


@lru_cache(maxsize=MOST_READ)
def _manifest_of(path: Path, content: str) -> Manifest:
    if not is_complete(path):  # though another process has read it
        raise FileNotFoundError(ENOENT, os.strerror(ENOENT), str(path / MANIFEST))
    manifest = Artifact(path).manifest
    if manifest.content != content:
        raise ArtifactError(f"{shown(path)} is another by now", hint="run the command again")
    return manifest


class FilesShard:
    """Files of an artifact, as a shard of their own: a WARC, a piece of one, or many texts."""

    def __init__(
        self, owner: Artifact, records: tuple[File, ...], span: range | None = None
    ) -> None:
        self._owner, self._records, self.span = owner, records, span

    @property
    def content(self) -> str:
        """The digest of the source; of a piece, its place counts too."""
        if self.span is None:
            return self.source
        return digest(["piece", self.source, self.span.start, self.span.stop])

    @property
    def source(self) -> str:
        """The digest of a file's bytes, whatever its name; of texts, their names count too.

        Another than the artifact's, though all its files be in the shard: what is made of the one
        is no list of shards.
        """
        if is_text_file(self._records[0].path):
            return digest(["texts", content_digest(self._records)])
        return self._records[0].sha256

    @property
    def location(self) -> Path:
        """Where the file lies, for an adopted one outside the store; of texts, their artifact."""
        folder = self._owner.location
        if is_text_file(self._records[0].path):
            return folder
        return (folder / self._records[0].path).resolve()

    @property
    def names(self) -> tuple[str, ...]:
        """Of these alone."""
        return tuple(record.path for record in self._records)

    @property
    def paths(self) -> tuple[Path, ...]:
        """As they are called; none is fetched."""
        return tuple(self._owner.location / name for name in self.names)

    @property
    def files(self) -> tuple[Path, ...]:
        """These alone."""
        for record in self._records:
            self._owner.placed(record)
        return self.paths

    @property
    def shards(self) -> tuple[Shard, ...]:
        """These alone."""
        return (self,)

    def pieces(self, max_bytes: int) -> tuple["FilesShard", ...]:
        """Its file in pieces of so many bytes; itself, if it has no more."""
        size = self._records[0].bytes
        if size <= max_bytes:
            return (self,)
        starts = range(0, size, max_bytes)
        spans = (range(start, min(start + max_bytes, size)) for start in starts)
        return tuple(FilesShard(self._owner, self._records, span) for span in spans)

    def file(self, name: str) -> Path:
        """The file of that ``name``.

        Raises:
            ArtifactError: there is none.
        """
        for record in self._records:
            if record.path == name:
                self._owner.placed(record)
                return self._owner.location / name
        raise ArtifactError(f"{self.location} has no {name}")

    def check(self) -> None:
        """Refuse these files where they are not what the artifact's manifest says.

        Raises:
            ArtifactError: what is wrong.
        """
        self._owner.check(self._records)

    def as_parent(self) -> Parent:
        """What a child's manifest says of it."""
        return Parent(request=self._owner.manifest.request, content=self.content)


def is_text_file(name: str) -> bool:
    """Whether it is a file of one text, by its name."""
    return name.lower().endswith(TEXT_FILES)


def _grouped(files: Iterable[File]) -> Iterator[tuple[File, ...]]:
    """Each file by itself, those of one text up to a shard's bytes together."""
    texts: list[File] = []
    total_bytes = 0
    for file in files:
        if not is_text_file(file.path):
            yield (file,)
            continue
        texts.append(file)
        total_bytes += file.bytes
        if total_bytes >= SHARD_BYTES:
            yield tuple(texts)
            texts, total_bytes = [], 0
    if texts:
        yield tuple(texts)


def is_complete(folder: Path) -> bool:
    """Whether ``folder`` is an artifact, here or where its store is the mirror of.

    Raises:
        ArtifactError: its manifest cannot be read.
    """
    with whole.reading(folder / MANIFEST):
        is_here = (folder / MANIFEST).exists()
    return is_here or _is_fetched(folder)


def folders(store: Path, pattern: str) -> list[Path]:
    """The artifacts of ``store`` whose folders are called so, by name.

    With those of which a manifest is there that cannot be read: ``Artifact`` says why.
    """
    names = {path.name for path in store.glob(pattern)}
    if (place := place_of(store)) is not None:
        names.update(place.folders(pattern))
    return [store / name for name in sorted(names) if _is_met(store / name)]


def _is_met(folder: Path) -> bool:
    try:
        return is_complete(folder)
    except ArtifactError:
        return True


def fault(folder: Path, request: str | None = None, *, is_shard: bool = False) -> str | None:
    """What keeps ``folder`` from being a whole artifact, of ``request`` if given; None if it is.

    One that ``is_shard`` lists none itself.
    """
    try:
        artifact = Artifact(folder)
        if request not in (None, artifact.manifest.request):
            return f"{shown(folder)} is the artifact of another request"
        if is_shard and artifact.manifest.shards is not None:
            return f"{shown(folder)} is no shard: it lists some itself"
        return next((f"{shown(folder)}: {fault}" for fault in artifact.faults()), None)
    except ArtifactError as error:
        return str(error)


def folder_name(stage: str, request: str) -> str:
    """The name of an artifact's folder in its store."""
    return f"{stage}-{request[:12]}"


def find_artifact(name: str, store: Path) -> Artifact:
    """The artifact at the path ``name``, in ``store`` or not, or whose request starts so.

    Raises:
        ArtifactError: there is none, or more than one.
    """
    for folder in (Path(name), store / name):
        if name and is_complete(folder):
            return Artifact(folder)
    start = glob.escape(name[:12])
    artifacts = [Artifact(it) for it in folders(store, f"*-{start}*")] if name else []
    matching = [each for each in artifacts if each.manifest.request.startswith(name)]
    if not matching:
        of = shown(store)
        raise ArtifactError(
            f"{name} is no artifact: no such folder with a {MANIFEST}, no request of {of}",
            hint="give the artifact's folder, or --store FOLDER and the start of its request",
        )
    if len(matching) > 1:
        names = ", ".join(artifact.path.name for artifact in matching)
        raise ArtifactError(f"{name} is the start of several requests: {names}")
    return matching[0]


def _hint(folder: Path) -> str:
    """What helps where a manifest was altered."""
    place = place_of(folder.parent)
    if place:
        return place.anew(folder.name)
    store = shlex.quote(str(folder.parent))
    mend = f": run the recipe again, or bedstone repair --store {store}"
    return f"it was altered, or is another program's{mend if FOLDER.fullmatch(folder.name) else ''}"


def _read(folder: Path) -> Manifest:
    if not is_complete(folder):
        raise ArtifactError(
            f"{shown(folder)} is no artifact: it has no {MANIFEST}",
            hint="check the path; a stage that did not finish leaves no artifact",
        )
    text = whole.bounded_bytes(folder / MANIFEST)
    return _parsed(text, f"{shown(folder)}/{MANIFEST}", _hint(folder))


def _parsed(text: bytes, name: str, hint: str) -> Manifest:
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "(whole)"
        raise ArtifactError(
            f"{name} is no manifest: "
            f"{number_of(error.error_count(), 'wrong field')}; {where[:200]}: {first['msg']}",
            hint=hint,
        ) from error


def _is_fetched(folder: Path) -> bool:
    place = place_of(folder.parent)
    if place is None or not FOLDER.fullmatch(folder.name):
        return False
    name = f"{folder.name}/{MANIFEST}"
    if (found := place.read(name)) is None:
        return False
    hint = f"remove {place.url}/{folder.name} there, and run again"
    manifest = _parsed(found[0], f"{place.url}/{name}", hint)
    is_its_own = folder_name(manifest.stage, manifest.request) == folder.name
    if not (is_its_own and manifest.is_sealed()):
        raise ArtifactError(f"{place.url}/{name} was altered, or is another artifact's", hint=hint)
    with work.written(folder / MANIFEST) as path:
        path.write_bytes(found[0])
    return True


def digest(value: object) -> str:
    """The sha256 of ``value`` as canonical JSON (sorted keys, no spaces, no NaN)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def content_files(stage: str, files: Iterable[File]) -> tuple[File, ...]:
    """Those of an artifact of ``stage`` that its children may read."""
    is_own = stage != ADOPTION
    return tuple(file for file in files if not (is_own and file.path.startswith(f"{ABOUT}/")))


def content_digest(files: Iterable[File]) -> str:
    """What came out."""
    return digest([[file.path, file.sha256] for file in files])


def file_record(folder: Path, name: str) -> File:
    """The record of the file ``name`` of ``folder``, read in pieces."""
    path = folder / name
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return File(path=name, bytes=path.stat().st_size, sha256=sha256)


def list_files(folder: Path, known: Iterable[File] = ()) -> tuple[File, ...]:
    """The payload of ``folder``, by name; files already ``known`` are not read again."""
    records = {file.path: file for file in known}
    names = whole.names_in(folder)
    return tuple(records.get(name) or file_record(folder, name) for name in names)
