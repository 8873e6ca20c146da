"""What is known of each block of a page: what it looks like, where it stands, what is around it.

*Prose* is a block of some length, hardly linked, with a mark of punctuation; where signs say that
it is no part of what the page is about (comments, a sidebar), it counts only if there is hardly any
other. The *main part* is the innermost element that most of the prose is in, and then most of that
one's, as long as one child has it. Shares of bytes are of UTF-8, so that a syllable of Devanagari
or Han weighs about as much as one of Latin.

Source: Kohlschütter et al. 2010 (boilerpipe) for text and link density of a block and of those
beside it; Vogels et al. 2018 (Web2Text), arXiv:1801.02607, for traits of the elements around.
Differs: the signs, the main part.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bedstone.corpus.content.blocks import NO_ITEM, SPACE, Blocks, Elements, Page
from bedstone.corpus.content.names import BASIS, Bits, Bytes, hashed
from bedstone.corpus.content.signs import ARIA_HIDDEN, NOT_SHOWN, SIGNS
from bedstone.corpus.content.tags import NAMES, Flags, Positions
from bedstone.text import characters
from bedstone.text.characters import flag_table
from bedstone.text.hashing import group, slot_bits
from bedstone.text.kernel import ZERO, inner, kernel

Traits = NDArray[np.float32]
Sums = NDArray[np.float64]

MIN_PROSE_BYTES, MAX_PROSE_LINK_SHARE = 60, 0.4
MIN_OTHER_SHARE, MIN_OTHER_PROSE_BYTES = 0.25, 200
"""Of the prose, outside of what signs say is another thing: from here on only that counts."""
MOST = 0.6
"""Of an element's prose: the share that makes a child the main part, or that no sign is believed
of, since a page's outermost elements are named after all that is in them."""
FAR = 60
"""Blocks, levels and the like beyond so many are as many."""
AROUND, NEAR = 4, (-1, 1, -2, 2)
KINDS = (
    "p", "h1", "h2 h3 h4 h5 h6", "li", "td th caption", "dt dd", "blockquote", "pre xmp listing",
    "figcaption figure", "section article main body",
)  # fmt: skip
"""Of the names of elements; any other is of the last kind."""
HOLDERS = (
    "nav", "footer", "aside", "header", "form", "article", "main", "figure figcaption", "li",
    "table", "blockquote", "ul ol", "section", "dl",
)  # fmt: skip
OTHER_THINGS = (
    "comments", "related", "share", "byline", "cookie", "navigation", "footer", "sidebar",
    "advertisement", "account", "concealed",
)  # fmt: skip
OTHER_HOLDERS = ("footer", "nav", "aside")
OF_ELEMENT = ("link_share", "prose_share", "bytes", "density", "blocks")
OWN = (
    "bytes", "link_share", "marks", "is_ended", "digit_share", "capital_share", "words", "links",
    "gap", "kind", "is_item", "is_repeated", "depth", "is_hidden", "is_hidden_from_readers",
)  # fmt: skip
PLACE = (
    "prose_before", "prose_after", "prose_share_before", "rank", "density_before", "density_after",
)  # fmt: skip
OF_PAGE = ("page_bytes", "page_prose_share", "page_blocks")
OF_MAIN = ("is_in_main", "steps_to_main", "main_level", "alike", "outside_main", "part_kind")
NAMES_OF_TRAITS = (
    *OWN,
    *(f"{name}[{by:+d}]" for by in NEAR for name in ("bytes", "link_share")),
    *PLACE,
    *OF_PAGE,
    *(f"around{level}_{name}" for level in range(AROUND) for name in OF_ELEMENT),
    *OF_MAIN,
    *(f"part_{name}" for name in OF_ELEMENT),
    *(f"near_{sign}" for sign in SIGNS),
    *(f"any_{sign}" for sign in SIGNS),
    *(f"in_{names.split()[0]}" for names in HOLDERS),
    "signs",
)
"""In their order. ``bytes`` and numbers of blocks are logarithms to base 2. ``near_`` is a sign of
an element around that has no more than most of the page, ``any_`` of one however large."""
(
    BYTES,
    LINK_SHARE,
    MARK_COUNT,
    IS_ENDED,
    DIGIT_SHARE,
    CAPITAL_SHARE,
    WORD_COUNT,
    LINK_COUNT,
    GAP,
    KIND,
    IS_ITEM,
    IS_REPEATED,
    DEPTH,
    IS_HIDDEN,
    IS_HIDDEN_FROM_READERS,
) = range(len(OWN))
"""Numbers of the first traits; the others are counted from where their kind begins."""
COUNT = len(NAMES_OF_TRAITS)
AT_BESIDE = len(OWN)
AT_PLACE = AT_BESIDE + 2 * len(NEAR)
AT_PAGE = AT_PLACE + len(PLACE)
AT_AROUND = AT_PAGE + len(OF_PAGE)
AT_MAIN = AT_AROUND + AROUND * len(OF_ELEMENT)
AT_PART = AT_MAIN + len(OF_MAIN)
AT_NEAR = AT_PART + len(OF_ELEMENT)
AT_ANY = AT_NEAR + len(SIGNS)
AT_HOLDERS = AT_ANY + len(SIGNS)
SIGN_COUNT, HOLDER_COUNT = len(SIGNS), len(HOLDERS)
PLAIN_SIGNS = SIGNS.index("media")
"""So many signs, the first, speak against a block; the others may be of content too."""
OTHER_BITS = np.uint32(sum(1 << SIGNS.index(sign) for sign in OTHER_THINGS))
OTHER_HOLDER_BITS = np.uint32(sum(1 << HOLDERS.index(name) for name in OTHER_HOLDERS))
SIZE, LINKED, PROSE = (ZERO + row for row in range(3))
"""Rows of sums over the blocks before each."""
BODY, HTML = NAMES.index("body"), NAMES.index("html")


class Tables(NamedTuple):
    """What characters and names of elements are."""

    characters: Bytes
    kinds: Bytes
    holders: Bits


IS_MARK, IS_END, IS_CLOSER, IS_DIGIT, IS_CAPITAL = (np.uint8(1 << bit) for bit in range(5))
MARKS = ".,;!?、。！，？،؛۔؟।။၊།༎។៖፣፤።։"
"""Of punctuation within prose."""
ENDS = ".!?:…。！？؟।۔။།༎។።։"
FIRST_UNMARKED, LAST_UNMARKED, LETTERS_PER_MARK = 0x0E00, 0x0EFF, 30
"""Thai and Lao, whose prose has no marks: so many letters count as one."""
CLOSERS = "\"')]”’»」』）"
"""May stand behind the mark that ends a text."""


@inner
def _log2(number: float) -> np.float32:
    return np.float32(np.log2(1.0 + number))


@inner
def _code_point(text: Bytes, here: int) -> tuple[int, int]:
    """The character that begins there, and where the next one does."""
    lead = int(text[here])
    if lead < 0x80:
        return lead, here + 1
    size = 2 + (lead >= 0xE0) + (lead >= 0xF0)
    code = lead & (0xFF >> (size + 1))
    for index in range(here + 1, min(here + size, text.size)):
        code = code << 6 | int(text[index] & 0x3F)
    return code, here + size


@inner
def _own(text: Bytes, blocks: Blocks, block: int, flags_of: Bytes, row: Traits) -> np.uint32:
    """Fill in what the block's own text is like; returns a hash of it."""
    start, end = blocks.starts[block], blocks.ends[block]
    here, code, count = ZERO + start, BASIS, 0
    marks, digits, capitals, words, is_ended, unmarked = 0, 0, 0, 1, False, 0
    while here < end:
        character, here = _code_point(text, here)
        flags = flags_of[character] if character < flags_of.size else np.uint8(0)
        code = hashed(code, np.uint8(character & 0xFF))
        count += 1
        marks += int(flags & IS_MARK > 0)
        digits += int(flags & IS_DIGIT > 0)
        capitals += int(flags & IS_CAPITAL > 0)
        words += character == SPACE
        unmarked += FIRST_UNMARKED <= character <= LAST_UNMARKED
        is_ended = bool(flags & IS_END) or (is_ended and bool(flags & IS_CLOSER))
    row[BYTES] = _log2(end - start)
    row[LINK_SHARE] = blocks.link_bytes[block] / (end - start)
    row[MARK_COUNT] = marks + unmarked // LETTERS_PER_MARK
    row[IS_ENDED], row[WORD_COUNT] = is_ended, words
    row[DIGIT_SHARE], row[CAPITAL_SHARE] = digits / count, capitals / count
    row[LINK_COUNT], row[GAP] = blocks.links[block], blocks.gaps[block]
    row[IS_ITEM] = blocks.items[block] != NO_ITEM
    return code


@inner
def _of_element(elements: Elements, element: int, sums: Sums, row: Traits, at: int) -> None:
    """Fill in what the text in an element is like, as ``OF_ELEMENT`` has it."""
    first, end = elements.firsts[element], elements.ends[element]
    size, prose = sums[SIZE, end] - sums[SIZE, first], sums[PROSE, end] - sums[PROSE, first]
    row[at] = (sums[LINKED, end] - sums[LINKED, first]) / max(size, 1.0)
    row[at + 1] = prose / max(sums[PROSE, -1], 1.0)
    row[at + 2] = _log2(size)
    row[at + 3] = prose / max(size, 1.0)
    row[at + 4] = _log2(end - first)


@inner
def _share(sums: Sums, kind: int, elements: Elements, element: int) -> float:
    """Of all that is of this kind, what the element has."""
    part = sums[kind, elements.ends[element]] - sums[kind, elements.firsts[element]]
    return float(part / max(sums[kind, -1], 1.0))


@inner
def is_prose(row: Traits, size: int) -> bool:
    """Whether a block of ``size`` bytes is prose, by its own traits."""
    return (
        size >= MIN_PROSE_BYTES and row[LINK_SHARE] < MAX_PROSE_LINK_SHARE and row[MARK_COUNT] > 0
    )


@inner
def _main_part(elements: Elements, sums: Sums, largest: Positions) -> int:
    """The element that is the main part; ``largest`` is there to be filled: of each, the child."""
    for element in range(1, elements.names.size):
        above = elements.parents[element]
        if not largest[above] or (
            _share(sums, PROSE, elements, element)
            > _share(sums, PROSE, elements, ZERO + largest[above])
        ):
            largest[above] = element
    main = ZERO
    while largest[main]:
        child = ZERO + largest[main]
        held = _share(sums, PROSE, elements, child)
        whole = _share(sums, PROSE, elements, main)
        if held == 0 or held < MOST * whole or elements.ends[child] - elements.firsts[child] < 2:
            break
        main = child
    return main


@inner
def _alike_key(elements: Elements, element: int) -> np.uint64:
    parent = np.uint64(elements.parents[element]) << np.uint64(40)
    return (parent ^ np.uint64(elements.classes[element]) << np.uint64(8)) ^ np.uint64(
        elements.names[element]
    )


class Known(NamedTuple):
    """What is known of each element."""

    stated: Bits
    """Signs of it and of all around it."""
    near: Bits
    """The same without those of elements that have most of the page."""
    holders: Bits
    depths: Positions
    levels: Positions
    """How far it is up from the main part, from 1; 0 of one that does not hold the main part."""
    meets: Positions
    """The innermost element around it, or itself, that has a level."""
    parts: Positions
    """The outermost element around it, or itself, that has none."""
    steps: Positions
    """How many elements are from it to ``meets``."""
    alike: Positions
    """Of these, the most that have siblings of the same name and class: how many."""


@kernel
def _known(elements: Elements, holders: Bits) -> Known:
    """What needs no text: ``stated``, ``holders`` and ``depths``; the rest is 0."""
    count = elements.names.size
    known = Known(
        np.zeros(count, np.uint32),
        np.zeros(count, np.uint32),
        np.zeros(count, np.uint32),
        np.zeros(count, np.int32),
        np.zeros(count, np.int32),
        np.zeros(count, np.int32),
        np.zeros(count, np.int32),
        np.zeros(count, np.int32),
        np.zeros(count, np.int32),
    )
    for element in range(1, count):
        above, name = elements.parents[element], elements.names[element]
        own = np.uint32(0) if name in (BODY, HTML) else elements.signs[element]
        known.stated[element] = known.stated[above] | own
        known.holders[element] = known.holders[above] | holders[name]
        known.depths[element] = known.depths[above] + 1
    return known


@inner
def _fill_sums(blocks: Blocks, known: Known, prose: Flags, sums: Sums) -> None:
    """Add up the blocks; what is named another thing is no prose if there is enough besides."""
    everywhere, elsewhere = 0.0, 0.0
    for block in range(prose.size):
        size = blocks.ends[block] - blocks.starts[block]
        if prose[block]:
            everywhere += size
            elsewhere += 0 if _is_other(known, blocks.elements[block]) else size
    counts_all = elsewhere < MIN_OTHER_SHARE * everywhere or elsewhere < MIN_OTHER_PROSE_BYTES
    for block in range(prose.size):
        size = blocks.ends[block] - blocks.starts[block]
        prose[block] &= counts_all or not _is_other(known, blocks.elements[block])
        sums[SIZE, block + 1] = sums[SIZE, block] + size
        sums[LINKED, block + 1] = sums[LINKED, block] + blocks.link_bytes[block]
        sums[PROSE, block + 1] = sums[PROSE, block] + (size if prose[block] else 0)


@inner
def _is_other(known: Known, element: int) -> bool:
    other = known.stated[element] & OTHER_BITS | known.holders[element] & OTHER_HOLDER_BITS
    return bool(other != 0)


@inner
def _fill_known(elements: Elements, sums: Sums, main: int, siblings: Positions, to: Known) -> None:
    """What depends on the text. ``siblings``: of each element, how many are like it."""
    element, level = main, 1
    while element:
        to.levels[element] = level
        element, level = elements.parents[element], level + 1
    for element in range(1, elements.names.size):
        above = elements.parents[element]
        is_small = (
            _share(sums, PROSE, elements, element) < MOST
            and _share(sums, SIZE, elements, element) < MOST
        )
        to.near[element] = to.near[above] | (elements.signs[element] if is_small else np.uint32(0))
        if to.levels[element]:
            to.meets[element] = to.parts[element] = element
            continue
        to.meets[element] = to.meets[above]
        to.parts[element] = to.parts[above] if above and not to.levels[above] else element
        to.steps[element] = to.steps[above] + 1
        is_seen = elements.ends[element] > elements.firsts[element]
        to.alike[element] = max(to.alike[above], siblings[element] if is_seen else 0)


@inner
def _fill_place(traits: Traits, block: int, sums: Sums) -> None:
    """What stands beside the block, and where on the page it is."""
    row, count = traits[block], len(traits)
    for place in range(len(NEAR)):
        beside, at = block + NEAR[place], AT_BESIDE + 2 * place
        row[at], row[at + 1] = -1, -1
        if 0 <= beside < count:
            row[at], row[at + 1] = traits[beside, BYTES], traits[beside, LINK_SHARE]
    first, last = max(block - 4, 0), min(block + 6, count)
    row[AT_PLACE + 2] = sums[PROSE, block] / max(sums[PROSE, -1], 1.0)
    row[AT_PLACE + 3] = block / count
    row[AT_PLACE + 4] = (sums[PROSE, block + 1] - sums[PROSE, first]) / max(
        sums[SIZE, block + 1] - sums[SIZE, first], 1.0
    )
    row[AT_PLACE + 5] = (sums[PROSE, last] - sums[PROSE, block]) / max(
        sums[SIZE, last] - sums[SIZE, block], 1.0
    )
    row[AT_PAGE] = _log2(sums[SIZE, -1])
    row[AT_PAGE + 1] = sums[PROSE, -1] / max(sums[SIZE, -1], 1.0)
    row[AT_PAGE + 2] = _log2(count)


@inner
def _fill_around(
    page: Page, block: int, sums: Sums, known: Known, kinds: Bytes, main: int, row: Traits
) -> None:
    """What the elements are that the block is in."""
    _, elements, blocks = page
    element = blocks.elements[block]
    row[KIND], row[DEPTH] = kinds[elements.names[element]], min(known.depths[element], FAR)
    row[IS_HIDDEN] = known.near[element] & NOT_SHOWN > 0
    row[IS_HIDDEN_FROM_READERS] = known.near[element] & ARIA_HIDDEN > 0
    wider, at = element, ZERO + AT_AROUND
    for _ in range(AROUND):
        _of_element(elements, wider, sums, row, at)
        wider, at = elements.wider[wider], at + len(OF_ELEMENT)
    meets = known.meets[element]
    row[AT_MAIN] = main > 0 and meets == main
    row[AT_MAIN + 1] = min(known.steps[element], FAR)
    row[AT_MAIN + 2] = known.levels[meets] if meets else FAR
    row[AT_MAIN + 3] = known.alike[element]
    row[AT_MAIN + 4] = (block >= elements.ends[main]) - (block < elements.firsts[main])
    row[AT_MAIN + 5] = kinds[elements.names[known.parts[element]]]
    _of_element(elements, known.parts[element], sums, row, ZERO + AT_PART)
    for sign in range(SIGN_COUNT):
        row[AT_NEAR + sign] = known.near[element] >> np.uint32(sign) & 1
        row[AT_ANY + sign] = known.stated[element] >> np.uint32(sign) & 1
        row[COUNT - 1] += row[AT_NEAR + sign] if sign < PLAIN_SIGNS else 0
    for holder in range(HOLDER_COUNT):
        row[AT_HOLDERS + holder] = known.holders[element] >> np.uint32(holder) & 1


@kernel
def fill_traits(page: Page, tables: Tables) -> Traits:
    """As ``traits_of``; for kernels."""
    text, elements, blocks = page
    count, all_elements = blocks.starts.size, elements.names.size
    traits, prose = np.zeros((count, COUNT), np.float32), np.empty(count, np.bool_)
    most = max(count, all_elements)
    keys, firsts, copies = (
        np.empty(most, np.uint64),
        np.empty(most, np.int64),
        np.empty(most, np.int64),
    )
    slots = np.empty(1 << slot_bits(most), np.int32)

    # 1. Each block by itself, which of them are prose, and which were there before.
    for block in range(count):
        size = blocks.ends[block] - blocks.starts[block]
        code = _own(text, blocks, block, tables.characters, traits[block])
        keys[block] = np.uint64(code) << np.uint64(32) | np.uint64(size)
        prose[block] = is_prose(traits[block], size)
    group(keys, count, slots, firsts, copies)
    for block in range(count):
        traits[block, IS_REPEATED] = firsts[block] != block

    # 2. The elements: what they say, which is the main part, which are alike.
    known, sums = _known(elements, tables.holders), np.zeros((3, count + 1))
    _fill_sums(blocks, known, prose, sums)
    main = _main_part(elements, sums, np.zeros(all_elements, np.int32))
    for element in range(all_elements):
        keys[element] = _alike_key(elements, element)
    group(keys, all_elements, slots, firsts, copies)
    siblings = np.empty(all_elements, np.int32)
    for element in range(all_elements):
        siblings[element] = copies[firsts[element]]
    _fill_known(elements, sums, main, siblings, known)

    # 3. What is beside each block, and around it.
    behind = np.empty(count + 1, np.int32)
    behind[count] = FAR
    for block in range(count - 1, -1, -1):
        behind[block] = 0 if prose[block] else min(behind[block + 1] + 1, FAR)
    before = FAR
    for block in range(count):
        traits[block, AT_PLACE], traits[block, AT_PLACE + 1] = before, behind[block + 1]
        before = 0 if prose[block] else min(before + 1, FAR)
        _fill_place(traits, block, sums)
        _fill_around(page, block, sums, known, tables.kinds, main, traits[block])
    return traits


@cache
def _characters() -> Bytes:
    flags = flag_table()[:0x10000]
    table = np.zeros(flags.size, np.uint8)
    table[flags & characters.IS_DIGIT > 0] = IS_DIGIT
    table[flags & characters.IS_UPPER > 0] = IS_CAPITAL
    for flag, those in ((IS_MARK, MARKS), (IS_END, ENDS), (IS_CLOSER, CLOSERS)):
        table[[ord(it) for it in those]] |= flag
    return table


@cache
def _kinds() -> Bytes:
    kinds = np.full(len(NAMES), len(KINDS), np.uint8)
    for kind, names in enumerate(KINDS):
        kinds[[NAMES.index(name) for name in names.split()]] = kind
    return kinds


@cache
def _holders() -> Bits:
    holders = np.zeros(len(NAMES), np.uint32)
    for bit, names in enumerate(HOLDERS):
        holders[[NAMES.index(name) for name in names.split()]] = 1 << bit
    return holders


@cache
def tables() -> Tables:
    """Those of ``fill_traits``."""
    return Tables(_characters(), _kinds(), _holders())


def traits_of(page: Page) -> Traits:
    """A row for each block, in the order of ``NAMES_OF_TRAITS``."""
    return fill_traits(page, tables())
