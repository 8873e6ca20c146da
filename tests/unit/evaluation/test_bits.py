import math
import random
import shutil
from itertools import count
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from tests.support.trainers import trainer

from bedstone.counting.shape import ModelConfig
from bedstone.evaluation import bits, texts
from bedstone.evaluation.beginnings import beginning, site
from bedstone.evaluation.bits import BitsConfig, foresee, run
from bedstone.evaluation.texts import TextsConfig
from bedstone.generation.foresight import Known
from bedstone.lots import lot
from bedstone.model import hugging_face
from bedstone.model.transformer import Transformer
from bedstone.text.encoder import FILE, Encoder, read_values
from bedstone.tokenizer.learning.vocabulary import untrained
from bedstone.tokenizer.train import TrainConfig

pytestmark = pytest.mark.torch

SHAPE = ModelConfig(
    vocab_size=259, n_layers=1, d_model=8, n_heads=2, n_kv_heads=1, d_ff=8, seq_len=16
)
BITS = math.log2(259)
"""Of each token, which is a byte, under a model that expects all alike."""
HERE = {"threads": 1, "number_format": "fp32"}
OF_TEXTS = TextsConfig.model_fields
ENGLISH, HINDI, XHOSA = "eng_Latn", "hin_Deva", "xho_Latn"
SHARDS = [
    [("a", ENGLISH, "abcd"), ("b", ENGLISH, "not held out"), ("c", XHOSA, "xyz")],
    [("d", ENGLISH, "efghi"), ("empty", ENGLISH, "")],
]
HELD_OUT = {"a", "c", "d", "empty"}
PARALLEL = {ENGLISH: "abcdefgh", "fra_Latn": "x", XHOSA: "éééééééééééééééé"}


@pytest.fixture
def model(tokenizer, job):
    """One that expects all tokens alike."""
    uniform, made = Transformer(SHAPE), job("model")
    with torch.no_grad():
        uniform.embedding.zero_()
    hugging_face.save(uniform, made.part, end_token=0)
    shutil.copy(tokenizer.file(FILE), made.folder)
    return type(tokenizer)(made.folder)


@pytest.fixture
def inputs(model, tmp_path, job):
    """The roles: of a document its id, language and text, and whether it is held out and kept."""
    folder = type(model)
    times = count()

    def table(name, rows):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, tmp_path / name / f"{name.partition('/')[0]}.parquet")
        return folder(tmp_path / name)

    def columns(role, shards, **columns):
        columns = {"id": (lambda it: it[0], pa.string())} | columns
        arrays = (
            {name: pa.array([of(it) for it in shard], kind) for name, (of, kind) in columns.items()}
            for shard in shards
        )
        parts = [table(f"{role}/{number}", pa.table(each)) for number, each in enumerate(arrays)]
        return folder(tmp_path / role, tuple(parts))

    def made(shards=SHARDS, held_out=HELD_OUT, kept=None, parallel=None, urls=None, **config):
        of_text = {"text": (lambda it: it[2], pa.large_string())}
        of_text["url"] = (lambda it: (urls or {}).get(it[0]), pa.string())
        split = {"split": (lambda it: "held_out" if it[0] in held_out else "train", pa.string())}
        roles = {
            "documents": columns("documents", shards, **of_text),
            "language": columns("language", shards, language=(lambda it: it[1], pa.string())),
            "held_out": columns("held_out", shards, **split),
        }
        if kept is not None:
            roles["kept"] = columns("kept", shards, keep=(lambda it: it[0] in kept, pa.bool_()))
        gathering = job(f"texts {next(times)}", **roles)
        texts.run(TextsConfig(**config), gathering)
        found = {"model": model, "texts": folder(gathering.folder)}
        if parallel is not None:
            columns_of = {"language": list(parallel), "text": list(parallel.values())}
            found["yardstick"] = table("yardstick", pa.table(columns_of))
        return found

    return made


@pytest.fixture
def measured(job, inputs):
    """Metrics, and the rows of both tables."""

    def made(config=None, **given):
        chosen = config or {}
        of_texts = {name: value for name, value in chosen.items() if name in OF_TEXTS}
        done = job(**inputs(**given, **of_texts))
        rest = {name: value for name, value in chosen.items() if name not in OF_TEXTS}
        metrics = run(BitsConfig(**HERE, **rest), done).metrics
        names = ("languages", "documents")
        return metrics, *(pq.read_table(done.folder / f"{it}.parquet").to_pylist() for it in names)

    return made


def test_bits_of_each_language(measured):
    metrics, (english, xhosa), documents = measured()
    # The empty document takes no bits, and no end is counted of the others.
    assert (english["language"], xhosa["language"]) == (ENGLISH, XHOSA)
    assert (english["documents"], english["bytes"], english["tokens"]) == (2, 9, 9)
    assert english["bits_per_byte"] == pytest.approx(BITS)
    assert xhosa["bits_per_byte"] == pytest.approx(BITS)
    assert metrics["languages"] == 2
    assert metrics["held_out_bits_per_byte"] == pytest.approx(BITS)
    assert metrics["held_out_bits_per_byte_n"] == metrics["held_out_documents"] == 3
    assert metrics["held_out_bytes"] == metrics["held_out_tokens"] == 12
    assert metrics["language_mean_bits_per_byte"] == pytest.approx(BITS)
    assert not any(name.startswith(("dropped", "parallel_r")) for name in metrics)
    assert {(it["id"], it["language"], it["bytes"]) for it in documents} == {
        ("a", ENGLISH, 4),
        ("d", ENGLISH, 5),
        ("c", XHOSA, 3),
    }
    assert all(it["bits"] == pytest.approx(it["bytes"] * BITS) for it in documents)
    assert {(it["site"], it["group"]) for it in documents} == {(None, None)}


def test_what_is_read_is_known_before(inputs, tokenizer, measured):
    given, encoder = inputs(parallel=PARALLEL), Encoder.stored(tokenizer)
    parallel = 2 + 8  # of English and Xhosa

    def tokens(growth, max_bytes):
        given["texts"].manifest = SimpleNamespace(config={"max_bytes": max_bytes})
        known = Known(given, {"texts": growth}, {}, SHAPE, encoder)
        return foresee(BitsConfig(parallel_share=0.25), known).read_tokens

    assert measured()[0]["held_out_tokens"] == 12
    assert tokens(1, 100) == 12 + parallel
    assert tokens(3, 100) == 3 * 12 + parallel
    assert tokens(3, 10) == 10 + 3 * 3 + parallel
    assert tokens(3, 1) == 12 + parallel  # beyond the limit as it is
    del given["yardstick"]
    assert tokens(1, 100) == 12


def test_without_held_out_documents_nothing_is_measured(measured):
    metrics, languages, documents = measured(held_out=set(), parallel=PARALLEL)
    assert languages == documents == []
    assert metrics["languages"] == metrics["held_out_documents"] == 0
    assert "held_out_bits_per_byte" not in metrics


@pytest.mark.parametrize(("count", "told"), [(1, False), (7, False), (8, True)])
def test_few_documents_have_no_interval(measured, count, told, monkeypatch):
    def uneven(model, texts, end, advance):
        return [len(text) ** 2.0 for text in texts]

    monkeypatch.setattr(bits, "text_bits", uneven)
    shard = [(f"h{number}", ENGLISH, "x" * (1 + number % 3)) for number in range(count)]
    metrics, (row,), _ = measured(shards=[shard], held_out={it[0] for it in shard})
    for end in ("_low", "_high"):
        assert (row[f"bits_per_byte{end}"] is not None) == told
        assert (f"held_out_bits_per_byte{end}" in metrics) == told
    assert metrics["held_out_bits_per_byte_n"] == count
    if told:
        assert row["bits_per_byte_low"] < row["bits_per_byte"] < row["bits_per_byte_high"]


def test_what_is_kept_is_told_and_what_is_dropped_beside_it(measured, monkeypatch):
    def bits_of(model, texts, end, advance):
        return [10.0 * len(text) if len(text) == 4 else 1.0 * len(text) for text in texts]

    monkeypatch.setattr(bits, "text_bits", bits_of)
    metrics, languages, documents = measured(kept={"d", "b"})
    assert [(it["language"], it["documents"], it["bits_per_byte"]) for it in languages] == [
        (ENGLISH, 1, 1.0)  # of Xhosa nothing is kept
    ]
    assert (metrics["held_out_documents"], metrics["held_out_bits_per_byte"]) == (1, 1.0)
    assert metrics["dropped_documents"] == metrics["dropped_bits_per_byte_n"] == 2
    assert metrics["dropped_bits_per_byte"] == (40 + 3) / (4 + 3)
    groups = {it["id"]: it["group"] for it in documents}
    assert groups == {"a": "dropped", "c": "dropped", "d": "kept"}
    # What is measured does not depend on what is kept.
    assert [it["id"] for it in measured()[2]] == [it["id"] for it in documents]
    metrics, _, _ = measured(kept=HELD_OUT)
    assert metrics["dropped_documents"] == 0
    assert "dropped_bits_per_byte" not in metrics


def test_languages_are_compared_on_the_beginning_of_parallel_text(measured):
    metrics, (english, xhosa), _ = measured({"parallel_share": 0.25}, parallel=PARALLEL)
    # Two of 8 characters, of a byte each; four of 16, of two bytes each.
    assert english["parallel_bits"] == pytest.approx(2 * BITS)
    assert xhosa["parallel_bits"] == pytest.approx(8 * BITS)
    assert (english["parallel_bits_ratio"], xhosa["parallel_bits_ratio"]) == pytest.approx((1, 4))
    assert metrics["parallel_languages"] == 2
    assert metrics["parallel_ratio_max"] == pytest.approx(4)


@pytest.mark.parametrize("parallel", [None, {}, {XHOSA: "no English"}])
def test_without_parallel_text_nothing_is_compared(measured, parallel):
    metrics, languages, _ = measured(parallel=parallel)
    assert {row["parallel_bits_ratio"] for row in languages} == {None}
    assert metrics["parallel_languages"] == 0
    assert "parallel_ratio_median" not in metrics


WORDS = ["नमस्ते", "दुनिया", "👩🏽‍🚀", "river", "manuscript", "harbour", "é", "的", "१२३", "🙂"]


def drawn_texts(count):
    dice = random.Random(0)
    made = ["".join(dice.choices("abcdefghij", k=dice.randint(2, 7))) for _ in range(900)]
    words = [*made, *WORDS * 200]
    return [" ".join(dice.choices(words, k=dice.randint(1, 60))) for _ in range(count)]


class EightBits:
    """A model that gives each byte 8 bits, however bytes are put together to tokens."""

    config, device = SimpleNamespace(seq_len=16), torch.device("cpu")

    def __init__(self, folder):
        values = read_values(folder / FILE)
        bytes_of = {number: len(token) for token, number in values["model"]["vocab"].items()}
        special = {token["id"]: math.inf for token in values["added_tokens"]}
        nats = {number: size * math.log(256) for number, size in (bytes_of | special).items()}
        self.nats_V = torch.tensor([nats[it] for it in range(len(nats))], dtype=torch.float64)

    def nats(self, tokens_BT, targets_BT):
        return self.nats_V[targets_BT]


@pytest.fixture
def vocabularies(tokenizer, tmp_path):
    """Tokenisers of bytes alone, of 300 tokens and of 1,000."""
    found = [tokenizer]
    for size in (300, 1000):
        made = untrained()
        made.train_from_iterator(drawn_texts(300), trainer(TrainConfig(vocab_size=size)))
        assert made.get_vocab_size() == size
        (tmp_path / str(size)).mkdir()
        made.save(str(tmp_path / str(size) / FILE))
        found.append(type(tokenizer)(tmp_path / str(size)))
    return found


def test_a_byte_costs_the_same_whatever_the_vocabulary(job, inputs, vocabularies, monkeypatch):
    monkeypatch.setattr(hugging_face, "load", lambda folder, *how: EightBits(folder))
    rows = [(str(n), (ENGLISH, HINDI)[n % 2], text) for n, text in enumerate(drawn_texts(90))]
    held_out, parallel = {str(n) for n in range(80)}, {ENGLISH: "x yz"}
    few = {"max_bytes": 3000, "document_max_bytes": 128}
    roles = inputs([rows[:50], rows[50:]], held_out, parallel=parallel, **few)
    config = BitsConfig(**HERE)
    found, tokens = [], set()
    for number, vocabulary in enumerate(vocabularies):
        done = job(str(number), **roles | {"model": vocabulary})
        metrics = run(config, done).metrics
        tokens.add(metrics["held_out_tokens"])
        assert metrics["held_out_bits_per_byte"] == pytest.approx(8, abs=1e-9)
        for row in pq.read_table(done.folder / "languages.parquet").to_pylist():
            assert row["bits_per_byte"] == pytest.approx(8, abs=1e-9)
        documents = pq.read_table(done.folder / "documents.parquet")
        for row in documents.to_pylist():
            assert row["bits"] == pytest.approx(8 * row["bytes"], abs=1e-9)
        found.append(documents.drop(["bits"]))
    assert len(tokens) == len(vocabularies)
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])
    assert 20 < found[0].num_rows < 80


@pytest.mark.parametrize("text", ["नमस्ते दुनिया", "🙂👩🏽‍🚀🙂", "plain", "é的🙂a"])
def test_a_document_is_cut_between_characters(text):
    size = len(text.encode())
    for limit in range(4, size + 9):
        cut = beginning(text, limit)
        assert text.startswith(cut)
        room = min(limit, size) - len(cut.encode())
        assert 0 <= room < 4
        # One more character would have been too much.
        assert cut == text or len(text[: len(cut) + 1].encode()) > limit
    assert beginning(text, size) == text


def test_so_many_bytes_of_a_language_in_the_order_of_lots(measured):
    names = [str(number) for number in range(12)]
    shards = [
        [(name, ENGLISH, "x" * 20) for name in names[start::3]] + [(f"{start}x", XHOSA, "y" * 20)]
        for start in range(3)
    ]
    held_out = {it[0] for shard in shards for it in shard}

    def drawn(**config):
        _, languages, documents = measured(config, shards=shards, held_out=held_out)
        own = [it["id"] for it in documents if it["language"] == ENGLISH]
        return own, {it["language"]: it["bytes"] for it in languages}

    order = sorted(names, key=lambda name: lot(name, "evaluation.texts"))
    assert drawn()[0] == order
    # The third goes beyond.
    assert drawn(max_bytes=41) == (order[:3], {ENGLISH: 60, XHOSA: 60})
    assert drawn(max_bytes=40) == (order[:2], {ENGLISH: 40, XHOSA: 40})
    # Of less of each document, more documents.
    assert drawn(max_bytes=40, document_max_bytes=10)[0] == order[:4]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://www.Example.org:8080/a?b", "example.org"),
        ("http://news.example.org", "news.example.org"),
        ("https://wwwhere.net/", "wwwhere.net"),
        ("http://[broken", None),
        ("no url", None),
        ("", None),
        (None, None),
    ],
)
def test_a_site_is_a_host_without_www(url, host):
    assert site(url) == host


def test_each_document_names_its_site(measured):
    _, _, documents = measured(urls={"a": "https://www.example.org/a", "d": "file"})
    assert {it["id"]: it["site"] for it in documents} == {"a": "example.org", "c": None, "d": None}
