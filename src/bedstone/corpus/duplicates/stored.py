"""Signatures as they are stored, with what other tables tell of the same documents."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bedstone.corpus.duplicates.clusters import Band, Bools
from bedstone.corpus.duplicates.signatures import BAND, Hashes
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.text.codes import Indices


@dataclass(frozen=True, slots=True)
class Signatures:
    """Of all documents, in the shards' order: the bands are read when they are wanted."""

    source: Shard
    shards: list[pa.Table]
    """Of each shard ``id`` and ``characters``."""
    ids: pa.LargeStringArray
    ranks: Indices
    """Of each document its place in the order of ids."""

    @property
    def characters(self) -> Indices:
        """The length of each text."""
        return np.concatenate([table["characters"].to_numpy() for table in self.shards])

    @property
    def exact(self) -> Band:
        """Numbers that are equal for equal texts."""
        return partial(_numbers, self.source, "exact")

    @property
    def bands(self) -> list[Band]:
        """Those of the MinHash."""
        names = tables.schema(tables.table_path(self.source.shards[0])).names
        return [partial(_numbers, self.source, name) for name in names if name.startswith(BAND)]

    def rows(self) -> Iterator[slice]:
        """Where each shard's documents are."""
        ends = accumulate((table.num_rows for table in self.shards), initial=0)
        return (slice(start, end) for start, end in pairwise(ends))

    def beside(self, other: Shard, name: str) -> pa.ChunkedArray:
        """The column ``name`` of a table about the same documents.

        Raises:
            DataError: it is about others.
        """
        pairs = zip(tables.together(self.source, other), self.shards, strict=True)
        found = [tables.beside(shard, table, [name])[name] for (_, shard), table in pairs]
        chunks = [chunk for column in found for chunk in column.chunks]
        return pa.chunked_array(chunks, found[0].type)

    def groups(self, other: Shard, name: str) -> Hashes:
        """Numbers that are equal where ``beside`` has equal values."""
        column = self.beside(other, name)
        return np.asarray(pc.index_in(column, value_set=column.unique())).astype(np.uint64)

    def is_yardstick(self, yardstick: Shard | None) -> Bools:
        """Whether each document is one that corpus.yardstick holds out; without it, none is."""
        if yardstick is None:
            return np.zeros(len(self.ids), np.bool_)
        wanted = pq.read_table(yardstick.file("held_out.parquet"))["id"].combine_chunks()
        return bools(pc.is_in(self.ids, value_set=wanted.cast(self.ids.type)))


def read_signatures(source: Shard) -> Signatures:
    """What corpus.minhash wrote of all shards."""
    shards = [tables.read(shard, ["id", "characters"]) for shard in source.shards]
    # Of any total length: those of a corpus are more than strings of 32-bit offsets hold.
    kind = pa.large_string()
    parts = [table["id"].cast(kind).combine_chunks() for table in shards]
    ids = pa.concat_arrays([pa.array([], kind), *parts])
    order = pc.sort_indices(ids).to_numpy()
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    return Signatures(source, shards, ids, ranks)


def bools(column: pa.Array | pa.ChunkedArray) -> Bools:
    """A column of truth values."""
    return np.array(column.to_numpy(zero_copy_only=False), np.bool_)


def _numbers(source: Shard, name: str) -> Iterator[tuple[Hashes, Bools]]:
    for shard in source.shards:
        yield tables.numbers_of(tables.read(shard, [], nullable=[name])[name])
