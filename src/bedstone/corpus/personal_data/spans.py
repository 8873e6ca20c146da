"""Where a text has identifiers of persons: email, IP, phone, accounts, cards, national numbers.

Of most texts only some patterns are searched, none of which finds anything; what they find is
judged one by one, and where two kinds claim a place, the first has it.

Names and addresses are not sought, and whose number it is cannot be told: a firm's is found too.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

from phonenumbers import Leniency, PhoneNumberMatcher, region_code_for_number

from bedstone.corpus.personal_data import checksums
from bedstone.corpus.personal_data.countries import IBAN_LENGTHS
from bedstone.corpus.personal_data.digits import folded
from bedstone.corpus.personal_data.national_numbers import KINDS, NUMBERS, Kind, Written


class Span(NamedTuple):
    """A place in a text."""

    start: int
    end: int
    kind: Kind
    country: str | None = None
    """Of a phone number, ISO 3166-1's two letters; ``001`` of none; of other kinds nothing."""


STRETCH = re.compile(r"[0-9](?:(?:[ ()/-]{0,3}|\.)[0-9]){6,}")
"""Seven digits or more, with what may part them; a sentence's end does not belong to it."""
QUAD = re.compile(r"\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}")
"""But for the number before it: a search for a point is a fast one."""
COLONS = re.compile(r":(?=[0-9A-Fa-f]{0,4}:)")
SIXTEENS = re.compile(r"[0-9A-Fa-f:]+")
CODES: dict[Kind, tuple[int, re.Pattern[str], Callable[[str], bool]]] = {
    "india_pan": (5, re.compile("[A-Z]{5}[0-9]{4}[A-Z]"), checksums.is_pan),
    "kenya_pin": (1, re.compile("[AP][0-9]{9}[A-Z]"), checksums.is_any),
}
"""The letters before the first digit, the structure, and what is judged besides."""
CODE = re.compile("[0-9](?<=[A-Z][0-9])(?=[0-9](?:[0-9]{2}[A-Z]|[0-9]{7}[A-Z]|[ -]?[0-9A-Z]{4}))")
"""The first digit behind the capitals of an account or of one of ``CODES``: texts have fewer digits
than capitals, and a search that begins with them is the faster."""
LOCAL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-_~.")
LOCAL_CHARACTERS = 64
LAST_LETTER = "\u052f"
"""Of Latin, Greek and Cyrillic: where no spaces are, the word before would be the name's part."""
DOMAIN = re.compile(
    r"(?:[L0-9](?:[L0-9-]{0,61}[L0-9])?\.)+(?:xn--[A-Za-z0-9-]+|[L]{2,24})(?![L0-9_@-])".replace(
        "L", f"A-Za-z\u00c0-{LAST_LETTER}"
    )
)
DOMAIN_CHARACTERS = 255
HEXADECIMAL = frozenset("0123456789ABCDEFabcdef:")
WORD = re.compile(r"[A-Za-z0-9_]")
PARTED = re.compile(r"[^0-9]")
NOT_ALONE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.")
BEHIND_QUAD = re.compile(r"[A-Za-z0-9_]|[.-][A-Za-z0-9]")
DATE = re.compile(
    r"(?:1[5-9]|20)[0-9]{2}(?:[./ -][0-9]{1,2}){2}(?![0-9])|"
    r"(?<![0-9])[0-9]{1,2}[./ -][0-9]{1,2}[./ -](?:1[5-9]|20)[0-9]{2}|"
    r"(?:1[5-9]|20)[0-9]{2}-(?:1[5-9]|20)[0-9]{2}|^[0-9]{5}-[0-9]{4}$"
)
"""Days, spans of years, postal codes of the United States."""
AMOUNT = re.compile(r"[0-9]{1,3}(?: [0-9]{3})+")
OTHER = re.compile(r"\b(?:isbn|issn|doi)(?:-1[03])?[ :]*$", re.IGNORECASE)
"""Before numbers that are no phone's."""
FILES = re.compile(
    r"\.(?:png|jpe?g|gif|svg|webp|ico|css|js|ts|json|xml|html?|php|txt|t?gz)$", re.IGNORECASE
)
"""Endings of names of files, and of no host."""
VERSION = re.compile(
    r"(?:\b(?:v|ver|version|versi[oó]n|versão|versi|release|build|firmware|kernel|section|chapter)"
    r"|верси[яи]|संस्करण|バージョン|版本|نسخہ)[ .:=#]*$|[A-Za-z][-_/]$",
    re.IGNORECASE,
)
SERVERS = ("8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9")
"""Of public name services: the addresses of small numbers that texts name without a word."""
SMALL = 40
SMALL_AT_FIRST = 10
"""Sections are not numbered further, and versions begin with such numbers. Assumption: a rule of
thumb; of random addresses one in two thousand is all of the first, two in a thousand begin with two
of the second."""
ADDRESS = re.compile(r"\b(?:ip(?:v4)?|dns|ping|host|server|gateway)\b[^.\n。]*$|//$", re.IGNORECASE)
PORT = re.compile(r":[0-9]|/[0-9]")
CALL = re.compile(
    r"\b(?:tel|t[eé]l|phone|telephone|telefon\w*|mobile?|cell|call|whatsapp|contact|fax|dial|sms"
    r"|simu|hotline|hp|foni?)\b|[☎📞📱]|फ़ोन|फोन|मोबाइल|दूरभाष|ফোন|মোবাইল|ఫోన్|போன்|فون|电话|電話|전화"
    r"|тел|โทร",
    re.IGNORECASE,
)
"""Words before a phone number."""
BEFORE = 40
"""Characters before a number in which a word that names it stands."""
MAX_STRETCH = 200
"""Characters in which a national phone number is sought: what is longer is a table."""
MAX_ADDRESS = 45
GLOBAL = ipaddress.IPv6Network("2000::/3")
"""All IPv6 addresses that are given to anybody are in it."""


def found(text: str, country: str | None = None, kinds: tuple[str, ...] = KINDS) -> list[Span]:
    """The identifiers in ``text``, in its order; none overlap.

    Args:
        text: any.
        country: whose documents have national phone numbers; without it, only those with +.
        kinds: those that are sought; a place that another kind would have is not theirs.
    """
    plain = folded(text)
    kept: list[Span] = []
    taken = bytearray()
    for claim in _claims(plain, country):
        taken = taken or bytearray(len(plain))
        if not any(taken[claim.start : claim.end]):
            taken[claim.start : claim.end] = b"\1" * (claim.end - claim.start)
            kept.append(claim)
    return sorted(it for it in kept if it.kind in kinds)


def _claims(text: str, country: str | None) -> Iterator[Span]:
    if "@" in text:
        yield from _emails(text)
    yield from _addresses(text)
    yield from _lettered(text)
    for stretch in STRETCH.finditer(text):
        start, end = stretch.span()
        plus = text.rfind("+", max(0, start - 2), start)
        if plus < 0:
            yield from _numbers(text, start, end, country)
        home = country if end - start <= MAX_STRETCH else None
        if plus >= 0 or home:
            first = plus if plus >= 0 else start
            yield from _phones(text, first - (text[first - 1 : first] == "("), end, home)


def _emails(text: str) -> Iterator[Span]:
    at = text.find("@")
    while at >= 0:
        start, least = at, max(0, at - LOCAL_CHARACTERS)
        while start > least and _is_local(text[start - 1]):
            start -= 1
        local = text[start:at].lstrip("!#$%&'*-~.")
        is_login = local == "git" or text.startswith("://", max(start - 3, 0))
        domain = DOMAIN.match(text, at + 1, at + 1 + DOMAIN_CHARACTERS)
        is_mailbox = local and local[-1] != "." and not is_login
        if is_mailbox and domain and not FILES.search(domain[0]):
            yield Span(at - len(local), domain.end(), "email")
        at = text.find("@", at + 1)


def _is_local(character: str) -> bool:
    return character in LOCAL or (character.isalpha() and character <= LAST_LETTER)


def _addresses(text: str) -> Iterator[Span]:
    for rest in QUAD.finditer(text):
        start, end = rest.span()
        while start > 0 and text[start - 1] in "0123456789" and rest.start() - start < 3:
            start -= 1
        alone = text[start - 1 : start] not in NOT_ALONE and not BEHIND_QUAD.match(text, end)
        if alone and _is_public(text[start:end]) and not _is_numbering(text, start, end):
            yield Span(start, end, "ip")
    behind = 0
    for colon in COLONS.finditer(text):
        if colon.start() < behind:
            continue
        start, least = colon.start(), max(behind, colon.start() - MAX_ADDRESS)
        while start > least and text[start - 1] in HEXADECIMAL:
            start -= 1
        whole = SIXTEENS.match(text, start, start + MAX_ADDRESS + 1)
        assert whole
        behind = whole.end()
        address = whole[0] if whole[0][-2:] == "::" else whole[0].removesuffix(":")
        alone = text[start - 1 : start] not in NOT_ALONE and not WORD.match(text, behind)
        if alone and _is_public(address):
            yield Span(start, start + len(address), "ip")


def _is_numbering(text: str, start: int, end: int) -> bool:
    """Whether four numbers are a version's, or a section's: these are small in any language."""
    quad, before = text[start:end], text[max(0, start - BEFORE) : start]
    if quad in SERVERS:
        return False
    numbers = [int(each) for each in quad.split(".")]
    is_small = max(numbers) < SMALL or max(numbers[:2]) < SMALL_AT_FIRST
    is_told = ADDRESS.search(before) or PORT.match(text, end)
    return bool(VERSION.search(before)) or (is_small and not is_told)


def _is_public(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    given = address.version == 4 or address in GLOBAL
    return given and address.is_global and not address.is_multicast


def _lettered(text: str) -> Iterator[Span]:
    for digit in CODE.finditer(text):
        place = digit.start()
        country = text[max(0, place - 2) : place]
        account = _account(IBAN_LENGTHS.get(country, 0)).match(text, place - len(country))
        if account and checksums.is_iban("".join(filter(str.isalnum, account[0]))):
            yield from _alone(text, *account.span(), "iban")
        for kind, (letters, structure, is_valid) in CODES.items():
            code = structure.match(text, max(0, place - letters))
            if code and is_valid(code[0]):
                yield from _alone(text, *code.span(), kind)


def _alone(text: str, start: int, end: int, kind: Kind) -> Iterator[Span]:
    """The place as a span, unless a word goes on before or behind it."""
    if text[start - 1 : start] not in NOT_ALONE and not WORD.match(text, end):
        yield Span(start, end, kind)


@cache
def _account(length: int) -> re.Pattern[str]:
    """An account's number of so many characters; of a country that has none, nothing."""
    return re.compile(rf"[A-Z0-9](?:[ -]?[A-Z0-9]){{{length - 1}}}" if length else "(?!)")


def _numbers(text: str, start: int, end: int, country: str | None) -> Iterator[Span]:
    before = text[max(0, start - BEFORE) : start]
    for written in NUMBERS:
        for number in written.shape.finditer(text, start, end + 2):
            if written.is_valid(PARTED.sub("", number[0])) and _is_named(written, before, country):
                yield Span(*number.span(), written.kind)


def _is_named(written: Written, before: str, country: str | None) -> bool:
    if written.key is None or written.key.search(before):
        return True
    at_home = written.country == country and written.home
    return bool(at_home and at_home.search(before))


def _phones(text: str, start: int, end: int, country: str | None) -> Iterator[Span]:
    before = text[max(0, start - BEFORE) : start]
    for match in PhoneNumberMatcher(text[start:end], country, leniency=Leniency.VALID):
        raw, first, behind = match.raw_string, start + match.start, start + match.end
        if raw[0] == "(" and ")" not in raw:
            raw, first = raw[1:], first + 1
        is_full = raw.lstrip("(")[0] == "+"
        told = is_full or CALL.search(before) or _is_dialled(raw)
        other = not is_full and OTHER.search(before)
        alone = text[first - 1 : first] not in NOT_ALONE and not WORD.match(text, behind)
        if told and alone and not other:
            yield Span(first, behind, "phone", region_code_for_number(match.number))


def _is_dialled(raw: str) -> bool:
    """Whether a national number looks like one without a word before it."""
    in_groups = raw.count("-") > 1 or (raw.count(" ") > 1 and not AMOUNT.fullmatch(raw))
    return (raw[0] in "0(" or in_groups) and not DATE.search(raw)
