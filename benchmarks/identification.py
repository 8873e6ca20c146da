"""How well do identifiers tell languages apart, and how pure is what they call a language?

    python benchmarks/identification.py FOLDER [--model FILE.ftz] [--out FILE.md]
    python benchmarks/identification.py FOLDER --learn | --measure | --coverage | --second-look

Labelled text is what ``labelled.py`` reads, in texts of some 600 bytes. By hash, one half is for
learning: the frequent words of each language, and the limits of its scores and words. The other
half is for measuring: accuracy on clean text, on its first 100 characters and among HTML tags; and
which language is taken for which. Program code and base64 are measured too: no language is right
for them.

``--learn`` and then, by another call, ``--measure`` write what the package holds of this: below
``corpus/identification``, ``frequent_words.tsv`` and ``confusion.tsv``. ``--coverage`` mixes
corpora by lot and counts how often the intervals of purity hold: on kinds of text that nothing is
ever learnt from, and with each other kind left out of learning in turn; of languages by which the
method was chosen and of the others. ``--second-look`` counts in the same way how often the words of
a language overrule an answer that was right, and how often they mend one that was wrong. Both print
a table of ``identification.md``; ``--out`` is for the accuracies. FOLDER keeps the packages.
"""

import argparse
import csv
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import labelled
import numpy as np
from labelled import KINDS, VIEWS, Cells, viewed

from bedstone import languages
from bedstone.corpus.identification import prose, purity
from bedstone.corpus.identification.identifiers import Identifier, identifier
from bedstone.corpus.identification.identify import Identified, identify, is_rather
from bedstone.languages import ENGLISH, MIXED, UNKNOWN
from bedstone.languages import Identifier as Name
from bedstone.lots import lot
from bedstone.text.characters import COMPOSED, script_of
from bedstone.text.composition import composed
from bedstone.text.words import ALPHABETIC, UNSPACED, words_of

PACKAGE = Path(__file__).parents[1] / "src" / "bedstone" / "corpus" / "identification"
MIN_TEXTS, SHORT_CHARACTERS = 20, 100
WORDS, MIN_WORDS, MIN_LEARNT_BYTES, RARE = 50, 20, 8_000, 3e-4
MIN_BYTES, MIN_SHARE = 40, 0.7
MIN_TAKEN, MAX_LOST, MIN_GAINED = 5, 0.001, 0.5
"""A language is told from one that it is taken for if of the second so few are lost by it, and of
the first so many found."""
USUAL_SHARE, CLAMP = 0.15, (0.3, 0.9)
"""Of the median share of own words in the least usual kind of text, the limit; of scores, the least
and the highest limit."""
MOST = 150
"""Texts of a language and kind, where corpora are mixed."""
CORPORA, ENGLISHES, LANGUAGES = 20, (2_000, 20_000), 60
CONDITIONS = ("clean", "short", "markup")


class Labelled(NamedTuple):
    """A text whose language is known."""

    key: str
    kind: str
    text: str
    is_learnt: bool


class Lists(NamedTuple):
    """What ``prose`` reads of the package's table."""

    words: dict[str, list[str]]
    rivals: dict[str, list[str]]

    def use(self) -> None:
        """Have the package's functions look words up in these."""
        rows = [
            {
                "language": key,
                "taken_for": " ".join(self.rivals.get(key, ())),
                "words": " ".join(it),
            }
            for key, it in self.words.items()
        ]
        prose._rows = lambda: rows
        for kept in (prose.frequent_words, prose.taken_for, prose._lists):
            kept.cache_clear()


def texts_of_cells(cells: Cells) -> list[Labelled]:
    return [
        Labelled(key, kind, text, lot(text, "identification") < 0.5)
        for (key, kind), texts in cells.items()
        for text in texts
    ]


def answers(texts: Sequence[Labelled], way: Identifier) -> Iterator[Identified]:
    return identify([composed(it.text) for it in texts], way, MIN_BYTES, MIN_SHARE)


# Words


def learn(texts: Sequence[Labelled], way: Identifier) -> Lists:
    """What the half of the texts teaches that is for learning."""
    texts = [it for it in texts if it.is_learnt and not it.key.startswith(purity.NO_LANGUAGE)]
    words = _words(texts)
    Lists(words, {}).use()
    return Lists(words, _rivals(texts, way, words))


def _words(texts: Sequence[Labelled]) -> dict[str, list[str]]:
    """Of each key, its frequent words: by the geometric mean of their rates in each kind."""
    by_cell: dict[tuple[str, str], list[str]] = defaultdict(list)
    for it in texts:
        by_cell[it.key, it.kind].append(it.text)
    rates: dict[str, list[Counter[str]]] = defaultdict(list)
    sizes = Counter[str]()
    for (key, _), each in by_cell.items():
        size = sum(len(text.encode()) for text in each)
        sizes[key] += size
        if size >= MIN_LEARNT_BYTES / 2:
            rates[key].append(_rates(key, each))
    means = {
        key: Counter(
            {
                word: float(np.exp(np.mean([np.log(kind[word] + RARE) for kind in kinds])))
                for word in set().union(*kinds)
            }
        )
        for key, kinds in rates.items()
        if sizes[key] >= MIN_LEARNT_BYTES
    }
    english = means[ENGLISH]
    chosen = {
        key: [
            word
            for word, rate in sorted(each.items(), key=lambda it: (-it[1], it[0]))
            if key == ENGLISH or english[word] < rate / 3
        ]
        for key, each in means.items()
    }
    return {key: words[:WORDS] for key, words in chosen.items() if len(words) >= MIN_WORDS}


def _rates(key: str, texts: Sequence[str]) -> Counter[str]:
    """The words of the key's own script, the most frequent first, with their share of all."""
    counts = Counter[str]()
    for start in range(0, len(texts), 256):
        whole = prose.plain(texts[start : start + 256])
        words = words_of(whole)
        has_letter = (words.flags & (ALPHABETIC | UNSPACED)) > 0
        edges = zip(words.starts[has_letter], words.ends[has_letter], strict=True)
        counts.update(whole.codes[a:b].tobytes().decode("utf-32-le") for a, b in edges)
    script = languages.split(key)[1]
    written = (script, *COMPOSED.get(script, ()))
    common = [word for word, _ in counts.most_common(400) if script_of(word) in written]
    return Counter({word: counts[word] / counts.total() for word in common})


def _rivals(
    texts: Sequence[Labelled], way: Identifier, words: dict[str, list[str]]
) -> dict[str, list[str]]:
    """Of each key, the keys of named languages that the identifier does not know and takes for it.

    The package's functions look words up in ``words``, which name no rivals yet.
    """
    found = [it.language for it in answers(texts, way)]
    can_say = set(found)
    named = {key for key in words if languages.split(key)[0] in languages.known()} - can_say
    chosen: dict[str, list[str]] = {}
    for label in sorted(set(words) & can_say - {ENGLISH}):
        of_label = [text for text, said in zip(texts, found, strict=True) if said == label]
        taken = Counter(it.key for it in of_label)
        script = languages.split(label)[1]
        for rival in sorted(key for key in named if taken[key] >= MIN_TAKEN):
            if languages.split(rival)[1] != script:
                continue
            wins = _wins(of_label, label, rival)
            lost = [won for it, won in zip(of_label, wins, strict=True) if it.key == label]
            gained = [won for it, won in zip(of_label, wins, strict=True) if it.key == rival]
            if lost and np.mean(lost) <= MAX_LOST and np.mean(gained) >= MIN_GAINED:
                chosen.setdefault(label, []).append(rival)
    return chosen


def _wins(texts: Sequence[Labelled], label: str, rival: str) -> list[bool]:
    found: list[bool] = []
    for start in range(0, len(texts), 256):
        part = [it.text for it in texts[start : start + 256]]
        measured = prose.prose_of(part)
        own, other = (
            np.nan_to_num(measured.own_words([key] * len(part))) for key in (label, rival)
        )
        found += is_rather(other, own, measured.lettered_words).tolist()
    return found


def second_look(cells: Cells, way: Identifier) -> Iterator[str]:
    """How often right answers are overruled and wrong ones mended, each kind left out in turn."""
    views = {view: texts_of_cells(viewed(cells, view, MOST)) for view in VIEWS}
    counts = {view: Counter[str]() for view in VIEWS}
    hurt = Counter[str]()
    for kind in KINDS:
        learnt = [it._replace(is_learnt=True) for it in views["text"] if it.kind != kind]
        lists = learn(learnt, way)
        pairs = {(label, rival) for label, each in lists.rivals.items() for rival in each}
        for view, texts in views.items():
            tested = [it for it in texts if it.kind == kind]
            Lists(lists.words, {}).use()
            first = [it.language for it in answers(tested, way)]
            lists.use()
            second = [it.language for it in answers(tested, way)]
            for it, label, chosen in zip(tested, first, second, strict=True):
                is_right, is_rival = it.key == label, (label, it.key) in pairs
                if label in lists.rivals and (is_right or is_rival):
                    counts[view]["right" if is_right else "wrong"] += 1
                    counts[view]["overruled" if is_right else "mended"] += (
                        chosen != label if is_right else chosen == it.key
                    )
                    hurt[f"{chosen} for {label}"] += is_right and chosen != label
    yield "| texts | right answers | overruled | taken for another | mended |"
    yield "|---|---|---|---|---|"
    for view, it in counts.items():
        shares = it["overruled"] / it["right"], it["mended"] / it["wrong"]
        yield (
            f"| {view}s | {it['right']:,} | {it['overruled']} ({shares[0]:.2%}) | {it['wrong']:,} "
            f"| {it['mended']} ({shares[1]:.0%}) |"
        )
    yield f"overruled most: {', '.join(f'{name} {n}' for name, n in hurt.most_common(5) if n)}"


# Confusion


def confusion(
    texts: Sequence[Labelled], found: Sequence[Identified], way: Identifier
) -> purity.Confusion:
    """What an identifier makes of labelled texts; its limits are of those that are learnt from."""
    can_say = {it.language for it in found} - {UNKNOWN, MIXED}
    right: dict[str, dict[str, list[Identified]]] = defaultdict(lambda: defaultdict(list))
    for text, it in zip(texts, found, strict=True):
        if text.is_learnt and text.key == it.language:
            right[text.key][text.kind].append(it)
    made = purity.Confusion(limits={key: _limits(right[key], way) for key in sorted(can_say)})
    totals, labels, confirmed = (
        Counter[str](),
        Counter[tuple[str, str]](),
        Counter[tuple[str, str]](),
    )
    for text, it in zip(texts, found, strict=True):
        if text.is_learnt:
            continue
        is_told = text.key in can_say or text.key.startswith(purity.NO_LANGUAGE)
        truth = text.key if is_told else f"{purity.OTHER}_{languages.split(text.key)[1]}"
        totals[truth] += 1
        if it.language in can_say:
            labels[truth, it.language] += 1
            confirmed[truth, it.language] += purity.is_confirmed(
                it.score, it.own_words, made.limits[it.language]
            )
    made.texts, made.labelled = dict(totals), dict(labels)
    made.confirmed = {pair: confirmed[pair] for pair in labels}
    return made


def rows_of(name: str, made: purity.Confusion) -> Iterator[tuple[str | float, ...]]:
    """The rows of ``purity``'s table."""
    for (truth, label), count in sorted(made.labelled.items()):
        low = made.limits[label] if truth == label else None
        bounds = (f"{low.score:.3f}", f"{low.own_words:.4f}", low.kinds) if low else ("", "", "")
        counts = made.texts[truth], label, count, made.confirmed[truth, label]
        yield name, truth, *counts, *bounds
    for truth in sorted(made.texts.keys() - {truth for truth, _ in made.labelled}):
        yield name, truth, made.texts[truth], "", 0, 0, "", "", ""


def _limits(right: Mapping[str, Sequence[Identified]], way: Identifier) -> purity.Limits:
    """What right documents, by kind, have at least; of shares of a text, no more than decides."""
    highest = MIN_SHARE if way.takes_whole else CLAMP[1]
    scores = np.array([it.score for each in right.values() for it in each])
    low = np.median(scores) - scores.std(ddof=1) if len(scores) > 1 else highest
    medians = [float(np.median([it.own_words or 0.0 for it in each])) for each in right.values()]
    words = USUAL_SHARE * min(medians, default=0.0)
    return purity.Limits(min(float(np.clip(low, *CLAMP)), highest), words, len(medians))


# Coverage


class Case(NamedTuple):
    """An interval of purity, and what it should hold."""

    key: str
    right: float
    low: float
    high: float


def coverage(cells: Cells, others: Cells, way: Identifier) -> Iterator[str]:
    """How often intervals hold on kinds of text that nothing was learnt from.

    On those that decide nothing, by the package's tables; then each other kind by what the rest
    teaches.
    """
    views = {view: texts_of_cells(viewed(cells, view, MOST)) for view in VIEWS}
    withheld = {view: texts_of_cells(viewed(others, view, MOST)) for view in VIEWS}
    sides = "wholly below, above the truth; median width"
    groups = f"chosen by | others | {sides}"
    yield f"| kind | texts | that it tells: {groups} | all: {groups} |"
    yield f"|---|---|{'---|' * 6}"
    package = purity.confusion_of("pycld2")
    assert package
    for kind in sorted({kind for _, kind in others}):
        for view in VIEWS:
            texts = [it for it in withheld[view] if it.kind == kind and it.key != ENGLISH]
            texts += [it for it in views[view] if it.key == ENGLISH]
            yield from _covered(f"{kind}, withheld", view, texts, package, way)
    for kind in KINDS:
        learnt = [it for it in views["text"] if it.kind != kind]
        learn(learnt, way).use()
        made = confusion(learnt, list(answers(learnt, way)), way)
        for view, texts in views.items():
            tested = [it for it in texts if it.kind == kind]
            if len([it for it in tested if it.key == ENGLISH]) < MOST:
                tested += [it for it in texts if it.key == ENGLISH and it.kind != kind]
            yield from _covered(f"{kind}, left out", view, tested, made, way)


def _covered(
    kind: str, view: str, texts: Sequence[Labelled], made: purity.Confusion, way: Identifier
) -> Iterator[str]:
    by_key: dict[str, list[Identified]] = defaultdict(list)
    for it, answer in zip(texts, answers(texts, way), strict=True):
        by_key[it.key].append(answer)
    cells = []
    for is_known in (True, False):
        cases = list(_cases(by_key, made, is_known=is_known))
        chosen_by = [lot(it.key, "dev-languages") < 0.5 for it in cases]
        below = [it.high + 1e-9 < it.right for it in cases]
        above = [it.low - 1e-9 > it.right for it in cases]
        holds = ~(np.array(below) | np.array(above))
        cells += [
            f"{holds[group].mean():.1%} ({group.sum():,})" if group.any() else "-"
            for group in (np.array(chosen_by), ~np.array(chosen_by))
        ]
        width = np.median([it.high - it.low for it in cases])
        cells.append(f"{np.mean(below):.1%}, {np.mean(above):.1%}; {width:.2f}")
    yield f"| {kind} | {view}s | {' | '.join(cells)} |"


def _cases(
    by_key: Mapping[str, Sequence[Identified]], made: purity.Confusion, *, is_known: bool
) -> Iterator[Case]:
    """Corpora of English texts and 12 to 100 each in some 60 languages, by lot."""
    keys = [key for key, each in sorted(by_key.items()) if key != ENGLISH and len(each) >= 8]
    keys = [key for key in keys if (key, key) in made.labelled or not is_known]
    dice = random.Random(0)
    for _ in range(CORPORA):
        english = dice.choices(by_key[ENGLISH], k=dice.choice(ENGLISHES))
        corpus = [(ENGLISH, it) for it in english]
        for key in dice.sample(keys, min(LANGUAGES, len(keys))):
            count = min(len(by_key[key]), dice.choice((12, 12, 30, 100)))
            corpus += [(key, it) for it in dice.sample(by_key[key], count)]
        counted, right = _counted(corpus, made)
        for label in sorted(counted.keys() - {UNKNOWN, MIXED, ENGLISH}):
            found = purity.purity(label, counted, made)
            yield Case(label, right[label] / found.n, found.low, found.high)


def _counted(
    corpus: Sequence[tuple[str, Identified]], made: purity.Confusion
) -> tuple[dict[str, purity.Counted], Counter[str]]:
    """Of each label: the documents with those confirmed, and the right ones."""
    documents, confirmed, right = Counter[str](), Counter[str](), Counter[str]()
    for key, it in corpus:
        documents[it.language] += 1
        right[it.language] += it.language == key
        if limits := made.limits.get(it.language):
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
            said = answers([it._replace(text=spoilt(it.text, condition)) for it in chosen], way)
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
    for name in ("--learn", "--measure", "--coverage", "--second-look"):
        parser.add_argument(name, action="store_true")
    parser.add_argument("--out", type=Path)
    words = parser.parse_args()
    names: list[Name] = ["pycld2", "py3langid"]
    ways = {str(name): identifier(name) for name in names}
    cells = labelled.known(words.folder)
    if words.coverage:
        print(*coverage(cells, labelled.withheld(words.folder), ways["pycld2"]), sep="\n")
        return
    if words.second_look:
        print(*second_look(cells, ways["pycld2"]), sep="\n")
        return
    texts = texts_of_cells(viewed(cells, "text"))
    print(f"{len(texts)} texts of {len({it.key for it in texts})} languages")
    if words.learn:
        lists = learn(texts, ways["pycld2"])
        rows = [
            (key, " ".join(lists.rivals.get(key, ())), " ".join(each))
            for key, each in sorted(lists.words.items())
        ]
        _write(PACKAGE / "frequent_words.tsv", ("language", "taken_for", "words"), rows)
        return
    if words.measure:
        code = {
            (kind, "code"): each for kind, each in labelled.of_no_language(words.folder).items()
        }
        texts += texts_of_cells(code)
        rows = []
        for name, way in ways.items():
            rows += rows_of(name, confusion(texts, list(answers(texts, way)), way))
        _write(PACKAGE / "confusion.tsv", purity.COLUMNS, rows)
        return
    if words.model:
        ways[words.model.name] = identifier("fasttext", words.model)
    page = table(accuracies(texts, ways), list(ways))
    print(page)
    if words.out:
        words.out.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
