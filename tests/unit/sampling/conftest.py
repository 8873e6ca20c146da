"""A few prompts, and a model that has not learnt anything."""

import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install bedstone[train]")

from bedstone.model import hugging_face  # noqa: E402 (needs torch)
from bedstone.model.transformer import ModelConfig, Transformer  # noqa: E402 (needs torch)


@pytest.fixture(autouse=True)
def _one_thread():
    # Matrices this small are slower with more, and much slower beside other work.
    torch.set_num_threads(1)


@pytest.fixture
def inputs(job, tokenizer, tmp_path):
    """A model folder with its tokeniser, bytes; six held-out prompts and one that is not."""
    shape = ModelConfig(
        vocab_size=259, n_layers=1, d_model=16, n_heads=2, n_kv_heads=1, d_ff=16, seq_len=32
    )
    torch.manual_seed(0)
    made = job("model")
    hugging_face.save(Transformer(shape), made.part, end_token=0)
    for path in tokenizer.files:
        shutil.copy(path, made.folder)
    rows = [
        {
            "id": str(number),
            "language": "eng_Latn",
            "prompt": f"{number}",
            "completion": f"Page {number}.",
            "split": "held_out" if number else "train",
        }
        for number in range(7)
    ]
    (tmp_path / "pairs").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "pairs" / "pairs.parquet")
    folder = type(tokenizer)
    shard = folder(tmp_path / "pairs")
    return {"model": folder(made.folder), "pairs": folder(tmp_path / "pairs", (shard,))}
