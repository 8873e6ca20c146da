"""The commands that look at artifacts: show, verify, trace, diff, report, clean."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NotRequired, cast

import typer
from typing_extensions import TypedDict

from bedstone.commands.declare import STORE, Command, Found, MadeOf, Name, PathLike, Store
from bedstone.commands.desk import artifact_of, store_of
from bedstone.commands.save import target

Manifest = Annotated[Found, MadeOf("store.artifact", "Manifest")]


class Verify(TypedDict):
    """An artifact that is unaltered."""

    artifact: str
    """Its folder."""
    verified: bool


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


def verify(artifact: Name, *, store: Store = STORE) -> Verify:
    """Check that an artifact's files and manifest are still what they were.

    Raises:
        ArtifactError: they are not.
    """
    found = artifact_of(artifact, store)
    found.verify()
    return {"artifact": str(found.path), "verified": True}


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


def clean(*, store: Store = STORE) -> Clean:
    """Remove the unfinished work that nobody is at."""
    from bedstone.store.build import clean as clean_store

    return {"removed": [str(folder) for folder in clean_store(store_of(store))]}


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
    Command(verify, lambda found: [f"{found['artifact']}: unaltered"]),
    Command(trace, lambda found: _tree_lines("", found)),
    Command(diff, _pairs),
    Command(report, lambda found: [found["report"]]),
    Command(clean, lambda found: found["removed"]),
)
