"""The commands as functions: each returns the JSON that its command prints."""

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
Inputs = Mapping[str, Path | Sequence[Path]]
"""Name -> a file or a folder, or several."""


def stages() -> dict[str, str]:
    """Every stage and what it does, in the order in which a model is made."""
    return stage_module.STAGES


def run(
    recipe_path: Path,
    inputs: Inputs | None = None,
    *,
    until: str | None = None,
    sets: Sequence[str] = (),
    store: Path = STORE,
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
    plan = recipe.load(recipe_path, sets, until)
    given = {name: _paths(paths) for name, paths in (inputs or {}).items()}
    if dry_run:
        return {"nodes": recipe.preview(plan, given, store)}
    made = recipe.run(plan, given, store, _engine(engine, workers), progress)
    return {"nodes": {name: str(artifact.path) for name, artifact in made.items()}}


def build(
    stage: str,
    config: Path | None = None,
    *,
    sets: Sequence[str] = (),
    inputs: Inputs | None = None,
    store: Path = STORE,
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
    settings = configs.load(made_by.config, config, sets)
    given = {role: _given(_paths(paths), store) for role, paths in (inputs or {}).items()}
    made = stage_module.build(
        made_by, settings, given, store, _engine(engine, workers), progress or Progress()
    )
    return {"artifact": str(made.path), "metrics": made.manifest.metrics}


def demo(
    *,
    store: Path = STORE,
    minutes: float = 10.0,
    crawl: Sequence[Path] = (),
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Go the whole way: fetch a small real crawl, run the demo recipe, write the report.

    ``minutes`` are for the run after the fetch: less time makes a smaller model of less text.
    Given a ``crawl`` of WARC files, nothing is fetched.

    Returns:
        ``report``: its path; ``nodes``; ``completions``: three of the model's, by prompt.
    """
    from bedstone.demonstration import demo as go

    return go(store=store, minutes=minutes, crawl=crawl, progress=progress or Progress())


def show(artifact: str, *, store: Path = STORE) -> dict[str, Any]:
    """What an artifact's manifest says."""
    return find_artifact(artifact, store).manifest.model_dump(mode="json")


def verify(artifact: str, *, store: Path = STORE) -> dict[str, Any]:
    """Check that an artifact's files and manifest are still what they were.

    Raises:
        ArtifactError: they are not.
    """
    found = find_artifact(artifact, store)
    found.verify()
    return {"artifact": str(found.path), "verified": True}


def trace(artifact: str, *, store: Path = STORE) -> dict[str, Any]:
    """The tree of decisions behind an artifact."""
    return lineage.trace(find_artifact(artifact, store))


def diff(left: str, right: str, *, store: Path = STORE) -> dict[str, Any]:
    """The decisions and metrics in which two artifacts, or what is behind them, differ."""
    ours, theirs = (find_artifact(name, store) for name in (left, right))
    return {key: list(pair) for key, pair in lineage.diff(ours, theirs).items()}


def report(
    artifact: str, *, out: Path = Path("report.html"), store: Path = STORE
) -> dict[str, Any]:
    """Write one offline page about an artifact, all behind it, and all that was measured on it."""
    from bedstone.reporting.report import write_report

    write_report(find_artifact(artifact, store), out)
    return {"report": str(out)}


def adopt(paths: Sequence[Path], *, store: Path = STORE) -> dict[str, Any]:
    """Enter files made elsewhere into the store, where they lie."""
    return {"artifact": str(adopt_paths(paths, store).path)}


def clean(*, store: Path = STORE) -> dict[str, Any]:
    """Remove the unfinished work that nobody is at."""
    return {"removed": [str(folder) for folder in stage_module.clean(store)]}


def _paths(paths: Path | Sequence[Path]) -> Sequence[Path]:
    return [paths] if isinstance(paths, Path) else paths


def _given(paths: Sequence[Path], store: Path) -> Artifact:
    if len(paths) == 1 and not paths[0].exists():
        return find_artifact(str(paths[0]), store)
    return adopt_paths(paths, store)


def _engine(name: str, workers: int) -> Engine:
    if name != "local":
        raise ConfigError(f"no engine {name!r}; {nearest(name, ['local'])}")
    return Local(workers)
