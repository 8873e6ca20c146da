"""What corpus.reference writes and corpus.perplexity reads: a table of counts for each language."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from bedstone.corpus.rewriting.versions import row_groups
from bedstone.corpus.surprise.next_characters import COLUMNS, ORDER, Counts
from bedstone.errors import ArtifactError
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.store.payload import read_json, write_json
from bedstone.store.stage import Job
from bedstone.text.codes import Indices

COUNTS, MODEL = "counts.npy", "model.json"


class Group(NamedTuple):
    """Documents of one language that are read together."""

    language: str
    places: Indices
    """Rows of the shard."""
    table: pa.Table
    """``id`` and ``text``."""


def by_language(documents: Shard, language: Shard) -> Iterator[Group]:
    """The documents of a shard, a row group at a time, each language's together.

    Raises:
        DataError: a column is missing, or the languages are other documents'.
    """
    found = tables.beside(language, tables.read(documents, ["id"]), ["language"])
    names = np.array(found["language"].to_pylist(), np.object_)
    row = 0
    for table in row_groups(documents, ("id", "text")):
        here = names[row : row + table.num_rows]
        for name in sorted(set(here)):
            places = np.flatnonzero(here == name)
            yield Group(name, row + places, table.take(places))
        row += table.num_rows


@contextmanager
def writing_counts(job: Job, rows: Mapping[str, int]) -> Iterator[dict[str, Counts]]:
    """Empty tables of so many rows, by language, which are on disk when the block ends."""
    with job.part(COUNTS) as path:
        shape = (sum(rows.values()), COLUMNS)
        whole = np.lib.format.open_memmap(path, "w+", np.dtype("<u4"), shape)
        yield _parted(np.asarray(whole), rows)
        whole.flush()
    write_json(job, MODEL, {"order": ORDER, "rows": dict(rows)})


def read_counts(shard: Shard) -> dict[str, Counts]:
    """The tables by language; they stay on disk until they are looked at.

    Raises:
        ArtifactError: it is another artifact, or was altered.
    """
    values, path = read_json(shard, MODEL), shard.file(COUNTS)
    try:
        # What is written to these copies stays here: kernels take no array that cannot be written.
        whole = np.asarray(np.load(path, mmap_mode="c", allow_pickle=False))
        rows = {str(name): int(count) for name, count in values["rows"].items()}
        if whole.dtype != np.dtype("<u4") or whole.shape != (sum(rows.values()), COLUMNS):
            raise ValueError(f"a table of {whole.dtype} and shape {whole.shape}")
        if values["order"] != ORDER or any(n < 3 or (n - 1) & (n - 2) for n in rows.values()):
            raise ValueError(f"order {values['order']} and {rows} rows")
        return _parted(whole, rows)
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise ArtifactError(
            f"{path} and {MODEL} are no models of languages: {error}", hint="build it anew"
        ) from error


def _parted(whole: Counts, rows: Mapping[str, int]) -> dict[str, Counts]:
    bounds = pairwise(accumulate(rows.values(), initial=0))
    return {name: whole[low:high] for name, (low, high) in zip(rows, bounds, strict=True)}
