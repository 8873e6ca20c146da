"""Stage evaluation.translations: translate a test's items, or answers, from one language.

Reads   ``items`` (of a test), or ``answers`` (of sampling.answers); who translates, as ``by`` says:
        ``model``, ``probe`` of an endpoint, ``folder`` of CTranslate2's; nobody for Apertium
Writes  ``translations.parquet``: ``item``, ``field`` (``context``, ``question``, ``choices.0``,
        ``answers.0``; of an answer ``text.0``, by its sample), ``source``, ``text`` (null if it
        failed), ``why``, ``calls``, ``prompt_tokens``, ``completion_tokens``; of items
        ``items.parquet`` in the target's language, with their ids, without those that failed;
        ``about/waits.parquet``: the ``seconds`` of each text

A text is translated line by line, a line that comes again once; what a text takes is counted as if
it were asked alone. A killed build goes on behind the last part.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from bedstone.config import MOST_THREADS, Config
from bedstone.errors import ConfigError, DataError, number_of
from bedstone.evaluation.pivot.translators import (
    Apertium,
    Translated,
    Translator,
    lines_of,
    rebuilt,
)
from bedstone.generation.values import MAX_TOKENS
from bedstone.model import Device, NumberFormat
from bedstone.store import tables, work
from bedstone.store.artifact import ABOUT, Shard
from bedstone.store.payload import whole_folder
from bedstone.store.stage import Job, Result, Stage
from bedstone.tasks.items import Item, items_of, write_items
from bedstone.tasks.stored import WAITS, rows_of

FILE = "translations.parquet"
TOKENS = {"prompt_tokens": pa.int64(), "completion_tokens": pa.int64()}
TOLD = {"text": pa.large_string(), "why": pa.string(), **TOKENS}
MADE = TOLD | dict(zip(WAITS.names, WAITS.types, strict=True))
PLACE = {"item": pa.string(), "field": pa.string(), "source": pa.large_string()}
SCHEMA = pa.schema({**PLACE, **TOLD, "calls": pa.int32()})
PART_LINES = 64
NEEDS = {"model": ("tokenizers", "torch"), "folder": ("ctranslate2", "sentencepiece")}
KEY = r"^[a-z]{3}_[A-Z][a-z]{3}$"


class TranslationsConfig(Config):
    """Who translates from which language into which."""

    how = ("device", "threads")
    by: Literal["apertium", "model", "probe", "folder"] = "apertium"
    source: str = Field(pattern=KEY)
    """As ``spa_Latn``: items of other languages are left aside."""
    target: str = Field(pattern=KEY)
    chat: bool = True
    """Whether a model of this machine is asked in turns."""
    max_tokens: int = Field(default=256, ge=1, le=MAX_TOKENS)
    """Of a line, drawn by a model that is asked."""
    number_format: NumberFormat = "fp32"
    device: Device = "auto"
    threads: int = Field(default=1, ge=1, le=MOST_THREADS)
    """Of CTranslate2, or of a model of this machine."""
    ends: tuple[int, ...] = ()
    """Tokens that close a completion; none: what the model's files say."""
    version: str = ""
    """Of Apertium and its pair; empty: whichever is here."""


class Text(NamedTuple):
    """What is translated, and where it stands."""

    item: str
    field: str
    source: str


def run(config: TranslationsConfig, job: Job) -> Result:
    """Translate what is not there yet, part by part.

    Raises:
        ConfigError: nothing or too much is given, or the translator has not these languages.
        DataError: there is no text in the source's language.
    """
    given = [role for role in ("model", "probe", "folder") if role in job.inputs]
    if given != [config.by] * (config.by != "apertium"):
        raise ConfigError(f"by {config.by}, and given: {', '.join(given) or 'nobody'}")
    if (is_test := "items" in job.inputs) == ("answers" in job.inputs):
        raise ConfigError("items or answers are translated: give one of the two")
    asked = that_ask(job.inputs["items"], config.source) if is_test else []
    answered = [] if is_test else rows_of(job.inputs["answers"]).to_pylist()
    texts = [Text(row["problem"], f"text.{row['sample']}", row["text"]) for row in answered]
    texts += texts_of(asked)
    if not texts:
        raise DataError(f"there is nothing in {config.source} to translate")
    made = _translated(config, job, different_lines(texts))
    rows = _rows(texts, made)
    tables.write(job, FILE, pa.Table.from_pylist(rows, SCHEMA))
    tables.write(job, f"{ABOUT}/waits.parquet", pa.Table.from_pylist(rows, WAITS))
    failed = {row["item"]: row["why"] for row in rows if row["why"]}
    if is_test:
        by_place = {(row["item"], row["field"]): row["text"] for row in rows}
        whole = (item for item in asked if item.id not in failed)
        write_items(job, [_item(item, config.target, by_place) for item in whole])
    for why in sorted(set(failed.values())):
        count = list(failed.values()).count(why)
        job.progress.say(f"{number_of(count, 'item')} not translated: {why}")
    return Result(
        {
            "texts": len(rows),
            "different_lines": len(made),
            "failed_texts": sum(1 for row in rows if row["why"]),
            "failed_items": len(failed),
            "waiting_seconds": sum(each.seconds for each in made.values()),
        }
    )


def that_ask(items: Shard, language: str) -> list[Item]:
    """Those that ask something: what a text alone weighs is not asked in translation."""
    return [it for it in items_of(items) if it.language == language and len(it.choices) != 1]


def texts_of(items: Sequence[Item]) -> Iterator[Text]:
    """All that is translated of them."""
    for item in items:
        for name, text in (("context", item.context), ("question", item.question)):
            if text:
                yield Text(item.id, name, text)
        for name, texts in (("choices", item.choices), ("answers", item.answers)):
            yield from (Text(item.id, f"{name}.{at}", text) for at, text in enumerate(texts))


def different_lines(texts: Sequence[Text]) -> list[str]:
    """What a translator is asked, each once."""
    return list(dict.fromkeys(line for text in texts for line in lines_of(text.source)))


def _translated(config: TranslationsConfig, job: Job, lines: list[str]) -> dict[str, Translated]:
    translator: Translator | None = None
    found: list[Translated] = []
    with job.progress.task("lines", len(lines)) as progress:
        for first in range(0, len(lines), PART_LINES):
            part, path = lines[first : first + PART_LINES], job.scratch / f"{first:08}.parquet"
            if not path.exists():
                translator = translator or translator_of(config, job.inputs)
                rows = [asdict(each) for each in translator.translate(part)]
                with work.written(path) as unfinished:
                    pq.write_table(pa.Table.from_pylist(rows, pa.schema(MADE)), unfinished)
            found += [Translated(**row) for row in pq.read_table(path).to_pylist()]
            progress.advance(len(part))
    return dict(zip(lines, found, strict=True))


def translator_of(config: TranslationsConfig, inputs: Mapping[str, Shard]) -> Translator:
    """Who translates.

    Raises:
        ConfigError: the translator is not here, or has not these languages.
        ArtifactError: the folder holds no model, or one that has not these languages.
    """
    both = config.source, config.target
    if config.by == "apertium":
        apertium = Apertium.between(*both)
        if config.version and config.version != apertium.version:
            raise ConfigError(f"version {config.version!r} is asked for: {apertium.version} here")
        return apertium
    if config.by == "folder":
        from bedstone.evaluation.pivot.folder import Folder

        folder = Folder.load(whole_folder(inputs["folder"]), *both, config.threads)
        if "answers" in inputs and not folder.before:
            raise ConfigError(
                "the folder's model has no tokens of languages: it translates one way only",
                hint="answers are translated back by a model of several languages, as NLLB",
            )
        return folder
    from bedstone.evaluation.pivot.instructed import Instructed, by_endpoint, by_writer

    if config.by == "probe":
        return Instructed(*by_endpoint(inputs["probe"], config.max_tokens), *both)
    from bedstone.generation.writer import folder_of, loaded

    writer = loaded(folder_of(inputs["model"]), config.number_format, config.device)
    if config.ends:
        writer = replace(writer, ends=frozenset(config.ends))
    complete = by_writer(writer, config.max_tokens, config.threads, chat=config.chat)
    return Instructed(complete, config.chat, *both)


def _rows(texts: Sequence[Text], made: Mapping[str, Translated]) -> list[dict[str, Any]]:
    rows, by_line = [], {line: each.text for line, each in made.items()}
    for text in texts:
        lines = [made[line] for line in lines_of(text.source)]
        why = next((line.why for line in lines if line.why), "")
        row = text._asdict() | {"text": None if why else rebuilt(text.source, by_line), "why": why}
        for name in (*TOKENS, *WAITS.names):
            told = [cost for line in lines if (cost := getattr(line, name)) is not None]
            row[name] = sum(told) if told else None
        rows.append(row | {"calls": len(lines)})
    return rows


def _item(item: Item, language: str, translated: Mapping[tuple[str, str], str]) -> Item:
    def several(name: str, texts: Sequence[str]) -> tuple[str, ...]:
        return tuple(translated[item.id, f"{name}.{at}"] for at in range(len(texts)))

    return replace(
        item,
        language=language,
        context=translated.get((item.id, "context"), ""),
        question=translated.get((item.id, "question"), ""),
        # Of a language that is written without spaces, there may be none between.
        delimiter=item.delimiter or (" " if item.prompt else ""),
        choices=several("choices", item.choices),
        answers=several("answers", item.answers),
    )


def _needs(config: TranslationsConfig) -> tuple[str, ...]:
    return NEEDS.get(config.by, ())


STAGE = Stage(
    "evaluation.translations",
    version=2,
    config=TranslationsConfig,
    inputs=(),
    optional=("items", "answers", "model", "probe", "folder"),
    run=run,
    libraries=("pyarrow",),
    needs=_needs,
    reproducible="request",
)
