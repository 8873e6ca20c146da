"""The country that a document names: its host's, or that of a language of one country.

A wrong country makes national numbers of any digits, so none is said where in doubt. A top-level
domain of two letters is a country's (ISO 3166-1, but ``uk``), unless it is sold as a word.
"""

from phonenumbers import SUPPORTED_REGIONS

from bedstone.languages import split

SOLD = (
    "AC AI AS BZ CC CF CO FM GA GG GL GQ GS IM IO LA LY ME ML MS MU NU PW SC SH SO ST SU SX TC TK "
    "TO TV VC VG WS"
)
"""Domains that most who have them took for their letters, not for a country. Assumption: a list of
common knowledge."""
COUNTRY_OF = {
    language: country
    for country, languages in {
        "AM": "hye",
        "AZ": "azj aze",
        "BG": "bul",
        "BT": "dzo",
        "CZ": "ces",
        "DK": "dan",
        "EE": "est ekk",
        "ET": "amh orm",
        "FI": "fin",
        "GE": "kat",
        "GR": "ell",
        "HU": "hun",
        "ID": "ind jav sun min ban",
        "IL": "heb",
        "IN": "hin tel mar guj kan mal ori asm mai",
        "IR": "pes fas",
        "IS": "isl",
        "JP": "jpn",
        "KH": "khm",
        "KR": "kor",
        "KZ": "kaz",
        "LA": "lao",
        "LK": "sin",
        "LT": "lit",
        "LV": "lav lvs",
        "MG": "mlg plt",
        "MM": "mya",
        "MN": "mon khk",
        "NG": "ibo yor",
        "NO": "nob nno nor",
        "NP": "nep npi",
        "PH": "tgl fil ceb ilo",
        "PL": "pol",
        "RW": "kin",
        "SE": "swe",
        "SI": "slv",
        "SK": "slk",
        "TH": "tha",
        "TR": "tur",
        "UA": "ukr",
        "UG": "lug",
        "UZ": "uzb uzn",
        "VN": "vie",
        "ZA": "zul xho nso afr",
    }.items()
    for language in languages.split()
}
"""ISO 639-3 -> the country where nearly all who write the language live. Assumption: by CLDR's
speakers, nine of ten; Urdu, Swahili, Bengali, Tamil and all that is written in several are not."""


def country_of(url: str, language: str = "") -> str | None:
    """ISO 3166-1's two letters; the host's go first.

    Args:
        url: of the document, or anything.
        language: a key such as ``hin_Deva``, or nothing.
    """
    host = url.partition("://")[2].partition("/")[0].rpartition("@")[2].partition(":")[0]
    domain = host.rpartition(".")[2].upper()
    country = "GB" if domain == "UK" else domain
    if country in SUPPORTED_REGIONS and country not in SOLD:
        return country
    return COUNTRY_OF.get(split(language)[0])
