import numpy as np
import pyarrow as pa
import pytest

from bedstone.text import codes
from bedstone.text.codes import batches, strings_of, texts_of

STRINGS = ["", "a", "é 😀", "\x00\u2028", ""]


def test_texts_and_back():
    made = texts_of(STRINGS)
    assert len(made) == len(STRINGS)
    assert made.starts.tolist() == [0, 0, 1, 4, 6, 6]
    assert strings_of(made).to_pylist() == STRINGS


def test_a_lone_surrogate_is_the_replacement_character():
    made = texts_of(["a\ud800b"])
    assert strings_of(made).to_pylist() == ["a\ufffdb"]
    assert made.codes.flags.writeable is texts_of(["a"]).codes.flags.writeable is False


def test_no_texts():
    assert len(texts_of([])) == 0
    for nothing in ([], pa.array([], pa.string()), pa.chunked_array([], pa.string())):
        assert list(batches(nothing)) == []
    assert strings_of(texts_of([])).to_pylist() == []


@pytest.mark.parametrize(
    "column",
    [
        STRINGS,
        pa.array(STRINGS),
        pa.array(["left out", *STRINGS], pa.large_string()).slice(1),
        pa.chunked_array([pa.array(STRINGS[:3]), pa.array([], pa.string()), pa.array(STRINGS[3:])]),
    ],
)
@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_batches_hold_all_texts_in_order(monkeypatch, column, at_once):
    monkeypatch.setattr(codes, "CHARACTERS_AT_ONCE", at_once)
    found = list(batches(column))
    assert [text for each in found for text in strings_of(each).to_pylist()] == STRINGS
    assert all(len(each) == 1 or each.starts[-2] < at_once for each in found)
    assert len(found) <= 2 or at_once < 100
    for each in found:
        assert (each.codes.dtype, each.starts.dtype) == (np.uint32, np.int64)
        assert each.codes.flags.writeable is False
