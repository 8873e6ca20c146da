"""Identifiers of persons: by bedstone, and by the patterns of datatrove and dolma.

    pip download --no-deps --dest FOLDER datatrove==0.10.1 dolma==1.2.1
    python benchmarks/personal.py CRAWL.warc.gz FOLDER [--rounds N] [--documents N]

One core. First what corpus.personal takes of what corpus.extract takes, over the crawl; then, in
turns over some of its documents, CPU seconds of finding alone; then precision and recall of each
side on 4,000 identifiers and 4,000 look-alikes (``tests/support/planted_texts.py``, the seed that
nothing was tuned on). The peers' patterns are read from their wheels, and what they do besides is
done here: datatrove asks whether an address is public, dolma drops mail without a point and numbers
near "isbn", "doi" or "#". Of both sides a hit counts for every identifier that it overlaps.
"""

import argparse
import ast
import ipaddress
import os
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow.parquet as pq
from timing import cpu_seconds

from bedstone.corpus.personal_data.countries import country_of
from bedstone.corpus.personal_data.spans import found
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.stages import find

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.support.planted_texts import REPORTED_SEED, Text, scores, texts

Spans = Iterable[tuple[int, int, str]]
STEPS = {
    "corpus.extract": ("crawl",),
    "corpus.language": ("documents",),
    "corpus.personal": ("documents", "language"),
}
NAMES = {"corpus.extract": "documents", "corpus.language": "language"}
WINDOW = 100
"""Characters around a number in which dolma looks for words."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("crawl", type=Path)
    parser.add_argument("wheels", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--documents", type=int, default=3_000)
    words = parser.parse_args()
    sides = {
        "bedstone": ours,
        "datatrove": datatrove(source(words.wheels, "datatrove", "pipeline/formatters/pii.py")),
        "dolma": dolma(source(words.wheels, "dolma", "taggers/pii.py")),
    }
    with tempfile.TemporaryDirectory() as folder:
        documents = print_share(words.crawl, Path(folder))
    print_speed(sides, documents[:: max(1, len(documents) // words.documents)], words.rounds)
    print_quality(sides)


def print_share(crawl: Path, store: Path) -> list[Text]:
    """CPU seconds of each stage; the documents."""
    made: dict[str, Artifact] = {"crawl": adopt([crawl], store)}
    seconds = {}
    for name, roles in STEPS.items():
        stage, started = find(name), sum(os.times()[:4])
        inputs = {role: made[role] for role in roles}
        made[NAMES.get(name, name)] = build(stage, stage.config(), inputs, store, Local())
        seconds[name] = sum(os.times()[:4]) - started
    for name, taken in seconds.items():
        print(
            f"{name:16} {taken:6.1f} CPU s  {taken / seconds['corpus.extract']:6.1%} of extraction"
        )
    (documents,), (language,) = made["documents"].shards, made["language"].shards
    table = pq.read_table(documents.file("documents.parquet"), columns=["url", "text"]).to_pydict()
    keys = pq.read_table(language.file("language.parquet"))["language"].to_pylist()
    rows = zip(table["url"], keys, table["text"], strict=True)
    return [Text(*row, ()) for row in rows]


def print_speed(
    sides: dict[str, Callable[[Text], Spans]], documents: list[Text], rounds: int
) -> None:
    megabytes = sum(len(it.text.encode()) for it in documents) / 1e6
    print(f"{len(documents):,} documents, {megabytes:.1f} MB")
    calls = {
        name: lambda find=find: [list(find(each)) for each in documents]
        for name, find in sides.items()
    }
    for name, seconds in cpu_seconds(calls, rounds).items():
        print(f"{name:10} {megabytes / seconds:6.1f} MB a CPU second")


def print_quality(sides: dict[str, Callable[[Text], Spans]]) -> None:
    planted = texts(REPORTED_SEED)
    print(f"{'precision / recall':18}" + "".join(f"{name:>16}" for name in sides))
    told = {name: scores(planted, find) for name, find in sides.items()}
    for kind in told["bedstone"]:
        cells = []
        for rows in told.values():
            number, right, wrong, *_ = rows.get(kind, [1, 0, 0])
            taken = right + wrong
            cells.append(f"{right / taken:7.3f} / {right / number:.3f}" if taken else "-")
        print(f"{kind:18}" + "".join(f"{cell:>16}" for cell in cells))


def ours(text: Text) -> Spans:
    return found(text.text, country_of(text.url, text.language))


def source(wheels: Path, package: str, name: str) -> ast.Module:
    (wheel,) = wheels.glob(f"{package}-*.whl")
    with zipfile.ZipFile(wheel) as file:
        return ast.parse(file.read(f"{package}/{name}"))


def datatrove(module: ast.Module) -> Callable[[Text], Spans]:
    strings = [
        it.value
        for it in ast.walk(module)
        if isinstance(it, ast.Constant) and isinstance(it.value, str) and "0-9" in it.value
    ]
    email = re.compile(next(it for it in strings if "@(" in it))
    address = re.compile(next(it for it in strings if it.startswith("(?:(?:25")))

    def spans(text: Text) -> Spans:
        for hit in email.finditer(text.text):
            yield *hit.span(), "email"
        for hit in address.finditer(text.text):
            if is_public(hit[0]):
                yield *hit.span(), "ip"

    return spans


def is_public(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False


def dolma(module: ast.Module) -> Callable[[Text], Spans]:
    patterns = {
        target.id: re.compile(it.value.value)
        for it in ast.walk(module)
        if isinstance(it, ast.Assign) and isinstance(it.value, ast.Constant)
        for target in it.targets
        if isinstance(target, ast.Name) and target.id in ("EMAIL_REGEX", "PHONE_REGEX", "IP_REGEX")
    }

    def spans(text: Text) -> Spans:
        for hit in patterns["EMAIL_REGEX"].finditer(text.text):
            if "." in hit[0].split("@")[1]:
                yield *hit.span(), "email"
        for name, kind in (("PHONE_REGEX", "phone"), ("IP_REGEX", "ip")):
            for hit in patterns[name].finditer(text.text):
                around = text.text[max(0, hit.start() - WINDOW) : hit.end() + WINDOW]
                if not any(word in around for word in ("isbn", "doi", "#")):
                    yield *hit.span(), kind

    return spans


if __name__ == "__main__":
    main()
