import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedstone.adoption import adopt
from bedstone.engine import Local
from bedstone.stage import build
from bedstone.tokenizer.cost import STAGE, CostConfig
from bedstone.tokenizer.encoding import Encoder

TEXTS = {
    "eng_Latn": "All people are born free.\nThey have reason.\n\nThey have rights.\nAll of them.",
    "nob_Latn": "Alle er født fri.\nDe har fornuft.\nDe har rett.\nAlle.",
    "zho_Hans": "人人生而自由。\n有理性。\n有权利。\n人人。",
    "fra_Latn": "Tous naissent libres.\nIls ont la raison.",
}


def cost(made, folder, texts):
    folder.mkdir()
    names = list(texts)
    table = {"id": names, "url": names, "language": names, "text": list(texts.values())}
    types = {name: pa.string() for name in table}
    pq.write_table(pa.table(table, pa.schema(types)), folder / "yardstick.parquet")
    inputs = {"tokenizer": made.tokenizer, "yardstick": adopt([folder], made.store)}
    artifact = build(STAGE, CostConfig(), inputs, made.store, Local())
    return artifact.manifest.metrics, pq.read_table(artifact.file("languages.parquet")).to_pylist()


def test_tokens_over_those_of_english(made, tmp_path):
    metrics, rows = cost(made, tmp_path / "yardstick", TEXTS)
    encoder = Encoder.load(made.tokenizer.path)
    english, norwegian, chinese = rows
    assert [row["language"] for row in rows] == ["eng_Latn", "nob_Latn", "zho_Hans"]
    assert english["premium"] == 1
    assert chinese["tokens"] == len(encoder.encode(TEXTS["zho_Hans"]))
    assert chinese["premium"] == chinese["tokens"] / english["tokens"]
    assert (chinese["characters"], chinese["bytes"]) == (21, 57)
    assert metrics["premium_max"] == max(norwegian["premium"], chinese["premium"])


def test_half_a_text_is_not_compared_but_counted(made, tmp_path):
    metrics, rows = cost(made, tmp_path / "yardstick", TEXTS)
    assert "fra_Latn" not in {row["language"] for row in rows}
    assert metrics["yardstick_languages"] == 3
    assert metrics["incomparable_languages"] == 1


@pytest.mark.parametrize("texts", [{}, {"fra_Latn": TEXTS["fra_Latn"]}])
def test_without_english_nothing_is_compared(made, tmp_path, texts):
    metrics, rows = cost(made, tmp_path / "yardstick", texts)
    assert rows == []
    assert metrics == {"yardstick_languages": 0, "incomparable_languages": len(texts)}
