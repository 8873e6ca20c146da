"""National numbers and cards: how each is written, and what makes it one.

The table ``numbers.tsv`` has them in the order in which they claim a place: a date of birth goes
before Luhn's digit, which one number in ten has by chance. ``key`` are words that must stand before
a number; in documents of its ``country`` those of ``home`` are enough, of which ``^`` asks none.
"""

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple, cast, get_args

from bedstone.corpus.personal_data import checksums

Kind = Literal[
    "email",
    "ip",
    "phone",
    "iban",
    "card",
    "india_aadhaar",
    "india_pan",
    "pakistan_cnic",
    "bangladesh_nid",
    "indonesia_nik",
    "kenya_id",
    "kenya_pin",
    "nigeria_id",
    "south_africa_id",
    "tanzania_id",
    "mozambique_nuit",
    "brazil_cpf",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
KEYED = ("nigeria_id", "bangladesh_nid", "kenya_id")
"""Of which nothing is known but the words before them."""


class Written(NamedTuple):
    """A number as it is written."""

    kind: Kind
    shape: re.Pattern[str]
    is_valid: Callable[[str], bool]
    """Of its digits."""
    key: re.Pattern[str] | None
    country: str
    home: re.Pattern[str] | None


def _read() -> tuple[Written, ...]:
    table = Path(__file__).with_name("numbers.tsv").read_text("utf-8")
    rows = csv.DictReader(table.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    whole = r"(?<![\w+])(?<![0-9][.-])(?:{})(?![\w-]|\.[0-9])"
    return tuple(
        Written(
            cast(Kind, row["kind"]),
            re.compile(whole.replace("{}", row["shape"]), re.ASCII),
            getattr(checksums, row["test"]),
            re.compile(row["key"], re.IGNORECASE) if row["key"] else None,
            row["country"],
            re.compile(row["home"], re.IGNORECASE) if row["home"] else None,
        )
        for row in rows
    )


NUMBERS = _read()
HOMES = {it.kind: it.country for it in NUMBERS if it.country}
"""Whose documents have numbers of a kind without their word."""
