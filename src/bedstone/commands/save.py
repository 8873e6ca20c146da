"""What a command writes beside its answer: a chart, a table."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bedstone.commands.declare import PathLike
from bedstone.errors import ConfigError, uncomputed
from bedstone.progress import Progress
from bedstone.store.work import named


def target(option: str, path: PathLike | None, ending: str = "") -> Path | None:
    """Where something will be written; None where it is not asked.

    Raises:
        ConfigError: it cannot be written there: said before the work, not after it.
    """
    if path is None:
        return None
    place = Path(path)
    if not place.parent.is_dir():
        raise ConfigError(f"{option} {place}: there is no folder {place.parent}")
    if place.is_dir():
        raise ConfigError(f"{option} {place} is a folder", hint="name a file in it")
    if ending and place.suffix != ending:
        raise ConfigError(f"{option} {place}: the file's name must end in {ending}")
    return place


def write_chart(chart: Any, path: Path, progress: Progress | None) -> None:
    """A chart as an SVG file of its own."""
    from bedstone.reporting.charts import standalone

    with named(path):
        path.write_text(standalone(chart) + "\n", "utf-8")
    _say(path, progress)


def write_csv(
    rows: Sequence[Mapping[str, Any]], names: Sequence[str], path: Path, progress: Progress | None
) -> None:
    """A table with a row for each, of these columns; text that would be computed is quoted."""
    with named(path), path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _quoted(value) for name, value in row.items()} for row in rows)
    _say(path, progress)


def _quoted(value: Any) -> Any:
    return uncomputed(value) if isinstance(value, str) else value


def _say(path: Path, progress: Progress | None) -> None:
    (progress or Progress()).named("written").say(str(path))
