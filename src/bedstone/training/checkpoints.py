"""Checkpoints: all that the next step of a run depends on, whole or not there.

They are torch's distributed ones: each process writes its part, and as many processes as there
happen to be read it. A checkpoint is a folder, and is whole when its ``.metadata`` is there, which
is written last.
"""

import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from bedstone.store import work
from bedstone.training.curve import Curve
from bedstone.training.optimizer import Optimizer
from bedstone.training.processes import Processes

WHOLE = ".metadata"


def keep(optimizer: Optimizer, curve: Curve, folder: Path, processes: Processes) -> None:
    """Write the checkpoint of the step that comes next into ``folder``; older ones go.

    Raises:
        BedstoneError: it cannot be written.
    """
    path = folder / str(len(curve))
    write(optimizer, curve, path, processes)
    if processes.is_first:
        for other in folder.iterdir():
            if other != path:
                shutil.rmtree(other)


def write(optimizer: Optimizer, curve: Curve, path: Path, processes: Processes) -> None:
    """Write a checkpoint at ``path``, every process its part, unless it is there.

    Raises:
        BedstoneError: it cannot be written.
    """
    if (path / WHOLE).exists():
        return
    state = {"optimizer": optimizer.state(), "curve": asdict(curve)}
    path.parent.mkdir(exist_ok=True)
    with work.named(path):
        try:
            with _quiet():
                save(state, checkpoint_id=path, no_dist=processes.size == 1)
        except CheckpointException as error:
            cause, _ = next(iter(error.failures.values()))
            raise OSError(str(cause).partition("\n")[0]) from error


def read(optimizer: Optimizer, path: Path, processes: Processes) -> Curve:
    """The run up to the checkpoint at ``path``, and the optimizer as it was then."""
    state: dict[str, Any] = {"optimizer": optimizer.state(), "curve": asdict(Curve.empty())}
    with _quiet():
        load(state, checkpoint_id=path, no_dist=processes.size == 1)
    optimizer.restore(state["optimizer"])
    return Curve(**state["curve"])


def last(folder: Path) -> Path | None:
    """The whole checkpoint of the latest step in ``folder``; None if there is none."""
    found = [path.parent for path in folder.glob(f"*/{WHOLE}")]
    return max(found, key=lambda path: int(path.name), default=None)


@contextmanager
def _quiet() -> Iterator[None]:
    # That one process writes alone is meant so.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled", UserWarning)
        yield
