"""Which blocks of a page are its content, and as what the others are left out.

Two forests of small decision trees give the chance that a block is content: the first by the
block's traits, the second also by the chances of the blocks beside it and of the elements around.
They are the tables ``first.tsv`` and ``second.tsv``, written by ``benchmarks/content.py``; what
they were learnt from, and how well they do elsewhere, stands in docs/concepts/pages.md. Rules go
before them: readers' comments are left out, which to a classifier look like prose, unless they are
the page; so are notices about cookies, and what is in a ``nav`` element and no prose. A heading is
kept where the prose below it is, of a page without prose its longest run of lines, and of a page
that would be left without a line what only its place speaks against.

Source: Friedman 2001, gradient boosting; Tu and Bai 2010, auto-context, for the second look.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bedstone.corpus.content.blocks import Elements, Page
from bedstone.corpus.content.names import Bytes, rows_of
from bedstone.corpus.content.signs import SIGNS
from bedstone.corpus.content.traits import (
    AROUND,
    AT_ANY,
    AT_NEAR,
    IS_REPEATED,
    LINK_SHARE,
    MIN_OTHER_PROSE_BYTES,
    MIN_OTHER_SHARE,
    NAMES_OF_TRAITS,
    NEAR,
    PLAIN_SIGNS,
    Sums,
    Tables,
    Traits,
    fill_traits,
    is_prose,
    tables,
)
from bedstone.text.kernel import inner, kernel

Chances = NDArray[np.float64]
Nodes = NDArray[np.uint64]

MIN_CHANCE = 0.35
"""Of being content, from which on a block is kept."""
MIN_OTHER_BYTES = 800
"""Of prose outside of comments: with so much, or a share of it, comments are left out. Else the
page is a discussion."""
MIN_LINES = 8
"""Beside each other, of some length together, are a text where there is no prose: verse, say."""
SURROUNDINGS = (
    *(f"chance[{by:+d}]" for by in NEAR),
    *(f"around{level}_{name}" for level in range(AROUND) for name in ("chance", "held")),
    "held_before",
    "chance",
)
"""Traits by chances: of each neighbour; of the rest of each element around, and of the whole page's
content that it holds."""
FIRST_LOOK, SECOND_LOOK = NAMES_OF_TRAITS, (*NAMES_OF_TRAITS, *SURROUNDINGS)
SIGNS_OF_REASONS = SIGNS[:PLAIN_SIGNS]
REASONS = (*SIGNS_OF_REASONS, "repeated", "links", "place")
"""As what a block is left out: the first that holds of it. ``place`` is neither named nor linked:
where it stands, and what it is like."""
AT_ONCE = 4_096
"""Blocks that are looked at again together, so that a page of millions takes no more memory."""
NOT_LEFT_OUT, PLACE = 255, REASONS.index("place")
LINKS_SHARE = 0.5
"""Of a block's bytes in links, from which on it is left out as links."""
HOLDERS_OF_REASONS = {
    "comments": "any_comments",
    "navigation": "in_nav",
    "footer": "in_footer",
    "sidebar": "in_aside",
}
"""What says the same as a sign."""
HOLDERS_SAY = tuple(
    NAMES_OF_TRAITS.index(HOLDERS_OF_REASONS.get(sign, f"near_{sign}")) for sign in SIGNS_OF_REASONS
)
COMMENTS, COOKIE = SIGNS.index("comments"), SIGNS.index("cookie")
IN_NAV, IN_FOOTER, IN_ASIDE = (
    NAMES_OF_TRAITS.index(f"in_{holder}") for holder in ("nav", "footer", "aside")
)


class Forest(NamedTuple):
    """Trees, their nodes in one row; a leaf leads to itself."""

    roots: NDArray[np.uint64]
    depths: NDArray[np.uint8]
    """Of each tree, the steps to its deepest leaf."""
    traits: NDArray[np.uint16]
    limits: NDArray[np.float32]
    below: NDArray[np.uint16]
    """Where to go on with a trait that is not above the limit; with one above it, the next node."""
    values: NDArray[np.float32]
    """Of leaves: what is added to the log odds."""


@inner
def _fill_chances(forest: Forest, traits: Traits, nodes: Nodes, chances: Chances) -> None:
    """Fill in the chance of each block; all go down a tree together, which spares branches.

    Numbers without a sign spare the compiler a look whether an index counts from the end.
    """
    chances[:] = 0
    blocks = np.uint64(len(traits))
    for tree in range(forest.roots.size):
        nodes[:] = forest.roots[tree]
        for _ in range(forest.depths[tree]):
            for block in range(blocks):
                node = nodes[block]
                is_above = traits[block, np.uint64(forest.traits[node])] > forest.limits[node]
                nodes[block] = np.uint64(forest.below[node]) + np.uint64(is_above)
        for block in range(blocks):
            chances[block] += forest.values[nodes[block]]
    for block in range(blocks):
        chances[block] = 1 / (1 + np.exp(-chances[block]))


@inner
def _of_rest(
    elements: Elements, element: int, sums: Sums, block: int, row: Traits, at: int
) -> None:
    first, end = elements.firsts[element], elements.ends[element]
    size = sums[0, end] - sums[0, first] - (sums[0, block + 1] - sums[0, block])
    held = sums[1, end] - sums[1, first] - (sums[1, block + 1] - sums[1, block])
    row[at] = held / size if size > 0 else -1
    row[at + 1] = held / max(sums[1, -1], 1.0)


@inner
def _fill_sums(page: Page, chances: Chances, sums: Sums) -> None:
    blocks = page.blocks
    for block in range(len(chances)):
        size = blocks.ends[block] - blocks.starts[block]
        sums[0, block + 1] = sums[0, block] + size
        sums[1, block + 1] = sums[1, block] + size * chances[block]


@inner
def _fill_surroundings(
    page: Page, traits: Traits, chances: Chances, sums: Sums, first: int, wide: Traits
) -> None:
    """Of the blocks from ``first``, their traits and what ``SURROUNDINGS`` names."""
    _, elements, blocks = page
    count, own = traits.shape
    for block in range(first, first + len(wide)):
        row, at = wide[block - first], own
        for trait in range(own):
            row[trait] = traits[block, trait]
        for by in NEAR:
            row[at] = chances[block + by] if 0 <= block + by < count else -1
            at += 1
        element = blocks.elements[block]
        for _ in range(AROUND):
            _of_rest(elements, element, sums, block, row, at)
            element, at = elements.wider[element], at + 2
        row[at] = sums[1, block] / max(sums[1, -1], 1.0)
        row[at + 1] = chances[block]


@kernel
def surroundings(page: Page, traits: Traits, chances: Chances) -> Traits:
    """The traits of the second look, by the chances of the first."""
    wide = np.empty((len(traits), traits.shape[1] + len(SURROUNDINGS)), np.float32)
    sums = np.zeros((2, len(traits) + 1))
    _fill_sums(page, chances, sums)
    _fill_surroundings(page, traits, chances, sums, 0, wide)
    return wide


@cache
def _forest(name: str, traits: tuple[str, ...]) -> Forest:
    numbers = {trait: number for number, trait in enumerate(traits)}
    rows = rows_of(name)
    roots = [node for node, row in enumerate(rows) if row["depth"]]
    return Forest(
        np.array(roots, np.uint64),
        np.array([int(rows[root]["depth"]) for root in roots], np.uint8),
        np.array([numbers[row["trait"]] if row["trait"] else 0 for row in rows], np.uint16),
        np.array([float(row["limit"] or "inf") for row in rows], np.float32),
        np.array([int(row["below"] or node) for node, row in enumerate(rows)], np.uint16),
        np.array([float(row["value"] or 0) for row in rows], np.float32),
    )


@inner
def _stands_beside(row: Traits) -> bool:
    """Whether the block stands beside the content, whatever that may be."""
    return bool(row[IN_ASIDE] or row[IN_NAV] or row[IN_FOOTER])


@inner
def _is_discussion(page: Page, traits: Traits) -> bool:
    """Whether hardly any prose is outside of comments, but for what stands beside any content."""
    comments, beside, other = 0, 0, 0
    for block in range(len(traits)):
        row, size = traits[block], page.blocks.ends[block] - page.blocks.starts[block]
        if not is_prose(row, size):
            continue
        if row[AT_ANY + COMMENTS]:
            comments += size
        elif _stands_beside(row):
            beside += size
        else:
            other += size
    if beside and not comments:
        return False
    return other <= MIN_OTHER_SHARE * (comments + other) and other < MIN_OTHER_BYTES


@inner
def _verse(page: Page, traits: Traits) -> tuple[int, int]:
    """Of a page without prose but beside its content: its longest run of lines, and where it ends.

    Lines of a run are of one element, or each of one beside the other. Empty if all are few or
    short.
    """
    _, elements, blocks = page
    found, most, first, size, before = (0, 0), MIN_OTHER_PROSE_BYTES, 0, 0, 0
    for block in range(len(traits)):
        row, own = traits[block], blocks.ends[block] - blocks.starts[block]
        if _stands_beside(row) or row[AT_ANY + COMMENTS] or row[LINK_SHARE] >= LINKS_SHARE:
            before = 0
            continue
        if is_prose(row, own):
            return 0, 0
        element = blocks.elements[block]
        is_beside = element == before or elements.parents[element] == elements.parents[before]
        if not (before and is_beside):
            first, size = block, 0
        before, size = element, size + own
        if size >= most and block + 1 - first >= MIN_LINES:
            found, most = (first, block + 1), size
    return found


@inner
def _heads(page: Page, traits: Traits, block: int) -> bool:
    """Whether the block is a heading right before prose in the same element."""
    _, elements, blocks = page
    if not blocks.is_heading[block] or block + 1 == len(traits):
        return False
    size = blocks.ends[block + 1] - blocks.starts[block + 1]
    beside = blocks.elements[block + 1]
    above = elements.parents[blocks.elements[block]]
    return is_prose(traits[block + 1], size) and (above in (beside, elements.parents[beside]))


@inner
def _reason(row: Traits) -> int:
    for sign in range(len(HOLDERS_SAY)):
        if row[AT_NEAR + sign] or row[HOLDERS_SAY[sign]]:
            return sign
    if row[IS_REPEATED]:
        return len(HOLDERS_SAY)
    return len(HOLDERS_SAY) + (1 if row[LINK_SHARE] >= LINKS_SHARE else 2)


@kernel
def _reasons(page: Page, tables: Tables, first: Forest, second: Forest) -> Bytes:
    traits = fill_traits(page, tables)
    count, own = traits.shape
    sums = np.zeros((2, count + 1))
    both = np.zeros((2, count))
    looks, chances = both[0], both[1]
    nodes = np.empty(count, np.uint64)
    _fill_chances(first, traits, nodes, looks)
    _fill_sums(page, looks, sums)
    wide = np.zeros((min(count, AT_ONCE), own + len(SURROUNDINGS)), np.float32)
    for start in range(0, count, AT_ONCE):
        end = min(start + AT_ONCE, count)
        part = wide[: end - start]
        _fill_surroundings(page, traits, looks, sums, start, part)
        _fill_chances(second, part, nodes[start:end], chances[start:end])
    reasons, kept = np.empty(count, np.uint8), 0
    drops_comments = not _is_discussion(page, traits)
    for block in range(count - 1, -1, -1):
        row = traits[block]
        size = page.blocks.ends[block] - page.blocks.starts[block]
        is_named = row[AT_NEAR + COOKIE] or (row[IN_NAV] and not is_prose(row, size))
        is_left_out = (
            is_named
            or (drops_comments and row[AT_ANY + COMMENTS])
            or (
                chances[block] < MIN_CHANCE
                and not (_heads(page, traits, block) and reasons[block + 1] == NOT_LEFT_OUT)
            )
        )
        reasons[block] = _reason(row) if is_left_out else NOT_LEFT_OUT
    for block in range(count):
        is_comment = reasons[block] == COMMENTS and traits[block, LINK_SHARE] < LINKS_SHARE
        if is_comment and not drops_comments:
            reasons[block] = NOT_LEFT_OUT
        kept += reasons[block] == NOT_LEFT_OUT
    begin, end = _verse(page, traits)
    for block in range(begin, end):
        reasons[block] = NOT_LEFT_OUT
    if not kept and begin == end:
        for block in range(count):
            if reasons[block] == PLACE:
                reasons[block] = NOT_LEFT_OUT
    return reasons


def reasons_of(page: Page) -> Bytes:
    """As what each block is left out: a number of ``REASONS``, or ``NOT_LEFT_OUT``."""
    first, second = _forest("first.tsv", FIRST_LOOK), _forest("second.tsv", SECOND_LOOK)
    return _reasons(page, tables(), first, second)
