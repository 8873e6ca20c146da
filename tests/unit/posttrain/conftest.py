"""Small pairs, and a model that has not learnt anything."""

import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedstone.counting.shape import ModelConfig

SHAPE = ModelConfig(
    vocab_size=259, n_layers=1, d_model=16, n_heads=2, n_kv_heads=1, d_ff=16, seq_len=32
)
WORDS = ("stone", "river", "house", "field", "cloud")


@pytest.fixture
def pairs(tmp_path, tokenizer):
    """Forty pairs to train on and ten held out."""
    rows = [
        {
            "id": str(number),
            "language": "eng_Latn",
            "prompt": f"{number}",
            "completion": f"A {WORDS[number % 5]}.",
            "split": "train" if number < 40 else "held_out",
        }
        for number in range(50)
    ]
    rows[40:] = [row | {"completion": f"{row['completion'][:-1]}!"} for row in rows[40:]]
    for long in (0, 1, 40, 41):
        rows[long]["prompt"] += "0000"
    folder = tmp_path / "pairs"
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(rows), folder / "pairs.parquet")
    shard = type(tokenizer)(folder)
    return type(tokenizer)(folder, (shard,))


@pytest.fixture
def model(job, tokenizer):
    """A model folder with its tokeniser: bytes."""

    from bedstone.model import hugging_face
    from bedstone.model.transformer import Transformer

    made = job("model")
    hugging_face.save(Transformer(SHAPE), made.part, end_token=0)
    for path in tokenizer.files:
        shutil.copy(path, made.folder)
    return type(tokenizer)(made.folder)
