"""Stored tokens, a mix and a tokeniser of bytes, as small as they can be."""

import json
import resource
import shutil
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from bedstone.progress import Progress
from bedstone.store.engine import Local
from bedstone.store.stage import Job
from bedstone.text.encoder import SPECIAL_TOKENS, byte_alphabet
from bedstone.text.patterns import PATTERN
from bedstone.tokenizer.learning.vocabulary import CHAT_TEMPLATE


@dataclass
class Folder:
    """A folder in the place of an artifact."""

    path: Path
    shards: tuple["Folder", ...] = ()

    @property
    def location(self) -> Path:
        return self.path

    def file(self, name: str) -> Path:
        return self.path / name

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(path.name for path in self.files)

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(sorted(self.path.glob("*")))


def write_shard(folder: Path, documents: dict[str, list[tuple[str, list[int], int]]]) -> Folder:
    """Of each language: ids, tokens without the closing 0, bytes."""
    folder.mkdir(parents=True)
    rows = []
    for language, texts in documents.items():
        closed = [np.array([*tokens, 0], np.uint16) for _, tokens, _ in texts]
        np.save(folder / f"{language}.tokens.npy", np.concatenate(closed))
        np.save(folder / f"{language}.offsets.npy", np.cumsum([0, *map(len, closed)]))
        rows += [
            {"id": name, "language": language, "bytes": size, "tokens": len(tokens) + 1}
            for name, tokens, size in texts
        ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "documents.parquet")
    return Folder(folder)


def write_mix(folder: Path, shards: list[Folder], weights: dict[str, float], held_out: set[str]):
    """With the documents of these ids held out."""
    folder.mkdir()
    rows = []
    for number, shard in enumerate(shards):
        seen = Counter()
        for row in pq.read_table(shard.file("documents.parquet")).to_pylist():
            name, language = row["id"], row["language"]
            split = "held_out" if name in held_out else "train"
            place = {"shard": number, "index": seen[language], "split": split}
            rows.append({"id": name, "language": language, **place})
            seen[language] += 1
    pq.write_table(pa.Table.from_pylist(rows), folder / "documents.parquet")
    languages = {language: {"weight": weight} for language, weight in weights.items()}
    (folder / "mix.json").write_text(json.dumps({"languages": languages}))
    return Folder(folder)


@pytest.fixture
def stored(tmp_path):
    """Write shards of documents and their mix: ``stored([shard, ...], weights, held_out ids)``."""

    def write(shards, weights, held_out=frozenset()):
        folder = tmp_path / "tokens"
        parts = [write_shard(folder / str(number), shard) for number, shard in enumerate(shards)]
        return Folder(folder, tuple(parts)), write_mix(tmp_path / "mix", parts, weights, held_out)

    return write


@pytest.fixture
def tokenizer(tmp_path):
    """Every byte is a token, from 3 on."""
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    special = {name: number for number, name in enumerate(SPECIAL_TOKENS)}
    vocabulary = {character: 3 + byte for character, byte in byte_alphabet().items()}
    made = Tokenizer(models.BPE(vocab=special | vocabulary, merges=[]))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(list(SPECIAL_TOKENS))
    made.save(str(folder / "tokenizer.json"))
    config = {"chat_template": CHAT_TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return Folder(folder)


@pytest.fixture
def little_room():
    """While it is entered, no file may have more than 4096 bytes."""

    @contextmanager
    def entered():
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, most))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    return entered


@pytest.fixture
def no_bf16_kernels(monkeypatch):
    """A processor for which torch has none, and of which nothing was said yet."""
    processor = pytest.importorskip("bedstone.model.processor")
    monkeypatch.setattr(processor, "has_bf16_kernels", lambda *device: False)
    processor._warn_of_bf16.cache_clear()
    yield
    processor._warn_of_bf16.cache_clear()


@pytest.fixture
def job(tmp_path):
    """A job: ``job("name", role=input, ...)``; the same name is the same folder."""

    def made(name="job", **inputs):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        return Job(inputs, folder, Local(), Progress())

    return made


@pytest.fixture
def inputs(job, tokenizer, tmp_path):
    """A model folder with its tokeniser, bytes; six held-out prompts and one that is not."""
    from bedstone.counting.shape import ModelConfig
    from bedstone.model import hugging_face
    from bedstone.model.transformer import Transformer

    shape = ModelConfig(
        vocab_size=259, n_layers=1, d_model=16, n_heads=2, n_kv_heads=1, d_ff=16, seq_len=32
    )
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
    shard = Folder(tmp_path / "pairs")
    return {"model": Folder(made.folder), "pairs": Folder(tmp_path / "pairs", (shard,))}
