"""Checkpoints: all that the next step of a run depends on, whole or not there.

They are torch's distributed ones: each process writes its part, and as many processes as there
happen to be read it. A checkpoint is a folder, and is whole when its ``.metadata`` is there, which
is written last.
"""

import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from bedstone.store import work
from bedstone.training import WRITTEN_LAST
from bedstone.training.curve import Curve
from bedstone.training.optimizer import Optimizer
from bedstone.training.processes import Processes


@dataclass(frozen=True, slots=True)
class Kept:
    """What a checkpoint holds, besides the curve."""

    optimizer: Optimizer
    processes: Processes
    counts: Tensor | None = None
    """What this process has added up over the run; a checkpoint has the sum over all."""

    def keep(self, curve: Curve, folder: Path) -> None:
        """Write the checkpoint of the step that comes next into ``folder``; older ones go.

        Raises:
            BedstoneError: it cannot be written.
        """
        path = folder / str(len(curve))
        self.write(curve, path)
        if self.processes.is_first:
            for other in folder.iterdir():
                if other != path:
                    shutil.rmtree(other)

    def write(self, curve: Curve, path: Path) -> None:
        """Write a checkpoint at ``path``, every process its part, unless it is there.

        Raises:
            BedstoneError: it cannot be written.
        """
        if (path / WRITTEN_LAST).exists():
            return
        path.parent.mkdir(exist_ok=True)
        with work.named(path), _quiet():
            try:
                save(self._state(curve), checkpoint_id=path, no_dist=self.processes.size == 1)
            except CheckpointException as error:
                cause, _ = next(iter(error.failures.values()))
                raise OSError(str(cause).partition("\n")[0]) from error

    def read(self, path: Path) -> Curve:
        """The run up to the checkpoint at ``path``; the optimizer and the counts are as then."""
        state = self._state(Curve.empty())
        with _quiet():
            load(state, checkpoint_id=path, no_dist=self.processes.size == 1)
        self.optimizer.restore(state["optimizer"])
        if self.counts is not None:
            self.counts.copy_(state["counts"])
            self.counts.mul_(self.processes.is_first)
        return Curve(**state["curve"])

    def _state(self, curve: Curve) -> dict[str, Any]:
        counts = torch.zeros(0) if self.counts is None else self.processes.summed(self.counts)
        return {"optimizer": self.optimizer.state(), "curve": asdict(curve), "counts": counts}


def last(folder: Path) -> Path | None:
    """The whole checkpoint of the latest step in ``folder``; None if there is none."""
    found = [path.parent for path in folder.glob(f"*/{WRITTEN_LAST}")]
    return max(found, key=lambda path: int(path.name), default=None)


@contextmanager
def _quiet() -> Iterator[None]:
    # That one process writes alone is meant so.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled", UserWarning)
        yield
