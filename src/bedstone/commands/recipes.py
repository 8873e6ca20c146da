"""The commands that make artifacts: demo, run, build, adopt, stages."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

import bedstone
from bedstone.commands.declare import (
    STORE,
    AsJson,
    EngineName,
    Named,
    Sets,
    Store,
    Workers,
    answer,
    named_paths,
    shown_progress,
)


def demo(
    store: Store = STORE,
    minutes: Annotated[float, typer.Option(help="for the run after the fetch, 3 or more")] = 10,
    crawl: Annotated[
        list[Path] | None, typer.Option(help="WARC files of your own instead of the fetched ones")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Go the whole way on a small real crawl: model, alignment, samples, report."""
    made = bedstone.demo(store=store, minutes=minutes, crawl=crawl or (), progress=shown_progress())
    completions = (
        f"\nprompt: {each['prompt']}\nmodel:  {each['completion']}" for each in made["completions"]
    )
    answer(made, [f"report: {made['report']}", *completions], as_json=as_json)


def run(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE")],
    sets: Sets = None,
    inputs: Named = None,
    until: Annotated[str | None, typer.Option(help="the last node to build")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be built")] = False,
    store: Store = STORE,
    workers: Workers = 1,
    engine: EngineName = "local",
    as_json: AsJson = False,
) -> None:
    """Build what is missing of a recipe, in order, and print each node's folder."""
    made = bedstone.run(
        recipe,
        named_paths(inputs),
        until=until,
        sets=sets or (),
        store=store,
        workers=workers,
        engine=engine,
        dry_run=dry_run,
        progress=shown_progress(),
    )
    answer(made, (f"{name:20} {text}" for name, text in made["nodes"].items()), as_json=as_json)


def build(
    stage: Annotated[str, typer.Argument(help="as `bedstone stages` lists it")],
    config: Annotated[Path | None, typer.Option(help="TOML file; without it, the defaults")] = None,
    sets: Sets = None,
    inputs: Named = None,
    store: Store = STORE,
    workers: Workers = 1,
    engine: EngineName = "local",
    as_json: AsJson = False,
) -> None:
    """Build one stage's artifact, or find that it was built before, and print its folder."""
    made = bedstone.build(
        stage,
        config,
        sets=sets or (),
        inputs=named_paths(inputs),
        store=store,
        workers=workers,
        engine=engine,
        progress=shown_progress(),
    )
    answer(made, [made["artifact"]], as_json=as_json)


def adopt(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...")],
    store: Store = STORE,
    as_json: AsJson = False,
) -> None:
    """Enter files made elsewhere into the store, where they lie, and print the folder."""
    made = bedstone.adopt(paths, store=store)
    answer(made, [made["artifact"]], as_json=as_json)


def stages(as_json: AsJson = False) -> None:
    """List the stages in the order in which a model is made."""
    listed = bedstone.stages()
    answer(listed, (f"{name:20} {text}" for name, text in listed.items()), as_json=as_json)


COMMANDS: tuple[Callable[..., None], ...] = (demo, run, build, adopt, stages)
