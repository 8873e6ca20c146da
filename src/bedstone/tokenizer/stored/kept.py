"""The documents that curation kept, with their language: what tokenisers read."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bedstone.lots import lot
from bedstone.store import tables
from bedstone.store.artifact import Shard


def read_kept(
    documents: Shard, language: Shard, kept: Shard | None = None, held_out: Shard | None = None
) -> pa.Table:
    """The ``id``, ``text`` and ``language`` of one shard's kept documents, in its order.

    Args:
        documents: their texts.
        language: of all of them.
        kept: without it, all are.
        held_out: with it, what is held out, or near that, is left out.

    Raises:
        DataError: they are not about the same documents in the same order.
    """
    texts = tables.read(documents, ["id", "text"])
    languages = tables.beside(language, texts, ["language"])
    is_read = pa.chunked_array([pa.repeat(True, texts.num_rows)])
    if kept is not None:
        is_read = tables.beside(kept, texts, ["keep"])["keep"]
    if held_out is not None:
        split = tables.beside(held_out, texts, ["split"])["split"]
        is_read = pc.and_(is_read, pc.equal(split, "train"))
    return texts.append_column("language", languages["language"]).filter(is_read)


def text_bytes(table: pa.Table) -> list[int]:
    """The UTF-8 length of each text."""
    lengths: list[int] = pc.binary_length(table["text"]).to_pylist()
    return lengths


def write_sizes(shards: Mapping[str, Shard], path: Path) -> None:
    """Write the bytes of each language's documents that ``read_kept`` reads, as JSON."""
    sizes = Counter[str]()
    table = read_kept(**shards)
    for name, size in zip(table["language"].to_pylist(), text_bytes(table), strict=True):
        sizes[name] += size
    path.write_text(json.dumps({name: size for name, size in sizes.items() if size}), "utf-8")


def write_drawn(shares: Mapping[str, float], shards: Mapping[str, Shard], path: Path) -> None:
    """Write the documents of which each language's share is drawn by lot, as Parquet."""
    table = read_kept(**shards)
    names = zip(table["id"].to_pylist(), table["language"].to_pylist(), strict=True)
    drawn = [lot(document, "tokenizer.train") < shares.get(name, 0.0) for document, name in names]
    pq.write_table(table.filter(pa.array(drawn, pa.bool_())), path)
