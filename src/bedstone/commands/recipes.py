"""The commands that make artifacts, and what is written for them: recipes and their stages."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Any, NotRequired, cast

import typer
from typing_extensions import TypedDict

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
    Workers,
)
from bedstone.commands.desk import (
    given,
    making,
    own_recipe,
    own_recipes_so,
    paths_of,
    recipe_of,
    recipes_so,
    stages_so,
    tell_rejected,
    words_of,
)
from bedstone.errors import ConfigError
from bedstone.progress import Progress

WIDTH = 100
SCHEMA = "recipe.schema.json"
"""Beside a recipe: its first line names it, and editors check and complete the recipe by it."""


class DemoCompletion(TypedDict):
    """What the demo's model wrote."""

    prompt: str
    completion: str


class Demo(TypedDict):
    """What a demo has made."""

    report: str
    """The page."""
    nodes: dict[str, str]
    """Of the recipe, by name: the folder of each artifact."""
    rejected: dict[str, int]
    """Reason -> records, of all behind it, that gave no document."""
    completions: list[DemoCompletion]


class Run(TypedDict):
    """What a recipe has made, or would."""

    nodes: dict[str, str]
    """By name, the folder of each artifact; of a dry run, what would be done."""
    rejected: NotRequired[dict[str, int]]
    """Reason -> records that gave no document; not of a dry run."""


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
    """Its folder."""
    metrics: dict[str, float]
    """Measured while it was made, by names that end in their unit."""
    rejected: dict[str, int]
    """Reason -> records, of all behind it, that gave no document."""


class StageInputs(TypedDict):
    """The roles of what a stage reads."""

    required: list[str]
    optional: list[str]
    sharded: list[str]
    """Those that are mapped: one more shard of them makes one more of the output."""
    decided_by: list[str]
    """Those that only fill absent keys of the config; all may be left out."""


class ConfigKey(TypedDict):
    """What a stage's config holds under a key."""

    type: str
    meaning: str
    limits: str
    default: NotRequired[Any]
    """Absent: it must be given."""


class Stage(TypedDict):
    """What a stage does, reads and writes."""

    name: str
    version: int
    sentence: str
    """What it does."""
    reads: str
    writes: str
    about: str
    inputs: StageInputs
    decides: str
    """What its config is for."""
    config: dict[str, ConfigKey]
    """By key, as ``--set`` writes it."""


class Adopt(TypedDict):
    """Files in the store."""

    artifact: str
    """Its folder."""


def demo(
    *,
    store: Store = STORE,
    minutes: Annotated[float, typer.Option(help="for the run after the fetch, 3 or more")] = 10.0,
    crawl: Annotated[
        Paths, typer.Option(help="WARC files of your own instead of the fetched ones")
    ] = (),
    progress: Progress | None = None,
) -> Demo:
    """Go the whole way on a small real crawl: model, alignment, samples, report.

    Less time makes a smaller model of less text.
    """
    from bedstone.commands.demo import demo as go

    return go(
        store=Path(store),
        minutes=minutes,
        crawl=paths_of(crawl),
        progress=progress or Progress(),
    )


def _completions(found: Demo) -> Iterator[str]:
    yield f"report: {found['report']}"
    for each in found["completions"]:
        yield f"\nprompt: {each['prompt']}\nmodel:  {each['completion']}"


def run(
    recipe: Annotated[
        PathLike,
        typer.Argument(
            metavar="RECIPE",
            help="a TOML file of nodes, or the name of a recipe that comes with the package",
            autocompletion=recipes_so,
        ),
    ],
    inputs: NamedInputs = {},  # noqa: B006 (never changed)
    *,
    sets: Sets = (),
    until: Annotated[str | None, typer.Option(help="the last node to build")] = None,
    dry_run: Annotated[bool, typer.Option(help="say what would be built")] = False,
    store: Store = STORE,
    workers: Workers = 1,
    engine: EngineName = "local",
    progress: Progress | None = None,
) -> Run:
    """Build what is missing of a recipe, in order.

    Raises:
        ConfigError: the recipe, a ``node.key=value`` of ``sets``, or an input cannot be used.
        BedstoneError: a stage failed; what was finished stays, and the next run goes on.
    """
    from bedstone.store import recipe as recipes

    plan = recipes.load(recipe_of(recipe), words_of(sets), until)
    found = {name: given(paths, store) for name, paths in inputs.items()}
    if dry_run:
        return {"nodes": recipes.preview(plan, found, Path(store))}
    where = making(store, progress, workers)
    made = recipes.run(plan, found, where.store, where.engine, where.progress)
    return {
        "nodes": {name: str(artifact.path) for name, artifact in made.items()},
        "rejected": tell_rejected(made, progress),
    }


def _nodes(found: Run) -> Iterator[str]:
    return (f"{name:20} {text}" for name, text in found["nodes"].items())


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
    inputs: dict[str, str] = tomllib.loads(text).get("inputs", {})
    words = ["bedstone", "run", str(path), *(f"--input {each}=PATH" for each in inputs)]
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
    workers: Workers = 1,
    engine: EngineName = "local",
    progress: Progress | None = None,
) -> Build:
    """Build one stage's artifact, or find that it was built before.

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
    return {
        "artifact": str(made.path),
        "metrics": made.manifest.metrics,
        "rejected": tell_rejected({"": made}, progress),
    }


def adopt(
    paths: Annotated[Paths, typer.Argument(metavar="PATH...", help="files and folders")],
    *,
    store: Store = STORE,
) -> Adopt:
    """Enter files made elsewhere into the store, where they lie."""
    from bedstone.store.adoption import adopt as adopt_paths

    return {"artifact": str(adopt_paths(paths_of(paths), Path(store)).path)}


def stages(
    name: Annotated[
        str | None, typer.Argument(help="of a stage to describe", autocompletion=stages_so)
    ] = None,
) -> dict[str, str] | Stage:
    """List the stages in the order in which a model is made, or describe one.

    Raises:
        ConfigError: there is no such stage.
    """
    if name is None:
        from bedstone.store.stages import sentences

        return sentences()
    from bedstone.store.description import describe

    return cast(Stage, describe(name))


def _stages(found: Any) -> Iterator[str]:
    if isinstance(found.get("config"), Mapping):
        return _stage(found)
    return (f"{name:20} {text}" for name, text in found.items())


def _stage(found: Stage) -> Iterator[str]:
    yield f"{found['name']}, version {found['version']}: {found['sentence']}"
    yield ""
    for kind, roles in (
        ("inputs", found["inputs"]["required"]),
        ("optional", found["inputs"]["optional"]),
        ("sharded", found["inputs"]["sharded"]),
        ("decided by", found["inputs"]["decided_by"]),
    ):
        if roles:
            yield f"{kind:10} {', '.join(roles)}"
    for label, text in (("reads", found["reads"]), ("writes", found["writes"])):
        if text:
            yield from _labelled(label, text)
    if found["about"]:
        yield ""
        yield _plain(found["about"])
    if found["config"]:
        yield ""
        yield f"config: {_plain(found['decides'])}"
    for key, row in found["config"].items():
        yield from _key(key, row)


def _labelled(label: str, text: str) -> Iterator[str]:
    for number, line in enumerate(_plain(text).splitlines()):
        yield f"{'' if number else label:10} {line}"


def _key(key: str, row: ConfigKey) -> Iterator[str]:
    default = default_of(row)
    limits = f", {row['limits']}" if row["limits"] else ""
    yield f"  {key}{f' = {default}' if default else ''}  ({row['type']}{limits})"
    yield from wrap(_plain(row["meaning"]), WIDTH, initial_indent="    ", subsequent_indent="    ")


def default_of(row: ConfigKey) -> str:
    """Empty where the key is absent by default, or a table whose keys have theirs."""
    if "default" not in row:
        return "(must be given)"
    default = row["default"]
    is_told_by_key = isinstance(default, dict) and default
    if default is None or is_told_by_key:
        return ""
    return json.dumps(default, ensure_ascii=False)


def _plain(text: str) -> str:
    """Without the marks that docstrings have around code."""
    return text.replace("``", "")


def schema() -> Found:
    """Print the JSON Schema of recipes, by which editors check and complete them."""
    from bedstone.store.description import recipe_schema

    return recipe_schema()


def _folder(found: Build | Adopt) -> list[str]:
    return [found["artifact"]]


COMMANDS = (
    Command(demo, _completions),
    Command(run, _nodes),
    Command(init, _start),
    Command(build, _folder),
    Command(adopt, _folder),
    Command(stages, _stages),
    Command(schema, lambda found: [json.dumps(found, indent=1, ensure_ascii=False)]),
)
