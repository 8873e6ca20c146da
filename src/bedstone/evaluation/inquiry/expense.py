"""What a test costs in each language: the tokens of the same content, the price, the waiting.

Tokens are the model's own, of the prompts and choices of items that stand side by side with English
ones; what a template puts around a prompt is counted only where it is paid. A model of this machine
reads a prompt once for all its choices; an endpoint is sent it alone and with each of them, and the
choices alone, and draws a token each time.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any, NamedTuple

import pyarrow as pa

from bedstone.languages import ENGLISH
from bedstone.sampling.choosing.comparison import Prices
from bedstone.sampling.choosing.pace import Pace
from bedstone.tasks.items import Item, Metric

Row = dict[str, Any]
Key = tuple[str, Metric, str]
"""Suite, metric and language."""
Encode = Callable[[str], Sequence[int]]
"""The tokens of a text."""


class Use(NamedTuple):
    """What one item takes."""

    content: int
    """Tokens of its prompt and its choices, each once."""
    read: int
    drawn: int
    seconds: float | None
    calls: int


def expenses(
    items: Sequence[Item],
    tables: Sequence[pa.Table],
    prices: Prices,
    pace: Pace | None,
    encode: Encode | None = None,
) -> dict[Key, Row]:
    """What stands in a row of ``answer.EvaluatedLanguage``, by suite, metric and language.

    Args:
        items: of one suite or more; those that were not asked cost nothing.
        tables: of scores, of answers.
        prices: in USD a million tokens; all 0 where nobody is paid.
        pace: of a model of this machine; None of an endpoint.
        encode: as the model does; None where that is not known, and what was read is counted.
    """
    use_of = uses_of(tables, pace, encode)
    content, uses = defaultdict[Key, dict[str, int]](dict), defaultdict[Key, list[Use]](list)
    for item in items:
        if use := use_of.get(item.id):
            key: Key = (item.suite, item.metric, item.language)
            # Of several wordings the first stands for all.
            content[key].setdefault(item.parallel_id or item.id, use.content)
            uses[key].append(use)
    found = {}
    for key, its in uses.items():
        read, drawn = fmean(use.read for use in its), fmean(use.drawn for use in its)
        usd = (read * prices.prompt_usd + drawn * prices.completion_usd) / 1e6
        waits = [use.seconds for use in its if use.seconds is not None]
        english = content[*key[:2], ENGLISH]
        shared = [name for name in content[key] if english.get(name)]
        found[key] = {
            "tokens": read + drawn,
            "tokens_over_english": sum(content[key][name] for name in shared)
            / sum(english[name] for name in shared)
            if shared
            else None,
            "usd_per_1000_items": 1_000 * usd if any(prices[:2]) else None,
            "seconds_per_item": fmean(waits) if waits else None,
        }
    return found


def uses_of(
    tables: Sequence[pa.Table], pace: Pace | None, encode: Encode | None = None
) -> dict[str, Use]:
    """What each item that was asked took; as ``expenses`` is given them."""
    uses: dict[str, Use] = {}
    for table in tables:
        by_item = defaultdict[str, list[Row]](list)
        is_scores = "item" in table.column_names
        for row in table.to_pylist():
            by_item[row["item" if is_scores else "problem"]].append(row)
        for name, rows in by_item.items():
            uses[name] = _scored(rows, pace) if is_scores else _answered(rows, pace, encode)
    return uses


def _scored(rows: Sequence[Row], pace: Pace | None) -> Use:
    prompt, choices = rows[0]["prompt_tokens"], sum(row["tokens"] for row in rows)
    content = prompt + choices
    if pace is None:
        # One token is that before every text: there is no prompt, and each choice stands alone.
        heads = [prompt] if prompt > 1 else []
        alone = [row["tokens"] + 1 for row in rows if heads and row["alone_logprob"] is not None]
        calls = len(heads) + len(rows) + len(alone)
        read = sum(heads) + prompt * len(rows) + choices + sum(alone)
        return Use(content, read, calls, None, calls)
    return Use(content, content, 0, pace.seconds(content, 0), 1)


def _answered(rows: Sequence[Row], pace: Pace | None, encode: Encode | None) -> Use:
    counts = [(row["prompt_tokens"] or 0, row["completion_tokens"] or 0) for row in rows]
    waits = [
        row["seconds"] if pace is None else pace.seconds(*each)
        for row, each in zip(rows, counts, strict=True)
    ]
    read, drawn = map(sum, zip(*counts, strict=True))
    content = len(encode(rows[0]["prompt"])) if encode else counts[0][0]
    return Use(content, read, drawn, None if None in waits else sum(waits), len(rows))
