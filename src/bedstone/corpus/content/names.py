"""Names in markup, compared by their hashes (FNV-1a with 32 bits), and the tables that have any."""

import csv
from collections.abc import Iterable
from importlib import resources
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bedstone.text.kernel import inner

Bytes = NDArray[np.uint8]
Hashes = NDArray[np.uint32]
Bits = NDArray[np.uint32]

BASIS, PRIME = np.uint32(2166136261), np.uint32(16777619)


class Table(NamedTuple):
    """What names stand for, found by hash; a power of two of slots, no name with the hash 0."""

    hashes: Hashes
    values: Bits
    of_beginnings: Bits
    """The same for names that begin so."""


@inner
def hashed(code: np.uint32, byte: np.uint8) -> np.uint32:
    """The hash of a name that goes on with ``byte``."""
    return np.uint32((code ^ np.uint32(byte)) * PRIME)


@inner
def slot_of(table: Table, code: np.uint32) -> int:
    """Where the name stands; -1 if it does not."""
    mask = table.hashes.size - 1
    slot = int(code) & mask
    while table.hashes[slot]:
        if table.hashes[slot] == code:
            return slot
        slot = (slot + 1) & mask
    return -1


def rows_of(name: str) -> list[dict[str, str]]:
    """The rows of a table that lies beside this module."""
    file = resources.files("bedstone.corpus.content") / name
    return list(csv.DictReader(file.read_text("utf-8").splitlines(), delimiter="\t"))


def table_of(names: Iterable[tuple[str, int]]) -> Table:
    """The table of ``names``; what ends in ``*`` stands for all that begins so.

    Of a name given twice the values are joined.
    """
    given = list(names)
    size = 1 << (4 * len(given)).bit_length()
    table = Table(*(np.zeros(size, np.uint32) for _ in Table._fields))
    for name, value in given:
        code = _hash(name.removesuffix("*"))
        slot = code & (size - 1)
        while table.hashes[slot] not in (0, code):
            slot = (slot + 1) & (size - 1)
        table.hashes[slot] = code
        (table.of_beginnings if name.endswith("*") else table.values)[slot] |= value
    return table


def _hash(name: str) -> int:
    code = int(BASIS)
    for byte in name.encode():
        code = (code ^ byte) * int(PRIME) & 0xFFFF_FFFF
    return code
