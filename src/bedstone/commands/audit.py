"""`bedstone audit`: who is in a corpus, whatever it is given as, or in published shares.

Files are taken into the store as any recipe would take them, so that an audit that was stopped goes
on, and a second one with other speakers identifies no language again.
"""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired, cast

import typer
from typing_extensions import TypedDict

from bedstone.commands.declare import (
    NOT_KNOWN,
    STORE,
    Command,
    EngineName,
    Found,
    Languages,
    MadeOf,
    PathLike,
    Paths,
    Store,
    TextColumn,
    Workers,
)
from bedstone.commands.desk import (
    among,
    given,
    keys_of,
    making,
    naming_column,
    optional,
    paths_of,
    tell_rejected,
    tokenizer_of,
)
from bedstone.commands.save import target, write_chart, write_csv
from bedstone.errors import ArtifactError, ConfigError, number_of
from bedstone.languages import Identifier, Source, join
from bedstone.progress import Progress

if TYPE_CHECKING:
    from bedstone.store.artifact import Artifact
    from bedstone.store.making import Making

    Inputs = tuple[Artifact, Artifact | None, Artifact | None]

NAME_WIDTH = 22
ONE_KIND = "*"
"""After a purity that was learnt from one kind of text."""


class AuditedLanguage(TypedDict):
    """A language in one script, against its speakers."""

    language: str
    """ISO 639-3."""
    script: str
    """ISO 15924; empty where published shares leave it open."""
    name: str
    documents: int
    bytes: int | None
    tokens: int | None
    """Null without a tokeniser."""
    share: float
    """Of the documents, those of unknown language included."""
    share_low: float
    """95 %: how far a sample of this size may be off by chance."""
    share_high: float
    bytes_share: float | None
    tokens_share: float | None
    speakers: int | None
    """Who read this script, where the script depends on the country; null where it is not known."""
    speakers_share: float | None
    """Of the world's population; a second language counts, so all add up to more than 1."""
    world_to_corpus_ratio: float | None
    """``speakers_share`` over the share of the documents that these speakers can read."""
    weight: float | None
    """Of each of its documents, to bring the ratio to 1; null where no weight does."""
    category: Literal["H", "M", "L", "X"]
    """Its share of the documents is above 1 %, .1 %, .01 %, or not."""
    purity: float | None
    """Expected share of its documents that are in it; null where nothing was measured."""
    purity_low: float | None
    purity_high: float | None
    purity_kinds: int | None
    """The kinds of text that its purity was learnt from; of one alone, words that are missing prove
    nothing. Null where nothing was learnt of the language."""
    possible_noise: bool | None
    """Its count may be nothing but misread documents of other languages, and little else is
    expected."""
    cannot_tell: bool | None
    """It may be nothing but those, though more is expected: the interval is too wide."""
    erased_share: float | None
    """Of its documents, those that a second identifier calls something else."""
    share_by_crawl: NotRequired[dict[str, float]]
    """Where shares of several crawls are given."""


class Audit(TypedDict):
    """Who is in a corpus."""

    artifact: NotRequired[str]
    """The audit's folder; published shares make none."""
    crawl: NotRequired[str]
    """Of published shares, the last."""
    crawls: NotRequired[list[str]]
    documents: int
    bytes: int | None
    tokens: int | None
    """Null without a tokeniser."""
    languages: list[AuditedLanguage]
    """Those asked for, the least represented first; at the end those without a ratio."""
    languages_total: int
    absent: list[str]
    """Languages asked for that are not there."""
    removed: list[Annotated[Found, MadeOf("corpus.representation.shares", "Removed")]]
    """Languages of which far less was kept than of the others."""
    unknown_share: float
    """Of the documents, those of no language that was found."""
    mixed_share: float
    """Of the documents, those of several languages."""
    speakers_source: str
    identifier: str
    rejected: dict[str, int]
    """Reason -> records that gave no document."""


def audit(
    inputs: Annotated[
        Paths,
        typer.Argument(
            metavar="INPUT...",
            help="an artifact; or WARC, ARC, WET, HTML, JSONL, Parquet, text files, folders",
        ),
    ] = (),
    *,
    text_column: TextColumn = None,
    shares: Annotated[
        Paths, typer.Option(help="CSV of published shares instead; several show the trend")
    ] = (),
    speakers: Annotated[Source, typer.Option(help="where their number comes from")] = "cldr",
    identifier: Annotated[Identifier, typer.Option(help="of the languages")] = "pycld2",
    second: Annotated[
        Identifier | None, typer.Option(help="another identifier, to see what it would erase")
    ] = None,
    model: Annotated[PathLike | None, typer.Option(help="the file of a fastText model")] = None,
    tokenizer: Annotated[
        PathLike | None, typer.Option(help="an artifact or folder of a tokeniser, to count tokens")
    ] = None,
    confusion: Annotated[
        PathLike | None, typer.Option(help="what the identifier misreads, measured by yourself")
    ] = None,
    csv: Annotated[
        PathLike | None, typer.Option(help="write the languages to this file; --shares reads it")
    ] = None,
    chart: Annotated[PathLike | None, typer.Option(help="draw the shares in this SVG file")] = None,
    language: Languages = (),
    store: Store = STORE,
    workers: Workers = None,
    engine: EngineName = "local",
    progress: Progress | None = None,
) -> Audit:
    """Show who is in a corpus: each language's share against its share of the world's speakers.

    Raises:
        ConfigError: both or neither of ``inputs`` and ``shares`` are given, or an option is wrong.
        DataError: what is given cannot be read.
    """
    keys = keys_of(language)
    table, picture = target("--csv", csv), target("--chart", chart, ".svg")
    if bool(paths_of(inputs)) == bool(paths_of(shares)):
        raise ConfigError(
            "give either a corpus or published shares",
            hint="bedstone audit INPUT..., or bedstone audit --shares FILE.csv",
        )
    if paths_of(shares):
        from bedstone.corpus.representation.published import audit_shares

        found = cast(Audit, audit_shares(paths_of(shares), speakers))
    else:
        where = making(store, progress, workers, engine)
        documents, labels, kept = _inputs(given(inputs, store), text_column, where)
        found = _audited(
            where,
            {"speakers": speakers},
            documents=documents,
            language=labels or _identified(where, documents, identifier, second, optional(model)),
            kept=kept,
            tokenizer=tokenizer_of(given(tokenizer, store)[0], where.store) if tokenizer else None,
            confusion=where.adopted(optional(confusion)),
        )
    found = _restricted(found, keys)
    if table:
        _write_csv(found, table, progress)
    if picture:
        from bedstone.reporting.sections.languages import share_chart

        write_chart(share_chart(found), picture, progress)
    return found


def _audited(where: "Making", config: Mapping[str, Any], **inputs: "Artifact | None") -> Audit:
    from bedstone.store.payload import read_json

    made = where.build("corpus.audit", config, **inputs)
    written: Audit = read_json(made, "audit.json")
    rejected = tell_rejected({"": made}, where.progress)
    return {**written, "artifact": str(made.path), "rejected": rejected}


def _restricted(found: Audit, keys: Sequence[str]) -> Audit:
    """With the languages asked for alone."""

    def key_of(row: Mapping[str, Any]) -> str:
        return join(row["language"], row["script"])

    rows, absent = among(keys, found["languages"], key_of)
    return {
        **found,
        "languages": rows,
        "removed": among(keys, found["removed"], key_of)[0],
        "languages_total": len(found["languages"]),
        "absent": absent,
    }


def _identified(
    where: "Making",
    documents: "Artifact",
    identifier: Identifier,
    second: Identifier | None,
    model: Path | None,
) -> "Artifact":
    if "fasttext" in (identifier, second) and model is None:
        raise ConfigError(
            "the identifier fasttext needs a model", hint="give its file: --model FILE"
        )
    settings = {"identifier": identifier, "second": second}
    return where.build("corpus.language", settings, documents=documents, model=where.adopted(model))


def _inputs(paths: Sequence[Path], text_column: str | None, where: "Making") -> "Inputs":
    """Documents, their languages where they are known, and which are kept where it is decided."""
    from bedstone.store.artifact import Artifact, is_complete
    from bedstone.store.stages import OF_FILES

    artifacts = [Artifact(path) for path in paths if is_complete(path)]
    if artifacts and len(paths) > 1:
        raise ConfigError(
            f"{artifacts[0].path} is an artifact, given with {number_of(len(paths) - 1, 'other')}",
            hint="audit one artifact, or files together",
        )
    if artifacts and artifacts[0].manifest.stage not in OF_FILES:
        if text_column is not None:
            raise ConfigError(f"--text-column {text_column}: {artifacts[0].path} is no table")
        return corpus_of(artifacts[0])
    where.progress.named("audit").say(f"reading {paths[0]}" + " and others" * (len(paths) > 1))
    if tables := [path for path in paths if path.suffix == ".csv"]:
        raise ConfigError(
            f"{tables[0]} is no corpus",
            hint=f"bedstone audit --shares {shlex.quote(str(tables[0]))}",
        )
    return extracted_of(paths, text_column, where), None, None


def extracted_of(paths: Sequence[Path], text_column: str | None, where: "Making") -> "Artifact":
    """The documents of files."""
    from bedstone.store.adoption import adopt

    config = {} if text_column is None else {"text_column": text_column}
    with naming_column():
        return where.build("corpus.extract", config, crawl=adopt(paths, where.store))


def corpus_of(artifact: "Artifact") -> "Inputs":
    """Documents, their languages where they are known, and which are kept where it is decided.

    Raises:
        ArtifactError: it is no corpus.
    """
    from bedstone.store.lineage import ancestors
    from bedstone.store.stages import DECIDING, WITH_TEXTS

    behind = ancestors(artifact)
    if artifact.manifest.stage == "corpus.audit":
        return behind["documents"], behind["language"], behind.get("kept")
    stages = {name: each.manifest.stage for name, each in behind.items()}
    texts = next((behind[name] for name, stage in stages.items() if stage in WITH_TEXTS), None)
    if texts is None or artifact.manifest.stage not in (*WITH_TEXTS, *DECIDING):
        raise ArtifactError(
            f"{artifact.path} was made by {artifact.manifest.stage}, which is no corpus",
            hint=f"give what one of {', '.join((*WITH_TEXTS, *DECIDING))} made",
        )
    language = next(
        (behind[name] for name, stage in stages.items() if stage == "corpus.language"), None
    )
    return texts, language, artifact if artifact.manifest.stage in DECIDING else None


def _write_csv(audit: Audit, path: Path, progress: Progress | None) -> None:
    """The rows of an audit, after the columns that published shares have: ``--shares`` reads it."""
    from bedstone.corpus.representation.published import COLUMNS, PUBLISHED_UNKNOWN

    crawl, documents = audit.get("crawl") or path.stem, audit["documents"]
    rows = [
        {
            "crawl": crawl,
            "primary_language": join(row["language"], row["script"]),
            "pages": row["documents"],
            "pct_pages": f"{100 * row['share']:.6f}",
            **{name: value for name, value in row.items() if name != "share_by_crawl"},
        }
        for row in audit["languages"]
    ]
    names = list(rows[0]) if rows else list(COLUMNS)
    for label, share in (
        (PUBLISHED_UNKNOWN, audit["unknown_share"]),
        ("mul", audit["mixed_share"]),
    ):
        if pages := round(share * documents):
            values = (crawl, label, pages, f"{100 * pages / documents:.6f}")
            rows.append(dict(zip(COLUMNS, values, strict=True)))
    write_csv(rows, names, path, progress)


def _lines(found: Audit) -> Iterator[str]:
    crawl = f"{found['crawl']}: " if found.get("crawl") else ""
    languages = number_of(found["languages_total"], "language")
    yield f"{crawl}{number_of(found['documents'], 'document')} in {languages}"
    yield f"speakers: {found['speakers_source']}"
    yield f"languages found by {found['identifier']}"
    yield ""
    has_second = any(row["erased_share"] is not None for row in found["languages"])
    yield (
        f"{'language':{NAME_WIDTH}} {'documents':>13} {'share %':>8} {'speaker M':>9} "
        f"{'wrld %':>6} {'ratio':>9}    {'purity % ':>10}{'  lost' if has_second else ''}"
    )
    for row in found["languages"]:
        yield _line(row)
        if trend := row.get("share_by_crawl"):
            yield "  " + "  ".join(f"{crawl} {100 * it:.4f} %" for crawl, it in trend.items())
    yield ""
    yield (
        "unknown "
        + _percent(found["unknown_share"])
        + " %, several languages "
        + (_percent(found["mixed_share"]) + " %")
    )
    yield "ratio: share of the world's people who speak it, over share of the documents; 1 is fair"
    yield "category: H above 1 % of the documents, M above 0.1 %, L above 0.01 %, X below"
    if any(row["possible_noise"] for row in found["languages"]):
        yield "noise?: the count may be nothing but misread documents of other languages"
    if any(row["cannot_tell"] for row in found["languages"]):
        yield "cannot tell: too few documents, or labelled texts, to say whether they are right"
    if any(row["purity_kinds"] == 1 for row in found["languages"]):
        yield f"{ONE_KIND} learnt from one kind of text: words that are missing prove nothing"
    if has_second:
        yield "lost: % of its documents that the second identifier calls something else"
    if found["absent"]:
        yield f"no document is in {', '.join(found['absent'])}"
    for lost in found["removed"]:
        yield (
            f"warning: {lost['documents']:,} of {lost['input_documents']:,} documents in "
            f"{lost['name']} are kept: far fewer than of the others"
        )


def _line(row: AuditedLanguage) -> str:
    name = f"{row['name'][: NAME_WIDTH - 5]} {row['script']}"
    people = _known(row["speakers"] and row["speakers"] / 1e6, ",.1f")
    of_world = _known(row["speakers_share"] and 100 * row["speakers_share"], ".2f")
    ratio = _known(row["world_to_corpus_ratio"], ",.2f")
    line = (
        f"{name:{NAME_WIDTH}} {row['documents']:>13,} {_percent(row['share']):>8} {people:>9} "
        f"{of_world:>6} {ratio:>9} {row['category']:2} {_purity(row):>10}"
    )
    if row["erased_share"] is not None:
        line += f" {100 * row['erased_share']:>5.0f}"
    return (
        line
        + (" noise?" if row["possible_noise"] else "")
        + (" cannot tell" if row["cannot_tell"] else "")
    )


def _known(value: float | None, form: str) -> str:
    return NOT_KNOWN if value is None else format(value, form)


def _percent(share: float) -> str:
    """A share in percent with the digits that small ones need."""
    return f"{100 * share:.4f}" if share < 0.01 else f"{100 * share:.2f}"


def _purity(row: AuditedLanguage) -> str:
    if row["purity_low"] is None or row["purity_high"] is None:
        return NOT_KNOWN
    mark = ONE_KIND if row["purity_kinds"] == 1 else " "
    return f"{100 * row['purity_low']:.0f} to {100 * row['purity_high']:.0f}{mark}"


COMMANDS = (Command(audit, _lines),)
