"""Whether a tokeniser or a model was made from given text."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from bedstone.corpus.sources.catalogue import SOURCES
from bedstone.store import tables
from bedstone.store.artifact import Artifact
from bedstone.store.lineage import ancestors

HELD_OUT_OF = "udhr"
"""What the documents are of that corpus.yardstick holds out."""


WITH_URLS = "corpus.extract"


READING_KEPT = ("tokenizer.train", "tokenizer.encode")
"""Stages whose kept documents are trained on."""


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
    has_urls = any(each.manifest.stage == WITH_URLS for each in behind)
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
    starts = [SOURCES[source].urls for source in sources]
    for artifact in behind:
        if artifact.manifest.stage == WITH_URLS:
            for shard in artifact.shards:
                table = tables.read(shard, ["id"], ["url"])
                for start in starts:
                    yield from table.filter(pc.starts_with(table["url"], start))["id"].to_pylist()
    if HELD_OUT_OF in sources:
        for path in sorted(store.glob("corpus.yardstick-*/held_out.parquet")):
            yield from pq.read_table(path)["id"].to_pylist()


def _kept_ids(kept: Artifact) -> Iterator[str]:
    for shard in kept.shards:
        table = tables.read(shard, ["id", "keep"])
        yield from table.filter(table["keep"])["id"].to_pylist()
