"""The commands that make artifacts: run, init, build, adopt."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NotRequired

import typer
from typing_extensions import TypedDict

from bedstone.commands.declare import (
    STORE,
    Command,
    EngineName,
    NamedInputs,
    PartName,
    PathLike,
    Paths,
    Sets,
    Store,
    Verified,
    Workers,
)
from bedstone.commands.desk import (
    RecipeName,
    given,
    making,
    own_recipe,
    own_recipes_so,
    paths_of,
    recipe_of,
    stages_so,
    store_of,
    tell_rejected,
    words_of,
)
from bedstone.commands.together import together
from bedstone.errors import ConfigError
from bedstone.progress import Progress

SCHEMA = "recipe.schema.json"
"""Beside a recipe: its first line names it, and editors check and complete the recipe by it."""


class Run(TypedDict):
    """What a recipe has made, or would."""

    nodes: dict[str, str]
    """By name, the folder of each artifact; of a part, how many of its shards; of a dry run, what
    would be done."""
    rejected: NotRequired[dict[str, int]]
    """Reason -> records that gave no document; not of a dry run."""
    estimate: NotRequired[dict[str, Any] | None]
    """Of a dry run: what the nodes that are not built would take; null where all are built."""


class Init(TypedDict):
    """A recipe to start from."""

    recipe: str
    """Its file."""
    schema: str
    """The file beside it by which editors check and complete it."""
    inputs: dict[str, str]
    """What a run must be given: a name, and what that is."""
    command: str
    """That runs it."""


class Build(TypedDict):
    """What a stage has made."""

    artifact: str
    """Its folder; of a part, how many of its shards."""
    metrics: dict[str, float]
    """Measured while it was made, by names that end in their unit."""
    rejected: dict[str, int]
    """Reason -> records, of all behind it, that gave no document."""


class Adopt(TypedDict):
    """Files in the store."""

    artifact: str
    """Its folder."""


def run(
    recipe: RecipeName,
    inputs: NamedInputs = {},  # noqa: B006 (never changed)
    *,
    sets: Sets = (),
    until: Annotated[str | None, typer.Option(help="the last node to build")] = None,
    dry_run: Annotated[
        bool, typer.Option(help="say what would be built, and what it would take")
    ] = False,
    store: Store = STORE,
    workers: Workers = None,
    processes: Annotated[
        int, typer.Option(min=1, max=1_024, help="so many train a model together: one for each GPU")
    ] = 1,
    engine: EngineName = "local",
    shard: PartName = None,
    verify: Verified = False,
    progress: Progress | None = None,
) -> Run:
    """Build what is missing of a recipe or not whole, in order.

    Several processes are watched: if one dies, all go on from the last checkpoint.

    Raises:
        ConfigError: the recipe, a ``node.key=value`` of ``sets``, or an input cannot be used.
        BedstoneError: a stage failed; what was finished stays, and the next run goes on.
    """
    from bedstone.store import recipe as recipes
    from bedstone.store.artifact import Artifact
    from bedstone.store.part import part_of
    from bedstone.store.whole import forget_all

    if shard is not None and (dry_run or processes > 1):
        raise ConfigError("--shard builds shards: neither --dry-run nor --processes goes with it")
    plan = recipes.load(recipe_of(recipe), words_of(sets), until)
    found = {name: given(paths, store) for name, paths in inputs.items()}
    if verify and processes == 1:
        forget_all(store_of(store))
    if dry_run:
        from bedstone.commands.estimate import estimate

        built = recipes.built(plan, found, store_of(store))
        nodes = recipes.preview(plan, built)
        return {
            "nodes": nodes,
            "estimate": estimate(plan, found, built, workers or 1, progress or Progress()),
        }
    if processes > 1:
        from bedstone.store.stages import imported

        imported("training.processes", "bedstone run --processes").refuse_too_many(processes)
        words = ["run", str(recipe), "--store", str(store), "--engine", engine]
        paths = [(name, path) for name, each in inputs.items() for path in paths_of(each)]
        words += [f"--input={name}={path}" for name, path in paths]
        words += [f"--set={change}" for change in words_of(sets)]
        words += ["--until", until] if until else []
        words += ["--verify"] if verify else []
        words += ["--workers", str(workers)] if workers else []
        answer: Any = together(words, processes, progress or Progress())
        return answer  # type: ignore[no-any-return]
    part = None if shard is None else part_of(shard)
    where = making(store, progress, workers, engine)
    if part:
        begun = recipes.run_part(plan, found, where.store, where.engine, part, where.progress)
        whole = {name: each for name, each in begun.items() if isinstance(each, Artifact)}
        told = {name: str(whole[name].path if name in whole else begun[name]) for name in begun}
        return {"nodes": told, "rejected": tell_rejected(whole, progress)}
    made = recipes.run(plan, found, where.store, where.engine, where.progress)
    return {
        "nodes": {name: str(artifact.path) for name, artifact in made.items()},
        "rejected": tell_rejected(made, progress),
    }


def _nodes(found: Run) -> Iterator[str]:
    yield from (f"{name:20} {text}" for name, text in found["nodes"].items())
    if estimate := found.get("estimate"):
        from bedstone.commands.estimate import lines

        yield ""
        yield from lines(estimate)


def init(
    name: Annotated[
        str, typer.Argument(help="of a recipe with the package", autocompletion=own_recipes_so)
    ] = "demo",
) -> Init:
    """Write a recipe to start from into this folder, with comments.

    Beside it, for editors, the JSON Schema of recipes, where there is none.

    Raises:
        ConfigError: there is no such recipe, or a file that it would overwrite.
    """
    import tomllib

    source = own_recipe(name)
    text = source.read_text("utf-8")
    path, beside = Path(f"{name}.toml"), Path(SCHEMA)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise ConfigError(f"{path} is there already", hint="rename it first") from error
    if not beside.exists():
        shutil.copyfile(source.with_name(SCHEMA), beside)
    tables = tomllib.loads(text)
    inputs: dict[str, str] = tables.get("inputs", {})
    read = {source for node in tables.values() for source in node.get("inputs", {}).values()}
    needed = [f"--input {each}=PATH" for each in inputs if each in read]
    words = ["bedstone", "run", str(path), *needed]
    return {
        "recipe": str(path),
        "schema": str(beside),
        "inputs": inputs,
        "command": " ".join(words),
    }


def _start(found: Init) -> Iterator[str]:
    yield f"written: {found['recipe']}; for editors, {found['schema']}"
    for name, what in found["inputs"].items():
        yield f"it takes {name}: {what}"
    yield f"next: {found['command']}"


def build(
    stage: Annotated[
        str, typer.Argument(help="as `bedstone stages` lists it", autocompletion=stages_so)
    ],
    config: Annotated[
        PathLike | None, typer.Option(help="TOML file; without it, the defaults")
    ] = None,
    *,
    sets: Sets = (),
    inputs: NamedInputs = {},  # noqa: B006 (never changed)
    store: Store = STORE,
    workers: Workers = None,
    engine: EngineName = "local",
    shard: PartName = None,
    verify: Verified = False,
    progress: Progress | None = None,
) -> Build:
    """Build one stage's artifact, or find that it was built before and is whole.

    Raises:
        ConfigError: no such stage, or a config that cannot be used.
        ArtifactError: an input is missing, altered, or of the wrong kind.
    """
    from bedstone import config as configs
    from bedstone.store.adoption import adopt as adopt_paths
    from bedstone.store.build import build as build_artifact
    from bedstone.store.part import Share, build_part, part_of
    from bedstone.store.stages import find
    from bedstone.store.whole import forget_all

    made_by = find(stage)
    settings = configs.load(made_by.config, Path(config) if config else None, words_of(sets))
    part = None if shard is None else part_of(shard)
    if part and not made_by.sharded:
        raise ConfigError(f"--shard {shard}: {stage} maps no shards")
    where = making(store, progress, workers, engine)
    if verify:
        forget_all(where.store)
    parents = {
        role: adopt_paths(given(paths, store), where.store, where.progress)
        for role, paths in inputs.items()
    }
    if part:
        share = build_part(
            made_by, settings, parents, where.store, where.engine, part, where.progress
        )
        if isinstance(share, Share):
            return {"artifact": str(share), "metrics": {}, "rejected": {}}
    made = build_artifact(made_by, settings, parents, where.store, where.engine, where.progress)
    return {
        "artifact": str(made.path),
        "metrics": made.manifest.metrics,
        "rejected": tell_rejected({"": made}, progress),
    }


def adopt(
    paths: Annotated[Paths, typer.Argument(metavar="PATH...", help="files and folders")],
    *,
    store: Store = STORE,
    progress: Progress | None = None,
) -> Adopt:
    """Enter files made elsewhere into the store, where they lie."""
    from bedstone.store.adoption import adopt as adopt_paths

    return {"artifact": str(adopt_paths(paths_of(paths), store_of(store), progress).path)}


def _folder(found: Build | Adopt) -> list[str]:
    return [found["artifact"]]


COMMANDS = (
    Command(run, _nodes),
    Command(init, _start),
    Command(build, _folder),
    Command(adopt, _folder),
)
