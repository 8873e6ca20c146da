"""`bedstone seen`: whether the items of a test are in a corpus, or in what a model learnt from."""

from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from typing_extensions import TypedDict

from bedstone.commands.declare import (
    NOT_KNOWN,
    STORE,
    WIDTH,
    Command,
    EngineName,
    MadeOf,
    PathLike,
    Store,
    Workers,
)
from bedstone.commands.desk import artifact_of, making, optional
from bedstone.errors import ArtifactError, number_of
from bedstone.progress import Progress

GRADES = ("seen", "partial", "clean", "too short to tell")
MOST_LINES = 20
"""Of items that are shown."""


class Seen(TypedDict):
    """What is known of each item."""

    artifact: str
    """The folder with the column ``contaminated_by`` of each document."""
    documents: int
    """That were looked at."""
    items: list[Annotated[dict[str, Any], MadeOf("corpus.overlap.grades", "SeenItem")]]
    calibration: Annotated[dict[str, Any], MadeOf("corpus.overlap.grades", "Calibration")]
    warnings: list[str]


def seen(
    items: Annotated[
        PathLike,
        typer.Argument(metavar="ITEMS", help="JSON lines: id, question, answer; or id, text"),
    ],
    *,
    corpus: Annotated[
        PathLike,
        typer.Option(help="an artifact: documents, which of them are kept, or a model of them"),
    ],
    store: Store = STORE,
    workers: Workers = None,
    engine: EngineName = "local",
    progress: Progress | None = None,
) -> Seen:
    """Show which items of a test are in a corpus, and how surely that can be told.

    Raises:
        ArtifactError: there is no such corpus, or none behind that artifact.
        DataError: an item cannot be read, or two have one id.
    """
    from bedstone.corpus.overlap import grades
    from bedstone.store.lineage import documents_behind
    from bedstone.store.stages import WITH_TEXTS

    of = artifact_of(corpus, store)
    if (behind := documents_behind(of)) is None:
        raise ArtifactError(
            f"behind {of.path} there are no documents in its store",
            hint=f"give what one of {', '.join(WITH_TEXTS)} made, or what was made of that",
        )
    documents, kept, warnings = behind
    where = making(store, progress, workers, engine)
    asked = where.adopted(optional(items))
    controls = where.build("corpus.controls", {}, documents=documents, items=asked)
    found = where.build(
        "corpus.contamination", {}, documents=documents, items=asked, kept=kept, controls=controls
    )
    if empty := controls.manifest.metrics["empty_items"]:
        warnings.append(f"{number_of(empty, 'question')} without a letter")
    calibration = grades.calibration(controls, found)
    return {
        "artifact": str(found.path),
        "documents": int(found.manifest.metrics["input_documents"]),
        "items": [dict(each) for each in grades.graded(controls, found, calibration["kinds"])],
        "calibration": dict(calibration),
        "warnings": warnings,
    }


def _lines(found: Seen) -> Iterator[str]:
    counts = Counter(item["grade"] for item in found["items"])
    told = ", ".join(f"{counts[grade]:,} {grade}" for grade in GRADES)
    of = number_of(found["documents"], "document")
    yield f"{number_of(len(found['items']), 'item')} in {of}: {told}"
    yield ""
    yield from _item_lines(found)
    yield ""
    yield from _calibration_lines(found["calibration"])
    yield f"column contaminated_by: {found['artifact']}"
    yield from (f"warning: {each}" for each in found["warnings"])


def _item_lines(found: Seen) -> Iterator[str]:
    """The items of which most is there."""
    worst = [each for each in found["items"] if each["documents"]]
    worst.sort(key=lambda each: (GRADES.index(each["grade"]), -each["seen_share"]))
    if not worst:
        return
    yield f"{'share %':>7} {'answer %':>8} {'letters':>9}  item, grade, document"
    for each in worst[:MOST_LINES]:
        answer = each["answer_seen_share"]
        document = each["documents"][0]
        line = (
            f"{100 * each['seen_share']:7.0f} "
            f"{NOT_KNOWN if answer is None else format(100 * answer, '.0f'):>8} "
            f"{each['longest_characters']:9,}  {each['id'][:24]}, {each['grade']}, "
            f"{document['url'] or document['id']}"
        )
        yield line[:WIDTH]
    if len(worst) > MOST_LINES:
        yield f"and {len(worst) - MOST_LINES:,} more, in --json"


def _calibration_lines(calibration: dict[str, Any]) -> Iterator[str]:
    yield (
        f"of {calibration['planted']:,} planted items {calibration['found']:,} were found; of "
        f"{calibration['absent']:,} stretches of text that nobody asked for "
        f"{calibration['false_alarms']:,}"
    )
    columns = ("planted", "found", "absent", "false_alarms")
    yield f"{'letters':>12} {'n-gram':>6}" + "".join(f"{name:>14}" for name in columns)
    for kind in calibration["kinds"]:
        high = kind["letters_high"]
        letters = (
            f"{kind['letters_low']} or more" if high is None else f"{kind['letters_low']}-{high}"
        )
        note = "" if kind["is_told"] else "  only with answer"
        counts = "".join(f"{kind[name]:14,}" for name in columns)
        yield f"{letters:>12} {kind['ngram_letters']:6}{counts}{note}"


COMMANDS = (Command(seen, _lines),)
