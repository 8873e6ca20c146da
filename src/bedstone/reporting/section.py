"""What a report's page is made of."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from bedstone.reporting.charts import Chart
from bedstone.store.artifact import Artifact

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text; the first column names the row."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1
    """The first so many columns are words, the others numbers."""
    quiet: int = 0
    """The last so many columns are grey: they are there to be complete."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart, what to see in it, and the table behind it."""

    title: str
    chart: Chart
    table: Table


@dataclass(frozen=True, slots=True)
class Sample:
    """What was written to one prompt."""

    prompt: str
    texts: tuple[tuple[str, str], ...]
    """By whom or how, and the text."""


@dataclass(frozen=True, slots=True)
class Section:
    """The answer to one of the reader's questions, and its proof."""

    name: str
    question: str
    answer: str
    text: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    """Shown as they are."""
    samples: tuple[Sample, ...] = ()
    note: str = ""
    """How the samples are to be read."""
    method: str = ""
    """How the numbers were obtained."""
    measured_by: tuple[Artifact | None, ...] = ()


def tabled(
    caption: str, rows: Iterable[Row], columns: dict[str, Callable[[Row], str]], words: int = 1
) -> Table:
    """A table of ``rows``, each column a function of the row."""
    cells = tuple(tuple(cell(row) for cell in columns.values()) for row in rows)
    return Table(caption, tuple(columns), cells, words)
