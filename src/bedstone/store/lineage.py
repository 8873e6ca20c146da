"""Lineage: the tree of artifacts behind one, and what two were made of differently."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bedstone.errors import number_of
from bedstone.store.artifact import ADOPTION, Artifact, Parent, folder_name, folders
from bedstone.store.stages import DECIDING, WITH_TEXTS

DECISIONS = ("stage", "stage_version", "config", "libraries")
"""What is decided about an artifact itself; its parents' decisions are their own."""


def trace(artifact: Artifact) -> dict[str, Any]:
    """The artifact and, by role, all that it came from, as far as its store still has it.

    What lies behind an artifact is told where it is met first; where it is met again, it is
    ``"above": True``.
    """
    return _traced(artifact, artifact.path.resolve().parent, set())


def ancestors(artifact: Artifact) -> dict[str, Artifact]:
    """The artifact and all behind it, nearest first, by dotted roles; each under one name.

    The artifact itself is ``""``; what the store no longer has is left out.
    """
    return behind({"": artifact})


def behind(artifacts: Mapping[str, Artifact]) -> dict[str, Artifact]:
    """The artifacts, by whatever they are called, and all behind them, as in ``ancestors``."""
    found: dict[str, Artifact] = {}
    seen: set[str] = set()
    queue = deque(artifacts.items())
    while queue:
        name, each = queue.popleft()
        if each.manifest.request in seen:
            continue
        seen.add(each.manifest.request)
        found[name] = each
        store = each.path.resolve().parent
        for role, parent in (each.manifest.parents | each.manifest.decided_by).items():
            if (parent_of_it := stored(parent, store)) is not None:
                queue.append((f"{name}.{role}".lstrip("."), parent_of_it))
    return found


def stored(parent: Parent, store: Path) -> Artifact | None:
    """The parent, if the store has it: built again since, it may have come out differently."""
    found = [Artifact(folder) for folder in folders(store, folder_name("*", parent.request))]
    return next((each for each in found if _is(each, parent)), None)


def documents_behind(artifact: Artifact) -> tuple[Artifact, Artifact | None, list[str]] | None:
    """The documents behind an artifact, which of them are kept, and what is to be said of that.

    None where its store has none.
    """
    found = ancestors(artifact)
    texts = _versions([it for it in found.values() if it.manifest.stage in WITH_TEXTS])
    if not texts:
        return None
    if artifact.manifest.stage in WITH_TEXTS:
        return artifact, None, []
    kept = next((it for it in found.values() if it.manifest.stage in DECIDING), None)
    nothing = "no decision of what is kept is behind it: all documents were looked at"
    warnings = [] if kept else [nothing]
    if len(texts) > 1:
        of = f"{number_of(len(texts), 'version')} of the texts are behind it"
        warnings.append(f"{of}: the one looked at is {texts[0].path}")
    if any(each.manifest.stage == "tokenizer.mix" for each in found.values()):
        warnings.append("documents that its mix holds out or leaves out were looked at too")
    return texts[0], kept, warnings


def diff(left: Artifact, right: Artifact) -> dict[str, tuple[Any, Any]]:
    """Every decision and metric, of the two or of anything behind them, that differs.

    Returns:
        ``stage.kind.key`` -> both values, None where one has no such key. A stage that occurs
        twice behind an artifact is told apart by its role: ``evaluation.bits@sft``. Digests are
        left out: they differ wherever something else does.
    """
    ours, theirs = _decided(left), _decided(right)
    pairs = {key: (ours.get(key), theirs.get(key)) for key in dict.fromkeys([*ours, *theirs])}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def flat(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of nested tables, with its dotted key."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _versions(texts: Sequence[Artifact]) -> list[Artifact]:
    """The nearest text and what it is a version of, as often rewritten as there is, last first.

    Other documents, as a classifier's examples, are left out: they are made from another text.
    """
    by_request, chains = {it.manifest.request: it for it in texts}, list[list[Artifact]]()
    for text in texts:
        chains.append([text])
        while parent := text.manifest.parents.get("documents"):
            if parent.request not in by_request:
                break
            text = by_request[parent.request]
            chains[-1].append(text)
    return max((it for it in chains if it[-1] is chains[0][-1]), key=len, default=[])


def _decided(artifact: Artifact) -> dict[str, Any]:
    values: dict[str, Any] = {}
    stages: set[str] = set()
    for name, each in ancestors(artifact).items():
        stage = each.manifest.stage
        label = f"{stage}@{name}" if stage in stages else stage
        stages.add(stage)
        values |= {f"{label}.{key}": value for key, value in flat(_decisions(each))}
    return values


def _decisions(artifact: Artifact) -> dict[str, Any]:
    values = artifact.manifest.model_dump(mode="json")
    sources = {it["name"]: it["version"] or it["sha256"] for it in values["sources"]}
    if not artifact.manifest.parents and sources:  # adopted or fetched: it is what its sources are
        return {"stage": values["stage"], "sources": sources}
    return {key: values[key] for key in (*DECISIONS, "metrics")}


def _traced(artifact: Artifact, store: Path, seen: set[str]) -> dict[str, Any]:
    manifest = artifact.manifest
    told = {
        "artifact": artifact.path.resolve().name,
        "stage": manifest.stage,
        "content": manifest.content,
    }
    if manifest.request in seen:
        return told | {"above": True}
    seen.add(manifest.request)
    return {
        **told,
        "stage_version": manifest.stage_version,
        "config": manifest.config,
        "sources": [source.model_dump() for source in manifest.sources],
        "parents": {role: _parent(it, store, seen) for role, it in manifest.parents.items()},
        "decided_by": {role: _parent(it, store, seen) for role, it in manifest.decided_by.items()},
    }


def _parent(parent: Parent, store: Path, seen: set[str]) -> dict[str, Any]:
    artifact = stored(parent, store)
    if artifact is None:
        return {"artifact": f"(not in this store) {parent.request[:12]}", "content": parent.content}
    return _traced(artifact, store, seen)


def _is(artifact: Artifact, parent: Parent) -> bool:
    manifest = artifact.manifest
    contents = {manifest.content, *(file.sha256 for file in manifest.files)}
    # What was adopted has its content in its request, and the parent may be a piece of it.
    is_it = manifest.stage == ADOPTION or parent.content in contents
    return manifest.request == parent.request and is_it
