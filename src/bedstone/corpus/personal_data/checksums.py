"""What numbers that are given out have in common: check digits, dates, and their structure.

Each test takes a number without what parts its groups.

Sources: ISO/IEC 7812-1 (Luhn, networks' prefixes), ISO 13616 with SWIFT's registry of lengths
(IBAN), UIDAI (Aadhaar: Verhoeff 1969), Income Tax Department of India (PAN), NADRA (CNIC),
Department of Home Affairs (South Africa's id), Dukcapil (NIK), Autoridade Tributária
(NUIT), Receita Federal (CPF), NIDA (Tanzania's id).
"""

import re
from calendar import monthrange

from bedstone.corpus.personal_data.countries import IBAN_LENGTHS

CARD = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|3[47]\d{13}|3(?:0[0-5]|095|[689]\d)\d{11,16}|35\d{14,17}"
    r"|(?:5\d|6\d|81|82)\d{14,17}|(?:5[06-8]|6\d)\d{11,17}|2[2-7]\d{14}"
)
"""Lengths by the first digits: Visa; American Express; Diners; JCB; Mastercard, Discover, UnionPay,
RuPay, Verve; Maestro; Mastercard's second range and Mir."""
PAN_HOLDERS = "ABCFGHJLPTK"
NIK_PROVINCES = re.compile(r"1[1-9]|21|3[1-6]|5[1-3]|6[1-5]|7[1-6]|8[12]|9[1-7]")
NUIT_WEIGHTS = (8, 9, 4, 5, 6, 7, 8, 9)
LEAP_YEAR = 2000
VERHOEFF = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
"""His permutation of the digits, which is applied once more for each place."""


def is_luhn(digits: str) -> bool:
    """Whether the last digit is Luhn's."""
    doubled = (int(each) * 2 for each in digits[-2::-2])
    total = sum(map(int, digits[::-2])) + sum(each - 9 * (each > 9) for each in doubled)
    return total % 10 == 0


def is_verhoeff(digits: str) -> bool:
    """Whether the last digit is Verhoeff's."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        for _ in range(place % 8):
            value = VERHOEFF[value]
        turned = check - value if check > 4 else check + value  # in the group of ten of a pentagon
        check = turned % 5 + 5 * ((check > 4) != (value > 4))
    return check == 0


def is_card(digits: str) -> bool:
    """A payment card's number."""
    return bool(CARD.fullmatch(digits)) and is_luhn(digits) and len(set(digits)) > 1


def is_iban(text: str) -> bool:
    """An account's number, in capitals: of its country's length, with its check digits."""
    turned = text[4:] + text[:4]
    return (
        IBAN_LENGTHS.get(text[:2]) == len(text)
        and text[2:4].isdecimal()
        and int("".join(str(int(each, 36)) for each in turned)) % 97 == 1
    )


def is_aadhaar(digits: str) -> bool:
    """India's: twelve digits, no minute of the last or this century written as a number."""
    is_time = digits[:2] == "20" and is_date(digits[2:8]) and digits[8:] < "2360"
    return digits[0] > "1" and is_verhoeff(digits) and not is_time


def is_pan(text: str) -> bool:
    """India's tax number; its last letter is a check whose rule is not public."""
    return text[3] in PAN_HOLDERS and text[5:9] != "0000"


def is_cnic(digits: str) -> bool:
    """Pakistan's: a province first, a sex last; no check."""
    return "1" <= digits[0] <= "7" and digits[-1] != "0"


def is_south_africa_id(digits: str) -> bool:
    """A day of birth, then whether a citizen, and Luhn's digit."""
    return is_date(digits[:6]) and digits[10] in "012" and is_luhn(digits)


def is_nik(digits: str) -> bool:
    """Indonesia's: a province, and a day of birth, with 40 more for women; no check."""
    day = int(digits[6:8]) % 40
    is_born = int(digits[6:8]) < 72 and is_date(f"{digits[10:12]}{digits[8:10]}{day:02}")
    return bool(NIK_PROVINCES.match(digits)) and is_born and digits[12:] != "0000"


def is_nuit(digits: str) -> bool:
    """Mozambique's, with its check digit."""
    total = sum(weight * int(digit) for weight, digit in zip(NUIT_WEIGHTS, digits[:8], strict=True))
    return "01234567891"[total % 11] == digits[8]


def is_cpf(digits: str) -> bool:
    """Brazil's, with its two check digits."""
    for length in (9, 10):
        total = sum((length + 1 - place) * int(digits[place]) for place in range(length))
        if (11 - total % 11) % 11 % 10 != int(digits[length]):
            return False
    return len(set(digits)) > 1


def is_tanzania_id(digits: str) -> bool:
    """A day of birth with its century first."""
    return digits[:2] in ("19", "20") and is_date(digits[2:8])


def is_any(digits: str) -> bool:
    """Of numbers that nothing is known of but their length: what stands before them decides."""
    return len(set(digits)) > 1


def is_date(digits: str) -> bool:
    """Whether ``YYMMDD`` is a day of some century."""
    month = int(digits[2:4])
    return 1 <= month <= 12 and 1 <= int(digits[4:6]) <= monthrange(LEAP_YEAR, month)[1]
