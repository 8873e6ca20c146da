"""Are passages in other languages kept as English ones are, and spoilt ones dropped as often?

    python benchmarks/languages.py FOLDER [--method mean-std] [--bytes 800] [--mixed] [--why]

Parallel passages: lines of MediaWiki's messages and of GNOME's help, translated, joined until the
English side has so many bytes. Each language is compared with the English of its own passages.
Spoilt: a third of the lines thrice; two words a line; each line's characters but the last in
another order.
Limits and stop words come from other text: messages of Chromium and of Evolution (the one has no
Panjabi, the other no Urdu and no Swahili), joined likewise, with the English of the same messages;
``--mixed`` takes all English there is instead, text of another kind for three of the languages.
Rules are those of recipes/multilingual.toml. FOLDER keeps the packages, fetched by apt-get.
"""

import argparse
import json
import random
import re
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, pairwise
from math import sqrt
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa

from bedstone.corpus.filter import FilterConfig
from bedstone.corpus.rules.measures import STOP_WORDS, measure
from bedstone.corpus.rules.sets import judge
from bedstone.corpus.rules.transfer import CARRIERS
from bedstone.corpus.sources import messages, packages
from bedstone.corpus.sources.packages import Package
from bedstone.corpus.sources.pages import Files
from bedstone.corpus.thresholds import ThresholdsConfig, tallied, thresholds
from bedstone.languages import ENGLISH
from bedstone.store.recipe import load

LANGUAGES = {
    "te": "tel_Telu",
    "mr": "mar_Deva",
    "gu": "guj_Gujr",
    "ta": "tam_Taml",
    "kn": "kan_Knda",
    "pa": "pan_Guru",
    "ur": "urd_Arab",
    "sw": "swa_Latn",
    "bn": "ben_Beng",
}
RECIPE = Path(__file__).parents[1] / "recipes" / "multilingual.toml"
CODES = "|".join(LANGUAGES)
MESSAGES = re.compile(rf"usr/share/mediawiki/(?:.+/)?i18n(?:/.+)?/(?:en|{CODES})\.json")
HELP = re.compile(rf"usr/share/help/(?:C|{CODES})/[^/]+/[^/]+\.page")
PAK = re.compile(rf"usr/lib/chromium/locales/(?:en-GB|{CODES})\.pak")
MO = re.compile(rf"usr/share/locale/(?:{CODES})/LC_MESSAGES/evolution\.mo")
TEST = (("mediawiki", MESSAGES), ("gnome-user-docs", HELP))
REFERENCE = (("chromium-l10n", PAK), ("evolution-common", MO))
PROGRAM = re.compile(r"[%_$]|\\")
"""Placeholders and mnemonics of a program's messages: a line with one is left out."""
Z = 1.96
LEAST_RATIO = 0.9
SPOILT_LINES = 3
MENU_WORDS = 2

Pair = tuple[str, str]
"""A line in English, and in the language."""


def mediawiki_lines(files: Files) -> dict[str, list[Pair]]:
    folders: dict[str, dict[str, dict[str, str]]] = {}
    for name, content in files.items():
        folder, _, file = name.rpartition("/")
        folders.setdefault(folder, {})[file.removesuffix(".json")] = json.loads(content)
    return {
        code: [
            pair
            for parts in folders.values()
            if "en" in parts and code in parts
            for key, text in parts["en"].items()
            if key[0] != "@" and key in parts[code]
            for pair in _line_by_line(text, parts[code][key])
        ]
        for code in LANGUAGES
    }


def _line_by_line(english: str, other: str) -> list[Pair]:
    ours, theirs = english.splitlines(), other.splitlines()
    if len(ours) != len(theirs):
        return []
    pairs = zip(map(messages.plain, ours), map(messages.plain, theirs), strict=True)
    return [pair for pair in pairs if all(pair)]


def help_lines(files: Files) -> dict[str, list[Pair]]:
    pages: dict[str, dict[str, list[str]]] = {}
    for name, content in files.items():
        code, page = name.removeprefix("usr/share/help/").split("/", 1)
        pages.setdefault(code, {})[page] = _paragraphs(content)
    return {
        code: [
            pair
            for page, english in pages["C"].items()
            if len(other := pages.get(code, {}).get(page, [])) == len(english)
            for pair in zip(english, other, strict=True)
        ]
        for code in LANGUAGES
    }


def _paragraphs(page: bytes) -> list[str]:
    try:
        root = ElementTree.fromstring(page)
    except ElementTree.ParseError:
        return []
    found = (each for each in root.iter() if each.tag.endswith(("}p", "}title")))
    return [" ".join("".join(each.itertext()).split()) for each in found]


def chromium_lines(files: Files) -> dict[str, list[Pair]]:
    texts = {Path(name).stem: dict(_resources(content)) for name, content in files.items()}
    return {
        code: [
            pair
            for key, english in texts["en-GB"].items()
            if key in texts.get(code, {})
            for pair in _line_by_line(english, texts[code][key])
        ]
        for code in LANGUAGES
    }


def _resources(pak: bytes) -> Iterator[tuple[int, str]]:
    """Chromium's pack of resources, version 5; compressed ones are left out."""
    count = struct.unpack_from("<IIH", pak)[2]
    places = [struct.unpack_from("<HI", pak, 12 + 6 * number) for number in range(count + 1)]
    for (key, start), (_, end) in pairwise(places):
        if pak[start : start + 2] != b"\x1f\x8b":
            yield key, pak[start:end].decode()


def evolution_lines(files: Files) -> dict[str, list[Pair]]:
    by_code = {name.split("/")[3]: content for name, content in files.items()}
    return {
        code: [
            pair
            for english, other in _catalog(by_code.get(code, b""))
            for pair in zip(english.splitlines(), other.splitlines(), strict=False)
            if not PROGRAM.search("".join(pair))
        ]
        for code in LANGUAGES
    }


def _catalog(mo: bytes) -> Iterator[Pair]:
    """GNU gettext's compiled catalogue: the singular of each message, and its translation."""
    count, *tables = struct.unpack_from("<3I", mo, 8) if mo else (0, 0, 0)
    for number in range(count):
        pair = []
        for table in tables:
            length, start = struct.unpack_from("<2I", mo, table + 8 * number)
            pair.append(mo[start : start + length].split(b"\0")[0].rpartition(b"\4")[2].decode())
        if pair[0]:
            yield pair[0], pair[1]


READERS: dict[str, Callable[[Files], dict[str, list[Pair]]]] = {
    "mediawiki": mediawiki_lines,
    "gnome-user-docs": help_lines,
    "chromium-l10n": chromium_lines,
    "evolution-common": evolution_lines,
}


def read(folder: Path, sources: Sequence[tuple[str, re.Pattern[str]]]) -> dict[str, list[Pair]]:
    """Of each language: the lines of all sources that are translated, each once."""
    fetched = packages.fetch([Package(name, "apt-get", name) for name, _ in sources], folder)
    if fetched.missing:
        raise SystemExit(f"cannot be fetched: {fetched.missing}")
    found: dict[str, dict[str, Pair]] = {code: {} for code in LANGUAGES}
    for archive, (name, wanted) in zip(fetched.archives, sources, strict=True):
        for code, pairs in READERS[name](packages.read(archive.path, wanted)).items():
            for english, other in pairs:
                if len(english) >= messages.MIN_LINE_BYTES and english != other and other.strip():
                    found[code].setdefault(english, (english, other))
    return {code: list(pairs.values()) for code, pairs in found.items()}


def passages(pairs: Sequence[Pair], size: int) -> list[Pair]:
    """Lines joined until the English side has ``size`` bytes; what is left over is no passage."""
    found, lines, length = [], [], 0
    for english, other in pairs:
        lines.append((english, other))
        length += len(english.encode()) + 1
        if length >= size:
            ours, theirs = zip(*lines, strict=True)
            found.append(("\n".join(ours), "\n".join(theirs)))
            lines, length = [], 0
    return found


def repeated(text: str, dice: random.Random) -> str:
    lines = text.split("\n")
    return "\n".join(lines[: -(-len(lines) // SPOILT_LINES)] * SPOILT_LINES)


def menu(text: str, dice: random.Random) -> str:
    words = text.split()
    starts = range(0, len(words), MENU_WORDS)
    return "\n".join(" ".join(words[start : start + MENU_WORDS]) for start in starts)


def shuffled(text: str, dice: random.Random) -> str:
    lines = text.split("\n")
    return "\n".join("".join(dice.sample(line[:-1], len(line) - 1)) + line[-1] for line in lines)


WAYS: dict[str, Callable[[str, random.Random], str]] = {
    "as it is": lambda text, dice: text,
    "repeated": repeated,
    "menu": menu,
    "shuffled": shuffled,
}


def wilson(part: int, whole: int) -> tuple[float, float]:
    share, squared = part / whole, Z * Z / whole
    middle = (share + squared / 2) / (1 + squared)
    half = Z * sqrt(share * (1 - share) / whole + squared / whole / 4) / (1 + squared)
    return middle - half, middle + half


def entries(
    lines: dict[str, list[Pair]], size: int, config: ThresholdsConfig, *, mixed: bool
) -> dict[str, Any]:
    """Each language's thresholds from the reference."""
    joined = {code: passages(pairs, size) for code, pairs in lines.items()}
    everything = {english for pairs in joined.values() for english, _ in pairs}
    found = {}
    for code, name in LANGUAGES.items():
        english = sorted(everything) if mixed else [english for english, _ in joined[code]]
        others = {name: tallied(name, pa.array([other for _, other in joined[code]]), config.rules)}
        found |= thresholds(config, tallied(ENGLISH, pa.array(english), config.rules), others)
    return found


def drops(
    texts: Sequence[str], language: str, config: FilterConfig, entry: dict[str, Any]
) -> list[list[str]]:
    """The rules that each text fails."""
    stop_words: dict[str, Sequence[str]] = {ENGLISH: STOP_WORDS}
    ranges = {}
    if language != ENGLISH:
        known = {rule.name for rule in config.in_force()}
        stop_words |= {language: entry["stop_words"]} if entry["stop_words"] else {}
        ranges[language] = {name: it for name, it in entry["ranges"].items() if name in known}
    measured = measure(
        texts,
        languages=[language] * len(texts),
        stop_words=stop_words,
        rules=",".join(config.rules),
    )
    own = FilterConfig.model_validate({**dict(config), "ranges_by_language": ranges})
    failed: list[list[str]] = judge(measured, own.in_force(language))["failed"].to_pylist()
    return failed


def line(name: str, way: str, ours: list[list[str]], theirs: list[list[str]]) -> str:
    """The share kept, or dropped if spoilt, in the language and in English, and their ratio."""
    whole, spoilt = len(ours), way != "as it is"
    parts = [sum(bool(each) == spoilt for each in failed) for failed in (ours, theirs)]
    cells = []
    for part in parts:
        low, high = wilson(part, whole)
        cells.append(f"{part / whole:6.3f} [{low:.2f}, {high:.2f}]")
    ratio = parts[0] / parts[1] if parts[1] else float("nan")
    verdict = "" if ratio >= LEAST_RATIO else "  below .9"
    return f"{name:9} {way:9} {whole:4} {cells[0]} {cells[1]} {ratio:6.3f}{verdict}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--method", choices=tuple(CARRIERS), default=ThresholdsConfig().method)
    parser.add_argument("--bytes", type=int, default=800)
    parser.add_argument("--mixed", action="store_true")
    parser.add_argument("--why", action="store_true", help="count the rules that drop")
    words = parser.parse_args()
    nodes = {node.name: node.config for node in load(RECIPE).nodes}
    config = nodes["kept"]
    assert isinstance(config, FilterConfig)
    lines = read(words.folder, REFERENCE)
    settings = ThresholdsConfig(method=words.method)
    learnt = entries(lines, words.bytes, settings, mixed=words.mixed)
    test = read(words.folder, TEST)
    seen = {english for pairs in lines.values() for english, _ in pairs}
    print("language  spoilt       n  in the language       in English            ratio")
    for code, name in LANGUAGES.items():
        pairs = passages([pair for pair in test[code] if pair[0] not in seen], words.bytes)
        for way, spoil in WAYS.items():
            dice = random.Random(code + way)
            sides = [[spoil(text, dice) for text in side] for side in zip(*pairs, strict=True)]
            ours = drops(sides[1], name, config, learnt[name])
            theirs = drops(sides[0], ENGLISH, config, learnt[name])
            print(line(name, way, ours, theirs))
            if words.why:
                print("         ", dict(Counter(chain.from_iterable(ours)).most_common()))
                print("          English", dict(Counter(chain.from_iterable(theirs)).most_common()))


if __name__ == "__main__":
    main()
