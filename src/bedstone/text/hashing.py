"""Hash tables of codes, and what kernels share to fill them."""

import numpy as np
from numpy.typing import NDArray

from bedstone.text.codes import Indices
from bedstone.text.kernel import inner

Hashes = NDArray[np.uint64]


Values = NDArray[np.float64]


Bools = NDArray[np.bool_]


Slots = NDArray[np.int32]


SPREAD = np.uint64(0xD6E8FEB86659FD93)


def share(part: Values, whole: Values) -> Values:
    """``part / whole``, 0 where there is no whole."""
    result: Values = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return result


@inner
def slot_bits(count: int) -> int:
    """The table for ``count`` keys has two to the power of so many slots."""
    bits = 3
    while (1 << bits) < 2 * count:
        bits += 1
    return bits


@inner
def group(keys: Hashes, count: int, table: Slots, firsts: Indices, copies: Indices) -> None:
    """Of each key, where the first one equal to it is; and of each such first, how many."""
    bits = slot_bits(count)
    mask = (1 << bits) - 1
    shift = np.uint64(64 - bits)
    table[: mask + 1] = 0
    for index in range(count):
        key = keys[index]
        slot = np.int64((key * SPREAD) >> shift)
        copies[index] = 0
        while table[slot] and keys[table[slot] - 1] != key:
            slot = (slot + 1) & mask
        if not table[slot]:
            table[slot] = index + 1
        held = table[slot] - 1
        firsts[index] = held
        copies[held] += 1
