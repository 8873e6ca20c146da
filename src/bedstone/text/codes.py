"""Several texts as code points, one after another: what the kernels work on.

Offsets count code points. A lone surrogate, which is no character, is U+FFFD here.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Codes = NDArray[np.uint32]
Indices = NDArray[np.int64]

CHARACTERS_AT_ONCE = 1 << 18
"""Of a batch: what is known of its characters and words then stays near the processor."""
REPLACEMENT = 0xFFFD


@dataclass(frozen=True, slots=True)
class Texts:
    """Several texts."""

    codes: Codes
    starts: Indices
    """One more than there are texts: text ``i`` is ``codes[starts[i]:starts[i + 1]]``."""

    def __post_init__(self) -> None:
        """Kernels are compiled anew for arrays that can be written: no text's ever can."""
        self.codes.flags.writeable = False

    def __len__(self) -> int:
        return len(self.starts) - 1


@dataclass(frozen=True, slots=True)
class Rewritten:
    """Texts with parts left out."""

    texts: Texts
    firsts: Indices
    """One more than there are texts: text ``i`` has the lines ``firsts[i]:firsts[i + 1]``."""
    lines: Indices
    """Of each line, which one of the original text it was, from 0; split both at line feeds."""
    counts: dict[str, int]
    """What was left out, by name ending in its unit."""


def texts_of(strings: Sequence[str]) -> Texts:
    """The code points of ``strings``."""
    starts = np.fromiter(accumulate(map(len, strings), initial=0), np.int64, len(strings) + 1)
    encoded = "".join(strings).encode("utf-32-le", "surrogatepass")
    codes = np.frombuffer(encoded, np.uint32)
    is_surrogate = (codes >> np.uint32(11)) == 0x1B
    if is_surrogate.any():
        codes = np.where(is_surrogate, np.uint32(REPLACEMENT), codes)
    return Texts(codes, starts)


def batches(strings: Iterable[str] | pa.Array | pa.ChunkedArray) -> Iterator[Texts]:
    """``strings`` in pieces of about ``CHARACTERS_AT_ONCE``, a whole text at least."""
    if isinstance(strings, pa.Array | pa.ChunkedArray):
        chunks = strings.chunks if isinstance(strings, pa.ChunkedArray) else [strings]
        for chunk in chunks:
            yield from _of_column(chunk.cast(pa.large_string()))
        return
    together: list[str] = []
    characters = 0
    for text in strings:
        together.append(text)
        characters += len(text)
        if characters >= CHARACTERS_AT_ONCE:
            yield texts_of(together)
            together, characters = [], 0
    if together:
        yield texts_of(together)


def string_of(texts: Texts, row: int) -> str:
    """One of the texts."""
    return texts.codes[texts.starts[row] : texts.starts[row + 1]].tobytes().decode("utf-32-le")


def strings_of(texts: Texts) -> pa.Array:
    """The texts as a column of strings."""
    bounds = texts.starts.tolist()
    whole = texts.codes.tobytes().decode("utf-32-le")
    return pa.array([whole[low:high] for low, high in pairwise(bounds)], pa.large_string())


def _of_column(strings: pa.LargeStringArray) -> Iterator[Texts]:
    """The same without a Python string for each text."""
    _, offsets, data = strings.buffers()
    bounds = np.frombuffer(offsets or bytes(8), np.int64)[strings.offset :][: len(strings) + 1]
    starts = np.concatenate(([0], np.cumsum(pc.utf8_length(strings).to_numpy())))
    first = 0
    while first < len(strings):
        enough = starts[first] + CHARACTERS_AT_ONCE
        behind = max(int(np.searchsorted(starts, enough)), first + 1)
        behind = min(behind, len(strings))
        whole = str(memoryview(data or b"")[bounds[first] : bounds[behind]], "utf-8")
        codes = np.frombuffer(whole.encode("utf-32-le"), np.uint32)
        yield Texts(codes, starts[first : behind + 1] - starts[first])
        first = behind
