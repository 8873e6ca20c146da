"""Stage evaluation.translations: translate a test's items, or answers, from one language.

Reads   ``items`` (of a test), or ``answers`` (of sampling.answers); who translates, as ``by`` says:
        ``model``, ``probe`` of an endpoint, ``folder`` of a CTranslate2 model; nobody for Apertium
Writes  ``translations.parquet``: ``item``, ``field`` (``context``, ``question``, ``choices.0``,
        ``answers.0``; of answers ``text.0``, by the sample's number), ``source``, ``text`` (null if
        it failed), ``why`` (it failed), ``calls``, ``prompt_tokens``, ``completion_tokens``
        (null, if not told), ``seconds``; of items ``items.parquet`` in the target's language, with
        their ids, those left out of which a part failed

A text is translated line by line, a line that comes again once. Parts are kept: a killed build goes
on behind the last. What a text takes is counted as if it were asked alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

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
from bedstone.store.artifact import Shard
from bedstone.store.stage import Job, Result, Stage
from bedstone.tasks.items import Item, items_of, write_items
from bedstone.tasks.stored import rows_of

FILE = "translations.parquet"
SCHEMA = pa.schema(
    {
        "item": pa.string(),
        "field": pa.string(),
        "source": pa.large_string(),
        "text": pa.large_string(),
        "why": pa.string(),
        "calls": pa.int32(),
        "prompt_tokens": pa.int64(),
        "completion_tokens": pa.int64(),
        "seconds": pa.float64(),
    }
)
PART = pa.schema(
    [("text", pa.large_string()), ("why", pa.string()), ("seconds", pa.float64())]
    + [(name, pa.int64()) for name in ("prompt_tokens", "completion_tokens")]
)
PART_LINES = 128
By = Literal["apertium", "model", "probe", "folder"]
NEEDS = {"model": ("tokenizers", "torch"), "folder": ("ctranslate2", "sentencepiece")}
Row = dict[str, Any]
Key = Field(pattern=r"^[a-z]{3}_[A-Z][a-z]{3}$")


class TranslationsConfig(Config):
    """Who translates from which language into which."""

    how = ("device",)
    by: By = "apertium"
    source: str = Key
    """As ``spa_Latn``: items of other languages are left aside."""
    target: str = Key
    chat: bool = True
    """Whether a model of this machine is asked in turns."""
    max_tokens: int = Field(default=256, ge=1, le=MAX_TOKENS)
    """Of a line's translation, by a model that is asked for it."""
    number_format: NumberFormat = "fp32"
    device: Device = "auto"
    threads: int = Field(default=1, ge=1, le=MOST_THREADS)
    ends: tuple[int, ...] = ()
    """Tokens that close a completion; none: what the model's files say."""


@dataclass(frozen=True, slots=True)
class Text:
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
    items = job.inputs.get("items")
    given = [role for role in ("model", "probe", "folder") if role in job.inputs]
    if given != [role for role in (config.by,) if role != "apertium"]:
        raise ConfigError(f"by {config.by}, and given: {', '.join(given) or 'nobody'}")
    if (items is None) == ("answers" not in job.inputs):
        raise ConfigError("items or answers are translated: give one of the two")
    of = [] if items is None else in_language(items, config.source)
    texts = list(texts_of(of) if items else _answered(job.inputs["answers"]))
    if not texts:
        raise DataError(f"there is nothing in {config.source} to translate")
    made = _translated(config, job, different_lines(texts))
    done = {line: each.text for line, each in made.items()}
    rows = [_row(text, [made[line] for line in lines_of(text.source)], done) for text in texts]
    table = pa.Table.from_pylist(rows, SCHEMA)
    tables.write(job, FILE, table)
    failed = [row for row in rows if row["why"]]
    if items:
        whole = {row["item"] for row in rows} - {row["item"] for row in failed}
        by_place = {(row["item"], row["field"]): row["text"] for row in rows}
        write_items(job, [_item(it, config.target, by_place) for it in of if it.id in whole])
    for reason in sorted({row["why"] for row in failed}):
        count = sum(row["why"] == reason for row in failed)
        job.progress.say(f"{number_of(count, 'text')} not translated: {reason}")
    return Result(
        {
            "texts": len(rows),
            "different_lines": len(made),
            "failed_texts": len(failed),
            "failed_items": len({row["item"] for row in failed}),
            "waiting_seconds": sum(each.seconds for each in made.values()),
        }
    )


def in_language(items: Shard, language: str) -> list[Item]:
    """Those that ask something: what a single text weighs is not asked in translation."""
    return [it for it in items_of(items) if it.language == language and len(it.choices) != 1]


def texts_of(items: Sequence[Item]) -> Iterator[Text]:
    """All that is translated of them."""
    for item in items:
        for field in ("context", "question"):
            if text := getattr(item, field):
                yield Text(item.id, field, text)
        for field in ("choices", "answers"):
            for number, text in enumerate(getattr(item, field)):
                yield Text(item.id, f"{field}.{number}", text)


def different_lines(texts: Sequence[Text]) -> list[str]:
    """What is asked of a translator, each once."""
    return list(dict.fromkeys(line for text in texts for line in lines_of(text.source)))


def _answered(answers: Shard) -> Iterator[Text]:
    for row in rows_of(answers).to_pylist():
        yield Text(row["problem"], f"text.{row['sample']}", row["text"])


def _translated(config: TranslationsConfig, job: Job, lines: list[str]) -> dict[str, Translated]:
    translator: Translator | None = None
    found: list[Translated] = []
    with job.progress.task("lines", len(lines)) as progress:
        for first in range(0, len(lines), PART_LINES):
            part, path = lines[first : first + PART_LINES], job.scratch / f"{first:08}.parquet"
            if not path.exists():
                translator = translator or _translator(config, job)
                rows = [asdict(each) for each in translator.translate(part)]
                with work.written(path) as unfinished:
                    pq.write_table(pa.Table.from_pylist(rows, PART), unfinished)
            found += [Translated(**row) for row in pq.read_table(path).to_pylist()]
            progress.advance(len(part))
    return dict(zip(lines, found, strict=True))


def _translator(config: TranslationsConfig, job: Job) -> Translator:
    both = config.source, config.target
    if config.by == "apertium":
        return Apertium.between(*both)
    if config.by == "folder":
        from bedstone.evaluation.pivot.folder import Folder

        return Folder.load(job.inputs["folder"].location, *both, config.threads)
    from bedstone.evaluation.pivot.instructed import Instructed, by_endpoint, by_writer

    if config.by == "probe":
        complete, chat = by_endpoint(job.inputs["probe"], config.max_tokens)
        return Instructed.between(*both, complete, chat=chat)
    from bedstone.generation.writer import folder_of, loaded

    writer = loaded(folder_of(job.inputs["model"]), config.number_format, config.device)
    if config.ends:
        writer = replace(writer, ends=frozenset(config.ends))
    complete = by_writer(writer, config.max_tokens, chat=config.chat)
    return Instructed.between(*both, complete, chat=config.chat)


def _row(text: Text, lines: Sequence[Translated], done: Mapping[str, str]) -> Row:
    why = next((line.why for line in lines if line.why), "")
    return {
        **asdict(text),
        "text": None if why else rebuilt(text.source, done),
        "why": why,
        "calls": len(lines),
        "prompt_tokens": _sum(line.prompt_tokens for line in lines),
        "completion_tokens": _sum(line.completion_tokens for line in lines),
        "seconds": sum(line.seconds for line in lines),
    }


def _sum(counts: Iterable[int | None]) -> int | None:
    told = [count for count in counts if count is not None]
    return sum(told) if told else None


def _item(item: Item, language: str, translated: Mapping[tuple[str, str], str]) -> Item:
    def of(field: str) -> str:
        return translated.get((item.id, field), "")

    return replace(
        item,
        language=language,
        context=of("context"),
        question=of("question"),
        # Of a language that is written without spaces, there may be none between.
        delimiter=item.delimiter or (" " if item.prompt else ""),
        choices=tuple(of(f"choices.{number}") for number in range(len(item.choices))),
        answers=tuple(of(f"answers.{number}") for number in range(len(item.answers))),
    )


STAGE = Stage(
    "evaluation.translations",
    version=1,
    config=TranslationsConfig,
    inputs=(),
    optional=("items", "answers", "model", "probe", "folder"),
    run=run,
    libraries=("pyarrow",),
    needs=lambda config: NEEDS.get(config.by, ()),
    reproducible="request",
)
