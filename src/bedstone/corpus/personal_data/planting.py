"""How well the spans are found in texts like the user's: identifiers of our own, put into them.

Into each text goes one identifier of each kind, and as many look-alikes, each into a copy of its
own, between two words where there are any. What is found of the first is recall; of what is found
in the places of both, the share that is right is precision: against these look-alikes, in a text
that has as many of them as of identifiers. Nothing here is anybody's: check digits are found by
trial, mail goes to names that nobody can have.
"""

import random
from collections.abc import Iterable, Iterator
from string import ascii_lowercase, ascii_uppercase, digits
from typing import NamedTuple

from phonenumbers import (
    PhoneNumberFormat,
    example_number,
    format_number,
    is_valid_number,
    national_significant_number,
    parse,
)

from bedstone.corpus.personal_data.countries import country_of
from bedstone.corpus.personal_data.digits import native_digits
from bedstone.corpus.personal_data.national_numbers import KINDS, Kind
from bedstone.corpus.personal_data.spans import Span, found
from bedstone.languages import split

AROUND = 200
"""Characters of the text on each side."""
NATIVE_SHARE = 0.5
"""Of the numbers that are written with digits of the text's script, where it has its own."""
NATIONAL_SHARE = 0.5
COUNTRIES = ["BD", "BR", "DE", "FR", "GB", "ID", "IN", "KE", "MZ", "NG", "PK", "TZ", "US", "ZA"]
SHAPES: dict[Kind, tuple[str, ...]] = {
    "iban": ("DE## #### #### #### #### ##", "KW##AAAA######################"),
    "india_pan": ("AAAPA####A",),
    "kenya_pin": ("A#########A", "P#########A"),
    "nigeria_id": ("###########",),
    "bangladesh_nid": ("##########",),
    "kenya_id": ("########",),
    "pakistan_cnic": ("#####-#######-#",),
    "tanzania_id": ("198#0#1#-#####-#####-##",),
    "indonesia_nik": ("32####1#0#8#####",),
    "south_africa_id": ("8#0#1#####08#",),
    "card": ("4### #### #### ####", "5###############", "37##-######-#####"),
    "brazil_cpf": ("###.###.###-##",),
    "india_aadhaar": ("#### #### ####", "############"),
    "mozambique_nuit": ("1########",),
}
"""How a number is written: ``#`` a digit, ``A`` and ``a`` letters."""
KEYS: dict[Kind, str] = {
    "nigeria_id": "NIN ",
    "bangladesh_nid": "NID ",
    "kenya_id": "kitambulisho ",
    "mozambique_nuit": "NUIT ",
}
"""The words that these kinds ask for."""
WITH_LETTERS = ("email", "ip", "iban", "india_pan", "kenya_pin")
LOOK_ALIKES = (
    ("ISBN 978-#-####-####-#", "ISBN 978##########", "ISBN #-###-#####-#"),
    ("version #.#.##", "v#.##.#", "version #.#.##.#", "#.#.##.#", "#.##.#"),
    ("doi:10.####/aaaa.20##.######",),
    tuple("#" * length for length in range(8, 18)),
    ("order ############", "SKU-##########", "AA##-AAAA-########"),
    ("192.168.#.1##", "10.0.#.##", "172.16.##.#", "127.0.0.1"),
    ("aaaa@1.#.##", "aaaa@2.#.#-beta", "aaaa@2x.png", "git@aaa.org:a/aa.git", "@aaaaa"),
    ("20##-0#-1#", "20##01##12####", "19##-20##", "1#:##:##", "#,###,###.##"),
    ("##.#######, -##.#######", "a0:b#:##:c#:d#:##"),
)
"""Books, versions, papers, bare numbers, orders, private addresses, packages, times, places."""
Count = tuple[int, int, int]
"""Planted of a kind, found as it, and taken for it."""


class Document(NamedTuple):
    """A text, and what says where it is from."""

    id: str
    url: str
    language: str
    text: str


def tried(
    documents: Iterable[Document], kinds: tuple[Kind, ...] = KINDS
) -> dict[tuple[str, Kind], Count]:
    """What is found of what is planted, by language and kind: those that are sought."""
    counts: dict[tuple[str, Kind], Count] = {}
    for name, url, language, text in documents:
        dice, script = random.Random(f"planted {name}"), split(language)[1]
        country = country_of(url, language)
        for planted, thing in _things(dice, kinds, country):
            if planted not in WITH_LETTERS and dice.random() < NATIVE_SHARE:
                thing = thing.translate(str.maketrans(digits, native_digits(script)))
            around, start = _planted(dice, text, thing)
            spans = found(around, country, kinds)
            here = {it.kind for it in spans if _overlaps(it, start, start + len(thing))}
            for kind in here.union([planted] if planted else []):
                seen, right, wrong = counts.get((language, kind), (0, 0, 0))
                is_own = kind == planted
                right += is_own and kind in here
                counts[language, kind] = (seen + is_own, right, wrong + (not is_own))
    return counts


def _overlaps(span: Span, start: int, end: int) -> bool:
    return span.start < end and start < span.end


def _planted(dice: random.Random, text: str, thing: str) -> tuple[str, int]:
    """``thing`` in a part of the text, and where it begins."""
    place = dice.randint(0, len(text))
    space = text.find(" ", place, place + AROUND)
    place = space if space >= 0 else place
    before, behind = text[max(0, place - AROUND) : place], text[place : place + AROUND]
    return f"{before} {thing} {behind}", len(before) + 1


def _things(
    dice: random.Random, kinds: tuple[Kind, ...], country: str | None
) -> Iterator[tuple[Kind | None, str]]:
    """Kinds and identifiers; in turns with them look-alikes, of no kind."""
    for kind in kinds:
        yield kind, KEYS.get(kind, "") + _identifier(dice, kind, country)
        yield None, _drawn(dice, dice.choice(dice.choice(LOOK_ALIKES)))


def _identifier(dice: random.Random, kind: Kind, country: str | None) -> str:
    if kind == "email":
        return f"{_drawn(dice, 'aaaaa.aaaaaa')}{dice.choice(['', '+a', '7'])}@mail.example.org"
    if kind == "ip":
        six = ":".join(f"{dice.randrange(1, 1 << 16):x}" for _ in range(6))
        four = f"{dice.randrange(193, 224)}.{dice.randrange(256)}.{dice.randrange(256)}.7"
        return dice.choice([four, f"2a02:{six}:1"])
    if kind == "phone":
        return _phone(dice, country)
    drawn = ""
    while kind not in {it.kind for it in found(KEYS.get(kind, "") + drawn)}:
        drawn = _drawn(dice, dice.choice(SHAPES[kind]))
    return drawn


def _drawn(dice: random.Random, shape: str) -> str:
    drawn = {"#": digits, "A": ascii_uppercase, "a": ascii_lowercase}
    return "".join(dice.choice(drawn.get(each, each)) for each in shape)


def _phone(dice: random.Random, country: str | None) -> str:
    """A number that a plan may give out; in a document of a country half are its own, as there."""
    is_own = bool(country) and dice.random() < NATIONAL_SHARE
    example = example_number(country if country and is_own else dice.choice(COUNTRIES))
    assert example
    start = f"+{example.country_code}{national_significant_number(example)[:-4]}"
    while not is_valid_number(number := parse(_drawn(dice, f"{start}####"))):
        pass
    form = PhoneNumberFormat.NATIONAL if is_own else PhoneNumberFormat.INTERNATIONAL
    return format_number(number, form)
