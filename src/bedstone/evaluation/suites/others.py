"""Others' runs: the samples that lm-evaluation-harness writes with ``--log_samples``.

An item is a document of the task, its question all that stood before the choices. Two runs of one
task have the same ids, so that they can be compared item by item. The harness writes a document
once for each of its filters: the first one's counts.

Source: lm-evaluation-harness 0.4, ``samples_TASK_TIME.jsonl``.
"""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from bedstone.errors import DataError, printable
from bedstone.evaluation.suites.fields import MOST_CHOICES, Fields
from bedstone.evaluation.suites.files import MOST_ITEMS
from bedstone.evaluation.suites.naming import key_of, named
from bedstone.evaluation.suites.records import records_of
from bedstone.tasks.items import Item
from bedstone.tasks.scored import SCORES
from bedstone.tasks.stored import ANSWERS

FILE = re.compile(r"samples_(.+?)(?:_\d{4}-\d\d-\d\dT[\d.-]+)?\.jsonl")
HINT = "it is to be a file samples_TASK_TIME.jsonl as --log_samples writes it"


class Run(NamedTuple):
    """What somebody's model made of a task."""

    items: list[Item]
    table: pa.Table
    """Of several choices as ``tasks.scored.SCORES``, of written answers as
    ``tasks.stored.ANSWERS``; what the file does not tell is null."""
    right: dict[str, float]
    """Of each item, what the harness says: ``acc`` or ``exact_match``."""


class _Sample(NamedTuple):
    prompt: str
    choices: list[str]
    """As they follow the prompt, blanks before them too; none where it was to write."""
    logprobs: list[float]
    alone: Sequence[float | None]
    """Of the choices after nothing, if the run has them."""
    text: str


def samples_of(path: Path, language: str | None = None) -> Run:
    """The run that a file of samples tells of.

    Args:
        path: of the file; its name tells the task.
        language: the task's, as ``tel_Telu``; absent, as the task's name tells.

    Raises:
        DataError: it cannot be read, a line is no sample, or nothing tells the language.
    """
    found = FILE.fullmatch(path.name)
    task = found[1] if found else path.stem
    told = named(f"{task}.jsonl")
    if (key := key_of(language) if language else told.language) is None:
        raise DataError(f"{path.resolve()}: its language is not told", hint="name it: as tel_Telu")
    items: dict[str, Item] = {}
    first: str | None = None
    rows: list[dict[str, Any]] = []
    right: dict[str, float] = {}
    for where, values in records_of(path):
        try:
            fields = Fields(values)
            name = f"{told.suite or task}/{key}/{fields.whole('doc_id')}"
            filter_ = fields.maybe("filter") or ""
            if filter_ != (first := filter_ if first is None else first):
                continue
            if name in items:
                raise ValueError("a document stands there twice")
            sample = _sample(values)
            items[name] = _item(name, key, sample, fields)
            rows += _rows(items[name], sample)
            right[name] = _right(values)
        except ValueError as error:
            raise DataError(f"{where}: {printable(str(error))}", hint=HINT) from error
        if len(items) > MOST_ITEMS:
            raise DataError(f"{where}: more than {MOST_ITEMS:,} documents")
    if len({bool(item.choices) for item in items.values()}) != 1:
        raise DataError(f"{path.resolve()}: no samples, or of two kinds", hint=HINT)
    schema = SCORES if "choice" in rows[0] else ANSWERS
    return Run(list(items.values()), pa.Table.from_pylist(rows, schema), right)


def _sample(values: dict[str, Any]) -> _Sample:
    asked = values.get("arguments")
    if isinstance(asked, dict):
        asked = [asked.get(f"gen_args_{number}") for number in range(len(asked))]
    said = values.get("filtered_resps")
    if not isinstance(asked, list) or not isinstance(said, list) or len(asked) > 2 * MOST_CHOICES:
        raise ValueError("'arguments' and 'filtered_resps' are no lists, or too long")
    pairs = [_pair(each) for each in asked]
    if len(pairs) == 1 and not isinstance(pairs[0][1], str):
        return _Sample(pairs[0][0], [], [], [], _text_of(values.get("resps")))
    if len(said) != len(pairs) or not all(isinstance(choice, str) for _, choice in pairs):
        raise ValueError("there is not a log-likelihood for each choice")
    logprobs = [_logprob(each) for each in said]
    # Behind the choices, some metrics have them once more after nothing.
    half = len(pairs) // 2
    has_alone = half > 1 and all(
        once[1] == again[1] and not again[0] and once[0]
        for once, again in zip(pairs, pairs[half:], strict=False)
    )
    size = half if has_alone else len(pairs)
    if size < 2 or len({prompt for prompt, _ in pairs[:size]}) != 1:
        raise ValueError("it has not several choices after one prompt")
    choices = [choice for _, choice in pairs[:size]]
    return _Sample(pairs[0][0], choices, logprobs[:size], logprobs[size:], "")


def _pair(value: Any) -> tuple[str, Any]:
    pair = [value.get("arg_0"), value.get("arg_1")] if isinstance(value, dict) else value
    if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str):
        raise ValueError("'arguments' are no pairs of a prompt and what follows it")
    return pair[0], pair[1]


def _logprob(value: Any) -> float:
    first = value[0] if isinstance(value, list) and value else value
    try:
        found = float(first)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError("a log-likelihood is no number") from error
    if not math.isfinite(found) or found > 0:
        raise ValueError("a log-likelihood is no number up to 0")
    return found


def _text_of(said: Any) -> str:
    while isinstance(said, list) and said:
        said = said[0]
    if not isinstance(said, str):
        raise ValueError("'resps' holds no text")
    return said


def _item(name: str, language: str, sample: _Sample, fields: Fields) -> Item:
    suite = name.partition("/")[0]
    if not sample.choices:
        target = (fields.text("target"),)
        return Item(suite, name, language, "exact_match", question=sample.prompt, answers=target)
    delimiter = " " if all(choice.startswith(" ") for choice in sample.choices) else ""
    choices = tuple(choice.removeprefix(delimiter) for choice in sample.choices)
    gold = _gold(choices, fields)
    return Item(suite, name, language, "acc", "", sample.prompt, delimiter, choices, gold)


def _gold(choices: Sequence[str], fields: Fields) -> int:
    target = fields.text("target")
    if target in choices:
        return choices.index(target)
    if (gold := fields.whole("target")) >= len(choices):
        raise ValueError("'target' is none of the choices")
    return gold


def _rows(item: Item, sample: _Sample) -> list[dict[str, Any]]:
    if not item.choices:
        return [{"problem": item.id, "sample": 0, "prompt": sample.prompt, "text": sample.text}]
    alone = sample.alone or [None] * len(item.choices)
    both = enumerate(zip(sample.logprobs, alone, strict=True))
    names = ("item", "choice", "logprob", "alone_logprob")
    return [dict(zip(names, (item.id, at, *values), strict=True)) for at, values in both]


def _right(values: dict[str, Any]) -> float:
    found = values.get("acc", values.get("exact_match"))
    if not isinstance(found, int | float) or not 0 <= found <= 1:
        raise ValueError("it has neither 'acc' nor 'exact_match'")
    return float(found)
