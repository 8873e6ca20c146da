"""The commands as functions: each returns the JSON that its command prints."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bedstone import config as configs
from bedstone import lineage, recipe
from bedstone import stage as stage_module
from bedstone.adoption import adopt as adopt_paths
from bedstone.artifact import Artifact, find_artifact
from bedstone.config import nearest
from bedstone.engine import Engine, Local
from bedstone.errors import ConfigError
from bedstone.progress import Progress

STORE = Path("artifacts")
NAME = re.compile(r"([a-z_.]+-)?[0-9a-f]{4,64}")
"""How an artifact may be called: its folder's name, or the start of its request."""
PathLike = str | Path
Paths = PathLike | Sequence[PathLike]
Inputs = Mapping[str, Paths]
"""Name -> a file or a folder, or several; or an artifact, by the start of its request."""


def stages() -> dict[str, str]:
    """Every stage and what it does, in the order in which a model is made."""
    return stage_module.STAGES


def run(
    recipe_path: PathLike,
    inputs: Inputs | None = None,
    *,
    until: str | None = None,
    sets: str | Sequence[str] = (),
    store: PathLike = STORE,
    workers: int = 1,
    engine: str = "local",
    dry_run: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Build what is missing of a recipe, in order.

    Returns:
        ``nodes``: name -> artifact folder; with ``dry_run``, name -> what would be done.

    Raises:
        ConfigError: the recipe, a ``node.key=value`` of ``sets``, or an input cannot be used.
        BedstoneError: a stage failed; what was finished stays, and the next run goes on.
    """
    plan = recipe.load(Path(recipe_path), _words(sets), until)
    given = {name: _given(paths, Path(store)) for name, paths in (inputs or {}).items()}
    if dry_run:
        return {"nodes": recipe.preview(plan, given, Path(store))}
    made = recipe.run(plan, given, Path(store), _engine(engine, workers), progress)
    return {"nodes": {name: str(artifact.path) for name, artifact in made.items()}}


def build(
    stage: str,
    config: PathLike | None = None,
    *,
    sets: str | Sequence[str] = (),
    inputs: Inputs | None = None,
    store: PathLike = STORE,
    workers: int = 1,
    engine: str = "local",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Build one stage's artifact, or find that it was built before.

    Returns:
        ``artifact``: its folder; ``metrics``.

    Raises:
        ConfigError: no such stage, or a config that cannot be used.
        ArtifactError: an input is missing, altered, or of the wrong kind.
    """
    made_by = stage_module.find(stage)
    settings = configs.load(made_by.config, Path(config) if config else None, _words(sets))
    given = {
        role: adopt_paths(_given(paths, Path(store)), Path(store))
        for role, paths in (inputs or {}).items()
    }
    made = stage_module.build(
        made_by, settings, given, Path(store), _engine(engine, workers), progress
    )
    return {"artifact": str(made.path), "metrics": made.manifest.metrics}


def demo(
    *,
    store: PathLike = STORE,
    minutes: float = 10.0,
    crawl: Paths = (),
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Go the whole way: fetch a small real crawl, run the demo recipe, write the report.

    ``minutes`` are for the run after the fetch: less time makes a smaller model of less text.
    Given a ``crawl`` of WARC files, nothing is fetched.

    Returns:
        ``report``: its path; ``nodes``; ``completions``: three of the model's, by prompt.
    """
    from bedstone.demonstration import demo as go

    return go(
        store=Path(store), minutes=minutes, crawl=_paths(crawl), progress=progress or Progress()
    )


def show(artifact: PathLike, *, store: PathLike = STORE) -> dict[str, Any]:
    """What an artifact's manifest says."""
    return _found(artifact, store).manifest.model_dump(mode="json")


def verify(artifact: PathLike, *, store: PathLike = STORE) -> dict[str, Any]:
    """Check that an artifact's files and manifest are still what they were.

    Raises:
        ArtifactError: they are not.
    """
    found = _found(artifact, store)
    found.verify()
    return {"artifact": str(found.path), "verified": True}


def trace(artifact: PathLike, *, store: PathLike = STORE) -> dict[str, Any]:
    """The tree of decisions behind an artifact."""
    return lineage.trace(_found(artifact, store))


def diff(left: PathLike, right: PathLike, *, store: PathLike = STORE) -> dict[str, Any]:
    """The decisions and metrics in which two artifacts, or what is behind them, differ."""
    ours, theirs = (_found(name, store) for name in (left, right))
    return {key: list(pair) for key, pair in lineage.diff(ours, theirs).items()}


def report(
    artifact: PathLike, *, out: PathLike = "report.html", store: PathLike = STORE
) -> dict[str, Any]:
    """Write one offline page about an artifact, all behind it, and all that was measured on it."""
    from bedstone.reporting.report import write_report

    write_report(_found(artifact, store), Path(out))
    return {"report": str(out)}


def adopt(paths: Paths, *, store: PathLike = STORE) -> dict[str, Any]:
    """Enter files made elsewhere into the store, where they lie."""
    return {"artifact": str(adopt_paths(_paths(paths), Path(store)).path)}


def clean(*, store: PathLike = STORE) -> dict[str, Any]:
    """Remove the unfinished work that nobody is at."""
    return {"removed": [str(folder) for folder in stage_module.clean(Path(store))]}


def _paths(paths: Paths) -> list[Path]:
    return [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]


def _words(words: str | Sequence[str]) -> Sequence[str]:
    return [words] if isinstance(words, str) else words


def _found(name: PathLike, store: PathLike) -> Artifact:
    return find_artifact(str(name), Path(store))


def _given(given: Paths, store: Path) -> list[Path]:
    """The paths, or that of the artifact that a single word names."""
    paths = _paths(given)
    if len(paths) == 1 and not paths[0].exists() and NAME.fullmatch(str(paths[0])):
        return [_found(paths[0], store).path]
    return paths


def _engine(name: str, workers: int) -> Engine:
    if workers < 1:
        raise ConfigError(f"{workers} workers: there must be one at least")
    if name != "local":
        raise ConfigError(f"no engine {name!r}; {nearest(name, ['local'])}")
    return Local(workers)
