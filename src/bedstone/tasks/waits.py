"""How long answers were waited for: it differs each time, so it stands beside what came out.

Commands read it, and no stage does.
"""

from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from bedstone.store.artifact import ABOUT, Artifact
from bedstone.tasks.stored import rows_of


def timed(answers: Artifact) -> pa.Table:
    """The rows of answers or scores, of answers with ``seconds``: null of this machine's model."""
    table = rows_of(answers)
    if "problem" not in table.column_names:
        return table
    return table.append_column("seconds", waits(answers, len(table)))


def waits(made: Artifact, rows: int) -> pa.ChunkedArray:
    """The seconds of each of its ``rows``, null where none were told."""
    paths = (PurePosixPath(file.path) for file in made.manifest.files)
    names = [str(it.relative_to(ABOUT)) for it in paths if it.parts[0] == ABOUT]
    told = [pq.read_table(made.about(name))["seconds"] for name in sorted(names)]
    if not told:
        return pa.chunked_array([pa.nulls(rows, pa.float64())])
    return pa.chunked_array([chunk for each in told for chunk in each.chunks], pa.float64())
