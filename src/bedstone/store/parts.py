"""Parts: what a stage makes of its inputs piece by piece, and has still after a kill.

A stage that does not map shards (it clusters, weighs or learns from all of them) works in tasks,
each of which leaves a file in the scratch folder. What a killed build left is not made again, and
the engine decides where a task runs.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from bedstone.store import work
from bedstone.store.stage import Job

Item = TypeVar("Item")


def made_parts(
    job: Job, name: str, make: Callable[[Item, Path], None], items: Sequence[Item]
) -> list[Path]:
    """A file of each item, in their order; those that an earlier build finished are as it left.

    Args:
        job: whose scratch folder they are in.
        name: of their folder in it: what they are.
        make: a function of a module, or a partial of one, that writes the file of an item.
        items: of the same inputs always the same.
    """
    folder = job.scratch / name
    with work.named(folder):
        folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:05}" for number in range(len(items))]
    left = [pair for pair in zip(items, paths, strict=True) if not pair[1].exists()]
    with job.progress.task(name, len(left)) as task:
        for _ in job.engine.map(partial(_make, make), left):
            task.advance()
    return paths


def _make(make: Callable[[Item, Path], None], item_and_path: tuple[Item, Path]) -> None:
    item, path = item_and_path
    path.parent.stat()  # a node that does not see the store would make another
    with work.written(path) as unfinished:
        make(item, unfinished)
