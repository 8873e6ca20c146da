import pyarrow as pa
import pytest

from bedstone.corpus.representation import values
from bedstone.corpus.representation.values import as_texts, shares_by_step
from bedstone.errors import ConfigError


def texts(column, limits=()):
    return as_texts(pa.chunked_array([column]), limits, "c").to_pylist()


def test_values_as_texts():
    assert texts(["a", None]) == ["a", "untold"]
    assert texts([True, False, None]) == ["yes", "no", "untold"]
    assert texts([0.4, 0.5, None], (0.5,)) == ["no", "yes", "untold"]
    assert texts([1, 2, 3, 9, None], (2, 5)) == [
        "below 2",
        "2 to 5",
        "2 to 5",
        "5 and more",
        "untold",
    ]


@pytest.mark.parametrize(
    ("column", "limits", "said"),
    [
        ([0.5], (), "need limits"),
        (["a"], (0.5,), "has no limits"),
        ([["a"]], (), "not of texts"),
    ],
)
def test_what_cannot_be_told_apart(column, limits, said):
    with pytest.raises(ConfigError, match=said):
        texts(column, limits)


def test_rare_values_are_told_together(table_shard, monkeypatch):
    monkeypatch.setattr(values, "MOST", 2)
    sites = ["a"] * 3 + ["b"] * 2 + ["c", "d", None]
    shard = table_shard("sites", {"id": [str(number) for number in range(8)], "site": sites})
    rows = shares_by_step(values.Column(shard, "site", ()), {})
    assert {row["value"]: row["documents"] for row in rows} == {"a": 3, "b": 2, "others": 3}
    assert sum(row["share"] for row in rows) == pytest.approx(1)


def test_limits_grow(table_shard):
    with pytest.raises(ConfigError, match="they must grow"):
        values.column_of("a.b", (2, 1), {"a": None})
    assert values.column_of(None, (), {}) is None
