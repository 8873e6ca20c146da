"""Signatures as corpus.minhash stores them, of numbers that a test chooses, in shards."""

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bedstone.store.tables import of_numbers


@dataclass
class Input:
    """An input of a stage, that a worker can be given."""

    path: Path
    shards: tuple["Input", ...] = field(default=())

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.path,)

    @property
    def location(self) -> Path:
        return self.path

    def file(self, name: str) -> Path:
        return self.path


def write_input(folder: Path, columns: dict, cuts=()) -> Input:
    """Of as many shards as ``cuts`` has pieces."""
    folder.mkdir(parents=True)
    table, bounds, shards = pa.table(columns), [0, *cuts, None], []
    for number, (low, high) in enumerate(pairwise(bounds)):
        path = folder / f"{number:05}.parquet"
        pq.write_table(table.slice(low, None if high is None else high - low), path)
        shards.append(Input(path))
    return Input(shards[0].path, tuple(shards))


def columns_of(rows, digests, width, ids=None, characters=None) -> dict:
    """Of signatures, None for none, in bands of ``width``; texts of one digest are equal."""
    numbers = max((len(row) for row in rows if row is not None), default=width)
    least = np.array([row or [0] * numbers for row in rows], np.uint64).reshape(-1, numbers)
    exact = np.array([[digest, 0] for digest in digests], np.uint64).reshape(-1, 2)
    present = np.array([row is not None for row in rows], np.bool_)
    return {
        "id": pa.array(ids or [f"id{number}" for number in range(len(rows))], pa.string()),
        "exact": of_numbers(exact),
        "characters": pa.array(characters or [1] * len(rows), pa.int64()),
    } | {
        f"band_{first // width:02}": of_numbers(least[:, first : first + width], present)
        for first in range(0, numbers, width)
    }
