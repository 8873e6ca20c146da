"""Stage corpus.aligned: lay out what all compared languages say as documents in one of them.

Reads   ``parallel``: pieces of content in many languages, as corpus.parallel writes them
Writes  ``documents.parquet``, a row for each piece that all of the languages have: ``id`` (of the
        content, the same in each language), ``url`` (null), ``language``, ``split`` (``train``,
        ``held_out``; ``left_out`` beyond ``max_bytes``), ``text``. Whoever reads documents, their
        language and what is held out reads all three of it

Models of languages are compared on this text, and trained on it too: they are good for nothing
else, and what parallel text is to measure must not be trained on.
``eng_Cyrl`` and ``eng_Ethi`` are the English text in letters of two and of three bytes: controls of
what UTF-8 alone does to a model. A piece counts as translated where fewer than half of its words
stand in the English one: names stay, sentences do not. A page is held out or not as a whole, the
same ones in each language.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Self

import pyarrow as pa
from pydantic import Field, model_validator

from bedstone.config import Config
from bedstone.corpus.rules.sets import LanguageKey
from bedstone.corpus.sources.alignment import page_of
from bedstone.corpus.sources.relettered import TABLES, letter_bytes
from bedstone.errors import DataError
from bedstone.languages import ENGLISH
from bedstone.lots import is_held_out, lot
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.store.stage import Job, Result, Stage

FILE = "documents.parquet"
STRINGS = ("id", "url", "language", "split")
SCHEMA = pa.schema({**dict.fromkeys(STRINGS, pa.string()), "text": pa.large_string()})
WORD = re.compile(r"\w+")
Texts = dict[str, str]
"""By the content's id."""


class AlignedConfig(Config):
    """Whose text, and how much of it."""

    language: LanguageKey
    """Of the documents."""
    languages: tuple[LanguageKey, ...] = Field(min_length=2)
    """All that are compared, this one among them."""
    held_out_share: float = Field(0.25, gt=0, lt=1)
    """Of the pages, drawn by lot."""
    max_bytes: int | None = Field(None, ge=1, le=10**12)
    """Of what is trained on, page by page in the order of their lots; absent, all."""

    @model_validator(mode="after")
    def _is_compared(self) -> Self:
        if self.language not in self.languages:
            raise ValueError(f"languages: {self.language} is not among them")
        return self


def run(config: AlignedConfig, job: Job) -> Result:
    """Take what all have, and draw among its pages.

    Raises:
        DataError: there is nothing that all have.
    """
    texts = common(job.inputs["parallel"], config.languages)[config.language]
    ids = sorted(texts, key=lambda each: (lot(page_of(each), "aligned"), page_of(each)))
    sizes = {each: len(texts[each].encode()) for each in ids}
    splits = split(config, sizes)
    rows = [
        {"id": each, "language": config.language, "split": splits[each], "text": texts[each]}
        for each in ids
    ]
    tables.write(job, FILE, pa.Table.from_pylist(rows, SCHEMA))
    return Result(
        {
            "units": len(ids),
            "pages": len(set(map(page_of, ids))),
            "held_out_pages": len({page_of(it) for it in ids if splits[it] == "held_out"}),
            "train_bytes": sum(sizes[each] for each in ids if splits[each] == "train"),
            "letter_bytes": letter_bytes("".join(texts.values())),
        }
    )


def common(parallel: Shard, languages: Sequence[str]) -> Mapping[str, Texts]:
    """Of each language, the pieces that all of them have.

    Raises:
        DataError: there are none; it says which languages have how many.
    """
    table = tables.read(parallel, ["source", "language", "unit", "text", "english"])
    keys = {name: ENGLISH if name in TABLES else name for name in languages}
    found: dict[str, Texts] = {key: {} for key in keys.values()}
    for row in table.to_pylist():
        own = found.get(row["language"])
        if own is not None and is_translated(row["language"], row["text"], row["english"]):
            own[f"{row['source']}/{row['unit']}"] = row["text"]
    shared = set.intersection(*map(set, found.values()))
    if not shared:
        counts = ", ".join(f"{name} {len(own):,}" for name, own in found.items())
        raise DataError(
            f"{parallel.location}: no piece is translated into all of the languages: {counts}",
            hint="leave out languages that have few, or give more parallel text",
        )
    return {
        name: {it: own[it].translate(TABLES.get(name, {})) for it in own if it in shared}
        for name, own in ((name, found[key]) for name, key in keys.items())
    }


def is_translated(language: str, text: str, english: str) -> bool:
    """Whether fewer than half of the words are the English ones; of English itself, always."""
    words = [word.casefold() for word in WORD.findall(text)]
    theirs = {word.casefold() for word in WORD.findall(english)}
    return language == ENGLISH or 2 * sum(word in theirs for word in words) < len(words)


def split(config: AlignedConfig, sizes: Mapping[str, int]) -> dict[str, str]:
    """Where each piece goes, by id.

    Args:
        config: how much is held out, and trained on.
        sizes: bytes of each piece, in the order in which they are taken.
    """
    found, total = {}, 0
    for each, size in sizes.items():
        if is_held_out(page_of(each), config.held_out_share):
            found[each] = "held_out"
            continue
        total += size
        fits = config.max_bytes is None or total <= config.max_bytes
        found[each] = "train" if fits else "left_out"
    return found


STAGE = Stage(
    "corpus.aligned",
    version=1,
    config=AlignedConfig,
    inputs=("parallel",),
    run=run,
    libraries=("pyarrow",),
)
