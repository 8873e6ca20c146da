"""What corpus.parallel writes for fixed texts; see test_tokenizer_and_plan.py."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bedstone.corpus.parallel import STAGE, ParallelConfig
from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local

TEXTS = {
    "eng_Latn": "All people are born free.\nOK\n\nThey have reason and rights.\n",
    "pt_BR": "Todos nascem livres.\nOK\n\nTêm razão e direitos.\n",
    "zh-hant": "人人生而自由。\n\n\n有理性、有權利。\n",
}


def test_output_is_that_of_this_version(store, tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / f"{name}.txt").write_text(text, "utf-8")
    inputs = {"texts": adopt([folder], store)}
    made = build(STAGE, ParallelConfig(sources=()), inputs, store, Local())
    rows = pq.read_table(made.file("parallel.parquet")).to_pylist()
    ours = {"metrics": made.manifest.metrics, "rows": rows}
    path = Path(__file__).with_name(f"corpus.parallel.v{STAGE.version}.json")
    if not path.exists():
        path.write_text(json.dumps(ours, ensure_ascii=False) + "\n", "utf-8")
        pytest.fail(f"{path} was absent and is written: review it")
    assert ours == json.loads(path.read_text("utf-8"))
