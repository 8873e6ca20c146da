"""Blocks as text: a line each, with what tells lists, tables and paragraphs apart."""

import numpy as np

from bedstone.corpus.content.blocks import BULLET, CELL, LINE_FEED, NO_ITEM, SPACE, Page
from bedstone.corpus.content.names import Bytes
from bedstone.corpus.content.tags import Flags, Positions
from bedstone.text.kernel import ZERO, inner, kernel

TAB, DOT, NOUGHT, MINUS = map(ord, "\t.0-")
SIGN_OF_ITEM = np.frombuffer("• ".encode(), np.uint8)
MOST_OF_SIGN = 16
"""Bytes that a number and what is around it take at most, and an indented item for each level."""


@inner
def _gap(text: Bytes, size: int, gap: int) -> int:
    if gap == CELL:
        text[size] = TAB
        return size + 1
    text[size : size + gap] = LINE_FEED
    return size + gap


@inner
def _sign(text: Bytes, size: int, item: int, depth: int) -> int:
    """Write what stands before an item: a bullet or its number, indented in an inner list."""
    indent = 2 * max(depth - 1, 0)
    text[size : size + indent] = SPACE
    size += indent
    if item == BULLET:
        for byte in SIGN_OF_ITEM:
            text[size] = byte
            size += 1
        return size
    if item < 0:
        text[size] = MINUS
        size, item = size + 1, -item
    digits = 1
    while 10**digits <= item:
        digits += 1
    for place in range(digits):
        text[size + digits - 1 - place] = NOUGHT + item // 10**place % 10
    text[size + digits], text[size + digits + 1] = DOT, SPACE
    return size + digits + 2


@kernel
def _written(page: Page, kept: Flags) -> tuple[Bytes, Positions]:
    source, _, blocks = page
    count, most = blocks.starts.size, source.size
    for block in range(count):
        most += MOST_OF_SIGN + 2 * blocks.depths[block] + blocks.blanks[block]
    text, headings = np.empty(most, np.uint8), np.empty(count, np.int32)
    size, lines, titles, gap = ZERO, 0, 0, CELL
    for block in range(count):
        gap = max(gap, blocks.gaps[block])
        if not kept[block]:
            continue
        if size:
            size = _gap(text, size, gap)
            lines += gap
        text[size : size + blocks.blanks[block]] = TAB
        size += blocks.blanks[block]
        if blocks.items[block] != NO_ITEM:
            size = _sign(text, size, blocks.items[block], blocks.depths[block])
        if blocks.is_heading[block]:
            headings[titles] = lines
            titles += 1
        for index in range(blocks.starts[block], blocks.ends[block]):
            text[size] = source[index]
            size += 1
            lines += source[index] == LINE_FEED
        gap = CELL
    return text[:size], headings[:titles]


def written(page: Page, kept: Flags) -> tuple[str, list[int]]:
    """The text of the blocks that are kept, and the numbers of its lines that are headings."""
    text, headings = _written(page, kept)
    return text.tobytes().decode(), headings.tolist()
