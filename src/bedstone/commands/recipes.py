"""The commands that make artifacts: demo, run, build, adopt, stages."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from bedstone.commands.declare import (
    STORE,
    Command,
    EngineName,
    Found,
    NamedInputs,
    PathLike,
    Paths,
    Sets,
    Store,
    TextColumn,
    Workers,
)
from bedstone.commands.desk import given, making, paths_of, words_of
from bedstone.progress import Progress


def demo(
    *,
    store: Store = STORE,
    minutes: Annotated[float, typer.Option(help="for the run after the fetch, 3 or more")] = 10.0,
    crawl: Annotated[
        Paths, typer.Option(help="WARC, JSONL, Parquet or text files of your own, or folders")
    ] = (),
    text_column: TextColumn = None,
    progress: Progress | None = None,
) -> Found:
    """Go the whole way on a small real crawl: model, alignment, samples, report.

    Less time makes a smaller model of less text.

    Returns:
        ``report``: its path; ``nodes``; ``completions``: three of the model's, by prompt.
    """
    from bedstone.commands.demo import demo as go

    return go(
        store=Path(store),
        minutes=minutes,
        crawl=given(crawl, store),
        text_column=text_column,
        progress=progress or Progress(),
    )


def _completions(found: Found) -> Iterator[str]:
    yield f"report: {found['report']}"
    for each in found["completions"]:
        yield f"\nprompt: {each['prompt']}\nmodel:  {each['completion']}"


def run(
    recipe: Annotated[PathLike, typer.Argument(metavar="RECIPE", help="a TOML file of nodes")],
    inputs: NamedInputs = {},  # noqa: B006 (never changed)
    *,
    sets: Sets = (),
    until: Annotated[str | None, typer.Option(help="the last node to build")] = None,
    dry_run: Annotated[
        bool, typer.Option(help="say what would be built, and what it would take")
    ] = False,
    store: Store = STORE,
    workers: Workers = 1,
    engine: EngineName = "local",
    progress: Progress | None = None,
) -> Found:
    """Build what is missing of a recipe, in order.

    Returns:
        ``nodes``: name -> artifact folder; with ``dry_run``, name -> what would be done, and
        ``estimate``: ``documents``, ``tokens``, ``flop``, ``bytes_on_disk``,
        ``peak_memory_bytes``, ``minutes``, None where that is not known before, ``how`` each was
        found, and what of it is each node's.

    Raises:
        ConfigError: the recipe, a ``node.key=value`` of ``sets``, or an input cannot be used.
        BedstoneError: a stage failed; what was finished stays, and the next run goes on.
    """
    from bedstone.store import recipe as recipes

    plan = recipes.load(Path(recipe), words_of(sets), until)
    found = {name: given(paths, store) for name, paths in inputs.items()}
    if dry_run:
        from bedstone.commands.estimate import estimate

        built = recipes.built(plan, found, Path(store))
        nodes = recipes.preview(plan, built)
        return {
            "nodes": nodes,
            "estimate": estimate(plan, found, built, workers, progress or Progress()),
        }
    where = making(store, progress, workers)
    made = recipes.run(plan, found, where.store, where.engine, where.progress)
    return {"nodes": {name: str(artifact.path) for name, artifact in made.items()}}


def _nodes(found: Found) -> Iterator[str]:
    yield from (f"{name:20} {text}" for name, text in found["nodes"].items())
    if found.get("estimate"):
        from bedstone.commands.estimate import lines

        yield ""
        yield from lines(found["estimate"])


def build(
    stage: Annotated[str, typer.Argument(help="as `bedstone stages` lists it")],
    config: Annotated[
        PathLike | None, typer.Option(help="TOML file; without it, the defaults")
    ] = None,
    *,
    sets: Sets = (),
    inputs: NamedInputs = {},  # noqa: B006 (never changed)
    store: Store = STORE,
    workers: Workers = 1,
    engine: EngineName = "local",
    progress: Progress | None = None,
) -> Found:
    """Build one stage's artifact, or find that it was built before.

    Returns:
        ``artifact``: its folder; ``metrics``.

    Raises:
        ConfigError: no such stage, or a config that cannot be used.
        ArtifactError: an input is missing, altered, or of the wrong kind.
    """
    from bedstone import config as configs
    from bedstone.store.adoption import adopt as adopt_paths
    from bedstone.store.build import build as build_artifact
    from bedstone.store.stages import find

    made_by = find(stage)
    settings = configs.load(made_by.config, Path(config) if config else None, words_of(sets))
    where = making(store, progress, workers)
    parents = {
        role: adopt_paths(given(paths, store), where.store) for role, paths in inputs.items()
    }
    made = build_artifact(made_by, settings, parents, where.store, where.engine, where.progress)
    return {"artifact": str(made.path), "metrics": made.manifest.metrics}


def adopt(
    paths: Annotated[Paths, typer.Argument(metavar="PATH...", help="files and folders")],
    *,
    store: Store = STORE,
) -> Found:
    """Enter files made elsewhere into the store, where they lie.

    Returns:
        ``artifact``: its folder.
    """
    from bedstone.store.adoption import adopt as adopt_paths

    return {"artifact": str(adopt_paths(paths_of(paths), Path(store)).path)}


def stages() -> dict[str, str]:
    """List the stages in the order in which a model is made."""
    from bedstone.store.stages import STAGES

    return dict(STAGES)


def _folder(found: Found) -> list[str]:
    return [found["artifact"]]


COMMANDS = (
    Command(demo, _completions),
    Command(run, _nodes),
    Command(build, _folder),
    Command(adopt, _folder),
    Command(stages, lambda found: (f"{name:20} {text}" for name, text in found.items())),
)
