"""The documents that curation kept, with their language: what tokenisers read."""

import pyarrow as pa
import pyarrow.compute as pc

from bedstone.store import tables
from bedstone.store.artifact import Shard


def read_kept(documents: Shard, language: Shard, kept: Shard) -> pa.Table:
    """The ``id``, ``text`` and ``language`` of one shard's kept documents, in its order.

    Raises:
        DataError: the three do not hold the same documents in the same order.
    """
    texts = tables.read(documents, ["id", "text"])
    languages = tables.beside(language, texts, ["language"])
    decided = tables.beside(kept, texts, ["keep"])
    return texts.append_column("language", languages["language"]).filter(decided["keep"])


def text_bytes(table: pa.Table) -> list[int]:
    """The UTF-8 length of each text."""
    lengths: list[int] = pc.binary_length(table["text"]).to_pylist()
    return lengths
