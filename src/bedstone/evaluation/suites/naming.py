"""What the names of a test's files say: which language, which split, which set.

A field of a record goes before all of this.
"""

import re
from collections.abc import Iterable
from pathlib import PurePath
from typing import NamedTuple

from bedstone import languages
from bedstone.text.characters import COMPOSED

TESTING = frozenset({"test", "devtest"})
LEARNING = frozenset({"train", "dev", "val", "valid", "validation"})
"""Splits that are left out where the same files are there to test on."""
FORMS = frozenset({"jsonl", "ndjson", "tsv", "csv", "parquet", "txt", "gz"})
GENERAL = TESTING | LEARNING | FORMS | {"data", "all", "lite", "of", "samples"}
"""No codes of languages, nor names of sets."""
KEY = re.compile(r"(?<![^\W_])([a-z]{3})_([A-Za-z]{4})(?![^\W_])")
CODE = re.compile(r"[a-z]{2,3}(?:-[a-z]{2})?")
APART = frozenset({"prs"})
"""FLORES has Dari beside Persian, which are one elsewhere."""
SPLIT = re.compile(rf"\d+|(?<![^\W_])(?:{'|'.join(sorted(TESTING | LEARNING))})(?![^\W_])")
"""And the numbers of parts: what else is in a name, both splits have."""
NAME = re.compile(r"[^\W\d_]{2,}(?:-[^\W\d_]+)*")


class Named(NamedTuple):
    """What the name of a file says."""

    language: str | None
    """As ``tel_Telu``."""
    split: str | None
    suite: str | None
    """What else is in the name, of the file before its folder's."""


def named(name: str) -> Named:
    """What a file's name says, folders included; a folder counts where the file is silent."""
    parts = PurePath(name).parts[::-1]
    words = [re.split(r"[._-]", part.lower()) for part in parts]
    split = next((word for part in words for word in part if word in TESTING | LEARNING), None)
    found = [(_language_in(part), part) for part in parts]
    language = next((key for key, _ in found if key), None)
    rest = (
        [word for word in re.split(r"[._]", KEY.sub("", part.lower())) if _is_own(word, language)]
        for part in parts
    )
    suite = next(("-".join(own) for own in rest if own), None)
    return Named(language, split, suite)


def key_of(code: str) -> str | None:
    """The key of a language by any of its codes, or by code and script; None of no language.

    Members of a macrolanguage whose texts are mostly in them have its code: ``swh`` is ``swa``.
    """
    code, _, script = code.strip().replace("-", "_").partition("_")
    script = script.capitalize() if len(script) == 4 else ""
    known = None if code in APART else languages.by_code(code)
    if known is None:
        is_code = len(code) == 3 and languages.name(code) != code
        return languages.join(code, script) if is_code else None
    usual = known.scripts[0]
    is_part = script in COMPOSED.get(usual, ())
    return languages.join(known.code, usual if is_part or not script else script)


def to_test_on(names: Iterable[str]) -> list[str]:
    """The files that are not to learn from, and of those the ones that have none to test beside."""
    given = {name: (named(name).split, SPLIT.sub("", name)) for name in names}
    tested = {rest for split, rest in given.values() if split in TESTING}
    return [name for name, (split, rest) in given.items() if split in TESTING or rest not in tested]


def _language_in(part: str) -> str | None:
    if full := KEY.search(part):
        return key_of(full[0])
    words = [word for word in re.split(r"[._]", part.lower()) if word not in GENERAL]
    # Elsewhere it is a word: my_quiz is not in Burmese.
    return key_of(words[-1]) if words and CODE.fullmatch(words[-1]) else None


def _is_own(word: str, language: str | None) -> bool:
    general = set(word.split("-")) & GENERAL
    return bool(NAME.fullmatch(word)) and not general and key_of(word) != (language or "")
