"""Others' runs: the samples that lm-evaluation-harness writes with ``--log_samples``.

An item is a document of the task, its question all that stood before the choices. Two runs of one
task have the same ids, so that they can be compared item by item. The harness writes a document
once for each of its filters: the first one's counts.

Source: lm-evaluation-harness 0.4, ``samples_TASK_TIME.jsonl``.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from bedstone.errors import DataError
from bedstone.evaluation.suites.files import MOST_ITEMS
from bedstone.evaluation.suites.naming import key_of, named
from bedstone.evaluation.suites.records import MOST_CHOICES, Fields, records_of
from bedstone.tasks.items import Item
from bedstone.tasks.stored import ANSWERS, SCORES

FILE = re.compile(r"samples_(.+?)(?:_\d{4}-\d\d-\d\dT[\d.-]+)?\.jsonl")
HINT = "it is to be a file samples_TASK_TIME.jsonl as --log_samples writes it"
Pairs = list[tuple[str, Any]]
Rows = list[dict[str, Any]]


class Run(NamedTuple):
    """What somebody's model made of a task."""

    items: list[Item]
    table: pa.Table
    """As ``tasks.stored`` has scores or answers; what the file does not tell is null."""
    right: dict[str, float]
    """Of each item, what the harness says: ``acc`` or ``exact_match``."""


def samples_of(path: Path, language: str | None = None) -> Run:
    """The run that a file of samples tells of.

    Args:
        path: of the file; its name tells the task.
        language: the task's, as ``tel_Telu``; absent, as the task's name tells.

    Raises:
        DataError: it cannot be read, a line is no sample, or nothing tells the language.
    """
    task = found[1] if (found := FILE.fullmatch(path.name)) else path.stem
    told = named(f"{task}.jsonl")
    if (key := key_of(language) if language else told.language) is None:
        raise DataError(f"{path.resolve()}: its language is not told", hint="name it: as tel_Telu")
    items, rows, right = dict[str, Item](), Rows(), dict[str, float]()
    first: str | None = None
    for where, values in records_of(path):
        try:
            fields = Fields(values)
            filter_ = fields.maybe("filter") or ""
            if filter_ != (first := filter_ if first is None else first):
                continue
            name = f"{told.suite or task}/{key}/{fields.whole('doc_id')}"
            if name in items:
                raise ValueError("a document stands there twice")
            pairs = _pairs(values.get("arguments"))
            read = _chosen if isinstance(pairs[0][1], str) else _written
            items[name], made = read(Item(told.suite or task, name, key, "acc"), fields, pairs)
            rows += made
            said = values.get("acc", values.get("exact_match"))
            if not isinstance(said, int | float) or not 0 <= said <= 1:
                raise ValueError("it has neither 'acc' nor 'exact_match'")
            right[name] = float(said)
        except ValueError as error:
            raise DataError(f"{where}: {error}", hint=HINT) from error
        if len(items) > MOST_ITEMS:
            raise DataError(f"{where}: more than {MOST_ITEMS:,} documents")
    if len({bool(item.choices) for item in items.values()}) != 1:
        raise DataError(f"{path.resolve()}: no samples, or of two kinds", hint=HINT)
    schema = SCORES if "choice" in rows[0] else ANSWERS
    return Run(list(items.values()), pa.Table.from_pylist(rows, schema), right)


def _pairs(asked: Any) -> Pairs:
    """Each prompt with what follows it: a choice, or settings where the model was to write."""
    if isinstance(asked, dict):
        asked = list(asked.values())
    if not isinstance(asked, list) or not 0 < len(asked) <= 2 * MOST_CHOICES:
        raise ValueError("'arguments' are no list, or too long a one")
    pairs: list[Any] = [
        [it.get("arg_0"), it.get("arg_1")] if isinstance(it, dict) else it for it in asked
    ]
    if not all(isinstance(it, list) and len(it) == 2 and isinstance(it[0], str) for it in pairs):
        raise ValueError("'arguments' are no pairs of a prompt and what follows it")
    return [(prompt, behind) for prompt, behind in pairs]


def _chosen(item: Item, fields: Fields, pairs: Pairs) -> tuple[Item, Rows]:
    said = fields.values.get("filtered_resps")
    if not isinstance(said, list) or len(said) != len(pairs):
        raise ValueError("there is not a log-likelihood for each choice")
    logprobs = [_logprob(each) for each in said]
    # Behind the choices, some metrics have them once more after nothing.
    half = len(pairs) // 2
    alone_pairs = [("", choice) for _, choice in pairs[:half]]
    has_alone = half > 1 and pairs[half:] == alone_pairs != pairs[:half]
    size = half if has_alone else len(pairs)
    prompts, choices = zip(*pairs[:size], strict=True)
    if size < 2 or len(set(prompts)) != 1 or not all(isinstance(it, str) for it in choices):
        raise ValueError("it has not several choices after one prompt")
    delimiter = " " if all(choice.startswith(" ") for choice in choices) else ""
    choices = tuple(choice.removeprefix(delimiter) for choice in choices)
    chosen = max(range(size), key=logprobs.__getitem__)
    gold = _gold(choices, fields.text("target"), chosen, is_right=fields.values.get("acc") == 1)
    alone = logprobs[half:] if has_alone else [None] * size
    rows = [
        {"item": item.id, "choice": at, "logprob": logprobs[at], "alone_logprob": alone[at]}
        for at in range(size)
    ]
    made = replace(item, question=prompts[0], delimiter=delimiter, choices=choices, gold=gold)
    return made, rows


def _gold(choices: Sequence[str], target: str, chosen: int, *, is_right: bool) -> int:
    """A target is the number of a choice, or its text; where it could be either, ``acc`` tells."""
    found = [at for at, choice in enumerate(choices) if target in (str(at), choice)]
    if not found:
        raise ValueError("'target' is none of the choices")
    return next((at for at in found if (at == chosen) == is_right), found[0])


def _written(item: Item, fields: Fields, pairs: Pairs) -> tuple[Item, Rows]:
    text: Any = fields.values.get("resps")
    while isinstance(text, list) and text:
        text = text[0]
    if not isinstance(text, str):
        raise ValueError("'resps' holds no text")
    prompt, answers = pairs[0][0], (fields.text("target"),)
    row = {"problem": item.id, "sample": 0, "prompt": prompt, "text": text}
    return replace(item, metric="exact_match", question=prompt, answers=answers), [row]


def _logprob(value: Any) -> float:
    try:
        found = float(value[0] if isinstance(value, list) else value)
    except (TypeError, ValueError, LookupError, OverflowError):
        found = math.nan
    if not -math.inf < found <= 0:
        raise ValueError("a log-likelihood is no number up to 0")
    return found
