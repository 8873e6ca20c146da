"""Versions of one content in many languages, as pieces that stand beside their English.

Versions come by the name that their source has for the language: ``te``, ``pt_BR``, ``sr@latin``,
``cmn-hans-beijing``; that of English is ``en``. A name begins with a language's code; one that is
not in ``languages.tsv`` stays as it is if it is ISO 639-3, and is left out otherwise. The script
is what the rest of the name says, be it by a country, or else that of the letters.

Of several versions in one language and script, one is taken: that of the plainest name.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bedstone.languages import ENGLISH, UNKNOWN, Language, by_code, join
from bedstone.text import characters
from bedstone.text.composition import composed

ENGLISH_NAME = "en"
COLLECTIVE = frozenset({"map", "roa", UNKNOWN})
"""Codes of three letters that are no language's: ISO 639-5, and none at all."""
SEPARATOR = re.compile(r"[-_@]")
PART = "#"
"""Between the id of a page and a part's number."""

Version = Mapping[str, str]
"""Piece of content -> its text."""


@dataclass(frozen=True, slots=True)
class Unit:
    """The same content in a language and in English."""

    language: str
    """Key, such as ``tel_Telu``."""
    unit: str
    """Which piece of the content."""
    text: str
    english: str


def units(versions: Mapping[str, Version]) -> Iterator[Unit]:
    """The pieces in each language, English among them, in the order of the English ones.

    A piece without letters is left out, and one that is as in English: it is not translated. Texts
    are in Unicode's composed form: whether a letter's accents stand apart is no language's doing.
    """
    composed = {name: _composed(version) for name, version in versions.items()}
    english = {unit: text for unit, text in composed[ENGLISH_NAME].items() if _has_letters(text)}
    translated = {name: _translated(version, english) for name, version in composed.items()}
    chosen = {**_chosen(translated), ENGLISH: english}
    for key in sorted(chosen):
        for unit, ours in english.items():
            if unit in chosen[key]:
                yield Unit(key, unit, chosen[key][unit], ours)


def page_of(unit: str) -> str:
    """What a piece is a part of, by its id: ``book/page#3`` of a page; other pieces stand alone."""
    return unit.partition(PART)[0]


def key_of(name: str, text: str) -> str | None:
    """The key of the language that ``name`` begins with, in the script that ``text`` is in.

    None where no language has that code.
    """
    code, *rest = SEPARATOR.split(name)
    language = by_code(code)
    if language is None and not (re.fullmatch("[a-z]{3}", code) and code not in COLLECTIVE):
        return None
    script = _named_script(rest, language)
    among = language.scripts if language else ()
    return join(language.code if language else code, script or characters.script_of(text, among))


def _composed(version: Version) -> Version:
    return {unit: composed(text) for unit, text in version.items()}


def _translated(version: Version, english: Version) -> Version:
    """Without what has no letters, no English beside it, or is as in English."""
    return {
        unit: text
        for unit, text in version.items()
        if unit in english and text != english[unit] and _has_letters(text)
    }


def _chosen(versions: Mapping[str, Version]) -> dict[str, Version]:
    """Of each language and script, one version."""
    names: dict[str, list[str]] = {}
    for name, version in versions.items():
        key = key_of(name, " ".join(version.values()))
        if key is not None and version:
            names.setdefault(key, []).append(name)
    return {
        key: versions[min(those, key=lambda name: _preference(name, len(versions[name])))]
        for key, those in names.items()
    }


def _preference(name: str, pieces: int) -> tuple[bool, int, bool, int, int, str]:
    """Sorts the version to take first: of the language itself, whole, of the latest year."""
    code, *rest = SEPARATOR.split(name)
    language = by_code(code)
    own = {language.code, language.standard, *language.cldr} if language else {code}
    number = max((int(part) for part in rest if part.isdecimal()), default=0)
    return code not in own, len(rest), number > 0, -pieces, -number, name


def _named_script(rest: list[str], language: Language | None) -> str | None:
    known = {*characters.scripts(), *characters.COMPOSED, *(language.scripts if language else ())}
    divided = language.divided if language else {}
    for part in rest:
        if part.title() in known - {""}:
            return part.title()
        for script, countries in divided.items():
            if part.upper() in countries:
                return script
    return None


def _has_letters(text: str) -> bool:
    return bool((characters.kind_table()[characters.codes_of(text)] == characters.LETTER).any())
