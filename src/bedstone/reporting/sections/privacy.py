"""The report's section about personal data: what was found, and how much of it can be found."""

from collections import Counter

from bedstone.errors import printable
from bedstone.reporting.family import Family
from bedstone.reporting.section import Section, Table
from bedstone.reporting.sections.rules import about_rows
from bedstone.reporting.wording import NOT_KNOWN, count, interval, language_labels, percent, short
from bedstone.store.artifact import Artifact
from bedstone.uncertainty.intervals import wilson

ANY = "any"
SHOWN_LANGUAGES = 4
SHAPES = 3
"""Examples of each kind."""


def privacy(family: Family) -> Section | None:
    """Which identifiers of persons stand in the documents, by kind and language."""
    found = family.find("corpus.personal")
    if found is None:
        return None
    metrics, redacted = found.manifest.metrics, family.find("corpus.redact")
    kinds = Counter(
        {kind: int(metrics[f"found.{kind}_spans"]) for kind in found.manifest.config["kinds"]}
    )
    most = [f"{count(number)} {_words(kind)}" for kind, number in kinds.most_common(2) if number]
    return Section(
        name="personal-data",
        question="Whose numbers are in it?",
        answer=f"{percent(metrics['personal_share'])} of the documents hold identifiers of persons "
        f"or firms: {' and '.join(most)}"
        if most
        else "No identifier of a person was found",
        text=(
            "Names, addresses and whatever has no pattern are not sought; whether a number is a "
            "person's or a firm's cannot be told from it.",
            _what_became_of_them(redacted),
        ),
        tables=tuple(it for it in (_by_language(found, kinds), _planted(found)) if it.rows),
        method="Each hit passed its kind's test: check digits, a plan of phone numbers, a public "
        "address. Recall and precision are of identifiers and as many look-alikes planted "
        "into some documents, as they are usually written: who hides one otherwise is not found, "
        "and among more look-alikes precision is lower.",
        measured_by=(found, redacted),
    )


def _words(kind: str) -> str:
    return kind.replace("_", " ")


def _what_became_of_them(redacted: Artifact | None) -> str:
    if redacted is None:
        return "They stand in the texts as they were written."
    metrics = redacted.manifest.metrics
    told = {"tag": "a tag", "surrogate": "a surrogate", "drop": "nothing"}
    numbers = {what: metrics[f"{policy}_spans"] for policy, what in told.items()}
    places = [f"{what} for {count(number)}" for what, number in numbers.items() if number]
    if not places:
        return "Nothing of it was replaced: it is in dropped documents, or of kinds that are kept."
    return f"In the texts there stands {', '.join(places)}."


def _by_language(found: Artifact, kinds: Counter[str]) -> Table:
    """Hits in a million characters, of the languages with most text, and shapes of each kind."""
    hits, characters = Counter[tuple[str, str]](), Counter[str]()
    shapes: dict[str, list[str]] = {}
    for row in about_rows(found, "hits.parquet"):
        hits[row["language"], row["kind"]] += row["hits"]
        shapes.setdefault(row["kind"], []).extend(row["examples"])
        if row["kind"] == ANY:
            characters[row["language"]] += row["characters"]
    shown = [language for language, _ in characters.most_common(SHOWN_LANGUAGES)]
    labels = language_labels(shown)
    rows = [
        (
            _words(kind),
            ", ".join(printable(it) for it in list(dict.fromkeys(shapes[kind]))[:SHAPES]),
            count(number),
            *(short(1e6 * hits[it, kind] / max(characters[it], 1)) for it in shown),
        )
        for kind, number in kinds.most_common()
        if number
    ]
    head = ("kind", "shapes", "found", *(labels[language] for language in shown))
    return Table(
        "Identifiers, and how many in a million characters of a language", head, tuple(rows), 2
    )


def _planted(found: Artifact) -> Table:
    """Recall and precision of each kind, in all languages."""
    sums: dict[str, list[int]] = {}
    for row in about_rows(found, "planted.parquet"):
        counted = sums.setdefault(row["kind"], [0, 0, 0])
        for place, name in enumerate(("planted", "found", "taken")):
            counted[place] += row[name]
    rows = [
        (_words(kind), count(planted), _share(right, planted), _share(right, right + wrong))
        for kind, (planted, right, wrong) in sorted(sums.items())
    ]
    head = ("kind", "planted", "recall", "precision")
    return Table(
        "What is found of identifiers that were planted, with 95 % intervals", head, tuple(rows)
    )


def _share(part: int, whole: int) -> str:
    if not whole:
        return NOT_KNOWN
    told = wilson(part / whole, whole)
    return f"{percent(told.value)} ({interval(told.low, told.high)})"
