import pyarrow as pa
import pytest

from bedstone.corpus.duplicates.signatures import signed
from bedstone.corpus.minhash import STAGE
from bedstone.text import codes
from bedstone.text.codes import texts_of

TEXT = "one two three four five six seven eight nine ten eleven twelve"


@pytest.mark.parametrize("characters_at_once", [1, 1 << 20])
def test_a_signature_for_each_document(table_shard, run, rows, monkeypatch, characters_at_once):
    monkeypatch.setattr(codes, "CHARACTERS_AT_ONCE", characters_at_once)
    documents = table_shard("documents", {"id": ["x", "y"], "text": [TEXT, "én"]})
    result, made = run(STAGE, {"bands": 3, "rows": 2}, documents=documents)
    expected = signed(texts_of([TEXT, "én"]), 6, 1, 5)
    one, short = rows(made, "signatures.parquet")
    assert one == {
        "id": "x",
        "exact": expected.exact[0].tobytes(),
        "characters": len(TEXT),
        "band_00": expected.least[0, :2].tobytes(),
        "band_01": expected.least[0, 2:4].tobytes(),
        "band_02": expected.least[0, 4:].tobytes(),
    }
    assert short == {
        "id": "y",
        "exact": expected.exact[1].tobytes(),
        "characters": 2,
        "band_00": None,
        "band_01": None,
        "band_02": None,
    }
    assert result.metrics == {"input_documents": 2, "unsigned_documents": 1}


def test_no_documents(table_shard, run, rows):
    empty = pa.array([], pa.string())
    result, made = run(STAGE, documents=table_shard("documents", {"id": empty, "text": empty}))
    assert rows(made, "signatures.parquet") == []
    assert result.metrics["input_documents"] == 0
