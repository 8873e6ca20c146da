"""What a user sees of long work: a bar with the time left on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bedstone.errors import printable

if TYPE_CHECKING:
    from rich.console import Console

LINE_SECONDS = 10.0
"""Between two plain lines about one task."""


@dataclass(slots=True)
class Task:
    """Work of which ``done`` of ``total`` units are done; the total may be unknown."""

    unit: str
    total: float | None
    changed: Callable[["Task"], None]
    done: float = 0.0
    note: str = ""
    started: float = field(default_factory=time.monotonic)

    def advance(self, units: float = 1, note: str = "") -> None:
        """Count ``units`` more as done; ``note`` says how it goes (a loss, say)."""
        self.done += units
        self.note = note
        self.changed(self)

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.started


@dataclass(frozen=True, slots=True)
class Progress:
    """Where progress is shown, and under which label. Without a console, nowhere."""

    console: "Console | None" = None
    label: str = ""

    def named(self, label: str) -> "Progress":
        """The same, about ``label``."""
        return replace(self, label=label)

    def say(self, text: str) -> None:
        """One line."""
        if self.console:
            line = printable(f"{self.label}: {text}")
            self.console.print(line, highlight=False, markup=False, emoji=False)

    @contextmanager
    def task(self, unit: str, total: float | None = None) -> Iterator[Task]:
        """A task of ``total`` ``unit``s, shown until the block ends."""
        if self.console is None:
            yield Task(unit, total, changed=lambda task: None)
        elif self.console.is_terminal and not self.console.is_dumb_terminal:
            yield from self._bar(unit, total)
        else:
            yield from self._lines(unit, total)

    def _bar(self, unit: str, total: float | None) -> Iterator[Task]:
        from rich import progress as bars

        columns = (
            bars.TextColumn("{task.description}", markup=False),
            bars.BarColumn(bar_width=24),
            bars.TextColumn("{task.fields[state]}", markup=False),
            bars.TimeRemainingColumn(),
            bars.TextColumn("left"),
        )
        with bars.Progress(*columns, console=self.console, transient=True) as shown:
            bar = shown.add_task(printable(self.label), total=total, state="")

            def changed(task: Task) -> None:
                shown.update(bar, completed=task.done, state=printable(state(task)))

            yield Task(unit, total, changed)

    def _lines(self, unit: str, total: float | None) -> Iterator[Task]:
        last = time.monotonic()

        def changed(task: Task) -> None:
            nonlocal last
            if time.monotonic() - last >= LINE_SECONDS:
                last = time.monotonic()
                self.say(f"{state(task)}{time_left(task)}")

        yield Task(unit, total, changed)


def state(task: Task) -> str:
    """How far and how fast: ``1,200 of 5,000 pages, 300/s``, and the note."""
    of_total = "" if task.total is None else f" of {task.total:,.0f}"
    rate = task.done / max(task.seconds, 1e-9)
    note = f", {task.note}" if task.note else ""
    return f"{task.done:,.0f}{of_total} {task.unit}, {rate:,.{0 if rate >= 10 else 1}f}/s{note}"


def time_left(task: Task) -> str:
    """``, 0:28 left`` at the rate so far; empty where that cannot be known."""
    if task.total is None or not task.done:
        return ""
    seconds = round(task.seconds * (task.total - task.done) / task.done)
    return f", {seconds // 60}:{seconds % 60:02} left"
