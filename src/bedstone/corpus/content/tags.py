"""The tags of a page: where each stands, what it is called, what its attributes say.

A page is read as the parser writes its tree, so that nothing is in doubt: every element ends,
values stand in double quotes, a ``<`` begins a tag.

Source: the HTML standard, "Serializing HTML fragments".
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bedstone.corpus.content.names import (
    BASIS,
    Bits,
    Bytes,
    Hashes,
    Table,
    hashed,
    rows_of,
    slot_of,
    table_of,
)
from bedstone.corpus.content.signs import ARIA_HIDDEN, NOT_SHOWN, signs_of, words_of_signs
from bedstone.text.kernel import ZERO, inner, kernel

Positions = NDArray[np.int32]
Flags = NDArray[np.bool_]
Kinds = NDArray[np.uint16]

KINDS = (
    "block",
    "apart",
    "hidden",
    "void",
    "raw",
    "list",
    "numbered",
    "cell",
    "heading",
    "verbatim",
    "link",
)
"""What an element is, by its name, in the table ``elements.tsv``; any other goes on in a line.

Text before and after a ``block`` is in other lines, of one that stands ``apart`` with a blank line
between. What is in ``hidden`` ones is no text of the page, or is one of its controls. ``void`` ones
have no end, in ``raw`` ones a ``<`` begins no tag, in ``verbatim`` ones white space is kept.
"""
(
    IS_BLOCK,
    IS_APART,
    IS_HIDDEN,
    IS_VOID,
    IS_RAW,
    IS_LIST,
    IS_NUMBERED,
    IS_CELL,
    IS_HEADING,
    IS_VERBATIM,
    IS_LINK,
) = (np.uint16(1 << bit) for bit in range(len(KINDS)))
ROWS = rows_of("elements.tsv")
NAMES = ("", *(row["name"] for row in ROWS))
"""By their numbers; 0 is any other, and what is no element: a comment, a document type."""

ATTRIBUTES = (
    *("class", "id", "role", "itemprop", "style", "hidden", "aria-hidden", "start", "value"),
    "reversed",
)
CLASS, ITEM, STYLE, HIDDEN, ARIA, START, VALUE, REVERSED = 1, 4, 5, 6, 7, 8, 9, 10
"""Their numbers. Up to ``ITEM`` the value has words that say what an element is for."""
ORDERED, IN_ORDER = NAMES.index("ol"), NAMES.index("li")
NOT_GIVEN = -(1 << 31)
MOST_DIGITS = 9
"""Of a number in an attribute; behind so many, others are passed over."""
LESS, MORE, SLASH, BANG, EQUALS, QUOTE, SPACE, HYPHEN, COLON = map(ord, '<>/!=" -:')
PLUS, NOUGHT, NINE = map(ord, "+09")
SMALL_A, SMALL_N, SMALL_O, SMALL_T, SMALL_Y = map(ord, "anoty")


class Tags(NamedTuple):
    """The tags of a page in their order; its text is what stands between them."""

    starts: Positions
    ends: Positions
    names: Bytes
    """Numbers of ``NAMES``."""
    is_end: Flags
    signs: Bits
    """What the attributes say, as in ``content.signs``."""
    classes: Hashes
    """Of the element's class; 0 without."""
    numbers: Positions
    """Where a list starts to count, or the number of an item; ``NOT_GIVEN`` without."""
    is_reversed: Flags
    """It is a list that is counted down."""


@inner
def _is_none(html: Bytes, start: int, end: int) -> bool:
    """Whether a style has ``display: none``, or ``display:none``; in small letters or capitals."""
    for index in range(start + 2, end - 3):
        if (
            _small(html[index]) == SMALL_N
            and _small(html[index + 1]) == SMALL_O
            and _small(html[index + 2]) == SMALL_N
        ):
            before = index - 1
            while before > start + 1 and (html[before] <= SPACE or html[before] == COLON):
                before -= 1
            if _small(html[before]) == SMALL_Y and _small(html[before - 1]) == SMALL_A:
                return True
    return False


@inner
def _small(byte: np.uint8) -> int:
    """A letter of ASCII as a small one."""
    return int(byte) | 32


@inner
def _integer(html: Bytes, start: int, end: int) -> int:
    """The number that a value begins with, as browsers read it; ``NOT_GIVEN`` if it has none.

    Source: the HTML standard, "Rules for parsing integers".
    """
    here, value, digits = start, 0, 0
    while here < end and html[here] <= SPACE:
        here += 1
    is_negative = here < end and html[here] == HYPHEN
    if here < end and (html[here] == HYPHEN or html[here] == PLUS):
        here += 1
    while here < end and NOUGHT <= html[here] <= NINE and digits < MOST_DIGITS:
        value = value * 10 + int(html[here]) - NOUGHT
        here, digits = here + 1, digits + 1
    if not digits:
        return NOT_GIVEN
    return -value if is_negative else value


@inner
def _end_of_comment(html: Bytes, start: int) -> int:
    """Where the last ``>`` of the comment or the document type stands."""
    here = start + 2
    if here + 1 < html.size and html[here] == HYPHEN and html[here + 1] == HYPHEN:
        here += 4
        while here < html.size and not (
            html[here] == MORE and html[here - 1] == HYPHEN and html[here - 2] == HYPHEN
        ):
            here += 1
    else:
        while here < html.size and html[here] != MORE:
            here += 1
    return here


@inner
def _end_of_name(html: Bytes, here: int) -> int:
    while here < html.size and html[here] != MORE and html[here] != SPACE and html[here] != EQUALS:
        here += 1
    return here


@inner
def _number(html: Bytes, start: int, end: int, table: Table) -> int:
    """Of the name that stands there; 0 for one that is not in the table."""
    code = BASIS
    for index in range(start, end):
        code = hashed(code, html[index])
    slot = slot_of(table, code)
    return int(table.values[slot]) if slot >= 0 else 0


@kernel
def _tags(html: Bytes, names: Table, kinds: Kinds, attributes: Table, words: Table) -> Tags:
    most = 0
    for byte in html:
        most += byte == LESS
    starts, ends, found = (
        np.empty(most, np.int32),
        np.empty(most, np.int32),
        np.empty(most, np.uint8),
    )
    is_end, signs, classes = (
        np.empty(most, np.bool_),
        np.zeros(most, np.uint32),
        np.zeros(most, np.uint32),
    )
    numbers, is_reversed = np.full(most, NOT_GIVEN, np.int32), np.zeros(most, np.bool_)
    count, here, raw = 0, ZERO, 0
    while here + 1 < html.size:
        if html[here] != LESS:
            here += 1
            continue
        start, closes, name = here, html[here + 1] == SLASH, 0
        if html[here + 1] == BANG and not raw:
            here = _end_of_comment(html, start)
        else:
            here = _end_of_name(html, start + 1 + closes)
            name = _number(html, start + 1 + closes, here, names)
            if raw and not (closes and name == raw):
                here = start + 1
                continue
        raw = 0
        while here < html.size and html[here] != MORE:  # an attribute, or the space before one
            first = here + 1
            here = _end_of_name(html, first)
            attribute = _number(html, first, here, attributes)
            if here + 1 < html.size and html[here] == EQUALS:
                first = here + 2
                here = first
                while here < html.size and html[here] != QUOTE:
                    here += 1
                if attribute == 0:
                    pass
                elif attribute <= ITEM:
                    signs[count] |= signs_of(html, first, here, words)
                    if attribute == CLASS:
                        code = BASIS
                        for index in range(first, here):
                            code = hashed(code, html[index])
                        classes[count] = code
                elif attribute == HIDDEN or (attribute == STYLE and _is_none(html, first, here)):
                    signs[count] |= NOT_SHOWN
                elif attribute == ARIA and here > first and _small(html[first]) == SMALL_T:
                    signs[count] |= ARIA_HIDDEN
                elif (attribute == START and name == ORDERED) or (
                    attribute == VALUE and name == IN_ORDER
                ):
                    numbers[count] = _integer(html, first, here)
                elif attribute == REVERSED and name == ORDERED:
                    is_reversed[count] = True
                here += 1
        here = min(here + 1, html.size)
        starts[count], ends[count], found[count], is_end[count] = start, here, name, closes
        count += 1
        raw = name if kinds[name] & IS_RAW and not closes else 0
    return Tags(
        starts[:count],
        ends[:count],
        found[:count],
        is_end[:count],
        signs[:count],
        classes[:count],
        numbers[:count],
        is_reversed[:count],
    )


@cache
def kinds_of_names() -> Kinds:
    """Of each of ``NAMES``: the bits of what it is."""
    kinds = np.zeros(len(NAMES), np.uint16)
    for number, row in enumerate(ROWS, 1):
        kinds[number] = sum(1 << KINDS.index(kind) for kind in row["is"].split())
    return kinds


@cache
def _numbers(names: tuple[str, ...]) -> Table:
    return table_of((name, number) for number, name in enumerate(names, 1))


def tags_of(html: Bytes) -> Tags:
    """The tags of a page.

    Args:
        html: as the parser writes its tree, in UTF-8.
    """
    return _tags(
        html, _numbers(NAMES[1:]), kinds_of_names(), _numbers(ATTRIBUTES), words_of_signs()
    )
