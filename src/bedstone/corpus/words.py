"""Stage corpus.words: count in each document the words of your lists, and what its title has.

Reads   ``documents``, or a version of them; ``lists``: your files of words, one of each language,
        as ``wording.word_lists`` says; ``language`` where given: without it all lists are those of
        every document, and all titles are taken for English
Writes  ``words.parquet``: ``id``; ``words`` (no punctuation); ``hits``, of the lists of the
        document's own language, and ``hits_per_million_words``, null where it has no list;
        ``any_hits``, of all lists, whatever the language; of English documents ``title_words``,
        ``title_capitals_share``, ``title_marks`` (of question and exclamation),
        ``title_number_first``, ``title_second_person``
        ``about/languages.parquet``: who loses by it: of each language whether it ``has_list``, its
        ``documents``, ``words``, ``hits`` and ``hits_per_million_words``; how many documents a
        limit of no hit would drop, ``hit_documents``, and one on all lists, ``any_hit_documents``
        ``about/entries.parquet``: for each language the entries with most ``hits``, in how many
        ``documents``, and whether the entry is of its ``own`` lists

Nothing is dropped: a limit of corpus.filter is ``hits.high`` or ``hits_per_million_words.high``.
Words are not what is meant by them: a list finds who writes of a thing, of their bodies, of their
illness or in their dialect as it finds abuse, and finds no abuse that is put in other words.

Of entries that overlap the one that begins first counts, of those that begin together the longest.
"""

from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from bedstone.config import Config
from bedstone.corpus.rewriting.versions import row_groups, schema_of
from bedstone.corpus.wording.tally import Tally
from bedstone.corpus.wording.titles import Title, title_of, title_statistics
from bedstone.corpus.wording.word_lists import WordLists, read_word_lists
from bedstone.languages import ENGLISH, UNKNOWN
from bedstone.store import tables
from bedstone.store.artifact import ABOUT
from bedstone.store.stage import Job, Metrics, Result, Stage

COLUMNS = pa.schema(
    [
        ("id", pa.string()),
        ("words", pa.float64()),
        ("hits", pa.int64()),
        ("hits_per_million_words", pa.float64()),
        ("any_hits", pa.int64()),
        ("title_words", pa.int64()),
        ("title_capitals_share", pa.float64()),
        ("title_marks", pa.int64()),
        ("title_number_first", pa.bool_()),
        ("title_second_person", pa.bool_()),
    ]
)


class WordsConfig(Config):
    """There is nothing to choose: the lists are the choice."""


def run(config: WordsConfig, job: Job) -> Result:
    """Read the documents of one shard.

    Raises:
        DataError: there is no list, or an input is about other documents.
    """
    given, documents, languages = job.inputs["lists"], job.inputs["documents"], None
    schema_of(documents)
    if "language" in job.inputs:
        named = tables.read(documents, ["id"])
        languages = tables.beside(job.inputs["language"], named, ["language"])["language"]
    tally = Tally(_read(given.files, given.content), by_language=languages is not None)
    row = 0
    with tables.writing(job, "words.parquet", COLUMNS) as written:
        for group in row_groups(documents, ("id", "text", "headings")):
            here = slice(row, row + group.num_rows)
            own = None if languages is None else languages[here].to_pylist()
            written.extend(_table(group, own, tally))
            row = here.stop
    about = (
        tables.write(job, f"{ABOUT}/languages.parquet", tally.languages()),
        tables.write(job, f"{ABOUT}/entries.parquet", tally.entries()),
    )
    return Result(tally.metrics(), (job.record("words.parquet"), *about))


@lru_cache(1)
def _read(files: tuple[Path, ...], content: str) -> WordLists:
    """The lists, read once for all shards that a process works on."""
    return read_word_lists(files)


def _table(group: pa.Table, languages: list[str] | None, tally: Tally) -> pa.Table:
    """The columns of a row group."""
    texts, headings = group["text"].to_pylist(), group["headings"].to_pylist()
    known = languages or [UNKNOWN] * len(texts)
    rows = []
    for name, text, first, language, it in zip(
        group["id"].to_pylist(), texts, headings, known, tally.found(texts, known), strict=True
    ):
        is_english = languages is None or language == ENGLISH
        title = title_statistics(title_of(text, first or [])) if is_english else Title()
        rows.append((name, it.words, it.own, it.per_million, it.any, *title))
    columns = zip(*rows, strict=True) if rows else [()] * len(COLUMNS)
    arrays = [pa.array(values, of.type) for values, of in zip(columns, COLUMNS, strict=True)]
    return pa.Table.from_arrays(arrays, schema=COLUMNS)


def total(sums: Metrics) -> Metrics:
    """The shards' counts, shares of the documents, and hits by words."""
    documents, words = max(sums["input_documents"], 1), max(sums["input_words"], 1)
    return sums | {
        "hit_share": sums["hit_documents"] / documents,
        "any_hit_share": sums["any_hit_documents"] / documents,
        "hits_per_million_words": 1_000_000 * sums["hits"] / words,
    }


STAGE = Stage(
    "corpus.words",
    version=1,
    config=WordsConfig,
    inputs=("documents", "lists"),
    optional=("language",),
    run=run,
    libraries=("numpy", "pyarrow"),
    sharded=("documents", "language"),
    total=total,
)
