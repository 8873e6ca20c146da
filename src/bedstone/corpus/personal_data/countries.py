"""Countries in texts: whose a document is, and how long accounts are there.

A wrong country makes national numbers of any digits, so none is said where in doubt: a document's
is that of its host's top-level domain (ISO 3166-1, but ``uk``), unless that is sold as a word, or
that where nearly all who write its language live.

The table ``countries.tsv``: ``iban``, an account's length, by SWIFT's registry (ISO 13616);
``languages`` by ISO 639-3, of whose speakers nine of ten live there (assumption, by CLDR's
speakers: Urdu, Swahili, Bengali, Tamil are in none); ``sold``, domains that most have for their
letters (assumption: common knowledge).
"""

import csv
from pathlib import Path

from phonenumbers import SUPPORTED_REGIONS

from bedstone.languages import split

_TABLE = Path(__file__).with_name("countries.tsv").read_text("utf-8")
_ROWS = list(csv.DictReader(_TABLE.splitlines(), delimiter="\t"))
IBAN_LENGTHS = {row["country"]: int(row["iban"]) for row in _ROWS if row["iban"]}
SOLD = frozenset(row["country"] for row in _ROWS if row["sold"])
COUNTRY_OF = {language: row["country"] for row in _ROWS for language in row["languages"].split()}


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
