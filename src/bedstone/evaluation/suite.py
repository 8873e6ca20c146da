"""Stage evaluation.suite: read a set of test items, known by its fields, into one form.

Reads   ``files``: a file or a folder of JSON lines, TSV, CSV (each plain or gzip), Parquet, or of
        plain text with a sentence a line. Known by their fields are Belebele, MMLU-ProX,
        Global-MMLU, MGSM, XCOPA, SIB-200, MultiBLiMP and FLORES; others have ``question`` with
        ``choices`` (and ``gold``, a number from 0, or ``answer``), with ``answers`` or ``answer``,
        or ``text``; and if need be ``id``, ``language``, ``context``, ``parallel_id``,
        ``passage_id``, ``domain``
Writes  ``items.parquet``: see ``tasks.items``

The language is that of the record (``language``, ``lang``, ``dialect``), else of the file's name
or its folders' (``tel_Telu.jsonl``, ``test.sw.jsonl``, ``te/test.parquet``). Files of a split to
learn from (``train``, ``dev``, ``validation``) are left out where there is one to test on, and so
are files in other forms. A set of no known name is called as the file, without its language.

Where files of YAML describe tests of lm-evaluation-harness, those are read, and what lies beside
them is their data; see ``suites.harness`` for what of them is done.

Items of one id in several languages are parallel; of sets without ids, those of one number. What is
known by fields of your own is so by ``parallel_id``, or by ``id``, and else not. Of Global-MMLU the
domain is ``sensitive`` or ``agnostic`` where the set says so, else the subject's category; of
Belebele the site of the page, of XCOPA ``cause`` or ``effect``, of MultiBLiMP the phenomenon.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from os.path import commonpath
from pathlib import Path

from pydantic import Field

from bedstone.config import Config
from bedstone.errors import ConfigError, DataError
from bedstone.evaluation.suites.descriptions import tests_in
from bedstone.evaluation.suites.files import KNOWN, MOST_ITEMS, SetReader
from bedstone.evaluation.suites.naming import key_of, to_test_on
from bedstone.evaluation.suites.records import is_read
from bedstone.lots import lot
from bedstone.store.artifact import Shard
from bedstone.store.stage import Job, Result, Stage
from bedstone.tasks.items import Item, Metric, write_items


class SuiteConfig(Config):
    """Which items are taken, and what they are judged by."""

    items: int | None = Field(default=None, ge=1, le=MOST_ITEMS)
    """Most of a suite and a language: the same ones in each, drawn by ``seed``; all wordings of one
    count as one. Those that most languages have go first."""
    languages: tuple[str, ...] = ()
    """As ``tel_Telu``; none for all."""
    reference: str | None = None
    """Read besides ``languages`` where there is any item in it: they are compared with it."""
    metric: Metric | None = None
    """In place of the set's own, for the items that it fits: ``acc``, ``acc_bytes``, ``acc_chars``
    or ``acc_pmi`` of several choices, ``bits`` of texts, ``exact_match`` or ``chrf`` of answers."""
    seed: int = Field(default=0, ge=0)


def run(config: SuiteConfig, job: Job) -> Result:
    """Read all files, then draw.

    Raises:
        ConfigError: a language is none, or is not there, or no item can be judged by the metric.
        DataError: a file or a line cannot be read, or there is no item.
    """
    paths = _paths(job.inputs["files"])
    described = tests_in(paths)
    names = described or to_test_on(name for name in paths if is_read(name))
    wanted = set(map(_key, config.languages))
    reference = {_key(config.reference)} if wanted and config.reference else set()
    reader = SetReader(wanted | reference)
    with job.progress.task("files", len(names)) as progress:
        for name in names:
            reader.read(name, paths[name])
            progress.advance()
    for ignored in reader.ignored:
        job.progress.say(f"{ignored} is ignored")
    if missing := sorted(wanted - reader.languages):
        there = ", ".join(sorted(reader.languages)) or "none"
        raise ConfigError(f"no item is in {', '.join(missing)}", hint=f"there are {there}")
    if not reader.items:
        given = commonpath([path.resolve() for path in job.inputs["files"].files])
        raise DataError(f"{given} holds no item", hint=KNOWN)
    items = drawn(_judged(reader.items, config.metric), config.items, config.seed)
    write_items(job, items)
    return Result(
        {
            "items": len(items),
            "languages": len({item.language for item in items}),
            "suites": len({item.suite for item in items}),
            "skipped_files": len(paths) - len(names),
            **({"ignored_keys": len(reader.ignored)} if described else {}),
        }
    )


def drawn(items: Sequence[Item], most: int | None, seed: int) -> list[Item]:
    """So many contents of each suite and language, the same in all, in the items' order."""
    if most is None:
        return list(items)
    languages: dict[tuple[str, str], set[str]] = defaultdict(set)
    for item in items:
        languages[_content(item)].add(item.language)
    lots = {each: lot("\0".join(each), f"items {seed}") for each in languages}
    taken: set[tuple[str, str, str]] = set()
    counts = Counter[tuple[str, str]]()
    for suite, content in sorted(lots, key=lambda it: (-len(languages[it]), lots[it])):
        for language in languages[suite, content]:
            counts[suite, language] += 1
            if counts[suite, language] <= most:
                taken.add((suite, content, language))
    return [item for item in items if (*_content(item), item.language) in taken]


def _content(item: Item) -> tuple[str, str]:
    return item.suite, item.parallel_id or item.id


def _judged(items: Sequence[Item], metric: Metric | None) -> list[Item]:
    """With this metric those that it fits."""
    if metric is None:
        return list(items)
    kinds = {"bits": "text", "exact_match": "answer", "chrf": "answer"}  # else of several choices
    fits = [kinds.get(item.metric) == kinds.get(metric) for item in items]
    if not any(fits):
        told = ", ".join(sorted({item.metric for item in items}))
        raise ConfigError(f"no item can be judged by {metric}", hint=f"they are by {told}")
    return [replace(it, metric=metric) if fit else it for it, fit in zip(items, fits, strict=True)]


def _key(language: str) -> str:
    if (key := key_of(language)) is None:
        raise ConfigError(f"languages: there is no language {language!r}", hint="as tel_Telu")
    return key


def _paths(files: Shard) -> dict[str, Path]:
    """By name within what was adopted: folders are there, a file may be a link to elsewhere."""
    return {
        (path.parent.resolve() / path.name).relative_to(files.location).as_posix(): path
        for path in files.files
    }


STAGE = Stage(
    "evaluation.suite",
    version=1,
    config=SuiteConfig,
    inputs=("files",),
    run=run,
    libraries=("pyarrow",),
)
