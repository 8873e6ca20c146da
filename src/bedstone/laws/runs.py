"""Measured training runs: read from CSV, and divided into those fitted and those left out.

Letters: N ``parameters``, D ``train_tokens``, C = 6 N D ``flop``, L ``loss_nats``. Two of N, D and
C give the third.
"""

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bedstone.errors import DataError, nearest
from bedstone.laws.fitting import Runs
from bedstone.laws.law import FLOP_PER_PARAMETER_AND_TOKEN as SIX

SIZES = ("parameters", "train_tokens", "flop")
LOSS = "loss_nats"
COLUMNS = (*SIZES, LOSS)
FIT, DROPPED, HELD_OUT = "fit", "dropped", "held_out"
ROUNDING_SHARE = 0.05
"""By how much C may miss 6 N D. Assumption: each of the three may be printed with two digits."""


def read(path: Path, renamed: Mapping[str, str] | None = None) -> Runs:
    """The runs of a CSV file with the columns of ``COLUMNS``, of which others are ignored.

    Args:
        path: a table with one header.
        renamed: one of ``COLUMNS`` -> what it is called in the file.

    Raises:
        DataError: the file cannot be read, a column is missing or there twice, a value is no
            number above 0, C is not 6 N D, or there is no run.
    """
    names = {name: name for name in COLUMNS} | dict(renamed or {})
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            places = _places(header, names, f"{path}:1")
            rows = [_run(row, places, names, where) for where, row in _rows(reader, header, path)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read {path}: {error}") from error
    if not rows:
        raise DataError(f"{path} has no run", hint="give one run a line, below the header")
    parameters, train_tokens, loss_nats = np.array(rows, dtype=np.float64).T
    return Runs(parameters, train_tokens, loss_nats)


def uses(runs: Runs, drop_highest: int = 0, hold_out: int = 0) -> NDArray[np.str_]:
    """What each run is for: ``fit``, ``held_out`` (most FLOP) or ``dropped`` (highest loss).

    Those of most FLOP are taken first. Of equals, the later ones in the file.
    """
    use = np.full(len(runs), FIT, dtype="<U8")
    use[np.argsort(runs.flop, kind="stable")[max(0, len(runs) - hold_out) :]] = HELD_OUT
    order = np.argsort(runs.loss_nats, kind="stable")
    order = order[use[order] == FIT]
    use[order[max(0, len(order) - drop_highest) :]] = DROPPED
    return use


def _places(header: Sequence[str], names: Mapping[str, str], where: str) -> dict[str, int]:
    """Column -> its place in a row."""
    wanted = set(names.values())
    if twice := sorted({name for name in header if name in wanted and header.count(name) > 1}):
        raise DataError(f"{where}: the column {', '.join(twice)} is there more than once")
    places = {name: header.index(own) for name, own in names.items() if own in header}
    sizes = [name for name in SIZES if name in places]
    if LOSS in places and len(sizes) > 1:
        return places
    missing = [name for name in (LOSS, *SIZES) if name not in places]
    needed = f"{LOSS} and two of {', '.join(SIZES)} are needed"
    raise DataError(
        f"{where}: there is no column {', '.join(names[name] for name in missing)}; {needed}",
        hint="; ".join(_likely(names[name], header) for name in missing)
        + ". Name them by --columns parameters=NAME,loss_nats=NAME",
    )


def _likely(name: str, header: Sequence[str]) -> str:
    return f"for {name}, {nearest(name, filter(None, header))}"


def _rows(
    lines: Iterable[list[str]], header: Sequence[str], path: Path
) -> Iterator[tuple[str, list[str]]]:
    """Each row that is not blank, behind the place where it stands."""
    for number, row in enumerate(lines, start=2):
        if row:
            if len(row) != len(header):
                raise DataError(
                    f"{path}:{number}: {len(row)} values under a header of {len(header)}",
                    hint="quote a value that has a comma in it",
                )
            yield f"{path}:{number}", row


def _run(
    row: Sequence[str], places: Mapping[str, int], names: Mapping[str, str], where: str
) -> tuple[float, float, float]:
    """N, D and L."""
    values = {
        name: _number(row[place], f"{where}: {names[name]}") for name, place in places.items()
    }
    if "train_tokens" not in values:
        values["train_tokens"] = values["flop"] / (SIX * values["parameters"])
    elif "parameters" not in values:
        values["parameters"] = values["flop"] / (SIX * values["train_tokens"])
    elif "flop" in values:
        _check(values, where)
    return values["parameters"], values["train_tokens"], values[LOSS]


def _number(text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise DataError(
            f"{what} is {text.strip() or 'empty'!r}, not a number above 0",
            hint="write it as 7000000000 or 7e9, or leave the run out",
        )
    return value


def _check(values: Mapping[str, float], where: str) -> None:
    product = SIX * values["parameters"] * values["train_tokens"]
    if abs(values["flop"] / product - 1) > ROUNDING_SHARE:
        raise DataError(
            f"{where}: flop is {values['flop']:.4g}, but 6 x parameters x train_tokens is "
            f"{product:.4g}",
            hint="where FLOP are counted otherwise, leave that column out: the law needs the "
            "other two",
        )
