"""The commands that look at artifacts: show, verify, repair, trace, diff, report, clean."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NotRequired, cast

import typer
from typing_extensions import TypedDict

from bedstone.commands.declare import (
    STORE,
    Command,
    Found,
    MadeOf,
    Name,
    PathLike,
    Store,
    Workers,
)
from bedstone.commands.desk import artifact_of, making, store_of
from bedstone.commands.save import target
from bedstone.errors import ArtifactError, ConfigError
from bedstone.progress import Progress

Manifest = Annotated[Found, MadeOf("store.artifact", "Manifest")]


class Verify(TypedDict):
    """An artifact that is unaltered, or all of a store."""

    artifact: NotRequired[str]
    """Its folder."""
    verified: bool
    """Of a store, whether nothing is broken."""
    checked: NotRequired[int]
    """Artifacts of the store, shards among them."""
    broken: NotRequired[dict[str, str]]
    """Folder -> what is wrong with it."""


class Repair(TypedDict):
    """What became of what was broken."""

    checked: int
    """Artifacts, shards among them."""
    repaired: list[str]
    """Folders."""
    not_repaired: dict[str, str]
    """Folder -> why it is not built again."""


class Tree(TypedDict):
    """An artifact and what it came from."""

    artifact: str
    """The name of its folder; in brackets if the store no longer has it."""
    content: str
    """Digest of what came out."""
    stage: NotRequired[str]
    above: NotRequired[bool]
    """What it came from is told where it is met first."""
    stage_version: NotRequired[int]
    config: NotRequired[dict[str, Any]]
    """Every value in force, defaults included."""
    sources: NotRequired[list[Annotated[Found, MadeOf("store.artifact", "Source")]]]
    """What was taken from outside the store."""
    parents: NotRequired[dict[str, "Tree"]]
    """By role."""
    decided_by: NotRequired[dict[str, "Tree"]]
    """By role, parents that only filled fields of the config."""


class Report(TypedDict):
    """A page."""

    report: str
    """Its file."""


class Clean(TypedDict):
    """What was removed."""

    removed: list[str]
    """Folders."""


def show(artifact: Name, *, store: Store = STORE) -> Manifest:
    """Print what an artifact's manifest says."""
    return artifact_of(artifact, store).manifest.model_dump(mode="json")


def _manifest(found: Manifest) -> Iterator[str]:
    from bedstone.store.lineage import flat

    rows = flat({key: value for key, value in found.items() if key not in ("files", "shards")})
    return (f"{key:48} {value}" for key, value in rows)


def verify(
    artifact: Annotated[
        PathLike | None,
        typer.Argument(metavar="ARTIFACT", help="its folder, or the start of its request"),
    ] = None,
    *,
    whole_store: Annotated[
        bool, typer.Option("--all", help="check every artifact of the store, whatever is found")
    ] = False,
    store: Store = STORE,
    progress: Progress | None = None,
) -> Verify:
    """Read an artifact's files and manifest, or all of a store, and check that they are unaltered.

    Raises:
        ArtifactError: the artifact is not.
    """
    from bedstone.store.artifact import folders as found_in
    from bedstone.store.repair import broken_in

    progress = progress or Progress()
    if (artifact is None) != whole_store:
        raise ConfigError("one artifact is verified, or --all", hint="give the one, or --all")
    if artifact is not None:
        found = artifact_of(artifact, store)
        with progress.named("checked").task("bytes") as task:
            found.verify(task.advance)
        return {"artifact": str(found.path), "verified": True}
    folders = found_in(_there(store), "*-*")
    broken = {str(folder): told for folder, told in broken_in(folders, progress).items()}
    return {"verified": not broken, "checked": len(folders), "broken": broken}


def _there(store: PathLike) -> Path:
    """The folder of a store, which is there: else nothing would be found to be broken."""
    from bedstone.store.place import place_of

    folder = store_of(store)
    if place_of(folder) is None and not folder.is_dir():
        raise ConfigError(f"--store {store}: there is no such folder", hint="check the path")
    return folder


def _verified(found: Verify) -> Iterator[str]:
    if "artifact" in found:
        yield f"{found['artifact']}: unaltered"
        return
    yield from (f"{folder}: {told}" for folder, told in found["broken"].items())
    yield f"{found['checked']} checked, {len(found['broken'])} broken"


def repair(
    artifact: Annotated[
        PathLike | None,
        typer.Argument(metavar="ARTIFACT", help="it and all behind it; without it, all there is"),
    ] = None,
    *,
    store: Store = STORE,
    workers: Workers = 1,
    progress: Progress | None = None,
) -> Repair:
    """Check artifacts in full, and build those again that are broken.

    What is broken is set aside and stays in the store's ``.broken``. Files that were made elsewhere
    are not touched.
    """
    from dataclasses import asdict

    from bedstone.store.repair import repair as repair_store

    named = None if artifact is None else artifact_of(artifact, store)
    where = making(named.path.resolve().parent if named else _there(store), progress, workers)
    return cast(Repair, asdict(repair_store(where, named)))


def _repaired(found: Repair) -> Iterator[str]:
    yield from (f"{folder}: built again" for folder in found["repaired"])
    yield from (f"{folder}: not repaired: {why}" for folder, why in found["not_repaired"].items())
    yield f"{found['checked']} checked, {len(found['repaired'])} repaired"


def trace(artifact: Name, *, store: Store = STORE) -> Tree:
    """Print the tree of decisions behind an artifact."""
    from bedstone.store import lineage

    return cast(Tree, lineage.trace(artifact_of(artifact, store)))


def diff(left: Name, right: Name, *, store: Store = STORE) -> dict[str, list[Any]]:
    """Print the decisions and metrics in which two artifacts, or what is behind them, differ.

    Each is called ``stage.kind.key`` and has two values, null where one has none.
    """
    from bedstone.scaling.score import score
    from bedstone.store import lineage

    ours, theirs = (artifact_of(name, store) for name in (left, right))
    found = {**score(ours, theirs), **lineage.diff(ours, theirs)}
    return {key: list(pair) for key, pair in found.items()}


def _pairs(found: dict[str, list[Any]]) -> Iterator[str]:
    width = max(map(len, found), default=0)
    return (f"{key:{width}}  {ours} -> {theirs}" for key, (ours, theirs) in found.items())


def report(
    artifact: Name,
    *,
    out: Annotated[PathLike, typer.Option(help="the page to write")] = Path("report.html"),
    store: Store = STORE,
) -> Report:
    """Write one offline page about an artifact, all behind it, and what was measured on it."""
    from bedstone.reporting.report import write_report

    page = target("--out", out)
    assert page is not None
    write_report(artifact_of(artifact, store), page)
    return {"report": str(page)}


def clean(
    *,
    broken: Annotated[bool, typer.Option(help="remove what was set aside too")] = False,
    store: Store = STORE,
) -> Clean:
    """Remove the unfinished work that nobody is at."""
    from bedstone.store.build import clean as clean_store

    return {"removed": [str(folder) for folder in clean_store(store_of(store), broken=broken)]}


def _tree_lines(role: str, tree: Tree, depth: int = 0) -> Iterator[str]:
    indent = "  " * depth
    above = " (above)" if tree.get("above") else ""
    yield f"{indent}{role}{tree['artifact']}{above}"
    for key, value in tree.get("config", {}).items():
        yield f"{indent}    {key} = {value}"
    for source in tree.get("sources", ()):
        yield f"{indent}    from {source['name']} {source['version']} {source['location']}"
    for name, parent in tree.get("parents", {}).items():
        yield from _tree_lines(f"{name}: ", parent, depth + 1)
    for name, parent in tree.get("decided_by", {}).items():
        yield from _tree_lines(f"{name} (decided): ", parent, depth + 1)


COMMANDS = (
    Command(show, _manifest),
    Command(verify, _verified, lambda found: 0 if found["verified"] else ArtifactError.exit_status),
    Command(repair, _repaired, lambda found: 1 if found["not_repaired"] else 0),
    Command(trace, lambda found: _tree_lines("", found)),
    Command(diff, _pairs),
    Command(report, lambda found: [found["report"]]),
    Command(clean, lambda found: found["removed"]),
)
