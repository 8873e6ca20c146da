"""`bedstone demo`: the whole way on a small real crawl, within the minutes that are given."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from typing_extensions import TypedDict

from bedstone.commands.declare import STORE, Command, Paths, Store, TextColumn
from bedstone.commands.desk import (
    given,
    making,
    naming_column,
    own_recipe,
    tell_rejected,
)
from bedstone.errors import ConfigError
from bedstone.progress import Progress

if TYPE_CHECKING:
    from bedstone.store.artifact import Artifact

MIN_MINUTES = 3.0
"""What every run takes, however little it trains, is most of that."""
TRAINING_SHARE, FIXED_MINUTES = 0.5, 0.8
"""Pre-training gets that share of the minutes, less those that every run takes; the rest is for
what comes before and after it. By measurement on two cores, with a margin."""
CRAWL_BYTES_PER_MINUTE = 5.5e6
"""Of compressed WARC, or of own text, for each minute of the whole: what comes before training then
takes a sixth of the time on one core."""
SHOWN = 3


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


def demo(
    *,
    store: Store = STORE,
    minutes: Annotated[float, typer.Option(help="for the run after the fetch, 3 or more")] = 10.0,
    crawl: Annotated[
        Paths,
        typer.Option(
            help="WARC, ARC, WET, HTML, JSONL, Parquet or text files of your own, or folders"
        ),
    ] = (),
    text_column: TextColumn = None,
    progress: Progress | None = None,
) -> Demo:
    """Go the whole way on a small real crawl: model, alignment, samples, report.

    Less time makes a smaller model of less text.

    Raises:
        ConfigError: there are too few minutes.
        BedstoneError: a package is not installed: it is told before anything is fetched.
    """
    from bedstone.reporting.report import write_report
    from bedstone.store import recipe
    from bedstone.store.adoption import adopt
    from bedstone.store.provenance import core_count

    if minutes < MIN_MINUTES:
        raise ConfigError(f"{minutes:g} minutes: the demo takes {MIN_MINUTES:g} at least")
    path = own_recipe("demo")
    recipe.load(path)
    where = making(store, progress, core_count())
    files = given(crawl, store)
    source = adopt(files, where.store) if files else where.build("corpus.crawl", {})
    named = [] if text_column is None else [f"documents.text_column={json.dumps(text_column)}"]
    plan = recipe.load(path, [*decisions(minutes, source), *named])
    with naming_column():
        made = recipe.run(plan, {"crawl": [source.path]}, where.store, where.engine, where.progress)
    out = where.store / "report.html"
    write_report(made["aligned"], out)
    return {
        "report": str(out),
        "nodes": {name: str(artifact.path) for name, artifact in made.items()},
        "rejected": tell_rejected(made, progress),
        "completions": _written(made["alignment"]),
    }


def decisions(minutes: float, crawl: "Artifact") -> list[str]:
    """What the time decides: how much of the crawl is read, and the planner's minutes.

    A function of its arguments alone, so that a second run asks for the same.
    """
    from bedstone.store.stages import find

    reads = find("corpus.extract").reads
    crawl_bytes = sum(file.bytes for file in crawl.manifest.files if reads(file.path))
    share = min(1.0, minutes * CRAWL_BYTES_PER_MINUTE / max(crawl_bytes, 1))
    training = minutes * TRAINING_SHARE - FIXED_MINUTES
    return [f"documents.share={share:.3f}", f"plan.minutes={training:.2f}"]


def _written(alignment: "Artifact") -> list[DemoCompletion]:
    import pyarrow.parquet as pq

    rows = pq.read_table(alignment.file("held_out.parquet")).slice(0, SHOWN).to_pylist()
    return [{"prompt": row["prompt"], "completion": row["after"]} for row in rows]


def _lines(found: Demo) -> Iterator[str]:
    yield f"report: {found['report']}"
    for each in found["completions"]:
        yield f"\nprompt: {each['prompt']}\nmodel:  {each['completion']}"


COMMANDS = (Command(demo, _lines),)
