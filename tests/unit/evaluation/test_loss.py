import math
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from bedstone.counting.shape import ModelConfig
from bedstone.evaluation.loss import (
    Document,
    LossConfig,
    foresee,
    read_held_out,
    run,
)
from bedstone.generation.foresight import Known
from bedstone.model import hugging_face
from bedstone.model.transformer import Transformer
from bedstone.text.encoder import Encoder

pytestmark = pytest.mark.torch

SHAPE = ModelConfig(
    vocab_size=259, n_layers=1, d_model=8, n_heads=2, n_kv_heads=1, d_ff=8, seq_len=16
)
BITS = math.log2(259)
"""Of each token, under a model that expects all alike."""
DOCUMENTS = [
    {"eng_Latn": [("a", [5] * 4, 8), ("b", [6] * 9, 9)], "xho_Latn": [("c", [7] * 3, 2)]},
    {"eng_Latn": [("d", [8] * 5, 11), ("e", [9], 1)]},
]
PARALLEL = {"eng_Latn": "abcd", "fra_Latn": "x", "xho_Latn": "abcdefgh"}


@pytest.fixture
def inputs(stored, tokenizer, job, tmp_path):
    """A model that expects all tokens alike; a and d of English, c of Xhosa are held out."""

    def made(parallel=PARALLEL, held_out=frozenset("acd"), documents=DOCUMENTS):
        model = Transformer(SHAPE)
        with torch.no_grad():
            model.embedding.zero_()
        folder = job("model").folder
        hugging_face.save(model, job("model").part, end_token=0)
        shutil.copy(tokenizer.file("tokenizer.json"), folder)
        tokens, mix = stored(documents, {"eng_Latn": 1.0, "xho_Latn": 0.0}, held_out)
        texts = {"language": list(parallel), "text": list(parallel.values())}
        kind = pa.schema({"language": pa.string(), "text": pa.large_string()})
        pq.write_table(pa.table(texts, kind), tmp_path / "yardstick.parquet")
        root = type(tokenizer)
        return {
            "model": root(folder),
            "tokens": tokens,
            "mix": mix,
            "yardstick": root(tmp_path),
        }

    return made


def rows(job):
    return pq.read_table(job.folder / "languages.parquet").to_pylist()


def test_what_is_read_is_known_before(inputs, tokenizer):
    given, encoder = inputs(), Encoder.stored(tokenizer)

    def tokens(growth, **config):
        known = Known(given, {"mix": growth}, {}, SHAPE, encoder)
        return foresee(LossConfig(**config), known).read_tokens

    parallel = 5 + 9  # of English and Xhosa, closed
    assert tokens(1) == 11 + 4 + parallel
    assert tokens(10) == 110 + 40 + parallel
    assert tokens(10, max_tokens=20) == 20 + 20 + parallel


def test_bits_of_each_language(job, inputs):
    made = job(**inputs())
    metrics = run(LossConfig(threads=1, number_format="fp32"), made).metrics
    english, xhosa = rows(made)
    assert english["language"] == "eng_Latn"
    assert (english["documents"], english["bytes"], english["tokens"]) == (2, 9, 11)
    assert english["bits_per_byte"] == pytest.approx((5 + 6) * BITS / 9, rel=1e-5)
    assert xhosa["bits_per_byte"] == pytest.approx(4 * BITS / 3, rel=1e-5)
    assert english["parallel_bits"] == pytest.approx(5 * BITS, rel=1e-5)
    assert (english["parallel_bits_ratio"], xhosa["parallel_bits_ratio"]) == pytest.approx(
        (1, 9 / 5)
    )
    assert metrics["languages"] == metrics["parallel_languages"] == 2
    assert metrics["held_out_bits_per_byte"] == pytest.approx(15 * BITS / 12, rel=1e-5)
    assert metrics["held_out_bits_per_byte_n"] == metrics["held_out_documents"] == 3
    documents = pq.read_table(made.folder / "documents.parquet").to_pylist()
    assert {(row["id"], row["language"], row["bytes"]) for row in documents} == {
        ("a", "eng_Latn", 4),
        ("d", "eng_Latn", 5),
        ("c", "xho_Latn", 3),
    }
    by_id = {row["id"]: row["bits"] for row in documents}
    assert by_id == pytest.approx({"a": 5 * BITS, "d": 6 * BITS, "c": 4 * BITS}, rel=1e-5)
    mean = (english["bits_per_byte"] + xhosa["bits_per_byte"]) / 2
    assert metrics["language_mean_bits_per_byte"] == pytest.approx(mean)


def test_without_a_yardstick_nothing_is_compared(job, inputs):
    made = job(**inputs(parallel={}))
    metrics = run(LossConfig(threads=1, number_format="fp32"), made).metrics
    assert {row["parallel_bits"] for row in rows(made)} == {None}
    assert metrics["parallel_languages"] == 0
    assert "parallel_ratio_median" not in metrics


def test_without_held_out_documents_nothing_is_measured(job, inputs):
    made = job(**inputs(held_out=frozenset()))
    metrics = run(LossConfig(threads=1, number_format="fp32"), made).metrics
    assert rows(made) == []
    assert metrics["languages"] == metrics["held_out_documents"] == 0
    assert "held_out_bits_per_byte" not in metrics


@pytest.mark.parametrize(("count", "told"), [(1, False), (7, False), (8, True)])
def test_few_documents_have_no_interval(job, inputs, count, told):
    rest = [(f"r{number}", [5], 1) for number in range(2)]
    held = [(f"h{number}", [5] * (1 + number % 3), 1) for number in range(count)]
    shard = {"eng_Latn": [*held, *rest]}
    made = job(**inputs(held_out={name for name, *_ in held}, documents=[shard]))
    metrics = run(LossConfig(threads=1, number_format="fp32"), made).metrics
    (row,) = rows(made)
    for end in ("_low", "_high"):
        assert (row[f"bits_per_byte{end}"] is not None) == told
        assert (f"held_out_bits_per_byte{end}" in metrics) == told
    assert metrics["held_out_bits_per_byte_n"] == count
    if told:
        assert row["bits_per_byte_low"] < row["bits_per_byte"] < row["bits_per_byte_high"]


@pytest.fixture
def read(inputs):
    roles = inputs()
    encoder = Encoder.load(roles["model"].path)
    return lambda **config: read_held_out(
        roles["tokens"], roles["mix"], encoder, LossConfig(**config)
    )


def test_of_a_document_its_beginning(read):
    whole = {each.id: each for each in read()["eng_Latn"]}
    assert whole["a"] == Document("a", [5] * 4 + [0], 4)
    # Of five tokens and the end, four; of four and the end, four: neither has an end to predict.
    cut = {each.id: each for each in read(document_max_tokens=4)["eng_Latn"]}
    assert cut == {"a": Document("a", [5] * 4, 4), "d": Document("d", [8] * 4, 4)}


def test_so_many_tokens_of_a_language(read):
    whole, few = read(), read(max_tokens=2)
    assert {name: len(documents) for name, documents in whole.items()} == {
        "eng_Latn": 2,
        "xho_Latn": 1,
    }
    assert few == {name: documents[:1] for name, documents in whole.items()}
    # Of less of each document, more documents.
    assert len(read(max_tokens=2, document_max_tokens=1)["eng_Latn"]) == 2
