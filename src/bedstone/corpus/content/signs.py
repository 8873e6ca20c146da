"""What an element is for, by the words in its class, id, role and item property.

Pages in all languages call their parts by the same few words: ``comments``, ``related``, ``share``.
The table ``signs.tsv`` has, of each sign, such words; one that ends in ``*`` stands for all that
begin so. A name is cut into words where anything but a letter of ASCII stands, and before a capital
that follows a small letter.

Source: our reading of the names in two thirds of the pages that the judge is learnt from.
"""

from functools import cache

import numpy as np

from bedstone.corpus.content.names import BASIS, Bytes, Table, hashed, rows_of, slot_of, table_of
from bedstone.text.kernel import inner

SIGNS = (
    "comments", "related", "share", "tags", "byline", "cookie", "navigation", "header", "footer",
    "sidebar", "advertisement", "account", "caption", "concealed", "form", "media", "list", "title",
    "lead", "content",
)  # fmt: skip
"""In the order of their bits."""
NOT_SHOWN, ARIA_HIDDEN = np.uint32(1 << 30), np.uint32(1 << 31)
"""The page hides the element until something is clicked; it is nothing for screen readers."""


@inner
def signs_of(html: Bytes, start: int, end: int, words: Table) -> np.uint32:
    """The bits of the signs in an attribute's value."""
    signs, code, letters, was_small = np.uint32(0), BASIS, 0, False
    for index in range(start, end + 1):
        byte = html[index] if index < end else np.uint8(0)
        is_small, is_capital = bool(97 <= byte <= 122), bool(65 <= byte <= 90)
        if letters and ((is_capital and was_small) or not (is_small or is_capital)):
            slot = slot_of(words, code)
            if slot >= 0:
                signs |= words.values[slot]
            code, letters = BASIS, 0
        if is_small or is_capital:
            code = hashed(code, np.uint8(byte | np.uint8(32)))
            letters += 1
            slot = slot_of(words, code)
            if slot >= 0:
                signs |= words.of_beginnings[slot]
        was_small = is_small
    return signs


@cache
def words_of_signs() -> Table:
    """The words, and the bits of the signs that each is one of."""
    rows = rows_of("signs.tsv")
    return table_of(
        (word, 1 << SIGNS.index(row["sign"])) for row in rows for word in row["words"].split()
    )
