"""The demo: the whole way on a small real crawl, within the minutes that are given."""

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from bedstone.commands.desk import naming_column, own_recipe, tell_rejected
from bedstone.commands.recipes import Demo, DemoCompletion
from bedstone.errors import ConfigError
from bedstone.progress import Progress
from bedstone.reporting.report import write_report
from bedstone.store import recipe
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.provenance import core_count
from bedstone.store.stages import find

DEMO = own_recipe("demo")
MIN_MINUTES = 3.0
"""What every run takes, however little it trains, is most of that."""
TRAINING_SHARE, FIXED_MINUTES = 0.5, 0.8
"""Pre-training gets that share of the minutes, less those that every run takes; the rest is for
what comes before and after it. By measurement on two cores, with a margin."""
CRAWL_BYTES_PER_MINUTE = 5.5e6
"""Of compressed WARC, or of own text, for each minute of the whole: what comes before training then
takes a sixth of the time on one core."""
SHOWN = 3


def demo(
    *,
    store: Path,
    minutes: float,
    crawl: Sequence[Path],
    text_column: str | None,
    progress: Progress,
) -> Demo:
    """Fetch or take a crawl, run the demo recipe for about ``minutes``, and write the report.

    Raises:
        ConfigError: there are too few minutes.
        BedstoneError: a package is not installed: it is told before anything is fetched.
    """
    if minutes < MIN_MINUTES:
        raise ConfigError(f"{minutes:g} minutes: the demo takes {MIN_MINUTES:g} at least")
    recipe.load(DEMO)
    source = adopt(crawl, store) if crawl else _fetched(store, progress)
    named = [] if text_column is None else [f"documents.text_column={json.dumps(text_column)}"]
    plan = recipe.load(DEMO, [*decisions(minutes, source), *named])
    engine = Local(core_count())
    with naming_column():
        made = recipe.run(plan, {"crawl": [source.path]}, store, engine, progress)
    out = store / "report.html"
    write_report(made["aligned"], out)
    return {
        "report": str(out),
        "nodes": {name: str(artifact.path) for name, artifact in made.items()},
        "rejected": tell_rejected(made, progress),
        "completions": _completions(made["alignment"]),
    }


def decisions(minutes: float, crawl: Artifact) -> list[str]:
    """What the time decides: how much of the crawl is read, and the planner's minutes.

    A function of its arguments alone, so that a second run asks for the same.
    """
    crawl_bytes = sum(file.bytes for file in crawl.manifest.files)
    share = min(1.0, minutes * CRAWL_BYTES_PER_MINUTE / max(crawl_bytes, 1))
    training = minutes * TRAINING_SHARE - FIXED_MINUTES
    return [f"documents.share={share:.3f}", f"plan.minutes={training:.2f}"]


def _fetched(store: Path, progress: Progress) -> Artifact:
    stage = find("corpus.crawl")
    return build(stage, stage.config(), {}, store, Local(), progress)


def _completions(alignment: Artifact) -> list[DemoCompletion]:
    rows = pq.read_table(alignment.file("held_out.parquet")).slice(0, SHOWN).to_pylist()
    return [{"prompt": row["prompt"], "completion": row["after"]} for row in rows]
