"""The course of a run, step by step."""

import math
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bedstone.store.stage import Job, Metrics
from bedstone.training.optim import SPIKE_STEPS

LAST_SHARE = 0.05
"""Of the steps, at the end: their mean loss is the run's."""


@dataclass(slots=True)
class Curve:
    """What each step so far was, and the seconds that all of them took."""

    rows: dict[str, list[Any]]
    seconds: float = 0.0

    @classmethod
    def empty(cls) -> "Curve":
        """Of a run that has not begun."""
        names = ("step", "train_tokens", "loss_nats", "learning_rate", "gradient_norm", "skipped")
        return cls({name: [] for name in names})

    def __len__(self) -> int:
        return len(self.rows["step"])

    def add(
        self, tokens: int, loss: float, learning_rate: float, gradient_norm: float, *, skipped: bool
    ) -> None:
        """Append the next step; one that was skipped changed no weight."""
        total = self.train_tokens + tokens
        values = (len(self), total, loss, learning_rate, gradient_norm, skipped)
        for column, value in zip(self.rows.values(), values, strict=True):
            column.append(value)

    @property
    def train_tokens(self) -> int:
        """Trained on so far; a token counts each time that it is seen."""
        return self.rows["train_tokens"][-1] if len(self) else 0

    @property
    def norms(self) -> list[float]:
        """Of the gradients of the last steps that were not skipped."""
        names = ("gradient_norm", "skipped")
        last = zip(*(self.rows[name][-SPIKE_STEPS:] for name in names), strict=True)
        return [norm for norm, skipped in last if not skipped]

    @property
    def skipped_steps(self) -> int:
        """How many changed nothing."""
        return sum(self.rows["skipped"])

    @property
    def loss_nats(self) -> float:
        """The mean over the last steps."""
        last = self.rows["loss_nats"][-math.ceil(LAST_SHARE * len(self)) :]
        return math.fsum(last) / len(last)

    def metrics(self) -> Metrics:
        """The run in four numbers."""
        return {
            "loss_nats": self.loss_nats,
            "train_steps": len(self),
            "skipped_steps": self.skipped_steps,
            "train_tokens": self.train_tokens,
            "tokens_per_second": self.train_tokens / max(self.seconds, 1e-9),
        }

    def write(self, job: Job) -> None:
        """As ``loss.parquet``."""
        with job.part("loss.parquet") as path:
            pq.write_table(pa.table(self.rows), path, compression="zstd")
