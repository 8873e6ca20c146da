import numpy as np
import pyarrow.parquet as pq
import pytest

from bedstone.errors import DataError
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.text.encoder import END, Encoder
from bedstone.tokenizer.encode import STAGE, EncodeConfig, token_type


def test_documents_come_back_from_their_arrays(made):
    encoder = Encoder.load(made.tokenizer.path)
    end = encoder.special[END]
    for shard, source in zip(made.tokens.shards, made.documents.files, strict=True):
        texts = dict(
            zip(*(pq.read_table(source)[name].to_pylist() for name in ("id", "text")), strict=True)
        )
        seen = {}
        for row in pq.read_table(shard.file("documents.parquet")).to_pylist():
            name = row["language"]
            index = seen[name] = seen.get(name, -1) + 1
            tokens = np.load(shard.file(f"{name}.tokens.npy"), mmap_mode="r")
            low, high = np.load(shard.file(f"{name}.offsets.npy"))[index : index + 2]
            *ids, last = tokens[low:high].tolist()
            assert (encoder.decode(ids), last) == (texts[row["id"]], end)
            assert (row["tokens"], row["bytes"]) == (high - low, len(texts[row["id"]].encode()))
        for name, index in seen.items():
            offsets = np.load(shard.file(f"{name}.offsets.npy"))
            assert len(offsets) == index + 2
            assert offsets[-1] == len(np.load(shard.file(f"{name}.tokens.npy")))


def test_dropped_documents_are_not_there(made):
    first, second = (pq.read_table(shard.file("documents.parquet")) for shard in made.tokens.shards)
    assert "dropped" not in first["id"].to_pylist()
    assert first["language"].to_pylist() == ["eng_Latn"] * 30 + ["und"]
    assert sorted({*second["language"].to_pylist()}) == ["eng_Latn", "hin_Deva", "nob_Latn"]


def test_numbers_of_the_whole(made):
    metrics = made.tokens.manifest.metrics
    assert metrics["encoded_documents"] == 53
    rate = metrics["encoded_bytes"] / metrics["encoded_tokens"]
    assert metrics["bytes_per_token"] == pytest.approx(rate)
    assert 1.5 < rate < 6


def test_ids_are_stored_in_as_little_as_holds_them(made):
    tokens = np.load(made.tokens.shards[0].file("eng_Latn.tokens.npy"))
    assert tokens.dtype == np.uint16
    assert token_type(2**16) is np.uint16
    assert token_type(2**16 + 1) is np.uint32


def test_it_goes_on_after_the_languages_that_are_there(made, tmp_path, monkeypatch):
    inputs = {**made.to_encode}
    encode = Encoder.encode

    def stuck(self, text):
        if "शिक्षक" in text:
            raise KeyboardInterrupt
        return encode(self, text)

    monkeypatch.setattr(Encoder, "encode", stuck)
    with pytest.raises(KeyboardInterrupt):
        build(STAGE, EncodeConfig(), inputs, tmp_path, Local())
    second = next(path for path in tmp_path.glob("*/eng_Latn.*") if is_second(path.parent)).parent
    finished = second / "eng_Latn.offsets.npy"
    before = finished.stat()
    monkeypatch.setattr(Encoder, "encode", encode)
    again = build(STAGE, EncodeConfig(), inputs, tmp_path, Local())
    after = finished.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert again.manifest.content == made.tokens.manifest.content


def test_without_decisions_all_documents_are_kept(made):
    inputs = {**made.to_encode}
    del inputs["kept"]
    tokens = build(STAGE, EncodeConfig(), inputs, made.store, Local())
    assert tokens.manifest.metrics["encoded_documents"] == 54


def test_columns_of_other_documents_are_refused(made, tmp_path):
    inputs = {**made.to_encode, "kept": swapped(made.kept, tmp_path)}
    with pytest.raises(DataError, match="other documents"):
        build(STAGE, EncodeConfig(), inputs, tmp_path / "store", Local())


def is_second(folder):
    return not (folder / "und.offsets.npy").exists()


def swapped(kept: Artifact, folder):
    first, second = map(pq.read_table, kept.files)
    (folder / "kept").mkdir()
    pq.write_table(second, folder / "kept" / "00000.parquet")
    pq.write_table(first, folder / "kept" / "00001.parquet")
    return adopt([folder / "kept"], folder / "store")
