"""Languages: their codes, names, scripts, and how many people speak them.

A language is named by ISO 639-3 and ISO 15924, ``nob_Latn``; ``und`` is one that is not known,
``mul`` a text in several. Codes of macrolanguages (``zho``, ``ara``, ``msa``) stand where texts and
statistics tell no more.

The table ``languages.tsv`` gives each language's other codes: ISO 639-1 and -2, the member of a
macrolanguage that its texts are in, codes that were withdrawn (``scr``) and wrong ones that are in
print (``jp``). Source: CLD2's list of codes, the IANA subtag registry (names, codes), CLDR's
languageData (scripts, the usual one first).
Differs: CLD2's ``no`` and ``nor`` are Bokmål, for Nynorsk is told apart; ``bh``, the Bihari group,
is read as Bhojpuri, its largest member; ``hrp`` is read as Croatian, which it is in print;
CLDR counts Tagalog under Filipino, Twi under Akan, and Bokmål and Nynorsk each.

The table ``cldr.tsv`` gives the English names of the other languages that have a code, and the
speakers of languages, in all and in some countries. Source: CLDR and the IANA subtag registry, as
the package ``language_data`` 1.4.0 puts them together, which takes two hundred times the room.

Speakers come from one of two sources, which differ by a factor of two for some languages
(Panjabi, Swahili): name the source beside each figure. Both count first and second language
together, so that the shares of all languages add up to more than 1.

* ``cldr``: CLDR's territories, added up. Where a language's script depends on the
  country (Panjabi is written in Gurmukhi in India, in Shahmukhi in Pakistan), its speakers are
  those of the countries that use the script.
* ``published``: the nine languages of the table of under-represented languages that goes with
  Lai et al. 2023, arXiv:2304.05613, in any script.
"""

import csv
import difflib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

UNKNOWN = "und"
MIXED = "mul"
ENGLISH = "eng_Latn"
WORLD_POPULATION = 8.0e9
"""Of 2022, as in Lai et al. 2023, arXiv:2304.05613."""
Source = Literal["cldr", "published"]
Identifier = Literal["pycld2", "py3langid", "fasttext"]
"""Who finds a text's language: see ``corpus.identification.identifiers``."""
SPEAKERS_SOURCE: dict[Source, str] = {
    "cldr": "CLDR by language_data, first and second language together",
    "published": "the table published with Lai et al. 2023, first and second language together",
}
"""How each source is named beside its figures."""


@dataclass(frozen=True, slots=True)
class Language:
    """A row of the table."""

    code: str
    """ISO 639-3."""
    name: str
    standard: str
    """Of a macrolanguage: ISO 639-3 of the member that texts are mostly in; else empty."""
    codes: tuple[str, ...]
    """Others that mean this language."""
    cldr: tuple[str, ...]
    """CLDR's code; several, if their speakers add up; of a country, ``pa-PK``."""
    divided: dict[str, tuple[str, ...]]
    """Script -> the countries that write the language in it; the others use the usual script."""
    published: int | None
    """Speakers, in millions."""
    cld2: tuple[str, ...]
    scripts: tuple[str, ...]
    """ISO 15924, the usual one first."""


@cache
def known() -> dict[str, Language]:
    """All that are known here, by code."""
    table = Path(__file__).with_name("languages.tsv").read_text("utf-8")
    return {
        row["language"]: Language(
            row["language"],
            row["name"],
            row["standard"],
            tuple(row["codes"].split()),
            tuple(row["cldr"].split()),
            {
                script: tuple(countries.split(","))
                for script, _, countries in (each.partition(":") for each in row["divided"].split())
            },
            int(row["published"]) if row["published"] else None,
            tuple(row["cld2"].split()),
            tuple(row["scripts"].split()),
        )
        for row in csv.DictReader(table.splitlines(), delimiter="\t")
    }


@cache
def by_cld2() -> dict[str, Language]:
    """The languages by CLD2's codes; one may have two."""
    return {code: language for language in known().values() for code in language.cld2}


@cache
def _by_any_code() -> dict[str, Language]:
    """By every code that means a language; where two claim one, by whose own it is."""
    claims: dict[str, Language] = {}
    for codes in (
        lambda it: (it.code,),
        lambda it: (it.standard, *it.codes, *it.cld2),
        lambda it: it.cldr if len(it.cldr) == 1 else (),
    ):
        for language in known().values():
            for code in codes(language):
                claims.setdefault(code, language)
    return {code: language for code, language in claims.items() if code}


def by_code(code: str) -> Language | None:
    """The language that ``code`` means: ISO 639-1, -2 or -3, a BCP 47 tag, or a known misnomer.

    None if it is not in the table.
    """
    tag = code.replace("_", "-")
    return _by_any_code().get(tag) or _by_any_code().get(tag.partition("-")[0].lower())


def nearest_to(word: str) -> Language | None:
    """The language whose code or name is most like ``word``, if one is."""
    by_word = _by_any_code() | {it.name.lower(): it for it in known().values()}
    match = difflib.get_close_matches(word.lower(), by_word, n=1)
    return by_word[match[0]] if match else None


def split(key: str) -> tuple[str, str]:
    """Language and script of a key such as ``nob_Latn``; of ``und`` and ``mul``, no script."""
    language, _, script = key.partition("_")
    return language, script


def join(language: str, script: str) -> str:
    """The key of a language in a script: the way back."""
    return f"{language}_{script}" if script else language


@cache
def _cldr() -> dict[str, tuple[str, int | None]]:
    """Name and speakers by code, or by language and country, ``pa-PK``; either may be missing."""
    table = Path(__file__).with_name("cldr.tsv").read_text("utf-8")
    return {
        row["code"]: (row["name"], int(row["speakers"]) if row["speakers"] else None)
        for row in csv.DictReader(table.splitlines(), delimiter="\t")
    }


def name(code: str) -> str:
    """The English name of a language; the code itself of one that nobody has named."""
    own = {UNKNOWN: "unknown", MIXED: "several"}
    named = known()[code].name if code in known() else _cldr().get(code, ("", None))[0]
    return own.get(code) or named or code


def is_divided(code: str) -> bool:
    """Whether speakers of the language use one script or the other, and are counted by script."""
    return code in known() and bool(known()[code].divided)


def speakers(code: str, script: str = "", source: Source = "cldr") -> int | None:
    """How many people speak a language; None where the source does not say.

    Args:
        code: ISO 639-3.
        script: those who write it so, of a language whose script depends on the country; absent
            or of another language, all.
        source: see above; what is published is of all scripts.
    """
    language = known().get(code)
    if source == "published":
        return language.published * 1_000_000 if language and language.published else None
    if language is None:
        return _population(code)
    counts = [count for term in language.cldr if (count := _population(term)) is not None]
    if not counts:
        return None
    if script in language.divided:
        return _of_countries(language, script)
    if language.divided and script == language.scripts[0]:
        return sum(counts) - sum(_of_countries(language, other) for other in language.divided)
    return sum(counts)


def _of_countries(language: Language, script: str) -> int:
    terms = [f"{language.cldr[0]}-{country}" for country in language.divided[script]]
    return sum(_population(term) or 0 for term in terms)


def _population(code: str) -> int | None:
    return _cldr().get(code, ("", None))[1]
