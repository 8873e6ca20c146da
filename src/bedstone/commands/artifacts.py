"""The commands that look at artifacts: show, verify, trace, diff, report, clean."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from bedstone.commands.declare import STORE, Command, Found, Name, PathLike, Store
from bedstone.commands.desk import artifact_of
from bedstone.commands.save import target


def show(artifact: Name, *, store: Store = STORE) -> Found:
    """Print what an artifact's manifest says.

    Returns:
        The manifest.
    """
    return artifact_of(artifact, store).manifest.model_dump(mode="json")


def _manifest(found: Found) -> Iterator[str]:
    from bedstone.store.lineage import flat

    rows = flat({key: value for key, value in found.items() if key not in ("files", "shards")})
    return (f"{key:48} {value}" for key, value in rows)


def verify(artifact: Name, *, store: Store = STORE) -> Found:
    """Check that an artifact's files and manifest are still what they were.

    Returns:
        ``artifact``, ``verified``.

    Raises:
        ArtifactError: they are not.
    """
    found = artifact_of(artifact, store)
    found.verify()
    return {"artifact": str(found.path), "verified": True}


def trace(artifact: Name, *, store: Store = STORE) -> Found:
    """Print the tree of decisions behind an artifact.

    Returns:
        ``artifact``, ``stage``, ``config``, ``sources``; ``parents`` and ``decided_by``, by role
        the same of each.
    """
    from bedstone.store import lineage

    return lineage.trace(artifact_of(artifact, store))


def diff(left: Name, right: Name, *, store: Store = STORE) -> dict[str, list[Any]]:
    """Print the decisions and metrics in which two artifacts, or what is behind them, differ.

    Returns:
        ``stage.kind.key`` -> both values.
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
) -> Found:
    """Write one offline page about an artifact, all behind it, and what was measured on it.

    Returns:
        ``report``: the page.
    """
    from bedstone.reporting.report import write_report

    page = target("--out", out)
    assert page is not None
    write_report(artifact_of(artifact, store), page)
    return {"report": str(page)}


def clean(*, store: Store = STORE) -> Found:
    """Remove the unfinished work that nobody is at.

    Returns:
        ``removed``: the folders.
    """
    from bedstone.store.build import clean as clean_store

    return {"removed": [str(folder) for folder in clean_store(Path(store))]}


def _tree_lines(role: str, tree: dict[str, Any], depth: int = 0) -> Iterator[str]:
    indent = "  " * depth
    above = " (above)" if tree.get("above") else ""
    yield f"{indent}{role}{tree['artifact']}{above}"
    for key, value in tree.get("config", {}).items():
        yield f"{indent}    {key} = {value}"
    for source in tree.get("sources", ()):
        yield f"{indent}    from {source['name']} {source['version']} {source['location']}"
    for kind in ("parents", "decided_by"):
        for name, parent in tree.get(kind, {}).items():
            label = f"{name}: " if kind == "parents" else f"{name} (decided): "
            yield from _tree_lines(label, parent, depth + 1)


COMMANDS = (
    Command(show, _manifest),
    Command(verify, lambda found: [f"{found['artifact']}: unaltered"]),
    Command(trace, lambda found: _tree_lines("", found)),
    Command(diff, _pairs),
    Command(report, lambda found: [found["report"]]),
    Command(clean, lambda found: found["removed"]),
)
