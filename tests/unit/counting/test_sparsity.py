"""Zeros counted in files that are written here byte by byte, and in those of the library."""

import json
import tracemalloc

import numpy as np
import pytest
from tests.support.checkpoints import entry, put, write

from bedstone.counting import sparsity
from bedstone.counting.sparsity import Tensor, count, storage
from bedstone.errors import ArtifactError, DataError


def f32(*values):
    return "F32", [len(values)], np.array(values, "<f4").tobytes()


ZEROS = [  # dtype, shape, bytes, zeros
    ("F64", [3], np.array([0.0, -0.0, 5e-324], "<f8").tobytes(), 2),
    ("F32", [4], np.array([0.0, -0.0, 1e-45, np.nan], "<f4").tobytes(), 2),
    ("F16", [3], np.array([0.0, -0.0, 6e-8], "<f2").tobytes(), 2),
    ("BF16", [4], bytes.fromhex("0000 0080 0100 0180"), 2),
    ("F8_E4M3", [3], bytes.fromhex("00 80 01"), 2),
    ("F8_E5M2", [3], bytes.fromhex("00 80 81"), 2),
    ("F8_E4M3FNUZ", [3], bytes.fromhex("00 80 01"), 1),  # 80 is no number there
    ("F8_E5M2FNUZ", [3], bytes.fromhex("00 80 01"), 1),
    ("F8_E8M0", [2], bytes.fromhex("00 01"), 0),
    ("F4", [4], bytes.fromhex("80 71"), 2),
    ("F6_E2M3", [4], bytes.fromhex("20 10 00"), 3),  # from the lowest bit: 20, 00, 01, 00
    ("F6_E3M2", [4], bytes.fromhex("00 00 80"), 4),
    ("I64", [2], np.array([0, 1 << 63], "<u8").tobytes(), 1),
    ("U64", [2], np.array([0, 1 << 63], "<u8").tobytes(), 1),
    ("I32", [2], np.array([0, 1 << 31], "<u4").tobytes(), 1),
    ("U32", [2], np.array([0, 1 << 31], "<u4").tobytes(), 1),
    ("I16", [2], np.array([0, 1 << 15], "<u2").tobytes(), 1),
    ("U16", [2], np.array([0, 1 << 15], "<u2").tobytes(), 1),
    ("I8", [2], bytes.fromhex("00 80"), 1),
    ("U8", [2], bytes.fromhex("00 80"), 1),
    ("BOOL", [2, 1], bytes.fromhex("00 01"), 1),
    ("C64", [3], np.array([0, -0.0, -0.0, -0.0, 0, 1], "<f4").tobytes(), 2),
    ("F32", [], bytes(4), 1),
    ("F32", [0, 7], b"", 0),
]


@pytest.mark.parametrize(("dtype", "shape", "content", "zeros"), ZEROS)
def test_zeros_of_each_dtype(tmp_path, dtype, shape, content, zeros):
    path = write(tmp_path / "a.safetensors", {"x": (dtype, shape, content)})
    assert count(path) == [Tensor("x", dtype, tuple(shape), zeros)]


def test_every_dtype_of_the_format_is_tried():
    assert {dtype for dtype, *_ in ZEROS} == set(sparsity.BITS)


def test_the_library_writes_what_is_read(tmp_path):
    numpy = pytest.importorskip("safetensors.numpy")
    dice = np.random.default_rng(0)
    made = {
        name: (dice.random((5, 7)) * (dice.random((5, 7)) < 0.4)).astype(dtype)
        for name, dtype in (("a", np.float32), ("b", np.float16), ("c", np.float64))
    }
    numpy.save_file(made, tmp_path / "a.safetensors")
    found = {tensor.name: tensor.zeros for tensor in count(tmp_path / "a.safetensors")}
    assert found == {name: int((values == 0).sum()) for name, values in made.items()}


def test_parts_add_up_to_the_whole(tmp_path, monkeypatch):
    values = np.tile(np.array([0, 1, -0.0], "<f4"), 41)
    path = write(tmp_path / "a.safetensors", {"y": f32(0, 2), "x": f32(*values)})
    monkeypatch.setattr(sparsity, "CHUNK_BYTES", 24)
    assert [tensor.zeros for tensor in count(path)] == [1, 82]


def test_a_large_file_needs_the_memory_of_a_part(tmp_path):
    """All but the header is a hole in the file, which reads as zeros."""
    size = 64 * sparsity.CHUNK_BYTES
    path = put(tmp_path / "a.safetensors", {"x": entry("BF16", [size // 2], 0, size)})
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + size)
    tracemalloc.start()
    (tensor,) = count(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert tensor.zeros == size // 2
    assert peak < 4 * sparsity.CHUNK_BYTES


DAMAGE = {
    "is truncated, or no": b"\x01",
    "header of 99 bytes in a file of 10": (99).to_bytes(8, "little") + b"{}",
    "JSON is none": (2).to_bytes(8, "little") + b"{]",
    "is no object": (2).to_bytes(8, "little") + b"[]",
}


@pytest.mark.parametrize("message", DAMAGE)
def test_what_is_no_such_file(tmp_path, message):
    path = tmp_path / "a.safetensors"
    path.write_bytes(DAMAGE[message])
    with pytest.raises(DataError, match=message):
        count(path)


def test_a_deep_header_is_an_error(tmp_path):
    with pytest.raises(DataError, match="JSON is none"):
        count(put(tmp_path / "a.safetensors", b"[" * 200_000))


A, B = entry("F32", [2], 0, 8), entry("F32", [1], 8, 12)
HEADERS = [
    ("no shape", {"a": {}}),
    ("no shape", {"a": 1}),
    ("no shape", {"a": A | {"shape": [-2]}}),
    ("no shape", {"a": A | {"shape": [True]}}),
    ("no shape", {"a": A | {"data_offsets": [0]}}),
    ("no shape", {"a": A | {"data_offsets": [-8, 0]}}),
    ("unknown dtype 'F31'", {"a": A | {"dtype": "F31"}}),
    ("unknown dtype None", {"a": A | {"dtype": None}}),
    (r"8 bytes for F32 of shape \[3\]", {"a": A | {"shape": [3]}}),
    ("-8 bytes", {"a": A | {"data_offsets": [8, 0]}}),
    ("b overlaps", {"a": A, "b": B | {"data_offsets": [4, 8]}}),
    ("b overlaps what is before it, or leaves a gap", {"a": A, "b": B | {"data_offsets": [9, 13]}}),
    ("the name|stands twice", b'{"a": {}, "a": {}}'),
    ("describes", {"a": A}),  # four bytes too many
    ("describes", {"a": A, "b": B, "c": entry("U8", [9], 12, 21)}),  # and nine too few
]


@pytest.mark.parametrize(("message", "header"), HEADERS)
def test_a_header_that_cannot_be(tmp_path, message, header):
    with pytest.raises(DataError, match=message):
        count(put(tmp_path / "a.safetensors", header, bytes(12)))


def test_an_index_and_its_files(tmp_path):
    write(tmp_path / "1.safetensors", {"a": f32(0, 1)})
    write(tmp_path / "2.safetensors", {"b": f32(0, 0)})
    write(tmp_path / "other.safetensors", {"a": f32(3)})
    named = {"a": "1.safetensors", "b": "2.safetensors"}
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": named}))
    assert {tensor.name: tensor.zeros for tensor in count(index)} == {"a": 1, "b": 2}
    assert count(tmp_path) == count(index)
    index.write_text(json.dumps({"weight_map": named | {"c": "2.safetensors"}}))
    with pytest.raises(DataError, match="1 of its tensors are in no file: c"):
        count(index)
    index.write_text(json.dumps({"weight_map": named | {"c": "3.safetensors"}}))
    with pytest.raises(DataError, match=r"its file 3\.safetensors is missing"):
        count(index)
    index.write_text(json.dumps({"weight_map": ["a"]}))
    with pytest.raises(DataError, match="no weight_map"):
        count(index)


def test_a_folder_without_an_index(tmp_path):
    with pytest.raises(ArtifactError, match="holds no"):
        count(tmp_path)
    write(tmp_path / "1.safetensors", {"a": f32(0, 1)})
    write(tmp_path / "2.safetensors", {"b": f32(0, 0)})
    assert sum(tensor.zeros for tensor in count(tmp_path)) == 3
    write(tmp_path / "3.safetensors", {"a": f32(0)})
    with pytest.raises(DataError, match=r"a is in 1\.safetensors and in 3\.safetensors"):
        count(tmp_path)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pth", "last.ckpt"])
def test_pickles_are_never_opened(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    for path in (tmp_path, tmp_path / name):
        with pytest.raises(ArtifactError, match="is pickled") as caught:
            count(path)
        assert "safetensors" in caught.value.hint


def test_what_is_not_there(tmp_path):
    with pytest.raises(ArtifactError, match="there is no checkpoint"):
        count(tmp_path / "a.safetensors")


def test_storage_of_a_matrix_by_hand():
    """3 x 8 values of 16 bits, 10 of them kept."""
    stored = storage([Tensor("x", "BF16", (3, 8), 14)])
    assert stored.dense_bytes == 48
    assert stored.bitmask_bytes == 3 + 20
    assert stored.compressed_bytes == 20 + 10 * 2 + 4 * 4
    assert stored.bitmask_break_even_share == 1 / 16
    assert stored.compressed_break_even_share == pytest.approx((2 + 16 / 24) / (2 + 2))


@pytest.mark.parametrize(
    ("dtype", "shape", "bitmask", "compressed"),
    [
        ("F32", (100, 65_536), 1 / 32, 2 / 6),
        ("F32", (100, 65_537), 1 / 32, 4 / 8),  # indices of 32 bits
        ("F8_E4M3", (100, 4096), 1 / 8, 2 / 3),
        ("F32", (64, 64, 4096), 1 / 32, 2 / 6),  # a stack: each row of each matrix is one
    ],
)
def test_break_even_is_where_both_need_the_same(dtype, shape, bitmask, compressed):
    values = int(np.prod(shape))
    stored = storage([Tensor("x", dtype, shape, 0)])
    assert stored.bitmask_break_even_share == pytest.approx(bitmask)
    assert stored.compressed_break_even_share == pytest.approx(compressed, rel=2e-3)
    for way in ("bitmask", "compressed"):
        zeros = round(getattr(stored, f"{way}_break_even_share") * values)
        there = storage([Tensor("x", dtype, shape, zeros)])
        assert getattr(there, f"{way}_bytes") == pytest.approx(there.dense_bytes, abs=8)


def test_pointers_widen_with_the_values_that_are_kept():
    kept = (1 << 32) - 1
    narrow = storage([Tensor("x", "U8", (2, 1 << 31), 1)])
    wide = storage([Tensor("x", "U8", (2, 1 << 31), 0)])
    assert narrow.compressed_bytes == 5 * kept + 3 * 4
    assert wide.compressed_bytes == 5 * (kept + 1) + 3 * 8


@pytest.mark.parametrize("name", ["b/../a.safetensors", "b/a.safetensors", "{}/a.safetensors"])
def test_an_index_names_files_beside_it(tmp_path, name):
    folder = tmp_path / "b"
    folder.mkdir()
    for place in (tmp_path, folder):
        write(place / "a.safetensors", {"x": f32(0)})
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"x": name.format(tmp_path)}}))
    with pytest.raises(DataError, match="a path, where the name of a file is expected"):
        count(index)


def test_nothing_needs_nothing():
    stored = storage([])
    assert (stored.dense_bytes, stored.compressed_break_even_share) == (0, 0.0)
