"""Whether the rows of a published table can be true: C = 6 N D, to within how they are rounded."""

import csv
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from bedstone.errors import DataError, reason
from bedstone.laws.law import FLOP_PER_PARAMETER_AND_TOKEN
from bedstone.laws.runs import NOT_TEXT, usable

COLUMNS = ("parameters", "train_tokens", "flop")
MIN_DIGITS = 2
"""Of a number such as 4e8: nobody rounds to one digit, the zeros left out are meant."""
MAX_DIGITS = 60
"""Of a number: none that is meant has so many."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table, and whether its numbers agree."""

    line: int
    parameters: float
    train_tokens: float
    flop: float
    flop_6nd: float
    difference_share: float
    """Of ``flop`` from 6 N D, over 6 N D."""
    rounding_share: float
    """By how much the two may differ by rounding alone."""

    @property
    def consistent(self) -> bool:
        """Whether rounding explains the difference."""
        return abs(self.difference_share) <= self.rounding_share


def read_table(path: Path) -> list[Row]:
    """The rows of a CSV with ``parameters``, ``train_tokens`` and ``flop``, judged.

    Raises:
        DataError: a column is missing, there is no row, or of rows, each by its line: a value is no
            number above 0.
    """
    rows = _rows(path)
    if not rows:
        raise DataError(f"{path} has no row")
    return rows


def _rows(path: Path) -> list[Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            if missing := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
                raise DataError(
                    f"{path} has no column {', '.join(missing)}",
                    hint=f"a table to check has the columns {', '.join(COLUMNS)}",
                )
            if len(set(reader.fieldnames or ())) < len(reader.fieldnames or ()):
                raise DataError(f"{path} has two columns of one name")
            given = ((f"{path}:{reader.line_num}", row) for row in reader)
            return usable(
                given,
                lambda row: _judged(
                    reader.line_num, *(_number(row[name], name) for name in COLUMNS)
                ),
            )
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no text in UTF-8", hint=NOT_TEXT) from error
    except (OSError, csv.Error) as error:
        raise DataError(f"cannot read {path}: {reason(error)}") from error


def _number(text: str | None, name: str) -> Decimal:
    try:
        number = Decimal((text or "").strip().replace(",", "").replace("_", ""))
    except InvalidOperation:
        number = Decimal("nan")
    if not (number.is_finite() and number > 0 and abs(number.adjusted()) < MAX_DIGITS):
        raise DataError(f"{name} is {text!r}, which is no number above 0 that a model has")
    return number


def _judged(line: int, parameters: Decimal, train_tokens: Decimal, flop: Decimal) -> Row:
    expected = FLOP_PER_PARAMETER_AND_TOKEN * parameters * train_tokens
    rounding = [_rounding(number) for number in (parameters, train_tokens, flop)]
    return Row(
        line,
        float(parameters),
        float(train_tokens),
        float(flop),
        float(expected),
        float(flop / expected - 1),
        sum(rounding),
    )


def _rounding(number: Decimal) -> float:
    """Half a unit of the last digit that is not a zero, over the number."""
    digits = max(MIN_DIGITS, len(number.normalize().as_tuple().digits))
    return 0.5 * 10.0 ** (number.adjusted() - digits + 1) / float(number)
