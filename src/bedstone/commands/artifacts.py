"""The commands that look at artifacts: show, verify, trace, diff, report, clean."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

import bedstone
from bedstone.commands.declare import STORE, AsJson, Name, Store, answer


def show(artifact: Name, store: Store = STORE, as_json: AsJson = False) -> None:
    """Print what an artifact's manifest says."""
    from bedstone.store.lineage import flat

    values = bedstone.show(artifact, store=store)
    rows = flat({key: value for key, value in values.items() if key not in ("files", "shards")})
    answer(values, (f"{key:48} {value}" for key, value in rows), as_json=as_json)


def verify(artifact: Name, store: Store = STORE, as_json: AsJson = False) -> None:
    """Check that an artifact's files and manifest are still what they were."""
    checked = bedstone.verify(artifact, store=store)
    answer(checked, [f"{checked['artifact']}: unaltered"], as_json=as_json)


def trace(artifact: Name, store: Store = STORE, as_json: AsJson = False) -> None:
    """Print the tree of decisions behind an artifact."""
    tree = bedstone.trace(artifact, store=store)
    answer(tree, _tree_lines("", tree), as_json=as_json)


def diff(left: Name, right: Name, store: Store = STORE, as_json: AsJson = False) -> None:
    """Print the decisions and metrics in which two artifacts, or what is behind them, differ."""
    pairs = bedstone.diff(left, right, store=store)
    width = max(map(len, pairs), default=0)
    lines = (f"{key:{width}}  {ours} -> {theirs}" for key, (ours, theirs) in pairs.items())
    answer(pairs, lines, as_json=as_json)


def report(
    artifact: Name,
    out: Annotated[Path, typer.Option(help="the page to write")] = Path("report.html"),
    store: Store = STORE,
    as_json: AsJson = False,
) -> None:
    """Write one offline page about an artifact, all behind it, and what was measured on it."""
    made = bedstone.report(artifact, out=out, store=store)
    answer(made, [made["report"]], as_json=as_json)


def clean(store: Store = STORE, as_json: AsJson = False) -> None:
    """Remove the unfinished work that nobody is at."""
    cleaned = bedstone.clean(store=store)
    answer(cleaned, cleaned["removed"], as_json=as_json)


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


COMMANDS: tuple[Callable[..., None], ...] = (show, verify, trace, diff, report, clean)
