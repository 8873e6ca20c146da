"""Documents by the values of a column that some stage wrote: domains, sites, scores."""

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from bedstone.errors import ConfigError
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.uncertainty.intervals import wilson

COLUMNS = "columns"
"""The role of tables with columns, each by its name."""
By = Annotated[str, Field(pattern=r"^[^.]+\.[^.]+$")]
"""``NAME.COLUMN``: a column of what is given as ``columns.NAME``."""
Limits = tuple[float, ...]
"""Where the values of a column of numbers are parted, ascending."""
YES, NO, UNTOLD = "yes", "no", "untold"
OTHERS = "others"
MOST = 50
"""Values that are told of, the most frequent; the rest together."""
ALL = "all"
"""The step at which nothing is dropped."""


class Column(NamedTuple):
    """A column of a table, and how its values are told apart."""

    table: Shard
    name: str
    limits: Limits

    def of(self, shard: Shard, ids: pa.Table) -> pa.ChunkedArray:
        """The values as texts, of the table's one shard, beside ``ids``."""
        column = tables.beside(shard, ids, ["id"], nullable=[self.name])[self.name]
        return as_texts(column, self.limits, self.name)


def column_of(by: str | None, limits: Limits, given: Mapping[str, Shard]) -> Column | None:
    """The column that ``by`` names among the tables that are ``given`` by name; None of none.

    Raises:
        ConfigError: its table is not given, or another is, or limits are not ascending.
    """
    own, _, name = (by or "").partition(".")
    if odd := sorted(given.keys() ^ ({own} - {""})):
        effect = "given, and has no effect" if odd[0] in given else "missing"
        raise ConfigError(
            f"by is {by or 'absent'}, and the input {COLUMNS}.{odd[0]} is {effect}",
            hint=f'by = "NAME.COLUMN" is of the input {COLUMNS}.NAME: give both, or none',
        )
    if by is None:
        return None
    if any(low >= high for low, high in pairwise(limits)):
        raise ConfigError(f"by_limits are {list(limits)}: they must grow")
    return Column(given[own], name, limits)


def as_texts(column: pa.ChunkedArray, limits: Limits, name: str) -> pa.ChunkedArray:
    """Each value as a text; null is ``untold``.

    Texts stay; of truths, and of numbers with one limit, ``yes`` and ``no``: a number at the limit
    is ``yes``. With several limits, between which a number lies: ``0.2 to 0.5``.

    Raises:
        ConfigError: it is none of these, or limits are missing or have no effect.
    """
    kind = column.type
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    if is_number != bool(limits):
        raise ConfigError(
            f"by_limits: the column {name} is of {kind}, "
            + ("and its values need limits" if is_number else "which has no limits")
        )
    if is_number:
        found = _between(column, limits)
    elif is_text:
        found = pc.cast(column, pa.string())
    elif pa.types.is_boolean(kind):
        found = pc.if_else(column, YES, NO)
    else:
        raise ConfigError(f"by: the column {name} is of {kind}, not of texts, truths or numbers")
    return pc.fill_null(found, UNTOLD)


def _between(column: pa.ChunkedArray, limits: Limits) -> pa.ChunkedArray:
    """The name of what each number lies in."""
    names = [f"below {limits[0]:g}", *(f"{a:g} to {b:g}" for a, b in pairwise(limits))]
    names += [f"{limits[-1]:g} and more"]
    if len(limits) == 1:
        names = [NO, YES]
    found = pa.chunked_array([pa.repeat(names[0], len(column))])
    for limit, name in zip(limits, names[1:], strict=True):
        found = pc.if_else(pc.greater_equal(column, limit), name, found)
    return found


def shares_by_step(column: Column, decisions: Mapping[str, Shard]) -> list[dict[str, object]]:
    """The share of each value among all documents, and among those that each decision keeps.

    Args:
        column: whose values are counted.
        decisions: by what they are called.

    Returns:
        ``step``, ``value``, ``documents``, ``share`` of the step's, with ``share_low`` and
        ``share_high``; the step with most documents first, and in each the most frequent values of
        all, in the same order. Nothing of a step that keeps nothing.
    """
    counts = {step: Counter[str]() for step in (ALL, *decisions)}
    for values, *decided in tables.together(column.table, *decisions.values()):
        ids = tables.read(values, ["id"])
        found = column.of(values, ids)
        counts[ALL].update(_counted(found))
        for step, shard in zip(decisions, decided, strict=True):
            keep = tables.beside(shard, ids, ["keep"])["keep"]
            counts[step].update(_counted(found.filter(keep)))
    shown = [value for value, _ in sorted(counts[ALL].items(), key=lambda it: (-it[1], it[0]))]
    steps = sorted(counts, key=lambda step: (-counts[step].total(), step != ALL, step))
    return [
        {"step": step, **row}
        for step in steps
        if counts[step]
        for row in _rows(counts[step], shown[:MOST], shown[MOST:])
    ]


def _counted(values: pa.ChunkedArray) -> dict[str, int]:
    return {row["values"].as_py(): row["counts"].as_py() for row in values.value_counts()}


def _rows(counts: Counter[str], shown: list[str], rest: list[str]) -> list[dict[str, object]]:
    total = counts.total()
    numbers = {value: counts[value] for value in shown}
    if rest:
        numbers[OTHERS] = sum(counts[value] for value in rest)
    rows = []
    for value, number in numbers.items():
        share = wilson(number / total, total)
        bounds = {"share_low": share.low, "share_high": share.high}
        rows.append({"value": value, "documents": number, "share": share.value, **bounds})
    return rows
