"""The command that looks at a corpus: audit."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

import bedstone
from bedstone.commands.declare import (
    STORE,
    AsJson,
    EngineName,
    Store,
    Workers,
    answer,
    shown_progress,
)

NOT_KNOWN = "-"
NAME_WIDTH = 22


def audit(
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="INPUT...", help="an artifact; or WARC, JSONL or Parquet files"),
    ] = None,
    shares: Annotated[
        list[Path] | None, typer.Option(help="CSV of published shares; several show the trend")
    ] = None,
    speakers: Annotated[str, typer.Option(help="their source: cldr or published")] = "cldr",
    identifier: Annotated[
        str, typer.Option(help="of languages: pycld2, py3langid or fasttext")
    ] = "pycld2",
    second: Annotated[
        str | None, typer.Option(help="another identifier, to see what it would erase")
    ] = None,
    model: Annotated[Path | None, typer.Option(help="the file of a fastText model")] = None,
    tokenizer: Annotated[
        Path | None, typer.Option(help="an artifact or folder of a tokeniser, to count tokens")
    ] = None,
    confusion: Annotated[
        Path | None, typer.Option(help="what the identifier misreads, measured by yourself")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="write the languages to this file")] = None,
    chart: Annotated[Path | None, typer.Option(help="draw the shares in this SVG file")] = None,
    store: Store = STORE,
    workers: Workers = 1,
    engine: EngineName = "local",
    as_json: AsJson = False,
) -> None:
    """Show who is in a corpus: each language's share against its share of the world's speakers."""
    found = bedstone.audit(
        inputs or (),
        shares=shares or (),
        speakers=speakers,
        identifier=identifier,
        second=second,
        model=model,
        tokenizer=tokenizer,
        confusion=confusion,
        csv=csv,
        chart=chart,
        store=store,
        workers=workers,
        engine=engine,
        progress=shown_progress(),
    )
    answer(found, _lines(found), as_json=as_json)


def _lines(found: dict[str, Any]) -> Iterator[str]:
    crawl = f"{found['crawl']}: " if found.get("crawl") else ""
    yield f"{crawl}{found['documents']:,} documents in {len(found['languages'])} languages"
    yield f"speakers: {found['speakers_source']}"
    yield f"languages found by {found['identifier']}"
    yield ""
    has_second = any(row["erased_share"] is not None for row in found["languages"])
    yield (
        f"{'language':{NAME_WIDTH}} {'documents':>13} {'share %':>8} {'speaker M':>9} "
        f"{'wrld %':>6} {'ratio':>9}    {'purity %':>10}{'  lost' if has_second else ''}"
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
    yield "noise?: the count may be nothing but misread documents of other languages"
    if has_second:
        yield "lost: % of its documents that the second identifier calls something else"
    for lost in found["removed"]:
        yield (
            f"warning: {lost['documents']:,} of {lost['input_documents']:,} documents in "
            f"{lost['name']} are kept: far fewer than of the others"
        )


def _line(row: dict[str, Any]) -> str:
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
    return line + (" noise?" if row["possible_noise"] else "")


def _known(value: float | None, form: str) -> str:
    return NOT_KNOWN if value is None else format(value, form)


def _percent(share: float) -> str:
    """A share in percent with the digits that small ones need."""
    return f"{100 * share:.4f}" if share < 0.01 else f"{100 * share:.2f}"


def _purity(row: dict[str, Any]) -> str:
    if row["purity"] is None:
        return NOT_KNOWN
    low, high = (100 * row[name] for name in ("purity_low", "purity_high"))
    return f"{low:.0f} to {high:.0f}"


COMMANDS: tuple[Callable[..., None], ...] = (audit,)
