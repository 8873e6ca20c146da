"""`bedstone tokens`: what each language pays for the same content, in tokens, money and waiting.

A page is all of the parallel text: as many tokens as English needs for it, times the language's
premium. So a language that has part of the text only is shown at the price of the whole.
"""

import csv
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from bedstone import languages
from bedstone.adoption import adopt
from bedstone.artifact import Artifact, is_complete
from bedstone.config import nearest
from bedstone.corpus import columns
from bedstone.corpus.parallel_texts import NAMES
from bedstone.engine import Local
from bedstone.errors import ArtifactError, ConfigError
from bedstone.languages import ENGLISH
from bedstone.lineage import ancestors
from bedstone.progress import Progress
from bedstone.stage import build, find
from bedstone.tokenizer import encoders
from bedstone.tokenizer.encoding import FILE

URLS = {
    "udhr": ("https://www.unicode.org/udhr/",),
    "gnome-user-docs": ("https://help.gnome.org/users/",),
    "mediawiki": ("https://translatewiki.net/wiki/",),
}
"""How the URLs of a source's pages begin in a crawl."""
HELD_OUT_OF = "udhr"
"""What the documents are of that corpus.yardstick holds out."""
WITH_URLS = ("corpus.extract", "corpus.records")
OWN = "texts"
"""What the text is called that somebody has aligned."""
READING_KEPT = ("tokenizer.train", "tokenizer.encode")
"""Stages whose kept documents are trained on."""


Row = Mapping[str, Any]


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


def price(
    tokenizers: Sequence[Path],
    text: Path | None,
    source: str | None,
    prices: Prices,
    store: Path,
    progress: Progress,
) -> dict[str, Any]:
    """What ``bedstone.tokens`` returns.

    Raises:
        ConfigError: there is no tokeniser, an unknown source, or a source beside a text.
        ArtifactError, DataError: a tokeniser or a text cannot be read.
    """
    if not tokenizers:
        raise ConfigError(
            "there is no tokeniser", hint="bedstone tokens FILE.tiktoken tokenizer.json ARTIFACT"
        )
    prices.refuse_unusable()
    given = [adopt_tokenizer(path, store) for path in tokenizers]
    parallel = _parallel(text, source, store, progress)
    made = [
        _priced(name, tokenizer, parallel, prices, store, progress)
        for name, tokenizer in zip(_names(tokenizers), given, strict=True)
    ]
    about = _about(parallel, text, made[0]["languages"])
    return {"tokenizers": made, "text": {**about, "context_tokens": prices.context_tokens}}


def write_csv(found: Mapping[str, Any], path: Path) -> None:
    """A row for each tokeniser and language."""
    rows = [
        {"tokenizer": tokenizer["name"], **row}
        for tokenizer in found["tokenizers"]
        for row in tokenizer["languages"]
    ]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def is_trained_on(artifact: Artifact, sources: Sequence[str]) -> bool | None:
    """Whether a tokeniser or model was made from parallel text, or from documents that are of it.

    None where that cannot be known: the text's pages are not known, the tokeniser was made
    elsewhere, or the store has lost what is behind it.
    """
    behind = list(ancestors(artifact).values())
    if any(
        set(sources).intersection(each.manifest.config["sources"]) for each in _steering(behind)
    ):
        return True
    found = {each.manifest.request: each for each in behind}
    readers = [each for each in behind if each.manifest.stage in READING_KEPT]
    wanted = set(_ids_of(sources, behind, artifact.path.resolve().parent))
    has_urls = any(each.manifest.stage in WITH_URLS for each in behind)
    is_known = bool(readers and sources and has_urls)
    for reader in readers:
        parents = [reader.manifest.parents[role].request for role in ("kept", "documents")]
        if not all(request in found for request in parents):
            is_known = False
        elif wanted.intersection(_kept_ids(found[parents[0]])):
            return True
    return False if is_known else None


def _steering(behind: Sequence[Artifact]) -> list[Artifact]:
    """Parallel text that a tokeniser was trained to be fair on."""
    return [each for each in behind if each.manifest.stage == "corpus.parallel"]


def _ids_of(sources: Sequence[str], behind: Sequence[Artifact], store: Path) -> Iterator[str]:
    """The ids of the documents that are pages of the sources."""
    starts = [start for source in sources for start in URLS[source]]
    for artifact in behind:
        if artifact.manifest.stage in WITH_URLS:
            for shard in artifact.shards:
                table = columns.read(shard, ["id"], ["url"])
                for start in starts:
                    yield from table.filter(pc.starts_with(table["url"], start))["id"].to_pylist()
    if HELD_OUT_OF in sources:
        for path in sorted(store.glob("corpus.yardstick-*/held_out.parquet")):
            yield from pq.read_table(path)["id"].to_pylist()


def _kept_ids(kept: Artifact) -> Iterator[str]:
    for shard in kept.shards:
        table = columns.read(shard, ["id", "keep"])
        yield from table.filter(table["keep"])["id"].to_pylist()


def adopt_tokenizer(path: Path, store: Path) -> Artifact:
    """The tokeniser as an artifact; of a folder that is none, no other file is taken."""
    if is_complete(path) or not path.is_dir():
        artifact = adopt([path], store)
    else:
        found = [path / FILE] if (path / FILE).exists() else sorted(path.glob("*.tiktoken"))
        if len(found) != 1:
            raise ArtifactError(
                f"{path} holds {len(found)} tokenisers where one was expected",
                hint=f"give a folder with a {FILE}, or the file itself",
            )
        artifact = adopt(found, store)
    encoders.file_of(artifact)
    return artifact


def _parallel(text: Path | None, source: str | None, store: Path, progress: Progress) -> Artifact:
    if text and source:
        raise ConfigError("--text and --source are both given", hint="leave one of them out")
    if source and source not in NAMES:
        raise ConfigError(f"no source {source!r}; {nearest(source, NAMES)}")
    if text and is_complete(text) and Artifact(text).manifest.stage == "corpus.parallel":
        return Artifact(text)
    stage = find("corpus.parallel")
    config = stage.config.model_validate({"sources": () if text else (source or NAMES[0],)})
    inputs = {"texts": adopt([text], store)} if text else {}
    return build(stage, config, inputs, store, Local(), progress)


def _priced(
    name: str,
    tokenizer: Artifact,
    parallel: Artifact,
    prices: Prices,
    store: Path,
    progress: Progress,
) -> dict[str, Any]:
    stage = find("tokenizer.cost")
    inputs = {"tokenizer": tokenizer, "yardstick": parallel}
    cost = build(stage, stage.config(), inputs, store, Local(), progress)
    rows = pq.read_table(cost.file("languages.parquet")).to_pylist()
    (page_tokens,) = (row["tokens"] for row in rows if row["language"] == ENGLISH)
    vocabulary = int(cost.manifest.metrics["vocabulary_tokens"])
    return {
        "name": name,
        "vocabulary": vocabulary,
        "pattern": encoders.pattern_name(encoders.file_of(tokenizer), vocabulary),
        "languages": [
            _language(row, page_tokens, prices)
            for row in sorted(rows, key=lambda row: (-row["premium"], row["language"]))
        ],
        "gini": cost.manifest.metrics["gini"],
        "trained_on_text": is_trained_on(tokenizer, parallel.manifest.config["sources"]),
        "artifact": str(cost.path),
    }


def _language(row: Row, page_tokens: int, prices: Prices) -> dict[str, Any]:
    code, _ = languages.split(row["language"])
    shown = {
        "language": row["language"],
        "name": languages.name(code),
        "tokens": row["tokens"],
        "bytes": row["bytes"],
        "characters": row["characters"],
        "words": round(row["words"], 1),
        "premium": row["premium"],
        "unknown_share": row["unknown_tokens"] / row["tokens"],
    }
    of_page = page_tokens * row["premium"]
    if prices.usd_per_million_tokens is not None:
        shown["usd"] = of_page * prices.usd_per_million_tokens / 1e6
    if prices.tokens_per_second is not None:
        shown["seconds"] = of_page / prices.tokens_per_second
    if prices.context_tokens is not None:
        shown["context_words"] = round(prices.context_tokens * row["words"] / row["tokens"])
    return shown


def _about(parallel: Artifact, text: Path | None, rows: Sequence[Row]) -> dict[str, Any]:
    (english,) = (row for row in rows if row["language"] == ENGLISH)
    origins = ", ".join(source.location for source in parallel.manifest.sources)
    return {
        "source": ", ".join(parallel.manifest.config["sources"]) or OWN,
        "from": str(text) if text else origins,
        "artifact": str(parallel.path),
        "languages": len(rows),
        "page": "all of the text: as many tokens as its English has, times the premium",
        "page_english_words": english["words"],
        "page_english_bytes": english["bytes"],
    }


def _names(paths: Sequence[Path]) -> list[str]:
    """What the tokenisers are called: by their file, or the folder of a ``tokenizer.json``."""
    short = [path.resolve().parent.name if path.name == FILE else path.name for path in paths]
    short = [name.removesuffix(".tiktoken").removesuffix(".json") for name in short]
    return [
        name if short.count(name) == 1 else str(path)
        for name, path in zip(short, paths, strict=True)
    ]
