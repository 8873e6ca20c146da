"""Stage corpus.statistics: measure quality rules on every document, and decide nothing.

Reads   ``documents``, or a version of them; and where given: ``language``, for the stop words:
        without it all documents are taken for English; ``before``, earlier decisions: what they
        drop is not measured, which saves the time
Writes  ``statistics.parquet``: ``id``, ``text_bytes``, a column for each rule of the sets. A limit,
        or the choice among these sets, can then be changed without reading a text again.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bedstone.config import Config
from bedstone.corpus.rewriting.versions import Bools, passing, row_groups, schema_of
from bedstone.corpus.rules.measures import STOP_WORDS, measure
from bedstone.corpus.rules.sets import RULES, LanguageKey, RuleSet
from bedstone.corpus.rules.transfer import read_stop_words
from bedstone.errors import ConfigError
from bedstone.languages import ENGLISH
from bedstone.store import tables
from bedstone.store.artifact import Artifact
from bedstone.store.stage import Job, Result, Stage


class StatisticsConfig(Config):
    """What is measured; the limits are for corpus.filter."""

    rules: tuple[RuleSet, ...] = tuple(RULES)
    """The sets that corpus.filter can then choose from."""
    stop_words: dict[LanguageKey, tuple[str, ...]] = {ENGLISH: STOP_WORDS}
    """By language, such as ``nob_Latn``; those of the role ``thresholds`` are added. The rule on
    stop words does not apply to languages that have none."""


def resolve(config: StatisticsConfig, inputs: Mapping[str, Artifact]) -> StatisticsConfig:
    """The config, with the stop words that were taken from the languages' own text.

    Raises:
        ConfigError: a language has some in the config too.
    """
    if "thresholds" not in inputs:
        return config
    found = read_stop_words(inputs["thresholds"])
    if both := sorted(set(found) & set(config.stop_words)):
        raise ConfigError(
            f"corpus.statistics: stop_words of {', '.join(both)} are in the config, and the input "
            "'thresholds' has others",
            hint="leave one of the two out",
        )
    words = config.stop_words | found
    return StatisticsConfig.model_validate({**dict(config), "stop_words": words})


def run(config: StatisticsConfig, job: Job) -> Result:
    """Measure the documents of one shard."""
    documents = job.inputs["documents"]
    schema_of(documents)  # a table of documents, or an error that says what it is
    table = tables.read(documents, ["id"])
    languages = None
    if "language" in job.inputs:
        languages = tables.beside(job.inputs["language"], table, ["language"])["language"]
    passes = passing(job, table)
    measured = partial(measure, stop_words=config.stop_words, rules=",".join(config.rules))
    schema = measured([]).schema.insert(0, pa.field("id", pa.string()))
    row = 0
    with tables.writing(job, "statistics.parquet", schema) as written:
        for group in row_groups(documents, ("id", "text")):
            here = slice(row, row + group.num_rows)
            own = None if languages is None else languages[here].filter(passes[here]).to_pylist()
            found = measured(group["text"].filter(passes[here]), languages=own)
            written.extend(_all_rows(found, group, passes[here]).cast(schema))
            row = here.stop
    return Result({"input_documents": int(passes.sum())}, (job.record("statistics.parquet"),))


def _all_rows(found: pa.Table, group: pa.Table, passes: Bools) -> pa.Table:
    """What was found of the documents that pass, and of the others their id and size."""
    rows = found.take(pa.array(np.cumsum(passes) - 1, mask=~passes))
    sizes = pc.cast(pc.binary_length(group["text"]), rows["text_bytes"].type)
    at = rows.schema.get_field_index("text_bytes")
    return rows.set_column(at, "text_bytes", sizes).add_column(0, "id", group["id"])


STAGE = Stage(
    "corpus.statistics",
    version=2,
    config=StatisticsConfig,
    inputs=("documents",),
    optional=("language", "before"),
    run=run,
    libraries=("numpy", "pyarrow"),
    sharded=("documents", "language", "before"),
    decided_by=("thresholds",),
    resolve=resolve,
    instead="",
)
