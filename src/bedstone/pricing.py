"""`bedstone tokens`: what each language pays for the same content, in tokens, money and waiting.

A page is all of the parallel text: as many tokens as English needs for it, times the language's
premium. So a language that has part of the text only is shown at the price of the whole.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from bedstone import languages
from bedstone.config import nearest
from bedstone.corpus.sources.parallel_texts import NAMES
from bedstone.errors import ArtifactError, ConfigError
from bedstone.evaluation.seen import is_trained_on
from bedstone.languages import ENGLISH
from bedstone.progress import Progress
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact, is_complete
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.stages import find
from bedstone.text import any_encoder
from bedstone.text.encoder import FILE

OWN = "texts"
"""What the text is called that somebody has aligned."""


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
            if value is not None and not 0 < value < float("inf"):
                option = name.replace("_", "-")
                raise ConfigError(f"--{option} {value}: it must be a number above 0")


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
    any_encoder.file_of(artifact)
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
        "pattern": any_encoder.pattern_name(any_encoder.file_of(tokenizer), vocabulary),
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
