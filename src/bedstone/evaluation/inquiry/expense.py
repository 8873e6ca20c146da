"""What a test costs in each language: the tokens of the same content, the price, the waiting.

Tokens are the model's own, of the prompts and choices of items that stand side by side with English
ones. A model of this machine reads a prompt once for all its choices; an endpoint is sent it with
each of them.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import pyarrow as pa

from bedstone.languages import ENGLISH
from bedstone.sampling.choosing.comparison import Prices
from bedstone.sampling.choosing.pace import Pace
from bedstone.tasks.items import Item


@dataclass(frozen=True, slots=True)
class Expense:
    """Of a suite's items in a language."""

    tokens: float
    """Of an item in the mean: read and drawn."""
    tokens_over_english: float | None
    """For the same content, prompts and choices; null where no item has its English."""
    usd_per_1000_items: float | None
    """Null where no price is given."""
    seconds_per_item: float | None
    """Null where an endpoint does not tell."""


@dataclass(frozen=True, slots=True)
class Use:
    """What one item takes."""

    content: int
    """Tokens of its prompt and its choices, each once."""
    read: int
    drawn: int
    seconds: float | None
    calls: int


def expenses(
    items: Sequence[Item], tables: Sequence[pa.Table], prices: Prices, pace: Pace | None
) -> dict[tuple[str, str], Expense]:
    """By suite and language, of the items that were asked.

    Args:
        items: of one suite or more.
        tables: of scores, of answers.
        prices: in USD a million tokens; all 0 where nobody is paid.
        pace: of a model of this machine; None of an endpoint.
    """
    uses = uses_of(tables, pace)
    asked = [item for item in items if item.id in uses]
    content = defaultdict[tuple[str, str], dict[str, int]](dict)
    of = defaultdict[tuple[str, str], list[Use]](list)
    for item in asked:
        same = item.parallel_id or item.id  # of several wordings the first stands for all
        content[item.suite, item.language].setdefault(same, uses[item.id].content)
        of[item.suite, item.language].append(uses[item.id])
    return {
        key: _expense(each, _premium(content[key], content.get((key[0], ENGLISH), {})), prices)
        for key, each in of.items()
    }


def uses_of(tables: Sequence[pa.Table], pace: Pace | None) -> dict[str, Use]:
    """What each item that was asked took; as ``expenses`` is given them."""
    uses: dict[str, Use] = {}
    for table in tables:
        by_item = defaultdict[str, list[dict[str, Any]]](list)
        kind = "problem" if "problem" in table.column_names else "item"
        for row in table.to_pylist():
            by_item[row[kind]].append(row)
        take = _answered if kind == "problem" else _scored
        uses |= {name: take(rows, pace) for name, rows in by_item.items()}
    return uses


def _scored(rows: Sequence[Mapping[str, Any]], pace: Pace | None) -> Use:
    prompt, choices = rows[0]["prompt_tokens"], sum(row["tokens"] for row in rows)
    if pace is None:
        return Use(prompt + choices, prompt * len(rows) + choices, 0, None, len(rows))
    return Use(prompt + choices, prompt + choices, 0, pace.seconds(prompt + choices, 0), 1)


def _answered(rows: Sequence[Mapping[str, Any]], pace: Pace | None) -> Use:
    counts = [(row["prompt_tokens"] or 0, row["completion_tokens"] or 0) for row in rows]
    waits = [
        row["seconds"] if pace is None else pace.seconds(*each)
        for row, each in zip(rows, counts, strict=True)
    ]
    read, drawn = map(sum, zip(*counts, strict=True))
    known = [each for each in waits if each is not None]
    return Use(counts[0][0], read, drawn, sum(known) if known else None, len(rows))


def _premium(content: Mapping[str, int], english: Mapping[str, int]) -> float | None:
    shared = [name for name in content if english.get(name)]
    if not shared:
        return None
    return sum(content[name] for name in shared) / sum(english[name] for name in shared)


def _expense(uses: Sequence[Use], premium: float | None, prices: Prices) -> Expense:
    read, drawn = fmean(use.read for use in uses), fmean(use.drawn for use in uses)
    usd = (read * prices.prompt_usd + drawn * prices.completion_usd) / 1e6
    waits = [use.seconds for use in uses if use.seconds is not None]
    return Expense(
        tokens=read + drawn,
        tokens_over_english=premium,
        usd_per_1000_items=1_000 * usd if any(prices[:2]) else None,
        seconds_per_item=fmean(waits) if waits else None,
    )
