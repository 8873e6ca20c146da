"""The documents that curation kept, with their language: what tokenisers read."""

import pyarrow as pa
import pyarrow.compute as pc

from bedstone.artifact import Shard
from bedstone.corpus import columns


def read_kept(documents: Shard, language: Shard, kept: Shard) -> pa.Table:
    """The ``id``, ``text`` and ``language`` of one shard's kept documents, in its order.

    Raises:
        DataError: the three do not hold the same documents in the same order.
    """
    texts = columns.read(documents, ["id", "text"])
    languages = columns.beside(language, texts, ["language"])
    decided = columns.beside(kept, texts, ["keep"])
    return texts.append_column("language", languages["language"]).filter(decided["keep"])


def text_bytes(table: pa.Table) -> list[int]:
    """The UTF-8 length of each text."""
    lengths: list[int] = pc.binary_length(table["text"]).to_pylist()
    return lengths
