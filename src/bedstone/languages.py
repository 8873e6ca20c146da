"""Languages: their codes, names, scripts, and how many people speak them.

A language is named by ISO 639-3 and ISO 15924, ``nob_Latn``; ``und`` is one that is not known,
``mul`` a text in several. Codes of macrolanguages (``zho``, ``ara``, ``msa``) stand where CLD2 and
CLDR tell no more.

Speakers are CLDR's (``language_data``), which counts first and second language together, so that
the shares of all languages add up to far more than 1. Sources differ by a factor of two for some
languages (Panjabi, Swahili): name the source beside each figure.

The table ``languages.tsv`` has the languages that CLD2 knows. Source: CLD2's list of codes, the
IANA subtag registry (names), CLDR's languageData (scripts, the usual one first).
Differs: CLD2's ``no`` is Bokmål, for it tells Nynorsk apart; its ``bh``, the Bihari group, is read
as Bhojpuri, its largest member; CLDR counts Tagalog under Filipino, Twi under Akan, and Bokmål and
Nynorsk each.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

UNKNOWN = "und"
MIXED = "mul"
ENGLISH = "eng_Latn"
WORLD_POPULATION = 8.0e9
"""Of 2022, as in Lai et al. 2023, arXiv:2304.05613."""
SPEAKERS_SOURCE = "CLDR by language_data, first and second language together"


@dataclass(frozen=True, slots=True)
class Language:
    """A row of the table."""

    code: str
    """ISO 639-3."""
    name: str
    standard: str
    """Of a macrolanguage: ISO 639-3 of the member that texts are mostly in; else empty."""
    cldr: str
    """CLDR's code; empty if it has none."""
    cld2: tuple[str, ...]
    scripts: tuple[str, ...]
    """ISO 15924, the usual one first."""


@cache
def known() -> dict[str, Language]:
    """All that are known here, by code."""
    table = resources.files("bedstone").joinpath("languages.tsv").read_text("utf-8")
    return {
        row["language"]: Language(
            row["language"],
            row["name"],
            row["standard"],
            row["cldr"],
            tuple(row["cld2"].split()),
            tuple(row["scripts"].split()),
        )
        for row in csv.DictReader(table.splitlines(), delimiter="\t")
    }


@cache
def by_cld2() -> dict[str, Language]:
    """The languages by CLD2's codes; one may have two."""
    return {code: language for language in known().values() for code in language.cld2}


def split(key: str) -> tuple[str, str]:
    """Language and script of a key such as ``nob_Latn``; of ``und`` and ``mul``, no script."""
    language, _, script = key.partition("_")
    return language, script


def name(code: str) -> str:
    """The English name of a language; the code itself of one that is not in the table."""
    language = known().get(code)
    return language.name if language else {UNKNOWN: "unknown", MIXED: "several"}.get(code, code)


def speakers(code: str) -> int | None:
    """How many people speak a language; None where CLDR does not say."""
    from language_data.population_data import LANGUAGE_SPEAKING_POPULATION as POPULATION

    language = known().get(code)
    return POPULATION.get(language.cldr) if language else None
