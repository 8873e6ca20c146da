"""What sections say where the numbers are thin."""

from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedstone.reporting import charts
from bedstone.reporting.axes import Axis
from bedstone.reporting.behaviour_sections import _bits_change
from bedstone.reporting.charts import Dot
from bedstone.reporting.model_sections import _with_interval
from bedstone.reporting.rule_sections import _by_language, _effects


@pytest.fixture
def loss(tmp_path, tokenizer):
    """An artifact of evaluation.loss with these documents: id -> bits, bytes."""

    def made(name, documents):
        rows = [
            {"id": each, "language": "eng_Latn", "bits": bits, "bytes": size}
            for each, (bits, size) in documents.items()
        ]
        (tmp_path / name).mkdir()
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / name / "documents.parquet")
        return type(tokenizer)(tmp_path / name)

    return made


def test_the_change_of_bits_is_of_the_documents_of_both(loss):
    early = {str(n): (20.0 + n, 10) for n in range(20)}
    late = {str(n): (21.0 + n + n % 3, 10) for n in reversed(range(20))}
    base = loss("base", early | {"longer": (900.0, 90), "base": (5.0, 1)})
    made = loss("made", late | {"longer": (10.0, 9), "made": (50.0, 1)})
    ((_, before, after, change),) = _bits_change(base, made)
    assert (before, after) == ("2.950", "3.145")
    # Paired: each document takes a tenth to three tenths more, whatever it takes.
    value, low, _, high = change.replace("(", "").replace(")", "").split()
    assert value == "+0.195"
    assert 0.15 < float(low) < 0.195 < float(high) < 0.24


def test_a_change_of_few_documents_has_no_interval(loss):
    few = {str(n): (20.0, 10) for n in range(7)}
    ((*_, change),) = _bits_change(loss("base", few), loss("made", few))
    assert change == "+0.000 (too few documents)"
    assert _bits_change(loss("none", {"x": (1.0, 1)}), loss("other", {"y": (1.0, 1)})) == []


def test_a_language_of_few_documents_has_no_interval():
    row = {"bits": 2.0, "bits_low": None, "bits_high": None}
    assert _with_interval(row, "bits") == "2.00 (too few documents)"
    assert _with_interval(row | {"bits_low": 1.9, "bits_high": 2.25}, "bits") == "2.00 (1.90–2.25)"


def test_a_dot_without_interval_has_no_rule():
    def rules(*rows):
        return charts.dots(rows, Axis("bits"), "").wide.count('stroke-opacity="0.6"')

    known, not_known = Dot("a", "made", 2.0, 1.0, 3.0), Dot("b", "made", 2.5)
    assert rules(known, known._replace(label="b")) == 2
    assert rules(known, not_known) == 1


def test_the_effects_of_several_shards_are_one(tmp_path):
    def shard(name, rows):
        (tmp_path / name / "effects").mkdir(parents=True)
        path = tmp_path / name / "effects" / "effects.parquet"
        pq.write_table(pa.Table.from_pylist(rows), path)
        return SimpleNamespace(file=lambda _: path)

    row = {"rule": "any", "documents": 2, "failed": 1, "failed_alone": 1}
    english, hindi = (
        row | {"language": language, "examples": [language]} for language in ("eng", "hin")
    )
    shards = (shard("a", [english]), shard("b", [english, hindi]))
    filtered = SimpleNamespace(shards=shards, manifest=SimpleNamespace(shards=()))
    merged = _effects(filtered)
    assert merged == [
        english | {"documents": 4, "failed": 2, "failed_alone": 2, "examples": ["eng", "eng"]},
        hindi,
    ]
    only_english = english | {"rule": "word_count"}
    table = _by_language([*merged, only_english])
    assert table.rows[1][-1] == "–"  # no Hindi document was judged by it
