from types import SimpleNamespace

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from bedstone.errors import DataError
from bedstone.tokenizer.mixing.usage import (
    bytes_per_token,
    read_used,
    together,
    vocabulary,
    write_used,
)


def test_ids_of_the_held_out_documents_of_all_shards(stored, tmp_path):
    first = {"x": [("a", [5, 2], 2), ("b", [3], 1), ("c", [5, 9], 2)], "y": [("d", [2, 2], 1)]}
    tokens, mix = stored([first, {"x": [("e", [7, 5], 2)]}], {"x": 1.0}, {"a", "e", "d"})
    documents, paths = pq.read_table(mix.file("documents.parquet")), []
    for number, shard in enumerate(tokens.shards):
        its = tmp_path / f"documents{number}"
        pq.write_table(documents.filter(pc.equal(documents["shard"], number)), its)
        paths.append(tmp_path / f"used{number}")
        write_used("held_out", (its, shard), paths[-1])
    used = read_used(paths)
    assert {name: ids.tolist() for name, ids in used.items()} == {"x": [2, 5, 7], "y": [2]}
    assert together(used).tolist() == [2, 5, 7]


def test_nothing_held_out_uses_nothing():
    assert together({}).tolist() == []


def test_control_tokens_are_not_of_the_vocabulary():
    encoder = SimpleNamespace(
        vocab_size=13, special={"<|endoftext|>": 0, "<|user|>": 1, "<|x|>": 2}
    )
    assert vocabulary(encoder, np.array([3, 12])) == {
        "vocabulary_tokens": 10,
        "vocabulary_unseen_tokens": 8,
        "vocabulary_unseen_share": 0.8,
    }
    with pytest.raises(DataError, match="an id 13"):
        vocabulary(encoder, np.array([3, 13]))


def test_a_language_without_text_has_no_compression():
    counts = {"held_out_documents": 2, "held_out_tokens": 2, "held_out_bytes": 0}
    assert bytes_per_token(counts, "held_out") is None
    assert bytes_per_token(counts | {"held_out_tokens": 6, "held_out_bytes": 18}, "held_out") == 4.5
