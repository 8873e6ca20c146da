"""Measured training runs: read from CSV, and divided into those fitted and those left out.

Letters: N ``parameters``, D ``train_tokens``, C = 6 N D ``flop``, L ``loss_nats``. Two of N, D and
C give the third.
"""

import csv
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bedstone.errors import DataError, nearest, number_of, reason
from bedstone.laws.fitting import Runs
from bedstone.laws.law import FLOP_PER_PARAMETER_AND_TOKEN as SIX

SIZES = ("parameters", "train_tokens", "flop")
LOSS = "loss_nats"
COLUMNS = (*SIZES, LOSS)
FIT, DROPPED, HELD_OUT = "fit", "dropped", "held_out"
ROUNDING_SHARE = 0.05
"""By how much C may miss 6 N D. Assumption: each of the three may be printed with two digits."""
LIMITS = (1e-9, 1e18)
"""Of N, D and L, whatever they are counted in: what lies outside is a slip of the pen."""
NAMED = 20
"""Rows that cannot be used, of which there may be more."""
SHOWN_CHARACTERS = 40
"""Of a value that is none."""
NOT_TEXT = "save the table as CSV in UTF-8"
Row = TypeVar("Row")
Made = TypeVar("Made")


def read(path: Path, renamed: Mapping[str, str] | None = None) -> Runs:
    """The runs of a CSV file with the columns of ``COLUMNS``, of which others are ignored.

    Args:
        path: a table with one header.
        renamed: one of ``COLUMNS`` -> what it is called in the file.

    Raises:
        DataError: the file cannot be read, a column is missing or there twice, or there is no run;
            or of rows, each by its line: a value is no number that a run has, or C is not 6 N D.
    """
    names = {name: name for name in COLUMNS} | dict(renamed or {})
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            places = _places(header, names, f"{path}:1")
            given = ((f"{path}:{reader.line_num}", row) for row in reader if row)
            rows = usable(given, lambda row: _run(row, header, places, names))
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no text in UTF-8", hint=NOT_TEXT) from error
    except (OSError, csv.Error) as error:
        raise DataError(f"cannot read {path}: {reason(error)}") from error
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
    if any("\0" in name for name in header):
        raise DataError(f"{where} is no text in UTF-8", hint=NOT_TEXT)
    missing = [name for name in (LOSS, *SIZES) if name not in places]
    needed = f"{LOSS} and two of {', '.join(SIZES)} are needed"
    raise DataError(
        f"{where}: there is no column {', '.join(names[name] for name in missing)}; {needed}",
        hint=_separated(header)
        or "; ".join(_likely(names[name], header) for name in missing)
        + ". Name them by --columns parameters=NAME,loss_nats=NAME",
    )


def _separated(header: Sequence[str]) -> str | None:
    """What to do where the one column is several."""
    others = [mark for mark in (";", "\t", "|") if len(header) == 1 and mark in header[0]]
    return f"separate the columns by commas, not by {others[0]!r}" if others else None


def _likely(name: str, header: Sequence[str]) -> str:
    shown = (own for own in header if own and own.isprintable())
    return f"for {name}, {nearest(name, shown)}"


def usable(rows: Iterable[tuple[str, Row]], read_row: Callable[[Row], Made]) -> list[Made]:
    """What ``read_row`` makes of each row, all of which are looked at.

    Args:
        rows: each behind the place where it stands.
        read_row: raises a DataError where a row cannot be used.

    Raises:
        DataError: of these; the first are named, and the others counted.
    """
    made: list[Made] = []
    wrong: list[tuple[str, str | None]] = []
    n_wrong = 0
    for where, row in rows:
        try:
            made.append(read_row(row))
        except DataError as error:
            n_wrong += 1
            if len(wrong) < NAMED:
                wrong.append((f"{where}: {error}", error.hint))
    if not wrong:
        return made
    lines, hints = zip(*wrong, strict=True)
    more = [f"and {number_of(n_wrong - NAMED, 'more row')}"] if n_wrong > NAMED else []
    raise DataError(*lines, *more, hint="; ".join(filter(None, dict.fromkeys(hints))))


def _run(
    row: Sequence[str], header: Sequence[str], places: Mapping[str, int], names: Mapping[str, str]
) -> tuple[float, float, float]:
    """N, D and L."""
    if len(row) != len(header):
        raise DataError(
            f"{len(row)} values under a header of {len(header)}",
            hint="quote a value that has a comma in it",
        )
    values = {name: _number(row[place]) for name, place in places.items()}
    if none := [name for name, value in values.items() if math.isnan(value)]:
        raise DataError(
            "; ".join(
                f"{names[it]} is {_shown(row[places[it]])}, not a number above 0" for it in none
            ),
            hint="write it as 7000000000 or 7e9, or leave the run out",
        )
    run = {name: value for name, value in values.items() if name != "flop"}
    if "train_tokens" not in run:
        run["train_tokens"] = values["flop"] / (SIX * values["parameters"])
    elif "parameters" not in run:
        run["parameters"] = values["flop"] / (SIX * values["train_tokens"])
    low, high = LIMITS
    if outside := [name for name, value in run.items() if not low <= value <= high]:
        raise DataError(
            "; ".join(
                f"{names[it]} comes to {run[it]:.4g}, outside {low:g} to {high:g}" for it in outside
            ),
            hint="count parameters and tokens, and the loss in nats",
        )
    if len(values) == len(COLUMNS):
        _check(values)
    return run["parameters"], run["train_tokens"], run[LOSS]


def _number(text: str) -> float:
    """NaN where it is none above 0."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if 0 < value < math.inf else math.nan


def _shown(text: str) -> str:
    return repr(text.strip()[:SHOWN_CHARACTERS] or "empty")


def _check(values: Mapping[str, float]) -> None:
    product = SIX * values["parameters"] * values["train_tokens"]
    if abs(values["flop"] / product - 1) > ROUNDING_SHARE:
        raise DataError(
            f"flop is {values['flop']:.4g}, but 6 x parameters x train_tokens is {product:.4g}",
            hint="where FLOP are counted otherwise, leave that column out: the law needs the "
            "other two",
        )
