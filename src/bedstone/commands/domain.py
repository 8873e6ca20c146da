"""`bedstone domain`: how much of a domain there is in a corpus, by labels that a person gives."""

from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING, Annotated, cast

import typer
from typing_extensions import TypedDict

from bedstone.commands.audit import corpus_of, extracted_of
from bedstone.commands.declare import (
    STORE,
    Command,
    EngineName,
    Name,
    PathLike,
    Paths,
    Store,
    TextColumn,
    Workers,
)
from bedstone.commands.desk import artifact_of, given, making, optional, paths_of
from bedstone.commands.save import target
from bedstone.errors import ConfigError, number_of
from bedstone.progress import Progress

if TYPE_CHECKING:
    from bedstone.store.artifact import Artifact
    from bedstone.store.making import Making

TABLE = Path("labels.tsv")
UNKNOWN = "an unknown share"


class DomainStratum(TypedDict):
    """Documents of which the classifier says one thing."""

    stratum: str
    """``above`` or ``below`` a score, or ``untold``: in a language that the seed lacks."""
    documents: int
    drawn: int
    labels: int
    yes: int


class DomainLanguage(TypedDict):
    """The domain in one language."""

    language: str
    documents: int
    labels: int
    share: float | None
    """Null where the labels are too few to tell, or all of one stratum."""
    low: float | None
    high: float | None


class Domain(TypedDict):
    """How much of a domain there is."""

    artifact: str
    """Of the estimate; without labels, of the draw."""
    share: float | None
    """Of the documents; null until each stratum that has documents has a label."""
    low: float | None
    high: float | None
    """95 %."""
    labels: int
    """That say yes or no."""
    documents: int
    """Of the corpus, those that are kept."""
    drawn: int
    unfilled: int
    """Drawn documents without a label."""
    method: str
    table: str | None
    """To be filled in; null where labels are given."""
    classifier: str
    """The artifact of the classifier, whose page says what it has learnt and how well."""
    auc: float
    """Of the classifier, on examples that it had not learnt from."""
    strata: list[DomainStratum]
    languages: list[DomainLanguage]


def domain(
    artifact: Name,
    *,
    seed: Annotated[
        Paths,
        typer.Option(help="examples of the domain: a folder, files, or an artifact; some hundred"),
    ] = (),
    text_column: TextColumn = None,
    labels: Annotated[
        PathLike | None, typer.Option(help="the table that was written before, filled in")
    ] = None,
    draw: Annotated[
        int, typer.Option(min=20, max=5_000, help="documents to label; 100 to 500 tell most")
    ] = 300,
    out: Annotated[PathLike, typer.Option(help="where the table to fill in is written")] = TABLE,
    store: Store = STORE,
    workers: Workers = None,
    engine: EngineName = "local",
    progress: Progress | None = None,
) -> Domain:
    """Measure how much of a domain there is, with a classifier that looks for it and your labels.

    The first time it writes a table of drawn documents: say of each whether it is of the domain.
    With that table it gives the share, with an interval that holds whatever the classifier gets
    wrong.

    Raises:
        ConfigError: there is no seed, or the table cannot be written where it shall be.
        DataError: the seed is too little or too varied to learn from, or a label cannot be read.
    """
    from bedstone.corpus.draw import FILE
    from bedstone.store.payload import read_json

    if not paths_of(seed):
        raise ConfigError("no example of the domain is given", hint="--seed FOLDER")
    table = None if labels else target("--out", out)
    where = making(store, progress, workers, engine)
    documents, language, kept = corpus_of(artifact_of(artifact, store))
    examples = _seed(given(seed, store), text_column, where)
    language = language or where.build("corpus.language", {}, documents=documents)
    classifier = where.build(
        "corpus.classifier",
        {},
        documents=documents,
        language=language,
        seed=examples,
    )
    scores = where.build(
        "corpus.classify", {}, documents=documents, language=language, classifier=classifier
    )
    drawn = where.build(
        "corpus.draw",
        {"labels": draw},
        documents=documents,
        language=language,
        scores=scores,
        kept=kept,
    )
    if table:
        _write(drawn.file(FILE), table, where.progress)
    made = where.build("corpus.prevalence", {}, draw=drawn, labels=where.adopted(optional(labels)))
    found = {
        **read_json(made, "prevalence.json"),
        "artifact": str(made.path),
        "table": table and str(table),
        "classifier": str(classifier.path),
        "auc": classifier.manifest.metrics["held_out_auc"],
    }
    return cast(Domain, found)


def _seed(paths: list[Path], text_column: str | None, where: "Making") -> "Artifact":
    """The documents of the seed: those of an artifact, or the texts of files."""
    from bedstone.store.artifact import Artifact, is_complete
    from bedstone.store.stages import OF_FILES

    if len(paths) == 1 and is_complete(paths[0]):
        artifact = Artifact(paths[0])
        if artifact.manifest.stage not in OF_FILES:
            if text_column is not None:
                raise ConfigError(f"--text-column {text_column}: {artifact.path} is no table")
            return corpus_of(artifact)[0]
    return extracted_of(paths, text_column, where)


def _write(drawn: Path, table: Path, progress: Progress) -> None:
    """Copy the table; what somebody may have begun to fill in stays.

    Raises:
        ConfigError: there is another file.
    """
    if table.exists() and table.read_bytes() != drawn.read_bytes():
        raise ConfigError(
            f"--out {table} is there already, and is no table without labels of this draw",
            hint="give it as the labels if it is filled in, or have the table written elsewhere",
        )
    copyfile(drawn, table)
    progress.named("written").say(str(table))


def _lines(found: Domain) -> Iterator[str]:
    bare = [row["stratum"] for row in found["strata"] if row["documents"] and not row["labels"]]
    share = UNKNOWN if found["share"] is None else _share(found)
    yield f"{share} of {number_of(found['documents'], 'document')}"
    unfilled = f", {found['unfilled']:,} not" if found["unfilled"] else ""
    yield f"{found['labels']:,} of {found['drawn']:,} drawn documents are labelled{unfilled}"
    if found["labels"] and bare:
        yield f"no document is labelled of those {' and '.join(bare)}: each needs a label"
    yield f"the classifier's AUC on what it had not learnt: {found['auc']:.3f}"
    yield ""
    yield f"{'score':<10} {'documents':>11} {'drawn':>6} {'labels':>6} {'yes':>5}"
    for row in found["strata"]:
        yield (
            f"{row['stratum']:<10} {row['documents']:>11,} {row['drawn']:>6,} {row['labels']:>6,} "
            f"{row['yes']:>5,}"
        )
    yield ""
    told = [row for row in found["languages"] if row["share"] is not None]
    for each in sorted(told, key=lambda it: -it["documents"]):
        yield f"{each['language']:<10} {each['documents']:>11,} documents: {_share(each)}"
    if others := len(found["languages"]) - len(told):
        yield f"{number_of(others, 'language')}: cannot tell, the labels are too few"
    if table := found["table"]:
        yield f"say yes or no in the column label of {table}, and give it as --labels"


def _share(row: Domain | DomainLanguage) -> str:
    share, low, high = (f"{row[name]:.2%}" for name in ("share", "low", "high"))
    return f"{share} ({low} to {high})"


COMMANDS = (Command(domain, _lines),)
