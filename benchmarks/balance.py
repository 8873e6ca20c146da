"""What the ways of weighing languages do to one corpus, and what their passes are worth.

    python benchmarks/balance.py FOLDER

The corpus: MediaWiki's messages, all of them in English, of the other languages each so many-th
page, so that their text lies apart as in a crawl. FOLDER keeps the package, fetched by apt-get, and
the artifacts. What is printed stands in docs/guides/balance-languages.md.
"""

import re
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from bedstone.corpus.sources import messages, packages
from bedstone.corpus.sources.packages import Package
from bedstone.lots import is_held_out
from bedstone.progress import Progress
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.stages import find

LANGUAGES = {
    "en": "eng_Latn",
    "es": "spa_Latn",
    "hi": "hin_Deva",
    "te": "tel_Telu",
    "sw": "swa_Latn",
}
EVERY = {"en": 1, "es": 3, "hi": 8, "te": 40, "sw": 30}
MESSAGES = re.compile(rf"usr/share/mediawiki/(?:.+/)?i18n(?:/.+)?/({'|'.join(LANGUAGES)})\.json")
WAYS: tuple[dict[str, Any], ...] = (
    {"weights": {"temperature": 1}},
    {"weights": {"temperature": 2}},
    {"weights": {"unimax": "tokens"}},
    {"weights": {"unimax": "bytes"}},
    {"weights": {"speakers_ratio": 1}},
    {"weights": {"speakers_ratio": 2}},
    {"weights": {"speakers_ratio": 2}, "budget_tokens": 270_000},
    {
        "weights": {"temperature": 1},
        "schedule": [{"from_share": 0.8, "weights": {"speakers_ratio": 1}}],
    },
)
LIMIT = {"max_repetition": 8}
HELD_OUT_SHARE = 0.05


def documents(folder: Path) -> list[tuple[str, str, str]]:
    """Id, language and text of each page."""
    fetched = packages.fetch([Package("mediawiki", "apt-get", "mediawiki")], folder)
    rows, pages = [], dict.fromkeys(LANGUAGES, 0)
    for archive in fetched.archives:
        for name, content in packages.read(archive.path, MESSAGES).items():
            code = Path(name).stem
            for page in messages.paged(messages.lines(content)):
                pages[code] += 1
                if pages[code] % EVERY[code] == 0:
                    text = "\n".join(line.text for line in page)
                    rows.append((f"{code}-{pages[code]}", LANGUAGES[code], text))
    return rows


def encoded(folder: Path) -> dict[str, Artifact]:
    """The artifacts ``tokenizer``, ``tokens`` and ``held_out`` of the corpus."""
    ids, languages, texts = map(list, zip(*documents(folder), strict=True))
    tables = {
        "documents": {"id": ids, "text": pa.array(texts, pa.large_string())},
        "language": {"id": ids, "language": languages},
        "held_out": {
            "id": ids,
            "split": ["held_out" if is_held_out(each, HELD_OUT_SHARE) else "train" for each in ids],
        },
    }
    made, store = {}, folder / "store"
    for role, table in tables.items():
        (folder / role).mkdir(exist_ok=True)
        pq.write_table(pa.table(table), folder / role / "0.parquet")
        made[role] = adopt([folder / role], store)
    for role, name, config in (
        ("tokenizer", "tokenizer.train", {"vocab_size": 8192}),
        ("tokens", "tokenizer.encode", {}),
    ):
        stage = find(name)
        inputs = {each: made[each] for each in stage.inputs}
        made[role] = build(stage, stage.config(**config), inputs, store, Local())
    return {role: made[role] for role in ("tokenizer", "tokens", "held_out")}


def main(folder: Path) -> None:
    """Mix in every way, and print what the stage says."""
    inputs, mix = encoded(folder), find("tokenizer.mix")
    progress = Progress(Console(width=120))
    for way in WAYS:
        print(way)
        build(mix, mix.config(**way, **LIMIT), inputs, folder / "store", Local(), progress)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
