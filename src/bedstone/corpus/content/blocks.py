"""The text of a page in blocks: what stands in one line, and the elements that hold it.

White space is one space, but for preformatted text. Soft hyphens, which show a reader nothing, are
left out, as are controls. A block is a paragraph, an item, a cell of a table, or the part of one
that a line break ends. Items are numbered as a browser numbers them.
"""

from typing import NamedTuple

import numpy as np

from bedstone.corpus.content.names import Bits, Bytes, Hashes
from bedstone.corpus.content.tags import (
    IS_APART,
    IS_BLOCK,
    IS_CELL,
    IS_HEADING,
    IS_HIDDEN,
    IS_LINK,
    IS_LIST,
    IS_NUMBERED,
    IS_VERBATIM,
    IS_VOID,
    NAMES,
    NOT_GIVEN,
    Flags,
    Kinds,
    Positions,
    Tags,
    kinds_of_names,
)
from bedstone.text.kernel import ZERO, inner, kernel

CELL, LINE, APART = 0, 1, 2
"""What stands before a block: nothing but the cell before it, a line break, a blank line."""
NO_ITEM, BULLET = -(1 << 31), 1 - (1 << 31)
"""What is not the first in an item, and what is in one of a list without numbers."""
DEEPEST = 8
"""Lists within lists are indented up to here: a page of nothing else must not grow."""
BREAK, ITEM, ROW = (NAMES.index(name) for name in ("br", "li", "tr"))
TAB, LINE_FEED, SPACE, AMPERSAND = map(ord, "\t\n &")
SHIFT_OUT, FILE_SEPARATOR = 0x0E, 0x1C
"""From the first up to the second, and below a tab, are controls that part no words."""
SMALL_A, SMALL_B, SMALL_G, SMALL_L, SMALL_M, SMALL_N, SMALL_T = map(ord, "abglmnt")
SOFT_HYPHEN_1, SOFT_HYPHEN_2 = "\u00ad".encode()


class Elements(NamedTuple):
    """The elements of a page, each after the one that holds it; the first is none and holds all."""

    names: Bytes
    parents: Positions
    firsts: Positions
    """Number of its first block."""
    ends: Positions
    """Number of its last block, and one."""
    signs: Bits
    classes: Hashes
    wider: Positions
    """The innermost element around it that has more blocks; without one, what is around all."""


class Blocks(NamedTuple):
    """The blocks of a page, in their order; none is empty."""

    elements: Positions
    """The innermost element whose text does not go on in a line."""
    starts: Positions
    """In the text."""
    ends: Positions
    link_bytes: Positions
    """Of the block's bytes, those in links."""
    links: Positions
    gaps: Bytes
    """What stands before it: ``CELL``, ``LINE`` or ``APART``."""
    blanks: Positions
    """How many cells without text are right before its own, in a row of a table."""
    items: Positions
    """Of the first block in an item, its number, or ``BULLET``; ``NO_ITEM`` of any other."""
    depths: Bytes
    """Of lists within lists."""
    is_heading: Flags


class Page(NamedTuple):
    """A page as its blocks."""

    text: Bytes
    elements: Elements
    blocks: Blocks


@inner
def _character(html: Bytes, here: int) -> tuple[int, int]:
    """The byte that is shown, a reference resolved; and where the next one is."""
    byte = int(html[here])
    if byte != AMPERSAND or here + 3 >= html.size:
        return byte, here + 1
    first, second = html[here + 1], html[here + 2]
    if first == SMALL_A and second == SMALL_M:
        return AMPERSAND, here + 5
    if first == SMALL_L and second == SMALL_T:
        return 60, here + 4
    if first == SMALL_G and second == SMALL_T:
        return 62, here + 4
    return (SPACE, here + 6) if first == SMALL_N and second == SMALL_B else (byte, here + 1)


@inner
def _is_shown(html: Bytes, start: int, end: int) -> bool:
    """Whether anything but white space stands there."""
    here = start
    while here < end:
        byte, here = _character(html, here)
        if byte > SPACE:
            return True
    return False


@inner
def _copied(
    html: Bytes, start: int, end: int, text: Bytes, first: int, size: int, verbatim: int
) -> int:
    """Write what is shown behind ``text[first:size]``, a block so far; where it ends then."""
    here = start
    while here < end:
        byte, here = _character(html, here)
        if byte == SOFT_HYPHEN_1 and here < end and html[here] == SOFT_HYPHEN_2:
            here += 1
        elif byte > SPACE:
            text[size] = byte
            size += 1
        elif byte < TAB or SHIFT_OUT <= byte < FILE_SEPARATOR:
            pass
        elif verbatim:
            if byte == LINE_FEED:  # no space before it; no empty line at first
                while size > first and text[size - 1] <= SPACE and text[size - 1] != LINE_FEED:
                    size -= 1
            if byte in (SPACE, TAB) or (byte == LINE_FEED and size > first):
                text[size] = byte
                size += 1
        elif size > first and text[size - 1] > SPACE:
            text[size] = SPACE
            size += 1
    return size


@kernel
def _page(html: Bytes, tags: Tags, kinds: Kinds) -> Page:
    most = tags.starts.size + 1
    names, parents, firsts, ends, signs, classes = (
        np.empty(most, np.uint8),
        np.zeros(most, np.int32),
        np.zeros(most, np.int32),
        np.zeros(most, np.int32),
        np.zeros(most, np.uint32),
        np.zeros(most, np.uint32),
    )
    names[0] = 0
    items = np.zeros(most, np.int32)  # of each list the last number, of each row how many cells
    counts = np.zeros(most, np.int32)  # of each list how many items, of each row how many blanks
    is_down = np.zeros(most, np.bool_)  # of each list, whether it is counted down
    is_open_ended = np.zeros(most, np.bool_)  # so far from a number that its items will tell
    latest = np.zeros(most, np.int32)  # of each row, how many blocks were before its last cell
    skipped = np.zeros(most, np.int32)  # of each row, how many blanks are right before that
    is_beside_in = np.zeros(most, np.bool_)  # of each table, whether cells stand in one line
    holding = np.zeros(most, np.int32)  # of each element, the innermost that makes a block
    text = np.empty(html.size + most, np.uint8)
    holder, begin, close, link_bytes, links = (
        np.empty(most, np.int32),
        np.empty(most, np.int32),
        np.empty(most, np.int32),
        np.zeros(most, np.int32),
        np.zeros(most, np.int32),
    )
    gaps, blanks, numbers, depths, heads = (
        np.zeros(most, np.uint8),
        np.zeros(most, np.int32),
        np.zeros(most, np.int32),
        np.zeros(most, np.uint8),
        np.zeros(most, np.bool_),
    )
    element, count, block, size, here = 0, 1, 0, ZERO, ZERO
    around = 0  # the innermost element that makes a block
    hidden_in = -1
    in_links, verbatim, headings, lists, breaks = 0, ZERO, 0, 0, 0
    tables = np.zeros(most, np.int32)  # of each block behind blanks, the table
    sources = np.zeros(most, np.int32)  # of each block, the list whose items its number is less by
    item, source, gap, blank, table = NO_ITEM, 0, APART, 0, 0
    is_open, is_beside = False, False
    for tag in range(tags.starts.size + 1):
        until = tags.starts[tag] if tag < tags.starts.size else html.size
        if until > here and hidden_in < 0:
            if not is_open and _is_shown(html, here, until):
                is_open, breaks = True, 0
                holder[block], begin[block] = around, size
                is_beside_in[table] |= is_beside
                gaps[block], is_beside = CELL if is_beside else gap, False
                blanks[block], tables[block], blank = blank, table, 0
                numbers[block], sources[block], item, source = item, source, NO_ITEM, 0
                depths[block] = min(lists, DEEPEST)
                heads[block] = headings > 0
            if is_open:
                before = size
                size = _copied(html, here, until, text, begin[block], size, verbatim)
                link_bytes[block] += size - before if in_links else 0
        if tag == tags.starts.size:
            break
        here, name = tags.ends[tag], tags.names[tag]
        kind, is_end = kinds[name], tags.is_end[tag]
        if is_end and (names[element] != name or element == 0):
            continue  # it would end nothing
        if kind & IS_BLOCK:
            if is_open:
                while size > begin[block] and text[size - 1] <= SPACE:
                    size -= 1
                close[block] = size
                if size > begin[block]:  # not of soft hyphens alone
                    block, gap = block + 1, LINE
                is_open = False
            if kind & IS_APART:
                gap = APART
        if is_end:
            ends[element] = block + is_open
            if element == hidden_in:
                hidden_in = -1
            in_links -= kind & IS_LINK > 0
            verbatim -= kind & IS_VERBATIM > 0
            headings -= kind & IS_HEADING > 0
            lists -= kind & IS_LIST > 0
            if name == ITEM:
                item, source = NO_ITEM, 0
            if kind & IS_CELL:
                is_beside, blank = False, 0
            element = parents[element]
            around = holding[element]
            continue
        if name == 0 and html[tags.starts[tag] + 1] == 33:  # of a comment, a document type
            continue
        names[count], parents[count] = name, element
        firsts[count] = block + is_open
        signs[count], classes[count] = tags.signs[tag], tags.classes[tag]
        links[block] += kind & IS_LINK > 0
        if name == BREAK and hidden_in < 0:
            breaks += 1
            gap = APART if breaks > 1 else gap
        if kind & IS_VOID:
            ends[count] = firsts[count]
            count += 1
            continue
        if name == ROW:
            is_beside, gap, blank = False, LINE if firsts[element] < block else gap, 0
        elif kind & IS_CELL and names[element] == ROW:
            if items[element]:
                is_blank = latest[element] == block
                skipped[element] = skipped[element] + 1 if is_blank else 0
                counts[element] += is_blank
            # Cells stand in one line as long as each is one.
            filled = items[element] - counts[element]
            is_beside = firsts[element] < block <= firsts[element] + filled
            blank, table, latest[element] = skipped[element], parents[parents[element]], block
            items[element] += 1
        if name == ITEM and kinds[names[element]] & IS_NUMBERED:
            counts[element] += 1
            items[element] += -1 if is_down[element] else 1
            if tags.numbers[tag] != NOT_GIVEN:
                items[element], is_open_ended[element] = tags.numbers[tag], False
            item, source = items[element], element if is_open_ended[element] else 0
        elif name == ITEM:
            item, source = BULLET, 0
        elif kind & IS_NUMBERED:
            start, is_down[count] = tags.numbers[tag], tags.is_reversed[tag]
            is_open_ended[count] = is_down[count] and start == NOT_GIVEN
            first = start if start != NOT_GIVEN else 0 if is_down[count] else 1
            items[count] = first + (1 if is_down[count] else -1)
        in_links += kind & IS_LINK > 0
        verbatim += kind & IS_VERBATIM > 0
        headings += kind & IS_HEADING > 0
        lists += kind & IS_LIST > 0
        holding[count] = count if kind & IS_BLOCK else around
        element, around = count, holding[count]
        if kind & IS_HIDDEN and hidden_in < 0:
            hidden_in = count
        count += 1
    if is_open:
        close[block] = size
        block += size > begin[block]
    while element:
        ends[element] = block
        element = parents[element]
    ends[0] = block
    for each in range(block):
        numbers[each] += counts[sources[each]] if sources[each] else 0
        # Alone in its row, a cell may stand behind others that are there for the looks.
        if gaps[each] != CELL and not is_beside_in[tables[each]]:
            blanks[each] = 0
    wider = np.zeros(count, np.int32)
    for element in range(1, count):
        above = parents[element]
        is_wider = ends[above] - firsts[above] > ends[element] - firsts[element]
        wider[element] = above if is_wider else wider[above]
    return Page(
        text[:size],
        Elements(
            names[:count],
            parents[:count],
            firsts[:count],
            ends[:count],
            signs[:count],
            classes[:count],
            wider,
        ),
        Blocks(
            holder[:block],
            begin[:block],
            close[:block],
            link_bytes[:block],
            links[:block],
            gaps[:block],
            blanks[:block],
            numbers[:block],
            depths[:block],
            heads[:block],
        ),
    )


def page_of(html: Bytes, tags: Tags) -> Page:
    """The page with these tags."""
    return _page(html, tags, kinds_of_names())
