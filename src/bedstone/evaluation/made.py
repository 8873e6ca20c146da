"""Stage evaluation.made: make sets of items that are the same in many languages by construction.

Reads   ``parallel``, what corpus.parallel writes, for the sets ``titles`` (of the source
        ``gnome-user-docs``), ``messages`` (``mediawiki``) and ``udhr`` (``udhr``)
Writes  ``items.parquet``: see ``tasks.items``

* ``titles``: which of four titles is that of a page; ``messages``: which of four says what the
  English one says; ``udhr``: how an article goes on, and, as the suite ``udhr_text``, articles
  whose bits are measured. See ``evaluation.suites.made_parallel``.
* ``rows``: which day or month comes next; ``facts``: which name a list gives for a country, if it
  gives one. See ``evaluation.suites.made_words``.

Items are drawn by lot, the same in each language; a language that lacks the words of one, or has
two choices that are the same, is not asked it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, get_args

from pydantic import Field

from bedstone.config import Config
from bedstone.corpus.sources.catalogue import in_the_order_of
from bedstone.errors import ConfigError, DataError, nearest
from bedstone.evaluation.suites import made_parallel, made_words
from bedstone.evaluation.suites.made_choices import Draw, questions
from bedstone.evaluation.suites.made_parallel import Texts
from bedstone.languages import ENGLISH
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.tasks.items import Item, write_items

PARALLEL = "parallel"
SetName = Literal["titles", "messages", "udhr", "rows", "facts"]
SETS: tuple[SetName, ...] = get_args(SetName)
SOURCES: dict[SetName, str] = {
    "titles": "gnome-user-docs",
    "messages": "mediawiki",
    "udhr": "udhr",
}
"""What parallel text a set is made of; the others need none."""


class MadeConfig(Config):
    """Which sets are made, and how much of them is drawn."""

    sets: Annotated[tuple[SetName, ...], in_the_order_of(SETS)] = Field(
        default=("rows", "facts"), min_length=1
    )
    items: int = Field(default=200, ge=4, le=100_000)
    """At most, of a set in a language; fewer where there are no more."""
    languages: tuple[str, ...] = ()
    """The only ones, as ``nob_Latn``; all, if none is named. What these have in common is asked
    first."""
    seed: int = Field(default=0, ge=0)


def run(config: MadeConfig, job: Job) -> Result:
    """Make the sets one after the other.

    Raises:
        ConfigError: a set needs parallel text that is not given, or no set needs what is given.
        DataError: the parallel text lacks a set's source, or no item is in a language.
    """
    wanted = {SOURCES[name]: name for name in config.sets if name in SOURCES}
    if bool(wanted) != (PARALLEL in job.inputs):
        need = "need" if wanted else "do not need"
        raise ConfigError(
            f"evaluation.made: {', '.join(wanted.values() or config.sets)} {need} 'parallel'",
            hint=f"corpus.parallel makes it, for the sets {', '.join(SOURCES)}",
        )
    texts = _texts(job.inputs[PARALLEL], wanted) if wanted else {}
    draw = Draw(config.items, config.seed, config.languages)
    items = [item for name in config.sets for item in _made(name, texts, draw)]
    languages: dict[str, set[str]] = defaultdict(set)
    for item in items:
        languages[item.suite].add(item.language)
    found = set().union(*languages.values())
    if not found or (missing := sorted({*config.languages} - found)):
        raise DataError(
            f"evaluation.made: no item of {', '.join(config.sets)} is in "
            f"{', '.join(missing) if found else 'any language'}",
            hint=f"name other languages; {nearest(missing[0], found)}" if found else None,
        )
    write_items(job, items)
    suites = Counter(item.suite for item in items)
    metrics: Metrics = {"languages": len(found), "items": len(items)}
    metrics["common_languages"] = len(set.intersection(*languages.values()))
    for suite, count in suites.items():
        metrics |= {f"{suite}_items": count, f"{suite}_languages": len(languages[suite])}
    return Result(metrics)


def _texts(parallel: Shard, wanted: Mapping[str, SetName]) -> dict[str, Texts]:
    """By source, of those that are wanted."""
    columns = ["source", "language", "unit", "text"]
    table = tables.read(parallel, columns)
    found: dict[str, dict[str, dict[str, str]]] = {source: defaultdict(dict) for source in wanted}
    for source, language, unit, text in zip(*(it.to_pylist() for it in table), strict=True):
        if source in found:
            found[source][language][unit] = text
    for source, name in wanted.items():
        if ENGLISH not in found[source]:
            raise DataError(
                f"evaluation.made: {name} are made of {source}, which the parallel text lacks",
                hint=f"build corpus.parallel with {source} in sources",
            )
    return dict(found)


def _made(name: SetName, texts: dict[str, Texts], draw: Draw) -> Iterator[Item]:
    match name:
        case "titles":
            yield from questions(name, made_parallel.titles(texts[SOURCES[name]]), draw)
        case "messages":
            yield from questions(name, made_parallel.messages(texts[SOURCES[name]]), draw)
        case "udhr":
            theirs = texts[SOURCES[name]]
            yield from questions(name, made_parallel.articles(theirs), draw)
            yield from made_parallel.article_texts(f"{name}_text", theirs, draw)
        case "rows":
            yield from made_words.rows(name, draw)
        case "facts":
            yield from made_words.facts(name, draw)


STAGE = Stage(
    "evaluation.made",
    version=1,
    config=MadeConfig,
    inputs=(),
    optional=(PARALLEL,),
    run=run,
    libraries=("pyarrow",),
)
