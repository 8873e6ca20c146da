"""Whether a tokeniser or a model was made from given text."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bedstone.corpus.sources.catalogue import SOURCES
from bedstone.store import tables
from bedstone.store.artifact import Artifact, folders
from bedstone.store.lineage import ancestors

HELD_OUT_OF = "udhr"
"""What the documents are of that corpus.yardstick holds out."""


WITH_URLS = "corpus.extract"


READING = ("tokenizer.train", "tokenizer.encode", "tokenizer.mix")
"""Stages between documents and what is made of them."""


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
    readers = [each for each in behind if each.manifest.stage in READING]
    wanted = set(_ids_of(sources, behind, artifact.path.resolve().parent))
    has_urls = any(each.manifest.stage == WITH_URLS for each in behind)
    is_known = bool(readers and sources and has_urls)
    for reader in readers:
        parents = {role: found.get(it.request) for role, it in reader.manifest.parents.items()}
        inputs = {role: parent for role, parent in parents.items() if parent}
        if len(inputs) < len(parents):
            is_known = False
        elif _learnt(wanted, reader, inputs):
            return True
    return False if is_known else None


def _steering(behind: Sequence[Artifact]) -> list[Artifact]:
    """Parallel text that a tokeniser was trained to be fair on."""
    return [each for each in behind if each.manifest.stage == "corpus.parallel"]


def _ids_of(sources: Sequence[str], behind: Sequence[Artifact], store: Path) -> Iterator[str]:
    """The ids of the documents that are pages of the sources."""
    starts = [SOURCES[source].urls for source in sources]
    for artifact in behind:
        if artifact.manifest.stage == WITH_URLS:
            for shard in artifact.shards:
                table = tables.read(shard, ["id"], ["url"])
                for start in starts:
                    yield from table.filter(pc.starts_with(table["url"], start))["id"].to_pylist()
    if HELD_OUT_OF in sources:
        for folder in folders(store, "corpus.yardstick-*"):
            table = pq.read_table(Artifact(folder).file("held_out.parquet"))
            yield from table["id"].to_pylist()


def _learnt(wanted: set[str], reader: Artifact, inputs: Mapping[str, Artifact]) -> set[str]:
    """Which of the ids a tokeniser was trained on, or are in a mix to train on."""
    if reader.manifest.stage == "tokenizer.encode":
        return set()  # the mix tells which
    if reader.manifest.stage == "tokenizer.mix":
        listed = pq.read_table(reader.file("documents.parquet"))
        return wanted.intersection(_ids(listed, "split", "train"))
    for role, name, value in (("held_out", "split", "train"), ("kept", "keep", True)):
        if role in inputs:
            read = (tables.read(shard, ["id", name]) for shard in inputs[role].shards)
            wanted = wanted.intersection(chain.from_iterable(_ids(it, name, value) for it in read))
    return wanted


def _ids(table: pa.Table, name: str, value: object) -> list[str]:
    ids: list[str] = table.filter(pc.equal(table[name], value))["id"].to_pylist()
    return ids
