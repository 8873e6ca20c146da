"""Stage corpus.statistics: measure every quality rule on every document, and decide nothing.

Reads   ``documents``
Writes  ``statistics.parquet``: ``id``, a column for each rule of all sets, ``text_bytes``. A
        limit, or the whole set, can then be changed without reading a text again.
"""

from bedstone.config import Config
from bedstone.corpus import columns
from bedstone.corpus.rules import measure
from bedstone.stage import Job, Result, Stage


class StatisticsConfig(Config):
    """Nothing to choose: every rule is measured, and the limits are for corpus.filter."""


def run(config: StatisticsConfig, job: Job) -> Result:
    """Measure the documents of one shard."""
    documents = columns.read(job.inputs["documents"], ["id", "text"])
    measured = measure(text.as_py() for text in documents["text"])
    table = measured.add_column(0, "id", documents["id"])
    file = columns.write(job, "statistics.parquet", table)
    return Result({"input_documents": table.num_rows}, (file,))


STAGE = Stage(
    "corpus.statistics",
    version=1,
    config=StatisticsConfig,
    inputs=("documents",),
    run=run,
    libraries=("numpy", "pyarrow"),
    sharded=("documents",),
)
