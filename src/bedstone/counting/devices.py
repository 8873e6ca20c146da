"""What a device computes, holds and moves at best: the table ``devices.tsv``.

A rate is that of dense bf16 products with sums in fp32, where the device has them. Vendors like to
print the rate of weights with a fixed pattern of zeros, which is twice the dense one; a table that
took it would halve each utilisation.

How sure a row is: ``vendor``, all its figures are the vendor's, as printed by its pages or quoted
from them; ``remembered``, one at least was not checked: look it up before it decides anything.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

from bedstone.errors import ConfigError, nearest


@dataclass(frozen=True, slots=True)
class Device:
    """A row of the table."""

    name: str
    flop_per_second: float
    memory_bytes: int
    bytes_per_second: float
    """Between its memory and its processors."""
    sure: str
    source: str


@cache
def known() -> dict[str, Device]:
    """All devices, by name."""
    table = resources.files("bedstone.counting").joinpath("devices.tsv").read_text("utf-8")
    return {
        row["device"]: Device(
            row["device"],
            float(row["flop_per_second"]),
            int(row["memory_bytes"]),
            float(row["bytes_per_second"]),
            row["sure"],
            row["source"],
        )
        for row in csv.DictReader(table.splitlines(), delimiter="\t")
    }


def device(name: str) -> Device:
    """The device of that name, in small or capital letters.

    Raises:
        ConfigError: there is none.
    """
    for each in known().values():
        if each.name.lower() == name.lower():
            return each
    raise ConfigError(f"no device {name!r}; {nearest(name.upper(), known())}")
