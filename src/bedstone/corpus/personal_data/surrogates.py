"""What takes the place of an identifier: a tag in plain text, or another of the same shape.

A surrogate is drawn by a hash of the document and the value, so that a value has one in all of a
document and another in the next. Of the hash only ``HASH_BITS`` count: whoever has a surrogate and
the document's id can tell that most values are not the one that stood there, and no more.

What is drawn is nobody's. Mail goes to example.org (RFC 2606), addresses are those of documentation
(RFC 5737, RFC 3849), phone numbers such as no plan gives out (by phonenumbers); all other numbers
are none of any kind.
"""

import hashlib
import random
import string
import unicodedata

from phonenumbers import NumberParseException, is_valid_number, parse

from bedstone.corpus.personal_data.national_numbers import HOMES, KEYED, Kind
from bedstone.corpus.personal_data.spans import found

HASH_BITS = 16
TRIES = 64
HOSTS = ("example.com", "example.net", "example.org")
NETWORKS = ("192.0.2.", "198.51.100.", "203.0.113.")


def tag(kind: Kind) -> str:
    """Words in brackets, which any tokeniser cuts as it cuts other text."""
    return f"[{kind.replace('_', ' ')}]"


def surrogate(value: str, kind: Kind, country: str | None, document: str) -> str:
    """What stands for ``value`` in this document; its tag where nothing of its shape is nobody's.

    That is so of kinds of which nothing is known but the words before them.
    """
    digest = hashlib.sha256(f"{document}\0{value}".encode("utf-8", "replace")).digest()
    dice = random.Random(f"{kind} {int.from_bytes(digest) >> (256 - HASH_BITS)}")
    if kind == "email":
        local, _, _ = value.partition("@")
        return f"{_redrawn(dice, local)}@{dice.choice(HOSTS)}"
    if kind == "ip":
        six = ":".join(f"{dice.randrange(1, 1 << 16):x}" for _ in range(3))
        return (
            f"2001:db8::{six}" if ":" in value else f"{dice.choice(NETWORKS)}{dice.randrange(256)}"
        )
    for _ in range(0 if kind in KEYED else TRIES):
        drawn = _redrawn(dice, value)
        if not found(drawn, country or HOMES.get(kind)) and not _is_given_out(drawn, country):
            return drawn
    return tag(kind)


def _redrawn(dice: random.Random, value: str) -> str:
    """The value with other digits and letters."""
    made = []
    for character in reversed(value):
        if character.isdecimal():
            zero = ord(character) - unicodedata.decimal(character)
            made.append(chr(zero + int(dice.choice(string.digits))))
        elif character.isalpha():
            letters = string.ascii_uppercase if character.isupper() else string.ascii_lowercase
            made.append(dice.choice(letters))
        else:
            made.append(character)
    return "".join(reversed(made))


def _is_given_out(value: str, country: str | None) -> bool:
    """Whether a plan may give out this phone number."""
    try:
        return is_valid_number(parse(value, country))
    except NumberParseException:
        return False
